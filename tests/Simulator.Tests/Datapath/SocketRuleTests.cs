using System.Net;
using System.Net.Sockets;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Simulator.Time;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// Rules about sockets: the same sockets stand on this machine's kernel and on a simulated one, the same packets come to them and leave by them, and every
/// rule of nf_tables and of iptables counts the same packets on both. What TCP itself says differs (numbers, options), so frames are not compared.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "iptables-nft", "ip6tables-nft")]
public sealed class SocketRuleTests
{
    private const ushort AnyUdp = 53, OneUdp = 5000, AnyTcp = 22, OneTcp = 443, Closed = 80;

    private static readonly string[] Sockets = ["socket transparent 0", "socket transparent 1", "socket wildcard 0", "socket wildcard 1", "socket mark 0", "socket mark 1"];
    private static readonly string[] Owners = ["meta skuid 0", "meta skuid 1", "meta skgid 0", "meta skgid != 5", "meta cgroup 0", "meta cgroup 7"];
    private static readonly string[] SocketMatches = ["-m socket", "-m socket --nowildcard", "-m socket --transparent", "-m socket --nowildcard --restore-skmark"];
    private static readonly string[] OwnerMatches =
    [
        "-m owner --uid-owner 0", "-m owner ! --uid-owner 0", "-m owner --uid-owner 1-9", "-m owner --gid-owner 0-5", "-m owner ! --gid-owner 7", "-m owner --socket-exists", "-m owner ! --socket-exists",
        "-m owner --uid-owner 0 --socket-exists", "-m cgroup --cgroup 0", "-m cgroup ! --cgroup 0", "-m cgroup --cgroup 3", "-m cgroup --path /",
    ];

    [Test]
    public void Rules_see_the_sockets_of_a_machine_as_on_the_real_kernel([Values] bool isV6)
    {
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        string any = string.Concat(Sockets.Select(static rule => $"{rule} counter\n")), own = string.Concat(Owners.Select(static rule => $"{rule} counter\n"));
        string Chain(string hook, string rules) => $"chain {hook} {{\ntype filter hook {hook} priority 0\n{rules}}}\n";
        Assert.That(real.Load($"table inet sockets {{\n{Chain("prerouting", any + own)}{Chain("input", any + own)}{Chain("forward", own)}{Chain("output", any + own)}{Chain("postrouting", own)}}}".Split('\n')), Is.Null, "nft");
        real.RunInside(isV6 ? "ip6tables-nft-restore" : "iptables-nft-restore", "*mangle\n" + string.Concat(
            SocketMatches.Select(static rule => $"-A PREROUTING {rule}\n-A INPUT {rule}\n").Concat(OwnerMatches.Select(static rule => $"-A OUTPUT {rule}\n-A POSTROUTING {rule}\n"))) + "-A INPUT -m cgroup --cgroup 0\nCOMMIT\n");
        simulated.Load(real.ReadRuleset());

        string own1 = isV6 ? "2001:db8:1::1" : "10.1.0.1", station = isV6 ? "2001:db8:1::2" : "10.1.0.2", far = isV6 ? "2001:db8:2::3" : "10.2.0.3";
        using RealSockets realSockets = real.DoInside(() => new RealSockets(own1));
        using var mySockets = new SimulatedSockets(simulated.Machine, own1);
        int step = 0;
        void Send(string what, Func<DifferenceLab, byte[]?> frame)
        {
            step++;
            int answers = 0;
            foreach (DifferenceLab lab in (DifferenceLab[])[simulated, real])
            {
                if (frame(lab) is { } bytes)
                {
                    answers = lab.Send(new ProgramFrame(0, bytes), answers).Count;
                }
            }

            // What else the real kernel says would have come by now.
            Thread.Sleep(10);
            List<string> expected = Packets(real), found = Packets(simulated);
            Assert.That(found, Is.EqualTo(expected), () => $"step {step}, {what}: real {string.Join(", ", expected.Except(found))}; simulated {string.Join(", ", found.Except(expected))}");
        }

        string outer = DifferenceLab.OuterMac(0).ToString(), inner = DifferenceLab.InnerMac(0).ToString();
        byte[] Udp(string to, ushort port) => Frames.Udp(outer, inner, station, to, 2001, port);
        byte[] Tcp(TcpFlags flags, ushort port, uint sequence, uint acknowledgement, int data = 0, string? to = null) => Frames.Tcp(outer, inner, station, to ?? own1, 2002, port, flags, sequence, acknowledgement, data);
        Send("a datagram for a socket of any address", _ => Udp(own1, AnyUdp));
        Send("a datagram for a socket of one address", _ => Udp(own1, OneUdp));
        Send("a datagram that nobody takes", _ => Udp(own1, Closed));
        Send("a datagram that passes through, to the port of a socket", _ => Udp(far, AnyUdp));
        Send("a datagram that passes through, to a port that is bound to one address", _ => Udp(far, OneUdp));
        Send("a SYN that nobody takes", _ => Tcp(TcpFlags.Synchronize, Closed, 100, 0));
        Send("a SYN that passes through, to the port of a listener", _ => Tcp(TcpFlags.Synchronize, AnyTcp, 100, 0, to: far));
        Send("an echo request", _ => Frames.Echo(outer, inner, station, own1));
        foreach (ushort port in (ushort[])[AnyTcp, OneTcp])
        {
            var numbers = new Dictionary<DifferenceLab, uint>();
            Send($"a SYN to {port}", lab =>
            {
                List<string> answers = lab.Send(new ProgramFrame(0, Tcp(TcpFlags.Synchronize, port, 100, 0)), 1);
                Packet answer = Packet.FromFrame(Convert.FromHexString(answers.Single()[(answers.Single().LastIndexOf(' ') + 1)..]));
                Assert.That(answer.LocateTransport(), Is.True);
                numbers[lab] = new TcpHeader(answer.Transport).Sequence + 1;
                return null;
            });
            Send("an error about the handshake", lab => Error(outer, inner, station, own1, IpProtocol.Tcp, port, 2002));
            Send("a segment of another connection", lab => Tcp(TcpFlags.Acknowledge, Closed, 5, 5));
            Send("the end of the handshake", lab => Tcp(TcpFlags.Acknowledge, port, 101, numbers[lab]));

            // Before its program takes it, a connection is nobody's.
            realSockets.Accept(port);
            Send("data", lab => Tcp(TcpFlags.Acknowledge | TcpFlags.Push, port, 101, numbers[lab], data: 10));
            Send("an error about the connection", lab => Error(outer, inner, station, own1, IpProtocol.Tcp, port, 2002));
            Send("its end", lab => Tcp(TcpFlags.Reset, port, 111, numbers[lab]));
            Send("a segment after the end", lab => Tcp(TcpFlags.Acknowledge, port, 111, numbers[lab]));
        }

        Send("a datagram of a program", lab =>
        {
            (lab == real ? realSockets : (ISockets)mySockets).Send(station, 2001);
            return null;
        });
        Send("an error about it", _ => Error(outer, inner, station, own1, IpProtocol.Udp, AnyUdp, 2001));
        Send("an error about one that was never sent", _ => Error(outer, inner, station, own1, IpProtocol.Udp, Closed, 2001));
        Send("an error about a packet of ICMP", _ => Error(outer, inner, station, own1, isV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp, 1, 1));
        string[] counted = [.. Packets(real).Where(static line => !line.EndsWith(" 0", StringComparison.Ordinal))];
        TestContext.Out.WriteLine($"{step} steps, {Packets(real).Count} rules, {counted.Length} of which counted packets");
        Assert.That(counted, Has.Length.GreaterThan(45), "rules that some packet met");
    }

