using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_GETNEIGHTBL and RTM_SETNEIGHTBL: the parameters of ARP and neighbour discovery (neightbl_dump_info, neightbl_set).</summary>
internal sealed class NeighbourTableVerbs(SimulatedKernel kernel)
{
    private const ushort RTM_NEWNEIGHTBL = 64;
    private const ushort RTM_GETNEIGHTBL = 66;
    private const ushort RTM_SETNEIGHTBL = 67;
    private const ushort NDTA_NAME = 1;
    private const ushort NDTA_THRESH1 = 2;
    private const ushort NDTA_THRESH2 = 3;
    private const ushort NDTA_THRESH3 = 4;
    private const ushort NDTA_CONFIG = 5;
    private const ushort NDTA_PARMS = 6;
    private const ushort NDTA_STATS = 7;
    private const ushort NDTA_GC_INTERVAL = 8;
    private const ushort NDTPA_IFINDEX = 1;
    private static readonly (byte Family, string Name)[] Tables = [(AF_INET, "arp_cache"), (AF_INET6, "ndisc_cache")];

    // The numbers that are parameters of /proc/sys/net/ipvN/neigh, by their attribute within NDTA_PARMS.
    private static readonly (ushort Type, string Name)[] Counts = [(8, "unres_qlen"), (14, "unres_qlen_bytes"), (9, "app_solicit"), (10, "ucast_solicit"), (11, "mcast_solicit"), (17, "mcast_resolicit")];

    private static readonly PolicyTable Policy = new(
        9, (NDTA_NAME, new(AttributeKind.String)), (NDTA_THRESH1, new(AttributeKind.U32)), (NDTA_THRESH2, new(AttributeKind.U32)), (NDTA_THRESH3, new(AttributeKind.U32)),
        (NDTA_GC_INTERVAL, new(AttributeKind.U64)), (NDTA_PARMS, new(AttributeKind.Nested)));

