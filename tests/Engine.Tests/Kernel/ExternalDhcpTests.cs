using System.Diagnostics;
using System.Globalization;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Diagnostics;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Kernel;

/// <summary>The administrator's daemon (D1): ISC dhcpd in a namespace, asked by udhcpc; and daemons that do not do what they should.</summary>
[RequiresRoot]
[RequiresProgram("ip", "dhcpd", "udhcpc", "ps")]
public sealed class ExternalDhcpTests
{
    private const string Daemon = "/usr/sbin/dhcpd";
    private readonly List<string> _folders = [];

    [TearDown]
    public void RemoveScripts()
    {
        _folders.ForEach(static folder => Directory.Delete(folder, recursive: true));
        _folders.Clear();
    }

    /// <summary>A STATIC front-end with a daemon, and an instance's network at the other end of its interface.</summary>
    private sealed class Machine : IAsyncDisposable
    {
        public Machine(string daemon, string more = "", TimeSpan? patience = null)
        {
            Namespace.Ip($"link add eth0 type veth peer name eth0 netns {Instance.Name}");
            Namespace.Ip("addr add 192.168.1.254/24 dev eth0");
            Namespace.Ip("link set eth0 up");
            Instance.Ip("link set eth0 up");
            Configuration = NetworkConfiguration.Parse($"""
                EUCALYPTUS={Folder} VNET_MODE="STATIC" VNET_INTERFACE="eth0" VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255"
                VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2" VNET_MACMAP="AA:DD:11:CE:FF:ED=192.168.1.3 AA:DD:11:CE:FF:EE=192.168.1.4" VNET_DHCPDAEMON="{daemon}" {more}
                """, "eucalyptus.conf", EngineRole.FrontEnd).Configuration!;
            FrontEnd = new FrontEnd(Namespace.Kernel, Configuration, new EngineOptions { DaemonLauncher = new LauncherInNamespace(Namespace), DaemonPatience = patience ?? TimeSpan.FromSeconds(20) });
        }

        public TestNamespace Namespace { get; } = new("cc");

        public TestNamespace Instance { get; } = new("vm");

        public string Folder { get; } = Directory.CreateTempSubdirectory("euca").FullName;

        public NetworkConfiguration Configuration { get; }

        public FrontEnd FrontEnd { get; }

        public string File(string name) => Path.Combine(Configuration.NetworkDirectory, name);

        public async Task<Outcome<InstanceAssignment>> RunAsync(string id) => await FrontEnd.RunInstanceAsync(new InstanceRequest { InstanceId = id });

        /// <summary>The process that serves now.</summary>
        public async Task<int> ProcessAsync() => int.Parse((await FrontEnd.GetStatusAsync()).Dhcp!.Split(' ')[^1], CultureInfo.InvariantCulture);

        /// <summary>The first finding about the daemon that is an error, once there is one.</summary>
        public async Task<Finding?> TroubleAsync()
        {
            Finding? trouble = null;
            for (int attempt = 0; attempt < 100 && trouble is null; attempt++)
            {
                trouble = (await FrontEnd.ExamineAsync()).FirstOrDefault(f => f is { Check: "dhcp", Level: FindingLevel.Error });
                await Task.Delay(trouble is null ? 100 : 0);
            }

            return trouble;
        }

        public async ValueTask DisposeAsync()
        {
            await FrontEnd.DisposeAsync();
            Instance.Dispose();
            Namespace.Dispose();
            Directory.Delete(Folder, recursive: true);
        }
    }

    /// <summary>Starts programs inside a namespace: a child lives where the thread that starts it is.</summary>
    private sealed class LauncherInNamespace(TestNamespace machine) : IDaemonLauncher
    {
        private readonly DaemonLauncher _inner = new();

        public ValueTask<DaemonResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken = default) =>
            new(machine.Namespace.Run(() => _inner.RunAsync(program, arguments, cancellationToken).AsTask()));

        public IDaemonProcess Start(string program, IReadOnlyList<string> arguments) => machine.Namespace.Run(() => _inner.Start(program, arguments));

        public string? FindObstacle(string program) => _inner.FindObstacle(program);

