using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>Engines are forked with their cloud: each goes on with the kernels of its own.</summary>
public sealed class ForkTests
{
    [Test]
    public async Task An_engine_and_its_twin_do_the_same_and_do_not_see_each_other()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await cloud.RunAsync("alice", "web", 0);
        CloudFork fork = cloud.Cloud.Fork(cloud.Front, cloud.Nodes);
        FrontEnd twin = fork.Twin(cloud.Front);
        var request = new InstanceRequest { InstanceId = "i-00000009", User = "bob", Group = "default", AnyPublicAddress = true };
        Outcome<InstanceAssignment> there = await twin.RunInstanceAsync(request);
        Assert.That((await cloud.Front.ListInstancesAsync()).Select(i => i.Assignment.InstanceId), Is.EqualTo(new[] { "i-00000001" }));
        Assert.That((await twin.ListInstancesAsync()).Count, Is.EqualTo(2));
        Assert.That((await cloud.Front.ReconcileAsync()).ToString(), Is.EqualTo("nothing to do"));
        Assert.That((await twin.ReconcileAsync()).ToString(), Is.EqualTo("nothing to do"));

        // The same request on this side gives the same, word for word.
        Outcome<InstanceAssignment> here = await cloud.Front.RunInstanceAsync(request);
        Assert.That(here.Value, Is.EqualTo(there.Value));
        Assert.That(here.Changes.ToString(), Is.EqualTo(there.Changes.ToString()));
    }

    [Test]
    public async Task A_fork_has_the_engines_as_they_were_though_nobody_named_them()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await cloud.RunAsync("alice", "web", 0);
        SimulatedCloud fork = cloud.Cloud.Fork().Cloud;
        string before = Text(cloud.Cloud);
        await cloud.RunAsync("bob", "web", 1);
        cloud.Cloud.Advance(TimeSpan.FromMinutes(1));
        Assert.That(Text(fork) == before);

        static string Text(SimulatedCloud cloud)
        {
            using var text = new StringWriter();
            cloud.Save(text);
            return text.ToString();
        }
    }
}
