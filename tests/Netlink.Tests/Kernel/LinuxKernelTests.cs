using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Kernel;

/// <summary>The real kernel behind the seam, each test in a namespace of its own.</summary>
[RequiresRoot]
public sealed class LinuxKernelTests
{
    private NetworkNamespace _namespace = null!;
    private LinuxKernel _kernel = null!;

    [SetUp]
    public void MakeNamespace()
    {
        _namespace = NetworkNamespace.Create();
        _kernel = LinuxKernel.Open(_namespace);
    }

    [TearDown]
    public void DropNamespace() => _namespace.Dispose();

    [Test]
    public void A_link_dump_answers_with_the_loopback_interface_of_that_namespace()
    {
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Send(LinkDump(7));
        var buffer = new NetlinkReceiveBuffer();
        Assert.That(socket.Receive(buffer), Is.GreaterThan(0));
        Assert.That(buffer[0].SenderPortId, Is.Zero);
        var reader = new MessageReader(buffer.Bytes(0));
        Assert.That(reader.TryRead(out NetlinkMessage message), Is.True);
        Assert.That(message.Header.Sequence, Is.EqualTo(7));
        Assert.That(message.Header.PortId, Is.EqualTo(socket.PortId));
        Assert.That(message.Attributes(16).TryFind(3, out NetlinkAttribute name), Is.True);
        Assert.That(name.String, Is.EqualTo("lo"));
    }

