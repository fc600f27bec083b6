using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A connection tracking helper ("ftp", "sip") for a protocol.</summary>
public sealed record ConntrackHelperData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CT_HELPER;

    /// <summary>The helper's name.</summary>
    public string? Helper { get; init; }

    internal TextForm HelperForm { get; init; }

    /// <summary>NFPROTO_*.</summary>
    public ushort? Layer3 { get; init; }

    /// <summary>Protocol number.</summary>
    public byte? Layer4 { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_CT_HELPER_NAME, (byte)NFTA_CT_HELPER_L3PROTO, (byte)NFTA_CT_HELPER_L4PROTO];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_CT_HELPER_NAME when Helper is not null:
                HelperForm.Write(ref writer, type, Helper, asRead);
                break;
            case NFTA_CT_HELPER_L3PROTO:
                writer.Put(type, Layer3);
                break;
            case NFTA_CT_HELPER_L4PROTO:
                writer.Put(type, Layer4);
                break;
        }
    }

    internal static ConntrackHelperData Read(AttributeReader attributes)
    {
        string? helper = null;
        TextForm helperForm = default;
        ushort? layer3 = null;
        byte? layer4 = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CT_HELPER_NAME => TextForm.Read(attribute, ref helper, ref helperForm),
                NFTA_CT_HELPER_L3PROTO => attribute.Read(ref layer3),
                NFTA_CT_HELPER_L4PROTO => attribute.Read(ref layer4),
                _ => false,
            });
        }

        return new ConntrackHelperData
        {
            Helper = helper,
            HelperForm = helperForm,
            Layer3 = layer3,
            Layer4 = layer4,
            Layout = layout.Build(),
        };
    }
}

/// <summary>Timeouts of a protocol's states.</summary>
public sealed record ConntrackTimeoutData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CT_TIMEOUT;

    /// <summary>NFPROTO_*.</summary>
    public ushort? Layer3 { get; init; }

    /// <summary>Protocol number.</summary>
    public byte? Layer4 { get; init; }

    /// <summary>Seconds by state.</summary>
    public ValueList<StateTimeout> Timeouts { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_CT_TIMEOUT_L3PROTO, (byte)NFTA_CT_TIMEOUT_L4PROTO, (byte)NFTA_CT_TIMEOUT_DATA];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_CT_TIMEOUT_L3PROTO:
                writer.Put(type, Layer3);
                break;
            case NFTA_CT_TIMEOUT_L4PROTO:
                writer.Put(type, Layer4);
                break;
            case NFTA_CT_TIMEOUT_DATA when asRead || !Timeouts.IsEmpty:
                StateTimeout.Write(ref writer, type, nested, Timeouts);
                break;
        }
    }

    internal static ConntrackTimeoutData Read(AttributeReader attributes)
    {
        ushort? layer3 = null;
        byte? layer4 = null;
        StateTimeout[]? timeouts = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CT_TIMEOUT_L3PROTO => attribute.Read(ref layer3),
                NFTA_CT_TIMEOUT_L4PROTO => attribute.Read(ref layer4),
                NFTA_CT_TIMEOUT_DATA => StateTimeout.Read(attribute, ref timeouts),
                _ => false,
            });
        }

        return new ConntrackTimeoutData
        {
            Layer3 = layer3,
            Layer4 = layer4,
            Timeouts = new ValueList<StateTimeout>(timeouts ?? []),
            Layout = layout.Build(),
        };
    }
}

