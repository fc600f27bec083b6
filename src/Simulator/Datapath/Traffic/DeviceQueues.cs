using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

namespace EucaNet.Simulator.Datapath.Traffic;

/// <summary>Sends what leaves by a device through its queueing discipline (__dev_xmit_skb, __qdisc_run). A device takes in no time what it is given.</summary>
internal sealed class DeviceQueues(NetworkStack stack)
{
    private readonly Dictionary<Qdisc, long> _watched = [];

    /// <summary>A packet leaves. False: it was dropped, as who sent it learns.</summary>
    public bool Send(NetworkDevice device, Packet packet)
    {
        Qdisc root = device.Traffic.Root;
        if (root.Kind is PlainQdisc)
        {
            return stack.Link.Leave(device, packet);
        }

        var queue = PacketQueue.Of(root);
        if (queue is FifoQueue { IsPassed: true })
        {
            root.Counters.Passed((uint)packet.Frame.Length);
            return stack.Link.Leave(device, packet);
        }

        Enqueued outcome = queue.Enqueue(packet);
        Run(device, root);
        return outcome != Enqueued.Dropped;
    }

    // What may leave now does; for what may not yet there is a timer.
    private void Run(NetworkDevice device, Qdisc root)
    {
        var queue = PacketQueue.Of(root);
        while (device.Traffic.Root == root && queue.Dequeue() is { } packet)
        {
            stack.Link.Leave(device, packet);
        }

        if (device.Traffic.Root != root || queue.Wake is not { } wake || (_watched.TryGetValue(root, out long watched) && watched <= wake))
        {
            return;
        }

        _watched[root] = wake;
        long ticks = Math.Max(1, (wake + 99) / 100 - stack.Kernel.Clock.Elapsed.Ticks);
        stack.Kernel.After(TimeSpan.FromTicks(ticks), () =>
        {
            if (_watched.TryGetValue(root, out long due) && due == wake)
            {
                _watched.Remove(root);
            }

            if (device is { IsUp: true, HasCarrier: true })
            {
                Run(device, root);
            }
            else
            {
                device.Traffic.Reset();
            }
        });
    }
}