    [Test]
    public async Task A_wait_ends_when_a_multicast_message_arrives_and_the_message_names_its_group()
    {
        using INetlinkSocket listener = _kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [1] });
        ValueTask wait = listener.WaitReadableAsync();
        Assert.That(wait.IsCompleted, Is.False);
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Send(LoopbackUp(1));
        await wait.AsTask().WaitAsync(TimeSpan.FromSeconds(5));
        var buffer = new NetlinkReceiveBuffer();
        Assert.That(listener.Receive(buffer), Is.GreaterThan(0));
        Assert.That(buffer[0].Group, Is.EqualTo(1));
    }

    [Test]
    public void A_wait_ends_when_the_socket_is_closed()
    {
        INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        Task wait = socket.WaitReadableAsync().AsTask();
        socket.Dispose();
        Assert.That(async () => await wait.WaitAsync(TimeSpan.FromSeconds(5)), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void A_wait_can_be_cancelled_and_the_socket_goes_on()
    {
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        Assert.That(async () => await socket.WaitReadableAsync(cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        socket.Send(LinkDump(1));
        Assert.That(socket.Receive(new NetlinkReceiveBuffer()), Is.GreaterThan(0));
    }

    [Test]
    public async Task Lost_messages_are_reported_once_as_ENOBUFS_even_when_the_wait_met_the_error_first()
    {
        using INetlinkSocket listener = _kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [1], ReceiveBufferSize = 2304 });
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        var replies = new NetlinkReceiveBuffer();
        for (uint turn = 1; turn < 40; turn++)
        {
            socket.Send(turn % 2 == 0 ? LoopbackDown(turn) : LoopbackUp(turn));
            socket.Receive(replies);
        }

        await listener.WaitReadableAsync();
        var buffer = new NetlinkReceiveBuffer();
        Assert.That(() => listener.Receive(buffer), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOBUFS));
        Assert.That(listener.Receive(buffer), Is.GreaterThan(0), "what was queued before the loss is still there");
    }

    [Test]
    public void A_datagram_that_does_not_fit_says_how_long_it_is()
    {
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Send(LinkDump(1));
        var buffer = new NetlinkReceiveBuffer(1, 64);
        Assert.That(socket.Receive(buffer), Is.EqualTo(1));
        Assert.That(buffer[0].IsTruncated, Is.True);
        Assert.That(buffer[0].FullLength, Is.GreaterThan(1000));
        Assert.That(buffer.Bytes(0).Length, Is.EqualTo(64));
    }

    [Test]
    public void An_exchange_sends_and_receives_in_one_step_and_says_why_nothing_came()
    {
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { SendBufferSize = 4096 });
        var answers = new NetlinkReceiveBuffer(1, 4096);
        Assert.That(socket.Exchange(LoopbackUp(5), answers), Is.EqualTo(LinuxError.None));
        var reader = new MessageReader(answers.Bytes(0));
        Assert.That(reader.TryRead(out NetlinkMessage acknowledgement), Is.True);
        Assert.That((acknowledgement.Header.Type, acknowledgement.Header.Sequence), Is.EqualTo((NetlinkMessageType.Error, 5u)));
        Assert.That(socket.Exchange(Message(16, NetlinkMessageFlags.Request, 6, 1, 1), answers), Is.EqualTo(LinuxError.EAGAIN), "no acknowledgement was asked for");
        Assert.That(answers.Count, Is.Zero);
        Assert.That(() => socket.Exchange(new byte[1 << 20], answers), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.EMSGSIZE));
        Assert.That(socket.Exchange(LoopbackUp(7), new NetlinkReceiveBuffer()), Is.EqualTo(LinuxError.None), "with room for several datagrams too");
    }

    [Test]
    public async Task An_exchange_reports_answers_lost_before_it()
    {
        using INetlinkSocket listener = _kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { ReceiveBufferSize = 2304 });
        for (uint turn = 1; turn < 40; turn++)
        {
            listener.Send(LoopbackUp(turn));
        }

        await listener.WaitReadableAsync();
        Assert.That(listener.Exchange(LoopbackUp(40), new NetlinkReceiveBuffer(1, 4096)), Is.EqualTo(LinuxError.ENOBUFS));
    }

    [Test]
    public unsafe void What_another_process_sends_to_the_socket_never_reaches_it()
    {
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
        byte[] forged = LoopbackUp(9);
        (nint sent, LinuxError error) = _namespace.Run(() =>
        {
            int descriptor = LinuxSocket.Open(SystemCalls.AF_NETLINK, 3, 0, "open the forger's socket");
            var address = new SystemCalls.NetlinkAddress { Family = SystemCalls.AF_NETLINK, PortId = socket.PortId };
            using var own = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true);
            fixed (byte* data = forged)
            {
                nint result = SystemCalls.SendTo(descriptor, data, (nuint)forged.Length, SystemCalls.MSG_DONTWAIT, &address, (uint)sizeof(SystemCalls.NetlinkAddress));
                return (result, SystemCalls.LastError);
            }
        });
        Assert.That((sent, error), Is.EqualTo(((nint)(-1), LinuxError.ECONNREFUSED)));
        Assert.That(socket.Receive(new NetlinkReceiveBuffer(1)), Is.Zero);
    }

    [Test]
    public void A_parameter_is_that_of_the_namespace_and_the_callers_own_stays()
    {
        string? before = LinuxKernel.Current.ReadParameter("net/ipv4/ip_forward");
        _kernel.WriteParameter("net/ipv4/ip_forward", before == "1" ? "0" : "1");
        Assert.That(_kernel.ReadParameter("net/ipv4/ip_forward"), Is.Not.EqualTo(before));
        Assert.That(LinuxKernel.Current.ReadParameter("net/ipv4/ip_forward"), Is.EqualTo(before));
        Assert.That(_kernel.ReadParameter("net/ipv4/no_such_parameter"), Is.Null);
        Assert.That(() => _kernel.WriteParameter("net/ipv4/no_such_parameter", "1"), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOENT));
        Assert.That(() => _kernel.ReadParameter("../../etc/passwd"), Throws.ArgumentException);
    }

    [Test]
    public void A_named_namespace_is_made_and_deleted_as_ip_netns_does()
    {
        string name = $"euca-test-{Environment.ProcessId}";
        using (NetworkNamespace made = NetworkNamespace.Create(name))
        {
            Assert.That(NetworkNamespace.Names, Does.Contain(name));
            Assert.That(() => NetworkNamespace.Create(name), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.EEXIST));
            LinuxKernel.Open(made).WriteParameter("net/ipv4/ip_forward", "1");
            using NetworkNamespace again = NetworkNamespace.Open(name);
            Assert.That(LinuxKernel.Open(again).ReadParameter("net/ipv4/ip_forward"), Is.EqualTo("1"));
        }

        NetworkNamespace.Delete(name);
        Assert.That(NetworkNamespace.Names, Does.Not.Contain(name));
        Assert.That(() => NetworkNamespace.Delete(name), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOENT));
    }

    [Test]
    public void A_name_that_is_no_file_name_is_refused() => Assert.That(() => NetworkNamespace.Create("a/b"), Throws.ArgumentException);

    [Test]
    public void A_packet_socket_sees_the_frames_that_pass_its_interface()
    {
        using INetlinkSocket route = _kernel.OpenNetlink(NetlinkProtocol.Route);
        route.Send(LoopbackUp(1));
        using IPacketSocket packets = _kernel.OpenPacket(1, 0x88b5);
        Assert.That(packets.HardwareAddress.Length, Is.EqualTo(6));
        byte[] frame = new byte[60];
        frame[12] = 0x88;
        frame[13] = 0xb5;
        frame[20] = 42;
        Span<byte> received = stackalloc byte[100];
        Assert.That(packets.Receive(received), Is.EqualTo(-1));
        packets.Send(frame);
        Assert.That(packets.Receive(received), Is.EqualTo(60));
        Assert.That(received[20], Is.EqualTo(42));
        Assert.That(() => _kernel.OpenPacket(4242, 0x0800), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENODEV));
    }

    [Test]
    public void A_reserved_port_is_refused_to_the_next()
    {
        using (_kernel.ReserveUdpPort("lo", 67))
        {
            Assert.That(() => _kernel.ReserveUdpPort("lo", 67), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.EADDRINUSE));
        }

        _kernel.ReserveUdpPort("lo", 67).Dispose();
    }

    [Test]
    public void A_datagram_above_the_send_buffer_is_refused_with_its_limit_and_a_larger_buffer_takes_it()
    {
        using INetlinkSocket socket = _kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { SendBufferSize = 4096 });
        byte[] large = new byte[1024 * 1024];
        Assert.That(() => socket.Send(large), Throws.InstanceOf<KernelException>().With.Property("Error").EqualTo(LinuxError.EMSGSIZE));
        Assert.That(socket.RequestSendBuffer(large.Length + 32), Is.GreaterThanOrEqualTo(large.Length + 32));
        Assert.That(() => socket.Send(large), Throws.Nothing);
    }

    private static byte[] LinkDump(uint sequence) => Message(18, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, sequence, 0, 0);

    private static byte[] LoopbackUp(uint sequence) => Message(16, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence, 1, 1);

    private static byte[] LoopbackDown(uint sequence) => Message(16, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence, 1, 0);

    private static byte[] Message(ushort type, NetlinkMessageFlags flags, uint sequence, int index, uint up)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(type, flags, sequence);
        writer.AppendStruct(0);
        writer.AppendStruct(index);
        writer.AppendStruct(up);
        writer.AppendStruct(index == 0 ? 0u : 1u);
        writer.EndMessage(mark);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
