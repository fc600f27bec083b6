using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
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