    private static readonly PolicyTable ParameterPolicy = new(
        20, (NDTPA_IFINDEX, new(AttributeKind.U32)), (8, new(AttributeKind.U32)), (9, new(AttributeKind.U32)), (10, new(AttributeKind.U32)), (11, new(AttributeKind.U32)),
        (14, new(AttributeKind.U32)), (17, new(AttributeKind.U32)), (4, new(AttributeKind.U64)), (5, new(AttributeKind.U64)), (6, new(AttributeKind.U64)), (7, new(AttributeKind.U64)));

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.HandleDump(AF_UNSPEC, RTM_GETNEIGHTBL, Dump);
        subsystem.Handle(AF_UNSPEC, RTM_SETNEIGHTBL, Set);
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        byte family = message.Payload[0];
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages()));
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            foreach ((byte of, string name) in Tables.Where(table => family == AF_UNSPEC || table.Family == family))
            {
                yield return BuildTable(of, name);
                foreach (NetworkDevice device in kernel.Devices.All.Where(device => of == AF_INET ? device.HasInet : device.Inet6 is not null).Reverse().ToArray())
                {
                    yield return BuildParameters(of, name, device);
                }
            }
        }
    }

    private byte[] BuildTable(byte family, string name)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWNEIGHTBL, 0, 0);
        writer.Append([family, 0, 0, 0]);
        writer.WriteString(NDTA_NAME, name);
        writer.WriteUInt64(NDTA_GC_INTERVAL, 30000);
        writer.WriteUInt32(NDTA_THRESH1, 128);
        writer.WriteUInt32(NDTA_THRESH2, 512);
        writer.WriteUInt32(NDTA_THRESH3, 1024);

        // Key and entry lengths, counts and the times of the last flush: the machine's, not the namespace's.
        byte[] configuration = new byte[32];
        configuration[0] = family == AF_INET ? (byte)4 : (byte)16;
        configuration[2] = 0x98;
        configuration[3] = 1;
        writer.WriteBytes(NDTA_CONFIG, configuration);
        writer.WriteBytes(NDTA_STATS, new byte[88]);
        WriteParameters(ref writer, family, "default", 0);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private byte[] BuildParameters(byte family, string name, NetworkDevice device)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWNEIGHTBL, 0, 0);
        writer.Append([family, 0, 0, 0]);
        writer.WriteString(NDTA_NAME, name);
        WriteParameters(ref writer, family, device.Name, device.Index);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private void WriteParameters(ref NetlinkWriter writer, byte family, string device, int index)
    {
        WireMark nest = writer.BeginNested(NDTA_PARMS, nestedFlag: false);
        if (index != 0)
        {
            writer.WriteInt32(NDTPA_IFINDEX, index);
        }

        writer.WriteUInt32(2, 1);
        uint bytes = Number(family, device, "unres_qlen_bytes", 212992);
        writer.WriteUInt32(16, bytes);

        // Packets of an Ethernet frame's full size, with what the kernel needs around them, that fit.
        writer.WriteUInt32(8, bytes / 2104);
        writer.WriteUInt32(14, Number(family, device, "proxy_qlen", 64));
        writer.WriteUInt32(9, Number(family, device, "app_solicit", 0));
        writer.WriteUInt32(10, Number(family, device, "ucast_solicit", 3));
        writer.WriteUInt32(11, Number(family, device, "mcast_solicit", 3));
        writer.WriteUInt32(17, Number(family, device, "mcast_resolicit", 0));
        writer.WriteUInt64(3, Number(family, device, "base_reachable_time_ms", 30000));
        writer.WriteUInt64(4, Number(family, device, "base_reachable_time_ms", 30000));
        writer.WriteUInt64(6, Number(family, device, "gc_stale_time", 60) * 1000);
        writer.WriteUInt64(7, Number(family, device, "delay_first_probe_time", 5) * 1000);
        writer.WriteUInt64(5, Number(family, device, "retrans_time_ms", 1000));
        writer.WriteUInt64(12, Number(family, device, "anycast_delay", 100) * 10);
        writer.WriteUInt64(13, Number(family, device, "proxy_delay", 80) * 10);
        writer.WriteUInt64(15, Number(family, device, "locktime", family == AF_INET ? 100u : 0) * 10);
        writer.WriteUInt64(19, Number(family, device, "interval_probe_time_ms", 5000));
        writer.EndAttribute(nest);
    }

    private uint Number(byte family, string device, string name, uint otherwise) =>
        kernel.Parameters.Read(Path(family, device, name)) is { } text && uint.TryParse(text, CultureInfo.InvariantCulture, out uint value) ? value : otherwise;

    private static string Path(byte family, string device, string name) => $"net/ipv{(family == AF_INET ? 4 : 6)}/neigh/{device}/{name}";

    private Verdict Set(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 4 || !AttributeSet.TryParse(message.Payload[4..], 20, Policy, AttributeStrictness.NoUnknown, out AttributeSet attributes, out Verdict verdict))
        {
            return LinuxError.EINVAL;
        }

        if (attributes.Text(NDTA_NAME) is not { } name)
        {
            return LinuxError.EINVAL;
        }

        byte wanted = message.Payload[0];
        (byte family, string? found) = Array.Find(Tables, table => table.Name == name && (wanted == AF_UNSPEC || table.Family == wanted));
        if (found is null)
        {
            return LinuxError.ENOENT;
        }

        if (attributes.Nest(NDTA_PARMS, ParameterPolicy, out verdict) is { } parameters)
        {
            int index = (int)(parameters.U32(NDTPA_IFINDEX) ?? 0);
            NetworkDevice? device = kernel.Devices.Find(index);
            if (index != 0 && device is null)
            {
                return LinuxError.ENOENT;
            }

            string of = device?.Name ?? "default";
            foreach ((ushort type, string parameter) in Counts)
            {
                if (parameters.U32(type) is { } value)
                {
                    string target = type switch { 8 => "unres_qlen_bytes", 14 => "proxy_qlen", _ => parameter };
                    kernel.Parameters.Set(Path(family, of, target), (type == 8 ? value * 2104 : value).ToString(CultureInfo.InvariantCulture));
                }
            }
        }

        // The thresholds are the machine's: only its first namespace may set them.
        return attributes.Has(NDTA_THRESH1) || attributes.Has(NDTA_THRESH2) || attributes.Has(NDTA_THRESH3) || attributes.Has(NDTA_GC_INTERVAL) ? LinuxError.ENOENT : verdict;
    }
}
