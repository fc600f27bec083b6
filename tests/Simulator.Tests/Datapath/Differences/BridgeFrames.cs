using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>Random frames for a bridge, of all that ebtables looks into: ARP, RARP, both internet protocols, 802.2, spanning tree, tagged or not, whole and cut.</summary>
internal sealed class BridgeFrames(RandomSource random)
{
    private const ushort Rarp = 0x8035;

    /// <summary>Nothing but ARP that is whole.</summary>
    public bool OnlyArp { get; init; }

    public ProgramFrame Next()
    {
        int port = random.Next(DifferenceLab.Ports);
        (ushort type, byte[] payload) = OnlyArp ? (EtherType.Arp, Arp(port)) : random.Next(10) switch
        {
            0 or 1 => (EtherType.Arp, Arp(port)),
            2 => (Rarp, Arp(port)),
            3 or 4 => (EtherType.Ipv4, Internet4()),
            5 or 6 or 7 => (EtherType.Ipv6, Internet6()),
            8 => ((ushort)0, LogicalLink()),
            _ => ((ushort)0, SpanningTree()),
        };
        bool isTree = payload is [0x42, 0x42, ..] && type == 0;
        if (!OnlyArp && random.Next(12) == 0)
        {
            payload = payload[..random.Next(payload.Length)];
        }

        MacAddress destination = isTree ? MacAddress.Parse("01:80:c2:00:00:00") : Destination(port);
        byte[] tag = !OnlyArp && random.Next(6) == 0 ? [0x81, 0, (byte)(Pick(0, 3, 5) << 5), (byte)Pick(0, 5, 6)] : [];
        var frame = new List<byte>();
        Span<byte> mac = stackalloc byte[6];
        destination.CopyTo(mac);
        frame.AddRange(mac);
        DifferenceLab.OuterMac(port).CopyTo(mac);
        frame.AddRange(mac);
        frame.AddRange(tag);
        ushort field = type == 0 ? (ushort)payload.Length : type;
        frame.AddRange([(byte)(field >> 8), (byte)field, .. payload]);

        // A short frame is filled up, as a card would do it; so nobody reads what lies behind it.
        while (frame.Count < 60)
        {
            frame.Add(0);
        }

        return new ProgramFrame(port, [.. frame]);
    }

    private MacAddress Destination(int port) => random.Next(7) switch
    {
        0 => MacAddress.Broadcast,
        1 => MacAddress.Parse("01:00:5e:00:00:09"),
        2 => DifferenceLab.InnerMac(9),
        3 => MacAddress.Parse("02:00:00:00:00:77"),
        _ => DifferenceLab.OuterMac((port + 1 + random.Next(2)) % DifferenceLab.Ports),
    };

    private int Station() => 2 + random.Next(4) + (10 * random.Next(2));

    private byte[] Arp(int port)
    {
        Packet packet = Packet.OfNetwork(EtherType.Arp, ArpHeader.Size);
        uint sender = 0x0a010000u | (uint)Station(), target = random.Next(6) == 0 ? sender : 0x0a010000u | (uint)Pick(1, Station());
        packet.Arp.Write((ushort)Pick(1, 1, 1, 2, 3), random.Next(5) == 0 ? DifferenceLab.OuterMac(2) : DifferenceLab.OuterMac(port), sender, random.Next(3) == 0 ? MacAddress.Broadcast : default, target);
        byte[] bytes = packet.Network.ToArray();
        if (!OnlyArp && random.Next(6) == 0)
        {
            // Of another kind of link or protocol, or with other lengths.
            (int at, int value) = Pick((1, 6), (3, 1), (4, 8), (4, 2), (5, 6));
            bytes[at] = (byte)value;
        }

        return bytes;
    }

