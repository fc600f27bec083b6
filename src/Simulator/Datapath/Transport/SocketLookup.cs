using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Transport;

/// <summary>Which socket of this machine a packet belongs to, before it is delivered (nf_sk_lookup_slow_v4, nf_sk_lookup_slow_v6).</summary>
internal static class SocketLookup
{
    /// <summary>The socket that a packet was sent by, or that a received one or the packet quoted in an ICMP error is for; null where there is none, and at output where no socket sent it.</summary>
    public static LocalSocket? Of(HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.Socket is { } own)
        {
            return own;
        }

        if (context.Input is null || Find(packet) is not { } ends)
        {
            return null;
        }

        // An answer is for the socket as it was before its sender was translated.
        bool isError = !packet.IsIpv6 && packet.TransportProtocol == IpProtocol.Icmp;
        if (packet.Connection is { } connection && packet.ConnectionInfo == (isError ? ConnectionInfo.RelatedReply : ConnectionInfo.EstablishedReply))
        {
            ends = ends with { Local = connection.Original.Source, LocalPort = connection.Original.SourcePort };
        }

        return ends.Protocol == IpProtocol.Tcp
            ? context.Stack.Tcp.FindSocket(ends.Local, ends.LocalPort, ends.Remote, ends.RemotePort)
            : context.Stack.Udp.FindSocket(context.Input, ends.Local, ends.LocalPort);
    }

    /// <summary>The two ends that a packet is between; of an ICMP error those of the packet that it quotes, which this machine sent.</summary>
    private static Ends? Find(Packet packet)
    {
        if (!packet.HasTransportProtocol)
        {
            return null;
        }

        ReadOnlySpan<byte> transport = packet.Transport;
        byte protocol = packet.TransportProtocol;
        if (protocol is IpProtocol.Tcp or IpProtocol.Udp)
        {
            return transport.Length < (protocol == IpProtocol.Tcp ? TcpHeader.MinimumSize : UdpHeader.Size) ? null
                : new Ends(protocol, packet.DestinationAddress, Port(transport, 2), packet.SourceAddress, Port(transport, 0));
        }

        bool isV6 = packet.IsIpv6;
        if (protocol != (isV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp) || transport.Length < IcmpHeader.Size || !(isV6 ? Icmpv6Type.IsError(transport[0]) : IcmpType.IsError(transport[0])))
        {
            return null;
        }

        Span<byte> quoted = packet.Transport[IcmpHeader.Size..];
        return isV6 ? FindQuoted6(quoted) : FindQuoted4(quoted);
    }

    private static Ends? FindQuoted4(ReadOnlySpan<byte> quoted)
    {
        if (quoted.Length < Ipv4Header.MinimumSize || quoted[9] is not (IpProtocol.Tcp or IpProtocol.Udp) || (quoted[0] & 0xf) * 4 is var at && at + 4 > quoted.Length)
        {
            return null;
        }

        return new Ends(quoted[9], InternetAddress.Read(InternetAddress.V4, quoted[12..]), Port(quoted, at), InternetAddress.Read(InternetAddress.V4, quoted[16..]), Port(quoted, at + 2));
    }

    private static Ends? FindQuoted6(Span<byte> quoted)
    {
        if (quoted.Length < Ipv6Header.Size)
        {
            return null;
        }

        var header = new Ipv6Header(quoted);
        int at = header.SkipExtensions(out byte protocol);
        return at < 0 || protocol is not (IpProtocol.Tcp or IpProtocol.Udp) || at + 4 > quoted.Length ? null
            : new Ends(protocol, InternetAddress.Read(InternetAddress.V6, header.Source), Port(quoted, at), InternetAddress.Read(InternetAddress.V6, header.Destination), Port(quoted, at + 2));
    }

    private static ushort Port(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]);

    private readonly record struct Ends(byte Protocol, InternetAddress Local, ushort LocalPort, InternetAddress Remote, ushort RemotePort);
}
