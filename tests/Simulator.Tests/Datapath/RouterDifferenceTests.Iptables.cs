using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Datapath;

/// <content>The matches and targets of iptables, on both of the kernel's interfaces.</content>
public sealed partial class RouterDifferenceTests
{
    /// <summary>Rules by table and chain. A match is shown by what it drops, a target by what it changes.</summary>
    private static readonly (string Table, string Rule)[] IptablesRules =
    [
        ("mangle", "FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200"),
        ("mangle", "FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 400"),
        ("mangle", "FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu"),
        ("mangle", "FORWARD -p tcp -j TCPOPTSTRIP --strip-options timestamp,sack-permitted"),
        ("mangle", "PREROUTING -p tcp -j TCPOPTSTRIP --strip-options 2,3,99"),
        ("mangle", "PREROUTING -p tcp -j ECN --ecn-tcp-remove"),
        ("mangle", "PREROUTING -j TOS --set-tos 0x10/0x3f"),
        ("mangle", "PREROUTING -j TOS --and-tos 0x0c"),
        ("mangle", "POSTROUTING -j TOS --xor-tos 0xff"),
        ("mangle", "FORWARD -j DSCP --set-dscp 46"),
        ("mangle", "FORWARD -j DSCP --set-dscp-class AF11"),
        ("mangle", "PREROUTING -j TTL --ttl-set 10"),
        ("mangle", "PREROUTING -j TTL --ttl-dec 40"),
        ("mangle", "PREROUTING -j TTL --ttl-inc 200"),
        ("mangle", "POSTROUTING -j CLASSIFY --set-class 1:2"),
        ("mangle", "PREROUTING -p udp -j MARK --set-xmark 0x5/0xff|POSTROUTING -m mark --mark 0x1/0x1 -j DROP"),
        ("mangle", "PREROUTING -p tcp -j CONNMARK --set-xmark 0x9/0xffffffff|FORWARD -m connmark --mark 0x9 -j DROP"),
        ("mangle", "PREROUTING -m socket -j DROP"),
        ("raw", "PREROUTING -p udp -j NOTRACK|PREROUTING -p tcp -m tcp --dport 22 -j DROP"),
        ("filter", "FORWARD -p tcp -m ecn --ecn-tcp-ece -j DROP"),
        ("filter", "FORWARD -p tcp -m ecn ! --ecn-tcp-cwr -j DROP"),
        ("filter", "FORWARD -m ecn --ecn-ip-ect 1 -j DROP"),
        ("filter", "FORWARD -m ecn ! --ecn-ip-ect 0 -j DROP"),
        ("filter", "FORWARD -p tcp -m tcpmss --mss 1000:1400 -j DROP"),
        ("filter", "FORWARD -p tcp -m tcpmss ! --mss 1460 -j DROP"),
        ("filter", "FORWARD -p tcp -m tcp --tcp-option 8 -j DROP"),
        ("filter", "FORWARD -p tcp -m tcp ! --tcp-option 4 -j DROP"),
        ("filter", "FORWARD -p tcp -m tcp --sport 1024:3000 --dport 22:100 -j DROP"),
        ("filter", "FORWARD -p udp -m udp ! --dport 53 -j DROP"),
        ("filter", "FORWARD -m tos --tos 0x10/0x3f -j DROP"),
        ("filter", "FORWARD -m tos ! --tos 0xb8/0xfc -j DROP"),
        ("filter", "FORWARD -m dscp --dscp 46 -j DROP"),
        ("filter", "FORWARD -m dscp ! --dscp-class CS2 -j DROP"),
        ("filter", "FORWARD -m length --length 60:100 -j DROP"),
        ("filter", "FORWARD -m length ! --length 0:70 -j DROP"),
        ("filter", "FORWARD -m ttl --ttl-lt 60 -j DROP"),
        ("filter", "FORWARD -m ttl --ttl-gt 62 -j DROP"),
        ("filter", "FORWARD -m ttl ! --ttl-eq 63 -j DROP"),
        ("filter", "FORWARD -p esp -m esp --espspi 100:200 -j DROP"),
        ("filter", "FORWARD -p esp -m esp ! --espspi 300 -j DROP"),
        ("filter", "FORWARD -p ah -m ah --ahspi 0:200 -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp --dport 22:80 -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp ! --sport 2000:2010 -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp --chunk-types any DATA,INIT -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp --chunk-types all DATA,HEARTBEAT -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp --chunk-types only DATA,SACK -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp --chunk-types any DATA:Be -j DROP"),
        ("filter", "FORWARD -p sctp -m sctp ! --chunk-types any SACK -j DROP"),
        ("filter", "FORWARD -p dccp -m dccp --dport 80 -j DROP"),
        ("filter", "FORWARD -p dccp -m dccp --dccp-types REQUEST,DATA -j DROP"),
        ("filter", "FORWARD -p dccp -m dccp --dccp-option 37 -j DROP"),
        ("filter", "FORWARD -p tcp -m multiport --dports 22,80:443 -j DROP"),
        ("filter", "FORWARD -p udp -m multiport ! --ports 53,1000:2005 -j DROP"),
        ("filter", "FORWARD -f -j DROP"),
        ("filter", "FORWARD ! -f -p udp -j DROP"),
        ("filter", "FORWARD -m iprange --src-range 10.1.0.2-10.1.0.3 -j DROP"),
        ("filter", "FORWARD -m mac --mac-source 02:00:00:00:00:02 -j DROP"),
        ("filter", "FORWARD -m addrtype --dst-type UNICAST -p udp -j DROP"),
        ("filter", "FORWARD -m pkttype --pkt-type unicast -p icmp -j DROP"),
        ("filter", "FORWARD -m u32 --u32 \"6&0xff=0x11\" -j DROP"),
        ("filter", "FORWARD -m string --algo bm --string AB -j DROP"),
        ("filter", "FORWARD -m policy --dir in --pol none -p icmp -j DROP"),
        ("filter", "FORWARD -m policy --dir in --pol ipsec -j DROP"),
        ("filter", "FORWARD -m helper --helper ftp -j DROP"),
        ("filter", "FORWARD -m limit --limit 1/hour --limit-burst 7 -j DROP"),
        ("filter", "FORWARD -m hashlimit --hashlimit-above 1/hour --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name above -j DROP"),
        ("filter", "FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode dstip,dstport --hashlimit-name upto -j DROP"),
        ("filter", "FORWARD -m hashlimit --hashlimit-above 2/hour --hashlimit-burst 4 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name mask -j DROP"),
        ("filter", "FORWARD -p tcp --syn -m connlimit --connlimit-above 2 --connlimit-mask 32 --connlimit-saddr -j DROP"),
        ("mangle", "FORWARD -p udp -m connlimit --connlimit-upto 2 --connlimit-mask 24 --connlimit-daddr -j TTL --ttl-set 99"),
        ("filter", "FORWARD -m connbytes --connbytes 2:4 --connbytes-mode packets --connbytes-dir both -j DROP"),
        ("filter", "FORWARD -m connbytes ! --connbytes 0:200 --connbytes-mode bytes --connbytes-dir original -j DROP"),
        ("filter", "FORWARD -p udp -m connlabel --label 5 --set -j ACCEPT|FORWARD -m connlabel --label 5 -j DROP"),
        ("filter", "FORWARD -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 0xdeadbeef -j DROP"),
        ("filter", "FORWARD -m cluster --cluster-total-nodes 3 ! --cluster-local-node 2 --cluster-hash-seed 0x7 -j DROP"),
        ("filter", "FORWARD -m conntrack --ctstate NEW -p udp -j DROP"),
        ("filter", "FORWARD -m conntrack --ctstate INVALID -j DROP"),
        ("filter", "FORWARD -m recent --name seen --rcheck --rsource -j DROP|FORWARD -p icmp -m recent --name seen --set --rsource"),
        ("filter", "FORWARD -m statistic --mode nth --every 3 --packet 1 -j DROP"),
        ("filter", "FORWARD -m quota --quota 900 -j ACCEPT|FORWARD -j DROP"),
        ("filter", "FORWARD -m realm --realm 0x1 -j DROP"),
    ];

