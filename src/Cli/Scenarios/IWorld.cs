using System.Net;
using EucaNet.Engine.Dhcp;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli.Scenarios;

/// <summary>
/// The machines, cables and switches a scenario runs on: simulated kernels, or network namespaces of this machine's own
/// kernel. The engine on each machine is the same in both.
/// </summary>
internal interface IWorld : IAsyncDisposable
{
    /// <summary>What it is, for the first line of the story ("simulated kernels, seed 1").</summary>
    string Description { get; }

    /// <summary>Adds a machine with its cards, each cabled to the switch of its segment.</summary>
    ValueTask AddMachineAsync(MachinePlan plan, CancellationToken cancellationToken);

    /// <summary>The kernel of a machine or VM.</summary>
    IKernel KernelOf(string machine);

    /// <summary>Starts a machine's DHCP daemon (<c>VNET_DHCPDAEMON</c>) on it; null where machines run no programs, then the built-in server takes its place.</summary>
    IDaemonLauncher? DaemonLauncherOf(string machine);

    /// <summary>What a hypervisor does: a VM with an interface eth0 of this hardware address, whose other end is an interface of the node.</summary>
    ValueTask PlugAsync(string node, string virtualMachine, string interfaceName, string hardwareAddress, CancellationToken cancellationToken);

    /// <summary>The VM's system comes up: it sets its interface up and asks for an address by DHCP, for as long as it lives.</summary>
    ValueTask BootAsync(string virtualMachine, CancellationToken cancellationToken);

    /// <summary>Ends the VM and its interface.</summary>
    ValueTask UnplugAsync(string virtualMachine, CancellationToken cancellationToken);

    /// <summary>Sets whether the switch of a network lets tagged frames through, as it does from the beginning ("VLAN clean"), or drops them.</summary>
    ValueTask SetTagsPassAsync(Segment segment, bool pass, CancellationToken cancellationToken);

    /// <summary>Time since the beginning: the virtual clock's, or the real one's.</summary>
    TimeSpan Elapsed { get; }

    /// <summary>Lets time pass.</summary>
    ValueTask AdvanceAsync(TimeSpan time, CancellationToken cancellationToken);

    /// <summary>Waits for something that an engine does. In a world of simulated kernels its time passes meanwhile.</summary>
    Task CompleteAsync(Task task) => task;

    /// <summary>From here on kinds of faults strike on a machine by chance, until <see cref="EndFaults"/>.</summary>
    /// <exception cref="Control.RefusedException">The world's kernels have no faults to order.</exception>
    void ArmFaults(string machine, IReadOnlyList<Simulator.Faults.CloudFault> kinds, double chance) => throw new Control.RefusedException("faults go with simulated kernels");

    /// <summary>Nothing goes wrong any more; returns how often each kind has struck.</summary>
    IReadOnlyDictionary<string, int> EndFaults() => new Dictionary<string, int>();

    /// <summary>How often a probe that shall get through is made before it counts as lost: a real machine may only be slow.</summary>
    int Tries => 1;

    /// <summary>Asks for an ICMP echo.</summary>
    ValueTask<Reachability> PingAsync(string from, IPAddress to, CancellationToken cancellationToken);

    /// <summary>
    /// Opens a TCP connection. Where <paramref name="listener"/> names a machine, a server listens on that port there meanwhile
    /// and tells under which address it saw the caller.
    /// </summary>
    ValueTask<Reachability> ConnectAsync(string from, IPAddress to, ushort port, string? listener, CancellationToken cancellationToken);

    /// <summary>Sends a UDP datagram that the listener must get.</summary>
    ValueTask<Reachability> SendDatagramAsync(string from, IPAddress to, ushort port, string listener, CancellationToken cancellationToken);

    /// <summary>Runs a shell command on a machine and returns what it printed.</summary>
    /// <exception cref="Control.RefusedException">The world's machines run no programs.</exception>
    ValueTask<string> RunProgramAsync(string machine, string command, CancellationToken cancellationToken);
}

/// <summary>What became of a probe.</summary>
/// <param name="Reached">An answer came.</param>
/// <param name="SeenAs">The address under which the other end saw the caller, where that is known.</param>
/// <param name="Path">The packet's way in short; empty where the world cannot tell.</param>
internal sealed record Reachability(bool Reached, IPAddress? SeenAs, string Path);
