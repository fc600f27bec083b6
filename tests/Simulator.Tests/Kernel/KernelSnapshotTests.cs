using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Two states of a kernel can be compared, and one saved and read.</summary>
public sealed class KernelSnapshotTests
{
    [Test]
    public void The_difference_of_two_states_names_what_came_and_what_changed()
    {
        using var kernel = new SimulatedKernel();
        KernelSnapshot before = KernelSnapshot.Capture(kernel);
        kernel.WriteParameter("net/ipv4/icmp_echo_ignore_all", "1");
        kernel.AddPhysicalDevice("eth0", [2, 0, 0, 0, 0, 1]);
        KernelSnapshot after = KernelSnapshot.Capture(kernel);
        Assert.That(before.DifferenceTo(after), Is.EqualTo(new[] { "+ link eth0 mac 020000000001 mtu 1500 down Unknown", "+ parameter net/ipv4/icmp_echo_ignore_all = 1" }));
        Assert.That(after.DifferenceTo(after), Is.Empty);
    }

    [Test]
    public void A_saved_state_reads_back_the_same()
    {
        using var kernel = new SimulatedKernel();
        KernelSnapshot snapshot = KernelSnapshot.Capture(kernel);
        Assert.That(KernelSnapshot.Parse(snapshot.ToString()).DifferenceTo(snapshot), Is.Empty);
    }
}
