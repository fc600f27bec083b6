using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Recording;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Fabric;

/// <summary>A machine of a simulated cloud: a kernel with network cards.</summary>
public class SimulatedHost
{
    private readonly List<NetworkCard> _cards = [];
    private readonly CopiedLater<SimulatedKernel> _kernel;

    internal SimulatedHost(SimulatedCloud cloud, string name, KernelProfile profile, ulong seed)
    {
        Cloud = cloud;
        Name = name;
        var kernel = new SimulatedKernel(new SimulatedKernelOptions { Clock = cloud.Clock, HostName = name, Profile = profile, Seed = seed });
        _kernel = new CopiedLater<SimulatedKernel>(kernel.Identity, kernel);
        InterfaceSetup.Up(Kernel, "lo");
    }

    /// <summary>The cloud the machine is in.</summary>
    public SimulatedCloud Cloud { get; }

    /// <summary>The machine's name.</summary>
    public string Name { get; }

    /// <summary>Its kernel: everything that a program on the machine could do goes through this.</summary>
    public SimulatedKernel Kernel
    {
        get
        {
            SimulatedKernel kernel = _kernel.Value;
            kernel.Changing();
            return kernel;
        }
    }

    /// <summary>The machine, in this cloud and its forks.</summary>
    internal MachineIdentity Identity => _kernel.Machine;

    /// <summary>Not only in the cloud that this one was forked from.</summary>
    internal bool IsHere => _kernel.IsHere;

    /// <summary>Faults are planned here, whose conditions and actions are code from outside.</summary>
    internal bool HasFaults => _kernel.IsHere && _kernel.Value.Faults.IsPlanned;

    /// <summary>Its network cards.</summary>
    public IReadOnlyList<NetworkCard> Cards => _cards;

    /// <summary>Adds a network card; it is down and has no cable.</summary>
    /// <param name="name">The interface's name ("eth0").</param>
    /// <param name="hardwareAddress">Its MAC; null for one made from the seed.</param>
    public NetworkCard AddCard(string name, string? hardwareAddress = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        MacAddress mac = hardwareAddress is null ? MacAddress.Read(Kernel.Random.NextMac()) : MacAddress.Parse(hardwareAddress);
        var card = new NetworkCard(this, name, mac);
        _cards.Add(card);
        return card;
    }

    /// <summary>The card of this name; it is added where there is none.</summary>
    public NetworkCard Card(string name) => _cards.Find(card => card.InterfaceName == name) ?? AddCard(name);

    /// <summary>Sets an interface up, as <c>ip link set up</c> does, by rtnetlink.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public SimulatedHost Up(string interfaceName)
    {
        InterfaceSetup.Up(Kernel, interfaceName);
        return this;
    }

    /// <summary>
    /// Gives an interface an address, as <c>ip address add</c> does, and sets it up. An IPv6 address can be used when nobody on
    /// the link objected: let two seconds pass (<see cref="SimulatedCloud.Settle"/> with 2 s).
    /// </summary>
    /// <param name="interfaceName">The interface.</param>
    /// <param name="address">"203.0.113.1/24", "2001:db8::1/64".</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public SimulatedHost Address(string interfaceName, string address)
    {
        string[] parts = address.Split('/');
        int prefixLength = parts.Length == 2 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : parts[0].Contains(':', StringComparison.Ordinal) ? 128 : 32;
        InterfaceSetup.Up(Kernel, interfaceName);
        InterfaceSetup.AddAddress(Kernel, interfaceName, IPAddress.Parse(parts[0]), prefixLength, null);
        return this;
    }

    /// <summary>Adds a route, as <c>ip route add</c> does.</summary>
    /// <param name="destination">"0.0.0.0/0", "10.0.0.0/8", "::/0".</param>
    /// <param name="gateway">The next hop.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public SimulatedHost Route(string destination, string gateway)
    {
        string[] parts = destination.Split('/');
        InterfaceSetup.AddRoute(Kernel, IPAddress.Parse(parts[0]), int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture), IPAddress.Parse(gateway));
        return this;
    }

    /// <summary>Lets a frame of one's own making come in by an interface, as if its cable had brought it, and follows it.</summary>
    /// <param name="interfaceName">Any interface that is up, a VLAN device too.</param>
    /// <param name="frame">The whole ethernet frame.</param>
    /// <param name="level">How much the trace tells.</param>
    /// <exception cref="KeyNotFoundException">There is no such interface.</exception>
    public PacketTrace Receive(string interfaceName, ReadOnlySpan<byte> frame, TraceLevel level = TraceLevel.Minimal)
    {
        if (!Kernel.Devices.TryFind(interfaceName, out NetworkDevice? device))
        {
            throw new KeyNotFoundException($"{Name} has no interface '{interfaceName}'.");
        }

        var journey = new PacketJourney(level);
        Packet packet = Packet.FromFrame(frame);
        packet.Story = PacketStory.Begin(journey, Name, $"frame by {interfaceName}");
        Kernel.Queue.Post(() =>
        {
            using SimulationQueue.Call call = Kernel.Enter();
            Kernel.Stack.Link.Receive(device, packet);
        });
        return new PacketTrace(journey);
    }

    internal void Remove(NetworkCard card)
    {
        _cards.Remove(card);
        CardDevices.Remove(card.Device);
    }

    /// <inheritdoc />
    public override string ToString() => Name;
}

/// <summary>A virtual machine: a kernel of its own, whose only cable ends on its node in an interface such as <c>vif18.0</c>.</summary>
public sealed class VirtualMachine : SimulatedHost
{
    private readonly CopiedLater<DhcpClient?> _dhcpClient;

    internal VirtualMachine(SimulatedCloud cloud, string name, KernelProfile profile, ulong seed, SimulatedHost node, string interfaceName, string hardwareAddress)
        : base(cloud, name, profile, seed)
    {
        _dhcpClient = new CopiedLater<DhcpClient?>(Identity, null);
        Node = node;
        InterfaceName = interfaceName;
        Interface = AddCard("eth0", hardwareAddress);

        // The node's end has the address hypervisors give it, so that it never is the lowest of a bridge.
        NodeInterface = node.AddCard(interfaceName, "fe" + hardwareAddress[2..]);
        cloud.Plug(Interface, NodeInterface);
    }

    /// <summary>The machine it runs on.</summary>
    public SimulatedHost Node { get; }

    /// <summary>The name of its interface on the node.</summary>
    public string InterfaceName { get; }

    /// <summary>The VM's own end: eth0.</summary>
    public NetworkCard Interface { get; }

    /// <summary>The node's end.</summary>
    public NetworkCard NodeInterface { get; }

    /// <summary>The DHCP client that runs in the VM after <see cref="Boot"/>.</summary>
    public DhcpClient? DhcpClient
    {
        get
        {
            Kernel.Changing();
            return _dhcpClient.Value;
        }
        private set => _dhcpClient.Value = value;
    }

    /// <summary>The address the VM has by DHCP, or null.</summary>
    public IPAddress? Lease => DhcpClient?.Lease?.Address;

    /// <summary>The VM's system comes up: eth0 is set up and asks for an address by DHCP, for as long as the VM lives.</summary>
    public VirtualMachine Boot()
    {
        if (DhcpClient is null)
        {
            DhcpClient = new DhcpClient(Kernel, "eth0", new DhcpClientOptions { Seed = Kernel.Options.Seed, HostName = Name });
            DhcpClient.Start();
        }

        return this;
    }

    internal void Shutdown() => DhcpClient?.Dispose();
}
