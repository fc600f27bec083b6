namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What a match remembers between packets.</summary>
internal sealed class MatchState
{
    /// <summary>The match keeps connection tracking on.</summary>
    public bool UsesConntrack { get; set; }

    /// <summary>Tokens of a limit, bytes left of a quota, packets counted; null before the first packet.</summary>
    public double? Amount { get; set; }

    /// <summary>When the state was last brought up to date.</summary>
    public DateTimeOffset Since { get; set; }

    /// <summary>Per address: the connections a connlimit counts.</summary>
    public Dictionary<string, HashSet<Datapath.Conntrack.Connection>> Connections { get; } = [];
}
