using EucaNet.Engine.Modes;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Dhcp;

/// <summary>
/// The administrator's ISC dhcpd-compatible daemon (<c>VNET_DHCPDAEMON</c>). Its configuration is written whole beside the old one, tested with <c>-t</c>, and
/// only then takes the old one's place and the daemon is started again; where nothing changed, nothing happens.
/// </summary>
internal sealed class ExternalDhcpService(EngineContext context, string daemon, IDaemonLauncher launcher) : IDhcpService
{
    private readonly ILogger _logger = context.Logger<ExternalDhcpService>();
    private readonly SortedDictionary<string, DhcpScope> _scopes = new(StringComparer.Ordinal);
    private string _runningConfiguration = "";
    private string _runningInterfaces = "";
    private IDaemonProcess? _process;
    private string? _help;
    private string? _problem;

    public string Description => _process is { HasExited: false } running ? $"{daemon}, process {running.ProcessId}" : $"{daemon}, not running";

    public IReadOnlyList<string> Problems => _process is { HasExited: true } dead
        ? [Epitaph(dead)]
        : _problem is null ? [] : [_problem];

    private string FileOf(string name) => Path.Combine(context.Configuration.NetworkDirectory, name);

    private string ConfigurationFile => FileOf("euca-dhcp.conf");

    private string LeaseFile => FileOf("euca-dhcp.leases");

    private string ProcessIdFile => FileOf("euca-dhcp.pid");

    private string TraceFile => FileOf("euca-dhcp.trace");

    public ValueTask ServeAsync(DhcpScope scope, int interfaceIndex, CancellationToken cancellationToken)
    {
        _scopes.TryAdd(scope.InterfaceName, scope);
        return ValueTask.CompletedTask;
    }

    public ValueTask EndAsync(string interfaceName)
    {
        _scopes.Remove(interfaceName);
        return ValueTask.CompletedTask;
    }

    public void Set(string interfaceName, MacAddress mac, Ipv4Address address) => _scopes.GetValueOrDefault(interfaceName)?.Set(mac, address);

    public void Remove(string interfaceName, MacAddress mac) => _scopes.GetValueOrDefault(interfaceName)?.Remove(mac);

    public async ValueTask CommitAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        // A daemon without clients has nothing to do, and ISC's refuses to start without a subnet.
        if (_scopes.Values.All(s => s.Count == 0))
        {
            await StopAsync(changes).ConfigureAwait(false);
            return;
        }

        string configuration = DaemonConfiguration.Format(_scopes.Values);
        string interfaces = string.Join(' ', _scopes.Keys);
        if (configuration == _runningConfiguration && interfaces == _runningInterfaces && _process is { HasExited: false })
        {
            return;
        }

        await PrepareAsync(configuration, cancellationToken).ConfigureAwait(false);
        if (_process is not null)
        {
            await _process.StopAsync().ConfigureAwait(false);
            await _process.DisposeAsync().ConfigureAwait(false);
        }

        File.Move(ConfigurationFile + ".new", ConfigurationFile, overwrite: true);
        List<string> arguments = ["-f", "-cf", ConfigurationFile, "-lf", LeaseFile, "-pf", ProcessIdFile];
        if (Knows("-tf"))
        {
            File.Delete(TraceFile);
            arguments.AddRange(["-tf", TraceFile]);
        }

        // A daemon that can drop root's rights itself is told to; others do it by their own configuration, as the manual has it.
        if (context.Configuration.DhcpUser is { } user && Knows("-user"))
        {
            arguments.AddRange(["-user", user]);
        }

        arguments.AddRange(_scopes.Keys);
        _problem = null;
        _process = launcher.Start(daemon, arguments);
        _runningConfiguration = configuration;
        _runningInterfaces = interfaces;
        _ = WatchAsync(_process);
        changes.Add(ChangeKind.Daemon, daemon, $"process {_process.ProcessId} on {interfaces}");
    }

    public async ValueTask StopAsync(ChangeLog changes)
    {
        if (_process is { } process)
        {
            _process = null;
            await process.StopAsync().ConfigureAwait(false);
            await process.DisposeAsync().ConfigureAwait(false);
            _runningConfiguration = "";
            changes.Add(ChangeKind.Daemon, daemon, "stopped");
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync(new ChangeLog()).ConfigureAwait(false);

    private bool Knows(string option) => _help?.Contains(option, StringComparison.Ordinal) == true;

    private async ValueTask PrepareAsync(string configuration, CancellationToken cancellationToken)
    {
        string? user = context.Configuration.DhcpUser;
        Directory.CreateDirectory(context.Configuration.NetworkDirectory);
        string next = ConfigurationFile + ".new";
        await File.WriteAllTextAsync(next, configuration, cancellationToken).ConfigureAwait(false);
        if (!File.Exists(LeaseFile))
        {
            await File.WriteAllTextAsync(LeaseFile, "", cancellationToken).ConfigureAwait(false);
        }

        if (user is not null)
        {
            launcher.ChangeOwner(context.Configuration.NetworkDirectory, user);
            launcher.ChangeOwner(next, user);
            launcher.ChangeOwner(LeaseFile, user);
        }

        _help ??= (await AskAsync(["--help"], cancellationToken).ConfigureAwait(false)).Output;
        DaemonResult test = await AskAsync(["-t", "-cf", next, "-lf", LeaseFile], cancellationToken).ConfigureAwait(false);
        if (test.ExitCode != 0)
        {
            throw Refused($"it refuses the configuration {next}: {LastLines(test.Output)}");
        }
    }

    // A daemon that never answers must not keep everybody else waiting.
    private async ValueTask<DaemonResult> AskAsync(string[] arguments, CancellationToken cancellationToken)
    {
        TimeSpan patience = context.Options.DaemonPatience;
        using var limit = new CancellationTokenSource(patience, context.Kernel.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await launcher.RunAsync(daemon, arguments, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Refused(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"'{daemon} {string.Join(' ', arguments)}' did not end within {patience.TotalSeconds:0.#} s"));
        }
    }

    private EngineException Refused(string reason) => new($"DHCP daemon {daemon}", reason, "check that VNET_DHCPDAEMON is ISC dhcpd or compatible",
        _process is null ? "no daemon runs" : "the daemon goes on with its former configuration");

    private async Task WatchAsync(IDaemonProcess process)
    {
        await process.Completion.ConfigureAwait(false);
        if (ReferenceEquals(process, _process))
        {
            _problem = Epitaph(process);
            _logger.LogError("{Problem}", _problem);
        }
    }

    private string Epitaph(IDaemonProcess dead) => $"{daemon} ended with code {dead.Completion.GetAwaiter().GetResult()}: {LastLines(dead.Output)}";

    private static string LastLines(string output)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return string.Join(" / ", lines.TakeLast(5));
    }
}
