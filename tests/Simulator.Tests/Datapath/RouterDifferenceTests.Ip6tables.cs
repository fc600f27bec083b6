using System.Buffers.Binary;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath;

/// <content>The matches and targets of ip6tables on packets with all sorts of extension headers, whole and damaged, on both of the kernel's interfaces.</content>
public sealed partial class RouterDifferenceTests
{
    private const int PacketsPerIpv6Rule = 150;

    private static readonly (string Table, string Rule)[] Ip6tablesRules =
    [
        ("filter", "FORWARD -m ah --ahspi 100:200 -j DROP"),
        ("filter", "FORWARD -m ah ! --ahspi 300 -j DROP"),
        ("filter", "FORWARD -m ah --ahlen 16 -j DROP"),
        ("filter", "FORWARD -m ah ! --ahlen 16 --ahres -j DROP"),
        ("filter", "FORWARD -m frag --fragid 1:500 -j DROP"),
        ("filter", "FORWARD -m frag ! --fragid 7 --fragfirst -j DROP"),
        ("filter", "FORWARD -m frag --fragmore -j DROP"),
        ("filter", "FORWARD -m frag --fraglast -j DROP"),
        ("filter", "FORWARD -m frag --fragres --fraglast -j DROP"),
        ("filter", "FORWARD -m hbh --hbh-len 8 -j DROP"),
        ("filter", "FORWARD -m hbh ! --hbh-len 8 -j DROP"),
        ("filter", "FORWARD -m hbh --hbh-opts 5:2,1:0 -j DROP"),
        ("filter", "FORWARD -m hbh --hbh-opts 5,1 -j DROP"),
        ("filter", "FORWARD -m hbh --hbh-opts 0,0 -j DROP"),
        ("filter", "FORWARD -m dst --dst-len 16 -j DROP"),
        ("filter", "FORWARD -m dst --dst-opts 1:4 -j DROP"),
        ("filter", "FORWARD -m dst --dst-opts 30:2,1,0 -j DROP"),
        ("filter", "FORWARD -m rt --rt-type 0 -j DROP"),
        ("filter", "FORWARD -m rt ! --rt-type 4 --rt-segsleft 0:1 -j DROP"),
        ("filter", "FORWARD -m rt ! --rt-segsleft 1 -j DROP"),
        ("filter", "FORWARD -m rt --rt-len 24 -j DROP"),
        ("filter", "FORWARD -m rt --rt-type 0 --rt-0-res -j DROP"),
        ("filter", "FORWARD -m rt --rt-type 0 --rt-0-addrs 2001:db8:9::1 -j DROP"),
        ("filter", "FORWARD -m rt --rt-type 0 --rt-0-addrs 2001:db8:9::1,2001:db8:9::2 -j DROP"),
        ("filter", "FORWARD -m rt --rt-type 0 --rt-0-addrs 2001:db8:9::2 --rt-0-not-strict -j DROP"),
        ("filter", "FORWARD -m srh --srh-next-hdr 17 -j DROP"),
        ("filter", "FORWARD -m srh ! --srh-hdr-len-eq 2 -j DROP"),
        ("filter", "FORWARD -m srh --srh-hdr-len-gt 2 -j DROP"),
        ("filter", "FORWARD -m srh --srh-segs-left-lt 1 -j DROP"),
        ("filter", "FORWARD -m srh ! --srh-segs-left-gt 0 --srh-last-entry-eq 1 -j DROP"),
        ("filter", "FORWARD -m srh --srh-tag 7 -j DROP"),
        ("filter", "FORWARD -m srh --srh-psid 2001:db8:9::2/128 -j DROP"),
        ("filter", "FORWARD -m srh --srh-nsid 2001:db8:9::/64 -j DROP"),
        ("filter", "FORWARD -m srh ! --srh-lsid 2001:db8:9::1/128 -j DROP"),
        ("filter", "FORWARD -m ipv6header --header hop-by-hop --soft -j DROP"),
        ("filter", "FORWARD -m ipv6header --header route,dst --soft -j DROP"),
        ("filter", "FORWARD -m ipv6header --header auth,prot -j DROP"),
        ("filter", "FORWARD -m ipv6header --header prot -j DROP"),
        ("filter", "FORWARD -m ipv6header ! --header prot -j DROP"),
        ("filter", "FORWARD -m ipv6header --header frag,esp,none --soft -j DROP"),
        ("filter", "FORWARD -p ipv6-mh -m mh --mh-type 1:5 -j DROP"),
        ("filter", "FORWARD -p ipv6-mh -m mh ! --mh-type 6 -j DROP"),
        ("filter", "FORWARD -m eui64 -j DROP"),
        ("filter", "FORWARD -m hl --hl-lt 60 -j DROP"),
        ("filter", "FORWARD -m hl ! --hl-eq 63 -j DROP"),
        ("filter", "FORWARD -p esp -m esp --espspi 100:200 -j DROP"),
        ("filter", "FORWARD -p tcp -m tcp --dport 22:80 -j DROP"),
        ("filter", "FORWARD -p udp -m udp ! --sport 2000:2001 -j DROP"),
        ("filter", "FORWARD -p icmpv6 -m icmp6 --icmpv6-type echo-request -j DROP"),
        ("filter", "FORWARD -p icmpv6 -m icmp6 ! --icmpv6-type 1/4 -j DROP"),
        ("filter", "FORWARD -p tcp -m multiport --ports 22,2000:2001 -j DROP"),
        ("filter", "FORWARD -m length --length 60:100 -j DROP"),
        ("filter", "FORWARD -m tos --tos 0x10/0x3f -j DROP"),
        ("filter", "FORWARD -m dscp --dscp 46 -j DROP"),
        ("filter", "FORWARD -s 2001:db8:1::/64 -d 2001:db8:2::3/128 -j DROP"),
        ("filter", "FORWARD -m iprange --dst-range 2001:db8:2::2-2001:db8:2::2 -j DROP"),
        ("filter", "FORWARD -m string --algo bm --string AB -j DROP"),
        ("filter", "FORWARD -m u32 --u32 \"6>>24=0x11\" -j DROP"),
        ("filter", "FORWARD -m bpf --bytecode \"4,48 0 0 6,21 0 1 17,6 0 0 1,6 0 0 0\" -j DROP"),
        ("filter", "FORWARD -m bpf --bytecode \"6,128 0 0 0,53 0 2 80,32 0 0 4294963200,21 0 1 34525,6 0 0 1,6 0 0 0\" -j DROP"),
        ("filter", "FORWARD -m bpf --bytecode \"7,40 0 0 4,116 0 0 1,2 0 0 3,96 0 0 3,84 0 0 7,29 0 0 0,6 0 0 0\" -j DROP"),
        ("filter", "FORWARD -m bpf --bytecode \"6,1 0 0 8,64 0 0 30,68 0 0 1,69 0 1 2,6 0 0 9,6 0 0 0\" -j DROP"),
        ("filter", "FORWARD -p tcp -j REJECT --reject-with tcp-reset"),
        ("filter", "FORWARD -p udp -j REJECT --reject-with icmp6-adm-prohibited"),
        ("mangle", "FORWARD -j HL --hl-set 10"),
        ("mangle", "PREROUTING -j HL --hl-dec 3"),
        ("mangle", "FORWARD -j TOS --set-tos 0x10/0x3f"),
        ("mangle", "FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 400"),
        ("mangle", "POSTROUTING -s 2001:db8:1::/64 -j SNPT --src-pfx 2001:db8:1::/64 --dst-pfx 2001:db8:77::/64"),
        ("mangle", "POSTROUTING -j SNPT --src-pfx 2001:db8:1::/48 --dst-pfx fd01:203:405::/48"),
        ("mangle", "PREROUTING -d 2001:db8:2::/64 -j DNPT --src-pfx 2001:db8:2::/64 --dst-pfx 2001:db8:2::/63"),
        ("mangle", "POSTROUTING -j SNPT --src-pfx 2001:db8::/32 --dst-pfx fd00:abcd::/32"),
        ("mangle", "FORWARD -j HMARK --hmark-tuple src,dst,sport,dport,proto --hmark-mod 4 --hmark-offset 8 --hmark-rnd 0xdeafbeef|FORWARD -m mark --mark 9 -j DROP"),
        ("mangle", "FORWARD -j HMARK --hmark-tuple src,dst,sport --hmark-mod 3 --hmark-offset 1 --hmark-rnd 7|FORWARD -m mark --mark 2 -j DROP"),
        ("mangle", "FORWARD -j HMARK --hmark-src-prefix 64 --hmark-dst-prefix 127 --hmark-sport-mask 0x000f --hmark-dport-mask 0xffff --hmark-proto-mask 0xffff --hmark-mod 5 --hmark-offset 1 --hmark-rnd 9|FORWARD -m mark --mark 3/3 -j DROP"),
        ("mangle", "FORWARD -j HMARK --hmark-tuple ct,src,dst,sport,dport,proto --hmark-mod 4 --hmark-offset 8 --hmark-rnd 1|FORWARD -m mark --mark 8 -j DROP"),
    ];

