using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>The facts of kernel6.1x-rtnetlink-probes.txt that a client meets, each against this machine's kernel.</summary>
[RequiresRoot]
public sealed class ProbeTests
{
    private NetworkNamespace _namespace = null!;
    private RouteConnection _route = null!;

    [SetUp]
    public void MakeNamespace()
    {
        _namespace = NetworkNamespace.Create();
        _route = RouteConnection.Open(LinuxKernel.Open(_namespace));
        _route.CreateBatch().AddLink(Link.Of("br0", new BridgeOptions())).AddLink(Link.VethPair("p0", "p1")).Execute();
    }

    [TearDown]
    public void DropNamespace()
    {
        _route.Dispose();
        _namespace.Dispose();
    }

    [Test]
    public void A_link_whose_name_is_taken_is_refused() => Refused(batch => batch.AddLink(Link.Of("br0", new BridgeOptions())), LinuxError.EEXIST);

    [Test]
    public void A_new_link_that_may_exist_is_taken() =>
        Taken(batch => batch.Add(Link.Of("br0", new BridgeOptions()), RTM_NEWLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | NetlinkMessageFlags.Create));

    [TestCase("a/b")]
    [TestCase("")]
    public void A_name_the_kernel_cannot_use_is_invalid(string name) => Refused(batch => batch.AddLink(Link.Of(name, new BridgeOptions())), LinuxError.EINVAL);

    [Test]
    public void A_name_with_a_number_sign_is_filled_in() => Taken(batch => batch.AddLink(Link.Of("v%d", new BridgeOptions())));

    [Test]
    public void A_new_link_without_kind_is_not_supported() => Refused(batch => batch.AddLink(new Link { Name = "plain" }), LinuxError.EOPNOTSUPP, "Unknown device type");

    [Test]
    public void A_change_of_a_missing_link_finds_no_device() => Refused(batch => batch.ChangeLink(new Link { Index = 99999, Mtu = 1400 }), LinuxError.ENODEV);

    [Test]
    public void A_change_that_names_no_link_is_invalid() => Refused(batch => batch.Add(new Link { Mtu = 1400 }, RTM_SETLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge), LinuxError.EINVAL);

    [Test]
    public void A_missing_link_cannot_be_deleted() => Refused(batch => batch.DeleteLink("nosuch"), LinuxError.ENODEV);

    [Test]
    public void The_loopback_link_cannot_be_deleted() => Refused(batch => batch.DeleteLink("lo"), LinuxError.EOPNOTSUPP);

    [Test]
    public void A_cable_needs_two_names() => Refused(batch => batch.AddLink(Link.VethPair("x0", "x0")), LinuxError.EEXIST);

    [Test]
    public async Task A_bridge_cannot_be_its_own_port()
    {
        int bridge = (await _route.GetLinkAsync("br0")).Index;
        Refused(batch => batch.SetMaster(bridge, bridge), LinuxError.ELOOP, "Can not enslave a bridge to a bridge");
    }

    [Test]
    public async Task The_loopback_link_cannot_be_a_port()
    {
        int bridge = (await _route.GetLinkAsync("br0")).Index;
        Refused(batch => batch.SetMaster(1, bridge), LinuxError.EINVAL);
    }

    [Test]
    public async Task A_cable_cannot_have_ports()
    {
        int first = (await _route.GetLinkAsync("p0")).Index;
        int second = (await _route.GetLinkAsync("p1")).Index;
        Refused(batch => batch.SetMaster(first, second), LinuxError.EOPNOTSUPP);
    }

    [Test]
    public void An_address_prefix_longer_than_the_address_is_invalid() =>
        Refused(batch => batch.AddAddress(InterfaceAddress.Of(1, IPAddress.Parse("10.0.0.1"), 33)), LinuxError.EINVAL, "ipv4: Invalid prefix length");

    [Test]
    public void An_address_without_itself_is_invalid() =>
        Refused(batch => batch.AddAddress(new InterfaceAddress { Family = AF_INET, PrefixLength = 24, Index = 1 }), LinuxError.EINVAL, "ipv4: Local address is not supplied");

    [Test]
    public void An_address_is_added_once()
    {
        InterfaceAddress address = InterfaceAddress.Of(1, IPAddress.Parse("10.7.0.1"), 24);
        Taken(batch => batch.AddAddress(address));
        Refused(batch => batch.AddAddress(address), LinuxError.EEXIST, "ipv4: Address already assigned");
    }

    [Test]
    public void A_missing_address_cannot_be_deleted() =>
        Refused(batch => batch.DeleteAddress(InterfaceAddress.Of(1, IPAddress.Parse("10.7.0.9"), 24)), LinuxError.EADDRNOTAVAIL, "ipv4: Address not found");

    [Test]
    public void A_route_by_an_unreachable_gateway_is_refused() =>
        Refused(batch => batch.AddRoute(NetworkRoute.To(IPAddress.Parse("10.20.0.0"), 16, IPAddress.Parse("10.99.0.1"))), LinuxError.ENETUNREACH, "Nexthop has invalid gateway");

    [Test]
    public void A_route_with_bits_behind_its_prefix_is_refused() =>
        Refused(batch => batch.AddRoute(NetworkRoute.To(IPAddress.Parse("10.20.0.1"), 16, null, 1)), LinuxError.EINVAL, "Invalid prefix for given prefix length");

    [Test]
    public void A_missing_route_cannot_be_deleted() => Refused(batch => batch.DeleteRoute(NetworkRoute.To(IPAddress.Parse("10.77.0.0"), 16, null, 1)), LinuxError.ESRCH);

    [Test]
    public void A_strict_dump_by_link_index_is_refused_in_its_end()
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        new Link { Index = 1 }.WriteMessage(ref writer, RTM_GETLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);
        writer.Complete();
        NetlinkException refusal = Assert.Throws<NetlinkException>(() => _route.Connection.Dump<Link>(buffer, Link.TryRead))!;
        Assert.That(refusal.Error, Is.EqualTo(LinuxError.EINVAL));
        Assert.That(refusal.Details.Message, Is.EqualTo("Filter by device index not supported for link dumps"));
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

    private void Taken(Action<RouteBatch> write) => Assert.That(Try(write), Is.Empty);

    private void Refused(Action<RouteBatch> write, LinuxError error, string? message = null)
    {
        NetlinkException refusal = Try(write).Single();
        Assert.That(refusal.Error, Is.EqualTo(error));
        if (message is not null)
        {
            Assert.That(refusal.Details.Message, Is.EqualTo(message));
        }
    }

    private IReadOnlyList<NetlinkException> Try(Action<RouteBatch> write)
    {
        RouteBatch batch = _route.CreateBatch();
        write(batch);
        return batch.TryExecuteAsync().AsTask().GetAwaiter().GetResult();
    }
}
