using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Proxy;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>
/// The connection tracking of one kernel. A packet is looked up by its tuple on its way in (<see cref="Track"/>); a new
/// connection is entered in the table only when its first packet leaves (<see cref="Confirm"/>), so that a dropped packet
/// leaves nothing behind. Entries end by the clock, looked at when they are met and by <see cref="Expire"/>.
/// </summary>
/// <param name="time">The machine's clock.</param>
/// <param name="parameters">The machine's parameters.</param>
/// <param name="tracksDccp">DCCP is known to have ports (before 6.17); its states are not followed in any case.</param>
/// <param name="keepsChallenged">See <see cref="KernelProfile.KeepsChallengedConnections"/>.</param>
internal sealed partial class ConnectionTracker(TimeProvider time, ParameterTable parameters, bool tracksDccp, bool keepsChallenged)
{
    private ExpectationTable? _expectations;
    private TcpTracker? _tcp;
    private SctpTracker? _sctp;

    /// <summary>Tells of connections that came, changed and went (ctnetlink's events).</summary>
    public event Action<Connection, ConnectionEvents>? Changed;

    /// <summary>Tells of a new connection that was expected, before its first packet goes on.</summary>
    public event Action<Connection, Expectation>? Fulfilled;

    /// <summary>Somebody listens to what happens to connections.</summary>
    public Func<bool>? HasListeners { get; set; }

    /// <summary>The connections that are waited for.</summary>
    public ExpectationTable Expectations => _expectations ??= new ExpectationTable(time, parameters, Statistics);

    public TrackingStatistics Statistics { get; } = new();

    /// <summary>Somebody is about to look at all connections: what the clock has changed of them meanwhile is to be done first.</summary>
    public event Action? Looking;

    /// <summary>What holds for connections of which no rule says otherwise.</summary>
    public ConnectionTimeouts Timeouts { get; } = new ConnectionTimeouts.OfParameters(parameters);

    public TcpTracker Tcp => _tcp ??= new TcpTracker(this, parameters, keepsChallenged);

    /// <summary>nf_conntrack_checksum: packets with a wrong checksum are invalid.</summary>
    public bool VerifiesChecksums => parameters.Number("net/", "netfilter", "nf_conntrack_checksum") != 0;

    /// <summary>nf_conntrack_acct: packets and octets of new connections are counted.</summary>
    public bool Counts => parameters.Number("net/", "netfilter", "nf_conntrack_acct") != 0;

    /// <summary>How many rules are about labels.</summary>
    public int LabelUsers { get; set; }

    /// <summary>How long a connection is remembered, by its state.</summary>
    public ConnectionTimeouts TimeoutsOf(Connection connection) => connection.Policy ?? Timeouts;

    /// <summary>Looks at a packet on its way in (nf_conntrack_in): sets its connection and what it is to it.</summary>
    public HookVerdict Track(HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.Connection is { IsTemplate: false } || packet.Untracked)
        {
            return HookVerdict.Accept;
        }

        _expectations?.ForgetUnborn();
        Connection? template = packet.Connection;
        ConnectionZone zone = template?.Zone ?? default;
        zone = template is { IsZoneOfMark: true } ? zone with { Id = (ushort)packet.Mark } : zone;
        packet.Connection = null;
        packet.ConnectionInfo = default;
        bool isLocated = packet.LocateTransport() && packet.FragmentOffset == 0;
        byte protocol = packet.TransportProtocol;

        // IPv6 goes by what the extension headers say, also where they end behind the packet.
        if (packet.IsIpv6 ? packet.Ipv6.SkipExtensions(out protocol) == Ipv6Header.Absent || protocol == IpProtocol.Ipv6Fragment : !isLocated)
        {
            return HookVerdict.Accept;
        }

        if (protocol == (packet.IsIpv6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp))
        {
            if (!TrackIcmp(context, zone, out bool decided) || decided)
            {
                return HookVerdict.Accept;
            }
        }

        TrackingResult result;
        do
        {
            result = TrackOnce(context, protocol, zone, template);
        }
        while (result == TrackingResult.Repeat);

        if (result == TrackingResult.Drop)
        {
            Statistics.Dropped++;
            return HookVerdict.Drop;
        }

        if (result == TrackingResult.Invalid)
        {
            Statistics.Invalid++;
            packet.Connection = null;
            packet.ConnectionInfo = default;
        }

