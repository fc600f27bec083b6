using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_GETNSID: the numbers by which a namespace knows others; and RTM_GETMDB, the multicast groups of bridges.</summary>
internal sealed class NamespaceVerbs(SimulatedKernel kernel)
{
    private const ushort RTM_NEWNSID = 88;
    private const ushort RTM_GETNSID = 90;
    private const ushort NETNSA_NSID = 1;
    private const ushort NETNSA_PID = 2;
    private const ushort NETNSA_FD = 3;

    private static readonly PolicyTable Policy = new(
        5, [(NETNSA_NSID, new AttributePolicy(AttributeKind.S32)), (NETNSA_PID, new AttributePolicy(AttributeKind.U32)), (NETNSA_FD, new AttributePolicy(AttributeKind.U32))]);

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_GETNSID, Get);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETNSID, Dump);
        subsystem.HandleDump(AF_BRIDGE, RTM_GETMDB, DumpGroups);
    }

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!AttributeSet.TryParse(message.Payload.Length > 4 ? message.Payload[4..] : default, 20, Policy, AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ushort given = attributes.Has(NETNSA_PID) ? NETNSA_PID : attributes.Has(NETNSA_FD) ? NETNSA_FD : attributes.Has(NETNSA_NSID) ? NETNSA_NSID : (ushort)0;
        if (given == 0)
        {
            return new Verdict(LinuxError.EINVAL, "Peer netns reference is missing");
        }

        int id = attributes.S32(NETNSA_NSID) ?? -1;
        if (given != NETNSA_NSID)
        {
            if (kernel.NamespaceResolver?.Invoke(given == NETNSA_FD, (int)attributes.U32(given)!.Value) is not { } other)
            {
                return new Verdict(given == NETNSA_PID ? LinuxError.ESRCH : LinuxError.EINVAL, "Peer netns reference is invalid", attributes.Offset(given));
            }

            id = kernel.KnownNamespaces.IndexOf(other);
        }
        else if (id < 0 || id >= kernel.KnownNamespaces.Count)
        {
            id = -1;
        }

        SocketAnswers.Answer(socket, message, Build(id));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Enumerable.Range(0, kernel.KnownNamespaces.Count).Select(Build).ToArray()));
        return Verdict.Answered;
    }

    private Verdict DumpGroups(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Groups().ToArray()));
        return Verdict.Answered;
    }

    private IEnumerable<byte[]> Groups()
    {
        foreach (NetworkDevice device in kernel.Devices.All)
        {
            if (device.Bridge is { } bridge)
            {
                kernel.Stack.Snooping.Expire(bridge);
                yield return MulticastMessage.BuildDump(kernel, bridge);
            }
            else if (device.Kind == "vxlan" && kernel.Profile.IsAtLeast(6, 4))
            {
                yield return BuildGroups(RTM_NEWMDB, AF_BRIDGE, device.Index);
            }
        }
    }

    private static byte[] BuildGroups(ushort type, byte family, int index)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, 0);
        writer.Append([family, 0, 0, 0]);
        writer.AppendStruct(index);
        writer.WriteFlag(1);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static byte[] Build(int id)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWNSID, 0, 0);
        writer.Append([0, 0, 0, 0]);
        writer.WriteInt32(NETNSA_NSID, id);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
