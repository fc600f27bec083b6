using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Nat;

/// <summary>Rewrites packets of translated connections, and ICMP errors about them.</summary>
internal static class PacketTranslation
{
    /// <summary>Rewrites one end of a packet as its connection says (nf_nat_packet).</summary>
    public static HookVerdict Translate(HookContext context, Connection connection, ConnectionInfo info, NatManipulation manipulation)
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
    public static bool TranslateError(HookContext context, Connection connection, ConnectionInfo info)
    {
        Packet packet = context.Packet;
        NatManipulation manipulation = AddressTranslator.ManipulationAt(context.Hook);
        ConnectionDirection direction = Connection.DirectionOf(info);
        if (!packet.LocateTransport() || packet.Transport.Length < IcmpHeader.Size)
        {
            return false;
        }

        var header = new IcmpHeader(packet.Transport);
        if (header.Type == (packet.IsIpv6 ? Icmpv6Type.Redirect : IcmpType.Redirect))
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

        packet.UpdateTransportChecksum();
        if (connection.Tuple(1 - direction).Invert() is not { } target)
        {
            return false;
        }

        InternetAddress before = manipulation == NatManipulation.Source ? packet.SourceAddress : packet.DestinationAddress;
        target = target with { Protocol = packet.TransportProtocol };
        if (!PacketRewriter.Rewrite(packet.Network, context.Family, target, manipulation))
        {
            return false;
        }

        if (packet.Tells(TraceLevel.Minimal))
        {
            InternetAddress after = manipulation == NatManipulation.Source ? packet.SourceAddress : packet.DestinationAddress;
            string changed = before == after ? "the packet in an ICMP error" : "ICMP error and the packet in it";
            packet.Tell(StoryKind.Change, before == after ? TraceLevel.Summary : TraceLevel.Minimal, context.Stack.HostName,
                $"{(manipulation == NatManipulation.Source ? "SNAT" : "DNAT")} {before}→{after} ({changed})");
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
}
