using System.Runtime.InteropServices;
using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace EucaNet.Tests;

/// <summary>
/// Marks a test that needs something of the machine: root, a program, a kernel module, the virtual machine runner.
/// Where EUCANET_REQUIRE_ALL=1 is set (continuous integration) a missing condition fails the test, elsewhere it skips it.
/// </summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true)]
public abstract class ConditionAttribute : NUnitAttribute, IApplyToTest
{
    /// <summary>What is missing on this machine, or null.</summary>
    protected abstract string? Missing();

    /// <inheritdoc />
    public void ApplyToTest(Test test)
    {
        if (test.RunState == RunState.NotRunnable || Missing() is not { } missing)
        {
            return;
        }

        bool required = Environment.GetEnvironmentVariable("EUCANET_REQUIRE_ALL") == "1";
        test.RunState = required ? RunState.NotRunnable : RunState.Ignored;
        test.Properties.Set(PropertyNames.SkipReason, missing);
    }
}

/// <summary>The test needs root: it makes network namespaces of its own and works only in them.</summary>
public sealed partial class RequiresRootAttribute : ConditionAttribute
{
    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUserId();

    /// <inheritdoc />
    protected override string? Missing() => EffectiveUserId() == 0 ? null : "needs root";
}

/// <summary>The test runs a program of the machine as its judge.</summary>
public sealed class RequiresProgramAttribute(params string[] programs) : ConditionAttribute
{
    /// <summary>The programs looked for on PATH and in the sbin folders.</summary>
    public IReadOnlyList<string> Programs { get; } = programs;

    /// <inheritdoc />
    protected override string? Missing() => MissingProgram();

    internal string? MissingProgram()
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/sbin"];
        return Programs.FirstOrDefault(program => !folders.Any(folder => File.Exists(Path.Combine(folder, program)))) is { } absent
            ? $"needs the program '{absent}'"
            : null;
    }
}

/// <summary>The test runs a command under a stock Debian kernel in qemu (tests/vm/run).</summary>
public sealed class RequiresVirtualMachineAttribute : ConditionAttribute
{
    /// <inheritdoc />
    protected override string? Missing()
    {
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Directory.Exists(Path.Combine(cache, "eucanet-vm", "linux-image-6.12-amd64"))
            ? new RequiresProgramAttribute("qemu-system-x86_64", "busybox").MissingProgram()
            : "needs the virtual machine's kernel: run 'tests/vm/run --prepare' once";
    }
}
