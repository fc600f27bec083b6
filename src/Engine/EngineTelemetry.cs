using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace EucaNet.Engine;

/// <summary>
/// What an engine tells of itself through .NET's metrics and activities. Instruments: <c>eucanet.operations</c> and <c>eucanet.operation.duration</c> (by operation and
/// outcome), <c>eucanet.operation.wait</c> (until the operations before it were done), <c>eucanet.changes</c> (by kind), <c>eucanet.commit.duration</c> (by firewall), <c>eucanet.repairs</c> (changes that a start or a reconciliation found
/// necessary), <c>eucanet.drifts</c> (reconciliations that found any), <c>eucanet.dhcp.answers</c> (by outcome), and gauges of instances, networks, rules and addresses.
/// Durations are seconds. Every operation is an activity; one that was refused carries the reason as its status.
/// </summary>
public static class EngineTelemetry
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "EucaNet.Engine";

    /// <summary>The activity source's name.</summary>
    public const string ActivitySourceName = "EucaNet.Engine";
}

/// <summary>How many of each thing an engine has.</summary>
internal readonly record struct EngineCounts(int Instances, int Networks, int Rules, int Addresses);

/// <summary>The instruments of one engine. Nothing is measured where nobody listens.</summary>
internal sealed class EngineInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly bool _ownsMeter;
    private readonly ActivitySource _activities = new(EngineTelemetry.ActivitySourceName);
    private readonly KeyValuePair<string, object?> _role;
    private readonly Counter<long> _operations;
    private readonly Histogram<double> _durations;
    private readonly Histogram<double> _waits;
    private readonly Counter<long> _changes;
    private readonly Histogram<double> _commits;
    private readonly Counter<long> _repairs;
    private readonly Counter<long> _drifts;
    private readonly Counter<long> _answers;

    public EngineInstruments(IMeterFactory? factory, string role)
    {
        _role = KeyValuePair.Create<string, object?>("role", role);
        _ownsMeter = factory is null;
        _meter = factory?.Create(new MeterOptions(EngineTelemetry.MeterName)) ?? new Meter(EngineTelemetry.MeterName);
        _operations = _meter.CreateCounter<long>("eucanet.operations", "{operation}", "Operations carried out or refused.");
        _durations = _meter.CreateHistogram<double>("eucanet.operation.duration", "s", "How long operations took, kernel included.");
        _waits = _meter.CreateHistogram<double>("eucanet.operation.wait", "s", "How long callers waited until the operations before theirs were done.");
        _changes = _meter.CreateCounter<long>("eucanet.changes", "{change}", "Things changed in the kernel.");
        _commits = _meter.CreateHistogram<double>("eucanet.commit.duration", "s", "How long the firewall's transactions took.");
        _repairs = _meter.CreateCounter<long>("eucanet.repairs", "{change}", "Changes that a start or a reconciliation found necessary.");
        _drifts = _meter.CreateCounter<long>("eucanet.drifts", "{reconciliation}", "Reconciliations that found the kernel other than it should be.");
        _answers = _meter.CreateCounter<long>("eucanet.dhcp.answers", "{message}", "What became of clients' DHCP messages (built-in server).");
    }

    /// <summary>Shows how many of each thing there are; <paramref name="counts"/> is called from other threads.</summary>
    public void Show(Func<EngineCounts> counts)
    {
        void Gauge(string name, string unit, Func<EngineCounts, int> choose) =>
            _meter.CreateObservableGauge(name, () => new Measurement<int>(choose(counts()), _role), unit);

        Gauge("eucanet.instances", "{instance}", c => c.Instances);
        Gauge("eucanet.networks", "{network}", c => c.Networks);
        Gauge("eucanet.rules", "{rule}", c => c.Rules);
        Gauge("eucanet.public_addresses", "{address}", c => c.Addresses);
    }

    /// <summary>The activity of an operation, or null where nobody listens.</summary>
    public Activity? Begin(string operation, string subject)
    {
        Activity? activity = _activities.StartActivity(operation);
        activity?.SetTag("eucanet.subject", subject).SetTag("eucanet.role", _role.Value);
        return activity;
    }

    /// <summary>A caller's turn has come.</summary>
    public void Waited(TimeSpan duration) => _waits.Record(duration.TotalSeconds, _role);

    /// <summary>An operation has ended.</summary>
    public void Ended(string operation, TimeSpan duration, bool refused)
    {
        var tags = new TagList { _role, { "operation", operation }, { "outcome", refused ? "refused" : "done" } };
        _operations.Add(1, tags);
        _durations.Record(duration.TotalSeconds, tags);
    }

    /// <summary>The kernel was changed.</summary>
    public void Changed(ChangeSummary changes, bool asRepair)
    {
        if (!_changes.Enabled && !_repairs.Enabled && !_drifts.Enabled)
        {
            return;
        }

        foreach (Change change in changes.Changes.Where(c => c.Kind != ChangeKind.Note))
        {
            var tags = new TagList { _role, { "kind", change.Kind.ToString() } };
            _changes.Add(1, tags);
            if (asRepair)
            {
                _repairs.Add(1, tags);
            }
        }

        if (asRepair && !changes.IsEmpty)
        {
            _drifts.Add(1, _role);
        }
    }

    /// <summary>The firewall took, or refused, a transaction.</summary>
    public void Committed(string firewall, TimeSpan duration) => _commits.Record(duration.TotalSeconds, _role, KeyValuePair.Create<string, object?>("firewall", firewall));

    /// <summary>The DHCP server saw to a client's message.</summary>
    public void Answered(string outcome) => _answers.Add(1, _role, KeyValuePair.Create<string, object?>("outcome", outcome));

    public void Dispose()
    {
        _activities.Dispose();
        if (_ownsMeter)
        {
            _meter.Dispose();
        }
    }
}
