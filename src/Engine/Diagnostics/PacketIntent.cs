namespace EucaNet.Engine.Diagnostics;

/// <summary>The first packet of a flow, as it arrives at the front-end.</summary>
public sealed record PacketDescription
{
    /// <summary>Where it comes from.</summary>
    public required Ipv4Address Source { get; init; }

    /// <summary>Where it is sent to, before any translation.</summary>
    public required Ipv4Address Destination { get; init; }

    /// <summary>The IP protocol's number.</summary>
    public required byte Protocol { get; init; }

    /// <summary>The destination port, where the protocol has ports.</summary>
    public int? Port { get; init; }

    /// <summary>The ICMP type, of ICMP.</summary>
    public int? IcmpType { get; init; }

    /// <summary>The ICMP code, of ICMP.</summary>
    public int? IcmpCode { get; init; }
}

/// <summary>Who a packet is between and what is wanted of it.</summary>
public sealed record PacketIntent
{
    /// <summary>The sender, where it is an instance.</summary>
    public string? SourceInstance { get; init; }

    /// <summary>The receiver, where it is an instance.</summary>
    public string? DestinationInstance { get; init; }

    /// <summary>The receiver's private address, where a public one was named.</summary>
    public Ipv4Address? PrivateDestination { get; init; }

    /// <summary>The receiver's group, or null.</summary>
    public GroupName? Group { get; init; }

    /// <summary>Sender and receiver are of one group.</summary>
    public bool IsWithinGroup { get; init; }

    /// <summary>The rules of the receiver's group that let it in.</summary>
    public IReadOnlyList<IngressRule> LetInBy { get; init; } = [];

    /// <summary>The other rules of the receiver's group.</summary>
    public IReadOnlyList<IngressRule> OtherRules { get; init; } = [];
}
