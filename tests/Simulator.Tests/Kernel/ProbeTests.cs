using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Sockets;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>What a real kernel was asked and answered: tests/corpus/kernel6.18-rtnetlink-probes.txt and kernel6.12-…, the question in each test's name.</summary>
public sealed class ProbeTests
{
    private SimulatedKernel _kernel = null!;
    private SimulatedNetlinkSocket _socket = null!;

    private delegate void Fill(ref NetlinkWriter writer);

    [SetUp]
    public void OpenSocket()
    {
        _kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = KernelProfile.Linux618Minimal });
        _socket = (SimulatedNetlinkSocket)_kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = false });
    }

    [TearDown]
    public void CloseSocket()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void A_new_bridge_is_acknowledged_with_36_capped_bytes_and_one_more_of_its_name_is_EEXIST()
    {
        Answer first = Link("br9", "bridge");
        Assert.That((first.Error, first.Length, first.Flags), Is.EqualTo((0, 36, (ushort)0x100)));
        Assert.That(Link("br9", "bridge").Error, Is.EqualTo(17));
        Assert.That(Ask(16, 0x405, (ref NetlinkWriter w) => NewLink(ref w, "br9", "bridge")).Error, Is.Zero);
    }

    [TestCase("nosuchkind")]
    [TestCase(null)]
    public void A_link_of_no_kind_the_kernel_knows_is_an_unknown_device_type(string? kind)
    {
        Answer answer = Link("x0", kind);
        Assert.That((answer.Error, answer.Length, answer.Message), Is.EqualTo((95, 60, "Unknown device type")));
    }

    [Test]
    public void A_name_of_more_than_15_characters_fails_validation_with_offset_and_policy()
    {
        Answer answer = Link("abcdefghijklmnop", "bridge");
        Assert.That((answer.Error, answer.Length, answer.Message, answer.Offset), Is.EqualTo((34, 104, "Attribute failed policy validation", 32u)));
        Assert.That(Convert.ToHexStringLower(answer.Policy!), Is.EqualTo("080007000f000000080001000b000000"));
    }

    [TestCase("a/b")]
    [TestCase("")]
    public void A_name_that_is_no_name_is_EINVAL_without_words(string name)
    {
        Answer answer = Link(name, "bridge");
        Assert.That((answer.Error, answer.Length), Is.EqualTo((22, 36)));
    }

    [Test]
    public void A_name_with_a_number_to_be_filled_in_is_taken() => Assert.That(Link("v%d", "bridge").Error, Is.Zero);

    [Test]
    public void An_echo_of_a_new_ifb_comes_before_its_acknowledgement()
    {
        Answer echo = Ask(16, 0x60d, (ref NetlinkWriter w) => NewLink(ref w, "i0", "ifb"));
        Assert.That((echo.Type, echo.Length), Is.EqualTo(((ushort)16, 1480)));
        Assert.That(Next().Error, Is.Zero);
    }

    [Test]
    public void A_link_that_is_missing_is_ENODEV_and_one_that_is_not_named_is_EINVAL()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Ask(19, 5, static (ref NetlinkWriter w) => Header(ref w, 99999)).Error, Is.EqualTo(19));
            Assert.That(Ask(19, 5, static (ref NetlinkWriter w) => Header(ref w, 0)).Error, Is.EqualTo(22));
            Assert.That(Ask(17, 5, static (ref NetlinkWriter w) => Named(ref w, "nosuch")).Error, Is.EqualTo(19));
            Assert.That(Ask(18, 5, static (ref NetlinkWriter w) => Named(ref w, "nosuch")).Error, Is.EqualTo(19));
            Assert.That(Ask(18, 5, static (ref NetlinkWriter w) => Header(ref w, 99999)).Error, Is.EqualTo(19));
            Assert.That(Ask(18, 5, static (ref NetlinkWriter w) => Header(ref w, 0)).Error, Is.EqualTo(22));
        });
    }

    [Test]
    public void The_loopback_device_cannot_be_deleted() =>
        Assert.That(Ask(17, 5, static (ref NetlinkWriter w) => Header(ref w, 1)).Error, Is.EqualTo(95));

    [Test]
    public void The_loopback_device_takes_1468_bytes_to_show()
    {
        Answer answer = Ask(18, 5, static (ref NetlinkWriter w) => Header(ref w, 1));
        Assert.That((answer.Type, answer.Length), Is.EqualTo(((ushort)16, 1468)));
        Assert.That(Next().Error, Is.Zero);
    }

    [Test]
    public void Errors_of_strict_dumps_stand_in_the_dumps_end()
    {
        _socket.StrictChecking = true;
        Answer byIndex = Ask(18, 0x301, static (ref NetlinkWriter w) => Header(ref w, 1));
        Answer noHeader = Ask(18, 0x301, static (ref NetlinkWriter w) => w.Append([0, 0, 0, 0]));
        Answer noDevice = Ask(22, 0x301, static (ref NetlinkWriter w) => Address(ref w, 0, 4242));
        Answer withPrefix = Ask(22, 0x301, static (ref NetlinkWriter w) => Address(ref w, 24, 0));
        Answer noTable = Ask(26, 0x301, static (ref NetlinkWriter w) => RouteOf(ref w, 4242));
        Assert.Multiple(() =>
        {
            Assert.That((byIndex.Type, byIndex.Flags, byIndex.Length, byIndex.Error, byIndex.Message), Is.EqualTo(((ushort)3, (ushort)0x202, 76, 22, "Filter by device index not supported for link dumps")));
            Assert.That((noHeader.Length, noHeader.Error, noHeader.Message), Is.EqualTo((56, 22, "Invalid header for link dump")));
            Assert.That((noDevice.Length, noDevice.Flags, noDevice.Error), Is.EqualTo((20, (ushort)0x22, 19)));
            Assert.That((withPrefix.Length, withPrefix.Message), Is.EqualTo((80, "ipv4: Invalid values in header for address dump request")));
            Assert.That((noTable.Length, noTable.Flags, noTable.Error, noTable.Message), Is.EqualTo((56, (ushort)0x222, 2, "ipv4: FIB table does not exist")));
        });
    }

    [Test]
    public void Wrong_addresses_are_refused_with_the_kernels_words()
    {
        Answer noDevice = Ask(20, 0x605, static (ref NetlinkWriter w) => Address(ref w, 24, 4242, [10, 0, 0, 1]));
        Answer tooLong = Ask(20, 0x605, static (ref NetlinkWriter w) => Address(ref w, 33, 1, [10, 0, 0, 1]));
        Answer noLocal = Ask(20, 0x605, static (ref NetlinkWriter w) => Address(ref w, 24, 1));
        Answer fine = Ask(20, 0x605, static (ref NetlinkWriter w) => Address(ref w, 24, 1, [10, 0, 0, 1]));
        Answer again = Ask(20, 0x605, static (ref NetlinkWriter w) => Address(ref w, 24, 1, [10, 0, 0, 1]));
        Answer missing = Ask(21, 5, static (ref NetlinkWriter w) => Address(ref w, 24, 1, [10, 9, 9, 9]));
        Answer family = Ask(20, 0x605, static (ref NetlinkWriter w) => w.Append([99, 24, 0, 0, 1, 0, 0, 0]));
        Assert.Multiple(() =>
        {
            Assert.That((noDevice.Error, noDevice.Length, noDevice.Message), Is.EqualTo((19, 64, "ipv4: Device not found")));
            Assert.That((tooLong.Error, tooLong.Message), Is.EqualTo((22, "ipv4: Invalid prefix length")));
            Assert.That((noLocal.Error, noLocal.Message), Is.EqualTo((22, "ipv4: Local address is not supplied")));
            Assert.That(fine.Error, Is.Zero);
            Assert.That((again.Error, again.Message), Is.EqualTo((17, "ipv4: Address already assigned")));
            Assert.That((missing.Error, missing.Message), Is.EqualTo((99, "ipv4: Address not found")));
            Assert.That(family.Error, Is.EqualTo(95));
        });
    }

    [Test]
    public void Wrong_routes_are_refused_with_the_kernels_words()
    {
        Answer noHop = Ask(24, 0x605, static (ref NetlinkWriter w) => Route(ref w, [10, 1, 0, 0], 16));
        Answer hostBits = Ask(24, 0x605, static (ref NetlinkWriter w) => Route(ref w, [10, 1, 0, 1], 16));
        Answer noWay = Ask(24, 0x605, static (ref NetlinkWriter w) => Route(ref w, [10, 1, 0, 0], 16, [10, 99, 0, 1]));
        Assert.Multiple(() =>
        {
            Assert.That((noHop.Error, noHop.Length), Is.EqualTo((19, 36)));
            Assert.That((hostBits.Error, hostBits.Message), Is.EqualTo((22, "Invalid prefix for given prefix length")));
            Assert.That((noWay.Error, noWay.Message), Is.EqualTo((101, "Nexthop has invalid gateway")));
        });
    }

    [Test]
    public void Messages_the_kernel_has_no_verb_for_are_EOPNOTSUPP_and_control_messages_only_acknowledged()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Ask(250, 5, static (ref NetlinkWriter w) => w.Append([0, 0, 0, 0])).Error, Is.EqualTo(95));
            Assert.That(Ask(3, 5, static (ref NetlinkWriter w) => w.Append([0, 0, 0, 0])).Error, Is.Zero);
            Assert.That(Ask(18, 4, static (ref NetlinkWriter w) => Header(ref w, 1)).Error, Is.Zero);
        });
    }

    [Test]
    public void The_second_request_of_a_datagram_is_answered_though_the_first_fails()
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        foreach (int index in (int[])[99999, 1])
        {
            WireMark message = writer.BeginMessage(18, (NetlinkMessageFlags)1, 20);
            Header(ref writer, index);
            writer.EndMessage(message);
        }

        writer.Complete();
        _socket.Send(buffer.Written);
        Assert.That(Next().Error, Is.EqualTo(19));
        Assert.That(Next().Length, Is.EqualTo(1468));
    }

    [Test]
    public void Bridges_refuse_bridges_and_the_loopback_device_and_take_a_veth()
    {
        Link("br9", "bridge");
        Link("p0", "veth");
        Link("i0", "ifb");
        int bridge = _kernel.Devices.Find("br9")!.Index;
        Answer itself = SetMaster(bridge, bridge);
        Assert.Multiple(() =>
        {
            Assert.That((itself.Error, itself.Message), Is.EqualTo((40, "Can not enslave a bridge to a bridge")));
            Assert.That(SetMaster(1, bridge).Error, Is.EqualTo(22));
            Assert.That(SetMaster(_kernel.Devices.Find("p0")!.Index, bridge).Error, Is.Zero);
            Assert.That(SetMaster(bridge, _kernel.Devices.Find("i0")!.Index).Error, Is.EqualTo(95));
        });
    }

    [Test]
    public void A_listener_that_does_not_read_is_told_ENOBUFS_and_keeps_what_came_before()
    {
        Link("p0", "veth");
        using var listener = (SimulatedNetlinkSocket)_kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [1], ReceiveBufferSize = 1152 });
        int index = _kernel.Devices.Find("p0")!.Index;
        for (uint mtu = 1000; mtu < 1040; mtu++)
        {
            uint wanted = mtu;
            Ask(16, 5, (ref NetlinkWriter w) =>
            {
                Header(ref w, index);
                w.WriteUInt32(4, wanted);
            });
        }

        var buffer = new NetlinkReceiveBuffer();
        Assert.That(() => listener.Receive(buffer), Throws.TypeOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOBUFS));
        Assert.That(listener.Receive(buffer), Is.GreaterThan(0));
        Assert.That(buffer[0].Length, Is.EqualTo(1492));
    }

    [Test]
    public void A_dump_during_which_a_link_is_deleted_says_that_it_was_interrupted()
    {
        for (int number = 0; number < 40; number++)
        {
            Link($"b{number}", "bridge");
        }

        Ask(18, 0x301, static (ref NetlinkWriter w) => Header(ref w, 0));
        using var other = (SimulatedNetlinkSocket)_kernel.OpenNetlink(NetlinkProtocol.Route);
        other.Send(Request(17, 5, static (ref NetlinkWriter w) => Named(ref w, "b39")));
        var flags = new SortedSet<ushort>();
        while (_socket.ReceiveOne() is { } part)
        {
            var walk = new MessageReader(part);
            while (walk.TryRead(out NetlinkMessage message))
            {
                flags.Add((ushort)message.Header.Flags);
            }
        }

        Assert.That(flags, Is.SupersetOf(new ushort[] { 0x02, 0x12 }));
    }

    private Answer Link(string name, string? kind) => Ask(16, 0x605, (ref NetlinkWriter w) => NewLink(ref w, name, kind));

    private Answer SetMaster(int index, int master) => Ask(16, 5, (ref NetlinkWriter w) =>
    {
        Header(ref w, index);
        w.WriteInt32(10, master);
    });

    private Answer Ask(ushort type, ushort flags, Fill fill)
    {
        _socket.Send(Request(type, flags, fill));
        return Next();
    }

    private static byte[] Request(ushort type, ushort flags, Fill fill)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, (NetlinkMessageFlags)flags, 7);
        fill(ref writer);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private Answer Next()
    {
        byte[] datagram = _socket.ReceiveOne() ?? throw new InvalidOperationException("The kernel answered nothing.");
        var walk = new MessageReader(datagram);
        walk.TryRead(out NetlinkMessage message);
        ReadOnlySpan<byte> payload = message.Payload;
        ushort type = message.Header.Type;
        int error = type is 2 or 3 ? -BitConverter.ToInt32(payload) : 0;
        var extended = new AttributeReader((message.Header.Flags & NetlinkMessageFlags.ExtendedAcknowledgement) == 0 ? default : payload[(type == 2 ? 20 : 4)..]);
        return new Answer(
            type,
            (ushort)message.Header.Flags,
            (int)message.Header.Length,
            error,
            extended.TryFind(1, out NetlinkAttribute text) ? text.String : null,
            extended.TryFind(2, out NetlinkAttribute offset) ? offset.UInt32 : 0,
            extended.TryFind(4, out NetlinkAttribute policy) ? policy.Value.ToArray() : null);
    }

    private static void NewLink(ref NetlinkWriter w, string name, string? kind)
    {
        Named(ref w, name);
        if (kind is not null)
        {
            WireMark info = w.BeginNested(18);
            w.WriteString(1, kind);
            w.EndAttribute(info);
        }
    }

    private static void Named(ref NetlinkWriter w, string name)
    {
        Header(ref w, 0);
        w.WriteString(3, name);
    }

    private static void Header(ref NetlinkWriter w, int index)
    {
        w.AppendStruct(0);
        w.AppendStruct(index);
        w.AppendStruct(0L);
    }

    private static void Address(ref NetlinkWriter w, byte length, int index, byte[]? local = null)
    {
        w.Append([2, length, 0, 0]);
        w.AppendStruct(index);
        if (local is not null)
        {
            w.WriteBytes(2, local);
        }
    }

    private static void RouteOf(ref NetlinkWriter w, uint table)
    {
        w.Append([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        w.WriteUInt32(15, table);
    }

    private static void Route(ref NetlinkWriter w, byte[] destination, byte length, byte[]? gateway = null)
    {
        w.Append([2, length, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
        w.WriteBytes(1, destination);
        if (gateway is not null)
        {
            w.WriteBytes(5, gateway);
        }
    }

    private sealed record Answer(ushort Type, ushort Flags, int Length, int Error, string? Message, uint Offset, byte[]? Policy);
}
