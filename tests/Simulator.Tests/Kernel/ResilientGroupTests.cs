using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Flows over a resilient group of next hops stay where they are for as long as they are used.</summary>
public sealed class ResilientGroupTests
{
    private static readonly NumberedNextHop A = new(1), B = new(2);

    [Test]
    public void A_bucket_that_is_used_changes_hands_when_it_has_been_idle()
    {
        using var cloud = new SimulatedCloud();
        SimulatedKernel kernel = cloud.AddHost("a").Kernel;
        var moved = new List<int>();
        var buckets = new ResilientBuckets(kernel, 4) { IdleTimer = TimeSpan.FromSeconds(10), Moved = moved.Add };
        buckets.Distribute([new NextHopMember(A, 1)]);
        cloud.Advance(TimeSpan.FromSeconds(1));
        buckets.Choose(0);
        buckets.Choose(1);
        buckets.Distribute([new NextHopMember(A, 1), new NextHopMember(B, 3)]);
        Assert.That(Owners(buckets), Is.EqualTo("1122"), "two were idle, and move at once");
        Assert.That(buckets.UnbalancedTime, Is.EqualTo(TimeSpan.Zero));
        cloud.Advance(TimeSpan.FromSeconds(9));
        Assert.That(Owners(buckets), Is.EqualTo("1122"));
        cloud.Advance(TimeSpan.FromSeconds(2));
        Assert.That(Owners(buckets), Is.EqualTo("2122"), "one more than its own had been left to the first");
        Assert.That(moved, Is.EqualTo(new[] { 0 }), "told, when it happens by itself");
    }

    [Test]
    public void A_used_bucket_moves_when_the_group_was_out_of_balance_for_long()
    {
        using var cloud = new SimulatedCloud();
        SimulatedKernel kernel = cloud.AddHost("a").Kernel;
        var buckets = new ResilientBuckets(kernel, 2) { IdleTimer = TimeSpan.FromSeconds(100), UnbalancedTimer = TimeSpan.FromSeconds(5) };
        buckets.Distribute([new NextHopMember(A, 1)]);
        cloud.Advance(TimeSpan.FromSeconds(1));
        buckets.Choose(0);
        buckets.Choose(1);
        buckets.Distribute([new NextHopMember(A, 1), new NextHopMember(B, 1)]);
        Assert.That(Owners(buckets), Is.EqualTo("11"));
        for (int second = 0; second < 8; second++)
        {
            buckets.Choose(0);
            buckets.Choose(1);
            cloud.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.That(Owners(buckets).Order(), Is.EqualTo("12"));
    }

    private static string Owners(ResilientBuckets buckets) => string.Concat(Enumerable.Range(0, buckets.Count).Select(index => buckets.HopOf(index).Id));
}
