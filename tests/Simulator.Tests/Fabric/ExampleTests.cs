using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>Tests as users of the library write them: a program of theirs on simulated kernels, faults included. The program here keeps a bridge in being.</summary>
public sealed class ExampleTests
{
    /// <summary>The program under test: it wants a bridge that is up, and tries until it has one.</summary>
    private sealed class BridgeKeeper(IKernel kernel)
    {
        public async Task KeepAsync()
        {
            for (int attempt = 0; ; attempt++)
            {
                try
                {
                    using RouteConnection links = RouteConnection.Open(kernel);
                    Link? bridge = await links.FindLinkAsync("br0").ConfigureAwait(false);
                    if (bridge is null)
                    {
                        await links.AddLinkAsync(new Link { Name = "br0", Info = new LinkInfo { Kind = "bridge" } }).ConfigureAwait(false);
                        bridge = await links.GetLinkAsync("br0").ConfigureAwait(false);
                    }

                    await links.SetUpAsync(bridge.Index).ConfigureAwait(false);
                    return;
                }
                catch (Exception failed) when (failed is KernelException or TimeoutException && attempt < 20)
                {
                    await Task.Delay(TimeSpan.FromSeconds(1), kernel.Time).ConfigureAwait(false);
                }
            }
        }
    }

    [Test]
    public void My_program_gets_its_bridge_though_the_first_answers_are_lost()
    {
        using var cloud = new SimulatedCloud(seed: 7);
        SimulatedHost host = cloud.AddHost("host");
        host.Kernel.Faults.Add(new Fault(FaultPoint.Answer, FaultKind.Lose) { Limit = 3 });
        host.Kernel.Wait(new BridgeKeeper(host.Kernel).KeepAsync());
        Assert.That(IsUp(host), Is.True);
        Assert.That(cloud.Clock.Elapsed, Is.GreaterThan(TimeSpan.FromSeconds(20)), "three answers were waited for");
    }

    [Test]
    public void My_program_can_die_at_any_of_its_system_calls_and_its_successor_does_the_work()
    {
        for (long call = 1; ; call++)
        {
            using var cloud = new SimulatedCloud();
            SimulatedHost host = cloud.AddHost("host");
            SimulatedProcess process = host.Kernel.StartProcess("keeper");
            process.KillAt = call;
            process.KillAfterwards = call % 2 == 0;
            try
            {
                host.Kernel.Wait(new BridgeKeeper(process).KeepAsync());
                Assert.That(call, Is.GreaterThan(5));
                return;
            }
            catch (ProcessKilledException)
            {
                host.Kernel.Wait(new BridgeKeeper(host.Kernel.StartProcess("successor")).KeepAsync());
                Assert.That(IsUp(host), Is.True, $"killed at system call {call}");
            }
        }
    }

    [Test]
    public void My_program_and_another_one_leave_each_other_alone_under_every_fault_there_is()
    {
        using var cloud = new SimulatedCloud(seed: 3);
        SimulatedHost host = cloud.AddHost("host");
        using var foreign = new ForeignWriter(host.Kernel);
        using (CloudFaults.Arm(host, CloudFaults.All.Where(static fault => !fault.Name.StartsWith("killed", StringComparison.Ordinal)), chance: 0.03, foreign))
        {
            for (int round = 0; round < 20; round++)
            {
                host.Kernel.Wait(new BridgeKeeper(host.Kernel).KeepAsync());
            }
        }

        host.Kernel.Wait(new BridgeKeeper(host.Kernel).KeepAsync());
        Assert.That(IsUp(host), Is.True);
        Assert.That(foreign.Differences(), Is.Empty);
        Assert.That(host.Kernel.Faults.StruckByName, Is.Not.Empty);
    }

    [Test]
    public void The_time_of_day_may_jump_and_timers_do_not_care()
    {
        using var cloud = new SimulatedCloud();
        DateTimeOffset before = cloud.Clock.GetUtcNow();
        Task delay = Task.Delay(TimeSpan.FromSeconds(10), cloud.Clock);
        cloud.Clock.SetForward(TimeSpan.FromHours(-1));
        Assert.That(cloud.Clock.GetUtcNow(), Is.EqualTo(before.AddHours(-1)));
        cloud.Advance(TimeSpan.FromSeconds(9));
        Assert.That(delay.IsCompleted, Is.False);
        cloud.Advance(TimeSpan.FromSeconds(1));
        Assert.That(delay.IsCompleted, Is.True);
    }

    [Test]
    public void A_message_in_the_middle_of_a_datagram_is_refused_and_those_around_it_are_carried_out()
    {
        using var cloud = new SimulatedCloud();
        SimulatedHost host = cloud.AddHost("host");
        host.Kernel.Faults.Add(new Fault(FaultPoint.Request, FaultKind.Fail) { When = static s => s.IsChange && s.Mentions("two"), Error = LinuxError.ENOMEM });
        using RouteConnection links = RouteConnection.Open(host.Kernel);
        RouteBatch batch = links.CreateBatch();
        foreach (string name in new[] { "one", "two", "three" })
        {
            batch.AddLink(new Link { Name = name, Info = new LinkInfo { Kind = "dummy" } });
        }

        Assert.That(() => batch.Execute(), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOMEM));
        Assert.That(host.Kernel.Devices.All.Select(static device => device.Name), Is.EqualTo(new[] { "lo", "one", "three" }));
    }

    private static bool IsUp(SimulatedHost host)
    {
        using RouteConnection links = RouteConnection.Open(host.Kernel);
        Task<Link?> found = links.FindLinkAsync("br0").AsTask();
        host.Kernel.Wait(found);
        return found.Result is { IsUp: true };
    }
}
