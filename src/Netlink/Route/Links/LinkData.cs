using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>What a kind of link has of its own (IFLA_INFO_DATA), or has for its ports (IFLA_INFO_SLAVE_DATA).</summary>
public abstract record LinkData : AttributeSet
{
    /// <summary>The kind of link ("bridge").</summary>
    public abstract string Kind { get; }

    /// <summary>Reads the options of a link of this kind.</summary>
    internal static LinkData Read(string? kind, ReadOnlySpan<byte> data)
    {
        var reader = new AttributeReader(data);
        return kind switch
        {
            "bridge" => new BridgeOptions(reader),
            "vlan" => new VlanOptions(reader),
            "veth" => new VethOptions(reader),
            "vxlan" => new VxlanOptions(reader),
            "bond" => new BondOptions(reader),
            "vrf" => new VrfOptions(reader),
            "macvlan" => new MacvlanOptions(reader),
            "macvtap" => new MacvlanOptions(reader) { IsTap = true },
            "tun" => new TunOptions(reader),
            _ => new OtherLinkData(kind ?? "", reader),
        };
    }

    /// <summary>Reads the options of a port of a link of this kind.</summary>
    internal static LinkData ReadPort(string? kind, ReadOnlySpan<byte> data)
    {
        var reader = new AttributeReader(data);
        return kind switch
        {
            "bridge" => new BridgePortOptions(reader),
            "bond" => new BondPortOptions(reader),
            "vrf" => new VrfPortOptions(reader),
            _ => new OtherLinkData(kind ?? "", reader),
        };
    }
}

/// <summary>Options of a kind that has none, or none this library knows: its attributes are kept as bytes in the layout.</summary>
public sealed record OtherLinkData : LinkData
{
    /// <summary>A kind without options; give it some by <see cref="With"/>.</summary>
    public OtherLinkData(string kind) => Kind = kind;

    internal OtherLinkData(string kind, AttributeReader attributes)
    {
        Kind = kind;
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Note(attribute, known: false);
        }

        Layout = layout.Finish(attributes);
    }

    /// <inheritdoc />
    public override string Kind { get; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => [];

    /// <summary>The same with one more attribute.</summary>
    public OtherLinkData With(ushort type, params ReadOnlySpan<byte> value) => this with { Layout = Layout.WithRaw(type, value) };

    /// <summary>Same kind and same attributes: nothing else tells two of them apart.</summary>
    public bool Equals(OtherLinkData? other) =>
        other is not null && Kind == other.Kind && Bytes().AsSpan().SequenceEqual(other.Bytes());

    /// <inheritdoc />
    public override int GetHashCode() => Kind.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
    }

    private byte[] Bytes()
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WriteAttributes(ref writer);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
