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
public sealed class KernelDifferenceTests
{
    private static readonly byte[] RouterLeft = [2, 0, 0, 0, 0, 1], TesterLeft = [2, 0, 0, 0, 0, 2], RouterRight = [2, 0, 0, 0, 0, 3], TesterRight = [2, 0, 0, 0, 0, 4];

    /// <summary>EUCANET_DIFFERENCE_SEEDS raises the number of rule sets.</summary>
    [Test]
    public void Random_packets_through_random_rules_come_out_as_on_the_real_kernel()
    {
        int seeds = int.TryParse(Environment.GetEnvironmentVariable("EUCANET_DIFFERENCE_SEEDS"), CultureInfo.InvariantCulture, out int wanted) ? wanted : 20;
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
                frames.Add(Normal(side, buffer.AsSpan(0, length)));
            }
        }

        return frames;
    }

    private sealed class RealLab : IDisposable
    {
        private readonly string _router, _tester;
        private readonly NetworkNamespace _routerNamespace, _testerNamespace;
        private readonly IPacketSocket _left, _right;
        private readonly LinuxKernel _kernel;

        public RealLab(ulong seed)
        {
            _router = $"eud{Environment.ProcessId}r{seed}";
            _tester = $"eud{Environment.ProcessId}t{seed}";
            Ip($"netns add {_router}");
            Ip($"netns add {_tester}");
            foreach (string name in (string[])[_router, _tester])
            {
                NetworkNamespace.Open(name).Run(() => File.WriteAllText("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"));
            }

            Ip($"link add a0 netns {_router} address {Text(RouterLeft)} type veth peer name a1 netns {_tester} address {Text(TesterLeft)}");
            Ip($"link add b0 netns {_router} address {Text(RouterRight)} type veth peer name b1 netns {_tester} address {Text(TesterRight)}");
            foreach (string command in (string[])["addr add 10.1.0.1/24 dev a0", "addr add 10.2.0.1/24 dev b0", "link set lo up", "link set a0 up", "link set b0 up"])
            {
                Ip($"-n {_router} {command}");
            }

            Ip($"-n {_tester} link set a1 up");
            Ip($"-n {_tester} link set b1 up");
            for (int host = 2; host < 6; host++)
            {
                Ip($"-n {_router} neigh add 10.1.0.{host} lladdr {Text(TesterLeft)} dev a0 nud permanent");
                Ip($"-n {_router} neigh add 10.2.0.{host} lladdr {Text(TesterRight)} dev b0 nud permanent");
            }

            _routerNamespace = NetworkNamespace.Open(_router);
            _testerNamespace = NetworkNamespace.Open(_tester);
            _kernel = LinuxKernel.Open(_routerNamespace);
            Prepare(_kernel);
            LinuxKernel tester = LinuxKernel.Open(_testerNamespace);
            _left = tester.OpenPacket(InterfaceSetup.IndexOf(tester, "a1"), EtherType.Ipv4);
            _right = tester.OpenPacket(InterfaceSetup.IndexOf(tester, "b1"), EtherType.Ipv4);
        }

        public void Load(NftablesBatch batch)
        {
            using NftablesConnection connection = NftablesConnection.Open(_kernel);
            connection.Send(batch);
        }

        public List<string> Send(bool left, byte[] frame, int expected)
        {
            (left ? _left : _right).Send(frame);
            List<string> frames = Collect(_left, _right);
            for (int i = 0; i < 500 && frames.Count < expected; i++)
            {
                Thread.Sleep(1);
                frames.AddRange(Collect(_left, _right));
            }

            return [.. frames.Order(StringComparer.Ordinal)];
        }

        public void Dispose()
        {
            _left.Dispose();
            _right.Dispose();
            _routerNamespace.Dispose();
            _testerNamespace.Dispose();
            Ip($"netns del {_router}");
            Ip($"netns del {_tester}");
        }

        private static string Text(byte[] mac) => MacAddress.Read(mac).ToString();

        private static void Ip(string arguments)
        {
            using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, $"ip {arguments}: {error}");
        }
    }

    private sealed class SimulatedLab : IDisposable
    {
        private readonly SimulatedCloud _cloud;
        private readonly SimulatedHost _router;
        private readonly IPacketSocket _left, _right;
        private PacketJourney _journey = new(TraceLevel.Detailed);

        public SimulatedLab(ulong seed)
        {
            _cloud = new SimulatedCloud(seed, KernelProfile.Linux618);
            _router = _cloud.AddHost("router");
            SimulatedHost tester = _cloud.AddHost("tester");
            _router.AddCard("a0", MacAddress.Read(RouterLeft).ToString());
            _router.AddCard("b0", MacAddress.Read(RouterRight).ToString());
            tester.AddCard("a1", MacAddress.Read(TesterLeft).ToString());
            tester.AddCard("b1", MacAddress.Read(TesterRight).ToString());
            foreach (SimulatedHost host in (SimulatedHost[])[_router, tester])
            {
                host.Kernel.WriteParameter("net/ipv6/conf/all/disable_ipv6", "1");
            }

            _cloud.Connect(_router, "a0", tester, "a1");
            _cloud.Connect(_router, "b0", tester, "b1");
            _router.Address("a0", "10.1.0.1/24").Address("b0", "10.2.0.1/24");
            tester.Up("a1").Up("b1");
            using (SimulationQueue.Call call = _router.Kernel.Enter())
            {
                for (int host = 2; host < 6; host++)
                {
                    AddNeighbour("a0", $"10.1.0.{host}", TesterLeft);
                    AddNeighbour("b0", $"10.2.0.{host}", TesterRight);
                }
            }

            Prepare(_router.Kernel);
            _left = tester.Kernel.OpenPacket(InterfaceSetup.IndexOf(tester.Kernel, "a1"), EtherType.Ipv4);
            _right = tester.Kernel.OpenPacket(InterfaceSetup.IndexOf(tester.Kernel, "b1"), EtherType.Ipv4);
        }

        public void Load(NftablesBatch batch)
        {
            using NftablesConnection connection = NftablesConnection.Open(_router.Kernel);
            connection.Send(batch);
        }

        /// <summary>What the last packet went through.</summary>
        public string Story => new PacketTrace(_journey).ToText(TraceLevel.Detailed);

        public List<string> Send(bool left, byte[] frame, int expected)
        {
            _ = expected;
            _journey = new PacketJourney(TraceLevel.Detailed);
            _cloud["tester"].Kernel.Stack.StoryTeller = from => PacketStory.Begin(_journey, "tester", from);
            (left ? _left : _right).Send(frame);
            return [.. Collect(_left, _right).Order(StringComparer.Ordinal)];
        }

        public void Dispose() => _cloud.Dispose();

        private void AddNeighbour(string device, string address, byte[] mac)
        {
            NetworkDevice at = _router.Kernel.Devices.Find(device)!;
            _router.Kernel.NeighbourControl.Update(_router.Kernel.Neighbours.GetOrAdd(at, InternetAddress.Parse(address)), mac, NeighbourState.Permanent);
        }
    }

    private static void Prepare(IKernel kernel)
    {
        kernel.WriteParameter("net/ipv4/ip_forward", "1");
        kernel.WriteParameter("net/ipv4/icmp_ratemask", "0");
        foreach (string device in (string[])["all", "default", "a0", "b0"])
        {
            kernel.WriteParameter($"net/ipv4/conf/{device}/rp_filter", "0");
            kernel.WriteParameter($"net/ipv4/conf/{device}/send_redirects", "0");
        }
    }

    /// <summary>Small rule sets of what tenants' firewalls are made of.</summary>
    private sealed class RuleGenerator(RandomSource random)
    {
        private const string TableName = "t";

        private readonly StringBuilder _text = new();

        public string Text => _text.ToString();

        public NftablesBatch Make()
        {
            var batch = new NftablesBatch();
            batch.Add(new Table { Family = NftablesFamily.Ip, Name = TableName });
            Chain(batch, "raw", "filter", 0, -300, 2, [Accept, Drop, Mark, NoTrack]);
            Chain(batch, "pre", "filter", 0, -150, 2, [Accept, Drop, Mark, Accept]);
            Chain(batch, "dst", "nat", 0, -100, 3, [DestinationNat, DestinationNat, Redirect, Accept]);
            Chain(batch, "in", "filter", 1, 0, 3, [Accept, Drop, Reject, ResetReject]);
            Chain(batch, "fwd", "filter", 2, 0, 6, [Accept, Accept, Drop, Reject, ResetReject, Mark]);
            Chain(batch, "out", "filter", 3, 0, 2, [Accept, Accept, Accept, Drop]);
            Chain(batch, "post", "filter", 4, 50, 2, [Accept, Drop, Accept, Mark]);
            Chain(batch, "src", "nat", 4, 100, 3, [SourceNat, Masquerade, Accept]);
            return batch;
        }

        private void Chain(NftablesBatch batch, string name, string type, uint hook, int priority, int most, Func<bool, List<Expression>>[] statements)
        {
            if (random.Next(4) == 0)
            {
                return;
            }

            bool drops = type == "filter" && hook == 2 && random.Next(3) == 0;
            batch.Add(EucaNet.Netfilter.Nftables.Chain.Base(NftablesFamily.Ip, TableName, name, type, new ChainHook(hook, priority), drops ? ChainPolicy.Drop : ChainPolicy.Accept));
            _text.Append(CultureInfo.InvariantCulture, $"  chain {name} {type} hook {hook} priority {priority} policy {(drops ? "drop" : "accept")}\n");
            int rules = random.Next(most + 1);
            for (int i = 0; i < rules; i++)
            {
                var expressions = new List<Expression>();
                bool tcp = false;
                Func<bool, List<Expression>> statement = statements[random.Next(statements.Length)];
                int matches = 1 + random.Next(2);
                if (statement == ResetReject)
                {
                    expressions.AddRange(Protocol(IpProtocol.Tcp));
                    tcp = true;
                    matches--;
                }

                for (int m = 0; m < matches; m++)
                {
                    expressions.AddRange(Match(type == "nat" || name == "raw"));
                }

                expressions.AddRange(statement(tcp));
                batch.Add(Rule.Of(NftablesFamily.Ip, TableName, name, [.. expressions]));
                _text.Append("    ").AppendJoin(" | ", expressions.Select(Tell)).Append('\n');
            }
        }

        private static string Tell(Expression expression) => expression switch
        {
            PayloadExpression payload => $"payload {payload.Base} {payload.Offset} {payload.Length}",
            CompareExpression compare => $"{compare.Operator} {compare.Value}",
            BitwiseExpression bitwise => $"& {bitwise.Mask}",
            MetaExpression meta => $"meta {meta.Key}{(meta.SourceRegister is null ? "" : " set")}",
            ConntrackExpression ct => $"ct {ct.Key}",
            ImmediateExpression { Verdict: { } verdict } => verdict.ToString(),
            ImmediateExpression immediate => $"immediate {immediate.Value}",
            RangeExpression range => $"{range.Operator} {range.From}-{range.To}",
            RejectExpression reject => $"reject {reject.Kind} {reject.IcmpCode}",
            NatExpression nat => $"nat {nat.Kind}",
            _ => expression.Name,
        };

        private List<Expression> Match(bool stateless)
        {
            switch (random.Next(stateless ? 6 : 8))
            {
                case 0:
                    return [Payload(PayloadBase.NetworkHeader, 12, 4), Compare(Address(random.Next(2) == 0))];
                case 1:
                    return [Payload(PayloadBase.NetworkHeader, 16, 4), Compare(Address(random.Next(2) == 0))];
                case 2:
                    return Protocol(Pick<byte>(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Icmp));
                case 3:
                    return [.. Protocol(Pick<byte>(IpProtocol.Tcp, IpProtocol.Udp)), Payload(PayloadBase.TransportHeader, 2, 2),
                        new RangeExpression { SourceRegister = 1, Operator = Pick(RangeOperator.Equal, RangeOperator.NotEqual), From = OctetString.FromUInt16BigEndian(20), To = OctetString.FromUInt16BigEndian(80) }];
                case 4:
                    return [.. Protocol(IpProtocol.Tcp), Payload(PayloadBase.TransportHeader, 13, 1), Mask([(byte)random.Next(32)]), Compare([(byte)(random.Next(2) * 2)], equal: random.Next(2) == 0)];
                case 5:
                    return [.. Protocol(IpProtocol.Icmp), Payload(PayloadBase.TransportHeader, 0, 1), Compare([8])];
                case 6:
                    return [new ConntrackExpression { DestinationRegister = 1, Key = ConntrackKey.State }, Mask(BitConverter.GetBytes(1u << random.Next(4))), Compare(new byte[4], equal: false)];
                default:
                    return [new MetaExpression { DestinationRegister = 1, Key = MetaKey.Mark }, Compare(BitConverter.GetBytes(7u), equal: random.Next(2) == 0)];
            }
        }

        private static List<Expression> Protocol(byte protocol) => [new MetaExpression { DestinationRegister = 1, Key = MetaKey.Layer4Protocol }, Compare([protocol])];

        private static PayloadExpression Payload(PayloadBase from, uint offset, uint length) => new() { DestinationRegister = 1, Base = from, Offset = offset, Length = length };

        private static CompareExpression Compare(byte[] value, bool equal = true) => new() { SourceRegister = 1, Operator = equal ? CompareOperator.Equal : CompareOperator.NotEqual, Value = value };

        private static BitwiseExpression Mask(byte[] mask) => new() { SourceRegister = 1, DestinationRegister = 1, Length = (uint)mask.Length, Mask = mask, Xor = new byte[mask.Length] };

        private byte[] Address(bool left) => [10, (byte)(left ? 1 : 2), 0, (byte)(1 + random.Next(4))];

        private T Pick<T>(params T[] values) => values[random.Next(values.Length)];

        private List<Expression> Accept(bool tcp) => [Verdict(EucaNet.Netfilter.Nftables.Verdict.Accept)];

        private List<Expression> Drop(bool tcp) => [Verdict(EucaNet.Netfilter.Nftables.Verdict.Drop)];

        private List<Expression> NoTrack(bool tcp) => [new NoTrackExpression()];

        private List<Expression> Mark(bool tcp) => [new ImmediateExpression { DestinationRegister = 1, Value = BitConverter.GetBytes(7u) }, new MetaExpression { SourceRegister = 1, Key = MetaKey.Mark }];

        private List<Expression> Reject(bool tcp) => [new RejectExpression { Kind = RejectKind.IcmpUnreachable, IcmpCode = Pick<byte>(1, 3, 13) }];

        private List<Expression> ResetReject(bool tcp) => [new RejectExpression { Kind = RejectKind.TcpReset }];

        private List<Expression> DestinationNat(bool tcp) =>
            [new ImmediateExpression { DestinationRegister = 1, Value = Address(random.Next(3) == 0) }, new NatExpression { Kind = NatKind.Destination, Family = 2, AddressRegister = 1 }];

        private List<Expression> Redirect(bool tcp) => [new RedirectExpression()];

        private List<Expression> SourceNat(bool tcp) =>
            [new ImmediateExpression { DestinationRegister = 1, Value = new byte[] { 10, 2, 0, 1 } }, new NatExpression { Kind = NatKind.Source, Family = 2, AddressRegister = 1 }];

        private List<Expression> Masquerade(bool tcp) => [new MasqueradeExpression()];

        private static ImmediateExpression Verdict(EucaNet.Netfilter.Nftables.Verdict verdict) => new() { DestinationRegister = 0, Verdict = verdict };
    }

    /// <summary>
    /// Packets of a few flows, so that connections form; each flow has a port of its own, so that no kernel has to throw dice
    /// for one. Answers go to what the first packet was addressed to.
    /// </summary>
    private sealed class PacketGenerator(RandomSource random)
    {
        private readonly List<Flow> _flows = [];
        private ushort _port = 2000;

        /// <summary>What tells the last packet's flow in a summary.</summary>
        public string LastPort { get; private set; } = "";

        public (bool Left, byte[] Frame) Next()
        {
            if (_flows.Count == 0 || random.Next(4) == 0)
            {
                _flows.Add(new Flow(random.Next(3) != 0, (byte)(2 + random.Next(4)), (byte)(1 + random.Next(5)), random.Next(8) == 0,
                    new byte[] { IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Icmp }[random.Next(4)], ++_port, (ushort)new[] { 22, 80, 443, 5000 }[random.Next(4)], random.NextUInt32(), random.NextUInt32()));
            }

            Flow flow = _flows[Math.Max(0, _flows.Count - 1 - random.Next(3))];
            bool reply = random.Next(3) == 0;
            LastPort = flow.Protocol == IpProtocol.Icmp ? $"id {flow.NearPort} " : $":{flow.NearPort} ";
            return (flow.FromLeft != reply, Make(flow, reply));
        }

        private byte[] Make(Flow flow, bool reply)
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

            bool leaves = flow.FromLeft != reply;
            packet.SetLinkHeader(MacAddress.Read(leaves ? RouterLeft : RouterRight), MacAddress.Read(leaves ? TesterLeft : TesterRight), EtherType.Ipv4);
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
