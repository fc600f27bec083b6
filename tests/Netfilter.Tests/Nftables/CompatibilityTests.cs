using EucaNet.Netfilter.Nftables;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>
/// Rules of iptables-nft that are read from the kernel and written again: it does not list the protocol that their matches are checked against.
/// </summary>
[RequiresRoot]
[RequiresProgram("iptables-nft")]
public sealed class CompatibilityTests
{
    [Test]
    public void What_iptables_made_comes_back_when_its_removal_is_undone()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        foreach (string rule in new[] { "-p icmp --icmp-type echo-request -j ACCEPT", "-p tcp -m tcp --tcp-option 8 -j DROP", "! -p tcp -m ttl --ttl-lt 5 -j DROP", "-p udp -m multiport --dports 1,5:9 -j REJECT" })
        {
            here.Run("iptables-nft", ["-A", "INPUT", .. rule.Split(' ')]);
        }

        string before = here.Run("iptables-nft", "-S");
        using NftablesConnection connection = NftablesConnection.Open(here.Kernel);
        AppliedTable removed = connection.Apply(NftablesFamily.Ip, "filter", null);
        Assert.That(here.Run("iptables-nft", "-S"), Does.Not.Contain("icmp"));
        removed.Undo();
        Assert.That(here.Run("iptables-nft", "-S"), Is.EqualTo(before));
    }
}
