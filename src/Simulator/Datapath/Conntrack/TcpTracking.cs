using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>A tracked TCP connection's state (enum tcp_conntrack, same numbers; CTA_PROTOINFO_TCP_STATE carries them).</summary>
internal enum TcpState : byte
{
    None = 0,
    SynSent = 1,
    SynReceived = 2,
    Established = 3,
    FinWait = 4,
    CloseWait = 5,
    LastAck = 6,
    TimeWait = 7,
    Close = 8,
    SynSent2 = 9,
    Invalid = 10,
    Ignore = 11,
}

/// <summary>What is known of one side of a TCP connection.</summary>
internal struct TcpSide
{
    /// <summary>The highest sequence number sent, its segment's length included.</summary>
    public uint End;

    /// <summary>How far this side may send: the other's acknowledgement and window.</summary>
    public uint MaximumEnd;

    /// <summary>The largest window this side announced.</summary>
    public uint MaximumWindow;

    /// <summary>The highest acknowledgement this side sent; 0 for none.</summary>
    public uint MaximumAcknowledgement;

    public byte Scale;

    public TcpSideFlags Flags;
}

/// <summary>Flags of one side (IP_CT_TCP_FLAG_*, same numbers).</summary>
[Flags]
internal enum TcpSideFlags : byte
{
    None = 0,
    WindowScale = 1,
    SelectiveAcknowledgement = 2,
    CloseInitiated = 4,
    BeLiberal = 8,
    DataUnacknowledged = 16,
    MaximumAcknowledgementSet = 32,

    /// <summary>Not of a side, but of the last segment: a SYN was let pass while the last acknowledgement was awaited, and may be challenged.</summary>
    ChallengeExpected = 64,

    /// <summary>Not of a side, but of the last segment: both ends sent a SYN.</summary>
    SimultaneousOpen = 128,
}

/// <summary>The control bits that decide a transition (enum tcp_bit_set).</summary>
internal enum TcpBits : byte
{
    Syn,
    SynAck,
    Fin,
    Ack,
    Reset,
    None,
}

/// <summary>
/// TCP's part of a tracked connection. The transitions are those of the kernel (nf_conntrack_proto_tcp.c): per direction,
/// per kind of segment and per state; "ignore" lets a segment pass without believing it, "invalid" takes it out of tracking.
/// </summary>
internal sealed class TcpTracking
{
    private const string States = "-SRETCLWX2"; // None SynSent SynReceived Established FinWait(T) CloseWait(C) LastAck TimeWait(W) Close(X) SynSent2

    // A column per old state, in the order of States; '!' is invalid, '.' is ignore.
    private static readonly string[][] Transitions =
    [
        [
            "SS.....SS2", // syn
            "!!R!!!!!!R", // syn and ack
            "!!TTLLLWX!", // fin
            "E!EECCWWX!", // ack
            "!XXXXXXXXX", // reset
            "!!!!!!!!!!", // none of them
        ],
        [
            "!2!!!!!S!2",
            "!R.......R",
            "!!TTLLLWX!",
            "!.RECCWWX.",
            "!XXXXXXXXX",
            "!!!!!!!!!!",
        ],
    ];

    private readonly TcpSide[] _sides = new TcpSide[2];
    private readonly uint[] _shifts = new uint[2];

    public TcpState State { get; set; }

    public TcpBits LastBits { get; set; } = TcpBits.None;

    public ConnectionDirection LastDirection { get; set; }

    public uint LastSequence { get; set; }

    public uint LastAcknowledgement { get; set; }

    public uint LastEnd { get; set; }

    public ushort LastWindow { get; set; }

    /// <summary>The options of a SYN that was let pass without believing it, and what is remembered until the next.</summary>
    public TcpSideFlags LastFlags { get; set; }

    public byte LastScale { get; set; }

    public int Retransmissions { get; set; }

    public ref TcpSide Side(ConnectionDirection direction) => ref _sides[(int)direction];

    /// <summary>What is added to this direction's numbers before the other end sees them; 0 where its handshake was its own.</summary>
    public ref uint Shift(ConnectionDirection direction) => ref _shifts[(int)direction];

    public static TcpBits BitsOf(TcpFlags flags) =>
        (flags & TcpFlags.Reset) != 0 ? TcpBits.Reset
        : (flags & TcpFlags.Synchronize) != 0 ? (flags & TcpFlags.Acknowledge) != 0 ? TcpBits.SynAck : TcpBits.Syn
        : (flags & TcpFlags.Finish) != 0 ? TcpBits.Fin
        : (flags & TcpFlags.Acknowledge) != 0 ? TcpBits.Ack
        : TcpBits.None;

    /// <summary>The state after a segment.</summary>
    public static TcpState Next(ConnectionDirection direction, TcpBits bits, TcpState state)
    {
        char next = Transitions[(int)direction][(int)bits][(int)state];
        return next switch
        {
            '!' => TcpState.Invalid,
            '.' => TcpState.Ignore,
            _ => (TcpState)States.IndexOf(next, StringComparison.Ordinal),
        };
    }

    /// <summary>Combinations of control bits that occur; PSH, ECE and CWR may stand anywhere, URG with an acknowledgement.</summary>
    public static bool AreFlagsValid(TcpFlags flags)
    {
        const TcpFlags Ignored = TcpFlags.EchoCongestion | TcpFlags.CongestionWindowReduced | TcpFlags.Push;
        return (flags & ~Ignored) is TcpFlags.Synchronize
            or (TcpFlags.Synchronize | TcpFlags.Urgent)
            or (TcpFlags.Synchronize | TcpFlags.Acknowledge)
            or TcpFlags.Reset
            or (TcpFlags.Reset | TcpFlags.Acknowledge)
            or (TcpFlags.Finish | TcpFlags.Acknowledge)
            or (TcpFlags.Finish | TcpFlags.Acknowledge | TcpFlags.Urgent)
            or TcpFlags.Acknowledge
            or (TcpFlags.Acknowledge | TcpFlags.Urgent);
    }
}