    [Test]
    public void Packets_with_extension_headers_come_out_as_on_the_real_kernel([Values] IptablesInterface way)
    {
        var differences = new List<string>();
        int packets = 0, effective = 0;
        ulong lab = way == IptablesInterface.Nft ? 9003u : 9004u;
        using var real = new RealLab(lab, isV6: true);
        using var simulated = new SimulatedLab(lab, isV6: true);
        using IptablesTables realTables = IptablesTables.Open(real.Kernel, way, IptablesFamily.Ip6), simulatedTables = IptablesTables.Open(simulated.Kernel, way, IptablesFamily.Ip6);
        for (int number = 0; number < Ip6tablesRules.Length; number++)
        {
            (string table, string rule) = Ip6tablesRules[number];
            string text = string.Concat(((string[])["filter", "mangle"]).Select(name => $"*{name}\n{(name == table ? string.Concat(rule.Split('|').Select(one => $"-A {one}\n")) : "")}COMMIT\n"));
            foreach ((string which, IptablesTables tables) in ((string, IptablesTables)[])[("real", realTables), ("simulated", simulatedTables)])
            {
                Assert.That(() => tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip6, text, way, tables.Names)), Throws.Nothing, $"{rule} on the {which} kernel");
            }

            real.Settle();

            var generator = new ExtensionHeaderPackets(new RandomSource((ulong)number + 1));
            int effect = 0;
            for (int sent = 0; sent < PacketsPerIpv6Rule; sent++, packets++)
            {
                (bool left, byte[] frame) = generator.Next();
                List<string> expected = simulated.Send(left, frame, 0), actual = real.Send(left, frame, expected.Count);
                effect += expected is [var only] && only.EndsWith(Convert.ToHexStringLower(frame.AsSpan(14 + Ipv6Header.Size)), StringComparison.Ordinal) ? 0 : 1;
                if (!expected.SequenceEqual(actual))
                {
                    differences.Add($"{rule}: packet {sent} from the {(left ? "left" : "right")}\n  sent:      {Convert.ToHexStringLower(frame)}\n  real:      {string.Join("\n             ", actual)}\n  simulated: {string.Join("\n             ", expected)}");
                    break;
                }
            }

