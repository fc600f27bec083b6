using System.Net;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>A fork goes on as the first cloud does, given the same inputs, and each is blind to the other.</summary>
public sealed class CloudForkTests
{
    private const double MostObjectsOfAMachineAtFirst = 20, MostObjectsOfAMachine = 530;

    [Test]
    public void The_same_inputs_give_the_same_transcript_in_both()
    {
        using SimulatedCloud cloud = Raise();

        // In the middle of everything: one VM has its lease, the other's first words are on the way, a fault plan has drawn some of its chances.
        cloud["a"].Kernel.Faults.Add(new Fault(FaultPoint.Send, FaultKind.Fail) { Chance = 0.3, Error = LinuxError.ENOBUFS });
        cloud.RunUntil(() => cloud.VirtualMachines.First().Lease is not null, TimeSpan.FromSeconds(20));
        cloud.AddVm("late", cloud["a"], "vif9.0", "d0:0d:00:00:00:09").Boot();
        using SimulatedCloud other = cloud.Fork().Cloud;
        string first = Play(cloud), second = Play(other);
        Assert.That(first, Has.Length.GreaterThan(1000));
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Neither_sees_what_happens_in_the_other()
    {
        using SimulatedCloud cloud = Raise();
        CloudFork fork = cloud.Fork();
        using SimulatedCloud other = fork.Cloud;
        KernelSnapshot before = KernelSnapshot.Capture(cloud["a"].Kernel);
        other["a"].Address("eth0", "10.9.9.9/24");
        other.Cables[0].Unplug();
        other.Advance(TimeSpan.FromHours(1));
        Assert.Multiple(() =>
        {
            Assert.That(before.DifferenceTo(KernelSnapshot.Capture(cloud["a"].Kernel)), Is.Empty);
            Assert.That(cloud.Clock.Elapsed, Is.EqualTo(TimeSpan.Zero));
            Assert.That(cloud.Ping(cloud["a"], IPAddress.Parse("10.0.0.2")).Reached);
            Assert.That(other.Ping(other["a"], IPAddress.Parse("10.0.0.2")).Reached, Is.False);
            Assert.That(fork.Twin(cloud["b"]), Is.SameAs(other["b"]));
        });
    }

    [Test]
    public void A_fork_of_a_fork_restores_a_state_again_and_again()
    {
        using SimulatedCloud cloud = Raise();
        CloudFork saved = cloud.Fork();
        for (int round = 0; round < 3; round++)
        {
            using SimulatedCloud again = saved.Cloud.Fork().Cloud;
            Assert.That(again.Ping(again["a"], IPAddress.Parse("10.0.0.2")).Reached);
            again.Cables[0].Unplug();
            Assert.That(again.Ping(again["a"], IPAddress.Parse("10.0.0.2")).Reached, Is.False);
        }
    }

    [Test]
    public void A_fork_costs_little_for_each_machine_and_what_it_holds_of_its_own_once_it_is_used()
    {
        (int First, int All) few = ObjectsOf(10), more = ObjectsOf(40);
        double first = (more.First - few.First) / 30.0, all = (more.All - few.All) / 30.0;
        TestContext.Out.WriteLine($"a fork copies {first} objects for a machine, and {all} in all once it is used");
        Assert.That(first, Is.LessThan(MostObjectsOfAMachineAtFirst));
        Assert.That(all, Is.LessThan(MostObjectsOfAMachine));

        static (int First, int All) ObjectsOf(int machines)
        {
            using var cloud = new SimulatedCloud(seed: 5);
            SimulatedHost node = cloud.AddHost("node");
            for (int index = 0; index < machines; index++)
            {
                cloud.AddVm($"vm{index}", node, $"vif{index}.0", $"d0:0d:00:00:00:{index:x2}").Boot();
            }

            CloudFork fork = cloud.Fork();
            int first = fork.Objects;
            foreach (SimulatedHost host in fork.Cloud.Hosts)
            {
                host.Up("lo");
            }

            fork.Cloud.Dispose();
            return (first, fork.Objects);
        }
    }

    [Test]
    public void A_recording_into_a_file_stands_in_the_way()
    {
        using SimulatedCloud cloud = Raise();
        string path = Path.GetTempFileName();
        using (FileStream file = File.Create(path))
        using (new CloudRecorder(cloud, file))
        {
            Assert.That(() => cloud.Fork(), Throws.TypeOf<NotSupportedException>());
        }

        File.Delete(path);
        Assert.That(() => cloud.Fork().Cloud.Dispose(), Throws.Nothing);
    }

    internal static SimulatedCloud Raise()
    {
        var cloud = new SimulatedCloud(seed: 5);
        NetworkSwitch lan = cloud.AddSwitch("lan");
        SimulatedHost a = cloud.AddHost("a"), b = cloud.AddHost("b"), server = cloud.AddHost("server");
        foreach ((SimulatedHost host, string address) in new[] { (a, "10.0.0.1/24"), (b, "10.0.0.2/24"), (server, "10.0.0.3/24") })
        {
            cloud.Connect(host, "eth0", lan);
            host.Address("eth0", address);
        }

        VirtualMachine vm = cloud.AddVm("vm", a, "vif1.0", "d0:0d:00:00:00:01");
        cloud.Connect(a, "eth1", lan);
        Bridge(a, "vif1.0", "eth1");
        new DhcpPoolServer(server.Kernel, "eth0", new DhcpPoolOptions(IPAddress.Parse("10.0.0.100"), IPAddress.Parse("10.0.0.150"), 24, IPAddress.Parse("10.0.0.3"))).Start();
        vm.Boot();
        return cloud;
    }

    private static void Bridge(SimulatedHost host, params string[] ports)
    {
        using EucaNet.Netlink.Route.RouteConnection links = EucaNet.Netlink.Route.RouteConnection.Open(host.Kernel);
        links.AddLinkAsync(new EucaNet.Netlink.Route.Link { Name = "br0", Info = new EucaNet.Netlink.Route.LinkInfo { Kind = "bridge" } }).AsTask().Wait();
        int bridge = links.GetLinkAsync("br0").AsTask().Result.Index;
        foreach (string name in ports)
        {
            int port = links.GetLinkAsync(name).AsTask().Result.Index;
            links.SetMasterAsync(port, bridge).AsTask().Wait();
            links.SetUpAsync(port).AsTask().Wait();
        }

        links.SetUpAsync(bridge).AsTask().Wait();
    }

    internal static string Play(SimulatedCloud cloud)
    {
        using var transcript = new StringWriter();
        using (new CloudRecorder(cloud, null, transcript))
        {
            for (int round = 0; round < 10; round++)
            {
                cloud.Advance(TimeSpan.FromSeconds(7));
                try
                {
                    cloud["a"].Address("eth0", $"10.1.{round}.1/24");
                }
                catch (EucaNet.Netlink.Kernel.KernelException refused)
                {
                    transcript.WriteLine(refused.Message);
                }

                transcript.WriteLine(cloud.Ping(cloud["b"], IPAddress.Parse("10.0.0.100")).ToString());
            }

            cloud.AddVm("new", cloud["b"], "vif2.0", "d0:0d:00:00:00:02");
            foreach (SimulatedHost host in cloud.Hosts)
            {
                transcript.Write(KernelSnapshot.Capture(host.Kernel).ToString());
            }
        }

        return transcript.ToString();
    }
}
