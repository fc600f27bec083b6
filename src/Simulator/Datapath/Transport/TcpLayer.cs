using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Transport;

/// <summary>TCP sockets of one kernel: listeners, connections, and the reset for everybody else.</summary>
internal sealed class TcpLayer(NetworkStack stack)
{
    private readonly Dictionary<(InternetAddress? Address, ushort Port), Action<TcpEndpoint>> _listeners = [];
    private readonly Dictionary<(InternetAddress Local, ushort LocalPort, InternetAddress Remote, ushort RemotePort), TcpEndpoint> _connections = [];
    private ushort _lastPort = 32767;

    /// <summary>Accepts connections on a port; <paramref name="accepted"/> is called when a handshake is complete. No address stands for any, of both families.</summary>
    public IDisposable Listen(InternetAddress? address, ushort port, Action<TcpEndpoint> accepted)
    {
        if (_listeners.ContainsKey((address, port)) || _listeners.ContainsKey((null, port)))
        {
            throw new KernelException($"bind TCP port {port}", LinuxError.EADDRINUSE);
        }

        _listeners.Add((address, port), accepted);
        return new Release(stack.Kernel, () => _listeners.Remove((address, port)));
    }

    /// <summary>Begins a handshake; null when there is no way to the destination.</summary>
    public TcpEndpoint? Connect(InternetAddress destination, ushort port, PacketStory? story, NetworkDevice? output = null, ushort sourcePort = 0, Action<TcpEndpoint>? prepare = null)
    {
        if (stack.Internet(destination.Family).SourceFor(destination, output) is not { } source)
        {
            return null;
        }

        while (sourcePort == 0 || _connections.ContainsKey((source, sourcePort, destination, port)))
        {
            _lastPort = _lastPort >= 60999 ? (ushort)32768 : (ushort)(_lastPort + 1);
            sourcePort = _lastPort;
        }

        var endpoint = new TcpEndpoint(stack, source, sourcePort, destination, port, (uint)stack.Kernel.Random.NextUInt64(), Close) { Story = story, Output = output };
        _connections.Add((source, sourcePort, destination, port), endpoint);
        prepare?.Invoke(endpoint);
        endpoint.Open();
        return endpoint;
    }