            effective += effect > 0 ? 1 : 0;
        }

        TestContext.Out.WriteLine($"{packets} packets through {Ip6tablesRules.Length} sets of rules, {effective} of which did something; {differences.Count} differ");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences.Take(20)));
        Assert.That(effective, Is.GreaterThan(Ip6tablesRules.Length * 4 / 5), "rules that did something");
    }

    /// <summary>Programs of the packet filter that are taken, and such as are refused.</summary>
    private static readonly string[] Programs =
    [
        "1,6 0 0 1", "1,22 0 0 0", "1,0 0 0 1", "2,6 0 0 1,0 0 0 1", "2,5 0 0 0,6 0 0 1", "2,5 0 0 1,6 0 0 1", "2,21 0 1 6,6 0 0 1", "3,21 0 1 6,6 0 0 1,6 0 0 0", "2,48 0 0 6,6 0 0 1",
        "2,32 0 0 4294963200,6 0 0 1", "2,32 0 0 4294963202,6 0 0 1", "2,32 0 0 4294963260,6 0 0 1", "2,32 0 0 4294963264,6 0 0 1", "2,40 0 0 4294967295,6 0 0 1", "2,96 0 0 1,6 0 0 1",
        "3,2 0 0 1,96 0 0 1,6 0 0 1", "3,2 0 0 16,96 0 0 16,6 0 0 1", "4,21 0 1 0,2 0 0 2,96 0 0 2,6 0 0 1", "2,52 0 0 0,6 0 0 1", "2,52 0 0 3,6 0 0 1", "2,148 0 0 0,6 0 0 1", "2,60 0 0 0,6 0 0 1",
        "2,100 0 0 32,6 0 0 1", "2,100 0 0 31,6 0 0 1", "2,132 0 0 0,6 0 0 1", "2,140 0 0 0,6 0 0 1", "2,164 0 0 5,6 0 0 1", "2,180 0 0 5,6 0 0 1", "2,7 0 0 0,22 0 0 0", "2,135 0 0 0,22 0 0 0",
        "2,15 0 0 0,6 0 0 1", "2,177 0 0 0,6 0 0 1", "2,161 0 0 0,6 0 0 1", "2,129 0 0 0,6 0 0 1", "2,128 0 0 0,6 0 0 1", "2,14 0 0 0,6 0 0 1", "1,14 0 0 0", "2,256 0 0 0,6 0 0 1", "2,85 0 0 0,6 0 0 1",
        "2,8 0 0 0,6 0 0 1", "2,80 0 0 0,6 0 0 1", "2,88 0 0 0,6 0 0 1", "2,1 0 0 0,6 0 0 1", "2,97 0 0 0,6 0 0 1", "2,260 0 0 1,6 0 0 1",
    ];

    [Test]
    public void A_program_of_the_packet_filter_is_taken_or_refused_as_on_the_real_kernel()
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using var kernel = new SimulatedKernel();
        using IptablesTables real = IptablesTables.Open(LinuxKernel.Open(space), IptablesInterface.Nft), simulated = IptablesTables.Open(kernel, IptablesInterface.Nft);
        bool[] taken = [.. Programs.Select(program => IsTaken(real, program))];
        Assert.That(Programs.Select(program => IsTaken(simulated, program)), Is.EqualTo(taken), () => string.Join("; ", Programs.Zip(taken)));
        Assert.That(taken.Distinct().Count(), Is.EqualTo(2), "some are taken, some are refused");

        static bool IsTaken(IptablesTables tables, string program)
        {
            try
            {
                tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, $"*filter\n-A FORWARD -m bpf --bytecode \"{program}\" -j DROP\nCOMMIT\n", IptablesInterface.Nft, tables.Names));
                return true;
            }
            catch (IptablesParseException)
            {
                return false;
            }
        }
    }

    /// <summary>Packets of which the headers, their order and their contents are drawn.</summary>
    private sealed class ExtensionHeaderPackets(RandomSource random)
    {
        public (bool Left, byte[] Frame) Next()
        {
            bool left = random.Next(4) != 0;
            byte last = Pick<byte>(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Udp, IpProtocol.Icmpv6, IpProtocol.Icmpv6, IpProtocol.Esp, 135, IpProtocol.Ipv6NoNext);
            byte[] packet = Body(last);
            byte next = last;

            // From the back to the front.
            int count = random.Next(4);
            for (int index = 0; index < count; index++)
            {
                byte kind = index == count - 1 && random.Next(3) == 0 ? IpProtocol.HopByHop : Pick<byte>(IpProtocol.Ipv6Destination, IpProtocol.Ipv6Routing, IpProtocol.Ah, IpProtocol.Ipv6Fragment);
                packet = [.. Header(kind, next), .. packet];
                next = kind;
            }

            if (random.Next(12) == 0)
            {
                packet = packet[..random.Next(packet.Length + 1)];
            }

            byte[] frame = new byte[14 + Ipv6Header.Size + packet.Length];
            (left ? RouterLeft : RouterRight).CopyTo(frame, 0);
            byte[] sender = left ? TesterLeft : TesterRight;
            sender.CopyTo(frame, 6);
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), EtherType.Ipv6);
            var header = new Ipv6Header(frame.AsSpan(14));
            header.Write(next, packet.Length, Pick<byte>(33, 60, 64, 64, 128), Pick<byte>(0, 0x10, 0xb8, 3));
            Address(left ? 1 : 2, sender).CopyTo(header.Source);
            Address(left ? 2 : 1, null).CopyTo(header.Destination);
            packet.CopyTo(frame, 14 + Ipv6Header.Size);
            if (last is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Icmpv6)
            {
                Packet whole = Packet.FromFrame(frame);
                whole.LocateTransport();
                if (whole.HasTransportProtocol && whole.FragmentOffset == 0 && whole.TransportProtocol == last && whole.Transport.Length >= 8 + (last == IpProtocol.Tcp ? 12 : 0))
                {
                    whole.UpdateTransportChecksum();
                    frame = whole.Frame.ToArray();
                }
            }

            return (left, frame);
        }

        // The host's number, or made of its MAC.
        private byte[] Address(int network, byte[]? mac)
        {
            byte[] address = new byte[16];
            ((ReadOnlySpan<byte>)[0x20, 0x01, 0x0d, 0xb8, 0, (byte)network]).CopyTo(address);
            if (mac is not null && random.Next(3) == 0)
            {
                ((ReadOnlySpan<byte>)[(byte)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]]).CopyTo(address.AsSpan(8));
            }
            else
            {
                address[15] = (byte)(2 + random.Next(2));
            }

            return address;
        }

        private byte[] Body(byte protocol)
        {
            byte[] body = new byte[protocol == IpProtocol.Ipv6NoNext ? 0 : 24 + random.Next(30)];
            for (int index = 8; index < body.Length; index++)
            {
                body[index] = (byte)('A' + random.Next(3));
            }

            switch (protocol)
            {
                case IpProtocol.Tcp:
                    Ports(body);
                    body[12] = 0x50;
                    body[13] = Pick<byte>(2, 2, 16, 24);
                    body = body[13] == 2 ? body[..20] : body;
                    break;
                case IpProtocol.Udp:
                    Ports(body);
                    BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(4), (ushort)body.Length);
                    break;
                case IpProtocol.Icmpv6:
                    body[0] = Pick<byte>(128, 128, 129, 1, 3);
                    body[1] = body[0] == 1 ? (byte)random.Next(6) : (byte)0;
                    break;
                case IpProtocol.Esp:
                    BinaryPrimitives.WriteUInt32BigEndian(body, (uint)random.Next(300));
                    break;
                case 135:
                    body[0] = Pick<byte>(IpProtocol.Ipv6NoNext, IpProtocol.Ipv6NoNext, IpProtocol.Ipv6NoNext, IpProtocol.Udp);
                    body[2] = (byte)random.Next(8);
                    break;
            }

            return body;
        }

        private void Ports(byte[] body)
        {
            BinaryPrimitives.WriteUInt16BigEndian(body, (ushort)(2000 + random.Next(3)));
            BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(2), Pick<ushort>(22, 80, 443));
        }

        private byte[] Header(byte kind, byte next)
        {
            switch (kind)
            {
                case IpProtocol.Ah:
                    byte[] authentication = new byte[Pick(12, 16, 24)];
                    authentication[0] = next;
                    authentication[1] = (byte)(authentication.Length / 4 - 2);
                    authentication[3] = (byte)(random.Next(3) == 0 ? 1 : 0);
                    BinaryPrimitives.WriteUInt32BigEndian(authentication.AsSpan(4), Pick<uint>(150, 300, 7));
                    return authentication;
                case IpProtocol.Ipv6Fragment:
                    byte[] fragment = [next, (byte)(random.Next(5) == 0 ? 1 : 0), 0, 0, 0, 0, 0, Pick<byte>(7, 100)];
                    BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(2), Pick<ushort>(0, 1, 8, 9, 2));
                    return fragment;
                case IpProtocol.Ipv6Routing:
                    int addresses = random.Next(3);
                    byte[] routing = new byte[8 + addresses * 16];
                    ((ReadOnlySpan<byte>)[next, (byte)(addresses * 2), Pick<byte>(0, 4, 4, 2), (byte)random.Next(3), (byte)random.Next(3), 0, 0, Pick<byte>(0, 7)]).CopyTo(routing);
                    for (int number = 0; number < addresses; number++)
                    {
                        ((ReadOnlySpan<byte>)[0x20, 0x01, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(1 + random.Next(2))]).CopyTo(routing.AsSpan(8 + number * 16));
                    }

                    return routing;
                default:
                    // A router looks into hop-by-hop options: those there are known to it.
                    byte[] options = kind == IpProtocol.HopByHop
                        ? Pick<byte[]>([5, 2, 0, 0, 1, 0], [1, 4, 0, 0, 0, 0], [0, 0, 1, 2, 0, 0], [5, 2, 0, 0, 0, 0])
                        : Pick<byte[]>([1, 4, 0, 0, 0, 0], [30, 2, 9, 9, 1, 0], [30, 2, 9, 9, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]);
                    return [next, (byte)((2 + options.Length) / 8 - 1), .. options];
            }
        }

        private T Pick<T>(params T[] values) => values[random.Next(values.Length)];
    }
}
