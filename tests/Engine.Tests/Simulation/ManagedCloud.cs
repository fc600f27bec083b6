using System.Globalization;
using System.Net;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>A MANAGED cloud on simulated kernels: a front-end, two nodes, an outside host.</summary>
internal sealed class ManagedCloud : IAsyncDisposable
{
    private int _count;

    private ManagedCloud(string extra, EngineOptions options)
    {
        FrontEndConfiguration = Parse($"""
            VNET_MODE=MANAGED VNET_PRIVINTERFACE=eth0 VNET_PUBINTERFACE=eth1 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=203.0.113.53
            VNET_ADDRSPERNET=64 VNET_PUBLICIPS=203.0.113.10-203.0.113.20 {extra}
            """, EngineRole.FrontEnd);
        Options = options;
        NetworkSwitch inside = Cloud.AddSwitch("private");
        NetworkSwitch outside = Cloud.AddSwitch("public");
        FrontHost = Cloud.AddHost("front");
        Cloud.Connect(FrontHost, "eth0", inside);
        Cloud.Connect(FrontHost, "eth1", outside);
        FrontHost.Up("eth0").Address("eth1", "203.0.113.1/24");
        NodeHosts = [Cloud.AddHost("node1"), Cloud.AddHost("node2")];
        foreach (SimulatedHost node in NodeHosts)
        {
            Cloud.Connect(node, "peth0", inside);
            node.Up("peth0");
        }

        Internet = Cloud.AddHost("internet");
        Cloud.Connect(Internet, "eth0", outside);
        Internet.Address("eth0", "203.0.113.100/24");
        Front = new FrontEnd(FrontHost.Kernel, FrontEndConfiguration, Options);
        Nodes = [.. NodeHosts.Select(h => new Node(h.Kernel, Parse("VNET_MODE=MANAGED VNET_INTERFACE=peth0", EngineRole.Node)))];
    }

    public SimulatedCloud Cloud { get; } = new();

    public NetworkConfiguration FrontEndConfiguration { get; }

    public EngineOptions Options { get; }

    public SimulatedHost FrontHost { get; }

    public SimulatedHost[] NodeHosts { get; }

    public SimulatedHost Internet { get; }

    public FrontEnd Front { get; private set; }

    public Node[] Nodes { get; }

    public static async Task<ManagedCloud> StartAsync(string extra = "", EngineOptions? options = null)
    {
        var cloud = new ManagedCloud(extra, options ?? new EngineOptions());
        await cloud.Front.StartAsync();
        foreach (Node node in cloud.Nodes)
        {
            await node.StartAsync();
        }

        return cloud;
    }

    public static NetworkConfiguration Parse(string text, EngineRole role)
    {
        ConfigurationResult result = NetworkConfiguration.Parse(text, "eucalyptus.conf", role);
        return result.Configuration ?? throw new InvalidOperationException(string.Join('\n', result.Diagnostics));
    }

    /// <summary>Runs an instance and waits for its lease.</summary>
    public async Task<VirtualMachine> RunAsync(string user, string group, int node)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"i-{++_count:x8}");
        InstanceAssignment assignment = (await Front.RunInstanceAsync(new InstanceRequest { InstanceId = id, User = user, Group = group })).Value;
        string vif = string.Create(CultureInfo.InvariantCulture, $"vif{_count}.0");
        VirtualMachine vm = Cloud.AddVm(id, NodeHosts[node], vif, assignment.Mac.ToString());
        await Nodes[node].AttachAsync(assignment, vif);
        vm.Boot();
        bool leased = Cloud.RunUntil(() => vm.Lease is not null, TimeSpan.FromSeconds(10));
        return leased && vm.Lease!.ToString() == assignment.Address.ToString()
            ? vm
            : throw new InvalidOperationException($"{id} has no lease, or not {assignment.Address}: {vm.Lease}");
    }

    /// <summary>Ends an instance on its node and on the front-end.</summary>
    public async Task<ChangeSummary> TerminateAsync(VirtualMachine vm)
    {
        await Nodes[Array.IndexOf(NodeHosts, vm.Node)].DetachAsync(vm.Name);
        Cloud.Remove(vm);
        return await Front.TerminateInstanceAsync(vm.Name);
    }

    /// <summary>The front-end's process dies and another one starts; returns what that one wrote.</summary>
    public async Task<ChangeSummary> RestartFrontAsync(EngineOptions? options = null)
    {
        await Front.DisposeAsync();
        Front = new FrontEnd(FrontHost.Kernel, FrontEndConfiguration, options ?? Options);
        return await Front.StartAsync();
    }

    public bool Pings(SimulatedHost from, string to) => Cloud.Ping(from, IPAddress.Parse(to)).Reached;

    public bool Connects(SimulatedHost from, string to, int port, SimulatedHost? listener = null) => Cloud.ConnectTcp(from, IPAddress.Parse(to), port, listener).Reached;

    public static string AddressOf(VirtualMachine vm) => vm.Lease!.ToString();

    /// <summary>Opens a packet socket in a machine, as root there can.</summary>
    public static async Task<IPacketSocket> RawAsync(SimulatedHost host, string interfaceName, ushort type = 3) => host.Kernel.OpenPacket((await LinkAsync(host, interfaceName))!.Index, type);

    public static async Task<LinkView?> LinkAsync(SimulatedHost host, string name)
    {
        await using var links = new Links(new EngineContext(host.Kernel, new NetworkConfiguration { Role = EngineRole.Node, Mode = NetworkMode.Managed }, new EngineOptions()));
        return await links.FindAsync(name, default);
    }

    public async ValueTask DisposeAsync()
    {
        await Front.DisposeAsync();
        foreach (Node node in Nodes)
        {
            await node.DisposeAsync();
        }

        Cloud.Dispose();
    }
}
