using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What is checked before an extension may stand in a rule (xt_check_match, xt_check_target, and each module's own check).</summary>
internal static class ExtensionChecks
{
    /// <summary>Checks size, table, hooks and protocol, then the data.</summary>
    public static LinuxError Check(Extension extension, byte[] data, bool isTarget, string table, byte family, uint hooks, ushort protocol, bool isInverted)
    {
        if (extension.Size >= 0 && extension.AlignedSize != data.Length
            || extension.Table is { } only && only != table
            || extension.Hooks != 0 && (hooks & ~extension.Hooks) != 0
            || extension.Protocol != 0 && (extension.Protocol != protocol || isInverted))
        {
            return LinuxError.EINVAL;
        }

        return isTarget ? CheckTarget(extension, data, family) : CheckMatch(extension, data);
    }

    private static LinuxError CheckMatch(Extension extension, byte[] data) => extension.Name switch
    {
        // Flags that the module does not know.
        "tcp" when (data[11] & ~0xf) != 0 => LinuxError.EINVAL,
        "udp" when extension.Family != NFPROTO_BRIDGE && (data[8] & ~3) != 0 => LinuxError.EINVAL,
        "icmp" or "icmp6" when (data[3] & ~1) != 0 => LinuxError.EINVAL,
        "pkttype" or "comment" => LinuxError.None,
        "limit" when BitConverter.ToUInt32(data, 4) == 0 || BitConverter.ToUInt32(data, 0) > uint.MaxValue / BitConverter.ToUInt32(data, 4) => LinuxError.ERANGE,
        "rpfilter" when (data[0] & ~0x1f) != 0 => LinuxError.EINVAL,
        "socket" when extension.Revision > 0 && (data[0] & ~((1 << extension.Revision) - 1)) != 0 => LinuxError.EINVAL,
        "quota" when (BitConverter.ToUInt32(data, 0) & ~1u) != 0 => LinuxError.EINVAL,
        "statistic" when BitConverter.ToUInt16(data, 0) > 1 || (BitConverter.ToUInt16(data, 2) & ~1) != 0 => LinuxError.EINVAL,
        _ => LinuxError.None,
    };

    private static LinuxError CheckTarget(Extension extension, byte[] data, byte family) => extension.Name switch
    {
        "DNAT" or "SNAT" or "MASQUERADE" or "REDIRECT" or "NETMAP" when extension.Revision == 0 && extension.Family == NFPROTO_IPV4 && BitConverter.ToUInt32(data, 0) != 1 => LinuxError.EINVAL,
        "LOG" when data[0] >= 8 || data[31] != 0 => LinuxError.EINVAL,
        "REJECT" when BitConverter.ToUInt32(data, 0) is var with && (family == NFPROTO_IPV4 ? with == 9 : with == 7) => LinuxError.EINVAL,
        "TTL" or "HL" when data[0] > 2 || data[0] != 0 && data[1] == 0 => LinuxError.EINVAL,
        "CHECKSUM" when data[0] != 1 => LinuxError.EINVAL,
        "DSCP" when data[0] > 63 => LinuxError.EDOM,
        _ => LinuxError.None,
    };
}