        public void ChangeOwner(string path, string user) => _inner.ChangeOwner(path, user);
    }

    [Test]
    public async Task The_daemon_is_started_as_the_manual_says_serves_the_pair_and_its_death_is_noticed()
    {
        await using var machine = new Machine(Daemon);
        await machine.FrontEnd.StartAsync();
        Outcome<InstanceAssignment> run = await machine.RunAsync("i-1");
        Assert.That(run.Changes.Count(ChangeKind.Daemon), Is.EqualTo(1));
        foreach (string file in new[] { "euca-dhcp.conf", "euca-dhcp.leases" })
        {
            Assert.That(File.Exists(machine.File(file)), file);
        }

        int process = await machine.ProcessAsync();
        string line = machine.Namespace.Run("ps", "axww").Split('\n').Single(l => l.TrimStart().StartsWith($"{process} ", StringComparison.Ordinal));
        Assert.That(line, Does.Contain($"{Daemon} -f -cf {machine.File("euca-dhcp.conf")} -lf {machine.File("euca-dhcp.leases")} -pf {machine.File("euca-dhcp.pid")}").And.EndsWith(" eth0"), "ps axww, as the manual looks for it");

        machine.Instance.Ip($"link set eth0 address {run.Value.Mac}");
        string output = await Task.Run(() => machine.Instance.Run("udhcpc", "-i eth0 -n -q -f -t 8 -T 1 -s /bin/true"));
        Assert.That(output, Does.Contain("lease of 192.168.1.3 obtained from 192.168.1.254"));

        using (var daemon = Process.GetProcessById(process))
        {
            daemon.Kill();
            await daemon.WaitForExitAsync();
        }

        Finding trouble = (await machine.TroubleAsync())!;
        Assert.That(trouble.Observation, Does.Contain(Daemon).And.Contain("ended").And.Contain("Listening on LPF/eth0"), "with the daemon's own output");
        Assert.That(trouble.Remedy, Does.Contain("check the logs"));

        // Reconciling starts it again, and then there is nothing to say against it.
        Assert.That((await machine.FrontEnd.ReconcileAsync()).Count(ChangeKind.Daemon), Is.EqualTo(1));
        Assert.That(await machine.ProcessAsync(), Is.Not.EqualTo(process));
        Assert.That((await machine.FrontEnd.ExamineAsync()).Where(f => f.Check == "dhcp" && f.Level > FindingLevel.Notice), Is.Empty);
    }

    [Test]
    public async Task The_daemon_is_started_again_only_when_something_changed()
    {
        await using var machine = new Machine(Daemon);
        await machine.FrontEnd.StartAsync();
        await machine.RunAsync("i-1");
        int first = await machine.ProcessAsync();
        Assert.That((await machine.FrontEnd.ReconcileAsync()).Count(ChangeKind.Daemon), Is.Zero);
        Assert.That(await machine.ProcessAsync(), Is.EqualTo(first));
        await machine.RunAsync("i-2");
        Assert.That(await machine.ProcessAsync(), Is.Not.EqualTo(first));
        Assert.That(await File.ReadAllTextAsync(machine.File("euca-dhcp.conf")), Does.Contain("192.168.1.4"));
        await machine.FrontEnd.TerminateInstanceAsync("i-1");
        await machine.FrontEnd.TerminateInstanceAsync("i-2");
        Assert.That((await machine.FrontEnd.GetStatusAsync()).Dhcp, Does.EndWith("not running"), "nobody is left to serve");
    }

    [Test]
    public async Task The_daemons_files_belong_to_VNET_DHCPUSER_and_a_user_that_is_not_there_is_named()
    {
        await using var machine = new Machine(Daemon, "VNET_DHCPUSER=\"nobody\"");
        await machine.FrontEnd.StartAsync();
        await machine.RunAsync("i-1");
        Assert.That(machine.Namespace.Run("stat", $"-c %U {machine.Configuration.NetworkDirectory} {machine.File("euca-dhcp.conf")} {machine.File("euca-dhcp.leases")}"), Is.EqualTo("nobody\nnobody\nnobody\n"));

        await using var stranger = new Machine(Daemon, "VNET_DHCPUSER=\"no-such-user\"");
        await stranger.FrontEnd.StartAsync();
        EngineException refused = Assert.ThrowsAsync<EngineException>(() => stranger.RunAsync("i-1"))!;
        Assert.That(refused.Message, Does.Contain("no-such-user").And.Contain("VNET_DHCPUSER"));
    }

    [Test]
    public async Task A_daemon_that_is_not_there_is_named_by_the_doctor_before_and_refused_when_it_is_needed()
    {
        await using var machine = new Machine("/usr/sbin/dhcpd3");
        await machine.FrontEnd.StartAsync();
        Finding trouble = (await machine.TroubleAsync())!;
        Assert.That((trouble.Subject, trouble.Observation), Is.EqualTo(("/usr/sbin/dhcpd3", "there is no such file")));
        Assert.That(trouble.Remedy, Does.Contain("ensure that a DHCP server binary is installed").And.Contain("VNET_DHCPDAEMON"));
        EngineException refused = Assert.ThrowsAsync<EngineException>(() => machine.RunAsync("i-1"))!;
        Assert.That(refused.Message, Does.Contain("/usr/sbin/dhcpd3").And.Contain("VNET_DHCPDAEMON"));
        Assert.That(await machine.FrontEnd.ListInstancesAsync(), Is.Empty, "and nothing was changed");
    }

    [Test]
    public async Task A_daemon_that_ends_at_once_is_reported_with_what_it_said()
    {
        await using var machine = new Machine(Script("""
            case "$*" in *--help*|*-t*) exit 0 ;; esac
            echo "No subnet declaration for eth0" >&2
            exit 1
            """));
        await machine.FrontEnd.StartAsync();
        await machine.RunAsync("i-1");
        Assert.That((await machine.TroubleAsync())!.Observation, Does.Contain("ended with code 1: No subnet declaration for eth0"));
    }

    [Test]
    public async Task A_daemon_that_hangs_in_its_test_is_ended_and_named_and_the_one_that_serves_goes_on()
    {
        string hang = Path.Combine(Path.GetTempPath(), $"eucanet-hang-{Guid.NewGuid():n}");
        await using var machine = new Machine(Script($"""
            case "$*" in *--help*) exit 0 ;; esac
            [ -e {hang} ] && exec sleep 1000
            exec {Daemon} "$@"
            """), patience: TimeSpan.FromSeconds(1));
        await machine.FrontEnd.StartAsync();
        await machine.RunAsync("i-1");
        int serving = await machine.ProcessAsync();
        string before = await File.ReadAllTextAsync(machine.File("euca-dhcp.conf"));
        await File.WriteAllTextAsync(hang, "");
        try
        {
            EngineException refused = Assert.ThrowsAsync<EngineException>(() => machine.RunAsync("i-2"))!;
            Assert.That(refused.Message, Does.Contain("did not end within 1 s").And.Contain("the daemon goes on with its former configuration"));
            Assert.That(await machine.ProcessAsync(), Is.EqualTo(serving));
            Assert.That(await File.ReadAllTextAsync(machine.File("euca-dhcp.conf")), Is.EqualTo(before), "the file the daemon reads is as it was");
        }
        finally
        {
            File.Delete(hang);
        }
    }

    [Test]
    public async Task A_configuration_the_daemon_refuses_never_takes_the_old_ones_place()
    {
        await using var machine = new Machine(Script($$"""
            case "$*" in *-t*) grep -q 192.168.1.4 "$3" && { echo "line 9: expecting semicolon" >&2; exit 1; } ;; esac
            exec {{Daemon}} "$@"
            """));
        await machine.FrontEnd.StartAsync();
        await machine.RunAsync("i-1");
        int serving = await machine.ProcessAsync();
        EngineException refused = Assert.ThrowsAsync<EngineException>(() => machine.RunAsync("i-2"))!;
        Assert.That(refused.Message, Does.Contain("line 9: expecting semicolon").And.Contain("the daemon goes on with its former configuration"));
        Assert.That(await machine.ProcessAsync(), Is.EqualTo(serving));
        Assert.That(await File.ReadAllTextAsync(machine.File("euca-dhcp.conf")), Does.Not.Contain("192.168.1.4"));
        Assert.That((await machine.FrontEnd.ListInstancesAsync()).Single().Assignment.InstanceId, Is.EqualTo("i-1"));
    }

    // The manual's advice for other daemons: "writing a wrapper script around your installed DHCP server".
    private string Script(string body)
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-daemon-").FullName, path = Path.Combine(folder, "dhcpd");
        _folders.Add(folder);
        File.WriteAllText(path, $"#!/bin/sh\n{body}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