        return HookVerdict.Accept;
    }

    /// <summary>Enters a new connection in the table when its first packet leaves (nf_conntrack_confirm), and tells what changed.</summary>
    public HookVerdict Confirm(Packet packet)
    {
        if (packet.Connection is not { } connection)
        {
            return HookVerdict.Accept;
        }

        if (!connection.IsConfirmed && !connection.IsDying)
        {
            if (Connection.DirectionOf(packet.ConnectionInfo) != ConnectionDirection.Original)
            {
                return HookVerdict.Accept;
            }

            if (Clash(connection) is { } clash)
            {
                // Two first packets of one flow were under way at the same time; the entry that won serves both where both mean the same.
                if (clash.Original == connection.Original && clash.Reply == connection.Reply && connection.Tcp is null)
                {
                    packet.Connection = clash;
                    return HookVerdict.Accept;
                }

                Statistics.InsertFailed++;
                Statistics.Dropped++;
                return HookVerdict.Drop;
            }

            Insert(connection);
            connection.Note((connection.Master is null ? ConnectionEvents.New : ConnectionEvents.Related) | (connection.Helper is null ? ConnectionEvents.None : ConnectionEvents.Helper));
        }

        Publish(connection);
        return HookVerdict.Accept;
    }

    /// <summary>What events are told of a connection that begins now: what a rule chose, or all; none where nobody listens (nf_conntrack_events).</summary>
    public ConnectionEvents? EventsOf(ConnectionEvents? chosen) => parameters.Number("net/", "netfilter", "nf_conntrack_events") switch
    {
        0 => chosen,
        2 when HasListeners?.Invoke() != true => null,
        _ => chosen ?? Connection.AllEvents,
    };

    /// <summary>Tells what a request did to a connection.</summary>
    public void Announce(Connection connection, ConnectionEvents events) => Changed?.Invoke(connection, events);

    private void Publish(Connection connection)
    {
        if (connection.Pending is var events and not ConnectionEvents.None)
        {
            connection.Pending = ConnectionEvents.None;
            Changed?.Invoke(connection, events);
        }
    }

    private TrackingResult TrackOnce(HookContext context, byte protocol, ConnectionZone zone, Connection? template)
    {
        Packet packet = context.Packet;
        if (ReadTuple(packet.Network, packet.Family) is not { } tuple)
        {
            return TrackingResult.Invalid;
        }

        if (!IsSane(context, protocol))
        {
            return TrackingResult.Invalid;
        }

        ConnectionInfo info;
        if (TryFind(tuple, zone, out Connection? connection, out ConnectionDirection direction))
        {
            info = direction == ConnectionDirection.Reply ? ConnectionInfo.EstablishedReply
                : connection.HasSeenReply ? ConnectionInfo.Established
                : (connection.Status & ConnectionStatus.Expected) != 0 ? ConnectionInfo.Related
                : ConnectionInfo.New;
        }
        else
        {
            if (tuple.Invert() is not { } reply)
            {
                return TrackingResult.Invalid;
            }

            if (IsFull)
            {
                return TrackingResult.Drop;
            }

            connection = Create(tuple, reply, zone, template);
            connection.Proxied = template?.Proxied is not null ? new ProxiedHandshake() : null;
            info = ConnectionInfo.New;
            if (Expectations.Take(tuple, zone) is { } expectation)
            {
                Fulfil(connection, expectation);
                info = ConnectionInfo.Related;
            }
            else if (template?.Helper is { } helper)
            {
                connection.Helper = helper;
                connection.CanExpect = true;
                connection.Status |= ConnectionStatus.Helper;
            }

            if (protocol == IpProtocol.Tcp && !Tcp.Begin(connection, packet))
            {
                return TrackingResult.Invalid;
            }

            if (protocol is IpProtocol.Icmp or IpProtocol.Icmpv6 && !ConnectionTuple.BeginsConnection(protocol, tuple.IcmpType))
            {
                return TrackingResult.Invalid;
            }
        }

        packet.Connection = connection;
        packet.ConnectionInfo = info;
        TrackingResult result = protocol switch
        {
            IpProtocol.Tcp when connection.Tcp is not null => Tcp.Track(connection, packet, info),
            IpProtocol.Sctp => (_sctp ??= new SctpTracker(this)).Track(connection, packet, info),
            _ => TrackPlain(connection, protocol, info),
        };
        if (result is not (TrackingResult.Accept or TrackingResult.AcceptUncounted))
        {
            return result;
        }

        direction = Connection.DirectionOf(info);
        if (connection.Packets is not null && result == TrackingResult.Accept)
        {
            connection.Packets[(int)direction]++;
            connection.Bytes![(int)direction] += (ulong)packet.NetworkLength;
        }

        if (info == ConnectionInfo.EstablishedReply && !connection.HasSeenReply)
        {
            connection.Status |= ConnectionStatus.SeenReply;
            connection.Note(ConnectionEvents.Reply);
        }

        return TrackingResult.Accept;
    }

    /// <summary>A connection comes that another one spoke of.</summary>
    private void Fulfil(Connection connection, Expectation expectation)
    {
        Statistics.Fulfilled++;
        connection.Status |= ConnectionStatus.Expected;
        connection.Master = expectation.Master;
        connection.Mark = connection.Master.Mark;
        if (expectation.Helper is { } helper)
        {
            connection.Helper = helper;
            connection.CanExpect = true;
        }

        Fulfilled?.Invoke(connection, expectation);
    }

    private bool IsSane(HookContext context, byte protocol)
    {
        Packet packet = context.Packet;
        return protocol switch
        {
            IpProtocol.Tcp => TcpTracker.IsWhole(packet) && (!Verifies(context) || packet.HasValidTransport) && TcpTracker.HasValidFlags(packet),
            IpProtocol.Sctp => packet.Transport.Length >= 12 && (!Verifies(context) || Crc32C.IsValid(packet.Transport)),
            IpProtocol.UdpLite => IsSaneUdpLite(packet, Verifies(context)),
            IpProtocol.Udp => new UdpHeader(packet.Transport) is { IsWellFormed: true } udp && (!Verifies(context) || udp.Checksum == 0 || packet.HasValidTransport),
            _ => true,
        };
    }

    /// <summary>
    /// What UDP-Lite's length field says is how much its checksum covers, and it must have one (RFC 3828, udplite_error). The kernel sums with UDP's number in the pseudo header,
    /// so that what a sender has summed with UDP-Lite's own is invalid to it.
    /// </summary>
    private static bool IsSaneUdpLite(Packet packet, bool verifies)
    {
        Span<byte> transport = packet.Transport;
        if (transport.Length < UdpHeader.Size)
        {
            return false;
        }

        var header = new UdpHeader(transport);
        int covered = header.Length == 0 ? transport.Length : header.Length;
        return covered >= UdpHeader.Size && covered <= transport.Length && header.Checksum != 0
            && (!verifies || InternetChecksum.Fold(InternetChecksum.Add(packet.PseudoHeader(IpProtocol.Udp, transport.Length), transport[..covered])) == 0);
    }

    private ConnectionTuple? ReadTuple(Span<byte> network, byte family)
    {
        ConnectionTuple? tuple = ConnectionTuple.Read(network, family);
        return tuple is { Protocol: IpProtocol.Dccp } dccp && !tracksDccp ? dccp with { SourcePort = 0, DestinationPort = 0 } : tuple;
    }

    /// <summary>Checksums are looked at on arrival, of whole packets.</summary>
    private bool Verifies(HookContext context)
    {
        Packet packet = context.Packet;
        bool verifies = VerifiesChecksums && context.Hook == Hook.Prerouting && !(packet.IsIpv6 ? packet.Ipv6.FindFragment(out _) : packet.Ipv4.IsFragment);
        packet.IsSummed |= verifies;
        packet.IsVerified |= verifies && packet.HasValidTransport;
        return verifies;
    }

    private TrackingResult TrackPlain(Connection connection, byte protocol, ConnectionInfo info)
    {
        if (protocol == IpProtocol.Gre && connection.HasSeenReply)
        {
            Refresh(connection, TimeoutsOf(connection)["nf_conntrack_gre_timeout_stream"]);
            if ((connection.Status & (ConnectionStatus.Assured | ConnectionStatus.NatClash)) == 0)
            {
                connection.Status |= ConnectionStatus.Assured;
                connection.Note(ConnectionEvents.Assured);
            }

            return TrackingResult.Accept;
        }

        if (protocol is not (IpProtocol.Udp or IpProtocol.UdpLite))
        {
            Refresh(connection, TimeoutsOf(connection).OfProtocol(protocol));
            return TrackingResult.Accept;
        }

        DateTimeOffset now = time.GetUtcNow();
        if (!connection.IsConfirmed)
        {
            connection.StreamFrom = now + TimeSpan.FromSeconds(2);
        }

        if (connection.HasSeenReply)
        {
            // UDP-Lite does not wait and see.
            bool stream = protocol == IpProtocol.UdpLite || now > connection.StreamFrom;
            Refresh(connection, TimeoutsOf(connection)[stream ? "nf_conntrack_udp_timeout_stream" : "nf_conntrack_udp_timeout"]);
            if (stream && (connection.Status & (ConnectionStatus.Assured | ConnectionStatus.NatClash)) == 0)
            {
                connection.Status |= ConnectionStatus.Assured;
                connection.Note(ConnectionEvents.Assured);
            }
        }
        else
        {
            Refresh(connection, TimeoutsOf(connection)["nf_conntrack_udp_timeout"]);
        }

        return TrackingResult.Accept;
    }
}
