using System.Diagnostics;
using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Simulator.Time;
using EucaNet.Tests;
using NUnit.Framework;
using TraceLevel = EucaNet.Simulator.Datapath.TraceLevel;

namespace EucaNet.Simulator.Tests.Datapath;

/// <content>The random packets.</content>
public sealed partial class RouterDifferenceTests
{
    /// <summary>
    /// Packets of a few flows, so that connections form; each flow has a port of its own, so that no kernel has to throw dice
    /// for one. Answers go to what the first packet was addressed to.
    /// </summary>
    private sealed class PacketGenerator(RandomSource random)
    {
        private readonly List<Flow> _flows = [];
        private ushort _port = 2000;

        public ProgramFrame Next()
        {
            if (_flows.Count == 0 || random.Next(4) == 0)
            {
                _flows.Add(new Flow(random.Next(3) != 0, (byte)(2 + random.Next(4)), (byte)(1 + random.Next(5)), random.Next(8) == 0,
                    new byte[] { IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Icmp }[random.Next(4)], ++_port, (ushort)new[] { 22, 80, 443, 5000 }[random.Next(4)], random.NextUInt32(), random.NextUInt32()));
            }

            Flow flow = _flows[Math.Max(0, _flows.Count - 1 - random.Next(3))];
            bool reply = random.Next(3) == 0;
            int port = flow.FromLeft != reply ? 0 : 1;
            return new ProgramFrame(port, Make(flow, reply, port));
        }

        private byte[] Make(Flow flow, bool reply, int port)
        {
            uint near = 0x0a000000u | (flow.FromLeft ? 1u : 2u) << 16 | flow.Near;
            uint far = 0x0a000000u | ((flow.FromLeft ? 2u : 1u) ^ (flow.Local ? 3u : 0)) << 16 | (flow.Local ? 1u : flow.Far);
            (uint source, uint destination) = reply ? (far, near) : (near, far);
            byte ttl = random.Next(12) == 0 ? (byte)1 : (byte)64;
            byte[] data = new byte[random.Next(40)];
            int header = flow.Protocol == IpProtocol.Tcp ? 20 : 8;
            Packet packet = Packet.OfNetwork(EtherType.Ipv4, 20 + header + data.Length);
            packet.Ipv4.Write(source, destination, flow.Protocol, header + data.Length, ttl, (ushort)(1 + random.Next(60000)), random.Next(2) == 0 ? Ipv4Header.DontFragmentFlag : (ushort)0);
            Span<byte> transport = packet.Network[20..];
            (ushort from, ushort to) = reply ? (flow.FarPort, flow.NearPort) : (flow.NearPort, flow.FarPort);
            switch (flow.Protocol)
            {
                case IpProtocol.Tcp:
                    var tcp = new TcpHeader(transport);
                    TcpFlags flags = NextFlags(flow, reply);
                    uint shift = random.Next(15) == 0 ? (uint)(random.Next(4000) - 2000) : 0;
                    tcp.Write(from, to, (reply ? flow.FarSequence : flow.NearSequence) + shift, (flags & TcpFlags.Acknowledge) != 0 ? reply ? flow.NearSequence : flow.FarSequence : 0, flags, 1000);
                    flow.Advance(reply, (uint)tcp.SequenceLength);
                    break;
                case IpProtocol.Udp:
                    new UdpHeader(transport).Write(from, to);
                    break;
                default:
                    _ = new IcmpHeader(transport) { Type = reply ? IcmpType.EchoReply : IcmpType.EchoRequest, Identifier = flow.NearPort, Sequence = 1 };
                    break;
            }

            packet.LocateTransport();
            packet.UpdateTransportChecksum();
            if (random.Next(25) == 0)
            {
                // A packet damaged on its way.
                transport[^1] ^= 0x55;
            }

            packet.SetLinkHeader(DifferenceLab.InnerMac(port), DifferenceLab.OuterMac(port), EtherType.Ipv4);
            return packet.Frame.ToArray();
        }

        private TcpFlags NextFlags(Flow flow, bool reply)
        {
            if (random.Next(6) == 0)
            {
                return (TcpFlags)random.Next(32);
            }

            return flow.Step++ switch
            {
                0 => reply ? TcpFlags.Synchronize | TcpFlags.Acknowledge : TcpFlags.Synchronize,
                1 => reply ? TcpFlags.Synchronize | TcpFlags.Acknowledge : TcpFlags.Synchronize,
                < 6 => TcpFlags.Acknowledge | TcpFlags.Push,
                < 8 => TcpFlags.Finish | TcpFlags.Acknowledge,
                _ => random.Next(4) == 0 ? TcpFlags.Reset : TcpFlags.Acknowledge,
            };
        }

        private sealed class Flow(bool fromLeft, byte near, byte far, bool local, byte protocol, ushort nearPort, ushort farPort, uint nearSequence, uint farSequence)
        {
            public bool FromLeft { get; } = fromLeft;

            public byte Near { get; } = near;

            public byte Far { get; } = far;

            public bool Local { get; } = local;

            public byte Protocol { get; } = protocol;

            public ushort NearPort { get; } = nearPort;

            public ushort FarPort { get; } = farPort;

            public uint NearSequence { get; private set; } = nearSequence;

            public uint FarSequence { get; private set; } = farSequence;

            public int Step { get; set; }

            public void Advance(bool reply, uint length)
            {
                if (reply)
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
}
