using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_GETSTATS: counters of links, as many groups as are asked for (rtnl_stats_get, rtnl_stats_dump).</summary>
internal sealed class StatisticsVerbs(SimulatedKernel kernel)
{
    private const ushort RTM_NEWSTATS = 92;
    private const ushort RTM_GETSTATS = 94;
    private const ushort IFLA_STATS_LINK_64 = 1;
    private const ushort IFLA_STATS_LINK_OFFLOAD_XSTATS = 4;
    private const ushort IFLA_STATS_AF_SPEC = 5;
    private const int HeaderLength = 12;

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_GETSTATS, Get);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETSTATS, Dump);
    }

    private static Verdict Check(SimulatedNetlinkSocket socket, NetlinkMessage message, bool isDump, out uint mask)
    {
        mask = 0;
        string kind = isDump ? "dump" : "get";
        if (message.Payload.Length < HeaderLength)
        {
            return new Verdict(LinuxError.EINVAL, $"Invalid header for stats {kind}");
        }

        mask = BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[8..]);
        if (socket.StrictChecking)
        {
            if (message.Payload[1] != 0 || message.Payload[2] != 0 || message.Payload[3] != 0 || (isDump && BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]) != 0))
            {
                return new Verdict(LinuxError.EINVAL, $"Invalid values in header for stats {kind} request");
            }

            if (mask >= 1 << IFLA_STATS_AF_SPEC)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid stats requested through filter mask");
            }
        }

        return mask == 0 ? new Verdict(LinuxError.EINVAL, $"Filter mask must be set for stats {kind}") : Verdict.Success;
    }

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        Verdict verdict = Check(socket, message, isDump: false, out uint mask);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]);
        if (index <= 0)
        {
            return LinuxError.EINVAL;
        }

        if (kernel.Devices.Find(index) is not { } device)
        {
            return LinuxError.ENODEV;
        }

        SocketAnswers.Answer(socket, message, Build(device, mask));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        Verdict verdict = Check(socket, message, isDump: true, out uint mask);
        if (verdict.Error != LinuxError.None)
        {
            return LinkQueries.FailDump(socket, message, verdict);
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, kernel.Devices.All.ToArray().Select(device => Build(device, mask))));
        return Verdict.Answered;
    }

    private static byte[] Build(NetworkDevice device, uint mask)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWSTATS, 0, 0);
        writer.Append(new byte[4]);
        writer.AppendStruct(device.Index);
        writer.AppendStruct(mask);
        if (Wants(IFLA_STATS_LINK_64))
        {
            LinkMessage.WriteStatistics64(ref writer, IFLA_STATS_LINK_64, device);
        }

        if (Wants(IFLA_STATS_LINK_OFFLOAD_XSTATS))
        {
            // No device of the simulation forwards by itself: the counters of layer 3 are neither asked for nor used.
            WireMark offload = writer.BeginNested(IFLA_STATS_LINK_OFFLOAD_XSTATS, nestedFlag: false);
            WireMark information = writer.BeginNested(2);
            WireMark third = writer.BeginNested(3);
            writer.WriteByte(1, 0);
            writer.WriteByte(2, 0);
            writer.EndAttribute(third);
            writer.EndAttribute(information);
            writer.EndAttribute(offload);
        }

        if (Wants(IFLA_STATS_AF_SPEC))
        {
            writer.EndAttribute(writer.BeginNested(IFLA_STATS_AF_SPEC, nestedFlag: false));
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();

        bool Wants(ushort group) => (mask & 1u << (group - 1)) != 0;
    }
}
