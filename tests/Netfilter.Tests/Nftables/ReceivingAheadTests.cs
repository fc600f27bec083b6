using EucaNet.Netfilter.Nftables;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>Large listings that are received on a second thread. A simulated kernel keeps to one.</summary>
public sealed class ReceivingAheadTests() : LargeTable(KernelKind.Linux)
{
    [Test]
    public void A_dump_received_on_another_thread_is_the_same()
    {
        using NftablesConnection alone = NftablesConnection.Open(Kernel, new NftablesConnectionOptions { ReceiveAhead = false });
        using NftablesConnection ahead = NftablesConnection.Open(Kernel, new NftablesConnectionOptions { ReceiveAhead = true, ReceiveSlots = 2 });
        for (int round = 0; round < 20; round++)
        {
            Assert.That(ahead.ListRules(Family, "t", "c"), Is.EqualTo(alone.ListRules(Family, "t", "c")));
            Assert.That(ahead.ListElements(Family, "t", "s"), Is.EqualTo(alone.ListElements(Family, "t", "s")));
            Assert.Throws<FormatException>(() => ahead.VisitRules(Family, "t", "c", static _ => throw new FormatException()));
        }

        // Slots too small for what the kernel sends grow, on both threads.
        using NftablesConnection small = NftablesConnection.Open(Kernel, new NftablesConnectionOptions { ReceiveAhead = true, ReceiveSlots = 2, ReceiveSlotSize = 256 });
        Assert.That(small.ListRules(Family, "t", "c"), Is.EqualTo(alone.ListRules(Family, "t", "c")));
    }
}
