using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
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
/// <param name="TracksConnections">Connections can be tracked in this family.</param>
internal readonly record struct ExtensionPlace(string Table, byte Family, uint Hooks, ushort Protocol, bool IsInverted, IpSetSubsystem Sets, bool TracksConnections)
{
    /// <summary>The rule is for exactly this transport protocol.</summary>
    public bool IsFor(byte protocol) => Protocol == protocol && !IsInverted;

    /// <summary>The rule is for a protocol with ports.</summary>
    public bool HasPorts => !IsInverted && Protocol is 6 or 17 or 136 or 132 or 33;

    /// <summary>The rule of a bridge is for exactly this ethernet protocol.</summary>
    public bool IsForEthernet(ushort protocol) => NamesEthernet(protocol) && !IsInverted;

    /// <summary>The rule of a bridge is for this ethernet protocol, or for all but it.</summary>
    public bool NamesEthernet(ushort protocol) => BinaryPrimitives.ReverseEndianness(Protocol) == protocol;
}

/// <summary>What is checked before an extension may stand in a rule (xt_check_match, xt_check_target, and each module's own check).</summary>
internal static class ExtensionChecks
{
    private const uint Prerouting = 1, Input = 2, Forward = 4, Output = 8, Postrouting = 16;

    /// <summary>Checks size, table, hooks and protocol, then the data, which a module may also set right.</summary>
    public static LinuxError Check(Extension extension, Span<byte> data, bool isTarget, ExtensionPlace place)
    {
        if (extension.AlignedSize != data.Length
            || extension.Table is { } only && only != place.Table
            || (place.Family == NFPROTO_ARP && extension.Family != NFPROTO_ARP)
            || extension.Hooks != 0 && (place.Hooks & ~extension.Hooks) != 0
            || extension.Protocol != 0 && !place.IsFor(extension.Protocol))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = extension is { Family: NFPROTO_BRIDGE, Name: not "AUDIT" } ? BridgeChecks.Check(extension, data, place)
            : isTarget ? CheckTarget(extension, data, place)
            : CheckMatch(extension, data, place);
        return error == LinuxError.None && !place.TracksConnections && !isTarget && MatchEvaluation.UsesConntrack(extension.Name) ? LinuxError.EPROTO : error;
    }

    private static LinuxError Refuse(bool refused, LinuxError error = LinuxError.EINVAL) => refused ? error : LinuxError.None;

    private static LinuxError CheckMatch(Extension extension, Span<byte> data, ExtensionPlace place)
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
                return Refuse(!place.HasPorts || data[0] > 2 || data[1] > 15 || !HasWholeRanges(data));
            case "addrtype" when extension.Revision == 1:
                const uint NotOfIpv6 = 0x48, FirstNotOfIpv6 = 0x100;
                uint limits = U32(data, 4) & 12;
                return Refuse(limits == 12 || (place.Hooks & (Prerouting | Input)) != 0 && limits == 8 || (place.Hooks & (Postrouting | Output)) != 0 && limits == 4
                    || place.Family == NFPROTO_IPV6 && (U16(data, 0) | U16(data, 2)) is var types && ((types & NotOfIpv6) != 0 || types >= FirstNotOfIpv6));
            case "connlabel":
                return (U16(data, 2) & ~3) != 0 ? LinuxError.EINVAL : Refuse(U16(data, 0) > 127 && place.TracksConnections, LinuxError.ERANGE);
            case "helper":
                data[33] = 0;
                return LinuxError.None;
            case "cpu":
                return Refuse((U32(data, 4) & ~1u) != 0);
            case "dccp":
                return Refuse(U16(data, 8) > 15 || U16(data, 10) > 15 || (U16(data, 10) & ~U16(data, 8)) != 0);
            case "sctp":
                return CheckSctp(data);
            case "devgroup":
                const uint BySource = 1, ByDestination = 4;
                return Refuse(U32(data, 0) > 15
                    || ((U32(data, 0) & BySource) != 0 && (place.Hooks & (Output | Postrouting)) != 0)
                    || ((U32(data, 0) & ByDestination) != 0 && (place.Hooks & (Prerouting | Input)) != 0));
            case "ipcomp":
                return Refuse((data[8] & ~1) != 0);
            case "u32":
                return Refuse(!U32Match.IsValid(data));
            case "cgroup" when extension.Revision == 0:
                return Refuse((U32(data, 4) & ~1u) != 0);
            case "cgroup":
                bool byPath = data[0] != 0;
                ReadOnlySpan<byte> path = data.Slice(4, extension.Revision == 1 ? 4096 : 512);
                return data[2] > 1 || data[3] > 1 || byPath == (data[1] != 0) ? LinuxError.EINVAL
                    : byPath && path.IndexOf((byte)0) < 0 ? LinuxError.ENAMETOOLONG
                    : Refuse(byPath && path[..path.IndexOf((byte)0)].IndexOfAnyExcept((byte)'/') >= 0);
            case "rateest":
                // Estimators there are none: what names one is refused.
                uint rates = U16(data, 32), compared = U16(data, 34);
                return (rates & 6) is not (2 or 4) || (rates & 0x30) == 0 || compared is < 1 or > 3 ? LinuxError.EINVAL : LinuxError.ENOENT;
            case "owner":
                return Refuse((data[16] & ~15) != 0 || ((data[16] & 1) != 0 && !IsOwners(data)) || ((data[16] & 2) != 0 && !IsOwners(data[8..])));
            case "set":
                return IpSetRules.Check(extension, data.ToArray(), place.Sets, place.Table);
            case "nfacct":
                return LinuxError.ENOENT;
            case "limit":
                return Refuse(!RateCredits.Holds(U32(data, 0), U32(data, 4)), LinuxError.ERANGE);
            case "rpfilter":
                return Refuse(data[0] > 15 || place.Table is not ("mangle" or "raw"));
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
            case "bpf" when U16(data, 0) == 1:
                // There is no file system that a program could be found in by its path.
                return data.Slice(8, 512).IndexOf((byte)0) < 0 ? LinuxError.EINVAL : LinuxError.ENOENT;
            case "bpf":
                // Nor a program that a descriptor could stand for; those of every process are no programs.
                return U16(data, 0) == 2 && U32(data, 4) > 2 ? LinuxError.EBADF : LinuxError.EINVAL;

