using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Transport;

namespace EucaNet.Simulator.Datapath.Proxy;

/// <summary>What a rule lets the proxy say to clients (struct nf_synproxy_info).</summary>
internal readonly record struct ProxyTerms(HandshakeOption Options, ushort SegmentSize, byte Scale);

/// <summary>
/// Answers SYNs in a server's stead and opens the connection to it when a client has proven itself (nf_synproxy_core.c): the answer's number is a cookie, so
/// nothing is kept until then. Afterwards the numbers and times of the server are changed into those that the client was given.
/// </summary>
internal sealed class SynProxy(NetworkStack stack) : IHookFunction
{
    private const TcpFlags EchoOfCongestion = TcpFlags.EchoCongestion, AskForCongestion = TcpFlags.EchoCongestion | TcpFlags.CongestionWindowReduced;

    /// <summary>Kinds of options of TCP.</summary>
    private const byte Selective = 5, Timestamp = 8;

    private readonly SynCookies _cookies = new(stack.Kernel);

    /// <summary>A connection that marks the SYN to a server for connection tracking, as a template does.</summary>
    private readonly Connection _template = MakeTemplate();

    private static Connection MakeTemplate()
    {
        Connection template = Connection.Template(default);
        template.Proxied = new ProxiedHandshake();
        return template;
    }

    /// <inheritdoc />
    public string Description => "SYN proxy";

    /// <summary>A rule hands a segment over: a SYN is answered, an acknowledgement of a cookie opens the connection to the server. Null: neither, the rule goes on.</summary>
    /// <param name="context">The segment at its hook.</param>
    /// <param name="terms">What may be said.</param>
    /// <param name="isExact">Other control bits make it neither (as xt_SYNPROXY wants it).</param>
    public HookVerdict? Take(HookContext context, ProxyTerms terms, bool isExact)
    {
        Packet packet = context.Packet;
        bool isSumKnown = packet.IsSummed && context.Hook is not (Hook.Prerouting or Hook.Input);
        bool mistakesIpv6 = packet.IsIpv6 && !isExact && !stack.Kernel.Profile.SumsProxiedIpv6;
        if (!(isSumKnown || (mistakesIpv6 ? HasRightSumAsIpv4(packet) : packet.HasRightSum)) || new TcpHeader(packet.Transport) is not { IsWellFormed: true } header)
        {
            return HookVerdict.Drop;
        }

        HandshakeOptions options = HandshakeOptions.Read(header.Options);
        TcpFlags control = header.Flags & (TcpFlags.Synchronize | TcpFlags.Acknowledge | TcpFlags.Finish | TcpFlags.Reset);
        if (isExact ? control == TcpFlags.Synchronize : (control & TcpFlags.Synchronize) != 0)
        {
            AnswerClient(packet, header, options, terms);
            return HookVerdict.Stolen;
        }

        return (isExact ? control != TcpFlags.Acknowledge : (control & TcpFlags.Acknowledge) == 0) ? null
            : OpenServer(packet, header, options, header.Sequence) ? HookVerdict.Stolen
            : HookVerdict.Drop;
    }

    /// <summary>
    /// The sum is right if the packet is taken for one of IPv4 (nf_ip_checksum), whose header sums to nothing and has its addresses where IPv6 has a part of the sender's: hardly ever.
    /// </summary>
    private static bool HasRightSumAsIpv4(Packet packet)
    {
        Span<byte> network = packet.Network;
        uint pseudoHeader = InternetChecksum.PseudoHeader(network.Slice(12, 4), network.Slice(16, 4), IpProtocol.Tcp, packet.Transport.Length);
        return InternetChecksum.Fold(InternetChecksum.Add(pseudoHeader, network)) == 0;
    }

    /// <inheritdoc />
    public HookVerdict Run(HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.Connection is not { Proxied: { } proxied, Tcp: { } tracking } connection || packet.TransportProtocol != IpProtocol.Tcp || context.Input is { IsLoopback: true })
        {
            return HookVerdict.Accept;
        }

