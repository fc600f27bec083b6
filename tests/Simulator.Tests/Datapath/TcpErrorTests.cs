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
/// ICMP errors about a connection that is being opened: sockets of this machine's kernel and of a simulated one end by the same, whoever began it, and learn an MTU from the same
/// (tcp_v4_err, tcp_v6_err).
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft")]
public sealed class TcpErrorTests
{
    private const ushort Listening = 22, FirstPort = 2001, Far = 5000;

    private static readonly string Outer = DifferenceLab.OuterMac(0).ToString(), Inner = DifferenceLab.InnerMac(0).ToString();

    private static readonly (byte Type, byte Code)[] ErrorsV4 =
    [
        (3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (3, 5), (3, 9), (3, 13), (3, 15), (3, 16), (4, 0), (5, 1), (11, 0), (11, 1), (12, 0),
    ];

    private static readonly (byte Type, byte Code)[] ErrorsV6 =
    [
        (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2), (9, 0),
    ];

    /// <summary>A number that was never sent is not believed, whatever it speaks of.</summary>
    private static readonly uint[] Shifts = [0, 1, 2, 0xffff_ffff];

    [Test]
    public void Errors_end_the_handshakes_that_they_end_on_the_real_kernel([Values] bool isV6)
    {
        (string own, string station) = isV6 ? ("2001:db8:1::1", "2001:db8:1::2") : ("10.1.0.1", "10.1.0.2");
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        using var realSockets = new RealSockets(real, own);
        using var mySockets = new SimulatedSockets(simulated.Machine, own);
        (DifferenceLab Lab, ISockets Sockets)[] sides = [(real, realSockets), (simulated, mySockets)];
        var outcomes = new Dictionary<DifferenceLab, List<string>> { [real] = [], [simulated] = [] };
        ushort port = FirstPort;
        foreach ((byte type, byte code) in isV6 ? ErrorsV6 : ErrorsV4)
        {
            foreach (uint shift in Shifts)
            {
                port++;
                foreach ((DifferenceLab lab, ISockets sockets) in sides)
                {
                    sockets.Connect(port, station, Far);
                    uint sequence = Await(lab, lab.Collect(), port, Far);
                    lab.Send(new ProgramFrame(0, Error(station, own, type, code, port, Far, sequence + shift)), 0);
                    Settle(lab, own, station);
                    string opening = sockets.IsOver(port) ? "over" : "goes on";
                    sockets.Close(port);

                    sequence = Begin(lab, station, own, port);
                    lab.Send(new ProgramFrame(0, Error(station, own, type, code, Listening, port, sequence + shift)), 0);
                    List<string> answers = lab.Send(new ProgramFrame(0, Frames.Tcp(Outer, Inner, station, own, port, Listening, TcpFlags.Acknowledge, 101, sequence + 1)), 0);
                    bool wasForgotten = Read(answers).Concat(Settle(lab, own, station)).Any(packet => packet.TransportProtocol == IpProtocol.Tcp && (new TcpHeader(packet.Transport).Flags & TcpFlags.Reset) != 0);
                    outcomes[lab].Add($"error {type}/{code}, {(int)shift} from the number: opening {opening}, request {(wasForgotten ? "over" : "goes on")}");
                    lab.Send(new ProgramFrame(0, Frames.Tcp(Outer, Inner, station, own, port, Listening, TcpFlags.Reset, 101, sequence + 1)), 0);
                    Settle(lab, own, station);
                }
            }
        }

        Assert.That(outcomes[simulated], Is.EqualTo(outcomes[real]), () => string.Join('\n', outcomes[real].Zip(outcomes[simulated]).Where(static pair => pair.First != pair.Second).Select(static pair => $"real {pair.First}\nsimulated {pair.Second}")));
        Assert.That(outcomes[real].Count(static line => line.Contains("opening over", StringComparison.Ordinal)), Is.GreaterThan(15));
        Assert.That(outcomes[real].Count(static line => line.EndsWith("request over", StringComparison.Ordinal)), Is.GreaterThan(3));
    }

    /// <summary>What the machine sends afterwards is cut where an MTU was learned: to each station another error was sent.</summary>
    [Test]
    public void An_MTU_is_learned_from_errors_about_what_is_under_way_as_on_the_real_kernel([Values] bool isV6)
    {
        (string own, string network) = isV6 ? ("2001:db8:1::1", "2001:db8:1::") : ("10.1.0.1", "10.1.0.");
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        using var realSockets = new RealSockets(real, own);
        using var mySockets = new SimulatedSockets(simulated.Machine, own);
        var answers = new List<List<string>>();
        foreach ((DifferenceLab lab, ISockets sockets) in ((DifferenceLab, ISockets)[])[(simulated, mySockets), (real, realSockets)])
        {
            byte[] TooBig(string station, ushort sender, ushort receiver, uint sequence) => Error(station, own, isV6 ? (byte)2 : (byte)3, isV6 ? (byte)0 : (byte)4, sender, receiver, sequence, 1300);
            for (ushort last = 2; last <= 3; last++)
            {
                // Of the number under way, and of another.
                sockets.Connect((ushort)(FirstPort + last), network + last, Far);
                uint sequence = Await(lab, lab.Collect(), (ushort)(FirstPort + last), Far);
                lab.Send(new ProgramFrame(0, TooBig(network + last, (ushort)(FirstPort + last), Far, sequence + (last == 2 ? 0u : 7u))), 0);
            }

            // About a handshake that the station began, and about a connection that never was.
            lab.Send(new ProgramFrame(0, TooBig(network + 4, Listening, FirstPort, Begin(lab, network + 4, own, FirstPort))), 0);
            lab.Send(new ProgramFrame(0, TooBig(network + 5, FirstPort, Far, 1)), 0);
            var lengths = new List<string>();
            for (int last = 2; last <= 5; last++)
            {
                List<Packet> pieces = Settle(lab, own, network + last, 1400);
                lengths.Add($"{network}{last}: {string.Join(" + ", pieces.Where(packet => packet.TransportProtocol is IpProtocol.Icmp or IpProtocol.Icmpv6).Select(static packet => packet.NetworkLength))}");
            }

            answers.Add(lengths);
        }

        Assert.That(answers[0], Is.EqualTo(answers[1]));
        Assert.That(answers[1][0].Contains('+', StringComparison.Ordinal), Is.EqualTo(!isV6), "what is under way is believed, by IPv6 not before it is known how large segments are");
        Assert.That(answers[1][1..], Has.None.Contains("+"), "nothing else is");
    }

    /// <summary>
    /// While its SYN is on its way out a socket is its program's: an error that the machine itself answers with is only remembered, and the one about the next SYN ends it. A reset ends it at once.
    /// </summary>
    [Test]
    public void A_rule_at_output_that_answers_with_an_error_ends_a_connection_with_its_second_SYN()
    {
        using var real = new RealLab(Topology.Router);
        Assert.That(
            real.Load(["table inet t {", "chain output {", "type filter hook output priority 0", $"tcp dport {Far} reject with icmpx type admin-prohibited", $"tcp dport {Listening} reject with tcp reset", "}", "}"]), Is.Null);
        using var simulated = new SimulatedLab(Topology.Router);
        simulated.Load(real.ReadRuleset());
        string[] own = ["10.1.0.1", "2001:db8:1::1"], stations = ["10.1.0.2", "2001:db8:1::2"];
        using RealSockets realV4 = new(real, own[0]), realV6 = new(real, own[1]);
        using SimulatedSockets myV4 = new(simulated.Machine, own[0]), myV6 = new(simulated.Machine, own[1]);
        ISockets[] mine = [myV4, myV6], those = [realV4, realV6];
        foreach ((ISockets sockets, string station) in mine.Zip(stations).Concat(those.Zip(stations)))
        {
            sockets.Connect(FirstPort, station, Far);
            sockets.Connect(FirstPort + 1, station, Listening);
            Assert.That(sockets.IsOver(FirstPort), Is.False, $"the error, {sockets} to {station}");
            Assert.That(sockets.IsOver(FirstPort + 1), Is.True, $"the reset, {sockets} to {station}");
        }

        simulated.Advance(TimeSpan.FromMilliseconds(1100));
        Assert.That(mine.Select(static sockets => sockets.IsOver(FirstPort)), Is.All.True);
        Assert.That(() => those.Select(static sockets => sockets.IsOver(FirstPort)), Is.All.True.After(10_000, 50));
    }

    /// <summary>A station begins a handshake; the number of the machine's answer.</summary>
    private static uint Begin(DifferenceLab lab, string station, string own, ushort port) =>
        Await(lab, lab.Send(new ProgramFrame(0, Frames.Tcp(Outer, Inner, station, own, port, Listening, TcpFlags.Synchronize, 100, 0)), 1), Listening, port);

    /// <summary>Waits for a segment between two ports; its number.</summary>
    private static uint Await(DifferenceLab lab, List<string> frames, ushort from, ushort to)
    {
        for (int i = 0; i < 2000; i++)
        {
            foreach (Packet packet in Read(frames))
            {
                if (packet.TransportProtocol == IpProtocol.Tcp && new TcpHeader(packet.Transport) is var header && header.SourcePort == from && header.DestinationPort == to)
                {
                    return header.Sequence;
                }
            }

            Thread.Sleep(1);
            frames = lab.Collect();
        }

        throw new TimeoutException($"no segment from {from} to {to}");
    }

    /// <summary>What came out until an echo request was answered that was sent after all else.</summary>
    private static List<Packet> Settle(DifferenceLab lab, string own, string station, int data = 8)
    {
        byte[] payload = new byte[IcmpHeader.Size + data];
        bool isV6 = own.Contains(':', StringComparison.Ordinal);
        Packet request = Packet.OfInternet(InternetAddress.Parse(station), InternetAddress.Parse(own), isV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp, payload.Length);
        _ = new IcmpHeader(request.Transport) { Type = isV6 ? Icmpv6Type.EchoRequest : IcmpType.EchoRequest, Identifier = 7 };
        var packets = Read(lab.Send(new ProgramFrame(0, Finish(request)), 0)).ToList();
        for (int i = 0; i < 2000 && !packets.Exists(packet => packet.TransportProtocol is IpProtocol.Icmp or IpProtocol.Icmpv6 && EndsPacket(packet)); i++)
        {
            Thread.Sleep(1);
            packets.AddRange(Read(lab.Collect()));
        }

        return packets;
    }

    private static bool EndsPacket(Packet packet) => packet.IsIpv6
        ? !packet.Ipv6.FindFragment(out int at) || (packet.Network[at + 3] & 1) == 0
        : (packet.Ipv4.FragmentField & Ipv4Header.MoreFragmentsFlag) == 0;

    private static IEnumerable<Packet> Read(IEnumerable<string> frames)
    {
        foreach (string frame in frames)
        {
            Packet packet = Packet.FromFrame(Convert.FromHexString(frame[(frame.LastIndexOf(' ') + 1)..]));
            packet.LocateTransport();
            yield return packet;
        }
    }

    /// <summary>An error that quotes a segment from this machine's port.</summary>
    private static byte[] Error(string station, string own, byte type, byte code, ushort port, ushort far, uint sequence, uint information = 1400) =>
        Frames.Error(Outer, Inner, station, own, type, code, information, IpProtocol.Tcp, port, far, sequence);

    private static byte[] Finish(Packet packet)
    {
        packet.UpdateHeaderChecksum();
        packet.UpdateTransportChecksum();
        packet.SetLinkHeader(DifferenceLab.InnerMac(0), DifferenceLab.OuterMac(0), packet.Protocol);
        return packet.Frame.ToArray();
    }

    /// <summary>Sockets of a machine: a listener, and connections that are being opened, each of a port of its own.</summary>
    private interface ISockets
    {
        void Connect(ushort port, string address, ushort remotePort);

        bool IsOver(ushort port);

        void Close(ushort port);
    }

    /// <summary>Of this process, in the machine's namespace.</summary>
    private sealed class RealSockets : ISockets, IDisposable
    {
        private readonly RealLab _lab;
        private readonly IPAddress _own;
        private readonly Socket _listener;
        private readonly Dictionary<ushort, Socket> _sockets = [];
        private readonly HashSet<ushort> _over = [];

        public RealSockets(RealLab lab, string own)
        {
            (_lab, _own) = (lab, IPAddress.Parse(own));
            _listener = lab.DoInside(() => new Socket(_own.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
            _listener.Bind(new IPEndPoint(_own, Listening));
            _listener.Listen();
        }

        public void Connect(ushort port, string address, ushort remotePort)
        {
            Socket socket = _lab.DoInside(() => new Socket(_own.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
            _sockets.Add(port, socket);
            socket.Bind(new IPEndPoint(_own, port));
            try
            {
                socket.Connect(new IPEndPoint(IPAddress.Parse(address), remotePort));
            }
            catch (SocketException underWay) when (underWay.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
            }
            catch (SocketException)
            {
                _over.Add(port);
            }
        }

        // To ask for the error would give one that is only remembered too (SO_ERROR).
        public bool IsOver(ushort port) => _over.Contains(port) || _sockets[port].Poll(0, SelectMode.SelectWrite);

        public void Close(ushort port)
        {
            _sockets.Remove(port, out Socket? socket);
            socket!.Dispose();
        }

        public void Dispose()
        {
            _listener.Dispose();
            foreach (Socket socket in _sockets.Values)
            {
                socket.Dispose();
            }
        }
    }

    private sealed class SimulatedSockets : ISockets, IDisposable
    {
        private readonly SimulatedKernel _kernel;
        private readonly IDisposable _listener;
        private readonly Dictionary<ushort, TcpEndpoint> _sockets = [];

        public SimulatedSockets(SimulatedKernel kernel, string own)
        {
            _kernel = kernel;
            using SimulationQueue.Call call = kernel.Enter();
            _listener = kernel.Stack.Tcp.Listen(InternetAddress.Parse(own), Listening, static _ => { });
        }

        public void Connect(ushort port, string address, ushort remotePort)
        {
            using SimulationQueue.Call call = _kernel.Enter();
            _sockets.Add(port, _kernel.Stack.Tcp.Connect(InternetAddress.Parse(address), remotePort, null, sourcePort: port)!);
        }

        public bool IsOver(ushort port) => _sockets[port].State == TcpSocketState.Closed;

        public void Close(ushort port)
        {
            using SimulationQueue.Call call = _kernel.Enter();
            _sockets.Remove(port, out TcpEndpoint? socket);
            socket!.Abort();
        }

        public void Dispose()
        {
            using SimulationQueue.Call call = _kernel.Enter();
            _listener.Dispose();
        }
    }
}
