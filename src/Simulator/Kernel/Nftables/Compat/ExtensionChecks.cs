using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Ipset;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Where an extension is to stand.</summary>
/// <param name="Table">The table's name.</param>
/// <param name="Family">NFPROTO_*.</param>
/// <param name="Hooks">The hooks it is reached from, a bit each; 0 where that isn't known yet.</param>
/// <param name="Protocol">The rule's transport protocol; of bridges the ethernet protocol in network order.</param>
/// <param name="IsInverted">The rule takes every protocol but that.</param>
/// <param name="Sets">The sets it may name.</param>
internal readonly record struct ExtensionPlace(string Table, byte Family, uint Hooks, ushort Protocol, bool IsInverted, IpSetSubsystem Sets)
{
    /// <summary>The rule is for exactly this transport protocol.</summary>
    public bool IsFor(byte protocol) => Protocol == protocol && !IsInverted;

    /// <summary>The rule is for a protocol with ports.</summary>
    public bool HasPorts => !IsInverted && Protocol is 6 or 17 or 136 or 132 or 33;

    /// <summary>The rule of a bridge is for exactly this ethernet protocol.</summary>
    public bool IsForEthernet(ushort protocol) => BinaryPrimitives.ReverseEndianness(Protocol) == protocol && !IsInverted;
}

/// <summary>What is checked before an extension may stand in a rule (xt_check_match, xt_check_target, and each module's own check).</summary>
internal static class ExtensionChecks
{
    private const uint Prerouting = 1, Input = 2, Forward = 4, Output = 8, Postrouting = 16;

    /// <summary>Checks size, table, hooks and protocol, then the data, which a module may also set right.</summary>
    public static LinuxError Check(Extension extension, Span<byte> data, bool isTarget, ExtensionPlace place)
    {
        if (extension.Size >= 0 && extension.AlignedSize != data.Length
            || extension.Table is { } only && only != place.Table
            || extension.Hooks != 0 && (place.Hooks & ~extension.Hooks) != 0
            || extension.Protocol != 0 && !place.IsFor(extension.Protocol))
        {
            return LinuxError.EINVAL;
        }

        return place.Family == NFPROTO_BRIDGE && extension.Family == NFPROTO_BRIDGE ? CheckBridge(extension, data, place)
            : isTarget ? CheckTarget(extension, data, place)
            : CheckMatch(extension, data, place);
    }

    private static LinuxError Refuse(bool refused, LinuxError error = LinuxError.EINVAL) => refused ? error : LinuxError.None;

