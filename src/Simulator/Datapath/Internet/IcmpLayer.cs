using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>An ICMP error that came back for something this machine had sent.</summary>
/// <param name="Sender">Who sent the error.</param>
/// <param name="Type">ICMP type.</param>
/// <param name="Code">ICMP code.</param>
/// <param name="Mtu">Of "fragmentation needed", the next hop's MTU.</param>
internal readonly record struct IcmpError(uint Sender, byte Type, byte Code, ushort Mtu)
{
    public override string ToString() => (Type, Code) switch
    {
        (IcmpType.DestinationUnreachable, 0) => "network unreachable",
        (IcmpType.DestinationUnreachable, 1) => "host unreachable",
        (IcmpType.DestinationUnreachable, 2) => "protocol unreachable",
        (IcmpType.DestinationUnreachable, 3) => "port unreachable",
        (IcmpType.DestinationUnreachable, 4) => $"fragmentation needed, MTU {Mtu}",
        (IcmpType.DestinationUnreachable, 9) => "network prohibited",
        (IcmpType.DestinationUnreachable, 10) => "host prohibited",
        (IcmpType.DestinationUnreachable, 13) => "administratively prohibited",
        (IcmpType.TimeExceeded, 0) => "time to live exceeded",
        (IcmpType.TimeExceeded, _) => "fragment reassembly time exceeded",
        _ => $"ICMP type {Type} code {Code}",
    };
}

/// <summary>Answers echo requests, sends errors, and takes answers and errors to those who wait for them (net/ipv4/icmp.c).</summary>
internal sealed class IcmpLayer(NetworkStack stack)
{
    /// <summary>One error a second to one receiver, six at once after a pause (icmp_ratelimit 1000, XRLIM_BURST_FACTOR).</summary>
    private const int Burst = 6;

    private const int LargestError = 576;

    private readonly Dictionary<ushort, Action<Packet>> _echoes = [];
    private readonly Dictionary<uint, (long Last, long Tokens)> _limits = [];
    private ushort _lastIdentifier;

