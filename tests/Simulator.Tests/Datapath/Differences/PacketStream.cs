using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>
/// Random frames of a few flows of both families, so that connections form; each flow has a port of its own, so that no kernel has to throw dice
/// for one. Answers go to what the first packet was addressed to. Some are damaged, cut, or carry extension headers; some are ARP.
/// </summary>
/// <param name="random">The dice.</param>
/// <param name="topology">The machine.</param>
/// <param name="isWide">Other protocols, errors, options and strange addresses too.</param>
internal sealed partial class PacketStream(RandomSource random, Topology topology, bool isWide = false)
{
    private readonly List<Flow> _flows = [];
    private readonly Queue<ProgramFrame> _pieces = [];
    private ushort _port = 2000;

    public ProgramFrame Next()
    {
        if (_pieces.TryDequeue(out ProgramFrame? piece))
        {
            return piece;
        }

        if (random.Next(16) == 0)
        {
            return Arp();
        }

        if (_flows.Count == 0 || random.Next(4) == 0)
        {
            bool isV6 = random.Next(2) == 0;
            int near = random.Next(3) == 0 ? 1 : 0, far = topology == Topology.Bridge ? (near + 1 + random.Next(2)) % 3 : 1 - near;
            _flows.Add(new Flow
            {
                IsV6 = isV6, NearPort = near, FarPort = far, Near = Station(near), Far = random.Next(7) == 0 ? 1 : Station(far), ToMachine = random.Next(7) == 0,
                Protocol = new[] { IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Udp, isV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp }[random.Next(4)],
                Source = ++_port, Destination = (ushort)new[] { 22, 80, 443, 5000 }[random.Next(4)], NearSequence = random.NextUInt32(), FarSequence = random.NextUInt32(),
            });
        }

        Flow flow = _flows[Math.Max(0, _flows.Count - 1 - random.Next(3))];
        if (isWide && random.Next(5) == 0)
        {
            return Rare(flow);
        }

        return Make(flow, isReply: random.Next(3) == 0);
    }

    private int Station(int port) => 2 + random.Next(4) + (topology == Topology.Bridge ? 10 * port : 0);

    private InternetAddress Address(bool isV6, int network, int station) => InternetAddress.Parse(isV6 ? $"2001:db8:{network}::{station}" : $"10.{network}.0.{station}");

    private ProgramFrame Arp()
    {
        int port = random.Next(2), network = topology == Topology.Router ? port + 1 : 1;
        Packet packet = Packet.OfNetwork(EtherType.Arp, ArpHeader.Size);
        MacAddress mac = DifferenceLab.OuterMac(port);
        var asked = (uint)Address(false, network, random.Next(3) == 0 ? Station(port) : 1).Value;
        packet.Arp.Write(random.Next(5) == 0 ? ArpHeader.Reply : ArpHeader.Request, mac, (uint)Address(false, network, Station(port)).Value, default, asked);
        packet.SetLinkHeader(random.Next(4) == 0 ? Gate(port) : MacAddress.Broadcast, mac, EtherType.Arp);
        return new ProgramFrame(port, packet.Frame.ToArray());
    }

    private MacAddress Gate(int port) => DifferenceLab.InnerMac(topology == Topology.Router ? port : 9);

