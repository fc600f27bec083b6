using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Nftables.Expressions;

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

        ConnectionTuple tuple = ChooseAddress(original, range, manipulation, connection.Zone.Id);
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

    private static ConnectionTuple ChooseAddress(ConnectionTuple tuple, NatRange range, NatManipulation manipulation, ushort zone)
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
            // The host part stays, the network part becomes that of the range (aligned, as nft makes them).
            chosen = (range.Flags & NatRangeFlags.NetMap) != 0
                ? new InternetAddress(range.MinimumAddress.Family, range.MinimumAddress.Value + (current.Value & (range.MaximumAddress.Value - range.MinimumAddress.Value)))
                : Spread(tuple, range, zone);
        }

        return manipulation == NatManipulation.Source ? tuple with { Source = chosen } : tuple with { Destination = chosen };
    }

    /// <summary>One of several addresses, by a hash of the sender and, unless it is persistent, of the receiver and the zone; the same on every kernel (find_best_ips_proto).</summary>
    private static InternetAddress Spread(ConnectionTuple tuple, NatRange range, ushort zone)
    {
        const int Size = 16, Word = 4;
        bool isPersistent = (range.Flags & NatRangeFlags.Persistent) != 0;
        int last = tuple.Source.Family == InternetAddress.V4 ? 0 : 3;
        Span<byte> source = stackalloc byte[Size], destination = stackalloc byte[Size], lowest = stackalloc byte[Size], highest = stackalloc byte[Size];
        tuple.Source.Write(source);
        tuple.Destination.Write(destination);
        range.MinimumAddress.Write(lowest);
        range.MaximumAddress.Write(highest);
        uint hash = JenkinsHash.Compute(source, isPersistent ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(destination[(last * Word)..]) ^ zone);
        bool isBelow = false;
        for (int at = 0; at <= last * Word; at += Word)
        {
            // Once a word lies below that of the highest address those after it may be any.
            uint minimum = isBelow ? 0 : BinaryPrimitives.ReadUInt32BigEndian(lowest[at..]), maximum = BinaryPrimitives.ReadUInt32BigEndian(highest[at..]);
            uint word = minimum + (uint)((ulong)hash * (isBelow ? uint.MaxValue : maximum - minimum + 1) >> 32);
            BinaryPrimitives.WriteUInt32BigEndian(lowest[at..], word);
            isBelow |= word != maximum;
            hash ^= isPersistent ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(destination[at..]);
        }

        return InternetAddress.Read(tuple.Source.Family, lowest);
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
