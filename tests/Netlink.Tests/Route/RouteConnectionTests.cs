using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>Links, addresses and routes on the real kernel, each test in a namespace of its own.</summary>
[RequiresRoot]
public sealed class RouteConnectionTests
{
    private NetworkNamespace _namespace = null!;
    private RouteConnection _route = null!;

    [SetUp]
    public void MakeNamespace()
    {
        _namespace = NetworkNamespace.Create();
        _route = RouteConnection.Open(LinuxKernel.Open(_namespace));
    }

    [TearDown]
    public void DropNamespace()
    {
        _route.Dispose();
        _namespace.Dispose();
    }

    [Test]
    public async Task A_bridge_is_made_with_its_options_and_reads_back_so()
    {
        Link bridge = await _route.CreateLinkAsync(Link.Of("br0", new BridgeOptions { ForwardDelay = 0, SpanningTree = 0, AgeingTime = 30000, MulticastSnooping = false }));
        Assert.That(bridge.Kind, Is.EqualTo("bridge"));
        var options = (BridgeOptions)bridge.Data!;
        Assert.That(options.ForwardDelay, Is.Zero);
        Assert.That(options.AgeingTime, Is.EqualTo(30000));
        Assert.That(options.MulticastSnooping, Is.False);
    }

    [Test]
    public async Task A_VXLAN_device_takes_the_time_to_live_of_what_it_carries()
    {
        Link link = await _route.CreateLinkAsync(Link.Of("vx0", new VxlanOptions { Id = 7, Port = 4789, TtlInherit = true }));
        Assert.That(((VxlanOptions)link.Data!).TtlInherit, Is.True);
        Link other = await _route.CreateLinkAsync(Link.Of("vx1", new VxlanOptions { Id = 8, Port = 4789, TtlInherit = false }));
        Assert.That(((VxlanOptions)other.Data!).TtlInherit, Is.False);
    }

    [Test]
    public async Task A_cable_is_made_enslaved_brought_up_renamed_and_removed()
    {
        await _route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link bridge = await _route.CreateLinkAsync(Link.Of("br0", new BridgeOptions()));
        Link v0 = await _route.GetLinkAsync("v0");
        Link v1 = await _route.GetLinkAsync("v1");
        Assert.That(v0.Parent, Is.EqualTo(v1.Index));
        await _route.SetMasterAsync(v0.Index, bridge.Index);
        await _route.CreateBatch().SetUp(v0.Index).SetUp(v1.Index).SetUp(bridge.Index).ExecuteAsync();
        v0 = await _route.GetLinkAsync(v0.Index);
        Assert.That(v0.Master, Is.EqualTo(bridge.Index));
        Assert.That(v0.IsUp, Is.True);
        Assert.That(v0.Info!.PortData, Is.InstanceOf<BridgePortOptions>());
        Assert.That(await _route.GetLinksAsync(master: bridge.Index), Has.Count.EqualTo(1));
        await _route.SetBridgePortAsync(v0.Index, new BridgePortOptions { Isolated = true, Hairpin = true });
        var port = (BridgePortOptions)(await _route.GetLinkAsync(v0.Index)).Info!.PortData!;
        Assert.That(port.Isolated, Is.True);
        Assert.That(port.Hairpin, Is.True);
        await _route.SetDownAsync(v1.Index);
        await _route.RenameAsync(v1.Index, "renamed");
        await _route.DeleteLinkAsync("renamed");
        Assert.That(await _route.FindLinkAsync("v0"), Is.Null);
    }

    [Test]
    public async Task An_address_and_a_route_are_added_listed_and_removed()
    {
        await _route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link v0 = await _route.GetLinkAsync("v0");
        await _route.CreateBatch().SetUp(v0.Index).SetUp(v0.Parent!.Value).ExecuteAsync();
        InterfaceAddress address = InterfaceAddress.Of(v0.Index, IPAddress.Parse("10.9.0.1"), 24) with { Broadcast = IPAddress.Parse("10.9.0.255"), Label = "v0:x" };
        await _route.AddAddressAsync(address);
        InterfaceAddress listed = (await _route.GetAddressesAsync(v0.Index, AF_INET)).Single();
        Assert.That(listed.Host, Is.EqualTo(IPAddress.Parse("10.9.0.1")));
        Assert.That(listed.Label, Is.EqualTo("v0:x"));
        NetlinkException again = Assert.ThrowsAsync<NetlinkException>(async () => await _route.AddAddressAsync(address))!;
        Assert.That(again.IsAlreadyThere, Is.True);
        NetworkRoute route = NetworkRoute.To(IPAddress.Parse("10.20.0.0"), 16, IPAddress.Parse("10.9.0.2"));
        await _route.AddRouteAsync(route);
        Assert.That((await _route.GetRoutesAsync(AF_INET, RT_TABLE_MAIN)).Count(found => found.DestinationLength == 16), Is.EqualTo(1));
        await _route.DeleteRouteAsync(route);
        await _route.DeleteAddressAsync(listed);
        Assert.That(await _route.GetAddressesAsync(v0.Index, AF_INET), Is.Empty);
        Assert.That(await _route.GetRoutesAsync(AF_INET, 4242), Is.Empty);
    }

