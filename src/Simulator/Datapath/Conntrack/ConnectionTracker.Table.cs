using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <content>The table of connections: by the tuples of both directions, by number, by when they end.</content>
internal sealed partial class ConnectionTracker
{
    private readonly Dictionary<(ConnectionTuple Tuple, ushort Zone), Holders> _byTuple = [];
    private readonly SortedDictionary<uint, Connection> _byId = [];
    private readonly PriorityQueue<Connection, DateTimeOffset> _deadlines = new();
    private uint _lastId;

    /// <summary>nf_conntrack_max; 0 is no limit.</summary>
    public int Maximum => parameters.Number("net/", "netfilter", "nf_conntrack_max");

    /// <summary>There is no room for a new connection.</summary>
    public bool IsFull
    {
        get
        {
            if (Maximum == 0 || _byId.Count < Maximum)
            {
                return false;
            }

            Expire();
            return _byId.Count >= Maximum;
        }
    }

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
    public bool TryFind(ConnectionTuple tuple, ConnectionZone zone, [NotNullWhen(true)] out Connection? connection, out ConnectionDirection direction)
    {
        // In a zone of one direction a tuple is looked for among those that begin connections there, and among the answers elsewhere.
        ushort ofOriginal = zone.Of(ConnectionDirection.Original), ofReply = zone.Of(ConnectionDirection.Reply);
        Holders holders = _byTuple.GetValueOrDefault((tuple, ofOriginal));
        Connection? original = Living(holders.Original), reply = Living(ofReply == ofOriginal ? holders.Reply : _byTuple.GetValueOrDefault((tuple, ofReply)).Reply);
        direction = reply is not null && (original is null || reply.Id >= original.Id) ? ConnectionDirection.Reply : ConnectionDirection.Original;
        connection = direction == ConnectionDirection.Reply ? reply : original;
        return connection is not null;
    }

    private Connection? Living(Connection? found)
    {
        if (found is not null && found.Expires <= time.GetUtcNow())
        {
            Remove(found);
            return null;
        }

        return found;
    }

    /// <summary>Whether another connection already answers to this tuple.</summary>
    public bool IsTaken(ConnectionTuple tuple, ConnectionZone zone, Connection except) => Holder(tuple, zone, ConnectionDirection.Reply, except) is not null;

    /// <summary>A connection that has one of the tuples of a new one, so that it can't be entered.</summary>
    public Connection? Clash(Connection connection) =>
        Holder(connection.Original, connection.Zone, ConnectionDirection.Original, connection) ?? Holder(connection.Reply, connection.Zone, ConnectionDirection.Reply, connection);

    /// <summary>Who has a tuple where that of a direction would be entered.</summary>
    private Connection? Holder(ConnectionTuple tuple, ConnectionZone zone, ConnectionDirection direction, Connection except)
    {
        ushort id = zone.Of(direction);
        Holders holders = _byTuple.GetValueOrDefault((tuple, id));
        Connection? original = zone.Of(ConnectionDirection.Original) == id ? Living(holders.Original) : null, reply = zone.Of(ConnectionDirection.Reply) == id ? Living(holders.Reply) : null;
        return original is not null && original != except ? original : reply != except ? reply : null;
    }

    /// <summary>Puts a connection in the table, as a confirmed packet or user space makes it.</summary>
    public void Insert(Connection connection)
    {
        connection.Status |= ConnectionStatus.Confirmed;
        connection.Began = time.GetUtcNow();
        HoldersOf(connection, ConnectionDirection.Original).Original = connection;
        HoldersOf(connection, ConnectionDirection.Reply).Reply = connection;
        CountChild(connection.Master, 1);
        _byId.Add(connection.Id, connection);
        _deadlines.Enqueue(connection, connection.Expires);
    }

    /// <summary>A connection of this table's own numbering, not entered yet.</summary>
    /// <param name="original">The tuple of its first packet.</param>
    /// <param name="reply">The tuple of its answers.</param>
    /// <param name="zone">Where it is.</param>
    /// <param name="template">What a rule said of it beforehand.</param>
    public Connection Create(ConnectionTuple original, ConnectionTuple reply, ConnectionZone zone, Connection? template = null) => new(++_lastId, original, reply, zone)
    {
        Packets = Counts ? new ulong[2] : null,
        Bytes = Counts ? new ulong[2] : null,
        IsTimed = parameters.Number("net/", "netfilter", "nf_conntrack_timestamp") != 0,
        HasLabels = LabelUsers > 0,
        Told = EventsOf(template?.Told),
        ExpectationsTold = template?.Told is null ? ExpectationEvents.All : template.ExpectationsTold,
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
            Leave(connection, ConnectionDirection.Original);
            Leave(connection, ConnectionDirection.Reply);
            connection.Pending = ConnectionEvents.None;
            connection.Ended = time.GetUtcNow();
            Changed?.Invoke(connection, ConnectionEvents.Destroy);
            Expectations.RemoveWhere(expectation => expectation.Master == connection);
            CountChild(connection.Master, -1);
        }

        return true;
    }

    private static void CountChild(Connection? master, int children)
    {
        if (master is not null)
        {
            master.Children += children;
        }
    }

    private ref Holders HoldersOf(Connection connection, ConnectionDirection direction) =>
        ref CollectionsMarshal.GetValueRefOrAddDefault(_byTuple, (connection.Tuple(direction), connection.Zone.Of(direction)), out _);

    private void Leave(Connection connection, ConnectionDirection direction)
    {
        ref Holders holders = ref HoldersOf(connection, direction);
        ref Connection? held = ref direction == ConnectionDirection.Original ? ref holders.Original : ref holders.Reply;
        held = held == connection ? null : held;
        if (holders is { Original: null, Reply: null })
        {
            _byTuple.Remove((connection.Tuple(direction), connection.Zone.Of(direction)));
        }
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

    /// <summary>The connections that a tuple belongs to, as the one that begins and as the one that answers.</summary>
    private record struct Holders
    {
        public Connection? Original;
        public Connection? Reply;
    }
}