        // A rule may have changed what the header says of its length.
        if (packet.Transport.Length < TcpHeader.MinimumSize || new TcpHeader(packet.Transport) is var header && header.HeaderLength > packet.Transport.Length)
        {
            return HookVerdict.Drop;
        }

        ConnectionDirection direction = Connection.DirectionOf(packet.ConnectionInfo);
        bool synchronizes = (header.Flags & TcpFlags.Synchronize) != 0, acknowledges = (header.Flags & TcpFlags.Acknowledge) != 0;
        switch (tracking.State)
        {
            case TcpState.Close when (header.Flags & TcpFlags.Reset) != 0 && direction != ConnectionDirection.Original:
                Shift(connection, direction, proxied.Initial - header.Sequence + 1);
                break;
            case TcpState.Close when !synchronizes || acknowledges || direction != ConnectionDirection.Original:
                break;
            case TcpState.Close or TcpState.SynSent:
                if (tracking.State == TcpState.Close)
                {
                    proxied.TimestampOffset = 0;
                }

                HandshakeOptions asked = HandshakeOptions.Read(header.Options);
                if (!synchronizes && acknowledges && direction == ConnectionDirection.Original)
                {
                    // A client that keeps alive what the server has not answered yet repeats its last octet.
                    return OpenServer(packet, header, asked, header.Sequence + 1) ? HookVerdict.Stolen : HookVerdict.Drop;
                }

                proxied.Initial = header.Acknowledgement;
                proxied.InitialTimestamp = asked.Has(HandshakeOption.Timestamp) ? asked.Echo : proxied.InitialTimestamp;
                break;
            case TcpState.SynReceived when synchronizes && acknowledges:
                Complete(packet, header, connection, proxied, tracking, direction);
                return HookVerdict.Stolen;
        }

