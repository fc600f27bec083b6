using System.Buffers.Binary;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>
/// The jobs of docs/nftables.md, word for word, so that they compile, and done on a simulated kernel, so that they work. A test holds the page against this file.
/// </summary>
public sealed class NftablesPageTests
{
    [Test]
    public void The_page_shows_what_is_compiled_here() => DocumentationPage.AssertIsCompiledHere("nftables.md", samples: 11);

    [Test]
    public async Task Each_job_does_on_the_simulated_kernel_what_the_page_says()
    {
        using var kernel = new SimulatedKernel();
        LinuxKernel.Current = kernel;
        using var connection = NftablesConnection.Open(LinuxKernel.Current);   // keep it open: closing costs milliseconds
        const NftablesFamily Inet = NftablesFamily.Inet;

        // 1
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = Inet, Name = "cloud" });
        batch.Add(Chain.Base(Inet, "cloud", "forward", "filter", new ChainHook(Nfnetlink.NF_INET_FORWARD, 0), ChainPolicy.Drop));
        batch.Add(new NftablesSet { Family = Inet, Table = "cloud", Name = "members", KeyType = 7, KeyLength = 4, Size = 100_000, Id = 1 });
        connection.Send(batch);      // all of it, or nothing

        // 2
        batch.Clear();
        batch.Add(Rule.Of(Inet, "cloud", "forward",
        [
            new PayloadExpression { Base = PayloadBase.NetworkHeader, Offset = 12, Length = 4, DestinationRegister = NfTables.NFT_REG_1 },
            new LookupExpression { SetName = "members", SourceRegister = NfTables.NFT_REG_1 },
            new CounterExpression { Bytes = 0, Packets = 0 },
            new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Accept },
        ], comment: "members may"));
        connection.Send(batch);
        Assert.That(connection.ListRules(Inet, "cloud", "forward").Single().Comment, Is.EqualTo("members may"));

        // 3
        uint[] addresses = [0x0a000001, 0x0a000002];
        byte[] key = new byte[4];
        batch.Clear();
        using (var elements = batch.AddElements(Inet, "cloud", "members"))
        {
            foreach (uint address in addresses)
            {
                BinaryPrimitives.WriteUInt32BigEndian(key, address);
                elements.Add(key);
            }
        }

        connection.Send(batch);
        Assert.That(connection.ListElements(Inet, "cloud", "members"), Has.Count.EqualTo(2));

        // 4
        batch.Clear();
        Rule rule = Rule.Of(Inet, "cloud", "forward", [Expr.Lookup("strangers"), Expr.Accept()]);
        batch.Label = "group web, tcp/80";          // anything: it comes back with the errors
        batch.Add(rule);
        foreach (NftablesError error in connection.TrySend(batch))
        {
            Console.WriteLine(error);
            // add rule 17 of chain inet cloud forward (group web, tcp/80): expression 2 lookup: ENOENT (no such object); there is no set or map
            // 'member' in table inet cloud: add it ahead of this, and name one without a name by its id
        }

        // 5
        IReadOnlyList<NftablesError> errors = connection.DryRun(batch);     // changes nothing, not even the generation
        Assert.That(errors, Is.Not.Empty);

        // 6
        NftablesRuleset all = connection.ReadRuleset();                     // everything, of one generation: never a mixture
        TableContent? cloud = connection.ReadTable(Inet, "cloud");
        SetElement? member = connection.FindElement(Inet, "cloud", "members", OctetString.FromHex("0a000001"));
        long packets = 0;
        ListingEnd end = connection.VisitRules(Inet, "cloud", "forward", rule => packets += (long)rule.Expressions.OfType<CounterExpression>().Sum(counter => (decimal)(counter.Packets ?? 0)));
        Console.WriteLine($"{packets} packets in {end.Count} rules{(end.IsConsistent ? "" : ", while somebody changed them")}");
        Assert.That((end.Count, end.IsConsistent), Is.EqualTo((1L, true)));
        Assert.That(all.Tables, Has.Count.EqualTo(1));
        Assert.That(member, Is.Not.Null);

        // 7
        TableContent wanted = cloud! with { Sets = [cloud.Sets[0] with { Elements = [] }] };
        AppliedTable applied = connection.Apply(Inet, "cloud", wanted);     // a TableContent; null for no such table
        Console.WriteLine($"{applied.MessageCount} messages");              // 0 where everything was right
        applied.Undo();
        Assert.That(connection.ListElements(Inet, "cloud", "members"), Has.Count.EqualTo(2));

        // 8
        connection.SendPlanned(generation =>
        {
            TableContent present = connection.ReadTable(Inet, "cloud")!;
            return Plan(present);                                           // made again whenever somebody else was faster
        });
        Assert.That(connection.ListChains(Inet, "cloud").Select(chain => chain.Name), Does.Contain("planned"));

        // 9
        using var stop = new CancellationTokenSource();
        CancellationToken cancellation = stop.Token;
        Task watching = Watch(cancellation), tracing = Trace(cancellation);
        batch.Clear();
        batch.Add(Chain.Regular(Inet, "cloud", "watched"));
        connection.Send(batch);
        await stop.CancelAsync();
        Assert.That(async () => await watching, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(async () => await tracing, Throws.InstanceOf<OperationCanceledException>());

        // 10
        foreach (NftablesCapability capability in NftablesProbe.Run(connection).Where(item => !item.IsAvailable))
        {
            Console.WriteLine($"{capability.Kind} {capability.Name}: {capability.Reason}");
        }

        NftablesBatch Plan(TableContent present)
        {
            var plan = new NftablesBatch();
            plan.Add(Chain.Regular(Inet, present.Table.Name, "planned"));
            return plan;
        }
    }

    private static async Task Watch(CancellationToken cancellation)
    {
        using var watcher = NftablesWatcher.Open(LinuxKernel.Current);
        await foreach (NftablesChange change in watcher.ReadAllAsync(cancellation))
        {
            Console.WriteLine($"{change.ProcessName} ({change.ProcessId}) made generation {change.Generation}: {change.Messages.Count} changes");
        }
    }

    private static async Task Trace(CancellationToken cancellation)
    {
        using var traces = NftablesTraceWatcher.Open(LinuxKernel.Current);
        await foreach (NftablesTrace step in traces.ReadAllAsync(cancellation))
        {
            Console.Write(traces.Describe(step));                           // in the words of nft monitor trace
        }
    }

    /// <summary>Stands for the real kernel in the samples.</summary>
    private static class LinuxKernel
    {
        public static IKernel Current { get; set; } = null!;
    }

    /// <summary>Keeps the samples' output out of the test's.</summary>
    private static class Console
    {
        public static void Write(string text) => TestContext.Out.Write(text);

        public static void WriteLine(object text) => TestContext.Out.WriteLine(text);
    }
}
