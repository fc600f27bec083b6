using EucaNet.Simulator.Datapath.Proxy;
namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>How a packet relates to its connection (enum ip_conntrack_info, same numbers).</summary>
internal enum ConnectionInfo : byte
{
    Established = 0,
    Related = 1,
    New = 2,
    EstablishedReply = 3,
    RelatedReply = 4,
    Untracked = 7,
}

/// <summary>A connection's status bits (enum ip_conntrack_status, same numbers; CTA_STATUS carries them).</summary>
[Flags]
internal enum ConnectionStatus : uint
{
    None = 0,
    Expected = 1 << 0,
    SeenReply = 1 << 1,
    Assured = 1 << 2,
    Confirmed = 1 << 3,
    SourceNat = 1 << 4,
    DestinationNat = 1 << 5,
    SequenceAdjust = 1 << 6,
    SourceNatDone = 1 << 7,
    DestinationNatDone = 1 << 8,
    Dying = 1 << 9,
    FixedTimeout = 1 << 10,
    Template = 1 << 11,
    NatClash = 1 << 12,
    Helper = 1 << 13,
    Offload = 1 << 14,
    NatMask = SourceNat | DestinationNat,
    NatDoneMask = SourceNatDone | DestinationNatDone,
}

/// <summary>What happened to a connection (enum ip_conntrack_events, bit by bit).</summary>
[Flags]
internal enum ConnectionEvents
{
    None = 0,
    New = 1 << 0,
    Related = 1 << 1,
    Destroy = 1 << 2,
    Reply = 1 << 3,
    Assured = 1 << 4,
    ProtocolInfo = 1 << 5,
    Helper = 1 << 6,
    Mark = 1 << 7,
    SequenceAdjust = 1 << 8,
    SecurityMark = 1 << 9,
    Label = 1 << 10,
    Proxy = 1 << 11,
}

/// <summary>The side a packet belongs to.</summary>
internal enum ConnectionDirection : byte
{
    Original = 0,
    Reply = 1,
}

/// <summary>How far the sequence numbers of one direction are moved (struct nf_ct_seqadj).</summary>
/// <param name="From">The number up to which <paramref name="Before"/> counts.</param>
/// <param name="Before">Added up to there.</param>
/// <param name="After">Added from there on.</param>
internal readonly record struct SequenceShift(uint From, uint Before, uint After);

/// <summary>One tracked connection (struct nf_conn).</summary>
internal sealed class Connection(uint id, ConnectionTuple original, ConnectionTuple reply, ConnectionZone zone)
{
    /// <summary>Unique among this kernel's connections (CTA_ID; the real kernel hashes an address, so the number means nothing).</summary>
    public uint Id { get; } = id;

    /// <summary>The first packet's tuple; never changes.</summary>
    public ConnectionTuple Original { get; } = original;

    /// <summary>What an answer looks like when it comes in: differs from the inverse of <see cref="Original"/> after address translation.</summary>
    public ConnectionTuple Reply { get; set; } = reply;

    public ConnectionZone Zone { get; } = zone;

    /// <summary>Of a template: the packet's mark is the zone (NF_CT_FLAG_MARK).</summary>
    public bool IsZoneOfMark { get; init; }

    /// <summary>What a rule says beforehand of a packet's connection: the zone in which tracking looks for it (nf_ct_tmpl_alloc). It counts as confirmed: nobody enters it in the table or translates it.</summary>
    public static Connection Template(ConnectionZone zone, bool isZoneOfMark = false) => new(0, default, default, zone) { Status = ConnectionStatus.Template | ConnectionStatus.Confirmed, IsZoneOfMark = isZoneOfMark };

    /// <summary>A template, no connection.</summary>
    public bool IsTemplate => (Status & ConnectionStatus.Template) != 0;

    /// <summary>What of it is told to listeners; null where nothing is, because none was there when it began (nf_conntrack_events).</summary>
    public ConnectionEvents? Told { get; set; }

    /// <summary>What is told of the connections that are expected for it, where anything is told of it.</summary>
    public ExpectationEvents ExpectationsTold { get; set; }

    /// <summary>What is told of a connection of which no rule says otherwise.</summary>
    public const ConnectionEvents AllEvents = (ConnectionEvents)0xffff;

    /// <summary>What changed since it was last told of: told when the packet that changed it leaves.</summary>
    public ConnectionEvents Pending { get; set; }

    public void Note(ConnectionEvents events) => Pending |= events;

    /// <summary>The connection that spoke of this one before it came.</summary>
    public Connection? Master { get; set; }

    /// <summary>How many connections have it for their master.</summary>
    public int Children { get; set; }

    /// <summary>The helper that a rule or a request gave it.</summary>
    public ConnectionHelper? Helper { get; set; }

    /// <summary>Connections can be expected for it (it has the extension for helpers).</summary>
    public bool CanExpect { get; set; }

    /// <summary>The timeouts that a rule gave it.</summary>
    public TimeoutPolicy? Policy { get; set; }

    /// <summary>How the numbers of each direction are moved; null where a connection has no room for that. Kept and told, nothing is moved by it.</summary>
    public SequenceShift[]? Sequences { get; set; }

    public ConnectionStatus Status { get; set; }

    public uint Mark { get; set; }

    /// <summary>It has room for labels: some rule was about them when it came.</summary>
    public bool HasLabels { get; init; }

    /// <summary>128 label bits.</summary>
    public UInt128 Labels { get; set; }

    /// <summary>When it ends if nothing comes, on the virtual clock.</summary>
    public DateTimeOffset Expires { get; set; }

    /// <summary>When it was confirmed.</summary>
    public DateTimeOffset Began { get; set; }

    /// <summary>Its begin and end are told (nf_conntrack_timestamp was on when it came).</summary>
    public bool IsTimed { get; init; }

    /// <summary>When it ended; null while it lives.</summary>
    public DateTimeOffset? Ended { get; set; }

    public TcpTracking? Tcp { get; set; }

    public SctpTracking? Sctp { get; set; }

    /// <summary>A SYN proxy did its handshake with the client.</summary>
    public ProxiedHandshake? Proxied { get; set; }

    /// <summary>From when on a UDP flow with answers counts as a stream.</summary>
    public DateTimeOffset StreamFrom { get; set; }

    /// <summary>Index of the interface whose address masquerade chose, 0 for none; its going down ends the connection.</summary>
    public int MasqueradeInterface { get; set; }

    /// <summary>Per direction; counted only where nf_conntrack_acct was on when the connection began.</summary>
    public ulong[]? Packets { get; set; }

    public ulong[]? Bytes { get; set; }

    /// <summary>It is among those that an address translation of the source made; kept by the translator.</summary>
    public bool IsSourceListed { get; set; }

    public bool IsConfirmed => (Status & ConnectionStatus.Confirmed) != 0;

    public bool HasSeenReply => (Status & ConnectionStatus.SeenReply) != 0;

    public bool IsDying => (Status & ConnectionStatus.Dying) != 0;

    public ConnectionTuple Tuple(ConnectionDirection direction) => direction == ConnectionDirection.Original ? Original : Reply;

    /// <summary>The direction a packet with this relation moves in.</summary>
    public static ConnectionDirection DirectionOf(ConnectionInfo info) =>
        info >= ConnectionInfo.EstablishedReply ? ConnectionDirection.Reply : ConnectionDirection.Original;

    public override string ToString() => $"{Original}{(Reply == Original.Invert() ? "" : $" (answers {Reply})")}";
}