    /// <summary>An ICMP error that quotes a packet which this machine sent: too big for a way of 1500 octets, which it is not, so it changes nothing.</summary>
    private static byte[] Error(string source, string destination, string from, string to, byte protocol, ushort ownPort, ushort port)
    {
        (byte type, byte code) = to.Contains(':', StringComparison.Ordinal) ? (Icmpv6Type.PacketTooBig, (byte)0) : (IcmpType.DestinationUnreachable, IcmpType.FragmentationNeededCode);
        return Frames.Error(source, destination, from, to, type, code, 1500, protocol, ownPort, port);
    }

    /// <summary>What each rule counted, without bytes: a segment's options are each kernel's own.</summary>
    private static List<string> Packets(DifferenceLab lab) => [.. lab.Counters().Select(static line => line[..line.LastIndexOf(' ')])];

    private interface ISockets
    {
        void Send(string to, ushort port);
    }

    /// <summary>Of this process, in the machine's namespace.</summary>
    private sealed class RealSockets : ISockets, IDisposable
    {
        private readonly List<Socket> _sockets = [];

        public RealSockets(string address)
        {
            _sockets.Add(Bind(SocketType.Dgram, IPAddress.IPv6Any, AnyUdp));
            _sockets.Add(Bind(SocketType.Dgram, IPAddress.Parse(address), OneUdp));
            _sockets.Add(Bind(SocketType.Stream, IPAddress.IPv6Any, AnyTcp));
            _sockets.Add(Bind(SocketType.Stream, IPAddress.Parse(address), OneTcp));
        }

        private static Socket Bind(SocketType type, IPAddress address, ushort port)
        {
            var socket = new Socket(address.AddressFamily, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
            if (address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(new IPEndPoint(address, port));
            if (type == SocketType.Stream)
            {
                socket.Listen();
            }

            return socket;
        }

        public void Accept(ushort port) => _sockets.Add(_sockets.Single(socket => socket.SocketType == SocketType.Stream && ((IPEndPoint)socket.LocalEndPoint!).Port == port).Accept());

        public void Send(string to, ushort port) => _sockets[0].SendTo([1, 2, 3, 4], new IPEndPoint(to.Contains(':', StringComparison.Ordinal) ? IPAddress.Parse(to) : IPAddress.Parse(to).MapToIPv6(), port));

        public void Dispose() => _sockets.ForEach(static socket => socket.Dispose());
    }

    private sealed class SimulatedSockets : ISockets, IDisposable
    {
        private readonly SimulatedKernel _kernel;
        private readonly UdpEndpoint _any;
        private readonly List<IDisposable> _others = [];

        public SimulatedSockets(SimulatedKernel kernel, string address)
        {
            _kernel = kernel;
            using SimulationQueue.Call call = kernel.Enter();
            _any = kernel.Stack.Udp.Open(null, AnyUdp);
            _others.Add(kernel.Stack.Udp.Open(InternetAddress.Parse(address), OneUdp));
            _others.Add(kernel.Stack.Tcp.Listen(null, AnyTcp, static _ => { }));
            _others.Add(kernel.Stack.Tcp.Listen(InternetAddress.Parse(address), OneTcp, static _ => { }));
        }

        public void Send(string to, ushort port)
        {
            using SimulationQueue.Call call = _kernel.Enter();
            _any.Send(InternetAddress.Parse(to), port, [1, 2, 3, 4]);
        }

        public void Dispose()
        {
            using SimulationQueue.Call call = _kernel.Enter();
            _any.Dispose();
            _others.ForEach(static socket => socket.Dispose());
        }
    }
}
