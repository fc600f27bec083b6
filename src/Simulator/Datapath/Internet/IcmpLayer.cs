using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>
/// What ICMP and ICMPv6 do alike: echo requests and their answers, errors to the sender of a packet within the rate limit, and
/// errors that come, taken to the socket they speak of.
/// </summary>
internal abstract class IcmpLayer(NetworkStack stack)
{
    /// <summary>How much of what a packet carries must be quoted by an error about it.</summary>
    private const int Quoted = 8;

    private readonly Dictionary<ushort, Action<Packet>> _echoes = [];
    private readonly RateLimit _limit = new();
    private ushort _lastIdentifier;
    private bool _isSending;

    protected NetworkStack Stack { get; } = stack;

    protected abstract byte Family { get; }

    protected abstract byte Protocol { get; }

    protected abstract byte EchoRequestType { get; }

    protected abstract byte EchoReplyType { get; }

    /// <summary>How much of a packet an error quotes, headers of the error apart.</summary>
    protected abstract int LargestQuote { get; }

    protected InternetLayer Layer => Stack.Internet(Family);

    /// <summary>A message for this machine.</summary>
    public void Receive(NetworkDevice device, Packet packet)
    {
        if (packet.Transport.Length < IcmpHeader.Size || !(packet.HasValidTransport || packet.IsSumRight))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, Stack.HostName, "wrong ICMP checksum");
            return;
        }

        var header = new IcmpHeader(packet.Transport);
        if (header.Type == EchoRequestType)
        {
            if (Ignores(packet))
            {
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, Stack.HostName, "echo requests are ignored");
                return;
            }

            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, Stack.HostName, "echo request");
            Answer(device, packet);
        }
        else if (header.Type == EchoReplyType)
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, Stack.HostName, "echo reply");
            if (_echoes.TryGetValue(header.Identifier, out Action<Packet>? waiter))
            {
                waiter(packet);
            }
        }
        else if (IsError(header.Type))
        {
            packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, Stack.HostName, $"ICMP {ErrorOf(packet)}");
            TakeError(packet);
        }
        else
        {
            ReceiveOther(device, packet);
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
        return new Release(Stack.Kernel, () => _echoes.Remove(mine));
    }

    /// <summary>Sends an echo request; says why where it couldn't.</summary>
    public SendOutcome SendEcho(
        InternetAddress destination, ushort identifier, ushort sequence, int dataLength, byte hopLimit = 64, bool dontFragment = false,
        InternetAddress? source = null, NetworkDevice? output = null, PacketStory? story = null)
    {
        if ((source ?? Layer.SourceFor(destination, output)) is not { } from)
        {
            return SendOutcome.NoRoute;
        }

        Packet packet = Packet.OfInternet(from, destination, Protocol, IcmpHeader.Size + dataLength, hopLimit, 0, dontFragment);
        packet.Story = story;
        var header = new IcmpHeader(packet.Transport) { Type = EchoRequestType, Identifier = identifier, Sequence = sequence };
        for (int i = 0; i < dataLength; i++)
        {
            header.Payload[i] = (byte)i;
        }

        packet.UpdateTransportChecksum();
        packet.Socket = LocalSocket.OfProgram;
        return Layer.SendLocal(packet, output, dontFragment);
    }

    /// <summary>Tells a packet's sender why it did not arrive, in this family's words.</summary>
    public abstract void SendError(Packet cause, NetworkDevice? input, IcmpReason reason, uint information = 0);

    /// <summary>Nobody answers for the next hop of a packet: its sender, also on this machine, learns that the host is unreachable.</summary>
    public void NextHopFailed(Packet packet) => SendError(packet, null, IcmpReason.HostUnreachable);

    /// <summary>An error with a type and code of its own (icmp_send, icmp6_send); not where the rules of the family forbid it.</summary>
    public void SendError(Packet cause, NetworkDevice? input, byte type, byte code, uint information = 0)
    {
        // While a message of its own is on its way out ICMP is locked: a rule that rejects it there sends nothing (icmp_xmit_lock).
        if (_isSending || !MayCauseError(cause, type, code))
        {
            return;
        }

        InternetAddress receiver = cause.SourceAddress;
        NetworkDevice? output = receiver.IsLinkLocal && Family == InternetAddress.V6 ? input : RoutingDomain.Of(input ?? cause.Route?.Device);
        if (ErrorSource(cause, input, output) is not { } sender || !MaySend(receiver, type, code, input))
        {
            return;
        }

        Span<byte> network = cause.Network;
        int quoted = Math.Min(network.Length, LargestQuote);
        Packet error = Packet.OfInternet(sender, receiver, Protocol, IcmpHeader.Size + quoted, 64, ErrorTrafficClass(cause));
        var icmp = new IcmpHeader(error.Transport) { Type = type, Code = code, Information = information };
        network[..quoted].CopyTo(icmp.Payload);
        error.UpdateTransportChecksum();
        error.Mark = Stack.Kernel.Parameters.Number(Family == InternetAddress.V4 ? "net/ipv4/fwmark_reflect" : "net/ipv6/fwmark_reflect") != 0 ? cause.Mark : 0;
        error.AttachTo(cause);
        error.Story = cause.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, Stack.HostName, $"ICMP {new IcmpError(sender, type, code, information)}");
        Send(error, output);
    }

    protected abstract bool IsError(byte type);

    /// <summary>The administrator wants no answer to this echo request.</summary>
    protected abstract bool Ignores(Packet request);

    /// <summary>No error about an error, a group's packet, a later fragment.</summary>
    protected abstract bool MayCauseError(Packet cause, byte type, byte code);

    /// <summary>The rate limit to one receiver: how long one error costs; null where none applies.</summary>
    protected abstract TimeSpan? CostOf(InternetAddress receiver, byte type, byte code);

    protected abstract byte ErrorTrafficClass(Packet cause);

    /// <summary>Which address an error comes from; null: it can't be sent.</summary>
    protected abstract InternetAddress? ErrorSource(Packet cause, NetworkDevice? input, NetworkDevice? output);

    /// <summary>A message that is neither echo nor error.</summary>
    protected abstract void ReceiveOther(NetworkDevice device, Packet packet);

    /// <summary>A redirect: the named packets have a better first hop.</summary>
    protected virtual void TakeRedirect(Packet packet)
    {
    }

    private void Answer(NetworkDevice device, Packet request)
    {
        InternetAddress asker = request.SourceAddress, asked = request.DestinationAddress;
        bool toOne = request.Route is not { Type: RouteType.Broadcast or RouteType.Multicast } && !asked.IsMulticast;
        NetworkDevice? output = Family == InternetAddress.V6 && asker.IsLinkLocal ? device : RoutingDomain.Of(device);
        if ((toOne ? asked : Layer.SourceFor(asker, output)) is not { } source)
        {
            return;
        }

        ReadOnlySpan<byte> message = request.Transport;
        Packet reply = Packet.OfInternet(source, asker, Protocol, message.Length, 64, request.TrafficClass);
        message.CopyTo(reply.Transport);
        new IcmpHeader(reply.Transport).Bytes[0] = EchoReplyType;
        reply.UpdateTransportChecksum();
        reply.Story = request.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, Stack.HostName, "echo reply");
        Send(reply, output);
    }

    /// <summary>Sends a message of this layer itself.</summary>
    protected void Send(Packet message, NetworkDevice? output)
    {
        bool outer = _isSending;
        _isSending = true;
        message.Socket = LocalSocket.OfKernel;
        try
        {
            Layer.SendLocal(message, output);
        }
        finally
        {
            _isSending = outer;
        }
    }

    /// <summary>The error a message carries.</summary>
    public static IcmpError ErrorOf(Packet packet)
    {
        var header = new IcmpHeader(packet.Transport);
        return new IcmpError(packet.SourceAddress, header.Type, header.Code, header.Information);
    }

    private void TakeError(Packet packet)
    {
        Span<byte> inner = new IcmpHeader(packet.Transport).Payload;
        IcmpError error = ErrorOf(packet);
        if (ConnectionTuple.Read(inner, Family) is not { } tuple || !error.IsTold || TransportOf(inner) is not { Length: >= Quoted } transport)
        {
            return;
        }

        // Only who has sent such a packet believes it, and learns from it how large the next may be and where to send it.
        bool isBelieved = tuple.Protocol switch
        {
            IpProtocol.Udp => Stack.Udp.Knows(tuple, transport),
            IpProtocol.Tcp => Stack.Tcp.Believes(tuple, BinaryPrimitives.ReadUInt32BigEndian(transport[4..]), error),
            _ => tuple.Protocol == Protocol && Knows(tuple),
        };
        if (!isBelieved)
        {
            return;
        }

        if (error.IsTooBig)
        {
            Stack.Exceptions.LearnMtu(tuple.Destination, error.Mtu);
        }

        TakeRedirect(packet);
        switch (tuple.Protocol)
        {
            case IpProtocol.Udp:
                Stack.Udp.TakeError(tuple, error, packet);
                break;
            case IpProtocol.Tcp:
                Stack.Tcp.TakeError(tuple, error, packet);
                break;
            case var _ when _echoes.TryGetValue(tuple.SourcePort, out Action<Packet>? waiter):
                waiter(packet);
                break;
        }
    }

    /// <summary>Of IPv4 somebody must wait for the answer to what is quoted, unless it is an answer of the kernel itself (icmp_err); IPv6 does not ask (icmpv6_err).</summary>
    private bool Knows(ConnectionTuple quoted) =>
        Family == InternetAddress.V6 || _echoes.ContainsKey(quoted.SourcePort) || quoted.DestinationPort >> 8 == EchoReplyType;

    private Span<byte> TransportOf(Span<byte> inner)
    {
        int offset;
        if (Family == InternetAddress.V4)
        {
            offset = new Ipv4Header(inner).HeaderLength;
        }
        else
        {
            new Ipv6Header(inner).FindTransport(out offset, out _);
        }

        return offset < inner.Length ? inner[offset..] : default;
    }

    private bool MaySend(InternetAddress receiver, byte type, byte code, NetworkDevice? input) =>
        input is { IsLoopback: true } || CostOf(receiver, type, code) is not { } cost || _limit.Allows(receiver, cost, Stack.Kernel.Clock.GetTimestamp());
}
