using System.Text.Json.Serialization;

namespace EucaNet.Cli.Control;

/// <summary>What the front-end assigned to an instance; the same object is what a node attaches.</summary>
internal sealed record InstanceMessage
{
    public required string Instance { get; init; }

    public string User { get; init; } = "";

    public string Group { get; init; } = "";

    /// <summary>SYSTEM, STATIC or MANAGED.</summary>
    public string Mode { get; init; } = "";

    public int Vlan { get; init; }

    public string HardwareAddress { get; init; } = "";

    public string PrivateAddress { get; init; } = "";

    public string PublicAddress { get; init; } = "";

    public string Bridge { get; init; } = "";

    /// <summary>On a node: the interface the hypervisor made.</summary>
    public string? Interface { get; init; }

    /// <summary>On a node: the addresses of the instance's network, "192.168.0.0/26"; what the guard of its port is made from.</summary>
    public string? Network { get; init; }

    /// <summary>The network's router, which alone may answer DHCP.</summary>
    public string? Router { get; init; }
}

/// <summary>Asks for an instance to be run.</summary>
internal sealed record RunMessage(string Instance, string User, string Group, string? PublicAddress);

/// <summary>Asks for an interface to be attached on a node.</summary>
internal sealed record AttachMessage(InstanceMessage Assignment, string Interface);

/// <summary>An ingress rule of a group.</summary>
internal sealed record RuleMessage
{
    public required string User { get; init; }

    public required string Group { get; init; }

    /// <summary>tcp, udp, icmp or a number.</summary>
    public required string Protocol { get; init; }

    /// <summary>"22" or "8000-8080"; empty for all.</summary>
    public string Ports { get; init; } = "";

    /// <summary>ICMP type, -1 for any.</summary>
    public int IcmpType { get; init; } = -1;

    /// <summary>ICMP code, -1 for any.</summary>
    public int IcmpCode { get; init; } = -1;

    /// <summary>Source as a CIDR; empty when it is a group.</summary>
    public string Source { get; init; } = "";

    public string SourceUser { get; init; } = "";

    public string SourceGroup { get; init; } = "";

    /// <summary>In listings: false while the group, or its source group, has no instances.</summary>
    public bool? Active { get; init; }
}

/// <summary>Asks for a public address to be given to an instance.</summary>
internal sealed record AssociateMessage(string PublicAddress, string Instance);

/// <summary>A public address of the pool and the instance it belongs to, empty for none.</summary>
internal sealed record AddressMessage(string PublicAddress, string Instance, string PrivateAddress);

/// <summary>An active network.</summary>
internal sealed record NetworkMessage(string User, string Group, int Vlan, string Subnet, string Router, int Instances, int Free);

/// <summary>What is wanted of one thing, what the kernel has and counts for it, and what was refused of late.</summary>
internal sealed record ExplanationMessage(string Subject, IReadOnlyList<string> Intent, IReadOnlyList<string> Kernel, IReadOnlyList<string> Counters, IReadOnlyList<string> Errors);

/// <summary>The first packet of a flow, to be followed.</summary>
internal sealed record TraceRequestMessage
{
    /// <summary>tcp, udp, icmp or a number.</summary>
    public required string Protocol { get; init; }

    /// <summary>An instance or an address.</summary>
    public required string From { get; init; }

    /// <summary>An instance or an address.</summary>
    public required string To { get; init; }

    public int? Port { get; init; }

    public int SourcePort { get; init; } = 40000;

    public int IcmpType { get; init; } = 8;

    public int IcmpCode { get; init; }

    /// <summary>The interface it arrives by; found out where null.</summary>
    public string? Interface { get; init; }
}

/// <summary>A step of a packet: what happened, by which rule, and where that comes from.</summary>
internal sealed record TraceStepMessage(string What, string? Rule = null, string? Origin = null);

/// <summary>What becomes of a packet.</summary>
/// <param name="Packet">The packet in words.</param>
/// <param name="Passes">It gets through, or reaches this machine.</param>
/// <param name="Ending">How it ends.</param>
/// <param name="Steps">Its way.</param>
/// <param name="LeftOut">What of this machine could not be taken into account.</param>
/// <param name="FlowsUnderWay">Flows from there to there that connection tracking holds now.</param>
internal sealed record TraceMessage(string Packet, bool Passes, string Ending, IReadOnlyList<TraceStepMessage> Steps, IReadOnlyList<string> LeftOut, int FlowsUnderWay);

/// <summary>What a node saw of an instance's address (SYSTEM mode).</summary>
internal sealed record ReportMessage(string Instance, string Address, string Server, int LeaseSeconds);

/// <summary>How the engine is.</summary>
internal sealed record StatusMessage
{
    public required string Role { get; init; }

    public required string Mode { get; init; }

    public int Instances { get; init; }

    public int Networks { get; init; }

    public int PublicAddressesInUse { get; init; }

    public int PublicAddresses { get; init; }

    public string Firewall { get; init; } = "";

    public string Dhcp { get; init; } = "";

    /// <summary>What wants somebody's attention.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <summary>The answer to a command that changed something.</summary>
/// <param name="Changes">What was done to the kernel, a line each.</param>
/// <param name="Instance">The instance concerned, where there is one.</param>
internal sealed record ChangeMessage(IReadOnlyList<string> Changes, InstanceMessage? Instance = null);

/// <summary>The answer to a command that was refused; everything is as before.</summary>
internal sealed record RefusalMessage(string Error);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(InstanceMessage))]
[JsonSerializable(typeof(IReadOnlyList<InstanceMessage>))]
[JsonSerializable(typeof(RunMessage))]
[JsonSerializable(typeof(AttachMessage))]
[JsonSerializable(typeof(RuleMessage))]
[JsonSerializable(typeof(IReadOnlyList<RuleMessage>))]
[JsonSerializable(typeof(AssociateMessage))]
[JsonSerializable(typeof(IReadOnlyList<AddressMessage>))]
[JsonSerializable(typeof(IReadOnlyList<NetworkMessage>))]
[JsonSerializable(typeof(ExplanationMessage))]
[JsonSerializable(typeof(TraceRequestMessage))]
[JsonSerializable(typeof(TraceMessage))]
[JsonSerializable(typeof(ReportMessage))]
[JsonSerializable(typeof(StatusMessage))]
[JsonSerializable(typeof(ChangeMessage))]
[JsonSerializable(typeof(RefusalMessage))]
internal sealed partial class ControlJson : JsonSerializerContext;
