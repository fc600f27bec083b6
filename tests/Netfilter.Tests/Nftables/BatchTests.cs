using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class BatchTests(KernelKind kind)
{
    private const NftablesFamily Family = NftablesFamily.Inet;
    private KernelUnderTest _kernel = null!;
    private NftablesConnection _connection = null!;

    private static Table Cloud => new() { Family = Family, Name = "cloud" };

    private static Chain Forward => Chain.Base(Family, "cloud", "forward", "filter", new ChainHook(Nfnetlink.NF_INET_FORWARD, 0));

    private static NftablesSet Members => new()
    {
        Family = Family,
        Table = "cloud",
        Name = "members",
        KeyType = 7,
        KeyLength = 4,
        Size = 100_000,
        Id = 1,
    };

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        _connection = NftablesConnection.Open(_kernel.Kernel);
    }

    [TearDown]
    public void Close()
    {
        _connection.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void A_batch_is_carried_out_whole_and_raises_the_generation_by_one()
    {
        uint before = _connection.GetGeneration().Id;
        _connection.Send(Base());
        Assert.That(_connection.GetGeneration().Id, Is.EqualTo(before + 1));
        Assert.That(_connection.TrySend(Creating(Cloud)).Single().IsAlreadyThere);
    }

    [Test]
    public void An_empty_batch_changes_nothing()
    {
        uint before = _connection.GetGeneration().Id;
        _connection.Send(new NftablesBatch());
        Assert.That(_connection.GetGeneration().Id, Is.EqualTo(before));
    }

    [Test]
    public void A_dry_run_finds_the_errors_and_changes_nothing()
    {
        uint before = _connection.GetGeneration().Id;
        Assert.That(_connection.DryRun(Base()), Is.Empty);
        NftablesBatch bad = Base();
        bad.Add(Accepting("missing"));
        Assert.That(_connection.DryRun(bad).Single().Error, Is.EqualTo(LinuxError.ENOENT));
        Assert.That(_connection.GetGeneration().Id, Is.EqualTo(before));
        _connection.Send(Base());
    }

    [Test]
    public void All_errors_of_a_batch_come_back_each_with_its_object_and_none_is_left_for_the_next()
    {
        NftablesBatch batch = Base();
        batch.Add(Accepting("forward"));
        batch.Label = "the rule of web";
        batch.Add(Accepting("nowhere"));
        batch.Label = null;
        batch.Add(Accepting("forward"));
        batch.Add(Looking("forward", "strangers"));
        NftablesException refused = Assert.Throws<NftablesException>(() => _connection.Send(batch))!;
        Assert.That(refused.Errors, Has.Count.EqualTo(2));
        Assert.That(refused.Errors[0].Subject, Is.EqualTo("add rule 1 of chain inet cloud nowhere"));
        Assert.That(refused.Errors[0].Place, Is.EqualTo("attribute chain"));
        Assert.That(refused.Errors[0].Label, Is.EqualTo("the rule of web"));
        Assert.That(refused.Errors[1].Subject, Is.EqualTo("add rule 3 of chain inet cloud forward"));
        Assert.That(refused.Errors[1].Error, Is.EqualTo(LinuxError.ENOENT));
        Assert.That(refused.Errors[1].Place, Does.StartWith("expression 2 lookup"));
        Assert.That(refused.Message, Does.Contain("Nothing was changed").And.Contain("the rule of web"));
        _connection.Send(Base());
    }

    [Test]
    public void A_batch_for_an_old_generation_is_refused_and_a_plan_is_made_again()
    {
        _connection.Send(Base());
        NftablesBatch late = Creating(new Table { Family = Family, Name = "late" });
        late.ExpectedGeneration = _connection.GetGeneration().Id - 1;
        NftablesException refused = Assert.Throws<NftablesException>(() => _connection.Send(late))!;
        Assert.That(refused.IsOutdated);

        using var other = NftablesConnection.Open(_kernel.Kernel);
        int plans = 0;
        _connection.SendPlanned(_ =>
        {
            if (++plans < 3)
            {
                other.Send(Creating(new Table { Family = Family, Name = $"foreign{plans}" }));
            }

            return Creating(new Table { Family = Family, Name = "late" });
        });
        Assert.That(plans, Is.EqualTo(3));
        Assert.That(_connection.TrySend(Creating(new Table { Family = Family, Name = "late" })).Single().IsAlreadyThere);
    }

    [Test]
    public void Elements_beyond_the_limit_of_an_attribute_take_several_messages()
    {
        NftablesBatch batch = Base();
        using (NftablesBatch.ElementWriter elements = batch.AddElements(Family, "cloud", "members"))
        {
            for (uint address = 0; address < 20_000; address++)
            {
                elements.Add(BitConverter.GetBytes(address));
            }
        }

        Assert.That(batch.Count, Is.EqualTo(3 + 5));
        _connection.Send(batch);

        batch.Clear();
        SetElement[] all = [.. Enumerable.Range(0, 20_000).Select(address => SetElement.Of(BitConverter.GetBytes(address)))];
        batch.Delete(new SetElementList { Family = Family, Table = "cloud", Set = "members", Elements = [.. all] });
        _connection.Send(batch);
        Assert.That(_connection.TrySend(batch)[0].Error, Is.EqualTo(LinuxError.ENOENT));
    }

    [Test]
    public void An_element_that_is_refused_is_named()
    {
        _connection.Send(Base());
        var batch = new NftablesBatch();
        batch.Delete(new SetElementList { Family = Family, Table = "cloud", Set = "members", Elements = [SetElement.Of(OctetString.FromHex("0a000001"))] });
        NftablesError error = _connection.TrySend(batch).Single();
        Assert.That(error.Subject, Is.EqualTo("delete element 0x0a000001 of set inet cloud members"));
        Assert.That(error.Error, Is.EqualTo(LinuxError.ENOENT));
        Assert.That(error.Place, Is.EqualTo("element 1 (0x0a000001)"));
    }

    [Test]
    public void A_loop_that_the_kernel_finds_at_the_commit_is_traced_to_its_rule()
    {
        NftablesBatch batch = Base();
        batch.Add(Chain.Regular(Family, "cloud", "one"));
        batch.Add(Chain.Regular(Family, "cloud", "two"));
        batch.Add(Jumping("forward", "one"));
        batch.Add(Jumping("one", "two"));
        batch.Add(Jumping("two", "one"));
        NftablesError error = _connection.TrySend(batch)[0];
        Assert.That(error.Error, Is.EqualTo(LinuxError.EMLINK).Or.EqualTo(LinuxError.ELOOP));
        Assert.That(error.Subject, Is.EqualTo("add rule 1 of chain inet cloud two"));
    }

    [Test]
    public void Destroy_is_no_error_where_there_is_nothing()
    {
        var batch = new NftablesBatch();
        batch.Destroy(Cloud);
        _connection.Send(batch);
    }

    [Test]
    public void A_kernel_without_destroy_is_told_from_a_wrong_request()
    {
        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = KernelProfile.Linux61 });
        using NftablesConnection connection = NftablesConnection.Open(kernel);
        var batch = new NftablesBatch();
        batch.Add(Cloud);
        batch.Destroy(Forward);
        NftablesError refused = connection.TrySend(batch).Single();
        Assert.That(refused.ToString(), Is.EqualTo(
            "destroy chain inet cloud forward: EINVAL (invalid argument); kernels before Linux 6.3 do not know 'destroy': look whether the object is there, and delete it"));
        Assert.That(connection.ListTables(), Is.Empty);
        NftablesCapability missing = NftablesProbe.Run(connection).Single(item => item is { Kind: "verb", Name: "destroy" });
        Assert.That(missing.IsAvailable, Is.False);
    }

    [Test]
    public void A_table_belongs_to_the_connection_that_made_it_and_goes_with_it_unless_it_persists()
    {
        Table owned = new() { Family = Family, Name = "owned", Flags = TableFlags.Owner };
        Table kept = new() { Family = Family, Name = "kept", Flags = TableFlags.Owner | TableFlags.Persist };
        using (NftablesConnection owner = NftablesConnection.Open(_kernel.Kernel))
        {
            var batch = new NftablesBatch();
            batch.Add(owned);
            batch.Add(kept);
            owner.Send(batch);
            Assert.That(owner.ListTables().Select(table => (table.Name, table.Flags, table.Owner)), Is.EquivalentTo(new[]
            {
                ("owned", owned.Flags, (uint?)owner.PortId), ("kept", kept.Flags, owner.PortId),
            }));
            batch.Clear();
            batch.Add(Chain.Regular(Family, "owned", "c"));
            Assert.That(_connection.TrySend(batch).Single().Error, Is.EqualTo(LinuxError.EPERM));
            owner.Send(batch);
        }

        Assert.That(() => _connection.ListTables().Select(table => table.Name), Is.EqualTo(new[] { "kept" }).After(5000, 20));
        Assert.That((_connection.ListTables()[0].Owner, _connection.ListTables()[0].Flags), Is.EqualTo(((uint?)null, TableFlags.Persist)));

        // Who says the flags again owns it from now on.
        var adopting = new NftablesBatch();
        adopting.Add(kept);
        _connection.Send(adopting);
        Assert.That(_connection.ListTables()[0].Owner, Is.EqualTo(_connection.PortId));
    }

    [Test]
    public void Deleting_a_rule_without_its_handle_is_refused_before_it_reaches_the_kernel()
    {
        var batch = new NftablesBatch();
        Assert.Throws<ArgumentException>(() => batch.Delete(Accepting("forward")));
        Assert.That(batch.IsEmpty);
    }

    [TestCase(true)]
    [TestCase(false, Description = "as kernels before 6.10 answer")]
    public void The_verdict_is_right_with_the_smallest_receive_buffer(bool acknowledgesEnd)
    {
        using var small = NftablesConnection.Open(_kernel.Kernel, new NftablesConnectionOptions
        {
            AcknowledgesEnd = acknowledgesEnd,
            Socket = new NetlinkSocketOptions { StrictChecking = false, ReceiveBufferSize = 2048 },
        });
        small.Send(Base());
        var random = new Random(acknowledgesEnd ? 1 : 2);
        var batch = new NftablesBatch();
        int runs = kind == KernelKind.Linux ? 500 : 60, committedRuns = 0;
        for (int run = 0; run < runs; run++)
        {
            batch.Clear();
            batch.FlushChain(Family, "cloud", "forward");
            int messages = random.Next(300, 3001);
            int bad = random.Next(3) switch { 0 => 0, 1 => 1, _ => random.Next(1, messages) };
            HashSet<int> planted = [.. Enumerable.Range(0, bad).Select(_ => random.Next(messages))];
            for (int index = 0; index < messages; index++)
            {
                batch.Add(Accepting(planted.Contains(index) ? "nowhere" : "forward"));
            }

            uint before = small.GetGeneration().Id;
            bool committed = small.TrySend(batch).Count == 0;
            committedRuns += committed ? 1 : 0;
            if (committed != (planted.Count == 0) || small.GetGeneration().Id != before + (committed ? 1u : 0u))
            {
                Assert.Fail($"run {run}: {messages} messages, {planted.Count} bad, said to be {(committed ? "committed" : "refused")}, generation {before} -> {small.GetGeneration().Id}");
            }
        }

        Assert.That(committedRuns, Is.InRange(runs / 5, runs / 2));
    }

    [Test]
    public void A_kernel_that_does_not_acknowledge_the_end_tells_the_commit_by_an_echo()
    {
        using var old = NftablesConnection.Open(_kernel.Kernel, new NftablesConnectionOptions { AcknowledgesEnd = false });
        old.Send(Base());
        Assert.That(old.TrySend(Creating(Cloud)).Single().IsAlreadyThere);
        NftablesBatch batch = Base();
        batch.Clear();
        batch.Add(Accepting("forward"));
        old.Send(batch);
        batch.Clear();
        using (NftablesBatch.ElementWriter elements = batch.AddElements(Family, "cloud", "members"))
        {
            for (int address = 0; address < 5000; address++)
            {
                elements.Add(BitConverter.GetBytes(address));
            }
        }

        old.Send(batch);
        batch.Clear();
        batch.FlushRuleset();
        old.Send(batch);
        Assert.That(old.ListTables(), Is.Empty);
    }

    [Test]
    public void A_batch_that_the_socket_may_not_send_names_the_limit_and_what_it_takes()
    {
        using var narrow = NftablesConnection.Open(new NarrowKernel(_kernel.Kernel));
        NftablesBatch batch = Base();
        while (batch.Length < 20_000)
        {
            batch.Add(Accepting("forward"));
        }

        KernelException refused = Assert.Throws<KernelException>(() => narrow.Send(batch))!;
        Assert.That(refused.Error, Is.EqualTo(LinuxError.EMSGSIZE));
        Assert.That(refused.Message, Does.Contain("net.core.wmem_max").And.Contain($"{batch.Length + 32}"));
        Assert.That(_connection.ListTables(), Is.Empty);
    }

    private static NftablesBatch Base()
    {
        var batch = new NftablesBatch();
        batch.Add(Cloud);
        batch.Add(Forward);
        batch.Add(Members);
        return batch;
    }

    private static NftablesBatch Creating(NftablesEntity entity)
    {
        var batch = new NftablesBatch();
        batch.Create(entity);
        return batch;
    }

    private static Rule Accepting(string chain) => Rule.Of(Family, "cloud", chain, [Deciding(Verdict.Accept)]);

    private static Rule Jumping(string chain, string target) => Rule.Of(Family, "cloud", chain, [Deciding(Verdict.Jump(target))]);

    private static Rule Looking(string chain, string set) => Rule.Of(
        Family,
        "cloud",
        chain,
        [
            new MetaExpression { Key = MetaKey.Mark, DestinationRegister = NfTables.NFT_REG_1 },
            new LookupExpression { SetName = set, SourceRegister = NfTables.NFT_REG_1 },
            Deciding(Verdict.Accept),
        ]);

    private static ImmediateExpression Deciding(Verdict verdict) => new() { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = verdict };
}

