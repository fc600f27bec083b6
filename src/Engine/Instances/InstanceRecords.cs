using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine;

/// <summary>A security group: the user it belongs to and its name.</summary>
/// <param name="User">The user.</param>
/// <param name="Group">The group's name.</param>
public readonly record struct GroupName(string User, string Group) : IComparable<GroupName>
{
    /// <inheritdoc />
    public int CompareTo(GroupName other)
    {
        int users = string.CompareOrdinal(User, other.User);
        return users != 0 ? users : string.CompareOrdinal(Group, other.Group);
    }

    /// <summary>The manual's form: user-group.</summary>
    public override string ToString() => $"{User}-{Group}";

    /// <summary>Sorts before.</summary>
    public static bool operator <(GroupName left, GroupName right) => left.CompareTo(right) < 0;

    /// <summary>Sorts after.</summary>
    public static bool operator >(GroupName left, GroupName right) => left.CompareTo(right) > 0;

    /// <summary>Sorts before or is the same.</summary>
    public static bool operator <=(GroupName left, GroupName right) => left.CompareTo(right) <= 0;

    /// <summary>Sorts after or is the same.</summary>
    public static bool operator >=(GroupName left, GroupName right) => left.CompareTo(right) >= 0;
}

/// <summary>What a front-end is asked to give a network to.</summary>
public sealed record InstanceRequest
{
    /// <summary>The instance's id; in MANAGED mode <c>i-</c> and eight hexadecimal digits, which become its MAC.</summary>
    public required string InstanceId { get; init; }

    /// <summary>The user who runs it.</summary>
    public string User { get; init; } = "admin";

    /// <summary>Its security group; "default" as in the manual.</summary>
    public string Group { get; init; } = "default";

    /// <summary>An elastic address to assign at boot; null for none. MANAGED mode only.</summary>
    public Ipv4Address? PublicAddress { get; init; }

    /// <summary>Takes any free address of the pool at boot when <see cref="PublicAddress"/> is null. MANAGED mode only.</summary>
    public bool AnyPublicAddress { get; init; }
}

/// <summary>What a front-end gave an instance; a node needs it to attach the instance's interface.</summary>
public sealed record InstanceAssignment
{
    /// <summary>The instance.</summary>
    public required string InstanceId { get; init; }

    /// <summary>Its security group.</summary>
    public required GroupName Group { get; init; }

    /// <summary>The mode of the network.</summary>
    public required NetworkMode Mode { get; init; }

    /// <summary>The instance's MAC.</summary>
    public required MacAddress Mac { get; init; }

    /// <summary>Its private address; 0.0.0.0 where somebody else gives it (SYSTEM).</summary>
    public Ipv4Address Address { get; init; }

    /// <summary>The VLAN, 0 outside MANAGED mode.</summary>
    public int Vlan { get; init; }

    /// <summary>The instance's network: the chunk in MANAGED mode, the subnet in STATIC, 0.0.0.0/0 in SYSTEM.</summary>
    public Ipv4Network Network { get; init; }

    /// <summary>The instance's router; 0.0.0.0 in SYSTEM mode.</summary>
    public Ipv4Address Router { get; init; }

    /// <summary>The bridge on the node: <c>eucabr10</c> in MANAGED mode, empty for the node's own <c>VNET_BRIDGE</c>.</summary>
    public string BridgeName { get; init; } = "";
}

/// <summary>An instance as the front-end's listing shows it.</summary>
public sealed record InstanceListing
{
    /// <summary>What it was given.</summary>
    public required InstanceAssignment Assignment { get; init; }

    /// <summary>Its private address: given, or discovered in SYSTEM mode; 0.0.0.0 when unknown.</summary>
    public Ipv4Address PrivateAddress { get; init; }

    /// <summary>Its public address; the private one where there is none, as the old listing had it; 0.0.0.0 when unknown.</summary>
    public Ipv4Address PublicAddress { get; init; }

    /// <summary>True when an elastic address is associated.</summary>
    public bool HasElasticAddress { get; init; }

    /// <summary>When it was given its network.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Why the address is what it is, when it was discovered: source and age; null otherwise.</summary>
    public string? Discovery { get; init; }
}

/// <summary>An active network of MANAGED mode.</summary>
public sealed record NetworkListing
{
    /// <summary>The group it carries.</summary>
    public required GroupName Group { get; init; }

    /// <summary>Its VLAN.</summary>
    public int Vlan { get; init; }

    /// <summary>Its chunk.</summary>
    public Ipv4Network Network { get; init; }

    /// <summary>The router's address in it.</summary>
    public Ipv4Address Router { get; init; }

    /// <summary>The front-end's interface for it.</summary>
    public string InterfaceName { get; init; } = "";

    /// <summary>Instances running in it.</summary>
    public int Instances { get; init; }

    /// <summary>Addresses left in it (without those in quarantine).</summary>
    public int FreeAddresses { get; init; }
}

/// <summary>An address of the public pool.</summary>
public sealed record PublicAddressListing
{
    /// <summary>The address.</summary>
    public Ipv4Address Address { get; init; }

    /// <summary>The instance it is associated with, or null.</summary>
    public string? InstanceId { get; init; }

    /// <summary>That instance's private address; 0.0.0.0 when there is none.</summary>
    public Ipv4Address PrivateAddress { get; init; }
}

/// <summary>An instance that a node has attached.</summary>
public sealed record AttachedInstance
{
    /// <summary>What the front-end gave it.</summary>
    public required InstanceAssignment Assignment { get; init; }

    /// <summary>The interface the hypervisor made (<c>vif18.0</c>).</summary>
    public required string InterfaceName { get; init; }

    /// <summary>The bridge it is a port of.</summary>
    public required string BridgeName { get; init; }

    /// <summary>Its address: given, or in SYSTEM mode seen in a DHCP server's acknowledgement; 0.0.0.0 when unknown.</summary>
    public Ipv4Address Address { get; init; }

    /// <summary>Why the address is what it is, when it was seen: source and age; null otherwise.</summary>
    public string? Discovery { get; init; }
}

/// <summary>A front-end or node in a few numbers.</summary>
public sealed record EngineStatus
{
    /// <summary>Front-end or node.</summary>
    public required EngineRole Role { get; init; }

    /// <summary>The mode.</summary>
    public required NetworkMode Mode { get; init; }

    /// <summary>True between start and stop.</summary>
    public bool Running { get; init; }

    /// <summary>When it was started.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Instances.</summary>
    public int Instances { get; init; }

    /// <summary>Active networks (MANAGED).</summary>
    public int Networks { get; init; }

    /// <summary>Ingress rules (MANAGED).</summary>
    public int Rules { get; init; }

    /// <summary>Associated public addresses (MANAGED).</summary>
    public int AssociatedAddresses { get; init; }

    /// <summary>What the configuration has room for; null on a node.</summary>
    public CapacityReport? Capacity { get; init; }

    /// <summary>The packet filter in use and why, or null.</summary>
    public string? Firewall { get; init; }

    /// <summary>The DHCP server in use, or null.</summary>
    public string? Dhcp { get; init; }

    /// <summary>Things that want somebody's attention.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}
