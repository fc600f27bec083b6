using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests.Sockets;

/// <summary>Requests and answers over a socket whose other end the test plays.</summary>
public sealed class NetlinkConnectionTests
{
    [Test]
    public async Task A_late_answer_to_a_request_that_timed_out_is_not_taken_for_the_next_ones()
    {
        var kernel = new ScriptedKernel();
        using NetlinkConnection connection = Open(kernel, TimeSpan.FromMilliseconds(30));
        kernel.Answer = _ => [];
        Assert.That(async () => await connection.ExecuteAsync(Request()), Throws.InstanceOf<TimeoutException>());
        uint late = kernel.LastSequence;
        kernel.Answer = sequence => [Acknowledgement(late, LinuxError.EEXIST), Acknowledgement(sequence, LinuxError.None)];
        await connection.ExecuteAsync(Request());
    }

    [Test]
    public async Task A_cancelled_wait_leaves_the_connection_usable()
    {
        var kernel = new ScriptedKernel { Answer = _ => [] };
        using NetlinkConnection connection = Open(kernel, TimeSpan.FromSeconds(30));
        using var cancellation = new CancellationTokenSource(20);
        Assert.That(async () => await connection.ExecuteAsync(Request(), null, cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        kernel.Answer = sequence => [Acknowledgement(sequence, LinuxError.None)];
        await connection.ExecuteAsync(Request());
    }

    [Test]
    public void An_answer_that_another_process_sent_is_not_believed()
    {
        var kernel = new ScriptedKernel { Sender = 4711, Answer = sequence => [Acknowledgement(sequence, LinuxError.None)] };
        using NetlinkConnection connection = Open(kernel, TimeSpan.FromMilliseconds(30));
        Assert.That(async () => await connection.ExecuteAsync(Request()), Throws.InstanceOf<TimeoutException>());
    }

    [Test]
    public async Task A_dump_that_was_interrupted_is_read_again()
    {
        int dumps = 0;
        var kernel = new ScriptedKernel
        {
            Answer = sequence => dumps++ == 0
                ? [Frame(sequence, NetlinkMessageFlags.Multi | NetlinkMessageFlags.DumpInterrupted, 1), Done(sequence, 0)]
                : [Frame(sequence, NetlinkMessageFlags.Multi, 1), Frame(sequence, NetlinkMessageFlags.Multi, 2), Done(sequence, 0)],
        };
        using NetlinkConnection connection = Open(kernel, TimeSpan.FromSeconds(5));
        List<int> found = await connection.DumpAsync<int>(Dump(), (in NetlinkMessage message, out int value) => (value = message.Payload[0]) > 0);
        Assert.That(found, Is.EqualTo(new[] { 1, 2 }));
        Assert.That(dumps, Is.EqualTo(2));
    }

    [Test]
    public void A_dump_that_is_always_interrupted_fails_with_what_it_had()
    {
        var kernel = new ScriptedKernel { Answer = sequence => [Frame(sequence, NetlinkMessageFlags.Multi | NetlinkMessageFlags.DumpInterrupted, 7), Done(sequence, 0)] };
        using NetlinkConnection connection = NetlinkConnection.Open(kernel, NetlinkProtocol.Route, new NetlinkConnectionOptions { DumpAttempts = 3 });
        DumpInterruptedException failure = Assert.ThrowsAsync<DumpInterruptedException>(
            async () => await connection.DumpAsync<int>(Dump(), (in NetlinkMessage message, out int value) => (value = message.Payload[0]) > 0))!;
        Assert.That(failure.Results, Is.EqualTo(new[] { 7 }));
    }

    [Test]
    public void An_error_in_the_end_of_a_dump_is_thrown()
    {
        var kernel = new ScriptedKernel { Answer = sequence => [Done(sequence, -(int)LinuxError.ENODEV)] };
        using NetlinkConnection connection = Open(kernel, TimeSpan.FromSeconds(5));
        NetlinkException failure = Assert.ThrowsAsync<NetlinkException>(
            async () => await connection.DumpAsync<int>(Dump(), (in NetlinkMessage _, out int value) => (value = 1) > 0))!;
        Assert.That(failure.Error, Is.EqualTo(LinuxError.ENODEV));
    }

    [Test]
    public async Task A_datagram_larger_than_the_buffer_makes_it_grow_and_the_dump_is_read_again()
    {
        var kernel = new ScriptedKernel { Answer = sequence => [Frame(sequence, NetlinkMessageFlags.Multi, 9, 5000), Done(sequence, 0)] };
        using NetlinkConnection connection = NetlinkConnection.Open(kernel, NetlinkProtocol.Route, new NetlinkConnectionOptions { ReceiveSlotSize = 1024 });
        List<int> found = await connection.DumpAsync<int>(Dump(), (in NetlinkMessage message, out int value) => (value = message.Payload.Length) > 0);
        Assert.That(found, Is.EqualTo(new[] { 5000 }));
    }

    [Test]
    public async Task An_acknowledged_request_allocates_nothing()
    {
        if (typeof(NetlinkConnection).Assembly.GetCustomAttributes(typeof(System.Diagnostics.DebuggableAttribute), false) is [System.Diagnostics.DebuggableAttribute { IsJITOptimizerDisabled: true }, ..])
        {
            Assert.Ignore("debug builds put asynchronous methods on the heap");
        }

        byte[] answer = Acknowledgement(0, LinuxError.None);
        byte[][] answers = [answer];
        var kernel = new ScriptedKernel
        {
            Answer = sequence =>
            {
                BitConverter.TryWriteBytes(answer.AsSpan(8), sequence);
                return answers;
            },
        };
        using NetlinkConnection connection = Open(kernel, TimeSpan.FromSeconds(5));
        NetlinkBuffer request = Request();
        for (int warm = 0; warm < 100; warm++)
        {
            await connection.ExecuteAsync(request);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int turn = 0; turn < 1000; turn++)
        {
            connection.Execute(request);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1000), "bytes for 1,000 requests");
    }

    private static NetlinkConnection Open(IKernel kernel, TimeSpan timeout) =>
        NetlinkConnection.Open(kernel, NetlinkProtocol.Route, new NetlinkConnectionOptions { Timeout = timeout });

    private static NetlinkBuffer Request() => Write(new Link { Index = 1 }, RouteConstants.RTM_NEWLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge);

    private static NetlinkBuffer Dump() => Write(new Link(), RouteConstants.RTM_GETLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);

    private static NetlinkBuffer Write(Link link, ushort type, NetlinkMessageFlags flags)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        link.WriteMessage(ref writer, type, flags);
        writer.Complete();
        return buffer;
    }

