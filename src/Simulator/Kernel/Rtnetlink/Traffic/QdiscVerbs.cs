using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC (tc_modify_qdisc and tc_get_qdisc in net/sched/sch_api.c).</summary>
internal sealed class QdiscVerbs(SimulatedKernel kernel)
{
    internal static readonly PolicyTable Policy = new(
        16, (TCA_KIND, new(AttributeKind.String)), (5, new(AttributeKind.Binary, 8)), (8, new(AttributeKind.Nested)), (TCA_CHAIN, new(AttributeKind.U32)),
        (13, new(AttributeKind.U32)), (14, new(AttributeKind.U32)), (15, new(AttributeKind.U32)));

    private Verdict OtherKind => new(LinuxError.EINVAL, kernel.Profile.IsAtLeast(6, 13) ? "Invalid qdisc name: must match existing qdisc" : "Invalid qdisc name");

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWQDISC, Modify);
        subsystem.Handle(AF_UNSPEC, RTM_DELQDISC, GetOrDelete);
        subsystem.Handle(AF_UNSPEC, RTM_GETQDISC, GetOrDelete);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETQDISC, Dump);
        new ClassVerbs(kernel).Attach(subsystem);
        new FilterVerbs(kernel).Attach(subsystem);
    }

    /// <summary>Parses the header and attributes of a request, and finds its device.</summary>
    internal static bool TryParse(SimulatedKernel kernel, NetlinkMessage message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict)
    {
        header = default;
        device = null!;
        attributes = null!;
        if (message.Payload.Length < TrafficHeader.Size)
        {
            verdict = LinuxError.EINVAL;
            return false;
        }

        header = TrafficHeader.Read(message.Payload);
        if (!AttributeSet.TryParse(message.Payload[TrafficHeader.Size..], NetlinkHeader.Size + TrafficHeader.Size, Policy, AttributeStrictness.Liberal, out attributes, out verdict))
        {
            return false;
        }

        device = kernel.Devices.Find(header.Index)!;
        verdict = device is null ? LinuxError.ENODEV : Verdict.Success;
        return device is not null;
    }

    private Verdict Modify(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict))
        {
            return verdict;
        }

        NetlinkMessageFlags flags = message.Header.Flags;
        bool creates = (flags & NetlinkMessageFlags.Create) != 0;
        bool replaces = (flags & NetlinkMessageFlags.Replace) != 0;
        bool isExclusive = (flags & NetlinkMessageFlags.Exclusive) != 0;
        string? kind = attributes.Text(TCA_KIND);
        DeviceTraffic traffic = device.Traffic;
        Qdisc? parent = null;
        Qdisc? found;
        if (header.Parent == 0)
        {
            if (header.Handle == 0)
            {
                return new Verdict(LinuxError.EINVAL, "Handle cannot be zero");
            }

            found = traffic.Find(header.Handle);
        }
        else
        {
            verdict = FindAt(traffic, header.Parent, "Failed to find specified qdisc", out parent, out found);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            if (header.Parent == TC_H_INGRESS)
            {
                traffic.HasIngressQueue = true;
            }

            // What the kernel put there of itself doesn't count.
            found = found?.Handle == 0 ? null : found;
            if (found is null || header.Handle == 0 || found.Handle != header.Handle)
            {
                if (header.Handle != 0)
                {
                    if (found is not null && !replaces)
                    {
                        return new Verdict(LinuxError.EEXIST, "NLM_F_REPLACE needed to override");
                    }

                    if (Minor(header.Handle) != 0)
                    {
                        return new Verdict(LinuxError.EINVAL, "Invalid minor handle");
                    }

                    if (traffic.Find(header.Handle) is not { } other)
                    {
                        return Create(device, parent, header, attributes, new Requester(socket, message.Header), creates);
                    }

                    return Regraft(device, parent, other, header, kind, isExclusive, new Requester(socket, message.Header));
                }

                bool isOtherKind = kind is not null && kind != found?.Kind.Name;
                bool changes = !creates && !replaces && !isExclusive;
                if (found is null || (isOtherKind && ((creates && (replaces || isExclusive)) || changes)))
                {
                    return Create(device, parent, header, attributes, new Requester(socket, message.Header), creates || (changes && found is not null));
                }
            }
        }

        if (found is null)
        {
            return new Verdict(LinuxError.ENOENT, "Specified qdisc not found");
        }

        if (isExclusive)
        {
            return new Verdict(LinuxError.EEXIST, "Exclusivity flag on, cannot modify");
        }

        if (kind is not null && kind != found.Kind.Name)
        {
            return OtherKind;
        }

        if (attributes.Bytes(TCA_OPTIONS) is { } options)
        {
            verdict = found.Kind.Change(found, options, attributes.Offset(TCA_OPTIONS) + 4);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        Notify(null, found, header.Parent, new Requester(socket, message.Header));
        return verdict;
    }

    /// <summary>What stands where a request's parent says: the root, the ingress, or on a class.</summary>
    private static Verdict FindAt(DeviceTraffic traffic, uint at, string notFound, out Qdisc? parent, out Qdisc? found)
    {
        parent = null;
        found = null;
        switch (at)
        {
            case TC_H_ROOT:
                found = traffic.Root;
                return Verdict.Success;
            case TC_H_INGRESS:
                found = traffic.Ingress;
                return Verdict.Success;
            default:
                parent = traffic.Find(Major(at));
                if (parent is null)
                {
                    return new Verdict(LinuxError.ENOENT, notFound);
                }

                if (!parent.Kind.IsClassful)
                {
                    return new Verdict(LinuxError.EOPNOTSUPP, "Parent qdisc is not classful");
                }

                if (parent.Kind.FindClass(parent, at) is not { } one)
                {
                    return new Verdict(LinuxError.ENOENT, "Specified class not found");
                }

                found = one.Leaf;
                return Verdict.Success;
        }
    }

    private Verdict Create(NetworkDevice device, Qdisc? parent, TrafficHeader header, AttributeSet attributes, Requester requester, bool creates)
    {
        if (!creates)
        {
            return new Verdict(LinuxError.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
        }

        if (attributes.Text(TCA_KIND) is not { } name || !kernel.Profile.QueueingDisciplines.Contains(name) || QdiscKinds.Find(name) is not { } kind)
        {
            return new Verdict(LinuxError.ENOENT, "Specified qdisc kind is unknown");
        }

        uint handle = header.Handle;
        if (header.Parent == TC_H_INGRESS)
        {
            if (!kind.IsIngress)
            {
                return new Verdict(LinuxError.EINVAL, "Specified parent ID is reserved for ingress and clsact Qdiscs");
            }

            handle = Major(TC_H_INGRESS);
        }
        else if (handle == 0)
        {
            handle = device.Traffic.AllocateHandle();
        }

        var qdisc = new Qdisc(kind, device, handle, header.Parent);
        Verdict verdict = kind.Initialise(qdisc, attributes.Bytes(TCA_OPTIONS), attributes.Offset(TCA_OPTIONS) + 4);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        return Graft(device, parent, header.Parent, qdisc, requester);
    }

    private Verdict Regraft(NetworkDevice device, Qdisc? parent, Qdisc other, TrafficHeader header, string? kind, bool isExclusive, Requester requester)
    {
        if (isExclusive)
        {
            return new Verdict(LinuxError.EEXIST, "Exclusivity flag on, cannot override");
        }

        if (kind is not null && kind != other.Kind.Name)
        {
            return OtherKind;
        }

        if (other.Kind.IsIngress)
        {
            return new Verdict(LinuxError.EINVAL, "Cannot regraft ingress or clsact Qdiscs");
        }

        if (other == parent)
        {
            return new Verdict(LinuxError.ELOOP, "Qdisc parent/child loop detected");
        }

        return header.Parent == TC_H_INGRESS
            ? new Verdict(LinuxError.EINVAL, "Ingress cannot graft directly")
            : Graft(device, parent, header.Parent, other, requester);
    }

    /// <summary>Puts a qdisc in its place, or takes the one there away; tells of both (qdisc_graft).</summary>
    private Verdict Graft(NetworkDevice device, Qdisc? parent, uint at, Qdisc? next, Requester requester)
    {
        DeviceTraffic traffic = device.Traffic;
        Qdisc? old;
        if (parent is not null)
        {
            TrafficClass one = parent.Kind.FindClass(parent, at)!;
            if (next?.Kind.Name == "noqueue")
            {
                return new Verdict(LinuxError.EINVAL, "Cannot assign noqueue to a class");
            }

            old = parent.Kind.Graft(parent, one, next);
            if (old is not null)
            {
                traffic.Remove(old);
            }

            traffic.Add(one.Leaf!);
        }
        else if (at == TC_H_INGRESS)
        {
            old = traffic.Ingress;
            traffic.Ingress = next;
        }
        else
        {
            old = traffic.Root;
            if (next is not null)
            {
                traffic.Replace(next);
            }
            else if (device.IsUp)
            {
                kernel.DeviceControl.AttachDefaultQueue(device);
            }
            else
            {
                traffic.SetDefault("noop");
            }
        }

        Notify(old, next, at, requester);
        return Verdict.Success;
    }

    private void Notify(Qdisc? old, Qdisc? next, uint at, Requester requester)
    {
        byte[] gone = IsShown(old) ? TrafficMessage.Build(old!, at, RTM_DELQDISC, requester) : [];
        byte[] made = IsShown(next) ? TrafficMessage.Build(next!, at, RTM_NEWQDISC, requester, old is null ? 0 : NetlinkMessageFlags.Replace) : [];
        byte[] message = [.. gone, .. made];
        if (message.Length > 0)
        {
            kernel.RouteEvents.Publish(RTNLGRP_TC, message, requester);
        }
    }

    private static bool IsShown(Qdisc? qdisc) => qdisc is { IsInvisible: false, Kind.IsBuiltIn: false };

    private Verdict GetOrDelete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict))
        {
            return verdict;
        }

        DeviceTraffic traffic = device.Traffic;
        Qdisc? parent = null;
        Qdisc? found;
        if (header.Parent == 0)
        {
            found = traffic.Find(header.Handle);
            if (found is null)
            {
                return new Verdict(LinuxError.ENOENT, "Failed to find qdisc with specified handle");
            }
        }
        else
        {
            uint at = Major(header.Parent) == Major(TC_H_INGRESS) && header.Parent != TC_H_ROOT ? TC_H_INGRESS : header.Parent;
            verdict = FindAt(traffic, at, "Failed to find qdisc with specified classid", out parent, out found);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            if (found is null && !(at == TC_H_INGRESS && traffic.HasIngressQueue))
            {
                return new Verdict(LinuxError.ENOENT, "Cannot find specified qdisc on specified device");
            }

            if (header.Handle != 0 && (found?.Handle ?? 0) != header.Handle)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid handle");
            }
        }

        if (attributes.Text(TCA_KIND) is { } kind && kind != (found?.Kind.Name ?? "noop"))
        {
            return OtherKind;
        }

        if (message.Header.Type == RTM_GETQDISC)
        {
            if (IsShown(found))
            {
                SocketAnswers.Answer(socket, message, TrafficMessage.Build(found!, found!.Parent, RTM_NEWQDISC));
            }

            return Verdict.Success;
        }

        if (header.Parent == 0)
        {
            return new Verdict(LinuxError.EINVAL, "Classid cannot be zero");
        }

        return found is null || found.Handle == 0
            ? new Verdict(LinuxError.ENOENT, "Cannot delete qdisc with handle of zero")
            : Graft(device, parent, found.Kind.IsIngress ? TC_H_INGRESS : header.Parent, null, new Requester(socket, message.Header));
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        bool showsInvisible = message.Payload.Length >= TrafficHeader.Size
            && AttributeSet.TryParse(message.Payload[TrafficHeader.Size..], 36, Policy, AttributeStrictness.Liberal, out AttributeSet attributes, out _) && attributes.Has(10);
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, All().Where(qdisc => IsShown(qdisc) || (showsInvisible && !qdisc.Kind.IsBuiltIn))
            .Select(static qdisc => TrafficMessage.Build(qdisc, qdisc.Parent, RTM_NEWQDISC))));
        return Verdict.Answered;

        IEnumerable<Qdisc> All()
        {
            foreach (DeviceTraffic traffic in kernel.Devices.All.Select(static device => device.Traffic).ToArray())
            {
                yield return traffic.Root;
                foreach (Qdisc child in traffic.Children.ToArray())
                {
                    yield return child;
                }

                if (traffic.Ingress is { } ingress)
                {
                    yield return ingress;
                }
            }
        }
    }
}
