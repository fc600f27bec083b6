using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Transport;

/// <summary>UDP sockets of one kernel, and ports that are held so that nobody else answers on them.</summary>
internal sealed class UdpLayer(NetworkStack stack)
{
    private readonly Dictionary<ushort, List<UdpEndpoint>> _endpoints = [];
    private readonly HashSet<(NetworkDevice Device, ushort Port)> _reserved = [];

    /// <summary>Binds a socket; port 0 takes a free one from 32768 on.</summary>
    public UdpEndpoint Open(uint address, ushort port)
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

        if (list.Exists(other => other.Address == address || other.Address == 0 || address == 0))
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

        return new Release(() => _reserved.Remove((device, port)));
    }

    public void Receive(NetworkDevice device, Packet packet)
    {
        Ipv4Header ip = packet.Ipv4;
        var header = new UdpHeader(packet.Transport);
        if (!header.IsValid(ip.Source, ip.Destination))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "wrong UDP length or checksum");
            return;
        }

        if (Find(ip.Destination, header.DestinationPort) is { } endpoint)
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"udp {header.DestinationPort}");
            endpoint.Take(packet, ip.Source, header.SourcePort, header.Payload);
            return;
        }

        if (_reserved.Contains((device, header.DestinationPort)))
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"udp {header.DestinationPort} (held)");
            return;
        }

        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"nobody listens on udp {header.DestinationPort}");
        stack.Icmp.SendError(packet, device, IcmpType.DestinationUnreachable, IcmpType.PortUnreachableCode);
    }

    public void TakeError(ConnectionTuple tuple, IcmpError error, Packet packet)
    {
        if (Find((uint)tuple.Source.Value, tuple.SourcePort) is { } endpoint)
        {
            endpoint.Fail(packet, error);
        }
    }

    private UdpEndpoint? Find(uint address, ushort port)
    {
        if (!_endpoints.TryGetValue(port, out List<UdpEndpoint>? list))
        {
            return null;
        }

        return list.Find(endpoint => endpoint.Address == address) ?? list.Find(endpoint => endpoint.Address == 0);
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
internal delegate void UdpReceived(Packet packet, uint source, ushort sourcePort, ReadOnlySpan<byte> data);

/// <summary>A bound UDP socket.</summary>
internal sealed class UdpEndpoint(NetworkStack stack, uint address, ushort port, Action<UdpEndpoint> closed) : IDisposable
{
    /// <summary>0 for any.</summary>
    public uint Address { get; } = address;

    public ushort Port { get; } = port;

    public UdpReceived? Received { get; set; }

    public Action<Packet, IcmpError>? Failed { get; set; }

    /// <summary>Sends a datagram; false when it found no way out.</summary>
    public bool Send(uint destination, ushort destinationPort, ReadOnlySpan<byte> data, uint source = 0, byte timeToLive = 64, PacketStory? story = null)
    {
        source = source != 0 ? source : Address;
        if (source == 0)
        {
            source = (uint)(stack.Ipv4.SourceFor(Kernel.InternetAddress.FromV4(destination))?.Value ?? 0);
        }

        int length = UdpHeader.Size + data.Length;
        Packet packet = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + length);
        packet.Story = story;
        packet.Ipv4.Write(source, destination, IpProtocol.Udp, length, timeToLive);
        Span<byte> datagram = packet.Network[Ipv4Header.MinimumSize..];
        data.CopyTo(datagram[UdpHeader.Size..]);
        new UdpHeader(datagram).Write(Port, destinationPort, source, destination);
        return stack.Ipv4.SendLocal(packet);
    }

    public void Take(Packet packet, uint source, ushort sourcePort, ReadOnlySpan<byte> data) => Received?.Invoke(packet, source, sourcePort, data);

    public void Fail(Packet packet, IcmpError error) => Failed?.Invoke(packet, error);

    public void Dispose() => closed(this);
}