    private static byte[] Acknowledgement(uint sequence, LinuxError error) => Message(NetlinkMessageType.Error, NetlinkMessageFlags.Capped, sequence, [.. BitConverter.GetBytes(-(int)error), .. new byte[16]]);

    private static byte[] Done(uint sequence, int error) => Message(NetlinkMessageType.Done, NetlinkMessageFlags.Multi, sequence, BitConverter.GetBytes(error));

    private static byte[] Frame(uint sequence, NetlinkMessageFlags flags, byte first, int length = 16)
    {
        byte[] payload = new byte[length];
        payload[0] = first;
        return Message(RouteConstants.RTM_NEWLINK, flags, sequence, payload);
    }

    private static byte[] Message(ushort type, NetlinkMessageFlags flags, uint sequence, ReadOnlySpan<byte> payload)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(type, flags, sequence, ScriptedKernel.Port);
        writer.Append(payload);
        writer.EndMessage(mark);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}

/// <summary>A kernel whose netlink answers the test decides.</summary>
internal sealed class ScriptedKernel : IKernel, INetlinkSocket
{
    public const uint Port = 77;

    private readonly Queue<byte[]> _waiting = new(8);

    public Func<uint, byte[][]> Answer { get; set; } = _ => [];

    public uint Sender { get; init; }

    public uint LastSequence { get; private set; }

    public TimeProvider Time => TimeProvider.System;

    public uint PortId => Port;

    public int SendBufferSize => 212992;

    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) => this;

    public void Send(ReadOnlySpan<byte> datagram)
    {
        LastSequence = BitConverter.ToUInt32(datagram[8..]);
        foreach (byte[] answer in Answer(LastSequence))
        {
            _waiting.Enqueue(answer);
        }
    }

    public int Receive(NetlinkReceiveBuffer buffer)
    {
        int count = 0;
        while (count < buffer.Slots && _waiting.TryDequeue(out byte[]? datagram))
        {
            int length = Math.Min(datagram.Length, buffer.SlotSize);
            datagram.AsSpan(0, length).CopyTo(buffer.Slot(count));
            buffer[count] = new ReceivedDatagram(count * buffer.SlotSize, length, datagram.Length, Sender, 0);
            count++;
        }

        buffer.Count = count;
        return count;
    }

    public async ValueTask WaitReadableAsync(CancellationToken cancellationToken = default)
    {
        while (_waiting.Count == 0)
        {
            await Task.Delay(2, cancellationToken);
        }
    }

    public void Join(uint group)
    {
    }

    public void Leave(uint group)
    {
    }

    public int RequestSendBuffer(int bytes) => SendBufferSize;

    public void Dispose()
    {
    }

    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => throw new NotSupportedException();

    public IDisposable ReserveUdpPort(string interfaceName, ushort port) => throw new NotSupportedException();

    public IXtablesSocket OpenXtables(System.Net.Sockets.AddressFamily family) => throw new NotSupportedException();

    public string? ReadParameter(string path) => null;

    public void WriteParameter(string path, string value)
    {
    }
}
