using EucaNet.Cli.Tests.Commands;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>
/// Runs the tests of one category once more under a stock Debian kernel, which has what this machine's kernel may lack (802.1Q): one boot for
/// all of them. There the same tests also take the real kernel (<see cref="Worlds.Managed"/>).
/// </summary>
public sealed class DebianKernelTests
{
    /// <summary>The tests that a boot of the virtual machine is worth.</summary>
    public const string Category = "DebianKernel";

    [Test]
    [RequiresVirtualMachine]
    public void The_evidence_holds_under_a_stock_Debian_kernel()
    {
        CommandResult run = CommandLine.RunOther(
            null, Path.Combine(CommandLine.Repository, "tests", "vm", "run"), "-t", "1080",
            "sh", "-c", $"modprobe -a 8021q nf_conntrack iptable_filter iptable_nat && exec env {Worlds.OnlyLinux}=1 dotnet {typeof(DebianKernelTests).Assembly.Location} {Category}");
        TestContext.Out.WriteLine(run.Output);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
        Assert.That(run.Output, Does.Match(@"Passed: [1-9]\d*, Failed: 0, Skipped: 0").And.Contain("(\"linux\")"));
    }
}
