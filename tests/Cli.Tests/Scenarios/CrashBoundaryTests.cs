using EucaNet.Cli.Scenarios.Churn;
using EucaNet.Engine;
using EucaNet.Simulator.Faults;
using NUnit.Framework;

namespace EucaNet.Cli.Tests.Scenarios;

/// <summary>
/// An engine that is killed at any system call of a change, before or after the kernel has carried it out, is started again: the change is then done or not done,
/// the kernel is as it says, and nothing is left to write. So is one whose last words in the journal were lost or cut.
/// </summary>
public sealed class CrashBoundaryTests
{
    private static readonly IngressRule Range = new() { Protocol = IngressRule.Tcp, FirstPort = 1001, LastPort = 1006, Source = Ipv4Network.Parse("198.51.100.0/24") };
    private static readonly IngressRule Ssh = new() { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("203.0.113.0/24") };

    private static readonly Dictionary<string, Func<ChurnCloud, ValueTask>> FrontEndChanges = new()
    {
        ["run the first instance of a group"] = Front(front => Run(front, "i-00000009", "carol", "lab")),
        ["run one more instance of a group"] = Front(front => Run(front, "i-00000009", "alice", "web")),
        ["run an instance with a public address"] = Front(front => Run(front, "i-00000009", "carol", "lab", address: true)),
        ["end an instance"] = Front(async front => await front.TerminateInstanceAsync("i-00000002")),
        ["end the last instance of a group"] = Front(async front => await front.TerminateInstanceAsync("i-00000003")),
        ["end an instance with a public address"] = Front(async front => await front.TerminateInstanceAsync("i-00000001")),
        ["authorize a range of ports"] = Front(async front => await front.AuthorizeAsync("bob", "default", Range)),
        ["authorize a group"] = Front(async front => await front.AuthorizeAsync("bob", "default", new IngressRule { Protocol = 6, SourceGroup = new GroupName("alice", "web") })),
        ["revoke a rule"] = Front(async front => await front.RevokeAsync("alice", "web", Ssh)),
        ["associate an address"] = Front(async front => await front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.12"), "i-00000002")),
        ["move an address"] = Front(async front => await front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), "i-00000003")),
        ["change an instance's address"] = Front(async front => await front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.12"), "i-00000001")),
        ["disassociate an address"] = Front(async front => await front.DisassociateAddressAsync(Ipv4Address.Parse("203.0.113.10"))),
    };

    private static readonly Dictionary<string, Func<ChurnCloud, ValueTask>> NodeChanges = new()
    {
        ["attach the first instance of a VLAN"] = cloud => AttachAsync(cloud, "i-00000003"),
        ["attach one more instance of a VLAN"] = cloud => AttachAsync(cloud, "i-00000002"),
        ["detach an instance"] = async cloud => await cloud.Nodes[0].Node!.DetachAsync("i-00000001"),
        ["detach the last instance of a VLAN"] = async cloud => await cloud.Nodes[0].Node!.DetachAsync("i-00000004"),
    };

    public static IEnumerable<string> OnTheFrontEnd => FrontEndChanges.Keys;

    public static IEnumerable<string> OnANode => NodeChanges.Keys;

    [TestCaseSource(nameof(OnTheFrontEnd))]
    public void A_front_end_that_is_killed_anywhere_in_a_change_comes_back_with_it_done_or_not_done(string change) => Enumerate(FrontEndChanges[change], static cloud => cloud.Front);

    [TestCaseSource(nameof(OnANode))]
    public void A_node_that_is_killed_anywhere_in_a_change_comes_back_with_it_done_or_not_done(string change) => Enumerate(NodeChanges[change], static cloud => cloud.Nodes[0]);

    [Test]
    public void An_engine_that_is_killed_anywhere_in_its_start_starts_the_next_time()
    {
        foreach (Func<ChurnCloud, ChurnMachine> which in new Func<ChurnCloud, ChurnMachine>[] { static cloud => cloud.Front, static cloud => cloud.Nodes[0] })
        {
            for (long call = 1, died = 1; died > 0; call++)
            {
                using ChurnCloud cloud = Prepare();
                ChurnMachine machine = which(cloud);
                string before = Print(machine);
                machine.Stop();
                died = machine.StartAndDieAt(call) ? 1 : 0;
                machine.Stop();
                machine.Start();
                Check(cloud, machine, $"killed at system call {call} of its start", [before]);
            }
        }
    }

