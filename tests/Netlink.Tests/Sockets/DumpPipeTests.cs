using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Sockets;

/// <summary>A dump copied into a pipe goes no faster than the pipe's reader, and ends when the reader does.</summary>
public sealed class DumpPipeTests
{
    private const int Links = 400;

    private static readonly PipeOptions Narrow = new(pauseWriterThreshold: 8 * 1024, resumeWriterThreshold: 4 * 1024, useSynchronizationContext: false);

    [Test]
    public Task A_slow_reader_holds_a_dump_of_the_simulated_kernel_back() => HoldBackAsync(new SimulatedKernel());

    [Test]
    [RequiresRoot]
    public async Task A_slow_reader_holds_a_dump_of_this_machines_kernel_back()
    {
        using NetworkNamespace own = NetworkNamespace.Create();
        await HoldBackAsync(LinuxKernel.Open(own));
    }

    [Test]
    public async Task A_reader_that_has_had_enough_ends_the_copying_and_leaves_the_connection_usable()
    {
        var kernel = new CountingKernel(new SimulatedKernel());
        using RouteConnection route = await WithLinksAsync(kernel);
        var pipe = new Pipe(Narrow);
        using (NetlinkDump dump = await OpenAsync(route))
        {
            Task copying = dump.CopyToAsync(pipe.Writer).AsTask();
            ReadResult first = await pipe.Reader.ReadAsync();
            Assert.That(first.Buffer.Length, Is.GreaterThan(0));
            await pipe.Reader.CompleteAsync();
            await copying;
        }

        Assert.That(kernel.Received, Is.LessThan(Links / 2), "of the links");
        Assert.That(await route.GetLinksAsync(), Has.Count.EqualTo(Links + 1));
    }

    [Test]
    public async Task A_cancelled_copying_says_so_and_leaves_the_connection_usable()
    {
        var kernel = new CountingKernel(new SimulatedKernel());
        using RouteConnection route = await WithLinksAsync(kernel);
        using (NetlinkDump dump = await OpenAsync(route))
        {
            using var stop = new CancellationTokenSource();
            Task copying = dump.CopyToAsync(new Pipe(Narrow).Writer, stop.Token).AsTask();
            Assert.That(copying.IsCompleted, Is.False, "nobody reads");
            await stop.CancelAsync();
            Assert.That(async () => await copying, Throws.InstanceOf<OperationCanceledException>());
        }

        using (NetlinkDump dump = await OpenAsync(route))
        {
            PipeWriter writer = new Pipe(Narrow).Writer;
            Task copying = dump.CopyToAsync(writer).AsTask();
            writer.CancelPendingFlush();
            Assert.That(async () => await copying, Throws.InstanceOf<OperationCanceledException>());
        }

        Assert.That(await route.GetLinksAsync(), Has.Count.EqualTo(Links + 1));
    }

    private static async Task HoldBackAsync(IKernel inner)
    {
        var kernel = new CountingKernel(inner);
        using RouteConnection route = await WithLinksAsync(kernel);
        List<Link> expected = await route.GetLinksAsync();
        var pipe = new Pipe(Narrow);
        using NetlinkDump dump = await OpenAsync(route);
        Task copying = dump.CopyToAsync(pipe.Writer).AsTask();

        // Nobody reads: what was taken from the kernel is one fetch, and stays so.
        Assert.That(copying.IsCompleted, Is.False);
        int held = kernel.Received;
        await Task.Delay(50);
        Assert.That(kernel.Received, Is.EqualTo(held).And.GreaterThan(0).And.LessThan(Links / 2));

        var names = new List<string?>();
        while (names.Count < expected.Count)
        {
            ReadResult read = await pipe.Reader.ReadAsync();
            ReadOnlySequence<byte> rest = read.Buffer;
            while (TryTake(ref rest, out Link? link))
            {
                names.Add(link.Name);
                int inside = kernel.Received - names.Count;
                Assert.That(inside, Is.LessThan(Links / 2), "links taken from the kernel and not read");
            }

            pipe.Reader.AdvanceTo(rest.Start, read.Buffer.End);
        }

        await copying;
        Assert.That(names, Is.EqualTo(expected.Select(link => link.Name)));
        Assert.That(kernel.Received, Is.EqualTo(expected.Count));
    }

    private static bool TryTake(ref ReadOnlySequence<byte> sequence, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Link? link)
    {
        link = null;
        if (sequence.Length < 16)
        {
            return false;
        }

        int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(sequence.Slice(0, 4).ToArray());
        if (sequence.Length < length)
        {
            return false;
        }

        var reader = new MessageReader(sequence.Slice(0, length).ToArray());
        Assert.That(reader.TryRead(out NetlinkMessage message), Is.True);
        sequence = sequence.Slice(length + 3 & ~3);
        return Link.TryRead(message, out link) ? true : throw new AssertionException("no link");
    }

    // One datagram a fetch, so that how far the dump has come can be seen.
    private static async Task<RouteConnection> WithLinksAsync(CountingKernel kernel)
    {
        RouteConnection route = RouteConnection.Open(kernel, new NetlinkConnectionOptions { ReceiveSlots = 1 });
        RouteBatch batch = route.CreateBatch();
        for (int index = 0; index < Links / 2; index++)
        {
            batch.AddLink(Link.VethPair($"a{index}", $"b{index}"));
        }

        await batch.ExecuteAsync();
        return route;
    }

    private static async Task<NetlinkDump> OpenAsync(RouteConnection route)
    {
        var request = new NetlinkBuffer();
        var writer = new NetlinkWriter(request);
        new Link().WriteMessage(ref writer, RouteConstants.RTM_GETLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);
        writer.Complete();
        ((CountingKernel)route.Kernel).Received = 0;
        return await route.Connection.OpenDumpAsync(request);
    }

    /// <summary>Counts the links that were taken from a kernel.</summary>
    private sealed class CountingKernel(IKernel inner) : IKernel
    {
        public int Received { get; set; }

        public TimeProvider Time => inner.Time;

        public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) => new CountingSocket(this, inner.OpenNetlink(protocol, options));

        public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => inner.OpenPacket(interfaceIndex, etherType, filter);

        public IDisposable ReserveUdpPort(string interfaceName, ushort port) => inner.ReserveUdpPort(interfaceName, port);

        public IXtablesSocket OpenXtables(System.Net.Sockets.AddressFamily family) => inner.OpenXtables(family);

        public string? ReadParameter(string path) => inner.ReadParameter(path);

        public void WriteParameter(string path, string value) => inner.WriteParameter(path, value);

        public void Wait(Task task) => inner.Wait(task);
    }

    private sealed class CountingSocket(CountingKernel kernel, INetlinkSocket inner) : INetlinkSocket
    {
        public uint PortId => inner.PortId;

        public int SendBufferSize => inner.SendBufferSize;

        public void Send(ReadOnlySpan<byte> datagram) => inner.Send(datagram);

        public int Receive(NetlinkReceiveBuffer buffer)
        {
            int count = inner.Receive(buffer);
            for (int index = 0; index < count; index++)
            {
                var reader = new MessageReader(buffer.Bytes(index));
                while (reader.TryRead(out NetlinkMessage message))
                {
                    kernel.Received += message.Header.Type == RouteConstants.RTM_NEWLINK ? 1 : 0;
                }
            }

            return count;
        }

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => inner.WaitReadableAsync(cancellationToken);

        public void Join(uint group) => inner.Join(group);

        public void Leave(uint group) => inner.Leave(group);

        public int RequestSendBuffer(int bytes) => inner.RequestSendBuffer(bytes);

        public void Dispose() => inner.Dispose();
    }
}