    private static LinuxError CheckMatch(Extension extension, ReadOnlySpan<byte> data, ExtensionPlace place)
    {
        switch (extension.Name)
        {
            case "tcp":
                return Refuse((data[11] & ~0xf) != 0);
            case "udp" or "udplite":
                return Refuse((data[8] & ~3) != 0);
            case "icmp" or "icmp6":
                return Refuse((data[3] & ~1) != 0);
            case "ah" when extension.Family == NFPROTO_IPV4:
                return Refuse((data[8] & ~1) != 0);
            case "ah":
                return Refuse((data[13] & ~3) != 0);
            case "esp":
                return Refuse((data[8] & ~1) != 0);
            case "multiport":
                return Refuse(!place.HasPorts || data[0] > 2 || data[1] > 15);
            case "addrtype" when extension.Revision == 1:
                uint limits = U32(data, 4) & 12;
                return Refuse(limits == 12 || (place.Hooks & (Prerouting | Input)) != 0 && limits == 8 || (place.Hooks & (Postrouting | Output)) != 0 && limits == 4);
            case "connlabel":
                return (U16(data, 2) & ~3) != 0 ? LinuxError.EINVAL : Refuse(U16(data, 0) > 127, LinuxError.ERANGE);
            case "rateest":
                // Estimators there are none: what names one is refused.
                uint rates = U16(data, 32), compared = U16(data, 34);
                return (rates & 6) is not (2 or 4) || (rates & 0x30) == 0 || compared is < 1 or > 3 ? LinuxError.EINVAL : LinuxError.ENOENT;
            case "owner":
                return Refuse(U32(data, 4) < U32(data, 0) || U32(data, 12) < U32(data, 8));
            case "set":
                return IpSetRules.Check(extension, data.ToArray(), place.Sets, place.Table);
            case "nfacct":
                return LinuxError.ENOENT;
            case "limit":
                return Refuse(U32(data, 4) == 0 || U32(data, 0) > uint.MaxValue / Math.Max(1, U32(data, 4)), LinuxError.ERANGE);
            case "rpfilter":
                return Refuse((data[0] & ~0x1f) != 0 || place.Table is not ("mangle" or "raw"));
            case "socket" when extension.Revision > 0:
                return Refuse((data[0] & ~((1 << extension.Revision) - 1)) != 0);
            case "quota":
                return Refuse((U32(data, 0) & ~1u) != 0);
            case "statistic":
                return Refuse(U16(data, 0) > 1 || (U16(data, 2) & ~1) != 0);
            case "recent":
                return CheckRecent(data);
            case "bpf" when BpfMatch.IsModelled(extension, data):
                return Refuse(!BpfMatch.IsValid(extension, data));
            case "cgroup" when extension.Revision == 2:
                bool byPath = data[0] != 0, byClass = data[1] != 0;
                return Refuse(data[2] > 1 || data[3] > 1 || byPath == byClass || byPath && !data[4..6].SequenceEqual("/\0"u8));
            case "cgroup" when extension.Revision == 1:
                return Refuse(data[0] != 0 == (data[1] != 0) || data[2] > 1 || data[3] > 1);
            case "string":
                return CheckString(data);
            case "time":
                return U32(data, 8) > 86399 || U32(data, 12) > 86399 ? LinuxError.EDOM : Refuse((data[21] & ~3) != 0);
            case "connbytes":
                return Refuse(data[16] > 2 || data[17] > 2);
            case "dscp":
                return Refuse(data[0] > 63, LinuxError.EDOM);
            case "cluster":
                uint nodes = U32(data, 0);
                return nodes > 32 ? LinuxError.EINVAL : Refuse(nodes < 32 && U32(data, 4) >= 1ul << (int)nodes, LinuxError.EDOM);
            case "physdev":
                return Refuse((data[65] & 0x1f) == 0 || (data[65] & ~0x1f) != 0);
            case "policy":
                uint flags = U16(data, 304);
                return Refuse((flags & 3) == 0 || (place.Hooks & (Prerouting | Input)) != 0 && (flags & 2) != 0 || (place.Hooks & (Postrouting | Output)) != 0 && (flags & 1) != 0);
            case "hashlimit":
                return CheckHashLimit(extension, data, place.Family);
            case "rt":
                return Refuse((data[17] & ~0x3f) != 0);
            case "dst" or "hbh":
                return Refuse((data[5] & ~1) != 0);
            case "frag":
                return Refuse((data[13] & ~7) != 0);
            case "srh":
                return CheckSegmentRouting(extension, data);
            case "mh":
                return Refuse((data[2] & ~1) != 0);
            case "ecn":
                return Refuse((data[0] & ~0x31) != 0 || (data[1] & ~0x31) != 0 || (data[0] & 0x30) != 0 && !place.IsFor(6));
            default:
                return LinuxError.None;
        }
    }

    private static LinuxError CheckRecent(ReadOnlySpan<byte> data)
    {
        const byte Check = 1, Set = 2, Update = 4, Remove = 8, Ttl = 16, Reap = 32;
        byte mode = data[8];
        bool single = System.Numerics.BitOperations.PopCount((uint)(mode & (Check | Set | Update | Remove))) == 1;
        return Refuse((mode & ~0x3f) != 0
            || !single
            || (mode & (Set | Remove)) != 0 && (U32(data, 0) != 0 || U32(data, 4) != 0 || (mode & (Ttl | Reap)) != 0)
            || (mode & Reap) != 0 && U32(data, 0) == 0
            || U32(data, 4) >= 65536
            || data[10] == 0
            || data.Slice(10, 200).IndexOf((byte)0) < 0);
    }

