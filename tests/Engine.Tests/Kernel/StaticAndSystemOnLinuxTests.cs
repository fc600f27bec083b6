using EucaNet.Engine.Configuration;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Kernel;

/// <summary>STATIC and SYSTEM on the machine's own kernel, with clients that nobody here wrote.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public class StaticAndSystemOnLinuxTests
{
    private static NetworkConfiguration Configuration(string text, EngineRole role)
    {
        ConfigurationResult result = NetworkConfiguration.Parse(text, "eucalyptus.conf", role);
        Assert.That(result.Diagnostics, Is.Empty);
        return result.Configuration!;
    }

    private static void Cable(TestNamespace left, string leftName, TestNamespace right, string rightName)
    {
        left.Ip($"link add {leftName} type veth peer name {rightName} netns {right.Name}");
        left.Ip($"link set {leftName} up");
        right.Ip($"link set {rightName} up");
    }

    [Test]
    [RequiresProgram("udhcpc")]
    public async Task A_static_instance_gets_its_pair_by_udhcpc_through_the_nodes_bridge()
    {
        using var frontEnd = new TestNamespace("cc");
        using var node = new TestNamespace("nc");
        using var instance = new TestNamespace("vm");
        Cable(frontEnd, "eth0", node, "peth0");
        Cable(node, "vif18.0", instance, "eth0");
        frontEnd.Ip("addr add 192.168.1.254/24 dev eth0");
        node.Ip("link add eth0 type bridge forward_delay 0");
        node.Ip("link set peth0 master eth0");
        node.Ip("link set eth0 up");

        await using var cc = new FrontEnd(frontEnd.Kernel, Configuration("""
            VNET_MODE="STATIC" VNET_INTERFACE="eth0" VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255"
            VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2" VNET_MACMAP="AA:DD:11:CE:FF:ED=192.168.1.3 AA:DD:11:CE:FF:EE=192.168.1.4"
            """, EngineRole.FrontEnd));
        await using var nc = new Node(node.Kernel, Configuration("VNET_MODE=\"STATIC\" VNET_BRIDGE=\"eth0\"", EngineRole.Node));
        await cc.StartAsync();
        await nc.StartAsync();
        InstanceAssignment assignment = (await cc.RunInstanceAsync(new InstanceRequest { InstanceId = "i-2ECA052C" })).Value;
        await nc.AttachAsync(assignment, "vif18.0");
        Assert.That(node.Run("bridge", "link show dev vif18.0"), Does.Contain("master eth0"));

        instance.Ip($"link set eth0 address {assignment.Mac}");
        string output = await Task.Run(() => instance.Run("udhcpc", "-i eth0 -n -q -f -t 5 -T 1 -s /bin/true"));
        Assert.That(output, Does.Contain("lease of 192.168.1.3 obtained from 192.168.1.254"));

        instance.Ip("link set eth0 address 02:00:00:00:00:99");
        (int code, string stranger) = await Task.Run(() => instance.TryRun("udhcpc", "-i eth0 -n -q -f -t 2 -T 1 -s /bin/true"));
        Assert.That(code, Is.Not.Zero, $"a stranger gets no answer: {stranger}");

        await nc.DetachAsync("i-2ECA052C");
        Assert.That(node.Run("bridge", "link show"), Does.Not.Contain("vif18.0"));
    }

    [Test]
    public async Task A_system_instance_is_found_in_the_neighbour_table_once_it_has_spoken_to_the_front_end()
    {
        using var frontEnd = new TestNamespace("cc");
        using var node = new TestNamespace("nc");
        using var instance = new TestNamespace("vm");
        Cable(frontEnd, "eth0", node, "peth0");
        Cable(node, "vif18.0", instance, "eth0");
        frontEnd.Ip("addr add 192.168.1.254/24 dev eth0");
        node.Ip("link add xenbr0 type bridge forward_delay 0");
        node.Ip("link set peth0 master xenbr0");
        node.Ip("link set xenbr0 up");
        await using var cc = new FrontEnd(frontEnd.Kernel, Configuration("VNET_MODE=\"SYSTEM\"", EngineRole.FrontEnd), new EngineOptions { Seed = 1 });
        await using var nc = new Node(node.Kernel, Configuration("VNET_MODE=\"SYSTEM\" VNET_BRIDGE=\"xenbr0\"", EngineRole.Node));
        await cc.StartAsync();
        await nc.StartAsync();
        InstanceAssignment assignment = (await cc.RunInstanceAsync(new InstanceRequest { InstanceId = "i-1" })).Value;
        await nc.AttachAsync(assignment, "vif18.0");
        Assert.That((await cc.ListInstancesAsync()).Single().PrivateAddress.ToString(), Is.EqualTo("0.0.0.0"));

        instance.Ip($"link set eth0 address {assignment.Mac}");
        instance.Ip("addr add 192.168.1.77/24 dev eth0");
        await Task.Run(() => instance.Run("ping", "-c 2 -W 2 192.168.1.254"));
        InstanceListing listing = (await cc.ListInstancesAsync()).Single();
        Assert.That((listing.PrivateAddress.ToString(), listing.PublicAddress.ToString()), Is.EqualTo(("192.168.1.77", "192.168.1.77")));

        NotInThisModeException refused = Assert.ThrowsAsync<NotInThisModeException>(async () => await cc.AuthorizeAsync("a", "b", new IngressRule { Source = default(Ipv4Network) }))!;
        Assert.That(refused.Message, Does.Contain("not in SYSTEM mode"));
    }

    [Test]
    public async Task A_bridge_that_is_missing_none_or_without_a_port_is_named_for_what_it_is()
    {
        using var node = new TestNamespace("nc");
        async Task<string> Refusal(string bridge)
        {
            await using var nc = new Node(node.Kernel, Configuration($"VNET_MODE=SYSTEM VNET_BRIDGE={bridge}", EngineRole.Node));
            return Assert.ThrowsAsync<EngineException>(async () => await nc.StartAsync())!.Message;
        }

        Assert.That(await Refusal("xenbr0"), Does.Contain("there is no such interface").And.Contain("no bridge on this machine"));
        node.Ip("link add xenbr0 type bridge");
        Assert.That(await Refusal("xenbr0"), Does.Contain("it has no port"));
        node.Ip("link add eth0 type veth peer name other");
        Assert.That(await Refusal("eth0"), Does.Contain("it is a veth device, not a bridge"));
        node.Ip("link set eth0 master xenbr0");
        Assert.That(await Refusal("eth0"), Does.Contain("it is a port of the bridge xenbr0"));
    }

    [Test]
    public async Task Where_the_kernel_lacks_VLANs_the_error_says_so_and_nothing_is_left()
    {
        using var frontEnd = new TestNamespace("cc");
        frontEnd.Ip("link add eth0 type veth peer name other");
        await using var cc = new FrontEnd(frontEnd.Kernel, Configuration("VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=10.0.0.2 VNET_ADDRSPERNET=64", EngineRole.FrontEnd));
        await cc.StartAsync();
        EngineException? refused = null;
        try
        {
            await cc.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000001" });
        }
        catch (EngineException lacking)
        {
            refused = lacking;
        }

        if (refused is null)
        {
            Assert.Ignore("this kernel has 802.1Q");
        }

        Assert.That(refused.Message, Does.Contain("lacks 802.1Q"));
        Assert.That(await cc.ListInstancesAsync(), Is.Empty);
        Assert.That(await cc.ListNetworksAsync(), Is.Empty);
    }
}
