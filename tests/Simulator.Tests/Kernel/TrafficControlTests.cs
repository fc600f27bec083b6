using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Sockets;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>What Linux 6.18 and 6.12 answered to tc (iproute2 6.1) on a veth pair, each request as tc sent it.</summary>
public sealed class TrafficControlTests
{
    private const string HtbRoot = "48000000240005060000000000000000000000000300000000000100ffffffff0000000008000100687462001c00020018000200030000000a000000100000000000000000000000";
    private const string PfifoRoot = "38000000240005060000000000000000000000000300000000000000ffffffff000000000a000100706669666f0000000800020064000000";
    private const string DeleteRoot = "24000000250005000000000000000000000000000300000000000000ffffffff00000000";
    private const string Clsact = "300000002400050600000000000000000000000003000000 0000fffff1ffffff000000000b000100636c736163740000";
    private const string U32Drop = "840000002c00050600000000000000000000000003000000 00000000f2ffffff08000100080001007533320058000200300007002c0001000900010067616374000000001c000280180002000000000000000000020000"
        + "00000000000000000024000500010001000000 00000000000000000000ff0000000a0000001000000000000000";

    private SimulatedKernel _kernel = null!;
    private SimulatedNetlinkSocket _socket = null!;

    private void Start(KernelProfile profile)
    {
        _kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        _socket = (SimulatedNetlinkSocket)_kernel.OpenNetlink(NetlinkProtocol.Route);
        _socket.CappedAcknowledgements = false;

        // A veth pair; the one with index 3 is set up.
        Ask("5000000010000506 0000000000000000 00000000000000000000000000000000 0700030076300000 2800120009000100766574680000000018000200 14000100 00000000000000000000000000000000");
        Ask("2000000010000500 0000000000000000 0000000003000000 0100000001000000");
    }

    [TearDown]
    public void Close()
    {
        _socket?.Dispose();
        _kernel?.Dispose();
    }

    [Test]
    public void A_root_of_the_same_kind_is_exclusive_and_one_of_another_kind_takes_its_place()
    {
        Start(KernelProfile.Linux618Minimal);
        Assert.That(Outcome(Ask(HtbRoot)), Is.EqualTo((0, "")));
        Assert.That(Outcome(Ask(HtbRoot)), Is.EqualTo((-17, "Exclusivity flag on, cannot modify")));
        Assert.That(Outcome(Ask(PfifoRoot)), Is.EqualTo((0, "")));
        Assert.That(_kernel.Devices.Find(3)!.Traffic.Root.Kind.Name, Is.EqualTo("pfifo"));
    }

    [Test]
    public void A_deleted_root_leaves_what_the_kernel_puts_in_which_can_not_be_deleted()
    {
        Start(KernelProfile.Linux618Minimal);
        Ask(PfifoRoot);
        Assert.That(Outcome(Ask(DeleteRoot)), Is.EqualTo((0, "")));
        Assert.That(_kernel.Devices.Find(3)!.Traffic.Root.Kind.Name, Is.EqualTo("noqueue"));
        Assert.That(Outcome(Ask(DeleteRoot)), Is.EqualTo((-2, "Cannot delete qdisc with handle of zero")));
    }

    [Test]
    public void A_replaced_root_is_told_of_in_one_datagram_the_old_one_first()
    {
        Start(KernelProfile.Linux618Minimal);
        Ask(HtbRoot);
        using var listener = (SimulatedNetlinkSocket)_kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [4] });
        Ask(PfifoRoot);
        byte[] told = listener.ReceiveOne()!;
        int first = BinaryPrimitives.ReadInt32LittleEndian(told);
        Assert.That((told[4], told[first + 4], BinaryPrimitives.ReadUInt16LittleEndian(told.AsSpan(first + 6))), Is.EqualTo(((byte)37, (byte)36, (ushort)0x100)));
        Assert.That(listener.ReceiveOne(), Is.Null);
    }

    [Test]
    public void A_filter_needs_a_place_to_stand_and_actions_need_their_module()
    {
        Start(KernelProfile.Linux618Minimal);
        Assert.That(Outcome(Ask(U32Drop)), Is.EqualTo((-22, "Parent Qdisc doesn't exists")));
        Ask(Clsact);
        Assert.That(Outcome(Ask(U32Drop)), Is.EqualTo((-2, "Failed to load TC action module")));
    }

    [Test]
    public void A_filter_is_dumped_after_the_head_of_its_list_and_its_hash_table()
    {
        Start(KernelProfile.Linux612);
        Ask(Clsact);
        Assert.That(Outcome(Ask(U32Drop)), Is.EqualTo((0, "")));
        byte[] dump = Ask("240000002e00010300000000000000000000000003000000 00000000f2ffffff00000000");
        var handles = new List<uint>();
        var walk = new MessageReader(dump);
        while (walk.TryRead(out NetlinkMessage message) && message.Header.Type == 44)
        {
            handles.Add(BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[8..]));
        }

        Assert.That(handles, Is.EqualTo(new uint[] { 0, 0x80000000, 0x80000800 }));
    }

    private byte[] Ask(string hex)
    {
        _socket.Send(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        byte[] answer = _socket.ReceiveOne()!;
        while (_socket.ReceiveOne() is not null)
        {
        }

        return answer;
    }

    private static (int Error, string Text) Outcome(byte[] answer)
    {
        int error = BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(16));
        int copied = error == 0 ? 16 : (BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(20)) + 3) & ~3;
        return (error, new AttributeReader(answer.AsSpan(20 + copied)).TryFind(1, out NetlinkAttribute text) ? text.String : "");
    }
}
