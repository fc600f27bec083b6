namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>An IPv6 extension header, an IPv4 or TCP option, or an SCTP chunk with its fields.</summary>
internal sealed class OptionHeader(uint id, string name, byte type, params HeaderField[] fields)
{
    /// <summary>The number typeof stores for an IPv6 extension header.</summary>
    public uint Id { get; } = id;

    public string Name { get; } = name;

    public byte Type { get; } = type;

    public HeaderField[] Fields { get; } = fields;

    public HeaderField? Find(int offset, int bits) => Array.Find(Fields, field => field.Offset == offset && field.Bits == bits);
}

/// <summary>The extension headers, options and chunks that nft 1.0.6 knows.</summary>
internal static class Options
{
    private static readonly DataType Number = DataTypes.Integer;
    private static readonly DataType Protocol = DataTypes.InternetProtocol;
    private static readonly HeaderField Kind = new("kind", 0, 8, Number);
    private static readonly HeaderField Length = new("length", 8, 8, Number);
    private static readonly HeaderField ChunkType = new("type", 0, 8, Number);
    private static readonly HeaderField ChunkFlags = new("flags", 8, 8, Number);
    private static readonly HeaderField ChunkLength = new("length", 16, 16, Number);
    private static readonly HeaderField NextHeader = new("nexthdr", 0, 8, Protocol);
    private static readonly HeaderField HeaderLength = new("hdrlength", 8, 8, Number);

    private static readonly OptionHeader HopByHop = new(1, "hbh", 0, NextHeader, HeaderLength);
    private static readonly OptionHeader Routing = new(2, "rt", 43, NextHeader, HeaderLength, new("type", 16, 8, Number), new("seg-left", 24, 8, Number));
    private static readonly OptionHeader Routing0 = new(3, "rt0", 43, new("reserved", 32, 32, Number), new("addr[1]", 64, 128, DataTypes.Ip6), new("addr[2]", 192, 128, DataTypes.Ip6));
    private static readonly OptionHeader Routing2 = new(4, "rt2", 43, new("reserved", 32, 32, Number), new("addr", 64, 128, DataTypes.Ip6));

    private static readonly OptionHeader SegmentRouting = new(5, "srh", 43,
        new("last-entry", 32, 8, Number), new("flags", 40, 8, Number), new("tag", 48, 16, Number), new("sid[1]", 64, 128, DataTypes.Ip6), new("sid[2]", 192, 128, DataTypes.Ip6));

    private static readonly OptionHeader Fragment = new(6, "frag", 44,
        NextHeader, new("reserved", 8, 8, Number), new("frag-off", 16, 13, Number), new("reserved2", 29, 2, Number), new("more-fragments", 31, 1, Number), new("id", 32, 32, Number));

    private static readonly OptionHeader Destination = new(7, "dst", 60, NextHeader, HeaderLength);

    private static readonly OptionHeader Mobility = new(8, "mh", 135,
        NextHeader, HeaderLength, new("type", 16, 8, DataTypes.MobilityType), new("reserved", 24, 8, Number), new("checksum", 32, 16, Number));

    private static readonly OptionHeader[] Extensions = [HopByHop, Routing, Routing0, Routing2, SegmentRouting, Fragment, Destination, Mobility];

    private static readonly OptionHeader[] Ip4 =
    [
        new(0, "ra", 148, new("type", 0, 8, Number), Length, new("value", 16, 16, Number)),
        Route("lsrr", 131), Route("rr", 7), Route("ssrr", 137),
    ];

    private static readonly OptionHeader[] Tcp =
    [
        new(0, "eol", 0, Kind),
        new(0, "nop", 1, Kind),
        new(0, "maxseg", 2, Kind, Length, new("size", 16, 16, Number)),
        new(0, "window", 3, Kind, Length, new("count", 16, 8, Number)),
        new(0, "sack-perm", 4, Kind, Length),
        new(0, "sack", 5, Kind, Length,
            new("left", 16, 32, Number), new("right", 48, 32, Number), new("left", 80, 32, Number), new("right", 112, 32, Number),
            new("left", 144, 32, Number), new("right", 176, 32, Number), new("left", 208, 32, Number), new("right", 240, 32, Number)),
        new(0, "timestamp", 8, Kind, Length, new("tsval", 16, 32, Number), new("tsecr", 48, 32, Number)),
        new(0, "md5sig", 19, Kind, Length),
        new(0, "mptcp", 30, Kind, Length, new("subtype", 16, 4, Number)),
        new(0, "fastopen", 34, Kind, Length),
    ];

