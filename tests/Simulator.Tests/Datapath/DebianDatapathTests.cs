using System.Diagnostics;
using System.Runtime.CompilerServices;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// Runs the scenes that this machine's kernel lacks the modules for under a stock Debian kernel, one boot for all of them: there the real side of each is Debian's kernel.
/// On one processor, since the kernel counts its round robins on each by itself.
/// </summary>
public sealed class DebianDatapathTests
{
    /// <summary>Tests that need VRF, bonds, flowtables or modules of traffic control.</summary>
    public const string Category = "DebianDatapath";

    [Test]
    [RequiresVirtualMachine]
    public void Scenes_are_the_same_on_a_stock_Debian_kernel() =>
        RunUnderDebian("modprobe -a bonding vrf nf_conntrack nft_flow_offload nf_flow_table_inet sch_ingress sch_prio sch_netem act_gact act_mirred cls_u32 cls_matchall cls_flower cls_fw", "taskset 1", Category);

    /// <summary>Runs the tests of a category in the virtual machine; all must pass.</summary>
    public static void RunUnderDebian(string prepare, string runner, string category)
    {
        string repository = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", ".."));
        var start = new ProcessStartInfo(Path.Combine(repository, "tests", "vm", "run")) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = repository };
        foreach (string argument in (string[])["-t", "500", "sh", "-c", $"{prepare} && exec {runner} dotnet {typeof(DebianDatapathTests).Assembly.Location} {category}"])
        {
            start.ArgumentList.Add(argument);
        }

        using Process run = Process.Start(start)!;
        Task<string> errors = run.StandardError.ReadToEndAsync();
        string output = run.StandardOutput.ReadToEnd();
        run.WaitForExit();
        TestContext.Out.WriteLine(output);
        Assert.That(run.ExitCode, Is.Zero, () => output + errors.GetAwaiter().GetResult());
        Assert.That(output, Does.Match(@"Passed: [1-9]\d*, Failed: 0, Skipped: 0"));
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
