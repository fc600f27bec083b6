using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <content>What wide programs have besides: errors about flows, other protocols, options of IPv4, and addresses that few send from or to.</content>
internal sealed partial class PacketStream
{
    private ProgramFrame Rare(Flow flow)
    {
        int nearNetwork = topology == Topology.Router ? flow.NearPort + 1 : 1, farNetwork = topology == Topology.Router ? flow.FarPort + 1 : 1;
        InternetAddress near = Address(flow.IsV6, nearNetwork, flow.Near), far = Address(flow.IsV6, flow.ToMachine ? nearNetwork : farNetwork, flow.ToMachine ? 1 : flow.Far);
        bool fromFar = random.Next(2) == 0 && !flow.ToMachine;
        (InternetAddress source, InternetAddress destination) = fromFar ? (far, near) : (near, far);
        int port = fromFar ? flow.FarPort : flow.NearPort;
        Packet packet = random.Next(4) switch
        {
            0 => Error(flow, source, destination, isAboutReply: !fromFar),
            1 => Other(source, destination),
            2 when !flow.IsV6 => WithRareOptions(source, destination, flow),
            _ => ToRareAddress(ref source, destination, flow),
        };
        packet.UpdateHeaderChecksum();
        MacAddress gate = random.Next(12) == 0 ? MacAddress.Broadcast
            : packet.DestinationAddress.IsMulticast ? MacAddress.Parse(flow.IsV6 ? "33:33:00:00:00:01" : "01:00:5e:00:00:01")
            : topology == Topology.Router || flow.ToMachine ? Gate(port)
            : DifferenceLab.OuterMac(fromFar ? flow.NearPort : flow.FarPort);
        packet.SetLinkHeader(gate, DifferenceLab.OuterMac(port), packet.Protocol);
        return new ProgramFrame(port, packet.Frame.ToArray());
    }

    /// <summary>An error about what its receiver has sent in this flow, now and then of a port that was not its.</summary>
    private Packet Error(Flow flow, InternetAddress source, InternetAddress destination, bool isAboutReply)
    {
        (int type, int code) = flow.IsV6 ? Pick((1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (3, 0), (4, 1)) : Pick((3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (4, 0), (11, 0), (12, 0));
        bool isEcho = flow.Protocol is IpProtocol.Icmp or IpProtocol.Icmpv6;
        Packet quoted = Packet.OfInternet(destination, random.Next(8) == 0 ? Address(flow.IsV6, 1, 2 + random.Next(4)) : source, flow.Protocol, flow.Protocol == IpProtocol.Tcp ? TcpHeader.MinimumSize : 8 + random.Next(30));
        (ushort from, ushort to) = isAboutReply ? (flow.Source, flow.Destination) : (flow.Destination, flow.Source);
        if (isEcho)
        {
            _ = new IcmpHeader(quoted.Transport) { Type = flow.IsV6 ? isAboutReply ? Icmpv6Type.EchoRequest : Icmpv6Type.EchoReply : isAboutReply ? IcmpType.EchoRequest : IcmpType.EchoReply, Identifier = flow.Source, Sequence = 1 };
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(quoted.Transport, random.Next(8) == 0 ? (ushort)2900 : from);
            BinaryPrimitives.WriteUInt16BigEndian(quoted.Transport[2..], to);
            BinaryPrimitives.WriteUInt16BigEndian(quoted.Transport[4..], (ushort)quoted.Transport.Length);
        }

        if (random.Next(3) != 0)
        {
            quoted.UpdateTransportChecksum();
        }

        quoted.UpdateHeaderChecksum();
        int length = random.Next(6) == 0 ? random.Next(quoted.NetworkLength) : quoted.NetworkLength;
        InternetAddress sender = random.Next(3) == 0 ? Address(flow.IsV6, topology == Topology.Router ? 1 + random.Next(2) : 1, 2 + random.Next(4)) : source;
        Packet packet = Packet.OfInternet(sender, destination, flow.IsV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp, IcmpHeader.Size + length);
        _ = new IcmpHeader(packet.Transport) { Type = (byte)type, Code = (byte)code, Information = 1300 };
        quoted.Network[..length].CopyTo(packet.Transport[IcmpHeader.Size..]);
        packet.UpdateTransportChecksum();
        return packet;
    }

    /// <summary>Of a protocol that has ports where others have none, or that nobody takes; not GRE, whose packets through tunnels are not modelled.</summary>
    private Packet Other(InternetAddress source, InternetAddress destination)
    {
        byte[] payload = new byte[8 + random.Next(40)];
        random.Fill(payload);
        byte protocol = Pick(IpProtocol.Sctp, IpProtocol.UdpLite, IpProtocol.Esp, IpProtocol.Ah, (byte)253, IpProtocol.Ipv6NoNext);
        Packet packet = Packet.OfInternet(source, destination, protocol, payload.Length);
        if (random.Next(3) != 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)(2000 + random.Next(10)));
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(2), Pick<ushort>(22, 80));
        }

