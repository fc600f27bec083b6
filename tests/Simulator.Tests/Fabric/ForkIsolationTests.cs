using System.Net;
using System.Reflection;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using EucaNet.Simulator.Time;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>
/// A fork copies a machine when something first happens to it, so everything that changes a cloud must let its forks copy first. Judge: the text of the whole state.
/// </summary>
public sealed class ForkIsolationTests
{
    private static readonly Type[] Changing =
    [
        typeof(SimulatedCloud), typeof(SimulatedHost), typeof(VirtualMachine), typeof(NetworkCard), typeof(NetworkSwitch), typeof(SwitchPort), typeof(Cable), typeof(VirtualClock),
        typeof(SimulatedKernel), typeof(FaultPlan),
    ];

    // Everything public by which a cloud is changed. What is not here only looks: a test compares the list with the types.
    private static readonly Dictionary<string, Action<SimulatedCloud>> Changes = new()
    {
        ["SimulatedCloud.AddHost"] = static cloud => cloud.AddHost("one more"),
        ["SimulatedCloud.AddSwitch"] = static cloud => cloud.AddSwitch("one more"),
        ["SimulatedCloud.AddVm"] = static cloud => cloud.AddVm("one more", cloud["b"], "vif7.0", "d0:0d:00:00:00:07"),
        ["SimulatedCloud.Connect"] = static cloud => cloud.Connect(cloud["a"], "eth7", cloud["b"], "eth7"),
        ["SimulatedCloud.Disconnect"] = static cloud => cloud.Disconnect(cloud.Cables[0]),
        ["SimulatedCloud.Remove"] = static cloud => cloud.Remove((VirtualMachine)cloud["vm"]),
        ["SimulatedCloud.Advance"] = static cloud => cloud.Advance(TimeSpan.FromHours(5)),
        ["SimulatedCloud.RunUntil"] = static cloud => cloud.RunUntil(static () => false, TimeSpan.FromMinutes(7)),
        ["SimulatedCloud.Settle"] = static cloud => cloud.Settle(),
        ["SimulatedCloud.Ping"] = static cloud => cloud.Ping(cloud["b"], IPAddress.Parse("10.0.0.3")),
        ["SimulatedCloud.ConnectTcp"] = static cloud => cloud.ConnectTcp(cloud["b"], IPAddress.Parse("10.0.0.1"), 80, cloud["a"]),
        ["SimulatedCloud.SendUdp"] = static cloud => cloud.SendUdp(cloud["a"], IPAddress.Parse("10.0.0.2"), 53, cloud["b"]),
        ["SimulatedCloud.ListenTcp"] = static cloud => cloud.ListenTcp(cloud["b"], 22),
        ["SimulatedCloud.Dispose"] = static cloud => cloud.Dispose(),
        ["SimulatedHost.AddCard"] = static cloud => cloud["a"].AddCard("eth9"),
        ["SimulatedHost.Card"] = static cloud => cloud["a"].Card("eth8"),
        ["SimulatedHost.Up"] = static cloud => cloud["b"].Up("eth0"),
        ["SimulatedHost.Address"] = static cloud => cloud["a"].Address("eth0", "10.8.8.8/24"),
        ["SimulatedHost.Route"] = static cloud => cloud["a"].Route("10.77.0.0/16", "10.0.0.2"),
        ["SimulatedHost.Receive"] = static cloud => cloud["a"].Receive("eth0", Convert.FromHexString("ffffffffffff02000000000108060001080006040001020000000001" + "0a000009" + "000000000000" + "0a000001")),
        ["VirtualMachine.Boot"] = static cloud => ((VirtualMachine)cloud["asleep"]).Boot(),
        ["SwitchPort.DropsTaggedFrames"] = static cloud => cloud.Switches[0].Ports[0].DropsTaggedFrames = true,
        ["Cable.LossRate"] = static cloud => cloud.Cables[0].LossRate = 0.5,
        ["Cable.ReorderRate"] = static cloud => cloud.Cables[0].ReorderRate = 0.5,
        ["Cable.LoseNext"] = static cloud => cloud.Cables[0].LoseNext = 5,
        ["Cable.Unplug"] = static cloud => cloud.Cables[0].Unplug(),
        ["Cable.Plug"] = static cloud =>
        {
            cloud.Cables[0].Unplug();
            cloud.Cables[0].Plug();
        },
        ["VirtualClock.SetForward"] = static cloud => cloud.Clock.SetForward(TimeSpan.FromDays(1)),
        ["VirtualClock.Advance"] = static cloud => cloud.Clock.Advance(TimeSpan.FromMinutes(1)),
        ["VirtualClock.AdvanceToNextTimer"] = static cloud => cloud.Clock.AdvanceToNextTimer(TimeSpan.FromDays(1)),
        ["VirtualClock.CreateTimer"] = static cloud => cloud.Clock.CreateTimer(static _ => { }, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan),
        ["SimulatedKernel.OpenNetlink"] = static cloud => cloud["a"].Kernel.OpenNetlink(NetlinkProtocol.Route),
        ["SimulatedKernel.OpenPacket"] = static cloud => cloud["a"].Kernel.OpenPacket(1, 0x0800),
        ["SimulatedKernel.ReserveUdpPort"] = static cloud => cloud["a"].Kernel.ReserveUdpPort("eth0", 68),
        ["SimulatedKernel.OpenXtables"] = static cloud => cloud["a"].Kernel.OpenXtables(System.Net.Sockets.AddressFamily.InterNetwork),
        ["SimulatedKernel.WriteParameter"] = static cloud => cloud["a"].Kernel.WriteParameter("net/ipv4/ip_forward", "1"),
        ["SimulatedKernel.Wait"] = static cloud => cloud["a"].Kernel.Wait(Task.Delay(TimeSpan.FromSeconds(3), cloud["a"].Kernel.Time)),
        ["SimulatedKernel.StartProcess"] = static cloud => cloud["a"].Kernel.StartProcess("program"),
        ["SimulatedKernel.AddPhysicalDevice"] = static cloud => cloud["a"].Kernel.AddPhysicalDevice("eth5"),
        ["SimulatedKernel.LoadBridgeNetfilter"] = static cloud => cloud["a"].Kernel.LoadBridgeNetfilter(),
        ["SimulatedKernel.Dispose"] = static cloud => cloud["a"].Kernel.Dispose(),
        ["FaultPlan.Add"] = static cloud => cloud["a"].Kernel.Faults.Add(new Fault(FaultPoint.Send, FaultKind.Fail)),
        ["FaultPlan.Clear"] = static cloud => cloud["a"].Kernel.Faults.Clear(),
        ["FaultPlan.Pause"] = static cloud => cloud["a"].Kernel.Faults.Pause(),
        ["FaultPlan.IsEnabled"] = static cloud => cloud["a"].Kernel.Faults.IsEnabled = false,
    };

