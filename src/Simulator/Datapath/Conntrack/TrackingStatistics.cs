namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>What is counted of connection tracking (struct ip_conntrack_stat); what else the kernel counts is of its hash table, and stays 0 here.</summary>
internal sealed class TrackingStatistics
{
    /// <summary>Packets that belong to no connection.</summary>
    public uint Invalid { get; set; }

    /// <summary>Packets dropped because no connection could be made for them.</summary>
    public uint Dropped { get; set; }

    /// <summary>Connections that requests made.</summary>
    public uint Inserted { get; set; }

    /// <summary>Connections that were not entered since another one has one of their tuples.</summary>
    public uint InsertFailed { get; set; }

    /// <summary>Connections that came as they were expected.</summary>
    public uint Fulfilled { get; set; }

    public uint Expected { get; set; }

    /// <summary>Expectations that ended.</summary>
    public uint Unexpected { get; set; }
}