    /// <summary>An ICMP message for this machine.</summary>
    public void Receive(NetworkDevice device, Packet packet)
    {
        var header = new IcmpHeader(packet.Transport);
        if (!header.IsValid)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "wrong ICMP checksum");
            return;
        }

        switch (header.Type)
        {
            case IcmpType.EchoRequest:
                bool toMany = packet.Route is { Type: RouteType.Broadcast };
                if (stack.Kernel.Parameters.Number("net/ipv4/icmp_echo_ignore_all") != 0
                    || (toMany && stack.Kernel.Parameters.Number("net/ipv4/icmp_echo_ignore_broadcasts") != 0))
                {
                    packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "echo requests are ignored");
                    return;
                }

                packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, "echo request");
                Answer(packet, toMany ? 0 : packet.Ipv4.Destination);
                break;

            case IcmpType.EchoReply:
                packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, "echo reply");
                if (_echoes.TryGetValue(header.Identifier, out Action<Packet>? waiter))
                {
                    waiter(packet);
                }

                break;

            default:
                if (IcmpType.IsError(header.Type))
                {
                    packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, $"ICMP {ErrorOf(packet)}");
                    TakeError(packet);
                }

                break;
        }
    }

    /// <summary>Waits for echo replies and errors with an identifier of its own; returned by the out parameter.</summary>
    public IDisposable OpenEcho(out ushort identifier, Action<Packet> received)
    {
        do
        {
            _lastIdentifier++;
        }
        while (_lastIdentifier == 0 || _echoes.ContainsKey(_lastIdentifier));
        ushort mine = identifier = _lastIdentifier;
        _echoes.Add(mine, received);
        return new Release(() => _echoes.Remove(mine));
    }

    /// <summary>Sends an echo request; false when it found no way out.</summary>
    public bool SendEcho(uint destination, ushort identifier, ushort sequence, int dataLength, byte timeToLive, bool dontFragment, uint source, PacketStory? story)
    {
        Packet packet = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + IcmpHeader.Size + dataLength);
        packet.Story = story;
        packet.Ipv4.Write(source, destination, IpProtocol.Icmp, IcmpHeader.Size + dataLength, timeToLive, 0, dontFragment ? Ipv4Header.DontFragmentFlag : (ushort)0);
        var header = new IcmpHeader(packet.Network[Ipv4Header.MinimumSize..]) { Type = IcmpType.EchoRequest, Identifier = identifier, Sequence = sequence };
        for (int i = 0; i < dataLength; i++)
        {
            header.Payload[i] = (byte)i;
        }

        header.UpdateChecksum();
        return stack.Ipv4.SendLocal(packet);
    }

    /// <summary>
    /// Tells a packet's sender why it did not arrive (icmp_send). Never about fragments but the first, broadcasts, or ICMP
    /// errors; and not more often than the rate limit allows.
    /// </summary>
    public void SendError(Packet cause, NetworkDevice? input, byte type, byte code, uint information = 0)
    {
        Span<byte> network = cause.Network;
        if (network.Length < Ipv4Header.MinimumSize || cause.Protocol != EtherType.Ipv4)
        {
            return;
        }

        Ipv4Header header = cause.Ipv4;
        if (cause.Type is PacketType.Broadcast or PacketType.Multicast or PacketType.OtherHost
            || header.FragmentOffset != 0 || header.Source == 0 || Ipv4.IsMulticast(header.Source) || header.Source == Ipv4.Broadcast
            || Ipv4.IsMulticast(header.Destination) || header.Destination == Ipv4.Broadcast || cause.Route is { Type: RouteType.Broadcast })
        {
            return;
        }

        if (header.Protocol == IpProtocol.Icmp && network.Length > header.HeaderLength && IsErrorOrUnknown(network[header.HeaderLength]))
        {
            return;
        }

        InternetAddress receiver = InternetAddress.FromV4(header.Source);
        InternetAddress? source = stack.Kernel.Addresses.FindLocal(InternetAddress.FromV4(header.Destination))?.Local;
        if (source is null && stack.Ipv4.SourceFor(receiver) is { } chosen)
        {
            source = chosen;
        }

        if (source is null || !MaySend(header.Source, type, code, input))
        {
            return;
        }

        int quoted = Math.Min(network.Length, LargestError - Ipv4Header.MinimumSize - IcmpHeader.Size);
        Packet error = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + IcmpHeader.Size + quoted);
        error.Ipv4.Write((uint)source.Value.Value, header.Source, IpProtocol.Icmp, IcmpHeader.Size + quoted, 64, 0, 0, (byte)(header.TypeOfService & 0x1e | 0xc0));
        var icmp = new IcmpHeader(error.Network[Ipv4Header.MinimumSize..]) { Type = type, Code = code };
        BinaryPrimitives.WriteUInt32BigEndian(icmp.Bytes[4..], information);
        network[..quoted].CopyTo(icmp.Payload);
        icmp.UpdateChecksum();
        error.Mark = stack.Kernel.Parameters.Number("net/ipv4/fwmark_reflect") != 0 ? cause.Mark : 0;
        if (cause.Connection is { } connection)
        {
            // The error belongs to the connection it speaks of, even where that is not in the table yet (nf_ct_attach).
            error.Connection = connection;
            error.ConnectionInfo = Connection.DirectionOf(cause.ConnectionInfo) == ConnectionDirection.Original ? ConnectionInfo.RelatedReply : ConnectionInfo.Related;
        }

        error.Story = cause.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, stack.HostName, $"ICMP {new IcmpError(0, type, code, (ushort)information)}");
        stack.Ipv4.SendLocal(error);
    }

    /// <summary>Nobody answers for the next hop of a packet: its sender, also on this machine, learns that the host is unreachable.</summary>
    public void NextHopFailed(Packet packet) => SendError(packet, null, IcmpType.DestinationUnreachable, IcmpType.HostUnreachableCode);

    private void Answer(Packet request, uint source)
    {
        ReadOnlySpan<byte> message = request.Ipv4.Payload;
        Packet reply = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + message.Length);
        reply.Ipv4.Write(source, request.Ipv4.Source, IpProtocol.Icmp, message.Length, 64, 0, 0, request.Ipv4.TypeOfService);
        var header = new IcmpHeader(reply.Network[Ipv4Header.MinimumSize..]);
        message.CopyTo(header.Bytes);
        header.Type = IcmpType.EchoReply;
        header.UpdateChecksum();
        reply.Story = request.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, stack.HostName, "echo reply");
        stack.Ipv4.SendLocal(reply);
    }

    private static IcmpError ErrorOf(Packet packet)
    {
        var header = new IcmpHeader(packet.Transport);
        return new IcmpError(packet.Ipv4.Source, header.Type, header.Code, header.NextHopMtu);
    }

    private void TakeError(Packet packet)
    {
        Span<byte> inner = new IcmpHeader(packet.Transport).Payload;
        if (ConnectionTuple.Read(inner, InternetAddress.V4) is not { } tuple)
        {
            return;
        }

        switch (tuple.Protocol)
        {
            case IpProtocol.Icmp when _echoes.TryGetValue(tuple.SourcePort, out Action<Packet>? waiter):
                waiter(packet);
                break;
            case IpProtocol.Udp:
                stack.Udp.TakeError(tuple, ErrorOf(packet), packet);
                break;
            case IpProtocol.Tcp:
                stack.Tcp.TakeError(tuple, ErrorOf(packet), packet);
                break;
        }
    }

    private static bool IsErrorOrUnknown(byte type) => IcmpType.IsError(type) || type > 18;

    private bool MaySend(uint receiver, byte type, byte code, NetworkDevice? input)
    {
        if (input is { IsLoopback: true } || type is IcmpType.DestinationUnreachable && code == IcmpType.FragmentationNeededCode)
        {
            return true;
        }

        int interval = stack.Kernel.Parameters.Number("net/ipv4/icmp_ratelimit");
        int mask = stack.Kernel.Parameters.Number("net/ipv4/icmp_ratemask");
        if (interval == 0 || (mask >> type & 1) == 0)
        {
            return true;
        }

        long step = interval * TimeSpan.TicksPerMillisecond;
        long now = stack.Kernel.Clock.GetTimestamp();
        (long last, long tokens) = _limits.TryGetValue(receiver, out (long Last, long Tokens) known) ? known : (now, Burst * step);
        tokens = Math.Min(tokens + (now - last), Burst * step);
        bool may = tokens >= step;
        _limits[receiver] = (now, may ? tokens - step : tokens);
        return may;
    }
}

/// <summary>Runs something once, when disposed.</summary>
internal sealed class Release(Action action) : IDisposable
{
    private Action? _action = action;

    public void Dispose()
    {
        _action?.Invoke();
        _action = null;
    }
}
