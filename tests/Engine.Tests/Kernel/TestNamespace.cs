using System.Diagnostics;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine.Tests.Kernel;

/// <summary>A network namespace of the machine's own kernel, for one test; it goes with the test.</summary>
internal sealed class TestNamespace : IDisposable
{
    private static int _count;

    public TestNamespace(string role)
    {
        Name = $"euca-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}-{role}";
        Namespace = NetworkNamespace.Create(Name);
        Kernel = LinuxKernel.Open(Namespace);
        Ip("link set lo up");
    }

    public string Name { get; }

    public NetworkNamespace Namespace { get; }

    public LinuxKernel Kernel { get; }

    /// <summary>Runs ip in the namespace.</summary>
    public string Ip(string arguments) => Run("ip", arguments);

    /// <summary>Runs a program in the namespace; it must end well.</summary>
    public string Run(string program, string arguments)
    {
        (int code, string output) = TryRun(program, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"{program} {arguments}: code {code}: {output}");
    }

    /// <summary>Runs a program in the namespace.</summary>
    public (int Code, string Output) TryRun(string program, string arguments)
    {
        using Process process = Start(program, arguments);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.GetAwaiter().GetResult());
    }

    /// <summary>Starts a program in the namespace.</summary>
    public Process Start(string program, string arguments) => Process.Start(new ProcessStartInfo("ip", $"netns exec {Name} {program} {arguments}")
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        UseShellExecute = false,
    })!;

    public void Dispose()
    {
        Namespace.Dispose();
        NetworkNamespace.Delete(Name);
    }
}
