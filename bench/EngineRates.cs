using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using EucaNet.Engine;
using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Bench;

/// <summary>
/// The engine's rates on this machine's kernel, each in a network namespace of its own: what one rule change costs with few and with many rules present, and how many
/// DISCOVERs a second the DHCP server answers. The sizes are measured interleaved, so that their ratio holds on a busy machine too.
/// </summary>
internal static class EngineRates
{
    private const int Groups = 100;
    private static readonly int[] Sizes = [100, 10_000, 20_000];

    private sealed class Firewall : IAsyncDisposable
    {
        private readonly NetworkNamespace _space = NetworkNamespace.Create();
        private readonly ManagedState _state;
        private readonly ManagedFirewall _firewall;
        private readonly IFirewallBackend _backend;
        private readonly GroupName[] _groups = [.. Enumerable.Range(0, Groups).Select(i => new GroupName("user", $"group{i}"))];

        private Firewall()
        {
            NetworkConfiguration configuration = NetworkConfiguration.Parse(
                "VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=10.0.0.0 VNET_NETMASK=255.0.0.0 VNET_DNS=192.0.2.1 VNET_ADDRSPERNET=64", "bench", EngineRole.FrontEnd).Configuration!;
            _state = new ManagedState(configuration);
            _firewall = new ManagedFirewall(_state);
            _backend = FirewallBackends.Create(new EngineContext(LinuxKernel.Open(_space), configuration, new EngineOptions()), _state, _firewall);
        }

        public static async Task<Firewall> WithAsync(int rules)
        {
            var firewall = new Firewall();
            foreach (GroupName group in firewall._groups)
            {
                Chunk chunk = firewall._state.Allocator.Take(group, default);
                var network = new ActiveNetwork(group, chunk, $"eth0.{chunk.Vlan}");
                firewall._state.Networks.Add(group, network);
                firewall._firewall.Activate(network);
            }

            for (int i = 0; i < rules; i++)
            {
                firewall.Add(i, Rule(i, (RuleKind)(i % 3)));
            }

            await firewall._backend.ReconcileAsync(new ChangeLog(), default).ConfigureAwait(false);
            firewall._firewall.Content.Accept();
            return firewall;
        }

        /// <summary>One rule comes or goes, from the call to the kernel's acknowledgement.</summary>
        public async Task<double> ChangeAsync(int number, RuleKind kind, bool remove)
        {
            IngressRule rule = Rule(1_000_000 + number, kind);
            long begun = Stopwatch.GetTimestamp();
            if (remove)
            {
                GroupName group = _groups[number % Groups];
                _firewall.RemoveRule(group, rule);
                _state.RemoveRule(group, rule);
            }
            else
            {
                Add(number, rule);
            }

            await _backend.CommitAsync("bench", new ChangeLog(), default).ConfigureAwait(false);
            _firewall.Content.Accept();
            return Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
        }

        public async ValueTask DisposeAsync()
        {
            await _backend.DisposeAsync().ConfigureAwait(false);
            _space.Dispose();
        }

        private void Add(int number, IngressRule rule)
        {
            GroupName group = _groups[number % Groups];
            if (_state.AddRule(group, rule))
            {
                _firewall.AddRule(group, rule);
            }
        }
    }

    private enum RuleKind
    {
        Exact,
        Network,
        PortRange,
    }

    /// <summary>Rule changes: <c>engine-rules</c>.</summary>
    public static async Task<int> RulesAsync(TextWriter output)
    {
        var firewalls = new List<Firewall>();
        foreach (int size in Sizes)
        {
            firewalls.Add(await Firewall.WithAsync(size).ConfigureAwait(false));
        }

        output.WriteLine($"{"one rule change, µs p50 (p99)",-34}{string.Join("", Sizes.Select(s => $"{s + " rules",22}"))}{"ratio",10}{"a second",12}");
        foreach (RuleKind kind in Enum.GetValues<RuleKind>())
        {
            var times = Sizes.Select(_ => new List<double>()).ToArray();

            // One rule of the kind stays, so that its combination of lengths stays in use.
            foreach (Firewall firewall in firewalls)
            {
                await firewall.ChangeAsync(99_999, kind, remove: false).ConfigureAwait(false);
            }

            for (int i = 0; i < 1500; i++)
            {
                for (int size = 0; size < Sizes.Length; size++)
                {
                    double add = await firewalls[size].ChangeAsync(i, kind, remove: false).ConfigureAwait(false);
                    double revoke = await firewalls[size].ChangeAsync(i, kind, remove: true).ConfigureAwait(false);
                    if (i >= 500)
                    {
                        times[size].Add(add);
                        times[size].Add(revoke);
                    }
                }
            }

            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{kind,-34}{string.Join("", times.Select(t => $"{Percentile(t, 50):0.0} ({Percentile(t, 99):0.0})".PadLeft(22)))}{Percentile(times[^1], 50) / Percentile(times[0], 50),10:0.00}{1e6 / Percentile(times[^1], 50),12:0}"));
        }

        foreach (Firewall firewall in firewalls)
        {
            await firewall.DisposeAsync().ConfigureAwait(false);
        }

        return 0;
    }

