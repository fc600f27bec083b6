using System.Net;
using System.Net.Sockets;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Fabric;

// Packets that ask whether something is reached, and what listens to them.
public sealed partial class SimulatedCloud
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Sends ICMP echo requests until one is answered, an error comes back, or the patience ends.</summary>
    /// <param name="from">The machine that asks.</param>
    /// <param name="to">Whom it asks.</param>
    /// <param name="options">How.</param>
    public ProbeResult Ping(SimulatedHost from, IPAddress to, ProbeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        options ??= new ProbeOptions();
        InternetAddress destination = AddressOf(to);
        var journey = new PacketJourney(options.Level);
        NetworkStack stack = from.Kernel.Stack;
        bool reached = false;
        string? reason = null;
        var failure = SendOutcome.Sent;
        using (var pump = new Pump())
        {
            IcmpLayer icmp = stack.Internet(destination.Family).Icmp;
            using IDisposable echo = icmp.OpenEcho(out ushort identifier, packet =>
            {
                if (new IcmpHeader(packet.Transport).Type is IcmpType.EchoReply or Icmpv6Type.EchoReply)
                {
                    reached = true;
                }
                else
                {
                    reason = $"{IcmpLayer.ErrorOf(packet)} from {packet.SourceAddress}";
                }
            });
            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                PacketStory story = PacketStory.Begin(journey, from.Name, $"ping {to}");
                failure = icmp.SendEcho(destination, identifier, 1, options.DataLength, options.TimeToLive, options.DontFragment, null, OutputFor(from, to), story);
            }

            reason ??= ReasonOf(failure);
            if (!reached && failure == SendOutcome.Sent && reason is null)
            {
                RunUntil(() => reached || reason is not null, options.Patience ?? Patience);
            }
        }

        return Result(reached, reason, null, journey);
    }

    /// <summary>Opens a TCP connection, sends a few octets and takes them back, and closes it.</summary>
    /// <param name="from">The machine that connects.</param>
    /// <param name="to">The address.</param>
    /// <param name="port">The port.</param>
    /// <param name="listener">The machine that a server runs on meanwhile, at any of its addresses; null where a server runs already, or none.</param>
    /// <param name="options">How.</param>
    public ProbeResult ConnectTcp(SimulatedHost from, IPAddress to, int port, SimulatedHost? listener = null, ProbeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        options ??= new ProbeOptions();
        InternetAddress destination = AddressOf(to);
        var journey = new PacketJourney(options.Level);
        NetworkStack stack = from.Kernel.Stack;
        bool connected = false, echoed = false;
        string? reason = null;
        IPAddress? seenAs = null;
        TcpEndpoint? client = null;
        using (var pump = new Pump())
        {
            using IDisposable? server = listener is null ? null : Listen(listener, (ushort)port, peer => seenAs = peer);
            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                PacketStory story = PacketStory.Begin(journey, from.Name, $"connect {to}:{port}");
                client = stack.Tcp.Connect(destination, (ushort)port, story, OutputFor(from, to), prepare: endpoint =>
                {
                    endpoint.Connected = (_, _) => connected = true;
                    endpoint.Received = (_, _) => echoed = true;
                    endpoint.Ended = (_, why, packet) => reason ??= why is null ? null : packet is null ? why : $"{why} by {packet.SourceAddress}";
                });
                reason = client is null ? "network is unreachable" : null;
            }

            if (reason is null && RunUntil(() => connected || reason is not null, options.Patience ?? Patience) && connected)
            {
                if (server is not null)
                {
                    using (SimulationQueue.Call call = from.Kernel.Enter())
                    {
                        client!.Send("eucanet"u8);
                    }

                    RunUntil(() => echoed || reason is not null, options.Patience ?? Patience);
                    reason = echoed ? null : reason ?? "connected, but the data was not answered";
                    connected = echoed;
                }

                using (SimulationQueue.Call call = from.Kernel.Enter())
                {
                    client!.Close();
                }

                RunUntil(() => client.State == TcpSocketState.Closed, TimeSpan.FromMilliseconds(100));
            }

            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                client?.Abort();
            }
        }

        return Result(connected, reason, seenAs, journey);
    }

    /// <summary>Sends a UDP datagram.</summary>
    /// <param name="from">The machine that sends.</param>
    /// <param name="to">The address.</param>
    /// <param name="port">The port.</param>
    /// <param name="listener">The machine that must get it; null where only errors are of interest.</param>
    /// <param name="options">How.</param>
    public ProbeResult SendUdp(SimulatedHost from, IPAddress to, int port, SimulatedHost? listener = null, ProbeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        options ??= new ProbeOptions();
        InternetAddress destination = AddressOf(to);
        var journey = new PacketJourney(options.Level);
        NetworkStack stack = from.Kernel.Stack;
        bool reached = false;
        string? reason = null;
        var failure = SendOutcome.Sent;
        IPAddress? seenAs = null;
        using (var pump = new Pump())
        {
            UdpEndpoint? server = null;
            if (listener is not null)
            {
                server = listener.Kernel.Stack.Udp.Open(null, (ushort)port);
                server.Received = (_, source, _, _) =>
                {
                    reached = true;
                    seenAs = new IPAddress(source.ToBytes());
                };
            }

            UdpEndpoint client = stack.Udp.Open(null, 0);
            client.Failed = (packet, error) => reason = $"{error} from {packet.SourceAddress}";
            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                PacketStory story = PacketStory.Begin(journey, from.Name, $"udp {to}:{port}");
                failure = client.Send(destination, (ushort)port, new byte[options.DataLength], hopLimit: options.TimeToLive, output: OutputFor(from, to), story: story);
            }

            reason ??= ReasonOf(failure);
            if (failure == SendOutcome.Sent)
            {
                RunUntil(() => reached || reason is not null, options.Patience ?? Patience);
            }

            client.Dispose();
            server?.Dispose();
        }

        return Result(reached, reason, seenAs, journey);
    }

    /// <summary>Runs a TCP server on a machine that sends back what it gets; dispose what this returns to stop it.</summary>
    public IDisposable ListenTcp(SimulatedHost host, int port)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.Cloud == this
            ? Listen(host, (ushort)port, static _ => { })
            : throw new ArgumentException($"{host.Name} is a machine of another cloud.", nameof(host));
    }

    private static IDisposable Listen(SimulatedHost host, ushort port, Action<IPAddress> accepted) =>
        host.Kernel.Stack.Tcp.Listen(null, port, endpoint =>
        {
            accepted(new IPAddress(endpoint.Remote.ToBytes()));
            endpoint.Received = static (connection, data) => connection.Send(data);
        });

    private static InternetAddress AddressOf(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        byte[] bytes = address.GetAddressBytes();
        return InternetAddress.Read(bytes.Length == 4 ? InternetAddress.V4 : InternetAddress.V6, bytes);
    }

    /// <summary>Addresses of a link name it by the interface's number (fe80::1%2).</summary>
    private static NetworkDevice? OutputFor(SimulatedHost from, IPAddress to) =>
        to.AddressFamily == AddressFamily.InterNetworkV6 && to.ScopeId != 0 ? from.Kernel.Devices.Find((int)to.ScopeId) : null;

    /// <summary>Why nothing was sent; null where it was, or where the packet's way tells.</summary>
    private static string? ReasonOf(SendOutcome outcome) => outcome switch
    {
        SendOutcome.NoRoute => "network is unreachable",
        SendOutcome.TooBig => "message too long",
        _ => null,
    };

    private static ProbeResult Result(bool reached, string? reason, IPAddress? seenAs, PacketJourney journey)
    {
        var trace = new PacketTrace(journey);
        return new ProbeResult(reached, reached ? null : reason ?? trace.DropReason ?? "no answer", seenAs, trace);
    }
}