    private static readonly HashSet<string> Looks =
    [
        "SimulatedCloud.Fork", "SimulatedCloud.Save", "SimulatedCloud.Load", "SimulatedKernel.Save", "SimulatedKernel.Load", "SimulatedKernel.ReadParameter",
        "VirtualClock.GetUtcNow", "VirtualClock.GetTimestamp", "SimulatedHost.ToString",
    ];

    // What a test got from the first cloud before the fork, and does with it afterwards.
    private static readonly Dictionary<string, Func<SimulatedCloud, Action>> Held = new()
    {
        ["a TCP server is stopped"] = static cloud => cloud.ListenTcp(cloud["a"], 80).Dispose,
        ["a UDP port is given back"] = static cloud => cloud["a"].Kernel.ReserveUdpPort("eth0", 68).Dispose,
        ["a netlink socket joins a group"] = static cloud => Netlink(cloud, static socket => socket.Join(1)),
        ["a netlink socket leaves a group"] = static cloud => Netlink(cloud, static socket => socket.Leave(5)),
        ["a netlink socket wants a larger buffer"] = static cloud => Netlink(cloud, static socket => socket.RequestSendBuffer(1 << 22)),
        ["a netlink socket is closed"] = static cloud => Netlink(cloud, static socket => socket.Dispose()),
        ["a packet socket sends"] = static cloud => Packets(cloud, static socket => socket.Send(ArpRequest)),
        ["a packet socket is closed"] = static cloud => Packets(cloud, static socket => socket.Dispose()),
        ["a fault is planned"] = static cloud => Plan(cloud, static plan => plan.Add(new Fault(FaultPoint.Send, FaultKind.Fail))),
        ["faults are switched off"] = static cloud => Plan(cloud, static plan => plan.IsEnabled = false),
        ["a pause of faults ends"] = static cloud => cloud["a"].Kernel.Faults.Pause().Dispose,
        ["a process makes a system call"] = static cloud => Process(cloud, static process => process.ReadParameter("net/ipv4/ip_forward")),
        ["a process is to be killed"] = static cloud => Process(cloud, static process => process.KillAt = 7),
        ["a process is to be killed afterwards"] = static cloud => Process(cloud, static process => process.KillAfterwards = true),
        ["a process is killed"] = static cloud => Process(cloud, static process => process.Kill()),
        ["a DHCP client gives its lease back"] = static cloud => ((VirtualMachine)cloud["vm"]).DhcpClient!.Release,
        ["a DHCP client stops"] = static cloud => ((VirtualMachine)cloud["vm"]).DhcpClient!.Dispose,
        ["a DHCP server stops"] = static cloud =>
        {
            var server = new DhcpPoolServer(cloud["b"].Kernel, "eth0", new DhcpPoolOptions(IPAddress.Parse("10.0.0.200"), IPAddress.Parse("10.0.0.210"), 24, IPAddress.Parse("10.0.0.2")));
            server.Start();
            return server.Dispose;
        },
        ["a kernel's parameter is written"] = static cloud =>
        {
            SimulatedKernel kernel = cloud["a"].Kernel;
            return () => kernel.WriteParameter("net/ipv4/ip_forward", "1");
        },
    };

