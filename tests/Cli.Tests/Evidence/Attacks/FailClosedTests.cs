using System.Text;
using EucaNet.Engine;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Recording;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>There is no moment in which an instance's port is open and its guards are not there.</summary>
[TestFixtureSource(typeof(Worlds), nameof(Worlds.Managed))]
[Category(DebianKernelTests.Category)]
public sealed class FailClosedTests(string world)
{
    // What node1's engine sends, in the order in which it sends it, whichever socket it sends it by.
    private sealed class Order : INetlinkRecorder
    {
        public List<(NetlinkProtocol Protocol, byte[] Datagram)> Sent { get; } = [];

        public void Record(NetlinkProtocol protocol, bool isSent, DateTimeOffset time, ReadOnlySpan<byte> datagram)
        {
            if (isSent)
            {
                Sent.Add((protocol, datagram.ToArray()));
            }
        }
    }

    [Test]
    public async Task The_guards_stand_before_the_port_is_a_port_or_up_and_go_after_it()
    {
        var order = new Order();
        await using ManagedCloud cloud = await ManagedCloud.StartAsync(world, recorder: order);
        InstanceAssignment assignment = (await cloud.FrontEnd.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000001", User = "alice" })).Value;
        await cloud.World.PlugAsync("node1", "i-00000001", "vif1.0", assignment.Mac.ToString(), default);
        int port = (await cloud.RouteOf("node1").GetLinkAsync("vif1.0")).Index;

        order.Sent.Clear();
        await cloud.NodeOf("node1").AttachAsync(assignment, "vif1.0");
        int guards = order.Sent.FindIndex(IsOfGuards);
        int opened = order.Sent.FindIndex(sent => IsChangeOf(sent, port));
        Assert.That(guards, Is.GreaterThanOrEqualTo(0).And.LessThan(opened), "guards, then the port");

        order.Sent.Clear();
        await cloud.NodeOf("node1").DetachAsync("i-00000001");
        int removed = order.Sent.FindIndex(IsOfGuards);
        int closed = order.Sent.FindIndex(sent => IsChangeOf(sent, port));
        Assert.That(closed, Is.GreaterThanOrEqualTo(0).And.LessThan(removed), "the port, then its guards");
    }

    [Test]
    public async Task The_guards_outlive_the_nodes_engine_and_its_restart_opens_nothing()
    {
        string state = Directory.CreateTempSubdirectory("eucanet-failclosed-").FullName;
        try
        {
            await using AttackRange range = await AttackRange.StartAsync(world, options: new EngineOptions { StateDirectory = state });
            Attack[] attacks = [.. AttackList.All.Where((attack, index) => attack is { Target: Target.Neighbours, StoppedBy: null } && index % 4 == 0)];
            Assert.That(await PassingAsync(range, attacks), Is.Empty, "with the engine");
            await range.Cloud.StopNodeAsync("node1");
            Assert.That(await PassingAsync(range, attacks), Is.Empty, "without the engine");
            Assert.That((await range.Cloud.StartNodeAsync("node1")).ToString(), Is.EqualTo("nothing to do"), "what stands is left alone");
            Assert.That(await PassingAsync(range, attacks), Is.Empty, "with the next engine");

            // Where somebody took the guards away, the next start brings them back.
            range.Disarm("node1", Netfilter.Nftables.NftablesFamily.Bridge);
            Assert.That(await PassingAsync(range, attacks), Is.Not.Empty);
            await range.Cloud.StartNodeAsync("node1");
            Assert.That(await PassingAsync(range, attacks), Is.Empty, "repaired");
        }
        finally
        {
            Directory.Delete(state, recursive: true);
        }
    }

    private static async Task<List<string>> PassingAsync(AttackRange range, Attack[] attacks)
    {
        var passing = new List<string>();
        foreach (Attack attack in attacks)
        {
            if ((await range.TryAsync(attack)).Count > 0)
            {
                passing.Add(attack.Name);
            }
        }

        return passing;
    }

    private static bool IsOfGuards((NetlinkProtocol Protocol, byte[] Datagram) sent) =>
        sent.Protocol == NetlinkProtocol.Netfilter && sent.Datagram.AsSpan().IndexOf(Encoding.ASCII.GetBytes("vif1.0\0")) >= 0;

    // RTM_NEWLINK or RTM_SETLINK of the interface: its message begins with the family, and its index stands four octets behind it.
    private static bool IsChangeOf((NetlinkProtocol Protocol, byte[] Datagram) sent, int index)
    {
        const ushort NewLink = 16;
        const ushort SetLink = 19;
        return sent.Protocol == NetlinkProtocol.Route && BitConverter.ToUInt16(sent.Datagram, 4) is NewLink or SetLink && BitConverter.ToInt32(sent.Datagram, 20) == index;
    }
}
