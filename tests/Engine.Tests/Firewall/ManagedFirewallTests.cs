using EucaNet.Engine.Configuration;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Firewall;

/// <summary>The delta path and the full path agree, whatever happens in whatever order (architecture, rule 3).</summary>
public class ManagedFirewallTests
{
    private static readonly NetworkConfiguration Configuration = NetworkConfiguration.Parse(
        "VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=10.0.0.2 VNET_ADDRSPERNET=16 VNET_PUBLICIPS=10.1.1.0/28",
        "test", EngineRole.FrontEnd).Configuration!;

    private static readonly GroupName[] Groups = [.. Enumerable.Range(0, 6).Select(i => new GroupName("user" + (i % 3), "group" + i))];

    private static IngressRule RandomRule(Random random)
    {
        byte? protocol = random.Next(5) switch { 0 => null, 1 => IngressRule.Icmp, 2 => IngressRule.Udp, 3 => 47, _ => IngressRule.Tcp };
        int first = random.Next(4);
        bool group = random.Next(3) == 0;
        return new IngressRule
        {
            Protocol = protocol,
            FirstPort = protocol is 6 or 17 ? first : null,
            LastPort = protocol is 6 or 17 ? first + random.Next(6) : null,
            IcmpType = protocol == 1 ? random.Next(-1, 2) : -1,
            Source = group ? null : random.Next(2) == 0 ? OfPublicAddresses(random) : new Ipv4Network(new Ipv4Address((uint)random.Next(4) << 24), random.Next(3) * 16),
            SourceGroup = group ? Groups[random.Next(Groups.Length)] : null,
        };
    }

    private static Ipv4Network OfPublicAddresses(Random random) => random.Next(3) switch
    {
        0 => Ipv4Network.Parse("10.1.0.0/16"),
        1 => Ipv4Network.Parse("10.1.1.0/30"),
        _ => new Ipv4Network(Ipv4Address.Parse("10.1.1.3"), 32),
    };

    private static string Print(FirewallContent content) => string.Join('\n', FrontEndTable.Of(Configuration, content).Sets
        .Select(s => s.Name).Order(StringComparer.Ordinal)
        .Select(name => $"{name}: " + string.Join(' ', content.Elements(name).Select(e => $"{e.Key}>{e.Value}").Order(StringComparer.Ordinal))));

    [Test]
    public void Events_one_by_one_give_what_the_whole_state_gives([Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        var state = new ManagedState(Configuration);
        var firewall = new ManagedFirewall(state);
        var mirror = new Dictionary<(string, string), string>();
        int id = 0;
        for (int step = 0; step < 1500; step++)
        {
            GroupName group = Groups[random.Next(Groups.Length)];
            bool refused = random.Next(8) == 0;
            Action undo = () => { };
            switch (random.Next(6))
            {
                case 0 when !state.Networks.ContainsKey(group):
                    var network = new ActiveNetwork(group, state.Allocator.Take(group, DateTimeOffset.UnixEpoch.AddDays(step)), "eth0." + step);
                    state.Networks.Add(group, network);
                    firewall.Activate(network);
                    undo = () => state.Networks.Remove(group);
                    break;
                case 1 when state.Networks.TryGetValue(group, out ActiveNetwork? ending):
                    firewall.Deactivate(ending);
                    state.Networks.Remove(group);
                    undo = () => state.Networks.Add(group, ending);
                    break;
                case 2 or 3:
                    IngressRule rule = RandomRule(random);
                    if (state.AddRule(group, rule))
                    {
                        firewall.AddRule(group, rule);
                        undo = () => state.RemoveRule(group, rule);
                    }

                    break;
                case 4 when state.RulesOf(group).Count > 0:
                    IngressRule gone = state.RulesOf(group).ElementAt(random.Next(state.RulesOf(group).Count));
                    firewall.RemoveRule(group, gone);
                    state.RemoveRule(group, gone);
                    undo = () => state.AddRule(group, gone);
                    break;
                case 5 when state.Networks.TryGetValue(group, out ActiveNetwork? home):
                    Ipv4Address address = state.PublicPool[random.Next(state.PublicPool.Count)];
                    if (state.Associations.ContainsKey(address))
                    {
                        ManagedInstance owner = state.Disassociate(address);
                        firewall.Disassociate(address, owner);
                        undo = () => state.Associate(address, owner);
                    }
                    else
                    {
                        var instance = new ManagedInstance("i-" + id, home, new MacAddress((ulong)id), id++ % 13, default);
                        if (!state.Associations.Values.Any(i => i.Address == instance.Address))
                        {
                            state.Associate(address, instance);
                            firewall.Associate(address, instance);
                            undo = () => state.Disassociate(address);
                        }
                    }

                    break;
            }

            if (refused)
            {
                undo();
                firewall.Content.Revert();
            }
            else
            {
                // A kernel that applies just the delta holds what the content says.
                FirewallDelta delta = firewall.Content.PeekDelta();
                foreach (ElementChange removed in delta.Removed)
                {
                    Assert.That(mirror.Remove((removed.Set, removed.Key.ToString())), $"step {step}: {removed}");
                }

                foreach (ElementChange added in delta.Added)
                {
                    Assert.That(mirror.TryAdd((added.Set, added.Key.ToString()), added.Data?.ToString() ?? ""), $"step {step}: {added}");
                }

                firewall.Content.Accept();
            }

            if (step % 25 == 0)
            {
                string full = Print(ManagedFirewall.Of(state).Content);
                Assert.That(Print(firewall.Content), Is.EqualTo(full), $"step {step}");
                Assert.That(mirror, Has.Count.EqualTo(firewall.Content.TotalCount), $"step {step}");
            }
        }
    }

    [Test]
    public void A_rule_whose_source_group_starts_later_works_from_then_on()
    {
        var state = new ManagedState(Configuration);
        var firewall = new ManagedFirewall(state);
        var web = new ActiveNetwork(Groups[0], state.Allocator.Take(Groups[0], default), "eth0.10");
        state.Networks.Add(Groups[0], web);
        firewall.Activate(web);
        var rule = new IngressRule { Protocol = 6, FirstPort = 80, LastPort = 80, SourceGroup = Groups[1] };
        state.AddRule(Groups[0], rule);
        firewall.AddRule(Groups[0], rule);
        Assert.That(firewall.Content.Shapes, Is.Empty);
        var clients = new ActiveNetwork(Groups[1], state.Allocator.Take(Groups[1], default), "eth0.11");
        state.Networks.Add(Groups[1], clients);
        firewall.Activate(clients);
        Assert.That(firewall.Content.Elements("from28_port16").Single().Key.ToString(), Is.EqualTo("c0a80000c0a800100600000000500000"));
        firewall.Deactivate(clients);
        Assert.That(firewall.Content.Shapes, Is.Empty);
    }
}