    private static readonly byte[] ArpRequest = Convert.FromHexString("ffffffffffff02000000000108060001080006040001020000000001" + "0a000009" + "000000000000" + "0a000003");

    private static IEnumerable<string> Names => Changes.Keys;

    private static IEnumerable<string> HeldNames => Held.Keys;

    [TestCaseSource(nameof(Names))]
    public void What_changes_the_first_cloud_is_not_seen_in_its_fork(string change)
    {
        using SimulatedCloud cloud = Raise();
        _ = cloud["a"].Kernel; // known before the fork
        SimulatedCloud fork = cloud.Fork().Cloud, ofTheFork = fork.Fork().Cloud;
        string before = Text(cloud);
        Changes[change](cloud);
        Same(Text(fork), before);
        Same(Text(ofTheFork), before);
    }

    [TestCaseSource(nameof(Names))]
    public void What_changes_a_fork_is_not_seen_in_the_first_cloud_or_in_another(string change)
    {
        using SimulatedCloud cloud = Raise();
        SimulatedCloud fork = cloud.Fork().Cloud, other = cloud.Fork().Cloud, ofTheFork = fork.Fork().Cloud;
        string before = Text(cloud);
        Changes[change](fork);
        Same(Text(cloud), before);
        Same(Text(other), before);
        Same(Text(ofTheFork), before);
    }

    [Test]
    public void No_public_way_to_change_a_cloud_is_left_out_here()
    {
        string[] known = [.. Changing
            .SelectMany(static type => type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Where(static member => member is PropertyInfo { SetMethod.IsPublic: true } || member is MethodInfo { IsSpecialName: false })
                .Select(member => $"{type.Name}.{member.Name}")).Distinct()];
        Assert.That(Changes.Keys.Concat(Looks), Is.EquivalentTo(known));
    }

