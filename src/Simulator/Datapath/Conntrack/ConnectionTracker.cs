using System.Diagnostics.CodeAnalysis;
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
    private readonly Dictionary<(ConnectionTuple Tuple, ushort Zone), (Connection Connection, ConnectionDirection Direction)> _byTuple = [];
    private readonly SortedDictionary<uint, Connection> _byId = [];
    private readonly PriorityQueue<Connection, DateTimeOffset> _deadlines = new();
    private readonly Dictionary<Connection, ConnectionEvents> _pending = [];
    private uint _lastId;
    private TcpTracker? _tcp;
    private SctpTracker? _sctp;

    /// <summary>Tells of connections that came, changed and went (ctnetlink's events).</summary>
    public event Action<Connection, ConnectionEvents>? Changed;

    /// <summary>Somebody is about to look at all connections: what the clock has changed of them meanwhile is to be done first.</summary>
    public event Action? Looking;

    public ConnectionTimeouts Timeouts { get; } = new(parameters);

    public TcpTracker Tcp => _tcp ??= new TcpTracker(this, parameters, keepsChallenged);

    /// <summary>nf_conntrack_max; a new connection beyond it is dropped.</summary>
    public int Maximum => parameters.Number("net/", "netfilter", "nf_conntrack_max");

    /// <summary>nf_conntrack_checksum: packets with a wrong checksum are invalid.</summary>
    public bool VerifiesChecksums => parameters.Number("net/", "netfilter", "nf_conntrack_checksum") != 0;

    /// <summary>nf_conntrack_acct: packets and octets of new connections are counted.</summary>
    public bool Counts => parameters.Number("net/", "netfilter", "nf_conntrack_acct") != 0;

    /// <summary>How many connections are in the table; those that ended but weren't met yet too.</summary>
    public int Count => _byId.Count;

    /// <summary>The connections that are alive, in the order they began.</summary>
    public IEnumerable<Connection> Connections
    {
        get
        {
            Looking?.Invoke();
            Expire();
            return _byId.Values;
        }
    }

    /// <summary>Looks a connection up by the tuple of either direction.</summary>
    public bool TryFind(ConnectionTuple tuple, ushort zone, [NotNullWhen(true)] out Connection? connection, out ConnectionDirection direction)
    {
        if (_byTuple.TryGetValue((tuple, zone), out (Connection Connection, ConnectionDirection Direction) found))
        {
            if (found.Connection.Expires > time.GetUtcNow())
            {
                (connection, direction) = found;
                return true;
            }

            Remove(found.Connection);
        }

        connection = null;
        direction = default;
        return false;
    }

    /// <summary>Whether another connection already answers to this tuple.</summary>
    public bool IsTaken(ConnectionTuple tuple, ushort zone, Connection except) =>
        TryFind(tuple, zone, out Connection? other, out _) && other != except;

    /// <summary>Looks at a packet on its way in (nf_conntrack_in): sets its connection and what it is to it.</summary>
    public HookVerdict Track(HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.Connection is { IsTemplate: false } || packet.Untracked)
        {
            return HookVerdict.Accept;
        }

        Connection? template = packet.Connection;
        ushort zone = template is { IsZoneOfMark: true } ? (ushort)packet.Mark : template?.Zone ?? 0;
        packet.Connection = null;
        packet.ConnectionInfo = default;
        if (!packet.LocateTransport() || packet.FragmentOffset != 0 || (packet.IsIpv6 && packet.TransportProtocol == IpProtocol.Ipv6NoNext))
        {
            return HookVerdict.Accept;
        }

        byte protocol = packet.TransportProtocol;
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
            return HookVerdict.Drop;
        }

        if (result == TrackingResult.Invalid)
        {
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

            if (TryFind(connection.Original, connection.Zone, out Connection? clash, out _) || TryFind(connection.Reply, connection.Zone, out clash, out _))
            {
                // Two first packets of one flow were under way at the same time; the entry that won serves both where both mean the same.
                if (clash.Original == connection.Original && clash.Reply == connection.Reply && connection.Tcp is null)
                {
                    packet.Connection = clash;
                    return HookVerdict.Accept;
                }

                return HookVerdict.Drop;
            }

            Insert(connection);
            Note(connection, ConnectionEvents.New);
        }

        Publish(connection);
        return HookVerdict.Accept;
    }

    /// <summary>Puts a connection in the table, as a confirmed packet or user space makes it.</summary>
    public void Insert(Connection connection)
    {
        connection.Status |= ConnectionStatus.Confirmed;
        connection.Began = time.GetUtcNow();
        _byTuple[(connection.Original, connection.Zone)] = (connection, ConnectionDirection.Original);
        _byTuple[(connection.Reply, connection.Zone)] = (connection, ConnectionDirection.Reply);
        _byId.Add(connection.Id, connection);
        _deadlines.Enqueue(connection, connection.Expires);
    }

    /// <summary>A connection of this table's own numbering, not entered yet.</summary>
    public Connection Create(ConnectionTuple original, ConnectionTuple reply, ushort zone) => new(++_lastId, original, reply, zone)
    {
        Packets = Counts ? new ulong[2] : null,
        Bytes = Counts ? new ulong[2] : null,
        Expires = time.GetUtcNow() + Timeouts.OfProtocol(original.Protocol),
    };

    /// <summary>Ends a connection; its next packet begins a new one. False when it had ended.</summary>
    public bool Remove(Connection connection)
    {
        if (connection.IsDying)
        {
            return false;
        }

        connection.Status |= ConnectionStatus.Dying;
        if (_byId.Remove(connection.Id))
        {
            _byTuple.Remove((connection.Original, connection.Zone));
            _byTuple.Remove((connection.Reply, connection.Zone));
            _pending.Remove(connection);
            Tell(connection, ConnectionEvents.Destroy);
        }

        return true;
    }

    /// <summary>Ends what the clock has ended.</summary>
    public void Expire()
    {
        DateTimeOffset now = time.GetUtcNow();
        while (_deadlines.TryPeek(out Connection? connection, out DateTimeOffset deadline) && deadline <= now)
        {
            _deadlines.Dequeue();
            if (connection.IsDying)
            {
                continue;
            }

            if (connection.Expires <= now)
            {
                Remove(connection);
            }
            else
            {
                _deadlines.Enqueue(connection, connection.Expires);
            }
        }
    }

    /// <summary>Ends the connections for which <paramref name="match"/> holds; returns how many.</summary>
    public int RemoveWhere(Predicate<Connection> match)
    {
        List<Connection> found = [.. Connections.Where(connection => match(connection))];
        found.ForEach(connection => Remove(connection));
        return found.Count;
    }

    /// <summary>The connection lives on for <paramref name="timeout"/> from now.</summary>
    public void Refresh(Connection connection, TimeSpan timeout)
    {
        if ((connection.Status & ConnectionStatus.FixedTimeout) != 0)
        {
            return;
        }

        DateTimeOffset before = connection.Expires;
        connection.Expires = time.GetUtcNow() + timeout;
        if (connection.Expires < before)
        {
            Reschedule(connection);
        }
    }

    /// <summary>How long a connection lives if nothing more is heard of it.</summary>
    public TimeSpan TimeLeft(Connection connection) => connection.Expires - time.GetUtcNow();

    /// <summary>A connection ends earlier than it would have.</summary>
    public void Reschedule(Connection connection)
    {
        if (connection.IsConfirmed && !connection.IsDying)
        {
            _deadlines.Enqueue(connection, connection.Expires);
        }
    }

    /// <summary>Remembers what changed until the packet that changed it leaves.</summary>
    public void Note(Connection connection, ConnectionEvents events) => _pending[connection] = _pending.GetValueOrDefault(connection) | events;

    private void Publish(Connection connection)
    {
        if (_pending.Remove(connection, out ConnectionEvents events))
        {
            Tell(connection, events);
        }
    }

    private void Tell(Connection connection, ConnectionEvents events)
    {
        if ((connection.Told & events) != 0)
        {
            Changed?.Invoke(connection, events);
        }
    }

    private TrackingResult TrackOnce(HookContext context, byte protocol, ushort zone, Connection? template)
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

            if (_byId.Count >= Maximum)
            {
                Expire();
                if (_byId.Count >= Maximum)
                {
                    return TrackingResult.Drop;
                }
            }

            connection = Create(tuple, reply, zone);
            connection.Proxied = template?.Proxied is not null ? new ProxiedHandshake() : null;
            connection.Told = template?.Told ?? connection.Told;
            info = ConnectionInfo.New;
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
            Note(connection, ConnectionEvents.Reply);
        }

        return TrackingResult.Accept;
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
            Refresh(connection, Timeouts["nf_conntrack_gre_timeout_stream"]);
            if ((connection.Status & (ConnectionStatus.Assured | ConnectionStatus.NatClash)) == 0)
            {
                connection.Status |= ConnectionStatus.Assured;
                Note(connection, ConnectionEvents.Assured);
            }

            return TrackingResult.Accept;
        }

        if (protocol is not (IpProtocol.Udp or IpProtocol.UdpLite))
        {
            Refresh(connection, Timeouts.OfProtocol(protocol));
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
            Refresh(connection, Timeouts[stream ? "nf_conntrack_udp_timeout_stream" : "nf_conntrack_udp_timeout"]);
            if (stream && (connection.Status & (ConnectionStatus.Assured | ConnectionStatus.NatClash)) == 0)
            {
                connection.Status |= ConnectionStatus.Assured;
                Note(connection, ConnectionEvents.Assured);
            }
        }
        else
        {
            Refresh(connection, Timeouts["nf_conntrack_udp_timeout"]);
        }

        return TrackingResult.Accept;
    }
}
