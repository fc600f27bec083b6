using System.Globalization;
using EucaNet.Engine;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Recording;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>
/// One seed of churn: users run and end instances, change rules and addresses, engines are stopped and killed, and faults strike all the while. At every step the
/// invariants are checked. Then the faults end, and the cloud must become what its users want within a bounded time, and leave it at that.
/// </summary>
internal sealed partial class ChurnRun : IDisposable
{
    private static readonly GroupName[] Groups = [new("alice", "web"), new("alice", "db"), new("bob", "default"), new("carol", "lab")];

    private readonly ChurnOptions _options;
    private readonly ChurnRandom _random;
    private readonly ChurnCloud _cloud;
    private readonly ChurnChecks _checks;
    private readonly ChurnFigures _figures = new();
    private readonly SortedDictionary<string, int> _struck = new(StringComparer.Ordinal);
    private readonly CloudRecorder? _recorder;
    private int _ids;

    private ChurnRun(ChurnOptions options)
    {
        _options = options;
        _random = new ChurnRandom(options.Seed);
        _cloud = new ChurnCloud(options.Seed);
        _checks = new ChurnChecks(_cloud, _figures);
        _recorder = options.Capture is not null || options.Transcript is not null ? new CloudRecorder(_cloud.Cloud, options.Capture, options.Transcript) : null;
    }

    /// <summary>Runs one seed to its end, on the calling thread.</summary>
    public static ChurnResult Run(ChurnOptions options)
    {
        // What simulated sockets wake must run here and now, not on somebody's context.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            using var run = new ChurnRun(options);
            try
            {
                run.Run();
                return run.Result(ChurnVerdict.Held, null);
            }
            catch (ChurnException broken)
            {
                return run.Result(broken.Verdict, broken.Message);
            }
            catch (Exception crashed)
            {
                return run.Result(ChurnVerdict.Crashed, crashed.ToString());
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    public void Dispose()
    {
        _recorder?.Dispose();
        _checks.Dispose();
        _cloud.Dispose();
    }

    private ChurnResult Result(ChurnVerdict verdict, string? reason) => new(_options, verdict, reason, _struck, _figures);

    private void Run()
    {
        foreach (ChurnMachine machine in _cloud.Machines)
        {
            machine.Start();
            machine.Observer.Open();
        }

        IReadOnlyList<CloudFault> faults = _options.Faults ?? Choose();
        double chance = _options.Chance ?? _random.Pick([0.01, 0.03, 0.08]);
        Tell($"faults {string.Join(", ", faults.Select(static fault => fault.Name))}, chance {chance.ToString(CultureInfo.InvariantCulture)}");
        ArmedFaults[] armed = [.. _cloud.Machines.Select(machine => CloudFaults.Arm(machine.Host, faults, chance, machine.Foreign))];
        for (int step = 1; step <= _options.Steps; step++)
        {
            Step(step);
            _cloud.Cloud.Advance(TimeSpan.FromMilliseconds(_random.Next(3000)));
            Supervise();
            _checks.Mistakes();
            _checks.ForeignThings();
            _checks.Groups();
            _checks.Frames();
            if (step % 4 == 0)
            {
                _checks.Pings(_random);
            }
        }

        foreach (ArmedFaults ended in armed)
        {
            Count(ended.Host.Kernel.Faults.StruckByName);
            ended.Dispose();
        }

        Converge();
    }

    private void Count(IReadOnlyDictionary<string, int> struck)
    {
        foreach ((string name, int times) in struck)
        {
            _struck[name] = _struck.GetValueOrDefault(name) + times;
        }
    }

    private CloudFault[] Choose()
    {
        var chosen = new List<CloudFault>();
        for (int count = 2 + _random.Next(4); chosen.Count < count;)
        {
            CloudFault candidate = _random.Pick(CloudFaults.All);
            if (!chosen.Contains(candidate))
            {
                chosen.Add(candidate);
            }
        }

        return [.. chosen];
    }

    private void Step(int step)
    {
        ChurnInstance[] wanted = [.. _cloud.Instances.Values.Where(static instance => instance.IsWanted)];
        _figures.Operations++;
        switch (_random.Next(20))
        {
            case < 6 when wanted.Length < 6:
                RunInstance(step);
                break;
            case < 9 when wanted.Length > 0:
                ChurnInstance ended = _random.Pick(wanted);
                Tell(step, $"end {ended.Id}");
                ended.IsWanted = false;
                break;
            case < 12:
                (GroupName group, IngressRule rule) = (_random.Pick(Groups), ChurnRules.Any(_random, Groups));
                Operate(step, $"authorize {group} {rule}", front => front.AuthorizeAsync(group.User, group.Group, rule));
                break;
            case 12:
                Revoke(step);
                break;
            case < 15 when wanted.Length > 0:
                ChurnInstance instance = _random.Pick(wanted);
                Ipv4Address address = Ipv4Address.Parse(string.Create(CultureInfo.InvariantCulture, $"203.0.113.{10 + _random.Next(5)}"));
                Operate(step, $"associate {address} {instance.Id}", front => front.AssociateAddressAsync(address, instance.Id));
                break;
            case 15:
                Ipv4Address freed = Ipv4Address.Parse(string.Create(CultureInfo.InvariantCulture, $"203.0.113.{10 + _random.Next(5)}"));
                Operate(step, $"disassociate {freed}", front => front.DisassociateAddressAsync(freed));
                break;
            case 16:
                ChurnMachine restarted = _random.Pick(_cloud.Machines.ToArray());
                Tell(step, $"stop the engine of {restarted.Host.Name}");
                restarted.Stop();
                break;
            case < 19:
                Doom(step, _random.Pick(_cloud.Machines.ToArray()));
                break;
            default:
                Operate(step, "reconcile", front => front.ReconcileAsync());
                break;
        }
    }

    // Some system call from here on is the engine's last.
    private void Doom(int step, ChurnMachine machine)
    {
        if (machine.Process is { IsDead: false } process)
        {
            process.KillAt = process.SystemCalls + 1 + _random.Next(60);
            process.KillAfterwards = _random.OneIn(2);
            Tell(step, $"the engine of {machine.Host.Name} is to die at its system call {process.KillAt}{(process.KillAfterwards ? ", afterwards" : "")}");
        }
    }

    private void RunInstance(int step)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"i-{++_ids:x8}");
        GroupName group = _random.Pick(Groups);
        ChurnMachine node = _random.Pick(_cloud.Nodes);
        var request = new InstanceRequest { InstanceId = id, User = group.User, Group = group.Group, AnyPublicAddress = _random.OneIn(3) };
        Operate(step, $"run {id} of {group} on {node.Host.Name}", async front =>
        {
            Outcome<InstanceAssignment> outcome = await front.RunInstanceAsync(request).ConfigureAwait(false);
            _cloud.Adopt(outcome.Value, node);
            return outcome.Changes;
        });
    }

