using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>Bridge VLAN options, link statistics, traffic control, and messages without a model.</summary>
public sealed class FurtherModelTests
{
    [Test]
    public void Options_of_several_VLANs_come_back_in_their_order()
    {
        var settings = new BridgeVlanSettings
        {
            Index = 7,
            Entries =
            [
                new BridgeVlanEntry { Vlan = new BridgeVlan(BridgeVlanFlags.Pvid, 10), State = BridgePortState.Blocking },
                new BridgeVlanEntry { Vlan = new BridgeVlan(BridgeVlanFlags.None, 20), RangeEnd = 29, NeighbourSuppression = true, Statistics = new BridgeVlanTraffic(1, 2, 3, 4) },
            ],
            GlobalOptions = [new BridgeVlanGlobalOptions { Id = 10, MulticastSnooping = false, QueryInterval = 12500 }],
        };
        byte[] bytes = Write(settings, RTM_NEWVLAN);
        BridgeVlanSettings read = Read<BridgeVlanSettings>(bytes);
        Assert.That(read, Is.EqualTo(settings));
        Assert.That(read.Entries.Select(entry => entry.Vlan!.Value.Id), Is.EqualTo(new ushort[] { 10, 20 }));
        Assert.That(Write(read, RTM_NEWVLAN), Is.EqualTo(bytes));
    }

    [Test]
    public void Recorded_traffic_control_has_its_kind()
    {
        TrafficObject[] objects =
        [
            .. RecordedMessages.All().Where(message => BitConverter.ToUInt16(message, 4) is RTM_NEWQDISC or RTM_NEWTCLASS or RTM_NEWTFILTER).Select(Read<TrafficObject>),
        ];
        Assert.That(objects.Select(value => value.Kind), Has.Some.EqualTo("htb").And.Some.EqualTo("fq_codel").And.Some.EqualTo("u32"));
    }

    [Test]
    public void A_refusal_is_printed_with_the_kernels_words_and_kept_byte_for_byte()
    {
        byte[][] refusals = [.. RecordedMessages.All().Where(message => BitConverter.ToUInt16(message, 4) == NetlinkMessageType.Error && (BitConverter.ToUInt16(message, 6) & 0x200) != 0)];
        Assert.That(refusals, Is.Not.Empty);
        foreach (byte[] refusal in refusals)
        {
            var reader = new MessageReader(refusal);
            reader.TryRead(out NetlinkMessage message);
            Assert.That(MessagePrinter.Print(message, RouteCatalog.Instance), Does.Contain("NLMSGERR_ATTR_"));
            OpaqueMessage kept = OpaqueMessage.Read(message, RouteCatalog.Instance);
            Assert.That(kept.Attributes, Is.Not.Empty);
            var buffer = new NetlinkBuffer();
            var writer = new NetlinkWriter(buffer);
            kept.Write(ref writer);
            writer.Complete();
            Assert.That(buffer.Written.ToArray(), Is.EqualTo(refusal));
        }
    }

    [Test]
    [RequiresRoot]
    public async Task Statistics_and_disciplines_are_listed_by_link()
    {
        using NetworkNamespace own = NetworkNamespace.Create();
        using RouteConnection route = RouteConnection.Open(LinuxKernel.Open(own));
        await route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link v0 = await route.GetLinkAsync("v0");
        await route.CreateBatch().SetUp(v0.Index).SetUp(v0.Parent!.Value).ExecuteAsync();
        List<LinkStatisticsReport> all = await route.GetStatisticsAsync();
        Assert.That(all.Select(report => report.Index), Is.SupersetOf(new[] { 1, v0.Index }));
        LinkStatisticsReport one = (await route.GetStatisticsAsync(v0.Index)).Single();
        Assert.That(one.Index, Is.EqualTo(v0.Index));
        Assert.That(one.Counters, Is.Not.Null);
        TrafficObject discipline = (await route.GetQueueingDisciplinesAsync(v0.Index)).Single();
        Assert.That((discipline.Kind, discipline.Statistics?.Drops), Is.EqualTo(("noqueue", (uint?)0)));
        NeighbourTable table = (await route.GetNeighbourTablesAsync(AF_INET)).First(table => table.Sizes is not null);
        Assert.That(table.Sizes!.KeyLength, Is.EqualTo(4), "bytes of an IPv4 address");
        Assert.That(table.Statistics, Is.Not.Null);
    }

    [TestCase(0)]
    [TestCase(65_537)]
    public void A_weight_that_no_next_hop_can_have_is_refused(int weight)
    {
        using var cloud = new EucaNet.Simulator.Fabric.SimulatedCloud(seed: 1);
        using RouteConnection route = RouteConnection.Open(cloud.AddHost("a").Kernel);
        Assert.That(async () => await route.AddNextHopAsync(NextHopObject.GroupOf(7, new NextHopGroupMember(5, weight))), Throws.InstanceOf<NetlinkEncodingException>());
    }