    private ProgramFrame Make(Flow flow, bool isReply)
    {
        int nearNetwork = topology == Topology.Router ? flow.NearPort + 1 : 1, farNetwork = topology == Topology.Router ? flow.FarPort + 1 : 1;
        InternetAddress near = Address(flow.IsV6, nearNetwork, flow.Near), far = flow.ToMachine ? Address(flow.IsV6, nearNetwork, 1) : Address(flow.IsV6, farNetwork, flow.Far);
        (InternetAddress source, InternetAddress destination) = isReply ? (far, near) : (near, far);
        int port = isReply && !flow.ToMachine ? flow.FarPort : flow.NearPort;
        byte[] data = new byte[random.Next(10) == 0 ? random.Next(3000) : random.Next(40)];
        random.Fill(data);
        bool isTcp = flow.Protocol == IpProtocol.Tcp;
        byte[] options = isTcp && random.Next(3) == 0 ? [2, 4, 5, (byte)random.Next(256), 4, 2, 1, 1] : [];
        int header = isTcp ? TcpHeader.MinimumSize + options.Length : 8;
        byte hopLimit = random.Next(12) == 0 ? (byte)1 : (byte)64;
        Packet packet = Packet.OfInternet(source, destination, flow.Protocol, header + data.Length, hopLimit, (byte)(random.Next(4) * 32), dontFragment: random.Next(2) == 0 && data.Length < 1000);
        if (flow.IsV6)
        {
            packet.Network[3] = (byte)random.Next(256);
        }
        else
        {
            Ipv4Header ip = packet.Ipv4;
            ip.Identification = (ushort)(1 + random.Next(60000));
            ip.UpdateChecksum();
        }

        Span<byte> transport = packet.Transport;
        data.CopyTo(transport[header..]);
        (ushort from, ushort to) = isReply ? (flow.Destination, flow.Source) : (flow.Source, flow.Destination);
        switch (flow.Protocol)
        {
            case IpProtocol.Tcp:
                TcpFlags flags = NextFlags(flow, isReply);
                uint shift = random.Next(15) == 0 ? (uint)(random.Next(4000) - 2000) : 0;
                uint sequence = (isReply ? flow.FarSequence : flow.NearSequence) + shift;
                var tcp = new TcpHeader(transport);
                tcp.Write(from, to, sequence, (flags & TcpFlags.Acknowledge) != 0 ? isReply ? flow.NearSequence : flow.FarSequence : 0, flags, 1000, options);
                flow.Advance(isReply, (uint)tcp.SequenceLength);
                break;
            case IpProtocol.Udp:
                new UdpHeader(transport).Write(from, to);
                break;
            default:
                var icmp = new IcmpHeader(transport) { Identifier = flow.Source, Sequence = 1 };
                icmp.Bytes[0] = flow.IsV6 ? isReply ? Icmpv6Type.EchoReply : Icmpv6Type.EchoRequest : isReply ? IcmpType.EchoReply : IcmpType.EchoRequest;
                break;
        }

        packet.UpdateTransportChecksum();
        if (random.Next(25) == 0)
        {
            // A packet damaged on its way.
            packet.Transport[^1] ^= 0x55;
        }
        else if (random.Next(40) == 0 && flow.Protocol == IpProtocol.Udp)
        {
            packet.Transport.Slice(6, 2).Clear();
        }

        if (flow.IsV6 && random.Next(12) == 0)
        {
            packet = WithOptions(packet);
        }

        MacAddress gate = topology == Topology.Router || flow.ToMachine ? Gate(port) : DifferenceLab.OuterMac(isReply ? flow.NearPort : flow.FarPort);
        IEnumerable<Packet> sent = packet.NetworkLength > 1500 || (packet.NetworkLength > 100 && random.Next(6) == 0 && !(packet is { IsIpv6: false, Ipv4.DontFragment: true }))
            ? Cut(packet)
            : [packet];
        foreach (Packet one in sent)
        {
            one.SetLinkHeader(gate, DifferenceLab.OuterMac(port), one.Protocol);
            _pieces.Enqueue(new ProgramFrame(port, one.Frame.ToArray()));
        }

        return _pieces.Dequeue();
    }

    private IEnumerable<Packet> Cut(Packet packet)
    {
        int largest = packet.NetworkLength > 1500 ? random.Next(2) == 0 ? 1500 : 1400 : packet.NetworkLength * 2 / 3;
        return packet.IsIpv6
            ? EucaNet.Simulator.Datapath.Internet.Fragmenter.CutV6(packet, largest, random.NextUInt32())
            : EucaNet.Simulator.Datapath.Internet.Fragmenter.Cut(packet, largest);
    }

    /// <summary>Puts hop-by-hop or destination options before the transport header: padding only.</summary>
    private Packet WithOptions(Packet packet)
    {
        byte next = packet.Ipv6.NextHeader;
        byte[] payload = [next, 0, 1, 4, 0, 0, 0, 0, .. packet.Network[Ipv6Header.Size..]];
        packet.ReplacePayload(Ipv6Header.Size, payload);
        Ipv6Header header = packet.Ipv6;
        header.NextHeader = random.Next(2) == 0 ? IpProtocol.HopByHop : IpProtocol.Ipv6Destination;
        header.PayloadLength = payload.Length;
        packet.LocateTransport();
        return packet;
    }

    private TcpFlags NextFlags(Flow flow, bool isReply)
    {
        if (random.Next(6) == 0)
        {
            return (TcpFlags)random.Next(32);
        }

        return flow.Step++ switch
        {
            0 or 1 => isReply ? TcpFlags.Synchronize | TcpFlags.Acknowledge : TcpFlags.Synchronize,
            < 6 => TcpFlags.Acknowledge | TcpFlags.Push,
            < 8 => TcpFlags.Finish | TcpFlags.Acknowledge,
            _ => random.Next(4) == 0 ? TcpFlags.Reset : TcpFlags.Acknowledge,
        };
    }

    private sealed class Flow
    {
        public required bool IsV6 { get; init; }

        public required int NearPort { get; init; }

        public required int FarPort { get; init; }

        public required int Near { get; init; }

        public required int Far { get; init; }

        public required bool ToMachine { get; init; }

        public required byte Protocol { get; init; }

        public required ushort Source { get; init; }

        public required ushort Destination { get; init; }

        public uint NearSequence { get; set; }

        public uint FarSequence { get; set; }

        public int Step { get; set; }

        public void Advance(bool isReply, uint length)
        {
            if (isReply)
            {
                FarSequence += length;
            }
            else
            {
                NearSequence += length;
            }
        }
    }
}
