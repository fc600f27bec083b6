using System.CommandLine;
using System.Net;
using EucaNet.Cli.Control;
using EucaNet.Engine;

namespace EucaNet.Cli.Scenarios;

/// <summary>
/// Runs a scenario: an engine on each machine of the world, the commands typed against them, the expectations judged by packets.
/// What a cloud's own messaging does between front-end and nodes, and a hypervisor on a node, happens here.
/// </summary>
internal sealed class ScenarioRunner(ScenarioFile scenario, ScenarioCloud cloud, Story story)
{
    private static readonly TimeSpan LeasePatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private int _steps;
    private bool _faulty;

    /// <summary>Runs every statement; the story tells of each.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (Statement statement in scenario.Statements)
        {
            cancellationToken.ThrowIfCancellationRequested();
            switch (statement)
            {
                case StartStatement:
                    Begin(statement);
                    await cloud.StartAsync(story.Did, cancellationToken).ConfigureAwait(false);
                    break;
                case SayStatement say:
                    story.Say(say.Text);
                    break;
                case WaitStatement wait:
                    Begin(wait);
                    await cloud.World.AdvanceAsync(wait.Time, cancellationToken).ConfigureAwait(false);
                    break;
                case FaultStatement fault:
                    Begin(fault);
                    cloud.ArmFaults(fault.Machine, fault.Kinds, fault.Chance);
                    _faulty = true;
                    break;
                case FaultsEndStatement:
                    Begin(statement);
                    EndFaults();
                    break;
                case SettleStatement settle:
                    bool settled = await cloud.SettleAsync(settle.Limit, story.Did, cancellationToken).ConfigureAwait(false);
                    story.Settlement(settle.Line.Number, settle.Line.Text, settled, settled ? "" : "an engine still has something to do");
                    break;
                case CommandStatement command:
                    Begin(command);
                    await RunAsync(command, cancellationToken).ConfigureAwait(false);
                    break;
                case ExpectStatement expect:
                    (bool held, string detail) = await JudgeAsync(expect.Expectation, cancellationToken).ConfigureAwait(false);
                    story.Expectation(expect.Line.Number, expect.Line.Text, held, detail);
                    break;
            }
        }

