using System.Diagnostics;
using System.Text;

namespace EucaNet.Engine.Dhcp;

/// <summary>Runs the DHCP daemon as a child process of this one. Programs get their arguments one by one; no shell is between.</summary>
public sealed class DaemonLauncher : IDaemonLauncher
{
    private const int KeptOutput = 16 * 1024;

    /// <inheritdoc />
    public async ValueTask<DaemonResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken = default)
    {
        await using var running = new ChildProcess(Begin(program, arguments));
        int code = await running.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new DaemonResult(code, running.Output);
    }

    /// <inheritdoc />
    public IDaemonProcess Start(string program, IReadOnlyList<string> arguments) => new ChildProcess(Begin(program, arguments));

    /// <inheritdoc />
    public string? FindObstacle(string program)
    {
        const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return !File.Exists(program) ? "there is no such file"
            : !OperatingSystem.IsWindows() && (File.GetUnixFileMode(program) & Executable) == 0 ? "it is not executable"
            : null;
    }

    /// <inheritdoc />
    public void ChangeOwner(string path, string user)
    {
        string[]? entry = File.ReadLines("/etc/passwd").Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 3 && fields[0] == user);
        if (entry is null || !uint.TryParse(entry[2], out uint userId) || !uint.TryParse(entry[3], out uint groupId))
        {
            throw new EngineException($"user {user} (VNET_DHCPUSER)", "there is no such user on this machine", "correct VNET_DHCPUSER, or leave it out");
        }

        if (SystemCalls.ChangeOwner(path, userId, groupId) != 0)
        {
            throw new EngineException($"file {path}", $"it could not be given to user {user} (error {System.Runtime.InteropServices.Marshal.GetLastPInvokeError()})", "run as root");
        }
    }

    private static Process Begin(string program, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            return Process.Start(start) ?? throw new EngineException($"program {program}", "it could not be started");
        }
        catch (System.ComponentModel.Win32Exception failed)
        {
            throw new EngineException($"program {program}", failed.Message, "check the path in VNET_DHCPDAEMON", inner: failed);
        }
    }

    private sealed class ChildProcess : IDaemonProcess
    {
        private readonly Process _process;
        private readonly StringBuilder _output = new();

        public ChildProcess(Process process)
        {
            _process = process;
            process.OutputDataReceived += Keep;
            process.ErrorDataReceived += Keep;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            process.StandardInput.Close();
            ProcessId = process.Id;
            Completion = WaitAsync(process);
        }

        public int ProcessId { get; }

        public bool HasExited => Completion.IsCompleted;

        public string Output
        {
            get
            {
                lock (_output)
                {
                    return _output.ToString();
                }
            }
        }

        public Task<int> Completion { get; }

        public async ValueTask StopAsync()
        {
            if (HasExited)
            {
                return;
            }

            const int Terminate = 15;
            _ = SystemCalls.Signal(ProcessId, Terminate);
            try
            {
                await Completion.WaitAsync(TimeSpan.FromSeconds(3)).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                _process.Kill();
                await Completion.ConfigureAwait(false);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync().ConfigureAwait(false);
            _process.Dispose();
        }

        private static async Task<int> WaitAsync(Process process)
        {
            await process.WaitForExitAsync().ConfigureAwait(false);
            return process.ExitCode;
        }

        private void Keep(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is null)
            {
                return;
            }

            lock (_output)
            {
                _output.Append(line.Data).Append('\n');
                if (_output.Length > KeptOutput)
                {
                    _output.Remove(0, _output.Length - KeptOutput);
                }
            }
        }
    }
}

/// <summary>What a parent does for its child.</summary>
internal static partial class SystemCalls
{
    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Signal(int process, int signal);

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = System.Runtime.InteropServices.StringMarshalling.Utf8)]
    public static partial int ChangeOwner(string path, uint user, uint group);
}
