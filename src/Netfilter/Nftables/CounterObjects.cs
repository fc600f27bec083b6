using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Packets and bytes counted.</summary>
public sealed record CounterData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_COUNTER;

    /// <summary>Bytes.</summary>
    public ulong? Bytes { get; init; }

    /// <summary>Packets.</summary>
    public ulong? Packets { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_COUNTER_BYTES, (byte)NFTA_COUNTER_PACKETS];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_COUNTER_BYTES:
                writer.Put(type, Bytes);
                break;
            case NFTA_COUNTER_PACKETS:
                writer.Put(type, Packets);
                break;
        }
    }

    internal static CounterData Read(AttributeReader attributes)
    {
        ulong? bytes = null;
        ulong? packets = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_COUNTER_BYTES => attribute.Read(ref bytes),
                NFTA_COUNTER_PACKETS => attribute.Read(ref packets),
                _ => false,
            });
        }

        return new CounterData
        {
            Bytes = bytes,
            Packets = packets,
            Layout = layout.Build(),
        };
    }
}

/// <summary>A number of bytes, and how much of it is used up.</summary>
public sealed record QuotaData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_QUOTA;

    /// <summary>The quota in bytes.</summary>
    public ulong? Bytes { get; init; }

    /// <summary>Bytes used up.</summary>
    public ulong? Consumed { get; init; }

    /// <summary>NFT_QUOTA_F_INV (1): matches over the quota; NFT_QUOTA_F_DEPLETED (2): used up.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_QUOTA_BYTES, (byte)NFTA_QUOTA_CONSUMED, (byte)NFTA_QUOTA_FLAGS];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_QUOTA_BYTES:
                writer.Put(type, Bytes);
                break;
            case NFTA_QUOTA_CONSUMED:
                writer.Put(type, Consumed);
                break;
            case NFTA_QUOTA_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }

    internal static QuotaData Read(AttributeReader attributes)
    {
        ulong? bytes = null;
        ulong? consumed = null;
        uint? flags = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_QUOTA_BYTES => attribute.Read(ref bytes),
                NFTA_QUOTA_CONSUMED => attribute.Read(ref consumed),
                NFTA_QUOTA_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return new QuotaData
        {
            Bytes = bytes,
            Consumed = consumed,
            Flags = flags,
            Layout = layout.Build(),
        };
    }
}

/// <summary>A rate.</summary>
public sealed record LimitData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_LIMIT;

    /// <summary>Packets or bytes per unit.</summary>
    public ulong? Rate { get; init; }

    /// <summary>Seconds.</summary>
    public ulong? Unit { get; init; }

    /// <summary>How far it may be exceeded at once.</summary>
    public uint? Burst { get; init; }

    /// <summary>NFT_LIMIT_PKTS (0) or NFT_LIMIT_PKT_BYTES (1).</summary>
    public uint? LimitType { get; init; }

    /// <summary>NFT_LIMIT_F_INV (1): matches over the limit.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_LIMIT_RATE, (byte)NFTA_LIMIT_UNIT, (byte)NFTA_LIMIT_BURST, (byte)NFTA_LIMIT_TYPE, (byte)NFTA_LIMIT_FLAGS];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_LIMIT_RATE:
                writer.Put(type, Rate);
                break;
            case NFTA_LIMIT_UNIT:
                writer.Put(type, Unit);
                break;
            case NFTA_LIMIT_BURST:
                writer.Put(type, Burst);
                break;
            case NFTA_LIMIT_TYPE:
                writer.Put(type, LimitType);
                break;
            case NFTA_LIMIT_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }

    internal static LimitData Read(AttributeReader attributes)
    {
        ulong? rate = null;
        ulong? unit = null;
        uint? burst = null;
        uint? limitType = null;
        uint? flags = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_LIMIT_RATE => attribute.Read(ref rate),
                NFTA_LIMIT_UNIT => attribute.Read(ref unit),
                NFTA_LIMIT_BURST => attribute.Read(ref burst),
                NFTA_LIMIT_TYPE => attribute.Read(ref limitType),
                NFTA_LIMIT_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return new LimitData
        {
            Rate = rate,
            Unit = unit,
            Burst = burst,
            LimitType = limitType,
            Flags = flags,
            Layout = layout.Build(),
        };
    }
}

/// <summary>A number of connections.</summary>
public sealed record ConnectionLimitData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CONNLIMIT;

    /// <summary>The number.</summary>
    public uint? Count { get; init; }

    /// <summary>NFT_CONNLIMIT_F_INV (1): matches over it.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_CONNLIMIT_COUNT, (byte)NFTA_CONNLIMIT_FLAGS];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_CONNLIMIT_COUNT:
                writer.Put(type, Count);
                break;
            case NFTA_CONNLIMIT_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }

    internal static ConnectionLimitData Read(AttributeReader attributes)
    {
        uint? count = null;
        uint? flags = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CONNLIMIT_COUNT => attribute.Read(ref count),
                NFTA_CONNLIMIT_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return new ConnectionLimitData
        {
            Count = count,
            Flags = flags,
            Layout = layout.Build(),
        };
    }
}

/// <summary>What the SYN proxy tells clients.</summary>
public sealed record SynproxyData : ObjectData
{
    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_SYNPROXY;

    /// <summary>Maximum segment size in bytes.</summary>
    public ushort? MaximumSegmentSize { get; init; }

    /// <summary>Window scale.</summary>
    public byte? WindowScale { get; init; }

    /// <summary>NF_SYNPROXY_OPT_*.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> Order =>
        [(byte)NFTA_SYNPROXY_MSS, (byte)NFTA_SYNPROXY_WSCALE, (byte)NFTA_SYNPROXY_FLAGS];

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
    {
        switch (type)
        {
            case NFTA_SYNPROXY_MSS:
                writer.Put(type, MaximumSegmentSize);
                break;
            case NFTA_SYNPROXY_WSCALE:
                writer.Put(type, WindowScale);
                break;
            case NFTA_SYNPROXY_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }

    internal static SynproxyData Read(AttributeReader attributes)
    {
        ushort? maximumSegmentSize = null;
        byte? windowScale = null;
        uint? flags = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SYNPROXY_MSS => attribute.Read(ref maximumSegmentSize),
                NFTA_SYNPROXY_WSCALE => attribute.Read(ref windowScale),
                NFTA_SYNPROXY_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return new SynproxyData
        {
            MaximumSegmentSize = maximumSegmentSize,
            WindowScale = windowScale,
            Flags = flags,
            Layout = layout.Build(),
        };
    }
}