    [Test]
    public void Any_tree_of_forks_is_as_if_each_had_been_copied_whole([Range(1, 12)] int seed)
    {
        var random = new Random(seed);
        string[] names = [.. Changes.Keys.Where(static name => !name.EndsWith("Dispose", StringComparison.Ordinal) && name != "SimulatedCloud.Remove")];
        var clouds = new List<(SimulatedCloud Fork, SimulatedCloud Whole)> { (Raise(), Raise()) };
        var steps = new List<string>();
        for (int step = 0; step < 14; step++)
        {
            int index = random.Next(clouds.Count);
            (SimulatedCloud fork, SimulatedCloud whole) = clouds[index];
            if (clouds.Count < 5 && random.Next(3) == 0)
            {
                steps.Add($"{clouds.Count} is a fork of {index}");
                clouds.Add((fork.Fork().Cloud, Whole(whole)));
                continue;
            }

            string change = names[random.Next(names.Length)];
            steps.Add($"{index}: {change}");
            string? refused = Refusal(change, fork);
            Assert.That(refused, Is.EqualTo(Refusal(change, whole)));
        }

        TestContext.Out.WriteLine(string.Join('\n', steps));
        foreach ((SimulatedCloud fork, SimulatedCloud whole) in clouds)
        {
            Same(Text(fork), Text(whole));
        }

        static SimulatedCloud Whole(SimulatedCloud cloud)
        {
            SimulatedCloud fork = cloud.Fork().Cloud;
            Text(fork);
            return fork;
        }

        // Some cannot be done twice.
        static string? Refusal(string change, SimulatedCloud cloud)
        {
            try
            {
                Changes[change](cloud);
                return null;
            }
            catch (Exception refused) when (refused is ArgumentException or InvalidOperationException or KernelException)
            {
                return refused.Message;
            }
        }
    }

    [TestCaseSource(nameof(HeldNames))]
    public void What_was_held_before_the_fork_changes_the_first_cloud_only(string name)
    {
        using SimulatedCloud cloud = Raise();
        Action change = Held[name](cloud);
        SimulatedCloud fork = cloud.Fork().Cloud;
        string before = Text(cloud);
        change();
        Same(Text(fork), before);
        Assert.That(Text(cloud), Is.Not.EqualTo(before), "it does change something");
    }

    [Test]
    public void What_cannot_be_copied_ends_the_fork_and_not_the_first_cloud()
    {
        using SimulatedCloud cloud = Raise();
        using var holder = new FileHolder(cloud["a"].Kernel);
        CloudFork asked = cloud.Fork(), changed = cloud.Fork();
        Assert.That(() => asked.Cloud["a"].Kernel, Throws.TypeOf<NotSupportedException>().With.Message.Contains("FileStream"));
        cloud["a"].Address("eth0", "10.8.8.8/24");
        Assert.That(cloud.Ping(cloud["b"], IPAddress.Parse("10.0.0.1")).Reached, "the first cloud goes on");
        foreach (CloudFork fork in (CloudFork[])[asked, changed])
        {
            Assert.That(() => fork.Cloud["a"].Kernel, Throws.TypeOf<NotSupportedException>().With.Message.Contains("FileStream"));
            Assert.That(() => fork.Cloud["server"].Kernel, Throws.TypeOf<NotSupportedException>(), "what has lost a machine is no copy of the cloud");
            Assert.That(() => Text(fork.Cloud), Throws.TypeOf<NotSupportedException>());
            Assert.That(() => fork.Twin(cloud["server"].Kernel), Throws.TypeOf<NotSupportedException>());
            Assert.That(fork.Cloud.Dispose, Throws.Nothing);
        }
    }

    [Test]
    public void Machines_are_copied_as_they_are_come_to_and_no_others()
    {
        using SimulatedCloud cloud = Raise();
        CloudFork fork = cloud.Fork();
        int first = fork.Objects;
        string name = fork.Cloud["vm"].Name;
        Assert.That((name, fork.Objects), Is.EqualTo(("vm", first)));
        _ = fork.Cloud["vm"].Kernel;
        int one = fork.Objects - first;
        cloud["b"].Address("eth0", "10.4.4.4/24");
        int two = fork.Objects - one - first;
        Text(fork.Cloud);
        int all = fork.Objects - first;
        TestContext.Out.WriteLine($"{first} objects at first, {one} of the VM, {two} of b, {all} of all machines");
        Assert.That(one, Is.InRange(100, all / 3));
        Assert.That(two, Is.InRange(100, all / 3));
    }

