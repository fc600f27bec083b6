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
    private readonly Dictionary<(uint Address, ushort Port), Action<TcpEndpoint>> _listeners = [];
    private readonly Dictionary<(uint Local, ushort LocalPort, uint Remote, ushort RemotePort), TcpEndpoint> _connections = [];
    private ushort _lastPort = 32767;

    /// <summary>Accepts connections on a port; <paramref name="accepted"/> is called when a handshake is complete. Address 0 stands for any.</summary>
    public IDisposable Listen(uint address, ushort port, Action<TcpEndpoint> accepted)
    {
        if (_listeners.ContainsKey((address, port)) || _listeners.ContainsKey((0, port)))
        {
            throw new KernelException($"bind TCP port {port}", LinuxError.EADDRINUSE);
        }

        _listeners.Add((address, port), accepted);
        return new Release(() => _listeners.Remove((address, port)));
    }

    /// <summary>Begins a handshake; null when there is no way to the destination.</summary>
    public TcpEndpoint? Connect(uint destination, ushort port, uint source, ushort sourcePort, PacketStory? story, Action<TcpEndpoint>? prepare = null)
    {
        if (source == 0)
        {
            source = (uint)(stack.Ipv4.SourceFor(InternetAddress.FromV4(destination))?.Value ?? 0);
            if (source == 0)
            {
                return null;
            }
        }

        while (sourcePort == 0 || _connections.ContainsKey((source, sourcePort, destination, port)))
        {
            _lastPort = _lastPort >= 60999 ? (ushort)32768 : (ushort)(_lastPort + 1);
            sourcePort = _lastPort;
        }

        var endpoint = new TcpEndpoint(stack, source, sourcePort, destination, port, (uint)stack.Kernel.Random.NextUInt64(), Close) { Story = story };
        _connections.Add((source, sourcePort, destination, port), endpoint);
        prepare?.Invoke(endpoint);
        endpoint.Open();
        return endpoint;
    }

    public void Receive(NetworkDevice device, Packet packet)
    {
        Ipv4Header ip = packet.Ipv4;
        var header = new TcpHeader(packet.Transport);
        if (packet.Type != PacketType.Host || !header.IsValid(ip.Source, ip.Destination))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "wrong TCP checksum");
            return;
        }

        if (_connections.TryGetValue((ip.Destination, header.DestinationPort, ip.Source, header.SourcePort), out TcpEndpoint? endpoint))
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"tcp {header.DestinationPort} {Describe(header.Flags)}");
            endpoint.Take(packet, header);
            return;
        }

        if ((header.Flags & (TcpFlags.Synchronize | TcpFlags.Acknowledge | TcpFlags.Reset)) == TcpFlags.Synchronize
            && (_listeners.TryGetValue((ip.Destination, header.DestinationPort), out Action<TcpEndpoint>? accepted) || _listeners.TryGetValue((0, header.DestinationPort), out accepted)))
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"tcp {header.DestinationPort} {Describe(header.Flags)}");
            endpoint = new TcpEndpoint(stack, ip.Destination, header.DestinationPort, ip.Source, header.SourcePort, (uint)stack.Kernel.Random.NextUInt64(), Close)
            {
                Accepted = accepted,
                Story = packet.Story,
            };
            _connections.Add((ip.Destination, header.DestinationPort, ip.Source, header.SourcePort), endpoint);
            endpoint.Accept(header);
            return;
        }

        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"nobody listens on tcp {header.DestinationPort}");
        SendReset(packet);
    }

    public void TakeError(ConnectionTuple tuple, IcmpError error, Packet packet)
    {
        if (_connections.TryGetValue(((uint)tuple.Source.Value, tuple.SourcePort, (uint)tuple.Destination.Value, tuple.DestinationPort), out TcpEndpoint? endpoint))
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

        Packet reset = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + TcpHeader.MinimumSize);
        reset.Ipv4.Write(cause.Ipv4.Destination, cause.Ipv4.Source, IpProtocol.Tcp, TcpHeader.MinimumSize, 64, 0, Ipv4Header.DontFragmentFlag);
        var answer = new TcpHeader(reset.Network[Ipv4Header.MinimumSize..]);
        if ((header.Flags & TcpFlags.Acknowledge) != 0)
        {
            answer.Write(header.DestinationPort, header.SourcePort, header.Acknowledgement, 0, TcpFlags.Reset, 0);
        }
        else
        {
            answer.Write(header.DestinationPort, header.SourcePort, 0, header.Sequence + (uint)header.SequenceLength, TcpFlags.Reset | TcpFlags.Acknowledge, 0);
        }

        answer.UpdateChecksum(reset.Ipv4.Source, reset.Ipv4.Destination);
        reset.Story = cause.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, stack.HostName, "tcp reset");
        if (attach && cause.Connection is { } connection)
        {
            reset.Connection = connection;
            reset.ConnectionInfo = Connection.DirectionOf(cause.ConnectionInfo) == ConnectionDirection.Original ? ConnectionInfo.RelatedReply : ConnectionInfo.Related;
        }

        stack.Ipv4.SendLocal(reset);
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
