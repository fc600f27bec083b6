using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Nat;

/// <summary>
/// Chooses what an end of a connection becomes so that no two connections have the same answers (get_unique_tuple): the same
/// sender keeps its translation, an address of the range is picked, another port only where one must be.
/// </summary>
internal sealed class TupleChooser(ConnectionTracker tracker, RandomSource random)
{
    private readonly Dictionary<(InternetAddress Source, ushort Port, byte Protocol, ushort Zone), List<Connection>> _bySource = [];

    /// <summary>The tuple that a connection now of <paramref name="original"/> gets at one end.</summary>
    public ConnectionTuple Choose(ConnectionTuple original, NatRange range, Connection connection, NatManipulation manipulation)
    {
        bool fullyRandom = (range.Flags & NatRangeFlags.PortsRandomFully) != 0;
        bool anyPort = fullyRandom || (range.Flags & NatRangeFlags.PortsRandom) != 0;
        if (manipulation == NatManipulation.Source && !anyPort)
        {
            if (IsInRange(original, range, manipulation))
            {
                if (!IsUsed(original, connection) || IsOfNobodyElse(original, connection))
                {
                    return original;
                }
            }
            else if (_bySource.TryGetValue((original.Source, original.SourcePort, original.Protocol, connection.Zone.Of(ConnectionDirection.Original)), out List<Connection>? sameSource))
            {
                foreach (Connection other in sameSource)
                {
                    // The same sender was translated before: where its translation fits, it keeps it.
                    ConnectionTuple reused = original.WithSource(other.Reply.Destination, other.Reply.Protocol is IpProtocol.Icmp or IpProtocol.Icmpv6 ? other.Reply.SourcePort : other.Reply.DestinationPort);
                    if (IsInRange(reused, range, manipulation) && !IsUsed(reused, connection))
                    {
                        return reused;
                    }
                }
            }
        }

        ConnectionTuple tuple = ChooseAddress(original, range, manipulation);
        if (!anyPort)
        {
            if ((range.Flags & NatRangeFlags.PortsSpecified) != 0)
            {
                if ((range.Flags & NatRangeFlags.PortsOffset) == 0 && ArePortsInRange(tuple, range, manipulation)
                    && (range.MinimumPort == range.MaximumPort || !IsUsed(tuple, connection)))
                {
                    return tuple;
                }
            }
            else if (!IsUsed(tuple, connection))
            {
                return tuple;
            }
        }

        return ChoosePort(tuple, range, connection, manipulation);
    }

    private ConnectionTuple ChoosePort(ConnectionTuple tuple, NatRange range, Connection connection, NatManipulation manipulation)
    {
        bool icmp = tuple.Protocol is IpProtocol.Icmp or IpProtocol.Icmpv6;
        if (!icmp && !IpProtocol.HasPorts(tuple.Protocol))
        {
            return tuple;
        }

        // The identifier of ICMP is one for both ends.
        int minimum, size;
        ushort current = manipulation == NatManipulation.Source || icmp ? tuple.SourcePort : tuple.DestinationPort;
        if ((range.Flags & NatRangeFlags.PortsSpecified) != 0)
        {
            minimum = Math.Min(range.MinimumPort, range.MaximumPort);
            size = Math.Max(range.MinimumPort, range.MaximumPort) - minimum + 1;
        }
        else if (icmp)
        {
            minimum = 0;
            size = 65536;
        }
        else if (manipulation == NatManipulation.Destination)
        {
            return tuple;
        }
        else if (current < 1024)
        {
            minimum = current < 512 ? 1 : 600;
            size = current < 512 ? 511 : 1023 - 600 + 1;
        }
        else
        {
            minimum = 1024;
            size = 65536 - 1024;
        }

        int offset = (range.Flags & NatRangeFlags.PortsOffset) != 0
            ? current - range.BasePort
            : manipulation == NatManipulation.Source || (range.Flags & (NatRangeFlags.PortsRandomFully | NatRangeFlags.PortsRandom)) != 0 ? (int)(random.NextUInt64() & 0xffff) : 0;
        for (int attempts = Math.Min(size, 128); ;)
        {
            for (int i = 0; i < attempts; i++, offset++)
            {
                ushort port = (ushort)(minimum + (int)((uint)offset % (uint)size));
                tuple = manipulation == NatManipulation.Source || icmp ? tuple with { SourcePort = port } : tuple with { DestinationPort = port };
                if (!IsUsed(tuple, connection))
                {
                    return tuple;
                }
            }

            // Where all are taken it has the last that was tried; the other end of the connection must make the difference.
            if (attempts >= size || attempts < 16)
            {
                return tuple;
            }

            attempts /= 2;
            offset = (int)(random.NextUInt64() & 0xffff);
        }
    }