    [Test]
    public void A_fork_that_was_disposed_costs_nothing_more_and_says_so_when_it_is_used()
    {
        using SimulatedCloud cloud = Raise();
        CloudFork fork = cloud.Fork();
        int objects = fork.Objects;
        fork.Cloud.Dispose();
        cloud.Advance(TimeSpan.FromHours(1));
        Assert.That(fork.Objects, Is.EqualTo(objects));
        Assert.That(() => fork.Cloud["a"].Kernel, Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void Forks_of_one_cloud_may_be_used_from_several_threads()
    {
        using SimulatedCloud cloud = Raise();
        using SimulatedCloud saved = cloud.Fork().Cloud;
        string[] transcripts = new string[8];
        Parallel.For(0, transcripts.Length, index =>
        {
            using SimulatedCloud fork = saved.Fork().Cloud;
            transcripts[index] = CloudForkTests.Play(fork);
        });
        Assert.That(transcripts, Is.All.EqualTo(CloudForkTests.Play(cloud)));
    }

    private static SimulatedCloud Raise()
    {
        SimulatedCloud cloud = CloudForkTests.Raise();
        cloud.RunUntil(() => cloud.VirtualMachines.First().Lease is not null, TimeSpan.FromSeconds(20));
        cloud.AddVm("asleep", cloud["b"], "vif5.0", "d0:0d:00:00:00:05");
        cloud.ListenTcp(cloud["a"], 22);

        // In the middle of something: a packet waits for a neighbour that is not there.
        cloud.SendUdp(cloud["b"], IPAddress.Parse("10.0.0.77"), 9, options: new ProbeOptions { Patience = TimeSpan.FromMilliseconds(100) });
        return cloud;
    }

    private static Action Netlink(SimulatedCloud cloud, Action<INetlinkSocket> change)
    {
        INetlinkSocket socket = cloud["a"].Kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Join(5);
        return () => change(socket);
    }

    private static Action Packets(SimulatedCloud cloud, Action<IPacketSocket> change)
    {
        IPacketSocket socket = cloud["a"].Kernel.OpenPacket(2, 0x0806);
        return () => change(socket);
    }

    private static Action Plan(SimulatedCloud cloud, Action<FaultPlan> change)
    {
        FaultPlan plan = cloud["a"].Kernel.Faults;
        return () => change(plan);
    }

    private static Action Process(SimulatedCloud cloud, Action<SimulatedProcess> change)
    {
        SimulatedProcess process = cloud["a"].Kernel.StartProcess("program");
        process.OpenPacket(2, 0x0806);
        return () => change(process);
    }

    /// <summary>A program that waits on a socket with a file open.</summary>
    private sealed class FileHolder : IDisposable
    {
        private readonly string _path = Path.GetTempFileName();
        private readonly FileStream _file;
        private readonly IPacketSocket _socket;

        public FileHolder(SimulatedKernel kernel)
        {
            _file = File.OpenRead(_path);
            _socket = kernel.OpenPacket(2, 0x1234);
            _ = WaitAsync();
        }

        public void Dispose()
        {
            _file.Dispose();
            File.Delete(_path);
        }

        private async Task WaitAsync()
        {
            await _socket.WaitReadableAsync();
            _file.ReadByte();
        }
    }

    // A difference is shown by its first line: a state has some megabytes.
    private static void Same(string text, string expected)
    {
        string[] lines = text.Split('\n'), others = expected.Split('\n');
        string? differing = lines.Zip(others).Where(static pair => pair.First != pair.Second).Select(static pair => $"{pair.First}\nexpected\n{pair.Second}").FirstOrDefault();
        Assert.That(differing ?? (lines.Length == others.Length ? null : $"{lines.Length} lines, expected {others.Length}"), Is.Null);
    }

    private static string Text(SimulatedCloud cloud)
    {
        using var text = new StringWriter();
        cloud.Save(text);
        return text.ToString();
    }
}
