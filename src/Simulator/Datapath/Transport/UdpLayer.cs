using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Datapath.Transport;

/// <summary>UDP sockets of one kernel, and ports that are held so that nobody else answers on them.</summary>
internal sealed class UdpLayer(NetworkStack stack)
{
    /// <summary>CHECKSUM_BREAK.</summary>
    private const int SumAgain = 76;

    private readonly Dictionary<ushort, List<UdpEndpoint>> _endpoints = [];
    private readonly HashSet<(NetworkDevice Device, ushort Port)> _reserved = [];

    /// <summary>Binds a socket, to all addresses of both families where none is given; port 0 takes a free one from 32768 on.</summary>
    public UdpEndpoint Open(InternetAddress? address, ushort port)
    {
        if (port == 0)
        {
            port = 32768;
            while (_endpoints.ContainsKey(port))
            {
                port++;
            }
        }

        if (!_endpoints.TryGetValue(port, out List<UdpEndpoint>? list))
        {
            _endpoints.Add(port, list = []);
        }

        if (list.Exists(other => other.Address == address || other.Address is null || address is null))
        {
            throw new KernelException($"bind UDP port {port}", LinuxError.EADDRINUSE);
        }

        var endpoint = new UdpEndpoint(stack, address, port, Close);
        list.Add(endpoint);
        return endpoint;
    }

    public IDisposable Reserve(NetworkDevice device, ushort port)
    {
        if (!_reserved.Add((device, port)) || _endpoints.ContainsKey(port))
        {
            throw new KernelException($"bind UDP port {port} on {device.Name}", LinuxError.EADDRINUSE);
        }

        return new Release(stack.Kernel, () => _reserved.Remove((device, port)));
    }

    public void Receive(NetworkDevice device, Packet packet)
    {
        // A sum that the kernel has made itself it believes, also where the checksum is right and the sum is not; a short datagram is summed up again (udp6_csum_init).
        bool sumsUp = !packet.IsSummed || packet.Transport.Length <= SumAgain;
        if (!packet.IsSumRight && !(sumsUp && packet.HasValidTransport))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "wrong UDP length or checksum");
            return;
        }

        var header = new UdpHeader(packet.Transport);
        ushort port = header.DestinationPort;

        // A socket that is bound to no device hears nothing of a VRF, unless told to (inet_bound_dev_eq).
        bool isHeard = device.KindState is not VrfState || stack.Kernel.Parameters.Number("net/ipv4/udp_l3mdev_accept") != 0;
        if (isHeard && Find(packet.DestinationAddress, port) is { } endpoint)
        {
            Told(packet, StoryKind.Delivered, $"udp {port}");
            endpoint.Take(packet, packet.SourceAddress, header.SourcePort, header.Payload);
            return;
        }

        if (isHeard && stack.Vxlan.Receive(device, packet))
        {
            return;
        }

        if (_reserved.Contains((device, port)))
        {
            Told(packet, StoryKind.Delivered, $"udp {port} (held)");
            return;
        }

        Told(packet, StoryKind.Dropped, $"nobody listens on udp {port}");
        Refuse(device, packet);
    }

    /// <summary>UDP-Lite (RFC 3828), which no program here takes: what is whole is told so, its length field says how much of it is summed up.</summary>
    public void ReceiveLite(NetworkDevice device, Packet packet)
    {
        Span<byte> transport = packet.Transport;
        int covered = transport.Length < UdpHeader.Size ? -1 : new UdpHeader(transport).Length is var length and not 0 ? length : transport.Length;
        if (covered < UdpHeader.Size || covered > transport.Length || new UdpHeader(transport).Checksum == 0
            || InternetChecksum.Fold(InternetChecksum.Add(packet.PseudoHeader(IpProtocol.UdpLite, transport.Length), transport[..covered])) != 0)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "wrong UDP-Lite coverage or checksum");
            return;
        }

        Told(packet, StoryKind.Dropped, $"nobody listens on udplite {new UdpHeader(transport).DestinationPort}");
        Refuse(device, packet);
    }

    /// <summary>The socket layer has let go of the connection by now (nf_reset_ct): the error is tracked by what it quotes.</summary>
    private void Refuse(NetworkDevice device, Packet packet)
    {
        packet.Connection = null;
        packet.ConnectionInfo = default;
        stack.Internet(packet.Family).Icmp.SendError(packet, device, IcmpReason.PortUnreachable);
    }

    /// <summary>A socket may have sent this datagram: one of its port, or that of a tunnel, which sends from a port for each flow (encap_err_lookup).</summary>
    public bool Knows(ConnectionTuple sent, ReadOnlySpan<byte> datagram) => Find(sent.Source, sent.SourcePort) is not null || stack.Vxlan.Knows(sent.Source.Family, datagram);

    public void TakeError(ConnectionTuple tuple, IcmpError error, Packet packet) => Find(tuple.Source, tuple.SourcePort)?.Fail(packet, error);

    private void Told(Packet packet, StoryKind kind, FormattableString text)
    {
        if (packet.Tells(TraceLevel.Minimal))
        {
            packet.Tell(kind, TraceLevel.Minimal, stack.HostName, FormattableString.Invariant(text));
        }
    }

    /// <summary>The socket that a datagram to an address and port is for, a port that is held counting as one.</summary>
    public LocalSocket? FindSocket(NetworkDevice device, InternetAddress address, ushort port) =>
        Find(address, port)?.Socket ?? (_reserved.Contains((device, port)) ? LocalSocket.OfProgram : null);

    private UdpEndpoint? Find(InternetAddress address, ushort port)
    {
        if (!_endpoints.TryGetValue(port, out List<UdpEndpoint>? list))
        {
            return null;
        }

        return list.Find(endpoint => endpoint.Address == address) ?? list.Find(static endpoint => endpoint.Address is null);
    }

    private void Close(UdpEndpoint endpoint)
    {
        if (_endpoints.TryGetValue(endpoint.Port, out List<UdpEndpoint>? list) && list.Remove(endpoint) && list.Count == 0)
        {
            _endpoints.Remove(endpoint.Port);
        }
    }
}