    [Test]
    public async Task A_neighbour_is_added_listed_and_removed()
    {
        await _route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link v0 = await _route.GetLinkAsync("v0");
        Neighbour neighbour = Neighbour.Permanent(v0.Index, IPAddress.Parse("10.9.0.9"), HardwareAddress.Parse("02:00:00:00:00:09"));
        await _route.CreateBatch().SetUp(v0.Index).AddNeighbour(neighbour).ExecuteAsync();
        Neighbour listed = (await _route.GetNeighboursAsync(v0.Index, AF_INET)).Single();
        Assert.That(listed.HardwareAddress, Is.EqualTo(neighbour.HardwareAddress));
        await _route.DeleteNeighbourAsync(neighbour);
        Assert.That(await _route.GetNeighboursAsync(v0.Index, AF_INET), Is.Empty);
    }

    [Test]
    public async Task All_requests_of_a_batch_are_carried_out_and_each_refusal_is_told()
    {
        RouteBatch batch = _route.CreateBatch();
        for (int index = 0; index < 300; index++)
        {
            batch.AddLink(Link.VethPair($"a{index}", $"b{index}") with { Group = 7 });
            if (index % 100 == 50)
            {
                batch.DeleteLink($"missing{index}");
            }
        }

        IReadOnlyList<NetlinkException> refusals = await batch.TryExecuteAsync();
        Assert.That(refusals.Select(refusal => refusal.RequestIndex), Is.EqualTo(new[] { 51, 152, 253 }));
        Assert.That(refusals.Select(refusal => refusal.Error), Is.All.EqualTo(LinuxError.ENODEV));
        Assert.That(await _route.GetLinksAsync(kind: "veth"), Has.Count.EqualTo(600));
        await _route.CreateBatch().DeleteLinkGroup(7).ExecuteAsync();
        Assert.That(await _route.GetLinksAsync(kind: "veth"), Is.Empty);
    }

    [Test]
    public async Task A_link_moves_to_another_namespace()
    {
        using NetworkNamespace other = NetworkNamespace.Create();
        using RouteConnection there = RouteConnection.Open(LinuxKernel.Open(other));
        await _route.AddLinkAsync(Link.VethPair("v0", "v1"));
        await _route.MoveToNamespaceAsync((await _route.GetLinkAsync("v1")).Index, other);
        Assert.That(await _route.FindLinkAsync("v1"), Is.Null);
        Assert.That((await there.GetLinkAsync("v1")).Kind, Is.EqualTo("veth"));
    }

    [Test]
    public async Task A_link_has_alternative_names_and_is_found_by_them()
    {
        await _route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link v0 = await _route.GetLinkAsync("v0");
        await _route.CreateBatch().AddAlternativeNames(v0.Index, "a-name-much-longer-than-fifteen-characters").ExecuteAsync();
        Link found = await _route.GetLinkAsync("a-name-much-longer-than-fifteen-characters");
        Assert.That(found.Index, Is.EqualTo(v0.Index));
        Assert.That(found.AlternativeNames!.Names, Is.EqualTo(new[] { "a-name-much-longer-than-fifteen-characters" }));
    }

    [Test]
    public async Task A_dump_of_more_than_one_datagram_is_whole_and_leaves_the_connection_free_when_abandoned()
    {
        RouteBatch batch = _route.CreateBatch();
        for (int index = 0; index < 100; index++)
        {
            batch.AddLink(Link.VethPair($"a{index}", $"b{index}"));
        }

        await batch.ExecuteAsync();
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        new Link().WriteMessage(ref writer, RTM_GETLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);
        writer.Complete();
        using (NetlinkDump dump = _route.Connection.OpenDump(buffer))
        {
            Assert.That(dump.MoveNext(), Is.True);
        }

        int count = 0;
        using (NetlinkDump dump = _route.Connection.OpenDump(buffer))
        {
            while (dump.MoveNext())
            {
                foreach (NetlinkMessage message in dump.Messages)
                {
                    count += message.Header.Type == RTM_NEWLINK ? 1 : 0;
                }
            }
        }

        Assert.That(count, Is.EqualTo((await _route.GetLinksAsync()).Count).And.GreaterThan(200));
    }
}
