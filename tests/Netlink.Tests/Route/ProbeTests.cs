using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>
/// The facts of kernel6.18-rtnetlink-probes.txt and kernel6.12-…, one test each, in the order of those files. Every test runs on this machine's
/// kernel and on the simulated one.
/// </summary>
public abstract class ProbeTests
{
    private const ushort New = 0x605;
    private const ushort Change = 0x5;
    private const ushort List = 0x301;

    private Prober _prober = null!;

    private protected abstract IKernel OpenKernel();

    /// <summary>Takes back what the kernel's making left on the machine.</summary>
    private protected virtual void CloseKernel() => (_prober.Kernel as IDisposable)?.Dispose();

    [SetUp]
    public void Prepare()
    {
        _prober = new Prober(OpenKernel());
        _prober.Make("br0", "bridge");
        _prober.Make("p0", "veth");
    }

    [TearDown]
    public void Close()
    {
        _prober.Dispose();
        CloseKernel();
    }

    [Test]
    public void A_new_bridge_is_acknowledged() => Plain(_prober.Make("br9", "bridge"), LinuxError.None);

    [Test]
    public void A_link_whose_name_is_taken_is_refused() => Plain(_prober.Make("br0", "bridge"), LinuxError.EEXIST);

    [Test]
    public void A_new_link_that_may_exist_is_taken() => Plain(_prober.Make("br0", "bridge", 0x405), LinuxError.None);

    [Test]
    public void A_kind_the_kernel_does_not_know_is_an_unknown_device_type() => Worded(_prober.Make("x0", "nosuchkind"), LinuxError.EOPNOTSUPP, 60, "Unknown device type");

    [Test]
    public void A_new_link_without_kind_is_an_unknown_device_type() => Worded(_prober.Make("x0", null), LinuxError.EOPNOTSUPP, 60, "Unknown device type");

    [Test]
    public void A_name_of_more_than_15_characters_fails_validation_with_offset_and_policy()
    {
        Answer answer = _prober.Make("abcdefghijklmnop", "bridge");
        Worded(answer, LinuxError.ERANGE, 104, "Attribute failed policy validation");
        Assert.That(answer.Offset, Is.EqualTo(32));
        Assert.That(answer.Policy, Is.EqualTo("080007000f000000080001000b000000"));
    }

    [Test]
    public void A_name_with_a_slash_is_invalid() => Plain(_prober.Make("a/b", "bridge"), LinuxError.EINVAL);

    [Test]
    public void An_empty_name_is_invalid() => Plain(_prober.Make("", "bridge"), LinuxError.EINVAL);

    [Test]
    public void A_name_with_a_number_to_be_filled_in_is_taken() => Plain(_prober.Make("v%d", "bridge"), LinuxError.None);

    [Test]
    public void An_echo_of_a_new_link_comes_before_its_acknowledgement()
    {
        Answer echo = _prober.Make("i0", "bridge", New | 0x8);
        Assert.That((echo.Type, echo.Flags), Is.EqualTo((RTM_NEWLINK, (ushort)0)));
        Plain(_prober.Next(), LinuxError.None);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void An_attribute_the_kernel_does_not_know_does_no_harm_strict_or_not(bool strict)
    {
        _prober.Strict = strict;
        Plain(_prober.Ask(RTM_NEWLINK, New, static (ref NetlinkWriter writer) => Prober.NewLink(ref writer, "u0", "bridge").WriteUInt32(200, 1)), LinuxError.None);
    }

    [Test]
    public void A_change_of_a_missing_link_finds_no_device() =>
        Plain(_prober.Ask(RTM_SETLINK, Change, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 99999).WriteUInt32(IFLA_MTU, 1400)), LinuxError.ENODEV);

