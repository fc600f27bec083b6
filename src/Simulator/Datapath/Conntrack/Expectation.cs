using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>NF_CT_EXPECT_* (nf_conntrack_common.h, same numbers).</summary>
[Flags]
internal enum ExpectationFlags : uint
{
    None = 0,

    /// <summary>It stays when a connection that it expected has come.</summary>
    Permanent = 1 << 0,

    /// <summary>Nothing is taken for what it expects.</summary>
    Inactive = 1 << 1,

    /// <summary>Made by a program.</summary>
    UserSpace = 1 << 2,
}

/// <summary>What happened to an expectation (enum ip_conntrack_expect_events, bit by bit).</summary>
[Flags]
internal enum ExpectationEvents : byte
{
    None = 0,
    New = 1 << 0,
    Destroy = 1 << 1,
    All = New | Destroy,
}

/// <summary>What a connection that is expected does with its addresses when it comes: those of its master's ends, turned round.</summary>
/// <param name="Address">The address before translation.</param>
/// <param name="Port">The port before translation.</param>
/// <param name="Direction">The direction of the master from which it is expected.</param>
internal readonly record struct ExpectedTranslation(InternetAddress Address, ushort Port, uint Direction);

/// <summary>A connection that is waited for because another one speaks of it (struct nf_conntrack_expect).</summary>
/// <param name="id">Unique among this kernel's expectations (CTA_EXPECT_ID; the real kernel hashes addresses, so the number means nothing).</param>
/// <param name="master">The connection that speaks of it.</param>
/// <param name="tuple">Whom it goes to, and from whom so far as <paramref name="mask"/> says.</param>
/// <param name="mask">The bits of source address and port that count; the rest of it says nothing.</param>
internal sealed class Expectation(uint id, Connection master, ConnectionTuple tuple, ConnectionTuple mask)
{
    public uint Id { get; } = id;

    public Connection Master { get; } = master;

    public ConnectionTuple Tuple { get; } = tuple;

    public ConnectionTuple Mask { get; } = mask;

    /// <summary>The helper that the expected connection gets.</summary>
    public ConnectionHelper? Helper { get; init; }

    /// <summary>Which of its helper's policies counts it.</summary>
    public uint Class { get; init; }

    public ExpectationFlags Flags { get; init; }

    /// <summary>How it is translated; null where nothing was said.</summary>
    public ExpectedTranslation? Translation { get; init; }

    /// <summary>It is translated as its master is (nat-follow-master).</summary>
    public bool FollowsMaster { get; init; }

    /// <summary>Until when it is waited for.</summary>
    public DateTimeOffset Expires { get; set; }

    /// <summary>A packet's tuple is the expected one (nf_ct_exp_equal).</summary>
    public bool Expects(ConnectionTuple tuple, ConnectionZone zone) => zone.Id == Master.Zone.Id && Agrees(tuple, Tuple, Mask);

    /// <summary>Two say the same.</summary>
    public bool Repeats(Expectation other) => Tuple == other.Tuple && HasMaskOf(other) && Master.Zone.Id == other.Master.Zone.Id;

    /// <summary>There can be a packet that both expect (expect_clash).</summary>
    public bool Clashes(Expectation other) => Master.Zone.Id == other.Master.Zone.Id
        && Agrees(Tuple, other.Tuple, Mask with
        {
            Source = Mask.Source with { Value = Mask.Source.Value & other.Mask.Source.Value },
            SourcePort = (ushort)(Mask.SourcePort & other.Mask.SourcePort),
        });

    private bool HasMaskOf(Expectation other) => Mask.Source == other.Mask.Source && Mask.SourcePort == other.Mask.SourcePort;

    private static bool Agrees(ConnectionTuple one, ConnectionTuple other, ConnectionTuple mask) =>
        one.Protocol == other.Protocol && one.Destination == other.Destination && one.DestinationPort == other.DestinationPort
        && one.Family == other.Family && ((one.Source.Value ^ other.Source.Value) & mask.Source.Value) == UInt128.Zero && ((one.SourcePort ^ other.SourcePort) & mask.SourcePort) == 0;
}