        story.End(_steps, cloud.World.Elapsed);
    }

    private void Begin(Statement statement)
    {
        _steps++;
        story.Step(statement.Line.Number, statement.Line.Text);
    }

    private void EndFaults()
    {
        _faulty = false;
        foreach ((string name, int times) in cloud.World.EndFaults())
        {
            story.Did("faults", $"{name} struck {times} times");
        }
    }

    // A command that the scenario does not expect to be refused fails the run as an expectation would; while faults last it may be.
    private async Task RunAsync(CommandStatement command, CancellationToken cancellationToken)
    {
        if (await TypeAsync(command.Words, command.Node, cancellationToken).ConfigureAwait(false) is not { } refusal)
        {
            return;
        }

        if (_faulty)
        {
            story.Did(cloud.FrontEndName, $"refused: {refusal}");
        }
        else
        {
            story.Expectation(command.Line.Number, command.Line.Text, held: false, refusal);
        }
    }

    // Types a command; the reason where it was refused.
    private async Task<string?> TypeAsync(string[] words, string? node, CancellationToken cancellationToken)
    {
        var context = new ScenarioContext(cloud, node, story);
        try
        {
            Task<int> typed = EngineVerbs.Root(_ => context).Parse(words)
                .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, cancellationToken);
            await cloud.World.CompleteAsync(typed).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception) when (exception is RefusedException || (_faulty && exception is EngineException or Netlink.Kernel.KernelException or TimeoutException))
        {
            return exception.Message;
        }
    }

    private async Task<(bool Held, string Detail)> JudgeAsync(Expectation expectation, CancellationToken cancellationToken)
    {
        try
        {
            return expectation switch
            {
                LeaseExpectation lease => await JudgeLeaseAsync(lease, cancellationToken).ConfigureAwait(false),
                ReachExpectation reach => await JudgeReachAsync(reach, cancellationToken).ConfigureAwait(false),
                LinkExpectation link => await JudgeLinkAsync(link, cancellationToken).ConfigureAwait(false),
                PortExpectation port => await JudgePortAsync(port, cancellationToken).ConfigureAwait(false),
                InstanceExpectation instance => await JudgeInstanceAsync(instance, cancellationToken).ConfigureAwait(false),
                RefusedExpectation refused => await JudgeRefusedAsync(refused, cancellationToken).ConfigureAwait(false),
                _ => throw new InvalidOperationException($"no judge for {expectation.GetType().Name}"),
            };
        }
        catch (RefusedException exception)
        {
            return (false, exception.Message);
        }
    }

    private async Task<(bool, string)> JudgeLeaseAsync(LeaseExpectation lease, CancellationToken cancellationToken)
    {
        TimeSpan limit = cloud.World.Elapsed + LeasePatience;
        while (true)
        {
            IPAddress? address = await AddressOfAsync(lease.Machine, cancellationToken).ConfigureAwait(false);
            if (address is not null || cloud.World.Elapsed > limit)
            {
                return (lease.Address.Equals(address), address is null ? $"no lease after {LeasePatience.TotalSeconds:0} s" : $"{lease.Machine} has {address} by DHCP");
            }

            await cloud.World.AdvanceAsync(Pause, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<IPAddress?> AddressOfAsync(string name, CancellationToken cancellationToken) =>
        await cloud.AddressesOfAsync(name, cancellationToken).ConfigureAwait(false) is [var first, ..] ? first : null;

    private async Task<(bool, string)> JudgeReachAsync(ReachExpectation reach, CancellationToken cancellationToken)
    {
        IPAddress to = IPAddress.TryParse(reach.To, out IPAddress? literal)
            ? literal
            : await AddressOfAsync(reach.To, cancellationToken).ConfigureAwait(false) ?? throw new RefusedException($"{reach.To} has no address yet");
        string? listener = reach.At ?? (literal is null ? reach.To : null);
        Reachability result;
        int tries = 0;
        do
        {
            result = reach.Probe switch
            {
                Probe.Ping => await cloud.World.PingAsync(reach.From, to, cancellationToken).ConfigureAwait(false),
                Probe.Tcp => await cloud.World.ConnectAsync(reach.From, to, reach.Port, listener, cancellationToken).ConfigureAwait(false),
                _ => await cloud.World.SendDatagramAsync(reach.From, to, reach.Port, listener ?? throw new RefusedException("a UDP probe to an address needs --at, the machine that must get it"), cancellationToken).ConfigureAwait(false),
            };
        }
        while (reach.Reached && !result.Reached && ++tries < cloud.World.Tries);

        bool held = result.Reached == reach.Reached && (reach.SeenAs is null || !result.Reached || reach.SeenAs.Equals(result.SeenAs));
        string seen = result is { Reached: true, SeenAs: { } address } && reach.Probe != Probe.Ping ? $"seen as {address}" : "";
        string outcome = result.Reached ? "" : "no answer";
        return (held, string.Join("; ", ((string[])[result.Path, outcome, seen]).Where(part => part.Length > 0)));
    }

    private async Task<(bool, string)> JudgeLinkAsync(LinkExpectation link, CancellationToken cancellationToken)
    {
        bool present = (await MachineSetup.FindLinkAsync(cloud.World.KernelOf(link.Machine), link.Link, cancellationToken).ConfigureAwait(false)).Link is not null;
        return (present == link.Present, $"{link.Machine} has {(present ? "" : "no ")}{link.Link}");
    }

    private async Task<(bool, string)> JudgePortAsync(PortExpectation port, CancellationToken cancellationToken)
    {
        string? master = (await MachineSetup.FindLinkAsync(cloud.World.KernelOf(port.Machine), port.Interface, cancellationToken).ConfigureAwait(false)).Master;
        return (master == port.Bridge, $"{port.Interface} is {(master is null ? "no port of a bridge" : $"a port of {master}")}");
    }

    private async Task<(bool, string)> JudgeInstanceAsync(InstanceExpectation instance, CancellationToken cancellationToken)
    {
        IReadOnlyList<InstanceMessage> listing = await cloud.FrontEndControl.ListInstancesAsync(cancellationToken).ConfigureAwait(false);
        string address = listing.FirstOrDefault(row => row.Instance == instance.Instance)?.PrivateAddress ?? "not listed";
        return (address == instance.Address.ToString(), $"the front-end lists {address}");
    }

    private async Task<(bool, string)> JudgeRefusedAsync(RefusedExpectation refused, CancellationToken cancellationToken)
    {
        string? reason = await TypeAsync(refused.Words, refused.Node, cancellationToken).ConfigureAwait(false);
        return (reason?.Contains(refused.Reason, StringComparison.OrdinalIgnoreCase) == true, reason ?? "it was not refused");
    }
}