/// <summary>A datagram that came.</summary>
internal delegate void UdpReceived(Packet packet, InternetAddress source, ushort sourcePort, ReadOnlySpan<byte> data);

/// <summary>A bound UDP socket.</summary>
internal sealed class UdpEndpoint(NetworkStack stack, InternetAddress? address, ushort port, Action<UdpEndpoint> closed) : IDisposable
{
    /// <summary>Null for any.</summary>
    public InternetAddress? Address { get; } = address;

    public ushort Port { get; } = port;

    /// <summary>What rules see of it.</summary>
    public LocalSocket Socket { get; } = new(address);

    public UdpReceived? Received { get; set; }

    public Action<Packet, IcmpError>? Failed { get; set; }

    /// <summary>Sends a datagram.</summary>
    public SendOutcome Send(
        InternetAddress destination, ushort destinationPort, ReadOnlySpan<byte> data, InternetAddress? source = null, byte hopLimit = 64,
        NetworkDevice? output = null, PacketStory? story = null)
    {
        InternetLayer layer = stack.Internet(destination.Family);
        if ((source ?? Address ?? layer.SourceFor(destination, output)) is not { } from)
        {
            return SendOutcome.NoRoute;
        }

        Packet packet = Packet.OfInternet(from, destination, IpProtocol.Udp, UdpHeader.Size + data.Length, hopLimit);
        packet.Story = story;
        packet.Socket = Socket;
        data.CopyTo(packet.Transport[UdpHeader.Size..]);
        new UdpHeader(packet.Transport).Write(Port, destinationPort);
        packet.UpdateTransportChecksum();
        return layer.SendLocal(packet, output);
    }

    public void Take(Packet packet, InternetAddress source, ushort sourcePort, ReadOnlySpan<byte> data) => Received?.Invoke(packet, source, sourcePort, data);

    public void Fail(Packet packet, IcmpError error) => Failed?.Invoke(packet, error);

    public void Dispose() => closed(this);
}
