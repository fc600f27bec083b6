using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EucaNet.Engine;

/// <summary>An IPv4 network: an address whose host bits are zero, and a prefix length from 0 to 32.</summary>
public readonly record struct Ipv4Network
{
    /// <summary>The network that holds <paramref name="address"/>; host bits are cleared.</summary>
    public Ipv4Network(Ipv4Address address, int prefixLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, 32);
        PrefixLength = prefixLength;
        Address = new Ipv4Address(address.Value & MaskOf(prefixLength));
    }

    /// <summary>The network's lowest address.</summary>
    public Ipv4Address Address { get; }

    /// <summary>Leading bits that are the network's, 0 to 32.</summary>
    public int PrefixLength { get; }

    /// <summary>The mask as a number in host order.</summary>
    public uint Mask => MaskOf(PrefixLength);

    /// <summary>The mask as a dotted quad.</summary>
    public Ipv4Address Netmask => new(Mask);

    /// <summary>The network's highest address.</summary>
    public Ipv4Address Last => new(Address.Value | ~Mask);

    /// <summary>How many addresses it spans, network and broadcast included.</summary>
    public long Count => 1L << (32 - PrefixLength);

    /// <summary>True when <paramref name="address"/> lies in it.</summary>
    public bool Contains(Ipv4Address address) => (address.Value & Mask) == Address.Value;

    /// <summary>True when the two share an address.</summary>
    public bool Overlaps(Ipv4Network other) => Contains(other.Address) || other.Contains(Address);

    /// <summary>The mask of a prefix length, in host order.</summary>
    public static uint MaskOf(int prefixLength) => prefixLength == 0 ? 0 : uint.MaxValue << (32 - prefixLength);

    /// <summary>Reads <c>a.b.c.d/nn</c>, or an address alone as /32. Host bits may be set; they are cleared.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Ipv4Network network)
    {
        network = default;
        if (text is null)
        {
            return false;
        }

        int slash = text.IndexOf('/', StringComparison.Ordinal);
        int length = 32;
        if (!Ipv4Address.TryParse(slash < 0 ? text : text[..slash], out Ipv4Address address)
            || (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > 32)))
        {
            return false;
        }

        network = new Ipv4Network(address, length);
        return true;
    }

    /// <summary>Reads <c>a.b.c.d/nn</c>, or an address alone as /32.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static Ipv4Network Parse(string text) =>
        TryParse(text, out Ipv4Network network) ? network : throw new FormatException($"'{text}' is not a network (a.b.c.d/0 to /32)");

    /// <summary>Address and prefix length.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{PrefixLength}");
}