        payload.CopyTo(packet.Network[(packet.NetworkLength - payload.Length)..]);
        return packet;
    }

    private Packet WithRareOptions(InternetAddress source, InternetAddress destination, Flow flow)
    {
        // Not those that routers write into or follow (route record, timestamp): they are not modelled.
        byte[] options = Pick<byte[]>([1, 1, 1, 0], [148, 4, 0, 0], [131, 7, 4, 10, 1, 0, 2, 0], [130, 3, 0, 0], [1, 148, 4, 0, 0, 0, 0, 0]);
        Packet datagram = Packet.OfInternet(source, destination, IpProtocol.Udp, UdpHeader.Size + random.Next(30), random.Next(8) == 0 ? (byte)1 : (byte)64);
        new UdpHeader(datagram.Transport).Write(flow.Source, 80);
        datagram.UpdateTransportChecksum();
        byte[] payload = [.. options, .. datagram.Transport];
        datagram.ReplacePayload(Ipv4Header.MinimumSize, payload);
        Ipv4Header header = datagram.Ipv4;
        header.Bytes[0] = (byte)(0x45 + options.Length / 4);
        header.TotalLength = (ushort)datagram.NetworkLength;
        return datagram;
    }

    /// <summary>Not to the anycast address of a router's network, nor from a broadcast address, which the machine would hear its own answer to: neither is modelled.</summary>
    private Packet ToRareAddress(ref InternetAddress source, InternetAddress destination, Flow flow)
    {
        string text = random.Next(2) == 0 ? "" : flow.IsV6 ? Pick("ff02::1", "ff05::2", "::1", "fe80::5", "::", "2001:db8:9::1") : Pick("255.255.255.255", "10.1.0.255", "224.0.0.1", "239.1.1.1", "127.0.0.1", "0.0.0.0", "10.1.0.0");
        destination = text.Length > 0 ? InternetAddress.Parse(text) : destination;
        text = text.Length > 0 && random.Next(3) > 0 ? "" : flow.IsV6 ? Pick("::", "::1", "ff02::5", "fe80::7", "2001:db8:1::1", "2001:db8:9::2") : Pick("0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "10.1.0.1", "10.9.0.2");
        source = text.Length > 0 ? InternetAddress.Parse(text) : source;
        bool isEcho = random.Next(2) == 0;
        Packet packet = Packet.OfInternet(source, destination, isEcho ? flow.IsV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp : IpProtocol.Udp, 16);
        if (isEcho)
        {
            _ = new IcmpHeader(packet.Transport) { Type = flow.IsV6 ? Icmpv6Type.EchoRequest : IcmpType.EchoRequest, Identifier = flow.Source, Sequence = 1 };
        }
        else
        {
            new UdpHeader(packet.Transport).Write(flow.Source, 80);
        }

        packet.UpdateTransportChecksum();
        return packet;
    }

    private T Pick<T>(params ReadOnlySpan<T> values) => values[random.Next(values.Length)];
}
