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

/// <summary>
/// The same random packets through the same random rule sets, on a router made of this machine's kernel and on a simulated
/// one: what comes out, on which side and with which bytes, must be the same. Masked are only numbers that a kernel draws or
/// counts for itself: the identification of packets it makes, and the checksum of resets (left to the card on a real one).
/// </summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed partial class RouterDifferenceTests
{
    private static readonly byte[] RouterLeft = [2, 0, 0, 0, 0, 1], TesterLeft = [2, 0, 0, 0, 0, 2], RouterRight = [2, 0, 0, 0, 0, 3], TesterRight = [2, 0, 0, 0, 0, 4];

    /// <summary>EUCANET_ROUTER_DIFFERENCE_SEEDS raises the number of rule sets, EUCANET_ROUTER_DIFFERENCE_SEED begins at another; see <see cref="DifferenceSearch"/>.</summary>
    [Test]
    [RequiresProgram("nft")]
    public void Random_packets_through_random_rules_come_out_as_on_the_real_kernel() =>
        new DifferenceSearch(nameof(Random_packets_through_random_rules_come_out_as_on_the_real_kernel), "EUCANET_ROUTER_DIFFERENCE_SEED", "EUCANET_ROUTER_DIFFERENCE_SEEDS", 20)
            .Run(static _ => Topology.Router, Generate);

    /// <summary>A firewall and packets for it. The machine takes it over netlink; that nft can read it again makes it a program.</summary>
    private static DifferenceProgram Generate(ulong seed, Differences.RealLab lab)
    {
        const int PacketsPerSeed = 100;
        var random = new RandomSource(seed);
        lab.Load(new RuleGenerator(random).Make());
        List<string> rules = DifferenceRun.Load(lab, lab.ListRules(), $"seed {seed}");
        var packets = new PacketGenerator(random);
        return new DifferenceProgram(Topology.Router, rules, [.. Enumerable.Range(0, PacketsPerSeed).Select(_ => packets.Next())]);
    }

    private static string Describe(byte[] frame) => EucaNet.Simulator.Recording.FrameSummary.Describe(Packet.FromFrame(frame));

    /// <summary>A frame as it is compared.</summary>
    private static string Normal(string side, ReadOnlySpan<byte> bytes)
    {
        Packet packet = Packet.FromFrame(bytes);
        if (packet.Protocol == EtherType.Ipv4 && packet.Ipv4.IsValid)
        {
            packet.TrimNetwork(packet.Ipv4.TotalLength);
            Ipv4Header ip = packet.Ipv4;
            bool made = ip.Protocol == IpProtocol.Icmp || ip.Source is 0x0a010001 or 0x0a020001 || (ip.Protocol == IpProtocol.Tcp && (new TcpHeader(ip.Payload).Flags & TcpFlags.Reset) != 0);
            if (made)
            {
                ip.Identification = 0;
                ip.UpdateChecksum();
            }

            MaskDrawnPorts(ip.Payload, ip.Protocol);
            if (ip.Protocol == IpProtocol.Icmp && IcmpType.IsError(ip.Payload[0]) && ip.Payload.Length > 48)
            {
                // The packet that an ICMP error quotes.
                ip.Payload.Slice(2, 2).Clear();
                MaskDrawnPorts(ip.Payload[28..], ip.Payload[17]);
            }

            if (ip.Protocol == IpProtocol.Tcp && !ip.IsFragment && (new TcpHeader(ip.Payload).Flags & TcpFlags.Reset) != 0)
            {
                packet.LocateTransport();
                packet.UpdateTransportChecksum();
            }
        }

        return $"{side} {Describe(packet.Frame.ToArray())} {Convert.ToHexStringLower(packet.Frame)}";
    }

    /// <summary>A port that a kernel drew, because another connection would have had the same answers, is no difference.</summary>
    private static void MaskDrawnPorts(Span<byte> transport, byte protocol)
    {
        if (!IpProtocol.HasPorts(protocol) || transport.Length < 8)
        {
            return;
        }

        for (int offset = 0; offset < 4; offset += 2)
        {
            ushort port = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(transport[offset..]);
            int checksum = protocol == IpProtocol.Tcp ? 16 : 6;
            if (port is not (22 or 80 or 443 or 5000) && port is not (> 2000 and < 2045) && transport.Length >= checksum + 2)
            {
                transport.Slice(offset, 2).Clear();
                transport.Slice(checksum, 2).Clear();
            }
        }
    }

    private static List<string> Collect(IPacketSocket left, IPacketSocket right)
    {
        var frames = new List<string>();
        byte[] buffer = new byte[4096];
        foreach ((string side, IPacketSocket socket) in ((string, IPacketSocket)[])[("left", left), ("right", right)])
        {
            int length;
            while ((length = socket.Receive(buffer)) >= 0)
            {
                // What a router of IPv6 says for itself goes from a link-local or no address, or to a group.
                if (buffer[12] != 0x86 || (buffer[14 + 8] is not (0xfe or 0) && buffer[14 + 24] is not (0xff or 0xfe)))
                {
                    frames.Add(Normal(side, buffer.AsSpan(0, length)));
                }
            }
        }

        return frames;
    }
}