    [Test]
    public void Packets_through_the_matches_and_targets_of_iptables_come_out_as_on_the_real_kernel([Values] IptablesInterface way)
    {
        var differences = new List<string>();
        int packets = 0, changed = 0;
        ulong lab = way == IptablesInterface.Nft ? 9001u : 9002u;
        using var real = new RealLab(lab);
        using var simulated = new SimulatedLab(lab);
        using IptablesTables realTables = IptablesTables.Open(real.Kernel, way), simulatedTables = IptablesTables.Open(simulated.Kernel, way);
        var plain = new Dictionary<string, string>();
        for (int number = 0; number < IptablesRules.Length; number++)
        {
            (string table, string rule) = IptablesRules[number];
            string text = string.Concat(((string[])["filter", "mangle", "raw"]).Select(name => $"*{name}\n{(name == table ? string.Concat(rule.Split('|').Select(one => $"-A {one}\n")) : "")}COMMIT\n"));
            foreach (IptablesTables tables in (IptablesTables[])[realTables, simulatedTables])
            {
                tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, text, way, tables.Names));
            }

            real.Settle();

            var generator = new HeaderPackets(new RandomSource((ulong)number + 1), (ushort)(2000 + number % 40), rule.Contains("conn", StringComparison.Ordinal) || rule.Contains("socket", StringComparison.Ordinal) || rule.Contains("cluster", StringComparison.Ordinal));
            int effect = 0;
            for (int sent = 0; sent < 40; sent++)
            {
                (bool left, byte[] frame) = generator.Next();
                List<string> expected = simulated.Send(left, frame, 0);
                List<string> actual = real.Send(left, frame, expected.Count);
                packets++;
                effect += expected is [var only] && only.EndsWith(Convert.ToHexStringLower(frame)[80..], StringComparison.Ordinal) ? 0 : 1;
                if (!expected.SequenceEqual(actual))
                {
                    differences.Add($"{rule}: packet {sent} {(left ? "left" : "right")} {Describe(frame)}\n  sent:      {Convert.ToHexStringLower(frame)}\n  real:      {string.Join("\n             ", actual)}\n  simulated: {string.Join("\n             ", expected)}");
                    break;
                }
            }

