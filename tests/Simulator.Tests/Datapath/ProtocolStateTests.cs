using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// Connections of protocols with states of their own, on this machine's kernel and on the simulated one: after each packet the verdict that rules see
/// (counters of "ct state") and the connection itself, octet for octet as ctnetlink dumps it, are the same.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft")]
public sealed class ProtocolStateTests
{
    private static readonly string Router = DifferenceLab.InnerMac(0).ToString(), Tester = DifferenceLab.OuterMac(0).ToString();
    private static readonly string RouterB = DifferenceLab.InnerMac(1).ToString(), TesterB = DifferenceLab.OuterMac(1).ToString();

    private const ushort SecondsLeftAttribute = 7, MarkAttribute = 8, IdAttribute = 12, GetConnections = 0x101;

    private const string Rules =
        """
        table inet seen {
            chain forward {
                type filter hook forward priority 0
                ct state new counter
                ct state established counter
                ct state related counter
                ct state invalid counter
                ct state untracked counter
            }
        }
        """;

    [Test]
    public void An_SCTP_association_goes_through_its_states()
    {
        using Scene scene = Routed();
        foreach (bool shutsDown in (bool[])[true, false])
        {
            ushort port = shutsDown ? (ushort)2001 : (ushort)2002;
            (bool Back, uint Tag, byte[] Chunks)[] packets =
            [
                (false, 0, Chunk(1, 0, Initiate(0x1111))), (true, 0x1111, Chunk(2, 0, Initiate(0x2222))), (false, 0x2222, Chunk(10, 0, new byte[4])), (true, 0x1111, Chunk(11, 0, [])),
                (false, 0x2222, Chunk(0, 3, new byte[16])), (true, 0x1111, Chunk(3, 0, new byte[12])), (false, 0x9999, Chunk(0, 3, new byte[16])), (false, 0x2222, Chunk(4, 0, new byte[8])),
                .. shutsDown
                    ? ((bool, uint, byte[])[])[(false, 0x2222, Chunk(7, 0, new byte[4])), (true, 0x1111, Chunk(8, 0, [])), (false, 0x2222, Chunk(14, 0, []))]
                    : [(true, 0x1111, Chunk(6, 0, [])), (false, 0x2222, Chunk(0, 3, new byte[16]))],
            ];
            foreach ((bool back, uint tag, byte[] chunks) in packets)
            {
                Assert.That(Exchange(scene, back, IpProtocol.Sctp, Sctp(back ? (ushort)80 : port, back ? port : (ushort)80, tag, chunks)), Has.Length.EqualTo(1));
            }
        }
    }

