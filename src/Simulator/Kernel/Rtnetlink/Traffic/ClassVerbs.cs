using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS (tc_ctl_tclass in net/sched/sch_api.c).</summary>
internal sealed class ClassVerbs(SimulatedKernel kernel)
{
    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWTCLASS, Control);
        subsystem.Handle(AF_UNSPEC, RTM_DELTCLASS, Control);
        subsystem.Handle(AF_UNSPEC, RTM_GETTCLASS, Control);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETTCLASS, Dump);
    }

    private Verdict Control(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!QdiscVerbs.TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict))
        {
            return verdict;
        }

        uint parent = header.Parent;
        uint major = Major(header.Handle);
        if (parent != TC_H_ROOT)
        {
            uint parentMajor = Major(parent);
            if (major != 0 && parentMajor != 0 && major != parentMajor)
            {
                return LinuxError.EINVAL;
            }

            major = parentMajor != 0 ? parentMajor : major != 0 ? major : device.Traffic.Root.Handle;
            parent = parent == 0 ? 0 : major | Minor(parent);
        }
        else
        {
            major = major != 0 ? major : device.Traffic.Root.Handle;
        }

        if (device.Traffic.Find(major) is not { } qdisc)
        {
            return LinuxError.ENOENT;
        }

        if (!qdisc.Kind.IsClassful)
        {
            return LinuxError.EINVAL;
        }

        uint id = header.Handle == 0 ? parent == TC_H_ROOT ? major : 0 : major | Minor(header.Handle);
        TrafficClass? found = id == 0 ? null : qdisc.Kind.FindClass(qdisc, id);
        NetlinkMessageFlags flags = message.Header.Flags;
        ushort type = message.Header.Type;
        var requester = new Requester(socket, message.Header);
        if (found is null)
        {
            if (type != RTM_NEWTCLASS || (flags & NetlinkMessageFlags.Create) == 0)
            {
                return LinuxError.ENOENT;
            }
        }
        else if (type == RTM_GETTCLASS)
        {
            SocketAnswers.Answer(socket, message, TrafficMessage.Build(qdisc, found, RTM_NEWTCLASS));
            return Verdict.Success;
        }
        else if (type == RTM_DELTCLASS)
        {
            byte[] gone = TrafficMessage.Build(qdisc, found, RTM_DELTCLASS, requester);
            verdict = qdisc.Kind.DeleteClass(qdisc, found);
            if (verdict.Error == LinuxError.None)
            {
                kernel.RouteEvents.Publish(RTNLGRP_TC, gone, requester);
            }

            return verdict;
        }
        else if ((flags & NetlinkMessageFlags.Exclusive) != 0)
        {
            return LinuxError.EEXIST;
        }

        verdict = qdisc.Kind.ChangeClass(qdisc, id, parent, attributes.Bytes(TCA_OPTIONS), ref found);
        if (verdict.Error == LinuxError.None)
        {
            kernel.RouteEvents.Publish(RTNLGRP_TC, TrafficMessage.Build(qdisc, found!, RTM_NEWTCLASS, requester), requester);
        }

        return verdict;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        TrafficHeader header = message.Payload.Length >= TrafficHeader.Size ? TrafficHeader.Read(message.Payload) : default;
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, kernel.Devices.Find(header.Index) is { } device ? All(device.Traffic, header.Parent) : []));
        return Verdict.Answered;

        static IEnumerable<byte[]> All(DeviceTraffic traffic, uint parent)
        {
            IEnumerable<Qdisc> shown = [traffic.Root, .. traffic.Children, .. traffic.Ingress is { } ingress ? [ingress] : Array.Empty<Qdisc>()];
            foreach (Qdisc qdisc in shown.Where(qdisc => !qdisc.IsInvisible && !qdisc.Kind.IsBuiltIn && (parent == 0 || Major(parent) == qdisc.Handle)).ToArray())
            {
                foreach (TrafficClass one in qdisc.Kind.Classes(qdisc).ToArray())
                {
                    yield return TrafficMessage.Build(qdisc, one, RTM_NEWTCLASS);
                }
            }
        }
    }
}
