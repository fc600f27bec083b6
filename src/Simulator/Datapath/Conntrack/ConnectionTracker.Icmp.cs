using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <content>Messages of ICMP: those that begin connections, and errors, which belong to the connection that they speak of.</content>
internal sealed partial class ConnectionTracker
{
    /// <summary>Judges an ICMP message; an error is related to the connection it speaks of. False: invalid. <paramref name="decided"/>: nothing is left to track.</summary>
    private bool TrackIcmp(HookContext context, ConnectionZone zone, out bool decided)
    {
        decided = false;
        Packet packet = context.Packet;
        Span<byte> message = packet.Transport;
        if (message.Length < IcmpHeader.Size)
        {
            return false;
        }

        var header = new IcmpHeader(message);
        if (Verifies(context) && !packet.HasValidTransport)
        {
            return false;
        }

        if (packet.IsIpv6)
        {
            // Neighbour discovery and listener reports are no connections and never invalid.
            if (header.Type is >= Icmpv6Type.ListenerQuery and < Icmpv6Type.Redirect or Icmpv6Type.ListenerReport2)
            {
                packet.Untracked = true;
                packet.ConnectionInfo = ConnectionInfo.Untracked;
                decided = true;
                return true;
            }

            decided = Icmpv6Type.IsError(header.Type);
            return !decided || RelateError(packet, zone, Ipv6Header.Size);
        }

        if (header.Type > 18)
        {
            return false;
        }

        if (!IcmpType.IsError(header.Type))
        {
            return true;
        }

        decided = true;
        return RelateError(packet, zone, Ipv4Header.MinimumSize);
    }

    private bool RelateError(Packet packet, ConnectionZone zone, int smallestInner)
    {
        Span<byte> inner = packet.Transport[IcmpHeader.Size..];
        if (inner.Length < smallestInner
            || ReadTuple(inner, packet.Family) is not { } tuple
            || tuple.Invert() is not { } inverse
            || !TryFind(inverse, zone, out Connection? connection, out ConnectionDirection direction)
            || connection.Tuple(direction).Destination != packet.DestinationAddress)
        {
            return false;
        }

        packet.Connection = connection;
        packet.ConnectionInfo = direction == ConnectionDirection.Reply ? ConnectionInfo.RelatedReply : ConnectionInfo.Related;
        return true;
    }
}