    private void Revoke(int step)
    {
        if (_cloud.Front.IsRunning && Attempt(() => _cloud.Front.Await(_cloud.Front.FrontEnd!.ListRulesAsync()), out IReadOnlyList<RuleListing>? rules, out _) && rules!.Count > 0)
        {
            RuleListing rule = _random.Pick(rules);
            Operate(step, $"revoke {rule.Group} {rule.Rule}", front => front.RevokeAsync(rule.Group.User, rule.Group.Group, rule.Rule));
        }
    }

    /// <summary>A user's request to the front-end: done, or refused with everything as before, or cut short by the engine's death.</summary>
    private void Operate(int step, string what, Func<FrontEnd, ValueTask<ChangeSummary>> operation)
    {
        ChurnMachine front = _cloud.Front;
        if (!front.IsRunning)
        {
            Tell(step, $"{what}: the engine is down");
            return;
        }

        string before = Print(front);
        bool done = Attempt(() => front.Await(operation(front.FrontEnd!)), out _, out string? reason);
        Tell(step, $"{what}{(done ? "" : $": {reason}")}");
        if (!done && !front.Process!.IsDead)
        {
            _figures.Refused++;
            string now = Print(front);
            if (now != before)
            {
                throw new ChurnException(ChurnVerdict.Broken, $"'{what}' failed ({reason}), and not everything is as before:\n{before}\nnow:\n{now}");
            }
        }
    }

    /// <summary>Does something that the kernel may refuse or a fault may cut short.</summary>
    private static bool Attempt<T>(Func<T> act, out T? result, out string? reason)
    {
        try
        {
            result = act();
            reason = null;
            return true;
        }
        catch (Exception failed) when (failed is EngineException or KernelException or TimeoutException or ProcessKilledException)
        {
            result = default;
            reason = failed.Message;
            return false;
        }
    }

    /// <summary>All that the front-end says stands.</summary>
    private static string Print(ChurnMachine front)
    {
        FrontEnd engine = front.FrontEnd!;
        return string.Join('\n',
        [
            .. front.Await(engine.ListInstancesAsync()).Select(static i => $"{i.Assignment} {i.PublicAddress}"),
            // Addresses come out of quarantine as time passes, whatever is done.
            .. front.Await(engine.ListNetworksAsync()).Select(static n => (n with { FreeAddresses = 0 }).ToString()),
            .. front.Await(engine.ListRulesAsync()).Select(static r => r.ToString()),
            .. front.Await(engine.ListAddressesAsync()).Select(static a => a.ToString()),
        ]);
    }

    private void Tell(int step, string what) => Tell($"{step,3} {what}");

    private void Tell(string what) => _options.Story?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_cloud.Cloud.Clock.Elapsed.TotalSeconds,9:0.000}  {what}"));
}
