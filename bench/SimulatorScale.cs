using System.Diagnostics;
using System.Globalization;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Bench;

/// <summary>
/// How long a large cloud takes on simulated kernels, in real time: 1,000 VMs of 100 groups on 50 nodes are given their networks by the front-end's engine, attached by
/// the nodes' engines, boot, and get their leases by DHCP. And how many requests of several kinds one simulated kernel answers in a second.
/// </summary>
internal static class SimulatorScale
{
    private const int Nodes = 50;
    private const int Machines = 1000;
    private const int GroupCount = 100;
    private const int Rounds = 3;

    public static int Run(TextWriter output)
    {
        for (int round = 1; round <= Rounds; round++)
        {
            Boot(round, output);
        }

        foreach ((string name, Func<SimulatedKernel, Action> prepare) in Requests)
        {
            using var kernel = new SimulatedKernel();
            Action once = prepare(kernel);
            for (int i = 0; i < 20_000; i++)
            {
                once();
            }

            const int Count = 100_000;
            long began = Stopwatch.GetTimestamp();
            for (int i = 0; i < Count; i++)
            {
                once();
            }

            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-44} {Count / Stopwatch.GetElapsedTime(began).TotalSeconds,10:0} requests/s"));
        }

        return 0;
    }

    private static void Boot(int round, TextWriter output)
    {
        long began = Stopwatch.GetTimestamp();
        using var cloud = new SimulatedCloud((ulong)round);
        NetworkSwitch inside = cloud.AddSwitch("private"), outside = cloud.AddSwitch("public");
        SimulatedHost front = cloud.AddHost("front");
        cloud.Connect(front, "eth0", inside);
        cloud.Connect(front, "eth1", outside);
        front.Up("eth0").Address("eth1", "203.0.113.1/24");
        var engine = new FrontEnd(front.Kernel, Parse("VNET_MODE=MANAGED VNET_PRIVINTERFACE=eth0 VNET_PUBINTERFACE=eth1 VNET_SUBNET=10.0.0.0 VNET_NETMASK=255.0.0.0 VNET_DNS=203.0.113.53 VNET_ADDRSPERNET=64 VNET_PUBLICIPS=203.0.113.10", EngineRole.FrontEnd));
        Finish(engine.StartAsync());
        var nodes = new (SimulatedHost Host, Node Engine)[Nodes];
        for (int index = 0; index < Nodes; index++)
        {
            SimulatedHost host = cloud.AddHost($"node{index}");
            cloud.Connect(host, "peth0", inside);
            host.Up("peth0");
            nodes[index] = (host, new Node(host.Kernel, Parse("VNET_MODE=MANAGED VNET_INTERFACE=peth0", EngineRole.Node)));
            Finish(nodes[index].Engine.StartAsync());
        }

        TimeSpan raised = Stopwatch.GetElapsedTime(began);
        var machines = new VirtualMachine[Machines];
        for (int index = 0; index < Machines; index++)
        {
            string id = string.Create(CultureInfo.InvariantCulture, $"i-{index + 1:x8}"), vif = string.Create(CultureInfo.InvariantCulture, $"vif{index}.0");
            InstanceAssignment assignment = Finish(engine.RunInstanceAsync(new InstanceRequest { InstanceId = id, User = $"user{index % GroupCount}", Group = "default" })).Value;
            (SimulatedHost host, Node node) = nodes[index * Nodes / Machines];
            machines[index] = cloud.AddVm(id, host, vif, assignment.Mac.ToString());
            Finish(node.AttachAsync(assignment, vif));
            machines[index].Boot();
        }

        if (!cloud.RunUntil(() => Array.TrueForAll(machines, static machine => machine.Lease is not null), TimeSpan.FromSeconds(60)))
        {
            throw new InvalidOperationException("Not every VM has a lease after a minute.");
        }

        TimeSpan whole = Stopwatch.GetElapsedTime(began);
        long forked = Stopwatch.GetTimestamp();
        CloudFork fork = cloud.Fork();
        TimeSpan forking = Stopwatch.GetElapsedTime(forked);
        int first = fork.Objects;
        long used = Stopwatch.GetTimestamp();
        fork.Cloud[machines[0].Name].Address("eth0", "192.0.2.1/24");
        TimeSpan oneMachine = Stopwatch.GetElapsedTime(used);
        int one = fork.Objects - first;
        used = Stopwatch.GetTimestamp();
        foreach (SimulatedHost host in fork.Cloud.Hosts)
        {
            _ = host.Kernel;
        }

        TimeSpan all = Stopwatch.GetElapsedTime(used);
        fork.Cloud.Dispose();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Machines} VMs of {GroupCount} groups on {Nodes} nodes: {whole.TotalSeconds:0.00} s until all have their leases, of which {raised.TotalSeconds:0.00} s for the machines ({cloud.Clock.Elapsed.TotalSeconds:0.0} s of virtual time); forked in {forking.TotalMilliseconds:0} ms ({first} objects), its first VM used in {oneMachine.TotalMilliseconds:0.0} ms ({one}), all machines in {all.TotalMilliseconds:0} ms ({fork.Objects})"));
    }

    private static readonly (string Name, Func<SimulatedKernel, Action> Prepare)[] Requests =
    [
        ("RTM_GETLINK by name", static kernel => Repeat(kernel, NetlinkProtocol.Route, static (ref NetlinkWriter writer) => Link(ref writer, 18, NetlinkMessageFlags.Request, "lo"))),
        ("RTM_NEWADDR, RTM_DELADDR", static kernel => Alternate(kernel,
            static (ref NetlinkWriter writer) => Address(ref writer, 20, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive),
            static (ref NetlinkWriter writer) => Address(ref writer, 21, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge))),
        ("RTM_NEWLINK dummy, RTM_DELLINK", static kernel => Alternate(kernel,
            static (ref NetlinkWriter writer) => Link(ref writer, 16, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive, "d0", "dummy"),
            static (ref NetlinkWriter writer) => Link(ref writer, 17, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, "d0"))),
    ];

    private delegate void Writing(ref NetlinkWriter writer);

    private static Action Repeat(SimulatedKernel kernel, NetlinkProtocol protocol, Writing write)
    {
        INetlinkSocket socket = kernel.OpenNetlink(protocol);
        byte[] request = Make(write);
        var answer = new NetlinkReceiveBuffer();
        return () => Exchange(socket, request, answer);
    }

    private static Action Alternate(SimulatedKernel kernel, Writing first, Writing second)
    {
        INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Route);
        byte[] one = Make(first), other = Make(second);
        var answer = new NetlinkReceiveBuffer();
        bool next = false;
        return () => Exchange(socket, (next = !next) ? one : other, answer);
    }

    private static void Exchange(INetlinkSocket socket, byte[] request, NetlinkReceiveBuffer answer)
    {
        socket.Send(request);
        if (socket.Receive(answer) != 1 || (BitConverter.ToUInt16(answer.Bytes(0)[4..]) == 2 && BitConverter.ToInt32(answer.Bytes(0)[16..]) != 0))
        {
            throw new InvalidOperationException($"The kernel refused a request of the benchmark: {Convert.ToHexString(answer.Bytes(0))}");
        }
    }

    private static byte[] Make(Writing write)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        write(ref writer);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static void Link(ref NetlinkWriter writer, ushort type, NetlinkMessageFlags flags, string name, string? kind = null)
    {
        WireMark message = writer.BeginMessage(type, flags, 1);
        writer.Append(stackalloc byte[16]);
        writer.WriteString(3, name);
        if (kind is not null)
        {
            WireMark info = writer.BeginNested(18);
            writer.WriteString(1, kind);
            writer.EndAttribute(info);
        }

        writer.EndMessage(message);
    }

    private static void Address(ref NetlinkWriter writer, ushort type, NetlinkMessageFlags flags)
    {
        WireMark message = writer.BeginMessage(type, flags, 1);
        writer.Append([2, 24, 0, 0, 1, 0, 0, 0]);
        writer.WriteBytes(2, [10, 0, 0, 1]);
        writer.EndMessage(message);
    }

    private static NetworkConfiguration Parse(string text, EngineRole role)
    {
        ConfigurationResult read = NetworkConfiguration.Parse(text, "benchmark", role);
        return read.Configuration ?? throw new InvalidOperationException(string.Join('\n', read.Diagnostics));
    }

    private static T Finish<T>(ValueTask<T> operation) => operation.IsCompleted ? operation.GetAwaiter().GetResult() : throw new InvalidOperationException("An operation waits, and nothing could end its wait.");
}