    private static LinuxError CheckString(ReadOnlySpan<byte> data)
    {
        if (U16(data, 0) > U16(data, 2) || data[19] != 0 || data[148] > 128 || (data[149] & ~3) != 0)
        {
            return LinuxError.EINVAL;
        }

        ReadOnlySpan<byte> algorithm = data.Slice(4, 16);
        return Refuse(!algorithm.StartsWith("bm\0"u8) && !algorithm.StartsWith("kmp\0"u8) && !algorithm.StartsWith("fsm\0"u8), LinuxError.ENOENT);
    }

    private static LinuxError CheckHashLimit(Extension extension, ReadOnlySpan<byte> data, byte family)
    {
        if (extension.Revision != 3)
        {
            return LinuxError.None;
        }

        // struct hashlimit_cfg3 behind a name of 255 bytes: avg u64, burst u64, mode, size, max, gc_interval, expire, interval u32, srcmask, dstmask u8.
        ReadOnlySpan<byte> configuration = data[256..];
        byte most = family == NFPROTO_IPV4 ? (byte)32 : (byte)128;
        return Refuse(U32(configuration, 28) == 0 || U32(configuration, 32) == 0 || configuration[40] > most || configuration[41] > most || (U32(configuration, 16) & ~0xffu) != 0);
    }

    private static LinuxError CheckSegmentRouting(Extension extension, ReadOnlySpan<byte> data)
    {
        int at = extension.Revision == 0 ? 6 : 104;
        uint known = extension.Revision == 0 ? 0x7ffu : 0x3fffu;
        return Refuse((U16(data, at) & ~known) != 0 || (U16(data, at + 2) & ~known) != 0);
    }

    private static LinuxError CheckTarget(Extension extension, ReadOnlySpan<byte> data, ExtensionPlace place)
    {
        switch (extension.Name)
        {
            case "DNAT" or "SNAT" or "MASQUERADE" or "REDIRECT" or "NETMAP" when extension.Size == 20:
                return Refuse(U32(data, 0) != 1);
            case "NETMAP":
                return Refuse((U32(data, 0) & 1) == 0);
            case "SET":
                return IpSetRules.Check(extension, data.ToArray(), place.Sets, place.Table);
            case "SECMARK":
                // There is no security module that would know a context.
                return LinuxError.ENOENT;
            case "LOG":
                return Refuse(data[0] >= 8 || data[31] != 0);
            case "NFLOG":
                return Refuse((U16(data, 8) & ~1) != 0 || data[75] != 0);
            case "REJECT":
                bool isV4 = place.Family == NFPROTO_IPV4;
                uint with = U32(data, 0);
                return Refuse(with == (isV4 ? 4u : 5u) || with == (isV4 ? 7u : 6u) && !place.IsFor(6));
            case "TTL" or "HL":
                return Refuse(data[0] > 2 || data[0] != 0 && data[1] == 0);
            case "CHECKSUM":
                return Refuse((data[0] & ~1) != 0 || data[0] == 0);
            case "DSCP":
                return Refuse(data[0] > 63, LinuxError.EDOM);
            case "TPROXY":
                return Refuse(!place.IsFor(6) && !place.IsFor(17));
            case "NFQUEUE" when extension.Revision > 0:
                uint total = U16(data, 2);
                return total == 0 ? LinuxError.EINVAL
                    : total - 1 + U16(data, 0) > ushort.MaxValue ? LinuxError.ERANGE
                    : extension.Revision == 2 ? Refuse(U16(data, 4) > 1)
                    : Refuse(extension.Revision == 3 && (U16(data, 4) & ~3) != 0);
            case "SYNPROXY":
                return Refuse(!place.IsFor(6));
            case "DNPT" or "SNPT":
                return Refuse(data[32] > 64 || data[33] > 64 || !IsPrefix(data[..16], data[32]) || !IsPrefix(data.Slice(16, 16), data[33]));
            case "TCPMSS":
                return Refuse(U16(data, 0) == ushort.MaxValue && (place.Hooks & ~(Forward | Output | Postrouting)) != 0);
            case "AUDIT":
                return Refuse(data[0] > 2, LinuxError.ERANGE);
            case "ECN":
                return Refuse((data[0] & ~0x31) != 0 || (data[1] & ~3) != 0 || (data[0] & 0x30) != 0 && !place.IsFor(6));
            case "IDLETIMER":
                return Refuse(U32(data, 0) == 0 || data[4] == 0 || data.Slice(4, 28).IndexOf((byte)0) < 0 || U32(data, 0) >= int.MaxValue / 1000 || extension.Revision == 1 && data[32] > 1);
            case "TEE":
                return Refuse(data[..16].IndexOfAnyExcept((byte)0) < 0);
            default:
                return LinuxError.None;
        }
    }