    public void Receive(NetworkDevice device, Packet packet)
    {
        InternetAddress source = packet.SourceAddress, destination = packet.DestinationAddress;
        var header = new TcpHeader(packet.Transport);
        if (packet.Type != PacketType.Host || !(packet.HasValidTransport || packet.IsSumRight))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "wrong TCP checksum");
            return;
        }

        if (_connections.TryGetValue((destination, header.DestinationPort, source, header.SourcePort), out TcpEndpoint? endpoint))
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"tcp {header.DestinationPort} {Describe(header.Flags)}");
            endpoint.Take(packet, header);
            return;
        }

        // A socket that is bound to no device hears nothing of a VRF, unless told to.
        NetworkDevice? domain = RoutingDomain.Of(device);
        if ((header.Flags & (TcpFlags.Synchronize | TcpFlags.Acknowledge | TcpFlags.Reset)) == TcpFlags.Synchronize
            && (domain is null || stack.Kernel.Parameters.Number("net/ipv4/tcp_l3mdev_accept") != 0)
            && (_listeners.TryGetValue((destination, header.DestinationPort), out Action<TcpEndpoint>? accepted) || _listeners.TryGetValue((null, header.DestinationPort), out accepted)))
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"tcp {header.DestinationPort} {Describe(header.Flags)}");
            endpoint = new TcpEndpoint(stack, destination, header.DestinationPort, source, header.SourcePort, (uint)stack.Kernel.Random.NextUInt64(), Close)
            {
                Accepted = accepted,
                Story = packet.Story,
                Output = source.Family == InternetAddress.V6 && source.IsLinkLocal ? device : domain,
            };
            _connections.Add((destination, header.DestinationPort, source, header.SourcePort), endpoint);
            endpoint.Accept(header);
            return;
        }

        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"nobody listens on tcp {header.DestinationPort}");
        SendReset(packet);
    }

    /// <summary>The socket that a segment between two ends is for: the connection's, or a listener's.</summary>
    public LocalSocket? FindSocket(InternetAddress local, ushort localPort, InternetAddress remote, ushort remotePort) =>
        _connections.TryGetValue((local, localPort, remote, remotePort), out TcpEndpoint? endpoint) ? endpoint.Socket
        : _listeners.ContainsKey((local, localPort)) ? new LocalSocket(local)
        : _listeners.ContainsKey((null, localPort)) ? LocalSocket.OfProgram
        : null;

    /// <summary>A connection's socket is found before rules at input see its segment (tcp_v4_early_demux).</summary>
    public void Demultiplex(Packet packet)
    {
        if (packet is { Socket: null, Type: PacketType.Host, HasTransportProtocol: true, TransportProtocol: IpProtocol.Tcp, FragmentOffset: 0 } && packet.Transport.Length >= TcpHeader.MinimumSize
            && stack.Kernel.Parameters.Number("net/ipv4/ip_early_demux") != 0)
        {
            var header = new TcpHeader(packet.Transport);
            packet.Socket = _connections.GetValueOrDefault((packet.DestinationAddress, header.DestinationPort, packet.SourceAddress, header.SourcePort))?.Socket;
        }
    }

    /// <summary>An error is about a segment that a connection has under way, not about a made-up one (RFC 5927, 4.1).</summary>
    public bool Believes(ConnectionTuple tuple, uint sequence, IcmpError error) =>
        _connections.TryGetValue((tuple.Source, tuple.SourcePort, tuple.Destination, tuple.DestinationPort), out TcpEndpoint? endpoint) && endpoint.Believes(sequence, error);

    public void TakeError(ConnectionTuple tuple, IcmpError error, Packet packet)
    {
        if (_connections.TryGetValue((tuple.Source, tuple.SourcePort, tuple.Destination, tuple.DestinationPort), out TcpEndpoint? endpoint))
        {
            endpoint.Fail(error, packet);
        }
    }

    /// <summary>Answers a segment nobody wants (RFC 9293, 3.5.2); resets are never answered. Also what "reject with tcp reset" does.</summary>
    public void SendReset(Packet cause, bool attach = false)
    {
        cause.LocateTransport();
        var header = new TcpHeader(cause.Transport);
        if (!header.IsWellFormed || (header.Flags & TcpFlags.Reset) != 0)
        {
            return;
        }

        InternetAddress sender = cause.SourceAddress, receiver = cause.DestinationAddress;
        if (cause.IsIpv6 && (sender.IsAny || sender.IsMulticast || receiver.IsMulticast))
        {
            return;
        }

        // A socket's reset has the class of what it answers, a rule's has none.
        byte trafficClass = attach ? (byte)0 : (byte)(cause.TrafficClass & ~3);
        Packet reset = Packet.OfInternet(receiver, sender, IpProtocol.Tcp, TcpHeader.MinimumSize, 64, trafficClass, dontFragment: true);
        var answer = new TcpHeader(reset.Transport);
        if ((header.Flags & TcpFlags.Acknowledge) != 0)
        {
            answer.Write(header.DestinationPort, header.SourcePort, header.Acknowledgement, 0, TcpFlags.Reset, 0);
        }
        else
        {
            answer.Write(header.DestinationPort, header.SourcePort, 0, header.Sequence + (uint)header.SequenceLength, TcpFlags.Reset | TcpFlags.Acknowledge, 0);
        }

        reset.UpdateTransportChecksum();

        // A rule's reset has no socket. Else it is that of the listener which does not want the segment, in later kernels; else the kernel's own, which IPv6 has none of.
        reset.Socket = attach ? null
            : (stack.Kernel.Profile.IsAtLeast(6, 13) ? FindSocket(receiver, header.DestinationPort, sender, header.SourcePort) : null) ?? (cause.IsIpv6 ? null : LocalSocket.OfKernel);
        reset.Story = cause.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, stack.HostName, "tcp reset");
        if (attach)
        {
            reset.AttachTo(cause);
            if (stack.Kernel.Profile.ClosesRejectedConnections)
            {
                stack.Conntrack.Tcp.CloseRejected(cause.Connection);
            }

            if (cause.Bridged is { Input: var port })
            {
                // Straight back where it came from, as from the station it was for (nf_send_reset).
                SendBridged(reset, cause, port);
                return;
            }
        }

        NetworkDevice? input = stack.Kernel.Devices.Find(cause.InputInterface);
        NetworkDevice? output = cause.IsIpv6 && sender.IsLinkLocal ? input : RoutingDomain.Of(input);
        stack.Internet(cause.Family).SendLocal(reset, output, asAnybody: attach);
    }

    /// <summary>A rule's reset of a bridged packet leaves by the port the packet came in by, past all hooks of its family, if a way leads to its receiver at all.</summary>
    private void SendBridged(Packet reset, Packet cause, NetworkDevice port)
    {
        if (stack.Routing.FindOutput(new RouteQuery(reset.DestinationAddress)) is null)
        {
            return;
        }

        reset.UpdateHeaderChecksum();
        reset.SetLinkHeader(cause.Source, cause.Destination, reset.Protocol);
        stack.Link.Transmit(port, reset);
    }

    internal static string Describe(TcpFlags flags)
    {
        if (flags == TcpFlags.None)
        {
            return "none";
        }

        string text = "";
        foreach ((TcpFlags flag, string name) in Names)
        {
            if ((flags & flag) != 0)
            {
                text += text.Length == 0 ? name : "," + name;
            }
        }

        return text;
    }

    private static readonly (TcpFlags, string)[] Names =
    [
        (TcpFlags.Finish, "fin"), (TcpFlags.Synchronize, "syn"), (TcpFlags.Reset, "rst"), (TcpFlags.Push, "psh"), (TcpFlags.Acknowledge, "ack"), (TcpFlags.Urgent, "urg"),
    ];

    private void Close(TcpEndpoint endpoint) => _connections.Remove((endpoint.Local, endpoint.LocalPort, endpoint.Remote, endpoint.RemotePort));
}