    [Test]
    public void A_change_that_names_no_link_is_invalid() =>
        Plain(_prober.Ask(RTM_SETLINK, Change, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 0).WriteUInt32(IFLA_MTU, 1400)), LinuxError.EINVAL);

    [Test]
    public void A_missing_link_cannot_be_deleted() => Plain(_prober.Ask(RTM_DELLINK, Change, static (ref NetlinkWriter writer) => Prober.Named(ref writer, "nosuch")), LinuxError.ENODEV);

    [Test]
    public void The_loopback_link_cannot_be_deleted() => Plain(_prober.Ask(RTM_DELLINK, Change, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 1)), LinuxError.EOPNOTSUPP);

    [Test]
    public void A_link_of_a_name_nobody_has_is_not_found() => Plain(_prober.Ask(RTM_GETLINK, 1, static (ref NetlinkWriter writer) => Prober.Named(ref writer, "nosuch")), LinuxError.ENODEV);

    [Test]
    public void A_link_of_an_index_nobody_has_is_not_found() => Plain(_prober.Ask(RTM_GETLINK, 1, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 99999)), LinuxError.ENODEV);

    [Test]
    public void A_link_is_shown_and_then_acknowledged()
    {
        Answer answer = _prober.Ask(RTM_GETLINK, Change, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 1));
        Assert.That((answer.Type, answer.Flags), Is.EqualTo((RTM_NEWLINK, (ushort)0)));
        if (LoopbackLength is { } length)
        {
            Assert.That(answer.Length, Is.EqualTo(length));
        }

        Plain(_prober.Next(), LinuxError.None);
    }

    [Test]
    public void A_link_that_is_not_named_cannot_be_shown() => Plain(_prober.Ask(RTM_GETLINK, 1, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 0)), LinuxError.EINVAL);

    [Test]
    public void A_list_of_links_comes_in_one_datagram_and_its_end_in_another() =>
        Listed(static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 0));

    [Test]
    public void A_list_may_be_asked_for_with_one_byte_of_header() => Listed(static (ref NetlinkWriter writer) => writer.Append([0]));

    [Test]
    public void A_strict_list_of_links_cannot_be_narrowed_by_index() => Ended(
        RTM_GETLINK, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 1), 76, 0x202, LinuxError.EINVAL, "Filter by device index not supported for link dumps");

    [Test]
    public void A_strict_list_needs_the_whole_header() =>
        Ended(RTM_GETLINK, static (ref NetlinkWriter writer) => writer.Append([0, 0, 0, 0]), 56, 0x202, LinuxError.EINVAL, "Invalid header for link dump");

    [Test]
    public void A_strict_list_of_the_addresses_of_a_missing_link_finds_no_device_at_its_end() =>
        Ended(RTM_GETADDR, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 0, 4242), 20, 0x22, LinuxError.ENODEV, null);

    [Test]
    public void A_strict_list_of_addresses_cannot_be_narrowed_by_prefix() => Ended(
        RTM_GETADDR, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 0), 80, 0x202, LinuxError.EINVAL, "ipv4: Invalid values in header for address dump request");

    [Test]
    public void A_strict_list_of_the_routes_of_a_missing_table_ends_with_ENOENT() =>
        Ended(RTM_GETROUTE, static (ref NetlinkWriter writer) => Prober.RouteTable(ref writer, 4242), 56, 0x222, LinuxError.ENOENT, "ipv4: FIB table does not exist");

    [Test]
    public void An_address_on_a_missing_link_is_refused() =>
        Worded(_prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 4242, 10, 0, 0, 1)), LinuxError.ENODEV, 64, "ipv4: Device not found");

    [Test]
    public void An_address_prefix_longer_than_the_address_is_invalid() =>
        Worded(_prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 33, 1, 10, 0, 0, 1)), LinuxError.EINVAL, 68, "ipv4: Invalid prefix length");

    [Test]
    public void An_address_without_itself_is_invalid() =>
        Worded(_prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 1)), LinuxError.EINVAL, 76, "ipv4: Local address is not supplied");

    [Test]
    public void An_address_is_taken() =>
        Plain(_prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 1, 10, 0, 0, 1)), LinuxError.None);

    [Test]
    public void An_address_is_taken_once()
    {
        _prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 1, 10, 0, 0, 1));
        Worded(
            _prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 1, 10, 0, 0, 1)), LinuxError.EEXIST, 72, "ipv4: Address already assigned");
    }

    [Test]
    public void A_missing_address_cannot_be_deleted() => Worded(
        _prober.Ask(RTM_DELADDR, Change, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 1, 10, 9, 9, 9)), LinuxError.EADDRNOTAVAIL, 64, "ipv4: Address not found");

    [Test]
    public void An_address_of_a_family_nobody_has_is_not_supported() =>
        Plain(_prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => writer.Append([99, 24, 0, 0, 1, 0, 0, 0])), LinuxError.EOPNOTSUPP);

    [Test]
    public void A_route_that_leads_nowhere_finds_no_device() =>
        Plain(_prober.Ask(RTM_NEWROUTE, New, static (ref NetlinkWriter writer) => Prober.Route(ref writer, [10, 1, 0, 0], 16)), LinuxError.ENODEV);

    [Test]
    public void A_route_with_bits_behind_its_prefix_is_refused() => Worded(
        _prober.Ask(RTM_NEWROUTE, New, static (ref NetlinkWriter writer) => Prober.Route(ref writer, [10, 1, 0, 1], 16)), LinuxError.EINVAL, 80, "Invalid prefix for given prefix length");

    [Test]
    public void A_route_by_an_unreachable_gateway_is_refused() => Worded(
        _prober.Ask(RTM_NEWROUTE, New, static (ref NetlinkWriter writer) => Prober.Route(ref writer, [10, 1, 0, 0], 16, [10, 99, 0, 1])), LinuxError.ENETUNREACH, 68, "Nexthop has invalid gateway");

    [Test]
    public void A_missing_route_cannot_be_deleted()
    {
        // An address makes the table there is nothing in.
        _prober.Ask(RTM_NEWADDR, New, static (ref NetlinkWriter writer) => Prober.Address(ref writer, 24, 1, 10, 0, 0, 1));
        Plain(_prober.Ask(RTM_DELROUTE, Change, static (ref NetlinkWriter writer) => Prober.Route(ref writer, [10, 77, 0, 0], 16, output: 1)), LinuxError.ESRCH);
    }

    [Test]
    public void A_verb_the_kernel_has_not_is_not_supported() =>
        Plain(_prober.Ask(250, Change, static (ref NetlinkWriter writer) => writer.Append([0, 0, 0, 0])), LinuxError.EOPNOTSUPP);

    [Test]
    public void A_control_message_to_the_kernel_is_only_acknowledged() =>
        Plain(_prober.Ask(NetlinkMessageType.Done, Change, static (ref NetlinkWriter writer) => writer.Append([0, 0, 0, 0])), LinuxError.None);

    [Test]
    public void A_message_that_is_no_request_is_only_acknowledged() =>
        Plain(_prober.Ask(RTM_GETLINK, 0x4, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 1)), LinuxError.None);

    [Test]
    public void The_second_request_of_a_datagram_is_answered_though_the_first_fails()
    {
        byte[] first = Prober.Request(RTM_GETLINK, 1, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 99999), 20);
        byte[] second = Prober.Request(RTM_GETLINK, 1, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 1), 21);
        _prober.Send([.. first, .. second]);
        Answer refusal = _prober.Next();
        Answer link = _prober.Next();
        Assert.That((refusal.Sequence, refusal.Error), Is.EqualTo((20u, LinuxError.ENODEV)));
        Assert.That((link.Sequence, link.Type), Is.EqualTo((21u, RTM_NEWLINK)));
    }

    [TestCase((ushort)400, TestName = "An_attribute_longer_than_its_message_ends_the_attributes")]
    [TestCase((ushort)2, TestName = "An_attribute_shorter_than_its_header_ends_the_attributes")]
    public void A_wrong_attribute_length_ends_the_attributes(ushort length)
    {
        byte[] request = Prober.Request(RTM_NEWLINK, New, static (ref NetlinkWriter writer) => Prober.NewLink(ref writer, "t0", "bridge"));
        int info = request.Length - 16;
        BitConverter.TryWriteBytes(request.AsSpan(info), length);
        _prober.Send(request);
        Worded(_prober.Next(), LinuxError.EOPNOTSUPP, 60, "Unknown device type");
    }

    [Test]
    public void A_message_longer_than_its_datagram_is_not_answered()
    {
        byte[] request = Prober.Request(RTM_GETLINK, Change, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 1));
        BitConverter.TryWriteBytes(request, request.Length + 100);
        _prober.Send(request);
        Assert.That(_prober.TryNext(), Is.Null);
    }

    [Test]
    public void A_cable_needs_two_names() => Plain(_prober.MakeCable("x0", "x0"), LinuxError.EEXIST);

    [Test]
    public void A_cable_is_taken() => Plain(_prober.MakeCable("x0", "x1"), LinuxError.None);

    [Test]
    public void A_bridge_cannot_be_its_own_port() => Worded(_prober.SetMaster("br0", "br0"), LinuxError.ELOOP, 80, "Can not enslave a bridge to a bridge");

    [Test]
    public void The_loopback_link_cannot_be_a_port() => Plain(_prober.SetMaster("lo", "br0"), LinuxError.EINVAL);

    [Test]
    public void A_cable_can_be_a_port() => Plain(_prober.SetMaster("p0", "br0"), LinuxError.None);

    [Test]
    public void A_cable_cannot_have_ports() => Plain(_prober.SetMaster("br0", "p0"), LinuxError.EOPNOTSUPP);

    [Test]
    public void A_listener_that_does_not_read_is_told_ENOBUFS_and_keeps_what_came_before()
    {
        using INetlinkSocket listener = Listener(reportOverruns: true);
        _prober.ChangeMtu("p0", 40);
        var buffer = new NetlinkReceiveBuffer();
        Assert.That(() => listener.Receive(buffer), Throws.TypeOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOBUFS));
        Assert.That(listener.Receive(buffer), Is.EqualTo(1));
        Assert.That(BitConverter.ToUInt16(buffer.Bytes(0)[4..]), Is.EqualTo(RTM_NEWLINK));
    }

    [Test]
    public void A_listener_may_lose_messages_without_a_word()
    {
        using INetlinkSocket listener = Listener(reportOverruns: false);
        _prober.ChangeMtu("p0", 40);
        Assert.That(listener.Receive(new NetlinkReceiveBuffer()), Is.EqualTo(1));
    }

    [Test]
    public void A_list_during_which_a_link_is_deleted_says_that_it_was_interrupted()
    {
        for (int number = 0; number < 60; number++)
        {
            _prober.Make($"b{number}", "bridge");
        }

        _prober.Send(Prober.Request(RTM_GETLINK, List, static (ref NetlinkWriter writer) => Prober.LinkHeader(ref writer, 0)));
        using (var other = new Prober(_prober.Kernel))
        {
            Plain(other.Ask(RTM_DELLINK, Change, static (ref NetlinkWriter writer) => Prober.Named(ref writer, "b59")), LinuxError.None);
        }

        var seen = new HashSet<(ushort Type, ushort Flags)>();
        while (_prober.TryNext() is { } answer)
        {
            seen.Add((answer.Type, answer.Flags));
        }

        Assert.That(seen, Is.EquivalentTo(new (ushort, ushort)[] { (NetlinkMessageType.Done, 2), (RTM_NEWLINK, 0x12), (RTM_NEWLINK, 2) }));
    }

    /// <summary>The length of the message that shows the loopback link, where a recording says it.</summary>
    private protected abstract int? LoopbackLength { get; }

    private static void Plain(Answer answer, LinuxError error) =>
        Assert.That((answer.Type, answer.Flags, answer.Length, answer.Error), Is.EqualTo((NetlinkMessageType.Error, (ushort)0x100, 36, error)));

    private static void Worded(Answer answer, LinuxError error, int length, string message) =>
        Assert.That((answer.Type, answer.Flags, answer.Length, answer.Error, answer.Message), Is.EqualTo((NetlinkMessageType.Error, (ushort)0x300, length, error, message)));

    private void Ended(ushort type, Prober.Fill fill, int length, ushort flags, LinuxError error, string? message)
    {
        _prober.Strict = true;
        Answer answer = _prober.Ask(type, List, fill);
        Assert.That(
            (answer.Type, answer.Flags, answer.Length, answer.Error, answer.Message), Is.EqualTo((NetlinkMessageType.Done, flags, length, error, message)));
    }

    private void Listed(Prober.Fill fill)
    {
        _prober.Send(Prober.Request(RTM_GETLINK, List, fill));
        IReadOnlyList<Answer> links = _prober.NextDatagram();
        IReadOnlyList<Answer> end = _prober.NextDatagram();
        Assert.That(links.Select(answer => (answer.Type, answer.Flags)).Distinct(), Is.EqualTo(new[] { (RTM_NEWLINK, (ushort)2) }));
        Assert.That(links, Has.Count.GreaterThanOrEqualTo(4), "lo, br0 and both ends of the cable");
        Assert.That(end.Select(answer => (answer.Type, answer.Flags, answer.Length, answer.Error)), Is.EqualTo(new[] { (NetlinkMessageType.Done, (ushort)2, 20, LinuxError.None) }));
    }

    private INetlinkSocket Listener(bool reportOverruns) => _prober.Kernel.OpenNetlink(
        NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [RTNLGRP_LINK], ReceiveBufferSize = 2304, ReportOverruns = reportOverruns });
}

/// <summary>The facts on this machine's kernel.</summary>
[RequiresRoot]
public sealed class LinuxProbeTests : ProbeTests
{
    private NetworkNamespace _namespace = null!;

    private protected override int? LoopbackLength => Environment.OSVersion.Version switch
    {
        { Major: 6, Minor: 12 } => 1432,
        { Major: 6, Minor: 18 } => 1468,
        _ => null,
    };

    private protected override IKernel OpenKernel() => LinuxKernel.Open(_namespace = NetworkNamespace.Create());

    private protected override void CloseKernel() => _namespace.Dispose();
}

/// <summary>The facts on the simulated kernel.</summary>
[TestFixture("6.12")]
[TestFixture("6.18")]
public sealed class SimulatedProbeTests(string version) : ProbeTests
{
    private protected override int? LoopbackLength => version == "6.12" ? 1432 : 1468;

    private protected override IKernel OpenKernel() =>
        new SimulatedKernel(new SimulatedKernelOptions { Profile = version == "6.12" ? KernelProfile.Linux612 : KernelProfile.Linux618Minimal });
}
