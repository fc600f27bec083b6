using EucaNet.Netfilter.Nftables;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

public sealed class ProbeTests
{
    [Test]
    public void This_kernel_has_what_the_engine_needs_and_lacks_what_nobody_wrote()
    {
        using KernelUnderTest kernel = KernelUnderTest.Open(KernelKind.Linux);
        using NftablesConnection connection = NftablesConnection.Open(kernel.Kernel);
        uint before = connection.GetGeneration().Id;
        Dictionary<string, NftablesCapability> found = NftablesProbe.Run(connection).ToDictionary(capability => $"{capability.Kind} {capability.Name}");
        foreach (NftablesCapability missing in found.Values.Where(capability => !capability.IsAvailable))
        {
            TestContext.Out.WriteLine($"{missing.Kind} {missing.Name}: {missing.Reason}");
        }

        foreach (string needed in (string[])["meta", "cmp", "payload", "bitwise", "lookup", "immediate", "counter", "ct", "nat", "masq"])
        {
            Assert.That(found["expression " + needed].IsAvailable, needed);
        }

        Assert.That(found["object counter"].IsAvailable);
        NftablesCapability unknown = NftablesProbe.Expression(connection, "nosuch");
        Assert.That(unknown.IsAvailable, Is.False);
        Assert.That(unknown.Reason, Does.Contain("no module"));
        Assert.That(connection.GetGeneration().Id, Is.EqualTo(before));
    }
}
