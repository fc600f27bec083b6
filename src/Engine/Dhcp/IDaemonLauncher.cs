namespace EucaNet.Engine.Dhcp;

/// <summary>Runs the external DHCP daemon, the only child process there is.</summary>
public interface IDaemonLauncher
{
    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellationToken">Kills it.</param>
    ValueTask<DaemonResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken = default);

    /// <summary>Starts a program that goes on.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    IDaemonProcess Start(string program, IReadOnlyList<string> arguments);

    /// <summary>Why a program cannot be run, "there is no such file"; null where it can.</summary>
    /// <param name="program">Its path.</param>
    string? FindObstacle(string program);

    /// <summary>Gives a file to a user.</summary>
    void ChangeOwner(string path, string user);
}

/// <summary>A running child process.</summary>
public interface IDaemonProcess : IAsyncDisposable
{
    /// <summary>Its process id.</summary>
    int ProcessId { get; }

    /// <summary>True once it has ended.</summary>
    bool HasExited { get; }

    /// <summary>What it printed last.</summary>
    string Output { get; }

    /// <summary>Completes with the exit code when it ends.</summary>
    Task<int> Completion { get; }

    /// <summary>Asks it to end and waits, then ends it.</summary>
    ValueTask StopAsync();
}

/// <summary>How a program ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it printed on both outputs.</param>
public sealed record DaemonResult(int ExitCode, string Output);
