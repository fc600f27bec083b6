using System.Buffers.Binary;
using System.Globalization;
using EucaNet.Netfilter.Nftables;

namespace EucaNet.Engine.Firewall;

/// <summary>What of a packet's upper protocol an element's key holds beside the destination network and the source.</summary>
internal enum TrafficDetail
{
    /// <summary>Nothing: any protocol.</summary>
    Any,

    /// <summary>The protocol.</summary>
    Protocol,

    /// <summary>The protocol and the leading bits of the destination port.</summary>
    Port,

    /// <summary>ICMP's type.</summary>
    IcmpType,

    /// <summary>ICMP's type and code.</summary>
    IcmpCode,
}

/// <summary>
/// A combination of lengths that rules use. Ranges and networks have no sets of intervals here: a source network is an exact key after
/// masking to its length, a port range falls into at most 30 aligned blocks, each an exact key after masking (tuple space search). So every
/// combination in use has one static rule and one hash set, and a rule is one element for each of its pieces.
/// </summary>
/// <param name="SourceLength">Prefix length of the source, 0 to 32.</param>
/// <param name="Detail">What else is in the key.</param>
/// <param name="PortBits">Leading bits of the port that count, 1 to 16; 0 unless <paramref name="Detail"/> is <see cref="TrafficDetail.Port"/>.</param>
/// <param name="ByPublicAddress">
/// For packets that came by a public address only: the source is an instance whose own public address the rule's source holds. Its length is 32.
/// </param>
internal readonly record struct TrafficShape(int SourceLength, TrafficDetail Detail, int PortBits, bool ByPublicAddress = false) : IComparable<TrafficShape>
{
    private const string Prefix = "from";
    private const string PublicPrefix = "public";
    private const uint Ipv4AddressType = 7;
    private const uint ProtocolType = 12;
    private const uint ServiceType = 13;
    private const uint IcmpTypeType = 14;
    private const uint IcmpCodeType = 32;

    /// <summary>The name of its set: <c>from24_port16</c>, <c>public32_icmp</c> and the like.</summary>
    public string SetName => string.Create(CultureInfo.InvariantCulture, $"{(ByPublicAddress ? PublicPrefix : Prefix)}{SourceLength}_{Detail switch
    {
        TrafficDetail.Any => "any",
        TrafficDetail.Protocol => "protocol",
        TrafficDetail.Port => string.Create(CultureInfo.InvariantCulture, $"port{PortBits}"),
        TrafficDetail.IcmpType => "icmp",
        _ => "icmpcode",
    }}");

    /// <summary>The shape whose set has this name, or null.</summary>
    public static TrafficShape? FromSetName(string name)
    {
        bool byPublicAddress = name.StartsWith(PublicPrefix, StringComparison.Ordinal);
        string prefix = byPublicAddress ? PublicPrefix : Prefix;
        int underscore = name.IndexOf('_', StringComparison.Ordinal);
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || underscore < prefix.Length
            || !int.TryParse(name.AsSpan(prefix.Length, underscore - prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int source) || source > 32)
        {
            return null;
        }

        string rest = name[(underscore + 1)..];
        TrafficShape? shape = rest switch
        {
            "any" => new TrafficShape(source, TrafficDetail.Any, 0),
            "protocol" => new TrafficShape(source, TrafficDetail.Protocol, 0),
            "icmp" => new TrafficShape(source, TrafficDetail.IcmpType, 0),
            "icmpcode" => new TrafficShape(source, TrafficDetail.IcmpCode, 0),
            _ when rest.StartsWith("port", StringComparison.Ordinal) && int.TryParse(rest.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits is >= 1 and <= 16
                => new TrafficShape(source, TrafficDetail.Port, bits),
            _ => null,
        };
        return shape is { } known ? known with { ByPublicAddress = byPublicAddress } : null;
    }

    /// <summary>A number for the set within a batch, where the kernel wants one.</summary>
    public uint SetId => 100 + (uint)((ByPublicAddress ? 5000 : 0) + (SourceLength * 100) + ((int)Detail * 20) + PortBits);

    /// <summary>nft's number for the key's type: six bits a part.</summary>
    public uint KeyType => Detail switch
    {
        TrafficDetail.Any => (Ipv4AddressType << 6) | Ipv4AddressType,
        TrafficDetail.Protocol => (((Ipv4AddressType << 6) | Ipv4AddressType) << 6) | ProtocolType,
        TrafficDetail.Port => (((((Ipv4AddressType << 6) | Ipv4AddressType) << 6) | ProtocolType) << 6) | ServiceType,
        TrafficDetail.IcmpType => (((Ipv4AddressType << 6) | Ipv4AddressType) << 6) | IcmpTypeType,
        _ => (((((Ipv4AddressType << 6) | Ipv4AddressType) << 6) | IcmpTypeType) << 6) | IcmpCodeType,
    };

    /// <summary>Bytes of the key, each part padded to four.</summary>
    public int KeyLength => Detail switch
    {
        TrafficDetail.Any => 8,
        TrafficDetail.Protocol or TrafficDetail.IcmpType => 12,
        _ => 16,
    };

    /// <inheritdoc />
    public int CompareTo(TrafficShape other) =>
        (ByPublicAddress, -SourceLength, (int)Detail, -PortBits).CompareTo((other.ByPublicAddress, -other.SourceLength, (int)other.Detail, -other.PortBits));

    /// <summary>The elements that a rule of a network comes to.</summary>
    /// <param name="rule">A valid rule.</param>
    /// <param name="destination">The network of the rule's group.</param>
    /// <param name="source">The source: the rule's own, or the source group's network.</param>
    public static IEnumerable<(TrafficShape Shape, OctetString Key)> ElementsOf(IngressRule rule, Ipv4Network destination, Ipv4Network source)
    {
        int length = source.PrefixLength;
        if (rule.Protocol is not { } protocol)
        {
            yield return (new TrafficShape(length, TrafficDetail.Any, 0), Key(destination, source, [], []));
        }
        else if (rule.FirstPort is { } first && rule.LastPort is { } last && (first > 0 || last < 65535))
        {
            foreach ((int port, int bits) in PortBlocks(first, last))
            {
                yield return (new TrafficShape(length, TrafficDetail.Port, bits), Key(destination, source, [protocol], [(byte)(port >> 8), (byte)port]));
            }
        }
        else if (rule.IcmpType >= 0 && rule.IcmpCode >= 0)
        {
            yield return (new TrafficShape(length, TrafficDetail.IcmpCode, 0), Key(destination, source, [(byte)rule.IcmpType], [(byte)rule.IcmpCode]));
        }
        else if (rule.IcmpType >= 0)
        {
            yield return (new TrafficShape(length, TrafficDetail.IcmpType, 0), Key(destination, source, [(byte)rule.IcmpType], []));
        }
        else
        {
            yield return (new TrafficShape(length, TrafficDetail.Protocol, 0), Key(destination, source, [protocol], []));
        }
    }

    /// <summary>The aligned power-of-two blocks that make up a port range, at most 30: first port and leading bits of each.</summary>
    public static IEnumerable<(int Port, int Bits)> PortBlocks(int first, int last)
    {
        int port = first;
        while (port <= last)
        {
            int size = port == 0 ? 65536 : port & -port;
            while (port + size - 1 > last)
            {
                size >>= 1;
            }

            yield return (port, 16 - System.Numerics.BitOperations.Log2((uint)size));
            port += size;
        }
    }

    private static OctetString Key(Ipv4Network destination, Ipv4Network source, ReadOnlySpan<byte> third, ReadOnlySpan<byte> fourth)
    {
        Span<byte> key = stackalloc byte[16];
        key.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(key, destination.Address.Value);
        BinaryPrimitives.WriteUInt32BigEndian(key[4..], source.Address.Value);
        third.CopyTo(key[8..]);
        fourth.CopyTo(key[12..]);
        return new OctetString(key[..(fourth.IsEmpty ? third.IsEmpty ? 8 : 12 : 16)]);
    }
}
