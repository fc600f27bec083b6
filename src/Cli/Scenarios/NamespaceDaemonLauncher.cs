using EucaNet.Engine.Dhcp;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli.Scenarios;

/// <summary>Runs a front-end's DHCP daemon inside the front-end's network namespace: a child lives where the thread that starts it is.</summary>
internal sealed class NamespaceDaemonLauncher(NetworkNamespace machine) : IDaemonLauncher
{
    private readonly DaemonLauncher _launcher = new();

    public ValueTask<DaemonResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken = default) =>
        new(machine.Run(() => _launcher.RunAsync(program, arguments, cancellationToken).AsTask()));

    public IDaemonProcess Start(string program, IReadOnlyList<string> arguments) => machine.Run(() => _launcher.Start(program, arguments));

    public string? FindObstacle(string program) => _launcher.FindObstacle(program);

    public void ChangeOwner(string path, string user) => _launcher.ChangeOwner(path, user);
}