/// <summary>A connection that is to be expected.</summary>
public sealed record ConntrackExpectationData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CT_EXPECT;

    /// <summary>NFPROTO_*.</summary>
    public ushort? Layer3 { get; init; }

    /// <summary>Protocol number.</summary>
    public byte? Layer4 { get; init; }

    /// <summary>Port.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>Milliseconds.</summary>
    public uint? Timeout { get; init; }

    /// <summary>How many at most.</summary>
    public byte? Size { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_CT_EXPECT_L3PROTO, (byte)NFTA_CT_EXPECT_L4PROTO, (byte)NFTA_CT_EXPECT_DPORT, (byte)NFTA_CT_EXPECT_TIMEOUT, (byte)NFTA_CT_EXPECT_SIZE];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_CT_EXPECT_L3PROTO:
                writer.Put(type, Layer3);
                break;
            case NFTA_CT_EXPECT_L4PROTO:
                writer.Put(type, Layer4);
                break;
            case NFTA_CT_EXPECT_DPORT:
                writer.Put(type, DestinationPort);
                break;
            case NFTA_CT_EXPECT_TIMEOUT when Timeout is { } value:
                writer.WriteUInt32(type, value);
                break;
            case NFTA_CT_EXPECT_SIZE:
                writer.Put(type, Size);
                break;
        }
    }

    internal static ConntrackExpectationData Read(AttributeReader attributes)
    {
        ushort? layer3 = null;
        byte? layer4 = null;
        ushort? destinationPort = null;
        uint? timeout = null;
        byte? size = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CT_EXPECT_L3PROTO => attribute.Read(ref layer3),
                NFTA_CT_EXPECT_L4PROTO => attribute.Read(ref layer4),
                NFTA_CT_EXPECT_DPORT => attribute.Read(ref destinationPort),
                NFTA_CT_EXPECT_TIMEOUT => StateTimeout.ReadHost(attribute, ref timeout),
                NFTA_CT_EXPECT_SIZE => attribute.Read(ref size),
                _ => false,
            });
        }

        return new ConntrackExpectationData
        {
            Layer3 = layer3,
            Layer4 = layer4,
            DestinationPort = destinationPort,
            Timeout = timeout,
            Size = size,
            Layout = layout.Build(),
        };
    }
}

/// <summary>A security context.</summary>
public sealed record SecurityMarkData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_SECMARK;

    /// <summary>As the security module writes it, up to 4096 bytes.</summary>
    public string? Context { get; init; }

    internal TextForm ContextForm { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_SECMARK_CTX];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_SECMARK_CTX when Context is not null:
                ContextForm.Write(ref writer, type, Context, asRead);
                break;
        }
    }

    internal static SecurityMarkData Read(AttributeReader attributes)
    {
        string? context = null;
        TextForm contextForm = default;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SECMARK_CTX => TextForm.Read(attribute, ref context, ref contextForm),
                _ => false,
            });
        }

        return new SecurityMarkData
        {
            Context = context,
            ContextForm = contextForm,
            Layout = layout.Build(),
        };
    }
}