    private static readonly OptionHeader[] Chunks =
    [
        Chunk("data", 0, new("tsn", 32, 32, Number), new("stream", 64, 16, Number), new("ssn", 80, 16, Number), new("ppid", 96, 32, Number)),
        Initiation("init", 1), Initiation("init-ack", 2),
        Chunk("sack", 3, new("cum-tsn-ack", 32, 32, Number), new("a-rwnd", 64, 32, Number), new("num-gap-ack-blocks", 96, 16, Number), new("num-dup-tsns", 112, 16, Number)),
        Chunk("heartbeat", 4), Chunk("heartbeat-ack", 5), Chunk("abort", 6), Chunk("shutdown", 7, new HeaderField("cum-tsn-ack", 32, 32, Number)), Chunk("shutdown-ack", 8),
        Chunk("error", 9), Chunk("cookie-echo", 10), Chunk("cookie-ack", 11), Chunk("ecne", 12, new HeaderField("lowest-tsn", 32, 32, Number)),
        Chunk("cwr", 13, new HeaderField("lowest-tsn", 32, 32, Number)), Chunk("shutdown-complete", 14), Chunk("asconf-ack", 128, new HeaderField("seqno", 32, 32, Number)),
        Chunk("forward-tsn", 192, new HeaderField("new-cum-tsn", 32, 32, Number)), Chunk("asconf", 193, new HeaderField("seqno", 32, 32, Number)),
    ];

    /// <summary>The header of a kind by its number in packets.</summary>
    internal static OptionHeader? Find(Expressions.ExtensionHeaderKind kind, byte type) => Array.Find(
        kind switch
        {
            Expressions.ExtensionHeaderKind.Ip6 => Extensions,
            Expressions.ExtensionHeaderKind.TcpOption => Tcp,
            Expressions.ExtensionHeaderKind.Ip4Option => Ip4,
            Expressions.ExtensionHeaderKind.SctpChunk => Chunks,
            _ => [],
        },
        header => header.Type == type);

    /// <summary>The IPv6 extension header that typeof stores under a number.</summary>
    internal static OptionHeader? ExtensionById(uint id) => Array.Find(Extensions, header => header.Id == id);

    /// <summary>The field at an offset; the routing header's type-specific part is looked for in the types nft knows.</summary>
    internal static (OptionHeader? Header, HeaderField? Field) FindField(Expressions.ExtensionHeaderKind kind, byte type, int offset, int bits)
    {
        OptionHeader? header = Find(kind, type);
        HeaderField? field = header?.Find(offset, bits);
        if (field is null && header == Routing)
        {
            foreach (OptionHeader specific in (OptionHeader[])[SegmentRouting, Routing0, Routing2])
            {
                if (specific.Find(offset, bits) is { } found)
                {
                    return (specific, found);
                }
            }
        }

        return (header, field);
    }

    private static OptionHeader Route(string name, byte type) =>
        new(0, name, type, new("type", 0, 8, Number), Length, new("ptr", 16, 8, Number), new("addr", 24, 32, Number));

    private static OptionHeader Chunk(string name, byte type, params HeaderField[] fields) => new(0, name, type, [ChunkType, ChunkFlags, ChunkLength, .. fields]);

    private static OptionHeader Initiation(string name, byte type) => Chunk(name, type,
        new("init-tag", 32, 32, Number), new("a-rwnd", 64, 32, Number), new("num-outbound-streams", 96, 16, Number), new("num-inbound-streams", 112, 16, Number),
        new("initial-tsn", 128, 32, Number));
}