        ChangeTimes(packet, direction, proxied.TimestampOffset);
        return HookVerdict.Accept;
    }

    /// <summary>Changes the numbers of a proxied connection's segment, so that each end sees those of its own handshake (nf_ct_seq_adjust). False where damaged options keep it from that.</summary>
    public static bool ChangeNumbers(HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.Connection is not { Tcp: { } tracking } connection || (connection.Status & ConnectionStatus.SequenceAdjust) == 0 || context.Input is { IsLoopback: true }
            || packet.TransportProtocol != IpProtocol.Tcp || packet.Transport.Length < TcpHeader.MinimumSize)
        {
            return true;
        }

        ConnectionDirection direction = Connection.DirectionOf(packet.ConnectionInfo);
        uint own = tracking.Shift(direction), others = tracking.Shift(1 - direction);
        var header = new TcpHeader(packet.Transport);
        Change(header.Bytes, 4, own);
        if ((header.Flags & TcpFlags.Acknowledge) == 0)
        {
            return true;
        }

        Change(header.Bytes, 8, 0u - others);
        int at = TcpHeader.MinimumSize, length;
        while ((length = FindOption(header, ref at, Selective)) > 0)
        {
            for (int edge = at + 2; length >= 10 && (length - 2) % 8 == 0 && edge < at + length; edge += 4)
            {
                Change(header.Bytes, edge, 0u - others);
            }

            at += length;
        }

        return length == 0;
    }

    /// <summary>The answer to a client's SYN. What its options were is kept in the time it is told, where it uses times; else only the segment size is.</summary>
    private void AnswerClient(Packet packet, TcpHeader header, HandshakeOptions asked, ProxyTerms terms)
    {
        HandshakeOption given = asked.Given | ((header.Flags & AskForCongestion) == AskForCongestion ? HandshakeOption.CongestionNotification : HandshakeOption.None);
        given &= terms.Options;
        HandshakeOptions said = asked with { Given = given, SegmentSize = terms.SegmentSize };
        if (said.Has(HandshakeOption.Timestamp))
        {
            uint time = (uint)stack.Kernel.Clock.Elapsed.TotalMilliseconds & ~0x3fu;
            time |= said.Has(HandshakeOption.WindowScale) ? asked.Scale : 0xfu;
            time |= (said.Has(HandshakeOption.SelectiveAcknowledgement) ? 1u << 4 : 0) | (said.Has(HandshakeOption.CongestionNotification) ? 1u << 5 : 0);
            said = said with { Echo = asked.Timestamp, Timestamp = time, Scale = said.Has(HandshakeOption.WindowScale) ? terms.Scale : asked.Scale };
        }
        else
        {
            said = said with { Given = given & HandshakeOption.SegmentSize };
        }

        TcpFlags flags = TcpFlags.Synchronize | TcpFlags.Acknowledge | (said.Has(HandshakeOption.CongestionNotification) ? EchoOfCongestion : TcpFlags.None);
        Packet answer = Make(packet, isAnswer: true, said, _cookies.Make(packet, header, asked.SegmentSize), header.Sequence + 1, flags, 0);
        Send(packet, answer, packet.Connection, ConnectionInfo.EstablishedReply, "SYN proxy answers");
    }

    /// <summary>The SYN to the server, with what the client's cookie and time tell of its own.</summary>
    private bool OpenServer(Packet packet, TcpHeader header, HandshakeOptions options, uint sequence)
    {
        if (_cookies.Check(packet, header) is not (> 0 and var segmentSize))
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Summary, stack.HostName, "SYN proxy: no cookie of ours");
            return false;
        }

        HandshakeOptions said = options with { Given = options.Given | HandshakeOption.SegmentSize, SegmentSize = segmentSize };
        if (said.Has(HandshakeOption.Timestamp))
        {
            const byte NoScale = 0xf;
            byte scale = (byte)(options.Echo & 0xf);
            said = said with
            {
                Scale = scale,
                Given = said.Given | (scale != NoScale ? HandshakeOption.WindowScale : 0)
                    | ((options.Echo & 1 << 4) != 0 ? HandshakeOption.SelectiveAcknowledgement : 0) | ((options.Echo & 1 << 5) != 0 ? HandshakeOption.CongestionNotification : 0),
            };
        }

        // The acknowledgement tells the hook on its way out which number the client was given.
        TcpFlags flags = TcpFlags.Synchronize | (said.Has(HandshakeOption.CongestionNotification) ? AskForCongestion : TcpFlags.None);
        Packet opening = Make(packet, isAnswer: false, said, sequence - 1, header.Acknowledgement - 1, flags, header.Window);
        Send(packet, opening, _template, ConnectionInfo.New, "SYN proxy opens the connection");
        return true;
    }

    /// <summary>The server has answered: its handshake is ended in the client's name, and the client learns its window.</summary>
    private void Complete(Packet packet, TcpHeader header, Connection connection, ProxiedHandshake proxied, TcpTracking tracking, ConnectionDirection direction)
    {
        HandshakeOptions options = HandshakeOptions.Read(header.Options);
        if (options.Has(HandshakeOption.Timestamp))
        {
            proxied.TimestampOffset = options.Timestamp - proxied.InitialTimestamp;
        }

        options = options with { Given = options.Given & HandshakeOption.Timestamp };
        uint sequence = header.Sequence, acknowledgement = header.Acknowledgement;
        ushort window = header.Window;
        HandshakeOptions turned = options with { Timestamp = options.Echo, Echo = options.Timestamp };
        Packet toServer = Make(packet, isAnswer: true, turned, acknowledgement, sequence + 1, TcpFlags.Acknowledge, (ushort)tracking.Side(ConnectionDirection.Original).MaximumWindow);
        Send(packet, toServer, null, default, "SYN proxy ends the handshake");
        Shift(connection, direction, proxied.Initial - sequence);
        Packet toClient = Make(packet, isAnswer: false, options, sequence + 1, acknowledgement, TcpFlags.Acknowledge, (ushort)(window >> options.Scale));
        Send(packet, toClient, connection, ConnectionInfo.EstablishedReply, "SYN proxy tells the window");
    }

    /// <summary>nf_ct_seqadj_init; nothing to shift by leaves what there is.</summary>
    private static void Shift(Connection connection, ConnectionDirection direction, uint offset)
    {
        if (offset != 0)
        {
            connection.Status |= ConnectionStatus.SequenceAdjust;
            connection.Tcp!.Shift(direction) = offset;
        }
    }

    private Packet Make(Packet packet, bool isAnswer, HandshakeOptions options, uint sequence, uint acknowledgement, TcpFlags flags, ushort window)
    {
        var header = new TcpHeader(packet.Transport);
        byte[] bytes = options.ToBytes();
        byte hopLimit = (byte)stack.Kernel.Parameters.Number(packet.IsIpv6 ? "net/ipv6/conf/all/hop_limit" : "net/ipv4/ip_default_ttl");
        (Kernel.InternetAddress from, Kernel.InternetAddress to) = isAnswer ? (packet.DestinationAddress, packet.SourceAddress) : (packet.SourceAddress, packet.DestinationAddress);
        (ushort fromPort, ushort toPort) = isAnswer ? (header.DestinationPort, header.SourcePort) : (header.SourcePort, header.DestinationPort);
        Packet made = Packet.OfInternet(from, to, IpProtocol.Tcp, TcpHeader.MinimumSize + bytes.Length, hopLimit, dontFragment: true);
        new TcpHeader(made.Transport).Write(fromPort, toPort, sequence, acknowledgement, flags, window, bytes);
        made.UpdateTransportChecksum();
        return made;
    }

    private void Send(Packet cause, Packet packet, Connection? connection, ConnectionInfo info, string what)
    {
        packet.Story = cause.Story?.Add(StoryKind.Answer, TraceLevel.Summary, stack.HostName, $"{what}: tcp {TcpLayer.Describe(new TcpHeader(packet.Transport).Flags)}");
        packet.Connection = connection;
        packet.ConnectionInfo = connection is null ? default : info;
        stack.Internet(packet.Family).SendLocal(packet, asAnybody: true);
    }

    /// <summary>The server's clock, which the client knows by another time (synproxy_tstamp_adjust).</summary>
    private static void ChangeTimes(Packet packet, ConnectionDirection direction, uint offset)
    {
        var header = new TcpHeader(packet.Transport);
        int at = TcpHeader.MinimumSize;
        while (offset != 0 && FindOption(header, ref at, Timestamp) is var length and > 0)
        {
            if (length == 10)
            {
                Change(header.Bytes, direction == ConnectionDirection.Reply ? at + 2 : at + 6, direction == ConnectionDirection.Reply ? 0u - offset : offset);
            }

            at += length;
        }
    }

    /// <summary>The length of the next option of a kind, which begins at <paramref name="at"/> then; 0 where there is none, less where a damaged one stands before it.</summary>
    private static int FindOption(TcpHeader header, ref int at, byte kind)
    {
        const byte End = 0, NoOperation = 1;
        int end = Math.Min(header.HeaderLength, header.Bytes.Length);
        while (at < end && header.Bytes[at] != End)
        {
            if (header.Bytes[at] == NoOperation)
            {
                at++;
                continue;
            }

            int length = at + 1 < end ? header.Bytes[at + 1] : 0;
            if (length < 2 || at + length > end)
            {
                return -1;
            }

            if (header.Bytes[at] == kind)
            {
                return length;
            }

            at += length;
        }

        return 0;
    }

    /// <summary>Adds to a number of a segment, and mends its checksum by that.</summary>
    private static void Change(Span<byte> segment, int at, uint difference)
    {
        if (difference == 0)
        {
            return;
        }

        Span<byte> number = segment.Slice(at, 4);
        byte[] before = number.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(number, BinaryPrimitives.ReadUInt32BigEndian(number) + difference);
        Span<byte> field = segment[16..];
        BinaryPrimitives.WriteUInt16BigEndian(field, InternetChecksum.Replace(BinaryPrimitives.ReadUInt16BigEndian(field), before, number));
    }
}