/// <summary>The outer header of a tunnel (vxlan, erspan, geneve).</summary>
public sealed record TunnelData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_TUNNEL;

    /// <summary>Tunnel id.</summary>
    public uint? Id { get; init; }

    /// <summary>The attributes NFTA_TUNNEL_KEY_IP_* (source, destination).</summary>
    public OctetString? Ip { get; init; }

    /// <summary>The attributes NFTA_TUNNEL_KEY_IP6_* (source, destination, flow label).</summary>
    public OctetString? Ip6 { get; init; }

    /// <summary>NFT_TUNNEL_F_*.</summary>
    public uint? Flags { get; init; }

    /// <summary>Type of service.</summary>
    public byte? TypeOfService { get; init; }

    /// <summary>Time to live.</summary>
    public byte? TimeToLive { get; init; }

    /// <summary>Source port.</summary>
    public ushort? SourcePort { get; init; }

    /// <summary>Destination port.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>The attributes NFTA_TUNNEL_KEY_OPTS_*.</summary>
    public OctetString? Options { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_TUNNEL_KEY_ID, (byte)NFTA_TUNNEL_KEY_IP, (byte)NFTA_TUNNEL_KEY_IP6, (byte)NFTA_TUNNEL_KEY_FLAGS, (byte)NFTA_TUNNEL_KEY_TOS, (byte)NFTA_TUNNEL_KEY_TTL, (byte)NFTA_TUNNEL_KEY_SPORT, (byte)NFTA_TUNNEL_KEY_DPORT, (byte)NFTA_TUNNEL_KEY_OPTS];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_TUNNEL_KEY_ID:
                writer.Put(type, Id);
                break;
            case NFTA_TUNNEL_KEY_IP:
                writer.PutBytes(nested ? (ushort)(type | NetlinkWriter.NestedFlag) : type, Ip);
                break;
            case NFTA_TUNNEL_KEY_IP6:
                writer.PutBytes(nested ? (ushort)(type | NetlinkWriter.NestedFlag) : type, Ip6);
                break;
            case NFTA_TUNNEL_KEY_FLAGS:
                writer.Put(type, Flags);
                break;
            case NFTA_TUNNEL_KEY_TOS:
                writer.Put(type, TypeOfService);
                break;
            case NFTA_TUNNEL_KEY_TTL:
                writer.Put(type, TimeToLive);
                break;
            case NFTA_TUNNEL_KEY_SPORT:
                writer.Put(type, SourcePort);
                break;
            case NFTA_TUNNEL_KEY_DPORT:
                writer.Put(type, DestinationPort);
                break;
            case NFTA_TUNNEL_KEY_OPTS:
                writer.PutBytes(nested ? (ushort)(type | NetlinkWriter.NestedFlag) : type, Options);
                break;
        }
    }

    internal static TunnelData Read(AttributeReader attributes)
    {
        uint? id = null;
        OctetString? ip = null;
        OctetString? ip6 = null;
        uint? flags = null;
        byte? typeOfService = null;
        byte? timeToLive = null;
        ushort? sourcePort = null;
        ushort? destinationPort = null;
        OctetString? options = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_TUNNEL_KEY_ID => attribute.Read(ref id),
                NFTA_TUNNEL_KEY_IP => StateTimeout.ReadNest(attribute, ref ip),
                NFTA_TUNNEL_KEY_IP6 => StateTimeout.ReadNest(attribute, ref ip6),
                NFTA_TUNNEL_KEY_FLAGS => attribute.Read(ref flags),
                NFTA_TUNNEL_KEY_TOS => attribute.Read(ref typeOfService),
                NFTA_TUNNEL_KEY_TTL => attribute.Read(ref timeToLive),
                NFTA_TUNNEL_KEY_SPORT => attribute.Read(ref sourcePort),
                NFTA_TUNNEL_KEY_DPORT => attribute.Read(ref destinationPort),
                NFTA_TUNNEL_KEY_OPTS => StateTimeout.ReadNest(attribute, ref options),
                _ => false,
            });
        }

        return new TunnelData
        {
            Id = id,
            Ip = ip,
            Ip6 = ip6,
            Flags = flags,
            TypeOfService = typeOfService,
            TimeToLive = timeToLive,
            SourcePort = sourcePort,
            DestinationPort = destinationPort,
            Options = options,
            Layout = layout.Build(),
        };
    }
}

/// <summary>How long a connection stays in one state.</summary>
/// <param name="State">The state's attribute number in its protocol (CTA_TIMEOUT_TCP_*, CTA_TIMEOUT_UDP_* …).</param>
/// <param name="Seconds">Seconds.</param>
public readonly record struct StateTimeout(ushort State, uint Seconds)
{
    internal static void Write(ref NetlinkWriter writer, ushort type, bool nested, ValueList<StateTimeout> timeouts)
    {
        WireMark mark = writer.BeginNested(type, nested);
        foreach (StateTimeout timeout in timeouts)
        {
            writer.WriteUInt32BigEndian(timeout.State, timeout.Seconds);
        }

        writer.EndAttribute(mark);
    }

    internal static bool Read(in NetlinkAttribute attribute, ref StateTimeout[]? field)
    {
        var found = new List<StateTimeout>();
        AttributeReader inside = attribute.Nested();
        while (inside.TryRead(out NetlinkAttribute part))
        {
            uint? seconds = null;
            if (!part.Read(ref seconds))
            {
                return false;
            }

            found.Add(new StateTimeout(part.Type, seconds!.Value));
        }

        if (field is not null || inside.IsTruncated)
        {
            return false;
        }

        field = [.. found];
        return true;
    }

    internal static bool ReadHost(in NetlinkAttribute attribute, ref uint? field)
    {
        if (field is not null || attribute.Value.Length != 4 || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = attribute.UInt32;
        return true;
    }

    internal static bool ReadNest(in NetlinkAttribute attribute, ref OctetString? field)
    {
        if (field is not null || !AttributeFields.IsPlainNest(attribute))
        {
            return false;
        }

        field = new OctetString(attribute.Value);
        return true;
    }
}