    private static bool IsPrefix(ReadOnlySpan<byte> address, int length)
    {
        for (int bit = length; bit < 128; bit++)
        {
            if ((address[bit / 8] & 0x80 >> bit % 8) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private static LinuxError CheckBridge(Extension extension, Span<byte> data, ExtensionPlace place)
    {
        switch (extension.Name)
        {
            case "arp":
                return Refuse(!place.IsForEthernet(0x0806) && !place.IsForEthernet(0x8035));
            case "arpreply":
                return Refuse(!place.IsForEthernet(0x0806));
            case "ip":
                return Refuse(!place.IsForEthernet(0x0800)) is LinuxError.None ? CheckBridgeInternet(data[17..], 1, 2) : LinuxError.EINVAL;
            case "ip6":
                return Refuse(!place.IsForEthernet(0x86dd)) is LinuxError.None ? CheckBridgeInternet(data[65..], 58, 0) : LinuxError.EINVAL;
            case "vlan":
                return CheckBridgeVlan(data, place);
            case "802_3":
                return Refuse((data[4] & ~3) != 0 || (data[5] & ~3) != 0);
            default:
                return LinuxError.None;
        }
    }

    /// <summary>From the transport protocol on: protocol, what is given, what is inverted, source ports or message types, destination ports or codes.</summary>
    private static LinuxError CheckBridgeInternet(ReadOnlySpan<byte> data, byte icmp, byte igmp)
    {
        const byte Protocol = 8, SourcePort = 16, DestinationPort = 32, Icmp = 64, Igmp = 128;
        byte protocol = data[0], given = data[1], inverted = data[2];
        if (igmp == 0 && (given & Igmp) != 0)
        {
            return LinuxError.EINVAL;
        }

        bool isInverted = (inverted & Protocol) != 0;
        if ((given & (SourcePort | DestinationPort)) != 0 && (isInverted || protocol is not (6 or 17 or 136 or 132 or 33))
            || (given & SourcePort) != 0 && U16(data, 3) > U16(data, 5)
            || (given & DestinationPort) != 0 && U16(data, 7) > U16(data, 9)
            || (given & Icmp) != 0 && (isInverted || protocol != icmp || data[3] > data[4] || data[7] > data[8])
            || (given & Igmp) != 0 && (isInverted || protocol != igmp || data[3] > data[4]))
        {
            return LinuxError.EINVAL;
        }

        return LinuxError.None;
    }

    private static LinuxError CheckBridgeVlan(Span<byte> data, ExtensionPlace place)
    {
        const byte Id = 1, Priority = 2, Encapsulated = 4;
        if (BinaryPrimitives.ReverseEndianness(place.Protocol) != 0x8100 || (data[6] & ~7) != 0 || (data[7] & ~7) != 0)
        {
            return LinuxError.EINVAL;
        }

        if ((data[6] & Id) != 0 && U16(data, 0) != 0)
        {
            if (U16(data, 0) > 4096)
            {
                return LinuxError.EINVAL;
            }

            // A tag with an id may carry any priority.
            data[6] &= unchecked((byte)~Priority);
        }

        return Refuse((data[6] & Priority) != 0 && data[2] > 7 || (data[6] & Encapsulated) != 0 && BinaryPrimitives.ReadUInt16BigEndian(data[4..]) < 60);
    }
}
