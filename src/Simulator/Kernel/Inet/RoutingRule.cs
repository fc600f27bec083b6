namespace EucaNet.Simulator.Kernel;

/// <summary>A rule that chooses a table (struct fib_rule).</summary>
internal sealed class RoutingRule
{
    public required byte Family { get; init; }

    public required uint Priority { get; init; }

    /// <summary>FR_ACT_*: 1 to table, 2 goto, 3 nop, 6 blackhole, 7 unreachable, 8 prohibit.</summary>
    public byte Action { get; init; } = 1;

    public uint Table { get; init; }

    public InternetAddress? Source { get; init; }

    public byte SourceLength { get; init; }

    public InternetAddress? Destination { get; init; }

    public byte DestinationLength { get; init; }

    public byte TypeOfService { get; init; }

    /// <summary>FIB_RULE_INVERT (2) and others, as the header shows them.</summary>
    public uint Flags { get; set; }

    public string? InputInterface { get; init; }

    public string? OutputInterface { get; init; }

    public uint Mark { get; init; }

    public uint MarkMask { get; init; }

    public byte Protocol { get; init; }

    public byte TransportProtocol { get; init; }

    public uint GotoPriority { get; init; }

    public ulong TunnelId { get; init; }

    public uint? SuppressPrefixLength { get; init; }

    public uint? SuppressGroup { get; init; }

    public bool LayerThreeMaster { get; init; }

    public (uint Start, uint End)? UserRange { get; init; }

    public (ushort Start, ushort End)? SourcePorts { get; init; }

    public (ushort Start, ushort End)? DestinationPorts { get; init; }

    /// <summary>Which bits of a single port count (FRA_SPORT_MASK).</summary>
    public ushort SourcePortMask { get; init; }

    public ushort DestinationPortMask { get; init; }

    /// <summary>The whole differentiated services field, without the two bits of congestion (FRA_DSCP); null where a rule knows a type of service at most.</summary>
    public byte? Dscp { get; init; }

    public byte DscpMask { get; init; }

    /// <summary>Of IPv6.</summary>
    public uint FlowLabel { get; init; }

    public uint FlowLabelMask { get; init; }

    public uint Realms { get; init; }
}

/// <summary>The rules of a namespace, by family, each in order of priority.</summary>
internal sealed class RuleTable
{
    private readonly List<RoutingRule> _v4 =
    [
        new() { Family = InternetAddress.V4, Priority = 0, Table = ForwardingTables.Local, Protocol = 2 },
        new() { Family = InternetAddress.V4, Priority = 32766, Table = ForwardingTables.Main, Protocol = 2 },
        new() { Family = InternetAddress.V4, Priority = 32767, Table = ForwardingTables.Default, Protocol = 2 },
    ];

    private readonly List<RoutingRule> _v6 =
    [
        new() { Family = InternetAddress.V6, Priority = 0, Table = ForwardingTables.Local, Protocol = 2 },
        new() { Family = InternetAddress.V6, Priority = 32766, Table = ForwardingTables.Main, Protocol = 2 },
    ];

    /// <summary>Somebody has added or deleted an IPv4 rule: each table is looked up for itself from then on.</summary>
    public bool HasCustomRules { get; set; }

    public List<RoutingRule> Of(byte family) => family == InternetAddress.V4 ? _v4 : _v6;
}
