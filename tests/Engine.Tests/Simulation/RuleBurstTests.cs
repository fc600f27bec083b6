using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>Rules that wait for their turn together, and one whose caller gives up.</summary>
public sealed class RuleBurstTests
{
    [TestCase(1, false)]
    [TestCase(2, true)]
    public async Task Who_gives_up_a_rule_that_waits_is_told_what_became_of_it(int write, bool isWritten)
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await cloud.Front.DisposeAsync();
        var observed = new ObservedKernel(cloud.FrontHost.Kernel);
        await using var front = new FrontEnd(observed, cloud.FrontEndConfiguration, new EngineOptions());
        await front.StartAsync();
        await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000001", User = "alice", Group = "web" });
        using var patience = new CancellationTokenSource();
        Task<ChangeSummary>? first = null, given = null;
        observed.Forget();
        observed.BeforeWrite = () =>
        {
            // Two come while rule 22 is on its way; the second gives up then, or while both are on theirs.
            first ??= front.AuthorizeAsync("alice", "web", Rule(1000)).AsTask();
            given ??= front.AuthorizeAsync("alice", "web", Rule(1001), patience.Token).AsTask();
            if (observed.Writes + 1 == write)
            {
                patience.Cancel();
            }
        };
        await front.AuthorizeAsync("alice", "web", Rule(22));
        await first!;
        if (isWritten)
        {
            Assert.That((await given!).Changes, Is.Not.Empty);
        }
        else
        {
            Assert.That(async () => await given!, Throws.InstanceOf<OperationCanceledException>());
        }

        Assert.That((await front.ListRulesAsync()).Any(rule => rule.Rule.FirstPort == 1001), Is.EqualTo(isWritten));
    }

    private static IngressRule Rule(int port) => new() { Protocol = IngressRule.Tcp, FirstPort = port, LastPort = port, Source = Ipv4Network.Parse("198.51.100.0/24") };
}
