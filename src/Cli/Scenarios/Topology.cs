using System.Net;

namespace EucaNet.Cli.Scenarios;

/// <summary>An address with its prefix length, on an interface.</summary>
internal sealed record InterfaceAddress(string Interface, IPAddress Address, int PrefixLength);

/// <summary>What a machine of a scenario is.</summary>
internal enum MachineRole
{
    /// <summary>The front-end (cluster controller).</summary>
    FrontEnd,

    /// <summary>A node that VMs run on.</summary>
    Node,

    /// <summary>Front-end and node on one machine.</summary>
    Single,

    /// <summary>A host on the public network.</summary>
    Outside,

    /// <summary>Somebody else's DHCP server on the machines' own network.</summary>
    DhcpServer,
}

/// <summary>One machine of a scenario.</summary>
/// <param name="Name">Its name in the scenario.</param>
/// <param name="Role">What it is.</param>
/// <param name="ConfigurationFile">Its eucalyptus.conf; empty for machines the engine does not run on.</param>
/// <param name="Addresses">Addresses it has before the engine starts.</param>
/// <param name="Pool">The first and last address a DHCP server hands out.</param>
/// <param name="Reports">The cloud's messaging carries what this node sees of instances' addresses to the front-end (SYSTEM mode).</param>
internal sealed record Machine(string Name, MachineRole Role, string ConfigurationFile, IReadOnlyList<InterfaceAddress> Addresses, (IPAddress First, IPAddress Last)? Pool = null, bool Reports = false);
