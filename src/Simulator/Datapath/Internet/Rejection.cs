using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>What a rule that rejects a packet answers its sender (nf_reject_ipv4.c, nf_reject_ipv6.c).</summary>
internal static class Rejection
{
    /// <summary>With "destination unreachable" of this code.</summary>
    public static void WithIcmp(HookContext context, byte code)
    {
        Packet packet = context.Packet;
        if (context.Family is HookFamily.Ipv4 or HookFamily.Ipv6 && MayAnswer(context, packet))
        {
            context.Stack.Internet(context.Family).Icmp.SendError(
                packet, context.Input, context.Family == HookFamily.Ipv4 ? IcmpType.DestinationUnreachable : Icmpv6Type.DestinationUnreachable, code);
        }
    }

    /// <summary>With a TCP reset.</summary>
    public static void WithReset(HookContext context)
    {
        Packet packet = context.Packet;
        if (context.Family is HookFamily.Ipv4 or HookFamily.Ipv6 && packet.LocateTransport() && packet.TransportProtocol == IpProtocol.Tcp
            && packet.FragmentOffset == 0 && MayAnswer(context, packet))
        {
            context.Stack.Tcp.SendReset(packet, attach: true);
        }
    }

    /// <summary>A received packet is rejected with an answer only where its own checksum is right (nf_reject_verify_csum).</summary>
    private static bool MayAnswer(HookContext context, Packet packet)
    {
        bool located = packet.LocateTransport();
        if (packet.IsLocal || (packet.IsSummed && context.Hook is not (Hook.Prerouting or Hook.Input)))
        {
            return true;
        }

        // A first piece is summed up as if it were whole, so it hardly ever gets an answer.
        if (packet.IsIpv6 && (!located || packet.Transport.Length == 0))
        {
            // Headers that end with the packet, or behind it (reject6_csum_ok).
            return false;
        }

        return packet.FragmentOffset == 0 && (!located || !IsSummedUp(context, packet) || packet.HasRightSum);
    }

    /// <summary>Protocols without a sum of all that they carry are always answered, and so is UDP that has none; any other is taken to have one (nf_reject_verify_csum).</summary>
    private static bool IsSummedUp(HookContext context, Packet packet) => packet.TransportProtocol switch
    {
        IpProtocol.Udp => packet.Transport.Length < UdpHeader.Size || new UdpHeader(packet.Transport).Checksum != 0,
        IpProtocol.Gre or IpProtocol.Ah or IpProtocol.Esp or IpProtocol.Sctp or IpProtocol.UdpLite => false,
        IpProtocol.Dccp => context.Stack.Kernel.Profile.IsAtLeast(6, 17),
        _ => true,
    };
}
