using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>State of a neighbour (NUD_*).</summary>
[Flags]
public enum NeighbourState : ushort
{
#pragma warning disable CS1591 // as ip-neighbour(8) explains them
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,
    Permanent = 0x80,
#pragma warning restore CS1591
}

/// <summary>When a neighbour was confirmed, used and changed, in hundredths of a second ago (struct nda_cacheinfo).</summary>
/// <param name="Confirmed">Since it was confirmed.</param>
/// <param name="Used">Since it was used.</param>
/// <param name="Updated">Since it was changed.</param>
/// <param name="References">Users.</param>
public sealed record NeighbourCacheInfo(uint Confirmed, uint Used, uint Updated, uint References)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out NeighbourCacheInfo? info)
    {
        ReadOnlySpan<byte> value = attribute.Value;
        info = value.Length == 16
            ? new NeighbourCacheInfo(BitConverter.ToUInt32(value), BitConverter.ToUInt32(value[4..]), BitConverter.ToUInt32(value[8..]), BitConverter.ToUInt32(value[12..]))
            : null;
        return info is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        writer.AppendStruct(Confirmed);
        writer.AppendStruct(Used);
        writer.AppendStruct(Updated);
        writer.AppendStruct(References);
        writer.EndAttribute(mark);
    }
}
