using System.Globalization;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>An instance as the cloud's controller sees it: what it should be, and how far that is done.</summary>
internal sealed class ChurnInstance(string id, InstanceAssignment assignment, ChurnMachine node, string interfaceName)
{
    public string Id { get; } = id;

    public InstanceAssignment Assignment { get; } = assignment;

    public ChurnMachine Node { get; } = node;

    public string InterfaceName { get; } = interfaceName;

    /// <summary>False once its user has ended it.</summary>
    public bool IsWanted { get; set; } = true;

    /// <summary>The node said that it is attached.</summary>
    public bool IsAttached { get; set; }

    public VirtualMachine? Machine { get; set; }

    /// <summary>Root's packet socket in the machine.</summary>
    public IPacketSocket? Raw { get; set; }

    public string Tenant => Assignment.Group.ToString();
}

/// <summary>A small MANAGED cloud: a front-end, two nodes, a host outside, each with an engine that keeps its state in files.</summary>
internal sealed class ChurnCloud : IDisposable
{
    private const string FrontEndText = """
        VNET_MODE=MANAGED VNET_PRIVINTERFACE=eth0 VNET_PUBINTERFACE=eth1 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=203.0.113.53
        VNET_ADDRSPERNET=32 VNET_PUBLICIPS=203.0.113.10-203.0.113.14
        """;

    private const string MemoryFolder = "/dev/shm";
    private const string NodeText = "VNET_MODE=MANAGED VNET_INTERFACE=peth0";
    private static readonly NetworkConfiguration FrontEndConfiguration = Parse(FrontEndText, EngineRole.FrontEnd);
    private static readonly NetworkConfiguration NodeConfiguration = Parse(NodeText, EngineRole.Node);

    private readonly string _directory;
    private int _interfaces;

    public ChurnCloud(ulong seed)
    {
        // In memory where there is such a place: journals are flushed to the disk, thousands of times here.
        _directory = Directory.Exists(MemoryFolder) ? Directory.CreateDirectory(Path.Combine(MemoryFolder, $"euca-churn-{Guid.NewGuid():N}")).FullName : Directory.CreateTempSubdirectory("euca-churn").FullName;
        Cloud = new SimulatedCloud(seed);
        NetworkSwitch inside = Cloud.AddSwitch("private");
        NetworkSwitch outside = Cloud.AddSwitch("public");
        SimulatedHost front = Cloud.AddHost("front");
        Cloud.Connect(front, "eth0", inside);
        Cloud.Connect(front, "eth1", outside);
        front.Up("eth0").Address("eth1", "203.0.113.1/24");
        Internet = Cloud.AddHost("internet");
        Cloud.Connect(Internet, "eth0", outside);
        Internet.Address("eth0", "203.0.113.100/24");
        Front = new ChurnMachine(front, FrontEndConfiguration, Options("front"));
        Nodes = [.. new[] { "node1", "node2" }.Select(name =>
        {
            SimulatedHost node = Cloud.AddHost(name);
            Cloud.Connect(node, "peth0", inside);
            node.Up("peth0");
            return new ChurnMachine(node, NodeConfiguration, Options(name));
        })];
    }

    public SimulatedCloud Cloud { get; }

    public ChurnMachine Front { get; }

    public ChurnMachine[] Nodes { get; }

    public SimulatedHost Internet { get; }

    /// <summary>What all engines log.</summary>
    public ChurnLog Log { get; } = new();

    public IEnumerable<ChurnMachine> Machines => [Front, .. Nodes];

    /// <summary>Instances by id, those that are being ended included.</summary>
    public SortedDictionary<string, ChurnInstance> Instances { get; } = new(StringComparer.Ordinal);

    /// <summary>The front-end has given an instance its network.</summary>
    public ChurnInstance Adopt(InstanceAssignment assignment, ChurnMachine node)
    {
        var instance = new ChurnInstance(assignment.InstanceId, assignment, node, string.Create(CultureInfo.InvariantCulture, $"vif{++_interfaces}.0"));
        Instances.Add(instance.Id, instance);
        return instance;
    }

    /// <summary>What a hypervisor does: the VM and its interface on the node.</summary>
    public void Launch(ChurnInstance instance)
    {
        if (instance.Machine is null)
        {
            instance.Machine = Cloud.AddVm(instance.Id, instance.Node.Host, instance.InterfaceName, instance.Assignment.Mac.ToString());
            using RouteConnection links = RouteConnection.Open(instance.Machine.Kernel);
            Task<Link> card = links.GetLinkAsync("eth0").AsTask();
            instance.Machine.Kernel.Wait(card);
            instance.Raw = instance.Machine.Kernel.OpenPacket(card.GetAwaiter().GetResult().Index, 3);
        }
    }

    /// <summary>The hypervisor ends the VM.</summary>
    public void Destroy(ChurnInstance instance)
    {
        if (instance.Machine is { } machine)
        {
            instance.Raw?.Dispose();
            instance.Raw = null;
            Cloud.Remove(machine);
            instance.Machine = null;
        }
    }

    public void Dispose()
    {
        foreach (ChurnMachine machine in Machines)
        {
            machine.Stop();
        }

        Cloud.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private EngineOptions Options(string machine) => new()
    {
        Seed = Cloud.Seed,
        LoggerFactory = Log,
        StateDirectory = Path.Combine(_directory, machine),
        LeaseTime = TimeSpan.FromMinutes(2),
        Quarantine = TimeSpan.FromSeconds(10),
        RepairInterval = TimeSpan.FromSeconds(2),
        CheckInterval = TimeSpan.FromSeconds(10),
    };

    private static NetworkConfiguration Parse(string text, EngineRole role)
    {
        ConfigurationResult read = NetworkConfiguration.Parse(text, "churn", role);
        return read.Configuration ?? throw new InvalidOperationException(string.Join('\n', read.Diagnostics));
    }
}
