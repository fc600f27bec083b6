using System.Globalization;
using EucaNet.Engine;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Scenarios.Churn;

// The cloud's controller, which starts what has died and asks again for what has not come about; and the end of the run.
internal sealed partial class ChurnRun
{
    private static readonly TimeSpan ConvergenceLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(25);

    // A DHCP client that has asked in vain for long asks once in 64 seconds.
    private static readonly TimeSpan LeaseLimit = TimeSpan.FromSeconds(150);

    /// <summary>Starts dead engines and drives every instance one step nearer to what its user wants.</summary>
    private void Supervise()
    {
        foreach (ChurnMachine machine in _cloud.Machines)
        {
            machine.Observer.Supervise();
            if (!machine.IsRunning)
            {
                _figures.Restarts++;
                bool started = Attempt(machine.Start, out ChangeSummary? changes, out string? reason);
                Tell($"    start {machine.Host.Name}: {(started ? changes!.ToString() : reason)}");
            }
        }

        if (_cloud.Front.IsRunning)
        {
            Match(_cloud.Front.Await(_cloud.Front.FrontEnd!.ListInstancesAsync()));
        }

        foreach (ChurnInstance instance in _cloud.Instances.Values.ToArray())
        {
            if (instance.IsWanted)
            {
                Attach(instance);
            }
            else
            {
                End(instance);
            }
        }
    }

    // An engine that died in an operation may have done it or not: its list says which.
    private void Match(IReadOnlyList<InstanceListing> listed)
    {
        foreach (InstanceListing listing in listed)
        {
            if (!_cloud.Instances.ContainsKey(listing.Assignment.InstanceId))
            {
                _cloud.Adopt(listing.Assignment, _random.Pick(_cloud.Nodes)).IsWanted = false;
            }
        }

        foreach (ChurnInstance instance in _cloud.Instances.Values)
        {
            InstanceListing? listing = listed.FirstOrDefault(l => l.Assignment.InstanceId == instance.Id);
            if (listing is null && instance.IsWanted)
            {
                throw new ChurnException(ChurnVerdict.Broken, $"the front-end has forgotten instance {instance.Id}, which it said it runs");
            }

            if (listing is not null && listing.Assignment != instance.Assignment)
            {
                throw new ChurnException(ChurnVerdict.Broken, $"the front-end gave {instance.Id} {instance.Assignment}, and now says {listing.Assignment}");
            }
        }
    }

    private void Attach(ChurnInstance instance)
    {
        ChurnMachine node = instance.Node;
        _cloud.Launch(instance);
        if (!node.IsRunning)
        {
            instance.IsAttached = false;
            return;
        }

        instance.IsAttached = node.Await(node.Node!.ListInstancesAsync()).Any(attached => attached.Assignment.InstanceId == instance.Id);
        if (!instance.IsAttached)
        {
            instance.IsAttached = Attempt(() => node.Await(node.Node!.AttachAsync(instance.Assignment, instance.InterfaceName)), out _, out string? reason);
            Tell($"    attach {instance.Id} on {node.Host.Name}{(instance.IsAttached ? "" : $": {reason}")}");
        }

        if (instance.IsAttached)
        {
            instance.Machine!.Boot();
        }
    }

    private void End(ChurnInstance instance)
    {
        ChurnMachine node = instance.Node;
        if (!node.IsRunning || !_cloud.Front.IsRunning)
        {
            return;
        }

        if (node.Await(node.Node!.ListInstancesAsync()).Any(attached => attached.Assignment.InstanceId == instance.Id)
            && !Attempt(() => node.Await(node.Node!.DetachAsync(instance.Id)), out _, out string? reason))
        {
            Tell($"    detach {instance.Id}: {reason}");
            return;
        }

        _cloud.Destroy(instance);
        FrontEnd front = _cloud.Front.FrontEnd!;
        bool known = _cloud.Front.Await(front.ListInstancesAsync()).Any(listed => listed.Assignment.InstanceId == instance.Id);
        if (known && !Attempt(() => _cloud.Front.Await(front.TerminateInstanceAsync(instance.Id)), out _, out reason))
        {
            Tell($"    terminate {instance.Id}: {reason}");
            return;
        }

        _cloud.Instances.Remove(instance.Id);
    }

