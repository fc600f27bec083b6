using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>
/// What root in a VM may try (M7), on every kernel there is: nothing of it passes, its neighbours notice nothing, and without our guards the same
/// frames do pass, so that the list tests the guards and not itself.
/// </summary>
[TestFixtureSource(typeof(Worlds), nameof(Worlds.Managed))]
[Category(DebianKernelTests.Category)]
public sealed class AttackTests(string world)
{
    [Test]
    public async Task Nothing_that_root_in_an_instance_sends_passes_and_its_neighbours_notice_nothing()
    {
        await using AttackRange range = await AttackRange.StartAsync(world);
        AttackField field = range.Field;
        var withheld = new List<string>();
        foreach ((string name, Func<AttackField, byte[]> frame) in AttackList.Rights)
        {
            if (!await range.PassesAsync(frame(field)))
            {
                withheld.Add(name);
            }
        }

        var passed = new List<string>();
        int attempts = 0;
        foreach (Attack attack in AttackList.All)
        {
            if (await range.TryAsync(attack) is { Count: > 0 } where)
            {
                passed.Add($"{attack.Name}: {string.Join(", ", where)}");
            }

            if (attempts++ % 10 == 0 && !await range.Cloud.PingsAsync(field.Neighbour.Name, field.Far.Address))
            {
                passed.Add($"{attack.Name}: the neighbours no longer reach each other");
            }
        }

        Assert.Multiple(() =>
        {
            Assert.That(withheld, Is.Empty, "what the instance may send");
            Assert.That(passed, Is.Empty, "what it may not");
        });
        await AssertNobodyWasMisledAsync(range);
    }

    [Test]
    public async Task Without_the_guards_each_attack_passes_but_those_that_something_else_stops()
    {
        await using AttackRange range = await AttackRange.StartAsync(world);
        range.Disarm("node1", NftablesFamily.Bridge);
        range.Disarm(ManagedCloud.Front, NftablesFamily.Ip);
        var astray = new List<string>();
        foreach (Attack attack in AttackList.All)
        {
            bool passes = (await range.TryAsync(attack)).Count > 0;
            if (passes != attack.StoppedBy is null)
            {
                astray.Add(passes ? $"{attack.Name}: it passes, though '{attack.StoppedBy}'" : $"{attack.Name}: it does not pass, so it shows nothing of our guards");
            }
        }

        Assert.That(astray, Is.Empty);
    }

    private static async Task AssertNobodyWasMisledAsync(AttackRange range)
    {
        AttackField field = range.Field;
        foreach ((string machine, System.Net.IPAddress address, byte[] mac) in ((string, System.Net.IPAddress, byte[])[])
            [(field.Neighbour.Name, field.Far.Address, field.Far.Mac), (field.Far.Name, field.Neighbour.Address, field.Neighbour.Mac), (field.Far.Name, field.Router, field.RouterMac), (ManagedCloud.Front, field.Attacker.Address, field.Own)])
        {
            await range.Cloud.PingsAsync(machine, address);
            Neighbour entry = (await range.Cloud.RouteOf(machine).GetNeighboursAsync()).Single(n => address.Equals(n.Destination));
            Assert.That(entry.HardwareAddress!.Value.Octets.ToArray(), Is.EqualTo(mac), $"{machine} was told another MAC for {address}");
        }
    }
}
