using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// Connections through a SYN proxy on this machine's kernel and on a simulated one: every segment that comes out, on either side, is the same but for the
/// cookie and the proxy's clock, which are each kernel's own and are shown by a name here.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "iptables-nft", "ip6tables-nft")]
public sealed class SynproxyTests
{
    private const ushort Client = 2002, Server = 80;

    /// <summary>mss 1400, selective acknowledgements, a time, a factor of 2^7; the times are filled in.</summary>
    private static readonly byte[] AllOptions = [2, 4, 5, 0x78, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7];

    public enum Way
    {
        Rule,
        Object,
        Target,
    }

    [Test]
    public void A_proxied_connection_looks_the_same_from_both_sides_as_on_the_real_kernel([Values] bool isV6, [Values] Way way, [Values] bool withTimes)
    {
        using var labs = new Exchange(isV6, way, withTimes);
        byte[] options = withTimes ? AllOptions : AllOptions[..4];
        byte[] Times(uint time, uint echo) => withTimes ? [1, 1, 8, 10, .. Number(time), .. Number(echo)] : [];
        labs.FromClient("a SYN", TcpFlags.Synchronize, _ => 100, _ => 0, _ => withTimes ? [.. options[..8], .. Number(1000), .. Number(0), .. options[16..]] : options);
        labs.FromClient("the SYN again", TcpFlags.Synchronize, _ => 100, _ => 0, _ => withTimes ? [.. options[..8], .. Number(1000), .. Number(0), .. options[16..]] : options);
        labs.FromClient("an acknowledgement of nothing", TcpFlags.Acknowledge, _ => 101, lab => lab.Cookie + 7, lab => Times(1001, lab.Time));
        labs.FromClient("the handshake's end", TcpFlags.Acknowledge, _ => 101, lab => lab.Cookie + 1, lab => Times(1001, lab.Time));
        labs.FromClient("a sign of life", TcpFlags.Acknowledge, _ => 100, lab => lab.Cookie + 1, lab => Times(1002, lab.Time));
        labs.FromServer("the server's answer", TcpFlags.Synchronize | TcpFlags.Acknowledge, _ => 777000, _ => 101, _ => withTimes ? [2, 4, 5, 0xb4, 4, 2, 8, 10, .. Number(5000), .. Number(1001), 1, 3, 3, 3] : [2, 4, 5, 0xb4]);
        labs.FromClient("data", TcpFlags.Acknowledge | TcpFlags.Push, _ => 101, lab => lab.Cookie + 1, lab => Times(1010, lab.Time), data: 12);
        labs.FromServer("data of the server", TcpFlags.Acknowledge | TcpFlags.Push, _ => 777001, _ => 113, _ => Times(5010, 1010), data: 30);
        labs.FromClient("an acknowledgement with a gap", TcpFlags.Acknowledge, _ => 113, lab => lab.Cookie + 1, lab => [.. Times(1020, lab.Time + 10), 1, 1, 5, 10, .. Number(lab.Cookie + 11), .. Number(lab.Cookie + 31)]);
        labs.FromServer("data again", TcpFlags.Acknowledge, _ => 777001, _ => 113, _ => Times(5020, 1020), data: 30);
        labs.FromServer("options that do not end in their header", TcpFlags.Acknowledge, _ => 777031, _ => 113, _ => [.. Times(5025, 1020), 1, 1, 99, 9]);
        labs.FromClient("such of the client", TcpFlags.Acknowledge, _ => 113, lab => lab.Cookie + 32, lab => [.. Times(1025, lab.Time + 20), 1, 5, 18, 0]);
        labs.FromServer("the server's end", TcpFlags.Acknowledge | TcpFlags.Finish, _ => 777031, _ => 113, _ => Times(5030, 1020));
        labs.FromClient("the client's end", TcpFlags.Acknowledge | TcpFlags.Finish, _ => 113, lab => lab.Cookie + 32, lab => Times(1030, lab.Time + 30));
        labs.FromServer("the last acknowledgement", TcpFlags.Acknowledge, _ => 777032, _ => 114, _ => Times(5040, 1030));
        labs.FromClient("a segment of somebody who never shook hands", TcpFlags.Acknowledge, _ => 5000, _ => 6000, _ => [], port: 2003);
        labs.FromClient("a SYN that is also an end", TcpFlags.Synchronize | TcpFlags.Finish, _ => 100, _ => 0, _ => options, port: 2004);
        labs.FromClient("a SYN that is also an acknowledgement", TcpFlags.Synchronize | TcpFlags.Acknowledge, _ => 100, _ => 1, _ => options, port: 2004);
        labs.FromClient("a SYN without options", TcpFlags.Synchronize, _ => 100, _ => 0, _ => [], port: 2005);
        labs.FromClient("a SYN that asks for congestion notification", TcpFlags.Synchronize | TcpFlags.EchoCongestion | TcpFlags.CongestionWindowReduced, _ => 100, _ => 0, _ => withTimes ? [.. options[..8], .. Number(1000), .. Number(0), .. options[16..]] : options, port: 2006);
        labs.FromClient("its handshake's end", TcpFlags.Acknowledge, _ => 101, lab => lab.Cookie + 1, lab => Times(1001, lab.Time), port: 2006);
        labs.FromServer("a refusal", TcpFlags.Reset | TcpFlags.Acknowledge, _ => 0, _ => 101, _ => [], port: 2006);
        TestContext.Out.WriteLine(string.Join('\n', labs.Shown));
        if (labs.IsSilent)
        {
            // The kernel of this version drops untracked SYNs of IPv6, as if they were damaged (KernelProfile.SumsProxiedIpv6).
            Assert.That(labs.Shown, Has.None.StartsWith("a1 Synchronize"));
            return;
        }

        Assert.That(labs.Shown.Count(static line => line.StartsWith("b1", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(7), () => string.Join('\n', labs.Shown));
        Assert.That(labs.Shown.Any(static line => line.StartsWith("a1 Synchronize, Acknowledge seq C ack 101 window 0", StringComparison.Ordinal)), Is.True, () => string.Join('\n', labs.Shown));
    }

    private static byte[] Number(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    /// <summary>A kernel, and what it drew.</summary>
    private sealed class Side(DifferenceLab lab)
    {
        public DifferenceLab Lab { get; } = lab;

        public uint Cookie { get; set; }

        /// <summary>The proxy's clock, as it told the client.</summary>
        public uint Time { get; set; }
    }

    private sealed class Exchange : IDisposable
    {
        private readonly RealLab _real = new(Topology.Router);
        private readonly SimulatedLab _simulated = new(Topology.Router);
        private readonly Side[] _sides;
        private readonly string _client, _server;

        public Exchange(bool isV6, Way way, bool withTimes)
        {
            (_client, _server) = isV6 ? ("2001:db8:1::2", "2001:db8:2::3") : ("10.1.0.2", "10.2.0.3");
            IsSilent = isV6 && way != Way.Target && !_simulated.Machine.Profile.SumsProxiedIpv6;
            _sides = [new Side(_simulated), new Side(_real)];
            string terms = withTimes ? "mss 1460 wscale 9 timestamp sack-perm" : "mss 1460 wscale 9";
            string states = "chain out {\ntype filter hook output priority 0\nct state new counter\nct state established counter\nct state invalid counter\nct state untracked counter\n}\n";
            if (way == Way.Target)
            {
                string options = withTimes ? "--sack-perm --timestamp --wscale 9 --mss 1460 --ecn" : "--mss 1460";
                _real.RunInside(isV6 ? "ip6tables-nft-restore" : "iptables-nft-restore",
                    $"*raw\n-A PREROUTING -p tcp --dport 80 --syn -j CT --notrack\nCOMMIT\n*filter\n-A FORWARD -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY {options}\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n");
            }

            string proxy = way == Way.Object ? "synproxy name \"p\"" : $"synproxy {terms}";
            string named = way == Way.Object ? $"synproxy p {{\n{terms.Replace(" timestamp", "\ntimestamp", StringComparison.Ordinal).Replace(" wscale", "\nwscale", StringComparison.Ordinal)}\n}}\n" : "";
            string rules = way == Way.Target ? "" : $"{named}chain pre {{\ntype filter hook prerouting priority raw\ntcp dport 80 tcp flags & (fin|syn|rst|ack) == syn notrack\n}}\n"
                + $"chain through {{\ntype filter hook forward priority 0\nct state invalid,untracked tcp dport 80 {proxy}\nct state invalid counter drop\n}}\n";
            Assert.That(_real.Load($"table inet s {{\n{rules}{states}}}".Split('\n')), Is.Null, "nft");
            _simulated.Load(_real.ReadRuleset());
            foreach (Side side in _sides)
            {
                side.Lab.Kernel.WriteParameter("net/netfilter/nf_conntrack_tcp_loose", "0");
            }
        }

        /// <summary>Nothing is said to clients by this kernel and in this way.</summary>
        public bool IsSilent { get; }

        /// <summary>What came out on both, a line a step or a segment.</summary>
        public List<string> Shown { get; } = [];

        public void FromClient(string what, TcpFlags flags, Func<Side, uint> sequence, Func<Side, uint> acknowledgement, Func<Side, byte[]> options, int data = 0, ushort port = Client) =>
            Send(what, 0, side => Segment(_client, _server, port, Server, flags, sequence(side), acknowledgement(side), options(side), data));

        public void FromServer(string what, TcpFlags flags, Func<Side, uint> sequence, Func<Side, uint> acknowledgement, Func<Side, byte[]> options, int data = 0, ushort port = Client) =>
            Send(what, 1, side => Segment(_server, _client, Server, port, flags, sequence(side), acknowledgement(side), options(side), data));

        public void Dispose()
        {
            _real.Dispose();
            _simulated.Dispose();
        }

        private void Send(string what, int port, Func<Side, byte[]> frame)
        {
            var shown = new List<List<string>>();
            foreach (Side side in _sides)
            {
                var program = new ProgramFrame(port, frame(side));
                List<string> frames = side.Lab == _simulated ? _simulated.Tell(program) : side.Lab.Send(program, shown[0].Count);
                List<(string Device, byte[] Bytes)> read = [.. frames.Select(static line => (line[..2], Convert.FromHexString(line[(line.LastIndexOf(' ') + 1)..])))];

                // Who was sent first is told by the port it left by and its numbers.
                shown.Add([.. read.Select(each => $"{each.Device} {Describe(side, Packet.FromFrame(each.Bytes))}").Order(StringComparer.Ordinal)]);
            }

            Assert.That(shown[0], Is.EqualTo(shown[1]), () => $"{what}: simulated, beside real\n{_simulated.Story}\nbefore:\n{string.Join('\n', Shown)}");
            Shown.Add($"{what}:");
            Shown.AddRange(shown[1]);
            List<string> counted = _real.Counters(), ours = _simulated.Counters();
            Assert.That(ours, Is.EqualTo(counted), () => $"{what}: what rules counted, simulated beside real\n{_simulated.Story}");
        }

        private byte[] Segment(string from, string to, ushort fromPort, ushort toPort, TcpFlags flags, uint sequence, uint acknowledgement, byte[] options, int data)
        {
            Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), IpProtocol.Tcp, TcpHeader.MinimumSize + options.Length + data);
            new TcpHeader(packet.Transport).Write(fromPort, toPort, sequence, acknowledgement, flags, 29200, options);
            packet.UpdateHeaderChecksum();
            packet.UpdateTransportChecksum();
            int port = from == _client ? 0 : 1;
            packet.SetLinkHeader(DifferenceLab.InnerMac(port), DifferenceLab.OuterMac(port), packet.Protocol);
            return packet.Frame.ToArray();
        }

        /// <summary>A segment in words, with what this kernel drew by its name. A made one's checksum is left to the card on a real machine; of one that passes it must be right.</summary>
        private static string Describe(Side side, Packet packet)
        {
            packet.LocateTransport();
            var header = new TcpHeader(packet.Transport);
            bool isFirst = header.Flags == (TcpFlags.Synchronize | TcpFlags.Acknowledge) || header.Flags == (TcpFlags.Synchronize | TcpFlags.Acknowledge | TcpFlags.EchoCongestion);
            if (isFirst && header.SourcePort == Server && header.Window == 0)
            {
                side.Cookie = header.Sequence;
            }

            var options = new List<string>();
            for (int at = 0; at < header.Options.Length;)
            {
                ReadOnlySpan<byte> option = header.Options[at..];
                int length = option[0] < 2 ? 1 : option[1];
                if (option[0] == 8)
                {
                    uint time = BinaryPrimitives.ReadUInt32BigEndian(option[2..]), echo = BinaryPrimitives.ReadUInt32BigEndian(option[6..]);
                    side.Time = isFirst && header.Window == 0 ? time : side.Time;
                    options.Add($"time {Name(time, side, "T", side.Time)} (..{(isFirst ? time & 0x3f : 0):x}) echo {Name(echo, side, "T", side.Time)}");
                }
                else if (option[0] == 5)
                {
                    options.Add($"selective {Name(BinaryPrimitives.ReadUInt32BigEndian(option[2..]), side, "C", side.Cookie)} to {Name(BinaryPrimitives.ReadUInt32BigEndian(option[6..]), side, "C", side.Cookie)}");
                }
                else
                {
                    options.Add(Convert.ToHexStringLower(option[..length]));
                }

                at += length;
            }

            bool passed = header.Payload.Length > 0;
            return $"{header.Flags} seq {Name(header.Sequence, side, "C", side.Cookie)} ack {Name(header.Acknowledgement, side, "C", side.Cookie)} window {header.Window} [{string.Join(", ", options)}] data {header.Payload.Length}"
                + $" ttl {packet.HopLimit} {(passed ? packet.HasValidTransport ? "sum right" : "sum wrong" : "")}{(packet.IsIpv6 ? "" : $" id {packet.Ipv4.Identification} {packet.Ipv4.FragmentField:x}")}";
        }

        private static string Name(uint value, Side side, string name, uint drawn)
        {
            int difference = (int)(value - drawn), sum = (int)(value + drawn);
            return drawn == 0 ? $"{value}"
                : Math.Abs(difference) < 3000 ? difference == 0 ? name : $"{name}{difference:+0;-0}"
                : name == "T" && Math.Abs(sum) < 20000 && value > int.MaxValue ? $"{sum} - {name}"
                : $"{value}";
        }
    }
}
