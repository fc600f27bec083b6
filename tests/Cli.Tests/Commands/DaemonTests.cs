using System.Diagnostics;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>The daemon as its user meets it: a STATIC front-end in a network namespace of its own, commands over its socket.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class DaemonTests
{
    private NetworkNamespace _namespace = null!;
    private string _folder = "";
    private readonly List<Process> _daemons = [];

    [SetUp]
    public void MakeMachine()
    {
        _namespace = NetworkNamespace.Create();
        _folder = Directory.CreateTempSubdirectory("eucanet-daemon-").FullName;
        foreach (string command in (string[])["link set lo up", "link add eth0 type veth peer name cable", "link set cable up", "link set eth0 up", "addr add 192.168.1.254/24 dev eth0"])
        {
            Assert.That(CommandLine.RunOther(_namespace, "ip", command.Split(' ')).Status, Is.Zero, command);
        }
    }

    [TearDown]
    public void EndMachine()
    {
        foreach (Process daemon in _daemons)
        {
            if (!daemon.HasExited)
            {
                daemon.Kill();
                daemon.WaitForExit();
            }

            daemon.Dispose();
        }

        _daemons.Clear();
        _namespace.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Commands_reach_the_daemon_and_its_state_survives_kill_9()
    {
        Process first = Up();
        CommandResult run = Say("instance", "run", "i-00000001", "--user", "alice", "-j");
        using (JsonDocument answer = JsonDocument.Parse(run.Output))
        {
            Assert.That(answer.RootElement.GetProperty("instance").GetProperty("privateAddress").GetString(), Is.EqualTo("192.168.1.3"), run.Errors);
        }

        first.Kill();
        first.WaitForExit();
        Up();
        using JsonDocument listing = JsonDocument.Parse(Say("instance", "list", "-j").Output);
        Assert.That(listing.RootElement.EnumerateArray().Single().GetProperty("instance").GetString(), Is.EqualTo("i-00000001"));
    }

    [Test]
    public void The_socket_is_its_owners_only()
    {
        Up();
        Assert.That(File.GetUnixFileMode(SocketPath), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void A_second_daemon_on_the_same_socket_is_refused_and_the_first_goes_on()
    {
        Up();
        CommandResult second = CommandLine.Run(_namespace, UpArguments());
        Assert.Multiple(() =>
        {
            Assert.That(second.Status, Is.EqualTo(1));
            Assert.That(second.Errors, Does.Contain("another engine").And.Contain(SocketPath));
            Assert.That(Say("status").Status, Is.Zero);
        });
    }

    [Test]
    public void What_a_mode_does_not_have_is_refused_in_words()
    {
        Up();
        CommandResult refused = Say("group", "authorize", "--user", "alice", "--protocol", "tcp", "--port", "22");
        Assert.Multiple(() =>
        {
            Assert.That(refused.Status, Is.EqualTo(1));
            Assert.That(refused.Errors, Does.Contain("not in STATIC mode"));
        });
    }

    [Test]
    public void Sigterm_stops_it_with_status_0_and_takes_the_socket_away()
    {
        Process daemon = Up();
        CommandLine.RunOther(null, "kill", "-TERM", $"{daemon.Id}");
        Assert.That(daemon.WaitForExit(TimeSpan.FromSeconds(60)), Is.True);
        Assert.Multiple(() =>
        {
            Assert.That(daemon.ExitCode, Is.Zero);
            Assert.That(File.Exists(SocketPath), Is.False);
        });
    }

    [Test]
    public void It_watches_no_folder_of_where_it_was_started()
    {
        Process daemon = Up();
        IEnumerable<string> descriptors = Directory.EnumerateFiles($"/proc/{daemon.Id}/fdinfo").SelectMany(File.ReadLines);
        Assert.That(descriptors.Where(line => line.StartsWith("inotify", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void A_configuration_with_mistakes_starts_nothing()
    {
        File.WriteAllText(Path.Combine(_folder, "eucalyptus.conf"), "VNET_MODE=\"STATIC\" VNET_INTERFACE=\"eth0\" VNET_SUBNET=\"192.168.1.0\" VNET_NETMASK=\"255.0.255.0\"\n");
        CommandResult refused = CommandLine.Run(_namespace, [.. UpArguments()[..2], Path.Combine(_folder, "eucalyptus.conf"), .. UpArguments()[3..]]);
        Assert.Multiple(() =>
        {
            Assert.That(refused.Status, Is.EqualTo(1));
            Assert.That(refused.Errors, Does.Contain("255.0.255.0").And.Contain("eucalyptus.conf:1:"));
        });
    }

    private string SocketPath => Path.Combine(_folder, "eucanet.sock");

    private string[] UpArguments() =>
        ["up", "--config", Path.Combine(CommandLine.Repository, "examples", "static", "eucalyptus.conf"), "--role", "front-end", "--socket", SocketPath, "--state", Path.Combine(_folder, "state")];

    private CommandResult Say(params string[] words) => CommandLine.Run(null, [.. words, "--socket", SocketPath]);

    private Process Up()
    {
        Process daemon = CommandLine.Start(_namespace, UpArguments());
        _daemons.Add(daemon);
        var log = new List<string>();
        while (daemon.StandardError.ReadLine() is { } line)
        {
            log.Add(line);
            if (line.Contains("commands at", StringComparison.Ordinal))
            {
                _ = daemon.StandardError.ReadToEndAsync();
                return daemon;
            }
        }

        throw new AssertionException($"the daemon did not start: {string.Join(Environment.NewLine, log)}");
    }
}
