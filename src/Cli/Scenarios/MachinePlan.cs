using EucaNet.Engine.Configuration;

namespace EucaNet.Cli.Scenarios;

/// <summary>The networks of a scenario's machines.</summary>
internal enum Segment
{
    /// <summary>The switch that front-end and nodes are on.</summary>
    Private,

    /// <summary>The network of the public addresses.</summary>
    Public,
}

/// <summary>A network card of a machine and the switch its cable goes to.</summary>
internal sealed record Card(string Name, Segment Segment);

/// <summary>How a machine is before the engine starts on it: its cards, and the bridge over one of them where the mode wants one.</summary>
/// <param name="Machine">The machine as the scenario has it.</param>
/// <param name="Configuration">Its configuration; null where no engine runs.</param>
/// <param name="Cards">Its network cards.</param>
/// <param name="Bridge">The bridge its first card is a port of; null for none.</param>
internal sealed record MachinePlan(Machine Machine, NetworkConfiguration? Configuration, IReadOnlyList<Card> Cards, string? Bridge)
{
    /// <summary>Plans a machine.</summary>
    /// <exception cref="Control.RefusedException">Its configuration has mistakes.</exception>
    public static MachinePlan For(Machine machine)
    {
        switch (machine.Role)
        {
            case MachineRole.Outside:
                return new MachinePlan(machine, null, [new Card(FirstInterface(machine), Segment.Public)], null);
            case MachineRole.DhcpServer:
                return new MachinePlan(machine, null, [new Card(FirstInterface(machine), Segment.Private)], null);
            case MachineRole.Node:
                NetworkConfiguration node = ConfigurationFiles.Read(machine.ConfigurationFile, EngineRole.Node);
                return node.Mode == NetworkMode.Managed
                    ? new MachinePlan(machine, node, [new Card(node.Interface, Segment.Private)], null)
                    : new MachinePlan(machine, node, [new Card(PortOf(node.Bridge), Segment.Private)], node.Bridge);
            default:
                NetworkConfiguration front = ConfigurationFiles.Read(machine.ConfigurationFile, machine.Role == MachineRole.Single ? EngineRole.Both : EngineRole.FrontEnd);
                if (front.Bridge.Length > 0)
                {
                    return new MachinePlan(machine, front, [new Card(PortOf(front.Bridge), Segment.Private)], front.Bridge);
                }

                string inner = front.Interface.Length > 0 ? front.Interface : FirstInterface(machine);
                string outer = front.PublicInterface.Length > 0 ? front.PublicInterface : inner;
                return new MachinePlan(machine, front, outer == inner ? [new Card(inner, Segment.Private)] : [new Card(inner, Segment.Private), new Card(outer, Segment.Public)], null);
        }
    }

    private static string FirstInterface(Machine machine) => machine.Addresses.Count > 0 ? machine.Addresses[0].Interface : "eth0";

    // As Xen names them: the bridge takes the card's name, and the card a p in front of it.
    private static string PortOf(string bridge) => bridge.StartsWith("eth", StringComparison.Ordinal) ? "p" + bridge : "eth0";
}