    [Test]
    public void Recorded_next_hops_are_read_with_their_groups()
    {
        byte[][] messages = [.. RecordedMessages.All().Where(message => BitConverter.ToUInt16(message, 4) == RTM_NEWNEXTHOP)];
        NextHopObject[] objects = [.. messages.Select(Read<NextHopObject>)];
        Assert.That(objects, Has.Some.Matches<NextHopObject>(hop => hop is { Id: 13, IsBlackhole: true }));
        Assert.That(objects.Select(hop => hop.Group), Has.Some.EqualTo((EquatableList<NextHopGroupMember>)[new(1, 10), new(2, 20)]));
        Assert.That(objects.Select(hop => hop.Gateway), Has.Some.EqualTo(IPAddress.Parse("10.9.0.2")));
        foreach ((byte[] message, NextHopObject read) in messages.Zip(objects))
        {
            Assert.That(Write(read, RTM_NEWNEXTHOP)[16..], Is.EqualTo(message[16..]));
        }
    }

    [Test]
    [RequiresRoot]
    [RequiresProgram("ip")]
    public async Task Next_hops_of_ours_are_what_ip_shows_and_routes_follow_them()
    {
        using NetworkNamespace own = NetworkNamespace.Create();
        using RouteConnection route = RouteConnection.Open(LinuxKernel.Open(own));
        await route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link v0 = await route.GetLinkAsync("v0");
        await route.CreateBatch().SetUp(1).SetUp(v0.Index).SetUp(v0.Parent!.Value).AddAddress(InterfaceAddress.Of(v0.Index, IPAddress.Parse("10.9.0.1"), 24)).ExecuteAsync();
        await route.CreateBatch()
            .AddNextHop(NextHopObject.By(5, IPAddress.Parse("10.9.0.2"), v0.Index))
            .AddNextHop(NextHopObject.By(6, IPAddress.Parse("10.9.0.3"), v0.Index) with { Protocol = RTPROT_STATIC })
            .AddNextHop(NextHopObject.GroupOf(7, new NextHopGroupMember(5), new NextHopGroupMember(6, 3)))
            .AddNextHop(new NextHopObject { Id = 8, Family = AF_INET, IsBlackhole = true })
            .AddNextHop(NextHopObject.GroupOf(9, new NextHopGroupMember(5)) with { GroupType = NextHopConstants.NEXTHOP_GRP_TYPE_RES, Resilience = new ResilientGroupOptions { Buckets = 16, IdleTimer = 500 } })
            .AddRoute(NetworkRoute.To(IPAddress.Parse("10.20.0.0"), 16) with { NextHopId = 7, Scope = RT_SCOPE_UNIVERSE })
            .ExecuteAsync();
        string[] shown = [.. own.Run(() => Ip("nexthop", "show")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim())];
        Assert.That(
            shown,
            Is.EqualTo(new[]
            {
                "id 5 via 10.9.0.2 dev v0 scope link", "id 6 via 10.9.0.3 dev v0 scope link proto static", "id 7 group 5/6,3", "id 8 blackhole",
                "id 9 group 5 type resilient buckets 16 idle_timer 5 unbalanced_timer 0 unbalanced_time 0",
            }));
        List<NextHopObject> there = await route.GetNextHopsAsync();
        Assert.That(there.Single(hop => hop.Id == 7).Group, Is.EqualTo((EquatableList<NextHopGroupMember>)[new(5), new(6, 3)]));
        Assert.That(there.Single(hop => hop.Id == 9).Resilience?.IdleTimer, Is.EqualTo(500));
        await route.ReplaceNextHopAsync(NextHopObject.By(5, IPAddress.Parse("10.9.0.9"), v0.Index));
        NetworkRoute listed = (await route.GetRoutesAsync(AF_INET, RT_TABLE_MAIN)).Single(found => found.NextHopId == 7);
        Assert.That(listed.NextHops!.Hops.Select(hop => hop.Gateway), Does.Contain(IPAddress.Parse("10.9.0.9")));
        await route.DeleteNextHopAsync(7);
        Assert.That((await route.GetRoutesAsync(AF_INET, RT_TABLE_MAIN)).Where(found => found.DestinationLength == 16), Is.Empty, "a route goes with its next hops");
        NetlinkException refusal = Assert.ThrowsAsync<NetlinkException>(async () => await route.DeleteNextHopAsync(7))!;
        Assert.That(refusal.IsNotFound, Is.True);
        Assert.That(refusal.Message, Does.Contain("delete next hop 7"));
    }

    private static string Ip(params string[] arguments)
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    private static byte[] Write(RouteObject value, ushort type)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        value.WriteMessage(ref writer, type, 0);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static T Read<T>(byte[] bytes)
        where T : RouteObject
    {
        var reader = new MessageReader(bytes);
        reader.TryRead(out NetlinkMessage message);
        return RouteMessages.TryRead(message, out RouteObject? value) ? (T)value : throw new AssertionException("no such object");
    }
}