    /// <summary>Chunks in any order, with right and wrong tags, alone and together, damaged at times.</summary>
    [Test]
    public void Random_SCTP_chunks_lead_to_the_same_states()
    {
        using Scene scene = Routed();
        var random = new RandomSource(7);
        byte[] types = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 192];
        for (int i = 0; i < 400; i++)
        {
            ushort port = (ushort)(2001 + i / 12);
            bool back = random.Next(2) == 0;
            byte[] chunks = [.. Enumerable.Range(0, random.Next(5) == 0 ? 2 : 1).SelectMany(_ =>
            {
                byte type = types[random.Next(i % 12 < 5 ? 4 : types.Length)];
                return Chunk(type, (byte)(random.Next(6) == 0 ? 1 : 0), type is 1 or 2 ? Initiate(random.Next(8) == 0 ? 0x3333u : type == 1 ? 0x1111u : 0x2222u) : new byte[4 * random.Next(4)]);
            })];
            uint tag = random.Next(8) == 0 ? 0x4444u : chunks[0] == 1 ? 0 : back ? 0x1111u : 0x2222u;
            byte[] packet = Sctp(back ? (ushort)80 : port, back ? port : (ushort)80, tag, chunks);
            packet[8] ^= (byte)(random.Next(20) == 0 ? 1 : 0);
            Exchange(scene, back, IpProtocol.Sctp, packet, comparesConnections: i % 3 == 2);
        }
    }

    /// <summary>
    /// Segments in and out of order, near the edges of the windows that were announced, with and without options, damaged flags among them. EUCANET_FIRST_SEED chooses others.
    /// </summary>
    [Test]
    public void Random_TCP_segments_lead_to_the_same_states([Values] bool isLiberal)
    {
        using Scene scene = Routed(machine =>
        {
            machine.Parameter("net/netfilter/nf_conntrack_tcp_be_liberal", isLiberal ? "1" : "0");
            int seconds = 1000;
            foreach (string state in (string[])["close", "syn_sent", "syn_recv", "last_ack", "unacknowledged", "max_retrans", "fin_wait", "close_wait", "time_wait", "established"])
            {
                machine.Parameter($"net/netfilter/nf_conntrack_tcp_timeout_{state}", $"{seconds += 100}");
            }
        });
        ulong seed = ulong.TryParse(Environment.GetEnvironmentVariable("EUCANET_FIRST_SEED"), out ulong wanted) ? wanted : 11;
        for (ushort port = 2001; port < 2021; port++)
        {
            var talk = new RandomTcp(new RandomSource(seed * 1000 + port), port);
            for (int i = 0; i < 18; i++)
            {
                (bool back, byte[] segment) = talk.Next();
                Exchange(scene, back, IpProtocol.Tcp, segment);
            }
        }
    }

    [Test]
    public void GRE_UDP_Lite_and_protocols_without_states_are_told_apart_and_assured_as_the_kernel_does()
    {
        using Scene scene = Routed();
        (byte Protocol, byte[] There, byte[] Back)[] flows =
        [
            (IpProtocol.Gre, [0, 0, 8, 0, 1, 2, 3, 4], [0, 0, 8, 0, 1, 2, 3, 4]),
            (IpProtocol.Gre, [0x30, 1, 0x88, 0x0b, 0, 4, 0, 9, 1, 2, 3, 4], [0x30, 1, 0x88, 0x0b, 0, 4, 0, 9, 1, 2, 3, 4]),
            (IpProtocol.Gre, [0x30, 1, 8, 0, 0, 4, 0, 9, 1, 2, 3, 4], [0, 1, 8]),
            (IpProtocol.UdpLite, UdpLite(2001, 53, 8, back: false), UdpLite(53, 2001, 0, back: true)),
            (IpProtocol.UdpLite, UdpLite(2002, 53, 5, back: false), UdpLite(53, 2002, 12, back: true)),
            (IpProtocol.UdpLite, UdpLite(2003, 53, 600, back: false), [0, 53, 0]),
            (IpProtocol.UdpLite, UdpLite(2004, 53, 8, back: false, IpProtocol.UdpLite), UdpLite(53, 2004, 0, back: true, IpProtocol.UdpLite)),
            (IpProtocol.Dccp, [7, 0xd1, 0, 80, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], [0, 80, 7, 0xd1, 3, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0]),
            (IpProtocol.Esp, [0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0, 2, 0, 0, 0, 1]),
            (99, [1, 2, 3, 4], [4, 3, 2, 1]),
        ];
        foreach ((byte protocol, byte[] there, byte[] back) in flows)
        {
            Exchange(scene, false, protocol, there);
            Exchange(scene, true, protocol, back);
            Exchange(scene, false, protocol, there);
            Exchange(scene, true, protocol, back);
        }

        Assert.That(scene.AskCounters().Count(static line => line.Contains("counter 0 0", StringComparison.Ordinal)), Is.LessThanOrEqualTo(2), "new, established and invalid were all seen");
    }

    [Test]
    public void A_translated_SCTP_packet_has_a_right_checksum()
    {
        using Scene scene = Routed();
        scene.Load("table ip nat {\n chain post {\n type nat hook postrouting priority 100\n oifname b0 ip protocol sctp snat to 10.2.0.1:2222\n }\n}");
        Assert.That(Exchange(scene, false, IpProtocol.Sctp, Sctp(2001, 80, 0, Chunk(1, 0, Initiate(0x1111)))), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Frames[0], Does.Contain("10.2.0.1"));
        Assert.That(scene.Receive(1, Frames.Of(TesterB, RouterB, "10.2.0.2", "10.2.0.1", IpProtocol.Sctp, Sctp(80, 2222, 0x1111, Chunk(2, 0, Initiate(0x2222))))), Is.EqualTo((string[])["a1"]));
    }

    private static string[] Exchange(Scene scene, bool back, byte protocol, byte[] payload, bool comparesConnections = true)
    {
        string[] places = back
            ? scene.Receive(1, Frames.Of(TesterB, RouterB, "10.2.0.2", "10.1.0.2", protocol, payload))
            : scene.Receive(0, Frames.Of(Tester, Router, "10.1.0.2", "10.2.0.2", protocol, payload));
        TestContext.Out.WriteLine($"{(back ? '<' : '>')} protocol {protocol} {Convert.ToHexStringLower(payload)}");
        scene.AskCounters();
        if (comparesConnections)
        {
            scene.Ask(static machine => Connections(machine));
        }

        return places;
    }

    private static Scene Routed(Action<SceneMachine>? prepare = null)
    {
        var scene = new Scene(machine =>
        {
            prepare?.Invoke(machine);
            machine.Parameter("net/netfilter/nf_conntrack_acct", "1");

            // Long enough that none ends while it is looked at, and each another.
            int seconds = 1000;
            foreach (string state in (string[])["closed", "cookie_wait", "cookie_echoed", "established", "shutdown_sent", "shutdown_recd", "shutdown_ack_sent", "heartbeat_sent"])
            {
                machine.Parameter($"net/netfilter/nf_conntrack_sctp_timeout_{state}", $"{seconds += 100}");
            }

            machine.Address("a0", "10.1.0.1/24");
            machine.Address("b0", "10.2.0.1/24");
            machine.Neighbour("a0", "10.1.0.2", Tester);
            machine.Neighbour("b0", "10.2.0.2", TesterB);
        });
        scene.Load(Rules);
        return scene;
    }

    /// <summary>Connections, and the seconds they have left: these may differ by one, which a millisecond decides.</summary>
    private sealed record Shown(string Text, uint[] SecondsLeft)
    {
        public bool Equals(Shown? other) => other is not null && Text == other.Text && SecondsLeft.Zip(other.SecondsLeft).All(static pair => Math.Abs((int)pair.First - (int)pair.Second) <= 1);

        public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

        public override string ToString() => $"{Text}\n{string.Join(' ', SecondsLeft)}";
    }

    /// <summary>Each connection as it is dumped, without the number the kernel gave it.</summary>
    private static Shown Connections(SceneMachine machine)
    {
        var lines = new List<(string Text, uint SecondsLeft)>();
        foreach (byte[] connection in machine.Dump(NetlinkProtocol.Netfilter, GetConnections, 0, 0, 0, 0))
        {
            var attributes = new AttributeReader(connection);
            string line = "";
            uint left = 0;
            while (attributes.TryRead(out NetlinkAttribute attribute))
            {
                left = attribute.Type == SecondsLeftAttribute ? BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) : left;
                line += attribute.Type is IdAttribute or MarkAttribute ? "" : $"{attribute.Type}={(attribute.Type == SecondsLeftAttribute ? "" : Convert.ToHexStringLower(attribute.Value))} ";
            }

            lines.Add((line, left));
        }

        lines.Sort(static (a, b) => string.CompareOrdinal(a.Text, b.Text));
        return new Shown(string.Join('\n', lines.Select(static line => line.Text)), [.. lines.Select(static line => line.SecondsLeft)]);
    }

    private static byte[] Sctp(ushort from, ushort to, uint tag, byte[] chunks)
    {
        byte[] packet = new byte[12 + chunks.Length];
        BinaryPrimitives.WriteUInt16BigEndian(packet, from);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), to);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), tag);
        chunks.CopyTo(packet, 12);
        Crc32C.Write(packet);
        return packet;
    }

    private static byte[] Chunk(byte type, byte flags, byte[] value)
    {
        byte[] chunk = new byte[4 + value.Length];
        (chunk[0], chunk[1]) = (type, flags);
        BinaryPrimitives.WriteUInt16BigEndian(chunk.AsSpan(2), (ushort)chunk.Length);
        value.CopyTo(chunk, 4);
        return chunk;
    }

    private static byte[] Initiate(uint tag)
    {
        byte[] value = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(value, tag);
        return value;
    }

    private static byte[] UdpLite(ushort from, ushort to, ushort covered, bool back, byte number = IpProtocol.Udp)
    {
        byte[] packet = new byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(packet, from);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), to);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), covered);
        byte[] near = [10, 1, 0, 2], far = [10, 2, 0, 2];
        ushort sum = InternetChecksum.Fold(InternetChecksum.Add(
            InternetChecksum.PseudoHeader(back ? far : near, back ? near : far, number, packet.Length), packet.AsSpan(0, covered is > 7 and <= 12 ? covered : packet.Length)));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), sum);
        return packet;
    }
}