/// <summary>A kernel whose sockets send 8 KiB and not more, as without privileges.</summary>
internal sealed class NarrowKernel(IKernel kernel) : IKernel
{
    public TimeProvider Time => kernel.Time;

    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) => new NarrowSocket(kernel.OpenNetlink(protocol, options));

    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => kernel.OpenPacket(interfaceIndex, etherType, filter);

    public IDisposable ReserveUdpPort(string interfaceName, ushort port) => kernel.ReserveUdpPort(interfaceName, port);

    public IXtablesSocket OpenXtables(System.Net.Sockets.AddressFamily family) => kernel.OpenXtables(family);

    public string? ReadParameter(string path) => kernel.ReadParameter(path);

    public void WriteParameter(string path, string value) => kernel.WriteParameter(path, value);

    private sealed class NarrowSocket(INetlinkSocket socket) : INetlinkSocket
    {
        public uint PortId => socket.PortId;

        public int SendBufferSize => 8192;

        public void Send(ReadOnlySpan<byte> datagram) => socket.Send(datagram);

        public int Receive(NetlinkReceiveBuffer buffer) => socket.Receive(buffer);

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => socket.WaitReadableAsync(cancellationToken);

        public void Join(uint group) => socket.Join(group);

        public void Leave(uint group) => socket.Leave(group);

        public int RequestSendBuffer(int bytes) => SendBufferSize;

        public void Dispose() => socket.Dispose();
    }
}
