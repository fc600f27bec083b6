using EucaNet.Netfilter.Nftables;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>Parts of a dump that come twice or cut, as a simulated kernel can be told to deliver them.</summary>
public sealed class DamagedDumpTests() : LargeTable(KernelKind.Simulated)
{
    [Test]
    public void A_part_that_comes_twice_or_cut_is_seen_and_the_list_read_again([Values(0, 1)] int part, [Values(FaultKind.Duplicate, FaultKind.Truncate)] FaultKind kind)
    {
        int answers = 0;
        ((SimulatedKernel)Kernel).Faults.Add(new Fault(FaultPoint.Answer, kind) { When = _ => answers++ == part });
        ListingEnd end = Connection.VisitElements(Family, "t", "s", static _ => { });
        Assert.That(answers, Is.GreaterThan(part + 1));
        Assert.That(end.IsConsistent, Is.False);
        answers = 0;
        Assert.That(Connection.ListElements(Family, "t", "s"), Has.Count.EqualTo(Elements));
        answers = 0;
        Assert.That(Connection.ListRules(Family, "t", "c"), Has.Count.EqualTo(Rules));
    }
}
