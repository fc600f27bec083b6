using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests;

/// <summary>The two kernels that stand behind the seam; the same tests run on both.</summary>
public enum KernelKind
{
    /// <summary>This machine's kernel, in a network namespace of the test's own.</summary>
    Linux,

    /// <summary>The simulated one.</summary>
    Simulated,

    /// <summary>The simulated one as Debian's 6.12 is.</summary>
    Simulated612,
}

/// <summary>A fresh network namespace, real or simulated.</summary>
public sealed class KernelUnderTest : IDisposable
{
    private readonly IDisposable _owner;

    private KernelUnderTest(IKernel kernel, IDisposable owner, NetworkNamespace? networkNamespace, Version version)
    {
        Kernel = kernel;
        Version = version;
        _owner = owner;
        Namespace = networkNamespace;
    }

    public IKernel Kernel { get; }

    /// <summary>The namespace on the real kernel.</summary>
    public NetworkNamespace? Namespace { get; }

    /// <summary>The kernel's version, of which tests know what it does otherwise.</summary>
    public Version Version { get; }

    public bool IsAtLeast(int major, int minor) => Version >= new Version(major, minor);

    public static KernelUnderTest Open(KernelKind kind)
    {
        if (kind != KernelKind.Linux)
        {
            KernelProfile profile = kind == KernelKind.Simulated ? KernelProfile.Linux618 : KernelProfile.Linux612;
            var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
            return new KernelUnderTest(simulated, simulated, null, profile.Version);
        }

        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            bool required = Environment.GetEnvironmentVariable("EUCANET_REQUIRE_ALL") == "1";
            if (required)
            {
                Assert.Fail("needs root");
            }

            Assert.Ignore("needs root");
        }

        NetworkNamespace space = NetworkNamespace.Create();
        Version running = Version.Parse(string.Join('.', File.ReadAllText("/proc/sys/kernel/osrelease").Split('.').Take(2)));
        return new KernelUnderTest(LinuxKernel.Open(space), space, space, running);
    }

    /// <summary>Runs a program inside the namespace and returns what it printed.</summary>
    public string Run(string program, params string[] arguments) => Namespace!.Run(() =>
    {
        var start = new System.Diagnostics.ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = System.Diagnostics.Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {errors.Result}");
    });

    public void Dispose() => _owner.Dispose();
}