    /// <summary>DISCOVERs answered a second, over a veth pair: <c>engine-dhcp</c>.</summary>
    public static async Task<int> DhcpAsync(TextWriter output)
    {
        const int Clients = 1000;
        const int UnderWay = 64;
        using NetworkNamespace space = NetworkNamespace.Create();
        LinuxKernel kernel = LinuxKernel.Open(space);
        using RouteConnection route = RouteConnection.Open(kernel);
        await route.AddLinkAsync(new Link { Name = "server", Info = LinkInfo.Of(new VethOptions { Peer = new Link { Name = "clients" } }) }).ConfigureAwait(false);
        Link server = await route.GetLinkAsync("server").ConfigureAwait(false), clients = await route.GetLinkAsync("clients").ConfigureAwait(false);
        await route.SetUpAsync(server.Index).ConfigureAwait(false);
        await route.SetUpAsync(clients.Index).ConfigureAwait(false);
        var context = new EngineContext(kernel, new NetworkConfiguration { Role = EngineRole.FrontEnd, Mode = NetworkMode.Managed }, new EngineOptions());
        await using var dhcp = new DhcpServer(context);
        var scope = new DhcpScope
        {
            InterfaceName = "server",
            ServerAddress = Ipv4Address.Parse("10.0.0.1"),
            Network = Ipv4Network.Parse("10.0.0.0/16"),
            Broadcast = Ipv4Address.Parse("10.0.255.255"),
            Router = Ipv4Address.Parse("10.0.0.1"),
            DnsServers = [Ipv4Address.Parse("10.0.0.1")],
            LeaseTime = TimeSpan.FromMinutes(20),
        };
        byte[][] requests = [.. Enumerable.Range(0, Clients).Select(i => Discover(new MacAddress(0xd00d_0000_0000 + (ulong)i)))];
        for (int i = 0; i < Clients; i++)
        {
            scope.Set(new MacAddress(0xd00d_0000_0000 + (ulong)i), new Ipv4Address(0x0a00_0100 + (uint)i));
        }

        dhcp.Listen(scope, server.Index);
        using IPacketSocket socket = kernel.OpenPacket(clients.Index, 0x0800, PacketFilter.UdpFrom(67));
        byte[] frame = new byte[2048];
        int sent = 0, answered = 0;
        TimeSpan time = TimeSpan.FromSeconds(5);
        long begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < time)
        {
            while (sent - answered < UnderWay)
            {
                socket.Send(requests[sent++ % Clients]);
            }

            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            try
            {
                await socket.WaitReadableAsync(patience.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Lost on the way: what was under way is given up.
                answered = sent;
            }

            while (socket.Receive(frame) >= 0)
            {
                answered++;
            }
        }

        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{answered / seconds:0} DISCOVER a second answered ({answered} in {seconds:0.0} s, {Clients} clients, {UnderWay} under way, client and server in this process)"));
        return 0;
    }

    private static IngressRule Rule(int number, RuleKind kind) => kind switch
    {
        RuleKind.Exact => new IngressRule { Protocol = IngressRule.Tcp, FirstPort = 1 + (number % 60_000), LastPort = 1 + (number % 60_000), Source = Ipv4Network.Parse("0.0.0.0/0") },
        RuleKind.Network => new IngressRule { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = new Ipv4Network(new Ipv4Address(0xac00_0000u + ((uint)(number % 60_000) << 8)), 24) },
        _ => new IngressRule { Protocol = IngressRule.Udp, FirstPort = 1 + (number % 50_000), LastPort = 1000 + (number % 50_000), Source = Ipv4Network.Parse("198.51.100.0/24") },
    };

    private static double Percentile(List<double> values, int percent)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Min(sorted.Length - 1, sorted.Length * percent / 100)];
    }

    private static byte[] Discover(MacAddress client)
    {
        byte[] frame = new byte[14 + 20 + 8 + 300];
        frame.AsSpan(0, 6).Fill(0xff);
        client.CopyTo(frame.AsSpan(6));
        frame[12] = 8;
        frame[14] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), 328);
        frame[22] = 64;
        frame[23] = 17;
        frame.AsSpan(30, 4).Fill(0xff);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34), 68);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), 67);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(38), 308);
        Span<byte> message = frame.AsSpan(42);
        message[0] = message[1] = 1;
        message[2] = 6;
        client.CopyTo(message[28..]);
        BinaryPrimitives.WriteUInt32BigEndian(message[236..], 0x63825363);
        message[240] = 53;
        message[241] = message[242] = 1;
        message[243] = 255;
        return frame;
    }
}