            case "string":
                return CheckString(data);
            case "time":
                return U32(data, 8) > 86399 || U32(data, 12) > 86399 ? LinuxError.EDOM : Refuse(data[21] > 3 || data[21] >= 2 && U32(data, 8) < U32(data, 12));
            case "connbytes":
                return Refuse(data[16] > 2 || data[17] > 2);
            case "dscp":
                return Refuse(data[0] > 63, LinuxError.EDOM);
            case "cluster":
                uint nodes = U32(data, 0);
                return nodes > 32 ? LinuxError.EINVAL : Refuse(nodes < 32 && U32(data, 4) >= 1ul << (int)nodes, LinuxError.EDOM);
            case "physdev":
                const byte ByOutput = 2, IsBridged = 4, HasOutput = 16;
                return Refuse((data[65] & 0x1f) == 0 || (data[65] & ~0x1f) != 0
                    || ((data[65] & (ByOutput | HasOutput)) != 0 && ((data[65] & IsBridged) == 0 || (data[64] & IsBridged) != 0) && (place.Hooks & Output) != 0));
            case "policy":
                uint flags = U16(data, 304);
                return Refuse((flags & 3) == 0 || U16(data, 306) > 4 || (place.Hooks & (Prerouting | Input)) != 0 && (flags & 2) != 0 || (place.Hooks & (Postrouting | Output)) != 0 && (flags & 1) != 0);
            case "hashlimit":
                return HashLimitMatch.Check(extension, data, place.Family);
            case "rt":
                const byte ByType = 1, OfTypeZero = 0x38, ByAddresses = 0x30;
                return Refuse(data[17] > 7 || data[276] > 16
                    || ((data[16] & ByAddresses) != 0 && data[276] == 0)
                    || ((data[16] & OfTypeZero) != 0 && ((data[16] & ByType) == 0 || U32(data, 0) != 0 || (data[17] & ByType) != 0)));
            case "dst" or "hbh":
                return Refuse(data[5] > 1 || data[38] > 16 || (data[4] & 4) != 0);
            case "frag":
                return Refuse(data[13] > 3);
            case "ipv6header":
                return Refuse(data[2] == 0 && data[1] is not (0 or 255));
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
        if (U16(data, 0) > U16(data, 2) || data[19] != 0 || data[148] is 0 or > 128 || (data[149] & ~3) != 0)
        {
            return LinuxError.EINVAL;
        }

