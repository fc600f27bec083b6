using System.Globalization;
using System.Net;
using EucaNet.Cli.Scenarios;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Recording;
using EucaNet.Netlink.Route;
using InterfaceAddress = EucaNet.Cli.Scenarios.InterfaceAddress;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>A VM of the cloud under test.</summary>
/// <param name="Name">Its instance id.</param>
/// <param name="Node">The node it runs on.</param>
/// <param name="Interface">Its interface there.</param>
/// <param name="Assignment">What the front-end gave it.</param>
internal sealed record Guest(string Name, string Node, string Interface, InstanceAssignment Assignment)
{
    public IPAddress Address { get; } = IPAddress.Parse(Assignment.Address.ToString());

    public byte[] Mac { get; } = Convert.FromHexString(Assignment.Mac.ToString().Replace(":", "", StringComparison.Ordinal));
}

/// <summary>A running MANAGED cloud on a world: the front-end "front", the nodes "node1" and "node2", the outside host "internet".</summary>
internal sealed class ManagedCloud : IAsyncDisposable
{
    public const string Front = "front";
    public const string Internet = "internet";

    private readonly EngineOptions _options;
    private readonly Dictionary<string, Node> _nodes = [];
    private readonly Dictionary<string, RouteConnection> _routes = [];
    private FrontEnd? _frontEnd;
    private int _guests;
    private int _interfaces;

    private ManagedCloud(string world, string extra, EngineOptions options, string dhcpClient)
    {
        World = Worlds.Create(world, dhcpClient);
        FrontText = $"""
            VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_PUBINTERFACE=eth1 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=198.51.100.53
            VNET_ADDRSPERNET=64 VNET_PUBLICIPS=203.0.113.10-203.0.113.20 {extra}
            """;
        _options = options;
    }

    public IWorld World { get; }

    /// <summary>The front-end's eucalyptus.conf.</summary>
    public string FrontText { get; }

    public FrontEnd FrontEnd => _frontEnd!;

    public NetworkConfiguration FrontConfiguration => Parse(FrontText, EngineRole.FrontEnd);

    public Node NodeOf(string name) => _nodes[name];

    /// <summary>Raises the machines and starts an engine on each.</summary>
    /// <param name="world">The kernels.</param>
    /// <param name="extra">More lines of the front-end's configuration.</param>
    /// <param name="options">The engines' options.</param>
    /// <param name="recorder">Takes what node1's engine and its kernel say to each other.</param>
    /// <param name="dhcpClient">The VMs' client on a real kernel.</param>
    /// <param name="frontEndRuns">The front-end's engine runs in this process; false where the test runs one itself.</param>
    public static async Task<ManagedCloud> StartAsync(string world, string extra = "", EngineOptions? options = null, INetlinkRecorder? recorder = null, bool frontEndRuns = true, string dhcpClient = "built-in")
    {
        var cloud = new ManagedCloud(world, extra, options ?? new EngineOptions(), dhcpClient);
        NetworkConfiguration front = cloud.FrontConfiguration;
        await cloud.AddAsync(Front, MachineRole.FrontEnd, front, [new Card("eth0", Segment.Private), new Card("eth1", Segment.Public)], "eth1", "203.0.113.1");
        await cloud.AddAsync(Internet, MachineRole.Outside, null, [new Card("eth0", Segment.Public)], "eth0", "203.0.113.100");
        if (frontEndRuns)
        {
            await cloud.StartFrontEndAsync();
        }

        foreach (string name in (string[])["node1", "node2"])
        {
            await cloud.AddAsync(name, MachineRole.Node, NodeConfiguration(), [new Card("peth0", Segment.Private)], null, null);
            await cloud.StartNodeAsync(name, name == "node1" ? recorder : null);
        }

        return cloud;
    }

    public IKernel KernelOf(string machine) => World.KernelOf(machine);

    /// <summary>Starts a front-end's engine in the place of the one that ran.</summary>
    public async Task<ChangeSummary> StartFrontEndAsync()
    {
        if (_frontEnd is not null)
        {
            await _frontEnd.DisposeAsync();
        }

        _frontEnd = new FrontEnd(KernelOf(Front), FrontConfiguration, _options with { DaemonLauncher = _options.DaemonLauncher ?? World.DaemonLauncherOf(Front) });
        return await _frontEnd.StartAsync();
    }

