using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>What only a kernel older than those of the facts (tests/Netfilter.Tests/Nftables/Facts) does.</summary>
internal sealed class BatchAcknowledgementTests
{
    [TestCase("6.1", "2: errno 0 flags 100")]
    [TestCase("6.12", "1: errno 0 flags 100", "2: errno 0 flags 100", "3: errno 0 flags 100")]
    public void Begin_and_end_are_acknowledged_since_6_10(string version, params string[] answers)
    {
        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = version == "6.1" ? KernelProfile.Linux61 : KernelProfile.Linux612 });
        using var talk = new NftConversation(kernel);
        const NetlinkMessageFlags Ack = NetlinkMessageFlags.Acknowledge;
        byte[] batch = new NftBatch().Begin(Ack).Verb(0, Ack | NetlinkMessageFlags.Create, 2, Text(1, "a")).End(Ack).ToArray();
        Assert.That(talk.Send(batch), Is.EqualTo(answers));
    }
}
