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

    /// <summary>EUCANET_ROUTER_DIFFERENCE_SEEDS raises the number of rule sets.</summary>
    [Test]
    public void Random_packets_through_random_rules_come_out_as_on_the_real_kernel()
    {
        int seeds = int.TryParse(Environment.GetEnvironmentVariable("EUCANET_ROUTER_DIFFERENCE_SEEDS"), CultureInfo.InvariantCulture, out int wanted) ? wanted : 20;
        const int PacketsPerSeed = 100;
        var differences = new List<string>();
        int packets = 0;
        for (ulong seed = 1; seed <= (ulong)seeds; seed++)
        {
            // The real kernel throws dice (ports, when two connections would have the same answers), and what follows from a
            // throw may differ once. What differs each time is a difference.
            string? difference = null;
            for (int attempt = 0; attempt < 3; attempt++)
            {
                difference = Run(seed, PacketsPerSeed, out int sent);
                packets += sent;
                if (difference is null)
                {
                    break;
                }
            }

            if (difference is not null)
            {
                differences.Add(difference);
            }
        }

        TestContext.Out.WriteLine($"{packets} packets, {differences.Count} rule sets with a difference of {seeds}");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences.Take(5)));
    }

    /// <summary>One rule set and its packets; null where both kernels agree.</summary>
    private static string? Run(ulong seed, int count, out int sent)
    {
        var random = new RandomSource(seed);
        RuleGenerator rules = new(random);
        using var real = new RealLab(seed);
        using var simulated = new SimulatedLab(seed);
        NftablesBatch batch = rules.Make();
        real.Load(batch);
        simulated.Load(batch);
        var generator = new PacketGenerator(random);
        var history = new List<string>();
        for (sent = 1; sent <= count; sent++)
        {
            (bool left, byte[] frame) = generator.Next();
            List<string> expected = simulated.Send(left, frame, 0);
            List<string> actual = real.Send(left, frame, expected.Count);
            history.Add($"{(left ? "left" : "right")} {Describe(frame)}\n{simulated.Story}");
            if (!expected.SequenceEqual(actual))
            {
                // The packets before it of the same flow, as far as a port tells.
                string flow = generator.LastPort;
                return $"{string.Join('\n', history.Where(line => line.Contains(flow, StringComparison.Ordinal)))}\nseed {seed} packet {sent} {(left ? "left" : "right")} {Describe(frame)}\n  real:      {string.Join("\n             ", actual)}\n  simulated: {string.Join("\n             ", expected)}\n{rules.Text}";
            }
        }

        return null;
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