    /// <summary>The faults have ended: all must become right within a bounded time, by the engines' and the controller's own doing, and stay so.</summary>
    private void Converge()
    {
        Tell("the faults end");
        TimeSpan began = _cloud.Cloud.Clock.Elapsed;
        TimeSpan quietSince = began;
        long[] writes = [];
        foreach (ChurnMachine machine in _cloud.Machines)
        {
            machine.Process!.KillAt = null;
        }

        while (true)
        {
            Supervise();
            _checks.ForeignThings();
            TimeSpan now = _cloud.Cloud.Clock.Elapsed;
            long[] written = [.. _cloud.Machines.Select(static machine => machine.Process!.Writes), _cloud.Instances.Values.Count(static instance => !instance.IsWanted || !instance.IsAttached)];
            if (!written.SequenceEqual(writes))
            {
                quietSince = now;
                writes = written;
            }

            if (now - quietSince >= Quiet)
            {
                break;
            }

            if (now - began > ConvergenceLimit)
            {
                throw new ChurnException(ChurnVerdict.NotConverged, string.Create(CultureInfo.InvariantCulture,
                    $"{ConvergenceLimit.TotalSeconds} s after the faults ended there is still something being written, or an instance is not where it should be: {string.Join(' ', written)}"));
            }

            _cloud.Cloud.Advance(TimeSpan.FromSeconds(2));
        }

        _figures.ConvergedAfter = (quietSince - began).TotalSeconds;
        Tell(string.Create(CultureInfo.InvariantCulture, $"converged after {_figures.ConvergedAfter:0.0} s"));
        foreach (ChurnMachine machine in _cloud.Machines)
        {
            long before = machine.Process!.Writes;
            RequireNothing($"reconciling {machine.Host.Name}", machine.Reconcile());
            if (machine.Process.Writes != before)
            {
                throw new ChurnException(ChurnVerdict.NotConverged, $"reconciling {machine.Host.Name} wrote without saying so");
            }
        }

        Observers();
        Leases();
        Reach();
        _checks.Groups();
        _checks.Frames();
        _checks.Pings(_random);
        foreach (ChurnMachine machine in _cloud.Machines)
        {
            RequireNothing($"a fresh start on {machine.Host.Name}", machine.Start());
        }

        _checks.Mistakes();
        _checks.ForeignThings();
    }

    // Lost and doubled events must not have led anybody astray. Nothing can tell that events came in the wrong order: after those one looks anew.
    private void Observers()
    {
        foreach (ChurnMachine machine in _cloud.Machines)
        {
            if (_struck.ContainsKey("event-overtaken"))
            {
                machine.Observer.Open();
            }

            if (machine.Observer.Difference() is { } difference)
            {
                throw new ChurnException(ChurnVerdict.NotConverged, difference);
            }
        }
    }

    private static void RequireNothing(string what, ChangeSummary changes)
    {
        if (changes.Changes.Count > 0)
        {
            throw new ChurnException(ChurnVerdict.NotConverged, $"{what} still had something to do: {changes}");
        }
    }

    // Everybody has the address that the front-end gave.
    private void Leases()
    {
        ChurnInstance[] instances = [.. _cloud.Instances.Values];
        bool HasLease(ChurnInstance instance) => instance.Machine!.Lease?.ToString() == instance.Assignment.Address.ToString();
        if (!_cloud.Cloud.RunUntil(() => Array.TrueForAll(instances, HasLease), LeaseLimit))
        {
            ChurnInstance without = instances.First(instance => !HasLease(instance));
            throw new ChurnException(ChurnVerdict.NotConverged, $"{without.Id} has {without.Machine!.Lease?.ToString() ?? "no lease"} and should have {without.Assignment.Address}");
        }
    }

    // Instances of one group reach each other, and the outside reaches what a rule and a public address let it.
    private void Reach()
    {
        ChurnInstance[] instances = [.. _cloud.Instances.Values];
        foreach (IGrouping<string, ChurnInstance> group in instances.GroupBy(static instance => instance.Tenant))
        {
            ChurnInstance[] members = [.. group];
            for (int i = 1; i < members.Length; i++)
            {
                Require(_cloud.Cloud.Ping(members[i - 1].Machine!, members[i].Machine!.Lease!), reached: true, $"{members[i - 1].Id} to {members[i].Id}, both of {group.Key}");
            }
        }

        ChurnMachine front = _cloud.Front;
        HashSet<string> pingable = [.. front.Await(front.FrontEnd!.ListRulesAsync()).Where(static r => r.Rule == ChurnRules.Ping.Normalized()).Select(static r => r.Group.ToString())];
        foreach (InstanceListing listing in front.Await(front.FrontEnd!.ListInstancesAsync()).Where(static l => l.HasElasticAddress))
        {
            bool allowed = pingable.Contains(listing.Assignment.Group.ToString());
            System.Net.IPAddress address = System.Net.IPAddress.Parse(listing.PublicAddress.ToString());
            ProbeResult ping = _cloud.Cloud.Ping(_cloud.Internet, address, allowed ? null : new ProbeOptions { Patience = TimeSpan.FromMilliseconds(50) });
            if (allowed && !ping.Reached)
            {
                // The front-end's kernel may still hold the MAC of an instance that had the address before; it finds out within 5 s and three probes.
                _cloud.Cloud.Advance(TimeSpan.FromSeconds(10));
                ping = _cloud.Cloud.Ping(_cloud.Internet, address);
            }

            Require(ping, allowed, $"the outside to {listing.Assignment.InstanceId} by {listing.PublicAddress}");
        }
    }

    private void Require(ProbeResult ping, bool reached, string what)
    {
        _figures.Probes++;
        if (ping.Reached != reached)
        {
            throw new ChurnException(reached ? ChurnVerdict.NotConverged : ChurnVerdict.Broken, $"{what}: {(reached ? "no answer" : "an answer, and no rule lets it in")} ({ping.Path} {ping.Reason})");
        }
    }
}