    private byte[] Internet4()
    {
        byte protocol = Pick(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Udp, IpProtocol.Icmp, IpProtocol.Igmp);
        byte[] body = Transport(protocol, isV6: false);
        Packet packet = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + body.Length);
        ushort fragment = random.Next(8) == 0 ? (ushort)Pick(0x2000, 1, 3) : (ushort)0;
        packet.Ipv4.Write(0x0a010000u | (uint)Station(), 0x0a010000u | (uint)Station(), protocol, body.Length, 64, (ushort)random.Next(60000), fragment, (byte)Pick(0, 0x10, 0x20));
        body.CopyTo(packet.Network[Ipv4Header.MinimumSize..]);
        return packet.Network.ToArray();
    }

    private byte[] Internet6()
    {
        byte protocol = Pick(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Udp, IpProtocol.Icmpv6, IpProtocol.Icmpv6);
        byte[] body = Transport(protocol, isV6: true);
        for (int i = random.Next(5) == 0 ? 1 + random.Next(2) : 0; i > 0; i--)
        {
            byte kind = Pick(IpProtocol.HopByHop, IpProtocol.Ipv6Destination, IpProtocol.Ipv6Fragment, IpProtocol.Ah, IpProtocol.Ipv6NoNext);
            byte[] header = kind == IpProtocol.Ah ? [protocol, 2, .. new byte[14]] : kind == IpProtocol.Ipv6Fragment ? [protocol, 0, 0, (byte)Pick(0, 8, 9), 0, 0, 0, 7] : [protocol, 0, 1, 4, 0, 0, 0, 0];
            body = [.. header, .. body];
            protocol = kind;
        }

        Packet packet = Packet.OfInternet(InternetAddress.Parse($"2001:db8:1::{2 + random.Next(4)}"), InternetAddress.Parse($"2001:db8:1::{Station()}"), protocol, body.Length, 64, (byte)Pick(0, 0x20, 0x40));
        body.CopyTo(packet.Network[Ipv6Header.Size..]);
        return packet.Network.ToArray();
    }

    private byte[] Transport(byte protocol, bool isV6)
    {
        byte[] body = new byte[24];
        if (IpProtocol.HasPorts(protocol))
        {
            BinaryPrimitives.WriteUInt16BigEndian(body, (ushort)Pick(2000, 2001, 2002, 2003));
            BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(2), (ushort)Pick(22, 53, 80, 443));
            if (protocol == IpProtocol.Tcp)
            {
                body[12] = 0x50;
                body[13] = 2;
            }
            else
            {
                body[5] = 24;
            }
        }
        else if (protocol == IpProtocol.Igmp)
        {
            body[0] = (byte)Pick(0x11, 0x16, 0x17);
        }
        else
        {
            (body[0], body[1]) = isV6 ? ((byte)Pick(1, 2, 128, 129), (byte)Pick(0, 0, 1, 4)) : ((byte)Pick(0, 3, 8, 11), (byte)Pick(0, 1, 5));
        }

        return body;
    }

    /// <summary>Frames of 802.2 with and without the header that names a protocol (SNAP), with one octet of control and with two.</summary>
    private byte[] LogicalLink()
    {
        byte point = (byte)Pick(0x42, 0xaa, 0xaa, 0xaa, 0xe0), other = random.Next(4) == 0 ? (byte)0x42 : point;
        ushort type = (ushort)Pick(0x0800, 0x0806, 0x1234);
        byte[] control = random.Next(3) == 0 ? [0xf0, 1] : [3];
        return [point, other, .. control, 0, 0, 0, .. control.Length == 2 ? (byte[])[0] : [], (byte)(type >> 8), (byte)type, .. new byte[40]];
    }

    /// <summary>
    /// A message of spanning tree, now and then one that tells of a change, or of the newer protocol. ebtables takes its header for an octet shorter than it is,
    /// and so do most of these, for its rules to find something.
    /// </summary>
    private byte[] SpanningTree()
    {
        byte type = (byte)(random.Next(8) == 0 ? 0x80 : 0), version = (byte)(random.Next(8) == 0 ? 2 : 0);
        return
        [
            0x42, 0x42, 3, 0, version, type, .. random.Next(4) == 0 ? (byte[])[0] : [], (byte)random.Next(3),
            .. Bridge(), 0, (byte)random.Next(2), 0, (byte)Pick(0, 100, 200), .. Bridge(), 0x80, (byte)random.Next(4), (byte)random.Next(3), 0, (byte)Pick(20, 6), 0, (byte)Pick(2, 1), 0, (byte)Pick(15, 16, 4), 0, 0, 0, 0, 0, 0, 0,
        ];
    }

    private byte[] Bridge()
    {
        byte[] bytes = new byte[8];
        bytes[0] = (byte)Pick(0, 0x80, 0xf0);
        DifferenceLab.OuterMac(random.Next(3)).CopyTo(bytes.AsSpan(2));
        return bytes;
    }

    private T Pick<T>(params ReadOnlySpan<T> values) => values[random.Next(values.Length)];
}
