namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>Where an SCTP association is, as a machine on the way sees it (enum sctp_conntrack, same numbers).</summary>
internal enum SctpState : byte
{
    None,
    Closed,
    CookieWait,
    CookieEchoed,
    Established,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
    HeartbeatSent,

    /// <summary>A chunk that can't come there.</summary>
    Invalid,
}

/// <summary>What is kept of an SCTP association.</summary>
internal sealed class SctpTracking
{
    public SctpState State { get; set; }

    /// <summary>The tag that packets of each direction carry; as it stands in the header.</summary>
    public uint[] Tags { get; } = new uint[2];

    /// <summary>Each side has begun an association (both: they collide).</summary>
    public bool[] Begun { get; } = new bool[2];

    /// <summary>A heartbeat came with another tag: its answer may show a new one.</summary>
    public bool HeartbeatFailed { get; set; }

    public ConnectionDirection LastDirection { get; set; }
}
