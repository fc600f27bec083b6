using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>Lifetimes of an address (struct ifa_cacheinfo).</summary>
/// <param name="Preferred">Seconds it is preferred; <see cref="Forever"/> without end.</param>
/// <param name="Valid">Seconds it is valid; <see cref="Forever"/> without end.</param>
/// <param name="Created">When it was made, in hundredths of a second of uptime.</param>
/// <param name="Updated">When it was changed, in hundredths of a second of uptime.</param>
public sealed record AddressLifetime(uint Preferred, uint Valid, uint Created = 0, uint Updated = 0)
{
    /// <summary>A lifetime without end.</summary>
    public const uint Forever = uint.MaxValue;

    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out AddressLifetime? lifetime)
    {
        ReadOnlySpan<byte> value = attribute.Value;
        lifetime = value.Length == 16
            ? new AddressLifetime(BitConverter.ToUInt32(value), BitConverter.ToUInt32(value[4..]), BitConverter.ToUInt32(value[8..]), BitConverter.ToUInt32(value[12..]))
            : null;
        return lifetime is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        writer.AppendStruct(Preferred);
        writer.AppendStruct(Valid);
        writer.AppendStruct(Created);
        writer.AppendStruct(Updated);
        writer.EndAttribute(mark);
    }
}