            changed += effect is > 0 ? 1 : 0;
        }

        TestContext.Out.WriteLine($"{packets} packets through {IptablesRules.Length} sets of rules, {changed} of which dropped or changed some; {differences.Count} differ");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences.Take(12)));
        Assert.That(changed, Is.GreaterThan(IptablesRules.Length * 2 / 3), "rules that did something");
    }

    /// <summary>Packets whose headers differ in all that these rules look at.</summary>
    private sealed class HeaderPackets(RandomSource random, ushort port, bool tracked)
    {
        private static readonly byte[] TypesOfService = [0, 0x10, 0xb8, 0x28, 1, 2, 3, 0x41];

        public (bool Left, byte[] Frame) Next()
        {
            bool left = random.Next(4) != 0;
            byte protocol = tracked ? Pick(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Icmp) : Pick(IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Icmp, IpProtocol.Sctp, IpProtocol.Dccp, IpProtocol.Esp, IpProtocol.Ah);
            byte near = (byte)(2 + random.Next(3)), far = (byte)(2 + random.Next(2));
            byte[] body = protocol switch
            {
                IpProtocol.Tcp => Tcp(left),
                IpProtocol.Udp => Ports(left, 8, random.Next(60)),
                IpProtocol.Icmp => [8, 0, 0, 0, (byte)(port >> 8), (byte)port, 0, 1, .. "ABCD"u8],
                IpProtocol.Sctp => Sctp(left),
                IpProtocol.Dccp => Dccp(left),
                _ => Index(protocol),
            };
            Packet packet = Packet.OfNetwork(EtherType.Ipv4, 20 + body.Length);
            uint source = 0x0a000000u | (left ? 1u : 2u) << 16 | near, destination = 0x0a000000u | (left ? 2u : 1u) << 16 | far;

            // A later fragment now and then, where nothing puts them together.
            ushort flags = !tracked && random.Next(12) == 0 ? (ushort)(1 + random.Next(3)) : random.Next(2) == 0 ? Ipv4Header.DontFragmentFlag : (ushort)0;
            packet.Ipv4.Write(source, destination, protocol, body.Length, Pick<byte>(33, 60, 64, 64, 128), (ushort)(1 + random.Next(60000)), flags);
            packet.Network[1] = Pick(TypesOfService);
            packet.Ipv4.UpdateChecksum();
            body.CopyTo(packet.Network[20..]);
            packet.LocateTransport();
            if (protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Icmp && packet.FragmentOffset == 0)
            {
                packet.UpdateTransportChecksum();
            }

            packet.SetLinkHeader(MacAddress.Read(left ? RouterLeft : RouterRight), MacAddress.Read(left ? TesterLeft : TesterRight), EtherType.Ipv4);
            return (left, packet.Frame.ToArray());
        }

        private byte[] Ports(bool left, int header, int data)
        {
            byte[] body = new byte[header + data];
            ushort well = Pick<ushort>(22, 80, 443, 5000), near = (ushort)(port + random.Next(3));
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(body, left ? near : well);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(2), left ? well : near);
            for (int index = header; index < body.Length; index++)
            {
                body[index] = (byte)('A' + random.Next(3));
            }

            if (header == 8)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(4), (ushort)body.Length);
            }

            return body;
        }

        private byte[] Tcp(bool left)
        {
            var options = new List<byte>();
            int count = random.Next(5);
            for (int index = 0; index < count; index++)
            {
                byte[] option = random.Next(7) switch
                {
                    0 => [2, 4, (byte)Pick(2, 4, 5), (byte)random.Next(256)],
                    1 => [2, 4, 5, 0xb4],
                    2 => [1],
                    3 => [4, 2],
                    4 => [8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
                    5 => [3, 3, 7],
                    _ => [99, (byte)random.Next(5), 0],
                };
                if (options.Count + option.Length <= 36)
                {
                    options.AddRange(option);
                }
            }

            while (options.Count % 4 != 0)
            {
                options.Add((byte)random.Next(2));
            }

            byte flags = tracked ? Pick<byte>(2, 2, 16) : Pick<byte>(2, 2, 2, 0xc2, 16, 24, 0x50, 0x90, 17, 6);
            byte[] body = Ports(left, 20 + options.Count, (flags & 2) != 0 && random.Next(4) != 0 ? 0 : random.Next(30));
            body[12] = (byte)((20 + options.Count) / 4 << 4);
            body[13] = flags;
            body[7] = 1;
            body[14] = 4;
            options.CopyTo(body, 20);
            return body;
        }

        private byte[] Sctp(bool left)
        {
            var body = new List<byte>(Ports(left, 12, 0));
            int chunks = 1 + random.Next(3);
            for (int index = 0; index < chunks; index++)
            {
                int length = random.Next(20) == 0 ? 0 : 4 + random.Next(9);
                body.AddRange([Pick<byte>(0, 0, 1, 3, 4, 10), (byte)random.Next(8), 0, (byte)length]);
                body.AddRange(new byte[Math.Max(0, (length + 3 & ~3) - 4)]);
            }

            return [.. body];
        }

        private byte[] Dccp(bool left)
        {
            byte type = Pick<byte>(0, 2, 3, 4);
            byte[] body = Ports(left, 16 + type switch { 0 => 4, 2 => 0, _ => 8 } + 4, 0);
            body[4] = (byte)(body.Length / 4);
            body[8] = (byte)(type << 1 | 1);
            (body[^4], body[^3], body[^2]) = random.Next(2) == 0 ? ((byte)37, (byte)3, (byte)0) : ((byte)1, (byte)2, (byte)0);
            return body;
        }

        private byte[] Index(byte protocol)
        {
            byte spi = Pick<byte>(100, 150, 200, 250);
            return protocol == IpProtocol.Esp ? [0, 0, 0, spi, 0, 0, 0, 1, 1, 2, 3, 4] : [IpProtocol.Tcp, 4, 0, 0, 0, 0, 0, spi, 0, 0, 0, 1, .. new byte[12]];
        }

        private T Pick<T>(params ReadOnlySpan<T> values) => values[random.Next(values.Length)];
    }
}
