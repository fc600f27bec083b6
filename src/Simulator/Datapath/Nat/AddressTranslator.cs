using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Nat;

/// <summary>
/// Address translation of one kernel. Only the first packet of a connection asks the nat chains; what they decide
/// (<see cref="Setup"/>) is written in the connection's reply tuple, and every later packet, also backwards and also inside
/// ICMP errors, is rewritten by it. A connection that no rule translates gets a null binding: it keeps its addresses, and
/// another port only where two connections would otherwise answer alike.
/// </summary>
internal sealed class AddressTranslator
{
    private readonly ConnectionTracker _tracker;
    private readonly RandomSource _random;
    private readonly Dictionary<(InternetAddress Source, ushort Port, byte Protocol, ushort Zone), List<Connection>> _bySource = [];

    public AddressTranslator(ConnectionTracker tracker, RandomSource random)
    {
        _tracker = tracker;
        _random = random;
        tracker.Changed += (connection, events) =>
        {
            if ((events & ConnectionEvents.Destroy) != 0)
            {
                Forget(connection);
            }
            else if ((events & ConnectionEvents.New) != 0 && IsInitialized(connection, NatManipulation.Source))
            {
                ListSource(connection);
            }
        };
    }

    /// <summary>The end of a connection that is rewritten at a hook.</summary>
    public static NatManipulation ManipulationAt(byte hook) =>
        hook is Hook.Postrouting or Hook.Input ? NatManipulation.Source : NatManipulation.Destination;

    public static bool IsInitialized(Connection connection, NatManipulation manipulation) =>
        (connection.Status & (manipulation == NatManipulation.Source ? ConnectionStatus.SourceNatDone : ConnectionStatus.DestinationNatDone)) != 0;

    /// <summary>
    /// Runs at a nat hook (nf_nat_inet_fn): asks <paramref name="chains"/> about a connection's first packet, then rewrites.
    /// </summary>
    public HookVerdict Run(HookContext context, Func<HookContext, HookVerdict> chains)
    {
        Packet packet = context.Packet;
        if (packet.Connection is not { } connection)
        {
            return HookVerdict.Accept;
        }

        NatManipulation manipulation = ManipulationAt(context.Hook);
        ConnectionInfo info = packet.ConnectionInfo;
        switch (info)
        {
            case ConnectionInfo.Related or ConnectionInfo.RelatedReply when IsIcmp(packet):
                return TranslateError(context, connection, info) ? HookVerdict.Accept : HookVerdict.Drop;

            case ConnectionInfo.Related or ConnectionInfo.RelatedReply or ConnectionInfo.New:
                if (!IsInitialized(connection, manipulation))
                {
                    HookVerdict verdict = chains(context);
                    if (verdict != HookVerdict.Accept)
                    {
                        return verdict;
                    }

                    if (!IsInitialized(connection, manipulation))
                    {
                        verdict = SetupNull(connection, manipulation);
                        if (verdict != HookVerdict.Accept)
                        {
                            return verdict;
                        }
                    }
                }
                else if (MasqueradeMoved(context, connection))
                {
                    _tracker.Remove(connection);
                    return HookVerdict.Drop;
                }

                break;

            default:
                if (MasqueradeMoved(context, connection))
                {
                    _tracker.Remove(connection);
                    return HookVerdict.Drop;
                }

                break;
        }

        return Translate(context, connection, info, manipulation);
    }

    /// <summary>Decides what an end of a new connection becomes (nf_nat_setup_info). Each end is decided once.</summary>
    public HookVerdict Setup(Connection connection, NatRange range, NatManipulation manipulation)
    {
        if (connection.IsConfirmed)
        {
            return HookVerdict.Accept;
        }

        if (IsInitialized(connection, manipulation))
        {
            return HookVerdict.Accept;
        }

        if (connection.Reply.Invert() is not { } current)
        {
            return HookVerdict.Drop;
        }

        ConnectionTuple chosen = ChooseUnique(current, range, connection, manipulation);
        if (chosen != current)
        {
            connection.Reply = chosen.Invert() ?? connection.Reply;
            connection.Status |= manipulation == NatManipulation.Source ? ConnectionStatus.SourceNat : ConnectionStatus.DestinationNat;
        }

        connection.Status |= manipulation == NatManipulation.Source ? ConnectionStatus.SourceNatDone : ConnectionStatus.DestinationNatDone;
        return HookVerdict.Accept;
    }

