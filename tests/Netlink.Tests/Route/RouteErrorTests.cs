using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>What the kernel's refusals say, as recorded in kernel6.1x-rtnetlink-probes.txt, on the real kernel.</summary>
[RequiresRoot]
public sealed class RouteErrorTests
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
    public void A_name_that_is_too_long_is_refused_with_the_attributes_name_and_its_limit()
    {
        NetlinkException refusal = Refusal(batch => batch.AddLink(Link.Of("thisnameiswaytoolong", new BridgeOptions())));
        Assert.That(refusal.Error, Is.EqualTo(LinuxError.ERANGE));
        Assert.That(refusal.Details.AttributePath, Is.EqualTo("IFLA_IFNAME"));
        Assert.That(refusal.Details.Policy!.MaximumLength, Is.EqualTo(15));
        Assert.That(refusal.Message, Does.Contain("IFLA_IFNAME").And.Contain("15 bytes").And.Contain("add link thisnameiswaytoolong"));
    }

    [Test]
    public void A_kind_the_kernel_does_not_know_is_named()
    {
        NetlinkException refusal = Refusal(batch => batch.AddLink(Link.Of("x0", new OtherLinkData("nosuchkind"))));
        Assert.That(refusal.Error, Is.EqualTo(LinuxError.EOPNOTSUPP));
        Assert.That(refusal.Message, Does.Contain("no links of kind nosuchkind"));
    }

    [Test]
    public void A_missing_802_1Q_module_is_said_in_words()
    {
        // A kernel with the module refuses for another reason: the loopback link takes no VLANs.
        Refusals refusals = Try(batch => batch.AddLink(Link.Of("lo.10", new VlanOptions { Id = 10 }, parent: 1)));
        if (refusals.First is { Error: LinuxError.EOPNOTSUPP, Details.Message: "Unknown device type" } refusal)
        {
            Assert.That(refusal.Message, Does.Contain("This kernel has no 802.1Q VLAN support (module 8021q)"));
        }
    }

    [Test]
    public void A_dump_that_is_refused_at_its_end_throws()
    {
        NetlinkException refusal = Assert.ThrowsAsync<NetlinkException>(async () => await _route.GetAddressesAsync(4242))!;
        Assert.That(refusal.Error, Is.EqualTo(LinuxError.ENODEV));
    }

    [Test]
    public void An_address_on_a_missing_link_is_refused_with_the_kernels_words()
    {
        NetlinkException refusal = Refusal(batch => batch.AddAddress(InterfaceAddress.Of(4242, System.Net.IPAddress.Parse("10.0.0.1"), 24)));
        Assert.That(refusal.Details.Message, Is.EqualTo("ipv4: Device not found"));
        Assert.That(refusal.IsNotFound, Is.True);
    }

    private NetlinkException Refusal(Action<RouteBatch> write) => Try(write).First ?? throw new AssertionException("the kernel took it");

    private Refusals Try(Action<RouteBatch> write)
    {
        RouteBatch batch = _route.CreateBatch();
        write(batch);
        return new Refusals(batch.TryExecuteAsync().AsTask().GetAwaiter().GetResult());
    }

    private sealed record Refusals(IReadOnlyList<NetlinkException> All)
    {
        public NetlinkException? First => All.Count > 0 ? All[0] : null;
    }
}