        ReadOnlySpan<byte> algorithm = data.Slice(4, 16);
        return Refuse(!algorithm.StartsWith("bm\0"u8) && !algorithm.StartsWith("kmp\0"u8) && !algorithm.StartsWith("fsm\0"u8), LinuxError.ENOENT);
    }

    /// <summary>Of multiport a port that begins a range is followed by one that ends it, of which no range begins, and that is not lower.</summary>
    private static bool HasWholeRanges(ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data[1]; i++)
        {
            if (data[32 + i] != 0 && (++i == data[1] || data[32 + i] != 0 || U16(data, 2 * i) > U16(data, 2 + (2 * i))))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A range of user or group ids; the last of all is nobody's.</summary>
    private static bool IsOwners(ReadOnlySpan<byte> range) => U32(range, 0) <= U32(range, 4) && U32(range, 4) != uint.MaxValue;

    private static LinuxError CheckSctp(ReadOnlySpan<byte> data)
    {
        const uint Chunks = 4, Known = 7;
        uint flags = U32(data, 284), inverted = U32(data, 288);
        return Refuse(U32(data, 280) > 4 || flags > Known || inverted > Known || (inverted & ~flags) != 0 || ((flags & Chunks) != 0 && (U32(data, 264) & 7) == 0));
    }

    private static LinuxError CheckSegmentRouting(Extension extension, ReadOnlySpan<byte> data)
    {
        int at = extension.Revision == 0 ? 6 : 104;
        const uint known = 0x3fff;
        return Refuse((U16(data, at) & ~known) != 0 || (U16(data, at + 2) & ~known) != 0);
    }

    private static LinuxError CheckTarget(Extension extension, ReadOnlySpan<byte> data, ExtensionPlace place)
    {
        switch (extension.Name)
        {
            case "DNAT" or "SNAT" when extension.Size == 20:
                return Refuse(U32(data, 0) != 1);
            case "DNAT" or "SNAT":
                return Refuse(place.Family == NFPROTO_BRIDGE);
            case "MASQUERADE" or "REDIRECT" or "NETMAP":
                // Addresses belong to the last alone.
                bool isOld = extension.Size == 20;
                return Refuse(isOld && U32(data, 0) != 1 || (U32(data, isOld ? 4 : 0) & 1) != 0 != (extension.Name == "NETMAP"));
            case "CONNMARK" when extension.Revision == 2:
                return Refuse(data[12] > 1 || data[13] >= 32);
            case "SET":
                return IpSetRules.Check(extension, data.ToArray(), place.Sets, place.Table);
            case "SECMARK":
                // There is no security module that would know a context.
                return place.Table is not ("mangle" or "security") || data[0] != 1 ? LinuxError.EINVAL : LinuxError.ENOENT;
            case "CONNSECMARK":
                return Refuse(place.Table is not ("mangle" or "security") || data[0] is not (1 or 2));
            case "CT":
                return CheckTracking(extension, data, place);
            case "HMARK":
                return CheckHashedMark(data);
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
            case "mangle":
                return Refuse(data[40] is 0 or > 15 || (int)U32(data, 44) is not (0 or 1 or TargetEvaluation.Continue));
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
                return Refuse(data[..16].IndexOfAnyExcept((byte)0) < 0 || (data[16] != 0 && data[31] != 0));
            default:
                return LinuxError.None;
        }
    }

    /// <summary>xt_CT.c. There are no policies of timeouts that a rule could name: what names one is refused.</summary>
    private static LinuxError CheckTracking(Extension extension, ReadOnlySpan<byte> data, ExtensionPlace place)
    {
        const ushort NoTracking = 1, Known = 0x1f;
        ushort flags = U16(data, 0);
        if ((flags & ~(extension.Revision == 2 ? Known : NoTracking)) != 0)
        {
            return LinuxError.EINVAL;
        }

        if ((flags & NoTracking) != 0)
        {
            return LinuxError.None;
        }

        ReadOnlySpan<byte> helper = data.Slice(12, 16), timeout = extension.Revision == 0 ? default : data.Slice(28, 32);
        if (helper[0] != 0)
        {
            int end = helper.IndexOf((byte)0);
            if (end < 0)
            {
                return LinuxError.ENAMETOOLONG;
            }

            if (place.Protocol == 0 || place.IsInverted || ConnectionHelper.Find(Encoding.Latin1.GetString(helper[..end]), place.Family, (byte)place.Protocol) is null)
            {
                return LinuxError.ENOENT;
            }
        }

        return timeout.IsEmpty || timeout[0] == 0 ? LinuxError.None
            : timeout.IndexOf((byte)0) < 0 ? LinuxError.ENAMETOOLONG
            : place.Protocol == 0 || place.IsInverted ? LinuxError.EINVAL
            : LinuxError.ENOENT;
    }

    private static LinuxError CheckHashedMark(ReadOnlySpan<byte> data)
    {
        const uint Index = 1 << 2, IndexMask = 1 << 3, Ports = 3 << 4, PortMasks = 3 << 6, AddressesOnly = 1 << 13;
        uint flags = U32(data, 40);
        return Refuse(U32(data, 52) == 0
            || (U16(data, 44) != 0 && (flags & AddressesOnly) != 0)
            || ((flags & IndexMask) != 0 && (flags & PortMasks) != 0)
            || ((flags & Index) != 0 && (flags & Ports) != 0));
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
}
