using System.Diagnostics;
using System.Diagnostics.Metrics;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>What an embedding program hears of an engine through .NET's meters and activities.</summary>
[NonParallelizable]
public sealed class TelemetryTests
{
    private sealed class OneMeterFactory : IMeterFactory
    {
        public List<Meter> Meters { get; } = [];

        public Meter Create(MeterOptions options)
        {
            options.Scope = this;
            var meter = new Meter(options);
            Meters.Add(meter);
            return meter;
        }

        public void Dispose() => Meters.ForEach(meter => meter.Dispose());
    }

    [Test]
    public async Task Operations_changes_commits_drift_and_DHCP_answers_are_counted_and_every_operation_is_an_activity()
    {
        using var factory = new OneMeterFactory();
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string key = instrument.Name;
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if (tag.Key is "operation" or "outcome" or "kind")
                {
                    key += $" {tag.Value}";
                }
            }

            lock (sums)
            {
                sums[key] = sums.GetValueOrDefault(key) + value;
            }
        }

        listener.InstrumentPublished = (instrument, me) =>
        {
            if (instrument.Meter.Scope == factory)
            {
                me.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Note(instrument, 1, tags));
        listener.Start();
        var activities = new List<Activity>();
        using var activity = new ActivityListener
        {
            ShouldListenTo = source => source.Name == EngineTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(activity);

        await using ManagedCloud cloud = await ManagedCloud.StartAsync(options: new EngineOptions { MeterFactory = factory });
        await cloud.RunAsync("alice", "web", 0);
        await cloud.Front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, Source = Ipv4Network.Parse("0.0.0.0/0") });
        Assert.ThrowsAsync<NotKnownException>(async () => await cloud.Front.TerminateInstanceAsync("i-ffffffff"));

        // Somebody takes the router's address away, and a reconciliation puts it back.
        using (var route = EucaNet.Netlink.Route.RouteConnection.Open(cloud.FrontHost.Kernel))
        {
            await route.DeleteLinkAsync("eth0.10");
        }

        await cloud.Front.ReconcileAsync();
        listener.RecordObservableInstruments();
        Assert.Multiple(() =>
        {
            Assert.That(sums["eucanet.operations run instance done"], Is.EqualTo(1));
            Assert.That(sums["eucanet.operations terminate instance refused"], Is.EqualTo(1));
            Assert.That(sums["eucanet.operation.duration authorize done"], Is.EqualTo(1));
            Assert.That(sums["eucanet.operation.wait"], Is.GreaterThanOrEqualTo(5), "start, run, authorize, terminate, reconcile");
            Assert.That(sums["eucanet.changes Netfilter"], Is.GreaterThanOrEqualTo(3), "start, run, authorize");
            Assert.That(sums["eucanet.commit.duration"], Is.GreaterThanOrEqualTo(3));
            Assert.That(sums["eucanet.repairs LinkAdded"], Is.EqualTo(1), "the VLAN device that was taken away");
            Assert.That(sums["eucanet.drifts"], Is.EqualTo(2), "the start on a bare machine, and the missing link");
            Assert.That(sums["eucanet.dhcp.answers Offered"], Is.EqualTo(1));
            Assert.That(sums["eucanet.dhcp.answers Confirmed"], Is.EqualTo(1));
            Assert.That(sums["eucanet.instances"], Is.EqualTo(1));
            Assert.That(sums["eucanet.rules"], Is.EqualTo(1));
            Activity refused = activities.Single(a => a.OperationName == "terminate instance");
            Assert.That(refused.Status, Is.EqualTo(ActivityStatusCode.Error));
            Assert.That(refused.GetTagItem("eucanet.subject"), Is.EqualTo("instance i-ffffffff"));
            Assert.That(activities.Single(a => a.OperationName == "firewall commit" && a.Parent?.OperationName == "authorize").Duration, Is.GreaterThan(TimeSpan.Zero));
        });
    }

    [Test]
    public async Task What_was_refused_of_late_stands_in_the_explanation_of_what_it_was_about()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await cloud.RunAsync("alice", "web", 0);
        Assert.ThrowsAsync<NotKnownException>(async () => await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("198.51.100.1"), "i-00000001"));
        Diagnostics.Explanation explained = await cloud.Front.ExplainAsync("i-00000001");
        Assert.Multiple(() =>
        {
            Assert.That(explained.Errors.Single(), Does.Contain("associate address").And.Contain("VNET_PUBLICIPS does not hold it"));
            Assert.That(explained.Counters, Has.Some.Contains("flows from it").And.Some.Contains("no rule lets it in"));
        });
    }
}
