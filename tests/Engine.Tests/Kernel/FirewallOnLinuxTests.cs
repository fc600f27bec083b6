using EucaNet.Engine.Configuration;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Kernel;

/// <summary>The tables as the machine's own kernel takes them, judged by <c>nft list ruleset</c>.</summary>
[RequiresRoot]
[RequiresProgram("nft", "ip")]
public class FirewallOnLinuxTests
{
    private static readonly NetworkConfiguration Configuration = NetworkConfiguration.Parse(
        "VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=10.0.0.2 VNET_ADDRSPERNET=64 VNET_PUBLICIPS=10.1.1.0/28 VNET_METADATA=10.0.0.7:8773",
        "test", EngineRole.FrontEnd).Configuration!;

    private static readonly GroupName Web = new("alice", "web");
    private static readonly GroupName Clients = new("bob", "clients");

    private static void Activate(ManagedState state, ManagedFirewall firewall, GroupName group)
    {
        var chunk = state.Allocator.Take(group, default);
        var network = new ActiveNetwork(group, chunk, "eth0." + chunk.Vlan);
        state.Networks.Add(group, network);
        firewall.Activate(network);
    }

    private static void Authorize(ManagedState state, ManagedFirewall firewall, GroupName group, IngressRule rule)
    {
        rule.Validate();
        Assert.That(state.AddRule(group, rule));
        firewall.AddRule(group, rule);
    }

    private static string Sorted(string listing) => string.Join('\n', listing.Split('\n').Select(l => System.Text.RegularExpressions.Regex.Replace(l.Trim(), "packets \\d+ bytes \\d+", "")).Order(StringComparer.Ordinal));

