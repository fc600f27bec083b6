using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Allocation;

public class AllocationTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly GroupName Group = new("alice", "default");

    [Test]
    public void The_first_network_gets_VLAN_10_and_chunk_0_and_the_manuals_1024_networks_all_fit()
    {
        var allocator = new NetworkAllocator(Ipv4Network.Parse("192.168.0.0/16"), 64);
        Chunk first = allocator.Take(Group, Start);
        Assert.That((first.Vlan, first.Network.ToString(), first.Router.ToString(), first.Capacity), Is.EqualTo((10, "192.168.0.0/26", "192.168.0.1", 61)));
        Assert.That((first.AddressOf(0).ToString(), first.AddressOf(60).ToString()), Is.EqualTo(("192.168.0.2", "192.168.0.62")));
        Chunk last = first;
        for (int i = 1; i < 1024; i++)
        {
            last = allocator.Take(Group, Start);
        }

        Assert.That((last.Vlan, last.Network.ToString()), Is.EqualTo((1033, "192.168.255.192/26")));
        ExhaustedException none = Assert.Throws<ExhaustedException>(() => allocator.Take(Group, Start))!;
        Assert.That(none.Reason, Does.Contain("1024 in all").And.Contain("1024 active"));
    }

    [Test]
    public void No_more_networks_are_given_than_there_are_VLANs()
    {
        var allocator = new NetworkAllocator(Ipv4Network.Parse("10.0.0.0/8"), 128);
        Chunk last = default;
        for (int i = 0; i < 4085; i++)
        {
            last = allocator.Take(Group, Start);
        }

        Assert.That(last.Vlan, Is.EqualTo(4094));
        Assert.Throws<ExhaustedException>(() => allocator.Take(Group, Start));
    }

    [Test]
    public void A_released_number_rests_and_then_is_the_lowest_again()
    {
        var pool = new QuarantinePool(3);
        Assert.That((pool.TakeLowest(Start), pool.TakeLowest(Start)), Is.EqualTo((0, 1)));
        pool.Release(0, Start.AddSeconds(60));
        Assert.That(pool.TakeLowest(Start), Is.EqualTo(2));
        Assert.That(pool.TakeLowest(Start.AddSeconds(59)), Is.EqualTo(-1));
        Assert.That(pool.TakeLowest(Start.AddSeconds(60)), Is.EqualTo(0));
    }

    [Test]
    public void A_pool_gives_each_number_once_and_always_the_lowest_free_one()
    {
        var random = new Random(7);
        var pool = new QuarantinePool(130);
        var model = new SortedSet<int>(Enumerable.Range(0, 130));
        var taken = new List<int>();
        var resting = new List<(int Index, DateTimeOffset Until)>();
        DateTimeOffset now = Start;
        for (int step = 0; step < 20_000; step++)
        {
            now = now.AddSeconds(1);
            foreach ((int index, DateTimeOffset _) in resting.Where(r => r.Until <= now).ToArray())
            {
                model.Add(index);
                resting.RemoveAll(r => r.Index == index);
            }

            if (random.Next(2) == 0)
            {
                int expected = model.Count == 0 ? -1 : model.Min;
                int got = pool.TakeLowest(now);
                Assert.That(got, Is.EqualTo(expected));
                if (got >= 0)
                {
                    model.Remove(got);
                    taken.Add(got);
                }
            }
            else if (taken.Count > 0)
            {
                int index = taken[random.Next(taken.Count)];
                taken.Remove(index);
                pool.Release(index, now.AddSeconds(20));
                resting.Add((index, now.AddSeconds(20)));
            }
        }
    }

    [Test]
    public void The_MAC_of_a_managed_instance_is_made_of_its_id()
    {
        Assert.That(InstanceMac.FromInstanceId("i-2ECA052C").ToString(), Is.EqualTo("d0:0d:2e:ca:05:2c"));
        Assert.Throws<InvalidRequestException>(() => InstanceMac.FromInstanceId("i-2ECA052"));
        Assert.Throws<InvalidRequestException>(() => InstanceMac.FromInstanceId("i-2ECA052G"));
    }

    [Test]
    public void A_random_MAC_is_local_unicast_never_one_in_use_and_follows_the_seed()
    {
        var used = new HashSet<MacAddress>();
        var random = new RandomSource(42);
        for (int i = 0; i < 10_000; i++)
        {
            MacAddress mac = InstanceMac.Random(random, used.Contains);
            Assert.That(mac.IsUnicast && mac.IsLocallyAdministered && used.Add(mac));
        }

        MacAddress again = InstanceMac.Random(new RandomSource(42), _ => false);
        Assert.That(used, Does.Contain(again));
    }

    [Test]
    public void Static_pairs_are_given_in_list_order_and_return()
    {
        MacMapping[] map = [new(new MacAddress(1), new Ipv4Address(1)), new(new MacAddress(2), new Ipv4Address(2))];
        var pairs = new StaticPairs(map);
        Assert.That((pairs.Take("a", Start), pairs.Take("b", Start)), Is.EqualTo((map[0], map[1])));
        Assert.That(Assert.Throws<ExhaustedException>(() => pairs.Take("c", Start))!.Reason, Does.Contain("all 2 pairs of VNET_MACMAP"));
        pairs.Release(map[0].Mac);
        Assert.That(pairs.Take("c", Start), Is.EqualTo(map[0]));
    }
}