    private static ConnectionTuple ChooseAddress(ConnectionTuple tuple, NatRange range, NatManipulation manipulation)
    {
        if ((range.Flags & NatRangeFlags.MapAddresses) == 0)
        {
            return tuple;
        }

        InternetAddress current = manipulation == NatManipulation.Source ? tuple.Source : tuple.Destination;
        InternetAddress chosen;
        if (range.MinimumAddress == range.MaximumAddress)
        {
            chosen = range.MinimumAddress;
        }
        else
        {
            UInt128 size = range.MaximumAddress.Value - range.MinimumAddress.Value + 1;
            UInt128 offset;
            if ((range.Flags & NatRangeFlags.NetMap) != 0)
            {
                // The host part stays, the network part becomes that of the range (aligned, as nft makes them).
                offset = current.Value & (size - 1);
            }
            else
            {
                // The kernel hashes with a secret; any spread will do that depends on the sender (and, unless persistent, on the receiver).
                ulong hash = Mix((ulong)tuple.Source.Value) ^ ((range.Flags & NatRangeFlags.Persistent) != 0 ? 0 : Mix((ulong)tuple.Destination.Value + 0x9e37));
                offset = hash % size;
            }

            chosen = new InternetAddress(range.MinimumAddress.Family, range.MinimumAddress.Value + offset);
        }

        return manipulation == NatManipulation.Source ? tuple with { Source = chosen } : tuple with { Destination = chosen };
    }

    private static ulong Mix(ulong value)
    {
        value ^= value >> 33;
        value *= 0xff51afd7ed558ccd;
        value ^= value >> 33;
        value *= 0xc4ceb9fe1a85ec53;
        return value ^ value >> 33;
    }

    private static bool IsInRange(ConnectionTuple tuple, NatRange range, NatManipulation manipulation)
    {
        if ((range.Flags & NatRangeFlags.MapAddresses) != 0)
        {
            InternetAddress address = manipulation == NatManipulation.Source ? tuple.Source : tuple.Destination;
            if (address.CompareTo(range.MinimumAddress) < 0 || address.CompareTo(range.MaximumAddress) > 0)
            {
                return false;
            }
        }

        return (range.Flags & NatRangeFlags.PortsSpecified) == 0 || ArePortsInRange(tuple, range, manipulation);
    }

    private static bool ArePortsInRange(ConnectionTuple tuple, NatRange range, NatManipulation manipulation)
    {
        if (tuple.Protocol is IpProtocol.Icmp or IpProtocol.Icmpv6)
        {
            return tuple.SourcePort >= range.MinimumPort && tuple.SourcePort <= range.MaximumPort;
        }

        if (!IpProtocol.HasPorts(tuple.Protocol))
        {
            return true;
        }

        ushort port = manipulation == NatManipulation.Source ? tuple.SourcePort : tuple.DestinationPort;
        return port >= range.MinimumPort && port <= range.MaximumPort;
    }

    private bool IsUsed(ConnectionTuple tuple, Connection connection) =>
        tuple.Invert() is { } reply && tracker.IsTaken(reply, connection.Zone, connection);

    /// <summary>
    /// Whoever answers to the tuple is not in its zone, or is the same connection seen from its other end and untranslated: another port would help nobody. Only protocols whose
    /// packets may meet on their way ask so (nf_nat_used_tuple_new).
    /// </summary>
    private bool IsOfNobodyElse(ConnectionTuple tuple, Connection connection) =>
        tuple.Protocol is IpProtocol.Udp or IpProtocol.UdpLite or IpProtocol.Gre
        && ((!tracker.TryFind(tuple, connection.Zone, out Connection? other, out _) && !tracker.TryFind(tuple.Invert()!.Value, connection.Zone, out other, out _))
            || ((other.Status & (ConnectionStatus.NatMask | ConnectionStatus.SequenceAdjust)) == 0 && other.Original == connection.Reply));

    /// <summary>A connection ended.</summary>
    public void Forget(Connection connection)
    {
        if (connection.IsSourceListed && _bySource.TryGetValue(SourceKey(connection), out List<Connection>? list))
        {
            list.Remove(connection);
            if (list.Count == 0)
            {
                _bySource.Remove(SourceKey(connection));
            }
        }
    }

    /// <summary>Remembers a translated sender.</summary>
    public void ListSource(Connection connection)
    {
        (InternetAddress, ushort, byte, ushort) key = SourceKey(connection);
        if (!_bySource.TryGetValue(key, out List<Connection>? list))
        {
            _bySource.Add(key, list = []);
        }

        list.Add(connection);
        connection.IsSourceListed = true;
    }

    private static (InternetAddress, ushort, byte, ushort) SourceKey(Connection connection) =>
        (connection.Original.Source, connection.Original.SourcePort, connection.Original.Protocol, connection.Zone.Of(ConnectionDirection.Original));
}
