using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>Users from one id to another, both included (struct fib_rule_uid_range).</summary>
/// <param name="First">The first id.</param>
/// <param name="Last">The last id.</param>
public sealed record UserRange(uint First, uint Last)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out UserRange? range)
    {
        range = attribute.Value.Length == 8 ? new UserRange((uint)attribute.UInt64, (uint)(attribute.UInt64 >> 32)) : null;
        return range is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteUInt64(entry.RawType, (ulong)Last << 32 | First);
}

/// <summary>Ports from one to another, both included (struct fib_rule_port_range, host byte order).</summary>
/// <param name="First">The first port.</param>
/// <param name="Last">The last port.</param>
public sealed record HostPortRange(ushort First, ushort Last)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out HostPortRange? range)
    {
        range = attribute.Value.Length == 4 ? new HostPortRange((ushort)attribute.UInt32, (ushort)(attribute.UInt32 >> 16)) : null;
        return range is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteUInt32(entry.RawType, (uint)Last << 16 | First);
}