    private static void Enumerate(Func<ChurnCloud, ValueTask> change, Func<ChurnCloud, ChurnMachine> which)
    {
        string before, after;
        long calls;
        using (ChurnCloud cloud = Prepare())
        {
            ChurnMachine machine = which(cloud);
            before = Print(machine);
            long began = machine.Process!.SystemCalls;
            Do(cloud, machine, change);
            calls = machine.Process.SystemCalls - began;
            after = Print(machine);
            Check(cloud, machine, "undisturbed", [after]);
        }

        Assert.That(after, Is.Not.EqualTo(before), "the change changes something");
        for (long call = 1; call <= calls; call++)
        {
            foreach (bool afterwards in new[] { false, true })
            {
                using ChurnCloud cloud = Prepare();
                ChurnMachine machine = which(cloud);
                machine.Process!.KillAt = machine.Process.SystemCalls + call;
                machine.Process.KillAfterwards = afterwards;
                try
                {
                    Do(cloud, machine, change);
                }
                catch (ProcessKilledException)
                {
                    // Unless it died in a task beside the change.
                }

                Assert.That(machine.Process.IsDead, $"system call {call} of {calls}");
                machine.Start();
                Check(cloud, machine, $"killed {(afterwards ? "after" : "at")} system call {call} of {calls}", [before, after]);
            }
        }

        foreach (int lost in new[] { int.MaxValue, 1, 7 })
        {
            using ChurnCloud cloud = Prepare();
            ChurnMachine machine = which(cloud);
            machine.Stop();
            byte[] journal = machine.ReadJournal();
            machine.Start();
            Do(cloud, machine, change);
            machine.Stop();
            byte[] written = machine.ReadJournal();
            machine.WriteJournal(lost == int.MaxValue ? journal : written[..^lost]);
            machine.Start();
            Check(cloud, machine, $"killed while it wrote its journal ({(lost == int.MaxValue ? "all" : lost)} octets missing)", [before, after]);
        }
    }

    private static void Check(ChurnCloud cloud, ChurnMachine machine, string when, string[] allowed)
    {
        using var checks = new ChurnChecks(cloud, new ChurnFigures());
        Assert.That(Print(machine), Is.AnyOf(allowed), when);
        Assert.That(() =>
        {
            checks.ForeignThings();
            checks.Groups();
            checks.Frames();
        }, Throws.Nothing, when);
        long writes = machine.Process!.Writes;
        Assert.That(machine.Reconcile().ToString(), Is.EqualTo("nothing to do"), when);
        Assert.That(machine.Process.Writes, Is.EqualTo(writes), $"{when}: reconciling wrote");
    }

    // Two instances of alice on node 1, one of bob that no node has yet, one of carol, alone in its VLAN on node 1; rules and a public address.
    private static ChurnCloud Prepare()
    {
        var cloud = new ChurnCloud(seed: 1);
        foreach (ChurnMachine machine in cloud.Machines)
        {
            machine.Start();
        }

        FrontEnd front = cloud.Front.FrontEnd!;
        cloud.Front.Await(front.AuthorizeAsync("alice", "web", Ssh));
        foreach ((string id, string user, string group) in new[] { ("i-00000001", "alice", "web"), ("i-00000002", "alice", "web"), ("i-00000003", "bob", "default"), ("i-00000004", "carol", "db") })
        {
            Outcome<InstanceAssignment> run = cloud.Front.Await(front.RunInstanceAsync(new InstanceRequest { InstanceId = id, User = user, Group = group }));
            cloud.Launch(cloud.Adopt(run.Value, cloud.Nodes[0]));
        }

        foreach (string id in new[] { "i-00000001", "i-00000004" })
        {
            cloud.Nodes[0].Await(AsTrue(AttachAsync(cloud, id)));
            cloud.Instances[id].Machine!.Boot();
        }

        cloud.Front.Await(front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), "i-00000001"));
        return cloud;
    }

    private static string Print(ChurnMachine machine) => machine.FrontEnd is { } front
        ? string.Join('\n',
        [
            .. machine.Await(front.ListInstancesAsync()).Select(static i => $"{i.Assignment} {i.PublicAddress}"),
            .. machine.Await(front.ListRulesAsync()).Select(static r => r.ToString()),
        ])
        : string.Join('\n', machine.Await(machine.Node!.ListInstancesAsync()).Select(static i => i.ToString()));

    private static void Do(ChurnCloud cloud, ChurnMachine machine, Func<ChurnCloud, ValueTask> change) => machine.Await(AsTrue(change(cloud)));

    private static async ValueTask<bool> AsTrue(ValueTask task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    private static Func<ChurnCloud, ValueTask> Front(Func<FrontEnd, Task> change) => async cloud => await change(cloud.Front.FrontEnd!).ConfigureAwait(false);

    private static async Task Run(FrontEnd front, string id, string user, string group, bool address = false) =>
        await front.RunInstanceAsync(new InstanceRequest { InstanceId = id, User = user, Group = group, AnyPublicAddress = address }).ConfigureAwait(false);

    private static async ValueTask AttachAsync(ChurnCloud cloud, string id)
    {
        ChurnInstance instance = cloud.Instances[id];
        await instance.Node.Node!.AttachAsync(instance.Assignment, instance.InterfaceName).ConfigureAwait(false);
    }
}