    [Test]
    public async Task The_front_ends_table_loads_and_reads_as_a_person_would_have_typed_it()
    {
        using var machine = new TestNamespace("fw");
        var state = new ManagedState(Configuration);
        var firewall = new ManagedFirewall(state);
        var context = new EngineContext(machine.Kernel, Configuration, new EngineOptions());
        await using var backend = new NftablesBackend(context, firewall.Content, () => FrontEndTable.Of(Configuration, firewall.Content));
        var changes = new ChangeLog();
        await backend.ReconcileAsync(changes, default);

        Activate(state, firewall, Web);
        await backend.CommitAsync("test", changes, default);
        firewall.Content.Accept();
        Authorize(state, firewall, Web, new IngressRule { Protocol = 6, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") });
        Authorize(state, firewall, Web, new IngressRule { Protocol = 6, FirstPort = 8000, LastPort = 8010, Source = Ipv4Network.Parse("192.0.2.0/24") });
        Authorize(state, firewall, Web, new IngressRule { Protocol = 1, IcmpType = 8, IcmpCode = 0, Source = Ipv4Network.Parse("0.0.0.0/0") });
        Authorize(state, firewall, Web, new IngressRule { Protocol = 1, IcmpType = 3, Source = Ipv4Network.Parse("0.0.0.0/0") });
        Authorize(state, firewall, Web, new IngressRule { Protocol = 47, Source = Ipv4Network.Parse("198.51.100.0/24") });
        Authorize(state, firewall, Web, new IngressRule { SourceGroup = Clients });
        await backend.CommitAsync("test", changes, default);
        firewall.Content.Accept();
        Activate(state, firewall, Clients);
        var instance = new ManagedInstance("i-00000001", state.Networks[Web], new MacAddress(0xd00d00000001), 0, default);
        state.Associate(Ipv4Address.Parse("10.1.1.3"), instance);
        firewall.Associate(Ipv4Address.Parse("10.1.1.3"), instance);
        await backend.CommitAsync("test", changes, default);
        firewall.Content.Accept();

        string byDelta = machine.Run("nft", "list ruleset");
        TestContext.Out.WriteLine(byDelta);
        Assert.Multiple(() =>
        {
            Assert.That(byDelta, Does.Contain("ip daddr & 255.255.255.192 . ip saddr & 255.255.255.0 . meta l4proto . th dport & 65528 @from24_port13 accept"));
            Assert.That(byDelta, Does.Contain("dnat to ip daddr map @public_to_private"));
            Assert.That(byDelta, Does.Contain("snat to ip saddr map @private_to_public"));
            Assert.That(byDelta, Does.Contain("ct state established,related accept"));
            Assert.That(byDelta, Does.Contain("type filter hook forward priority filter; policy drop;"));
            Assert.That(byDelta, Does.Contain("elements = { \"eth0.10\""));
            Assert.That(byDelta, Does.Contain("10.1.1.3 : 192.168.0.2"));
            Assert.That(byDelta, Does.Contain("192.168.0.0 . 192.168.0.64"));
        });

        // The full path gives the same listing as the deltas did.
        using var other = new TestNamespace("fw2");
        ManagedFirewall whole = ManagedFirewall.Of(state);
        var otherContext = new EngineContext(other.Kernel, Configuration, new EngineOptions());
        await using var fresh = new NftablesBackend(otherContext, whole.Content, () => FrontEndTable.Of(Configuration, whole.Content));
        await fresh.ReconcileAsync(new ChangeLog(), default);
        Assert.That(Sorted(other.Run("nft", "list ruleset")), Is.EqualTo(Sorted(byDelta)));

        // A restart finds what it made and writes nothing.
        await using var restarted = new NftablesBackend(context, whole.Content, () => FrontEndTable.Of(Configuration, whole.Content));
        var nothing = new ChangeLog();
        await restarted.ReconcileAsync(nothing, default);
        Assert.That(nothing.ToSummary().ToString(), Is.EqualTo("nothing to do"), machine.Run("nft", "--debug=netlink list ruleset"));

        // Somebody's hand in it is mended, and only that.
        machine.Run("nft", "delete element ip eucanet public_to_private { 10.1.1.3 }");
        machine.Run("nft", "add element ip eucanet groups { 10.9.9.9 . 10.9.9.9 }");
        var mended = new ChangeLog();
        await restarted.ReconcileAsync(mended, default);
        Assert.That(mended.ToSummary().ToString(), Does.Contain("repaired with 2 messages"));
        Assert.That(Sorted(machine.Run("nft", "list ruleset")), Is.EqualTo(Sorted(byDelta)));
    }

    [Test]
    public async Task The_nodes_guards_load_and_an_instance_is_a_few_elements()
    {
        using var machine = new TestNamespace("guard");
        var content = new FirewallContent();
        var context = new EngineContext(machine.Kernel, Configuration, new EngineOptions());
        await using var backend = new NftablesBackend(context, content, () => NodeTable.Of(new NetworkConfiguration { Role = EngineRole.Node, Mode = NetworkMode.Managed }));
        var changes = new ChangeLog();
        await backend.ReconcileAsync(changes, default);
        NodeTable.Add(content, "vif18.0", MacAddress.Parse("d0:0d:2e:ca:05:2c"), Ipv4Address.Parse("192.168.0.2"));
        await backend.CommitAsync("test", changes, default);
        content.Accept();
        string listing = machine.Run("nft", "list ruleset");
        TestContext.Out.WriteLine(listing);
        Assert.That(listing, Does.Contain("\"vif18.0\" . d0:0d:2e:ca:05:2c . 192.168.0.2"));
        Assert.That(listing, Does.Contain("\"vif18.0\" . d0:0d:2e:ca:05:2c . fe80::d20d:2eff:feca:52c"));
        Assert.That(listing, Does.Contain("iifname @ports goto instances"));
        Assert.That(listing, Does.Not.Contain("[invalid type]"));
        NodeTable.Remove(content, "vif18.0", MacAddress.Parse("d0:0d:2e:ca:05:2c"), Ipv4Address.Parse("192.168.0.2"));
        await backend.CommitAsync("test", changes, default);
        Assert.That(machine.Run("nft", "list ruleset"), Does.Not.Contain("vif18.0\" ."));
    }
}
