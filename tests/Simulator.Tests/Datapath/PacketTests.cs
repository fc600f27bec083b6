using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Datapath;

public sealed class PacketTests
{
    /// <summary>The worked example of RFC 1071, section 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2.</summary>
    [Test]
    public void The_checksum_of_RFC_1071_s_example_is_its_complement() =>
        Assert.That(InternetChecksum.Of([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), Is.EqualTo(0x220d));

    /// <summary>RFC 1624, section 4: 0xdd2f with a word changed from 0x5555 to 0x3285 becomes 0x0000.</summary>
    [Test]
    public void An_incremental_change_gives_what_RFC_1624_says() =>
        Assert.That(InternetChecksum.Replace(0xdd2f, [0x55, 0x55], [0x32, 0x85]), Is.Zero);

    [Test]
    public void A_VLAN_tag_moves_between_the_bytes_and_beside_them_without_loss()
    {
        byte[] frame = Convert.FromHexString("ffffffffffff0200000000018100600a0800" + "45000014000000004011000000000000ffffffff");
        Packet packet = Packet.FromFrame(frame);
        Assert.That(packet.TakeTag(), Is.True);
        Assert.That(packet.Tag, Is.EqualTo(new VlanTag(0x8100, 0x600a)));
        Assert.That(packet.Tag!.Value.Id, Is.EqualTo(10));
        Assert.That(packet.Tag!.Value.Priority, Is.EqualTo(3));
        Assert.That(packet.Protocol, Is.EqualTo(EtherType.Ipv4));
        Assert.That(packet.Frame.Length, Is.EqualTo(frame.Length - 4));
        Assert.That(packet.ToWire(), Is.EqualTo(frame));

        packet.StoreTag();
        packet.Tag = new VlanTag(0x88a8, 100);
        byte[] doubled = packet.ToWire();
        Assert.That(Convert.ToHexStringLower(doubled), Does.StartWith("ffffffffffff02000000000188a800648100600a0800"));
        Packet back = Packet.FromFrame(doubled);
        back.TakeTag();
        Assert.That(back.Tag, Is.EqualTo(new VlanTag(0x88a8, 100)));
        Assert.That(back.Protocol, Is.EqualTo(EtherType.Vlan));
    }

    [Test]
    public void A_rule_that_reads_the_link_header_sees_the_tag_in_its_place()
    {
        byte[] frame = Convert.FromHexString("ffffffffffff0200000000018100600a0800" + "45000014000000004011000000000000ffffffff");
        Packet packet = Packet.FromFrame(frame);
        packet.TakeTag();
        byte[] seen = new byte[18];
        Assert.That(packet.CopyLinkHeader(0, seen), Is.True);
        Assert.That(seen, Is.EqualTo(frame[..18]));
    }

    [Test]
    public void Rewriting_addresses_and_ports_keeps_every_checksum_right([Values(6, 17, 1)] int protocol, [Values] NatManipulationName manipulation)
    {
        Packet packet = Segment((byte)protocol);
        var target = new ConnectionTuple(InternetAddress.Parse("203.0.113.7"), InternetAddress.Parse("198.51.100.9"), (byte)protocol, 61001, protocol == 1 ? (ushort)0x0800 : (ushort)8443);
        Assert.That(PacketRewriter.Rewrite(packet.Network, InternetAddress.V4, target, (NatManipulation)manipulation), Is.True);
        Assert.That(packet.Ipv4.IsValid, Is.True);
        ConnectionTuple now = ConnectionTuple.Read(packet.Network, InternetAddress.V4)!.Value;
        if (manipulation == NatManipulationName.Source)
        {
            Assert.That((now.Source, now.SourcePort), Is.EqualTo((target.Source, target.SourcePort)));
        }
        else
        {
            Assert.That(now.Destination, Is.EqualTo(target.Destination));
        }

        Assert.That(packet.HasValidTransport, Is.True);
    }

    [Test]
    public void Fragments_put_together_give_the_packet_they_were_cut_from()
    {
        Packet packet = Packet.OfNetwork(EtherType.Ipv4, 20 + 8 + 3000);
        packet.Ipv4.Write(0x0a000001, 0x0a000002, IpProtocol.Udp, 3008, identification: 77);
        packet.LocateTransport();
        new UdpHeader(packet.Transport).Write(1, 2);
        packet.UpdateTransportChecksum();
        byte[] before = packet.Network.ToArray();
        Packet[] fragments = [.. EucaNet.Simulator.Datapath.Internet.Fragmenter.Cut(packet, 576)];
        Assert.That(fragments, Has.Length.EqualTo(6));
        Assert.That(fragments.All(fragment => fragment.NetworkLength <= 576 && fragment.Ipv4.IsValid), Is.True);

        using var kernel = new SimulatedKernel();
        var reassembler = new EucaNet.Simulator.Datapath.Internet.Reassembler(kernel.Stack);
        Packet[] whole = [.. fragments.Reverse().Where(fragment => reassembler.Take(fragment) == EucaNet.Simulator.Datapath.Internet.FragmentFate.Whole)];
        Assert.That(whole, Has.Length.EqualTo(1));
        Assert.That(whole[0].Network.ToArray(), Is.EqualTo(before));
    }

    [Test]
    public void An_answer_s_tuple_is_the_inverse_and_echo_replies_begin_nothing()
    {
        var request = new ConnectionTuple(InternetAddress.Parse("10.0.0.1"), InternetAddress.Parse("10.0.0.2"), 1, 7, 0x0800);
        ConnectionTuple reply = request.Invert()!.Value;
        Assert.That(reply, Is.EqualTo(new ConnectionTuple(request.Destination, request.Source, 1, 7, 0)));
        Assert.That(reply.Invert(), Is.EqualTo(request));
        Assert.That((request with { DestinationPort = 0x0301 }).Invert(), Is.Null);
        Assert.That(ConnectionTuple.BeginsConnection(1, 0), Is.False);
        Assert.That(ConnectionTuple.BeginsConnection(1, 8), Is.True);
    }

    public enum NatManipulationName
    {
        Source = 0,
        Destination = 1,
    }

    private static Packet Segment(byte protocol)
    {
        const uint Source = 0x0a000001, Destination = 0x0a000002;
        byte[] data = [1, 2, 3, 4, 5];
        int header = protocol == IpProtocol.Tcp ? 20 : 8;
        Packet packet = Packet.OfNetwork(EtherType.Ipv4, 20 + header + data.Length);
        packet.Ipv4.Write(Source, Destination, protocol, header + data.Length);
        Span<byte> transport = packet.Network[20..];
        data.CopyTo(transport[header..]);
        switch (protocol)
        {
            case IpProtocol.Tcp:
                new TcpHeader(transport).Write(1000, 80, 1, 2, TcpFlags.Acknowledge, 100);
                break;
            case IpProtocol.Udp:
                new UdpHeader(transport).Write(1000, 80);
                break;
            default:
                _ = new IcmpHeader(transport) { Type = 8, Identifier = 9 };
                break;
        }

        packet.LocateTransport();
        packet.UpdateTransportChecksum();
        return packet;
    }
}