    /// <summary>Starts a node's engine in the place of the one that ran.</summary>
    public async Task<ChangeSummary> StartNodeAsync(string name, INetlinkRecorder? recorder = null)
    {
        await StopNodeAsync(name);
        IKernel kernel = recorder is null ? KernelOf(name) : new RecordingKernel(KernelOf(name), recorder);
        EngineOptions options = _options.StateDirectory is { } folder ? _options with { StateDirectory = Path.Combine(folder, name) } : _options;
        return await (_nodes[name] = new Node(kernel, NodeConfiguration(), options)).StartAsync();
    }

    /// <summary>Ends a node's engine; its kernel keeps what was made.</summary>
    public async Task StopNodeAsync(string name)
    {
        if (_nodes.Remove(name, out Node? former))
        {
            await former.DisposeAsync();
        }
    }

    /// <summary>Runs an instance and waits for its lease.</summary>
    public async Task<Guest> RunAsync(string user, string group, string node)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"i-{++_guests:x8}");
        return await BootAsync((await FrontEnd.RunInstanceAsync(new InstanceRequest { InstanceId = id, User = user, Group = group })).Value, node);
    }

    /// <summary>Boots an instance that the front-end assigned its network, and waits for its lease.</summary>
    public async Task<Guest> BootAsync(InstanceAssignment assignment, string node)
    {
        string id = assignment.InstanceId;
        var guest = new Guest(id, node, string.Create(CultureInfo.InvariantCulture, $"vif{++_interfaces}.0"), assignment);
        await World.PlugAsync(node, id, guest.Interface, assignment.Mac.ToString(), default);
        await _nodes[node].AttachAsync(assignment, guest.Interface);
        await World.BootAsync(id, default);
        bool leased = await UntilAsync(async () => (await MachineSetup.AddressesAsync(KernelOf(id), "eth0", default)).Contains(guest.Address), TimeSpan.FromSeconds(60));
        return leased ? guest : throw new AssertionException($"{id} got no lease of {guest.Address}");
    }

    /// <summary>Lets time pass until something holds; false when it did not.</summary>
    public async Task<bool> UntilAsync(Func<Task<bool>> condition, TimeSpan limit)
    {
        TimeSpan end = World.Elapsed + limit;
        while (!await condition())
        {
            if (World.Elapsed > end)
            {
                return false;
            }

            await World.AdvanceAsync(TimeSpan.FromMilliseconds(20), default);
        }

        return true;
    }

    /// <summary>Lets time pass until an operation has ended.</summary>
    public async Task<T> UntilAsync<T>(Task<T> operation)
    {
        await UntilAsync(() => Task.FromResult(operation.IsCompleted), TimeSpan.FromMinutes(2));
        return operation.IsCompleted ? await operation : throw new AssertionException("the operation did not end");
    }

    /// <summary>Rtnetlink of a machine, as its administrator's ip uses it.</summary>
    public RouteConnection RouteOf(string machine)
    {
        if (!_routes.TryGetValue(machine, out RouteConnection? route))
        {
            _routes.Add(machine, route = RouteConnection.Open(KernelOf(machine)));
        }

        return route;
    }

    /// <summary>A packet socket of a machine, as root there opens it.</summary>
    public async Task<IPacketSocket> PacketsOfAsync(string machine, string interfaceName)
    {
        const ushort Everything = 3;
        return KernelOf(machine).OpenPacket((await RouteOf(machine).GetLinkAsync(interfaceName)).Index, Everything);
    }

    public async Task<bool> PingsAsync(string from, IPAddress to) => (await World.PingAsync(from, to, default)).Reached;

    public static NetworkConfiguration NodeConfiguration() => Parse("VNET_MODE=MANAGED VNET_INTERFACE=peth0", EngineRole.Node);

    public static NetworkConfiguration Parse(string text, EngineRole role)
    {
        ConfigurationResult result = NetworkConfiguration.Parse(text, "eucalyptus.conf", role);
        return result.Configuration ?? throw new AssertionException(string.Join('\n', result.Diagnostics));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (RouteConnection route in _routes.Values)
        {
            route.Dispose();
        }

        foreach (Node node in _nodes.Values)
        {
            await node.DisposeAsync();
        }

        if (_frontEnd is not null)
        {
            await _frontEnd.DisposeAsync();
        }

        await World.DisposeAsync();
    }

    private async Task AddAsync(string name, MachineRole role, NetworkConfiguration? configuration, Card[] cards, string? addressed, string? address)
    {
        InterfaceAddress[] addresses = addressed is null ? [] : [new InterfaceAddress(addressed, IPAddress.Parse(address!), 24)];
        var plan = new MachinePlan(new Machine(name, role, "", addresses), configuration, cards, null);
        await World.AddMachineAsync(plan, default);
        await MachineSetup.ApplyAsync(KernelOf(name), plan, default);
    }
}