    /// <summary>Gives a connection the address of the device it leaves by (masquerade).</summary>
    public HookVerdict Masquerade(HookContext context, NatRange ports)
    {
        Packet packet = context.Packet;
        if (packet.Connection is not { } connection || context.Output is not { } device)
        {
            return HookVerdict.Accept;
        }

        if (context.Family == HookFamily.Ipv4 && packet.Ipv4.Source == 0)
        {
            return HookVerdict.Accept;
        }

        if (context.Stack.SelectSource(device, packet) is not { } source)
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Minimal, context.Stack.HostName, $"masquerade: {device.Name} has no address");
            return HookVerdict.Drop;
        }

        connection.MasqueradeInterface = device.Index;
        return Setup(connection, ports with { Flags = ports.Flags | NatRangeFlags.MapAddresses, MinimumAddress = source, MaximumAddress = source }, NatManipulation.Source);
    }

    /// <summary>Sends a connection to this machine itself (redirect).</summary>
    public HookVerdict Redirect(HookContext context, NatRange ports)
    {
        if (context.Packet.Connection is not { } connection)
        {
            return HookVerdict.Accept;
        }

        InternetAddress? target = context.Hook == Hook.Output
            ? context.Family == HookFamily.Ipv4 ? InternetAddress.FromV4(0x7f000001) : new InternetAddress(InternetAddress.V6, 1)
            : context.Input is { } device ? context.Stack.FirstAddress(device, context.Family == HookFamily.Ipv4 ? InternetAddress.V4 : InternetAddress.V6) : null;
        return target is { } address
            ? Setup(connection, ports with { Flags = ports.Flags | NatRangeFlags.MapAddresses, MinimumAddress = address, MaximumAddress = address }, NatManipulation.Destination)
            : HookVerdict.Drop;
    }

    /// <summary>An address or its device went: connections masqueraded behind it end.</summary>
    public void MasqueradeLost(NetworkDevice device, InternetAddress? address) =>
        _tracker.RemoveWhere(connection => connection.MasqueradeInterface == device.Index && (address is null || connection.Reply.Destination == address));

    private void Forget(Connection connection)
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

    private HookVerdict SetupNull(Connection connection, NatManipulation manipulation)
    {
        if (connection.Reply.Invert() is not { } current)
        {
            return HookVerdict.Drop;
        }

        InternetAddress address = manipulation == NatManipulation.Source ? current.Source : current.Destination;
        return Setup(connection, NatRange.To(address), manipulation);
    }

    private static HookVerdict Translate(HookContext context, Connection connection, ConnectionInfo info, NatManipulation manipulation)
    {
        ConnectionDirection direction = Connection.DirectionOf(info);
        if (!Applies(connection, manipulation, direction))
        {
            return HookVerdict.Accept;
        }

        if (connection.Tuple(1 - direction).Invert() is not { } target)
        {
            return HookVerdict.Drop;
        }

        Packet packet = context.Packet;
        ConnectionTuple? before = packet.Tells(TraceLevel.Minimal) ? ConnectionTuple.Read(packet.Network, context.Family) : null;
        bool done = PacketRewriter.Rewrite(packet.Network, context.Family, target, manipulation);
        if (before is { } old && ConnectionTuple.Read(packet.Network, context.Family) is { } now && now != old)
        {
            packet.Tell(StoryKind.Change, TraceLevel.Minimal, context.Stack.HostName, Describe(old, now, manipulation));
        }

        return done ? HookVerdict.Accept : HookVerdict.Drop;
    }

    /// <summary>An ICMP error speaks of a translated connection: both the packet inside it and the error itself are rewritten.</summary>
    private static bool TranslateError(HookContext context, Connection connection, ConnectionInfo info)
    {
        Packet packet = context.Packet;
        NatManipulation manipulation = ManipulationAt(context.Hook);
        ConnectionDirection direction = Connection.DirectionOf(info);
        if (!packet.LocateTransport() || packet.Transport.Length < IcmpHeader.Size)
        {
            return false;
        }

        var header = new IcmpHeader(packet.Transport);
        if (header.Type == IcmpType.Redirect)
        {
            if ((connection.Status & ConnectionStatus.NatDoneMask) != ConnectionStatus.NatDoneMask || (connection.Status & ConnectionStatus.NatMask) != 0)
            {
                return false;
            }
        }

        if (!Applies(connection, manipulation, direction))
        {
            return true;
        }

        if (!PacketRewriter.Rewrite(header.Payload, context.Family, connection.Tuple(1 - direction), 1 - manipulation))
        {
            return false;
        }

        header.UpdateChecksum();
        if (connection.Tuple(1 - direction).Invert() is not { } target)
        {
            return false;
        }

        uint before = manipulation == NatManipulation.Source ? packet.Ipv4.Source : packet.Ipv4.Destination;
        target = target with { Protocol = IpProtocol.Icmp };
        if (!PacketRewriter.Rewrite(packet.Network, context.Family, target, manipulation))
        {
            return false;
        }

        if (packet.Tells(TraceLevel.Minimal))
        {
            uint after = manipulation == NatManipulation.Source ? packet.Ipv4.Source : packet.Ipv4.Destination;
            string changed = before == after ? "the packet in an ICMP error" : "ICMP error and the packet in it";
            packet.Tell(StoryKind.Change, before == after ? TraceLevel.Summary : TraceLevel.Minimal, context.Stack.HostName,
                $"{(manipulation == NatManipulation.Source ? "SNAT" : "DNAT")} {Ipv4.Text(before)}→{Ipv4.Text(after)} ({changed})");
        }

        return true;
    }

    private static bool Applies(Connection connection, NatManipulation manipulation, ConnectionDirection direction)
    {
        ConnectionStatus bit = manipulation == NatManipulation.Source ? ConnectionStatus.SourceNat : ConnectionStatus.DestinationNat;
        if (direction == ConnectionDirection.Reply)
        {
            bit ^= ConnectionStatus.NatMask;
        }

        return (connection.Status & bit) != 0;
    }

    private static string Describe(ConnectionTuple before, ConnectionTuple after, NatManipulation manipulation)
    {
        bool ports = IpProtocol.HasPorts(before.Protocol);
        if (manipulation == NatManipulation.Source)
        {
            bool other = ports && before.SourcePort != after.SourcePort;
            return $"SNAT {before.Source}{(other ? $":{before.SourcePort}" : "")}→{after.Source}{(other ? $":{after.SourcePort}" : "")}";
        }

        bool otherDestination = ports && before.DestinationPort != after.DestinationPort;
        return $"DNAT {before.Destination}{(otherDestination ? $":{before.DestinationPort}" : "")}→{after.Destination}{(otherDestination ? $":{after.DestinationPort}" : "")}";
    }

    private static bool IsIcmp(Packet packet) => packet.LocateTransport() && packet.TransportProtocol == IpProtocol.Icmp;

    private static bool MasqueradeMoved(HookContext context, Connection connection) =>
        context.Hook == Hook.Postrouting && connection.MasqueradeInterface != 0
        && Connection.DirectionOf(context.Packet.ConnectionInfo) == ConnectionDirection.Original
        && context.Output is { } output && output.Index != connection.MasqueradeInterface;

    private ConnectionTuple ChooseUnique(ConnectionTuple original, NatRange range, Connection connection, NatManipulation manipulation)
    {
        bool fullyRandom = (range.Flags & NatRangeFlags.PortsRandomFully) != 0;
        bool anyPort = fullyRandom || (range.Flags & NatRangeFlags.PortsRandom) != 0;
        if (manipulation == NatManipulation.Source && !anyPort)
        {
            if (IsInRange(original, range, manipulation))
            {
                if (!IsUsed(original, connection))
                {
                    return original;
                }
            }
            else if (_bySource.TryGetValue((original.Source, original.SourcePort, original.Protocol, connection.Zone), out List<Connection>? sameSource))
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

        if (icmp && manipulation == NatManipulation.Destination)
        {
            return tuple;
        }

        int minimum, size;
        ushort current = manipulation == NatManipulation.Source ? tuple.SourcePort : tuple.DestinationPort;
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
            : manipulation == NatManipulation.Source || (range.Flags & (NatRangeFlags.PortsRandomFully | NatRangeFlags.PortsRandom)) != 0 ? (int)(_random.NextUInt64() & 0xffff) : 0;
        for (int attempts = Math.Min(size, 128); ;)
        {
            for (int i = 0; i < attempts; i++, offset++)
            {
                ushort port = (ushort)(minimum + (int)((uint)offset % (uint)size));
                ConnectionTuple candidate = manipulation == NatManipulation.Source || icmp ? tuple with { SourcePort = port } : tuple with { DestinationPort = port };
                if (!IsUsed(candidate, connection))
                {
                    return candidate;
                }
            }

            if (attempts >= size || attempts < 16)
            {
                return tuple;
            }

            attempts /= 2;
            offset = (int)(_random.NextUInt64() & 0xffff);
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
        tuple.Invert() is { } reply && _tracker.IsTaken(reply, connection.Zone, connection);

    private void ListSource(Connection connection)
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
        (connection.Original.Source, connection.Original.SourcePort, connection.Original.Protocol, connection.Zone);
}
