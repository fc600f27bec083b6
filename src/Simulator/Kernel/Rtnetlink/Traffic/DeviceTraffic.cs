using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>The queueing disciplines of a device: the root, what stands on its classes, and the one for arriving packets.</summary>
internal sealed class DeviceTraffic
{
    private readonly NetworkDevice _device;
    private readonly List<Qdisc> _children = [];

    public DeviceTraffic(NetworkDevice device)
    {
        _device = device;
        Root = new Qdisc(QdiscKinds.Noop, device, 0, TC_H_ROOT);
    }

    /// <summary>dev->qdisc; of kind "noop" until the device was up once.</summary>
    public Qdisc Root { get; private set; }

    /// <summary>The ingress or clsact one; null where there is none.</summary>
    public Qdisc? Ingress { get; set; }

    /// <summary>The ingress queue was made by an earlier request, with or without a qdisc now.</summary>
    public bool HasIngressQueue { get; set; }

    /// <summary>The children in the order of the kernel's hash table (qdisc_hash): by bucket, the last added first.</summary>
    public IEnumerable<Qdisc> Children => _children.OrderBy(static child => Bucket(child.Handle));

    /// <summary>A qdisc by its handle, as qdisc_lookup finds it.</summary>
    public Qdisc? Find(uint handle) => handle switch
    {
        0 => null,
        _ when Root.Handle == handle => Root,
        _ when Children.FirstOrDefault(child => child.Handle == handle) is { } child => child,
        _ => Ingress?.Handle == handle ? Ingress : null,
    };

    /// <summary>Puts in what the kernel gives a device of itself: when it is set up first, and when the root is deleted (attach_default_qdiscs).</summary>
    public void SetDefault(string kind)
    {
        var root = new Qdisc(QdiscKinds.Find(kind)!, _device, 0, TC_H_ROOT);
        root.Kind.Initialise(root, null, 0);
        Replace(root);
    }

    /// <summary>Takes over the root of which a recording shows the kind only: as if put in with the least it needs.</summary>
    public void Assume(string kind)
    {
        if (kind is "noop" or "noqueue" or "mq" or "pfifo_fast")
        {
            SetDefault(kind);
            return;
        }

        var root = new Qdisc(QdiscKinds.Find(kind) ?? QdiscKinds.Unmodelled(kind), _device, AllocateHandle(), TC_H_ROOT);
        root.Kind.Initialise(root, root.Kind.LeastOptions, 0);
        Replace(root);
    }

    /// <summary>Another root; what stood on the old one goes.</summary>
    public void Replace(Qdisc root)
    {
        _children.Clear();
        Root = root;
        foreach (TrafficClass one in root.Classes.All)
        {
            if (one.Leaf is { } leaf)
            {
                Add(leaf);
            }
        }
    }

    public void Add(Qdisc child) => _children.Insert(0, child);

    /// <summary>A child goes, what stood on it, and the packets that wait there.</summary>
    public void Remove(Qdisc child)
    {
        for (Qdisc? above = Find(TrafficConstants.Major(child.Parent)); above is not null && above != child; above = above == Root ? null : Find(TrafficConstants.Major(above.Parent)))
        {
            above.Counters.Queued -= child.Counters.Queued;
            above.Counters.Backlog -= child.Counters.Backlog;
        }

        Forget(child);
    }

    /// <summary>The device has gone down or lost its signal: what waits is dropped (dev_deactivate).</summary>
    public void Reset()
    {
        foreach (Qdisc one in (Qdisc[])[Root, .. _children])
        {
            one.Empty();
            foreach (TrafficClass inner in one.Classes.All)
            {
                inner.Leaf?.Empty();
            }
        }
    }

    private void Forget(Qdisc child)
    {
        _children.Remove(child);
        child.Empty();
        foreach (TrafficClass one in child.Classes.All)
        {
            if (one.Leaf is { } leaf)
            {
                Forget(leaf);
            }
        }
    }

    /// <summary>The lowest number from 8001 on that isn't taken.</summary>
    public uint AllocateHandle()
    {
        uint handle = 0x80010000;
        while (Find(handle) is not null)
        {
            handle += 0x10000;
        }

        return handle;
    }

    private static int Bucket(uint handle) => (int)((handle * 0x61C88647u) >> 28);
}
