using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>What reconciling does where the kernel's answers, or its devices, are not what they were.</summary>
public class DisturbedKernelTests
{
    [Test]
    public async Task An_answer_that_comes_twice_never_costs_a_guard()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await cloud.RunAsync("alice", "web", node: 0);
        SimulatedHost host = cloud.NodeHosts[0];
        string[] guards = Guards(host);
        Assert.That(guards, Has.Length.GreaterThan(20));
        int struck = 0;
        for (int skip = 0; ; skip++)
        {
            int answers = 0;
            int mine = skip;
            host.Kernel.Faults.Clear();
            host.Kernel.Faults.Add(new Fault(FaultPoint.Answer, FaultKind.Duplicate) { When = _ => answers++ == mine });
            ChangeSummary changes = await cloud.Nodes[0].ReconcileAsync();
            host.Kernel.Faults.Clear();
            Assert.That(changes.Changes, Is.Empty, $"answer {skip}");
            Assert.That(Guards(host), Is.EqualTo(guards), $"answer {skip}");
            if (answers <= skip)
            {
                break;
            }

            struck++;
        }

        Assert.That(struck, Is.GreaterThan(10));
    }

    [Test]
    public async Task A_VLAN_device_that_another_program_renamed_is_made_again_and_its_other_name_goes()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await cloud.RunAsync("alice", "web", node: 0);
        using RouteConnection links = RouteConnection.Open(cloud.FrontHost.Kernel);
        await links.RenameAsync((await links.GetLinkAsync("eth0.10")).Index, "stolen1");
        await cloud.Front.ReconcileAsync();
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "stolen1"), Is.Null);
        Assert.That((await ManagedCloud.LinkAsync(cloud.FrontHost, "eth0.10"))!.Vlan, Is.EqualTo(10));
        Assert.That((await cloud.Front.ReconcileAsync()).Changes, Is.Empty);
    }

    [Test]
    public async Task A_foreign_device_that_has_our_VLAN_is_left_alone_and_named()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        using RouteConnection links = RouteConnection.Open(cloud.FrontHost.Kernel);
        Link parent = await links.GetLinkAsync("eth0");
        await links.AddLinkAsync(new Link { Name = "theirs", Parent = parent.Index, Info = LinkInfo.Of(new VlanOptions { Id = 10 }) });
        EngineException refused = Assert.ThrowsAsync<EngineException>(async () =>
            await cloud.Front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000001", User = "alice", Group = "web" }))!;
        Assert.That(refused.Message, Does.Contain("theirs"));
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "theirs"), Is.Not.Null);
    }

    private static string[] Guards(SimulatedHost host)
    {
        using NftablesConnection connection = NftablesConnection.Open(host.Kernel);
        TableContent table = connection.ReadTable(NftablesFamily.Bridge, "eucanet")!;
        return [.. table.Chains.SelectMany(static chain => chain.Rules).Select(static rule => $"{rule.Chain} {rule.Handle} {rule.Comment}")];
    }
}
