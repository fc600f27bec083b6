using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>HMARK: a mark made of a flow's addresses, ports and protocol, the same in both directions (xt_HMARK.c).</summary>
internal static class HashedMark
{
    private const uint OfConnection = 1 << 12, AddressesOnly = 1 << 13;

    public static void Set(ReadOnlySpan<byte> data, Packet packet, KernelProfile profile)
    {
        uint flags = U32(data, 40);
        bool withPorts = (flags & AddressesOnly) == 0;
        if (((flags & OfConnection) != 0 ? FlowOf(packet.Connection, data, withPorts) : FlowOf(packet, data, withPorts, profile.ChecksExtensionHeaders)) is not { } flow)
        {
            return;
        }

        Span<byte> key = stackalloc byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(key, Math.Min(flow.Source, flow.Destination));
        BinaryPrimitives.WriteUInt32LittleEndian(key[4..], Math.Max(flow.Source, flow.Destination));
        BinaryPrimitives.WriteUInt32LittleEndian(key[8..], flow.Ports);
        uint hash = JenkinsHash.Compute(key, U32(data, 48)) ^ (flow.Protocol & (uint)BinaryPrimitives.ReadUInt16LittleEndian(data[44..]));
        packet.Mark = (uint)((ulong)hash * U32(data, 52) >> 32) + U32(data, 56);
    }

    private static Flow? FlowOf(Connection? connection, ReadOnlySpan<byte> data, bool withPorts)
    {
        if (connection is null)
        {
            return null;
        }

        Span<byte> source = stackalloc byte[16], destination = stackalloc byte[16];
        int length = connection.Original.Family == Kernel.InternetAddress.V6 ? 16 : 4;
        connection.Original.Source.Write(source);
        connection.Reply.Source.Write(destination);
        var flow = new Flow(Masked(source[..length], data), Masked(destination[..length], data[16..]), 0, 0);
        byte protocol = connection.Original.Protocol;
        return !withPorts ? flow : flow with { Protocol = protocol, Ports = protocol == IpProtocol.Icmp ? 0 : Ordered(connection.Original.SourcePort, connection.Reply.SourcePort, data) };
    }

    private static Flow? FlowOf(Packet packet, ReadOnlySpan<byte> data, bool withPorts, bool isStrict)
    {
        Span<byte> network = packet.Network;
        bool isV6 = packet.IsIpv6;
        if (!Locate(network, isV6, isStrict, out byte protocol, out int at, out bool isPiece))
        {
            return default(Flow);
        }

        // An error counts as the packet that it is about.
        if (!isPiece && protocol == (isV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp) && at + 8 <= network.Length && IsError(network[at], isV6))
        {
            network = network[(at + 8)..];
            if (network.Length < (isV6 ? Ipv6Header.Size : Ipv4Header.MinimumSize) || (isV6 && network[0] >> 4 != 6) || !Locate(network, isV6, isStrict, out protocol, out at, out isPiece))
            {
                return null;
            }
        }

        int length = isV6 ? 16 : 4, first = isV6 ? 8 : 12;
        var flow = new Flow(Masked(network.Slice(first, length), data), Masked(network.Slice(first + length, length), data[16..]), 0, 0);
        if (!withPorts)
        {
            return flow;
        }

        flow = flow with { Protocol = protocol };
        int offset = protocol switch
        {
            IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.UdpLite or IpProtocol.Sctp or IpProtocol.Dccp or IpProtocol.Esp => at,
            IpProtocol.Ah => at + 4,
            _ => int.MaxValue - 4,
        };
        return isPiece || offset + 4 > network.Length
            ? flow
            : flow with { Ports = Ordered(BinaryPrimitives.ReadUInt16BigEndian(network[offset..]), BinaryPrimitives.ReadUInt16BigEndian(network[(offset + 2)..]), data) };
    }

    // Authentication counts as a protocol of its own; pieces have no ports.
    private static bool Locate(Span<byte> network, bool isV6, bool isStrict, out byte protocol, out int at, out bool isPiece)
    {
        if (!isV6)
        {
            (protocol, at) = (network[9], (network[0] & 0xf) * 4);
            isPiece = (BinaryPrimitives.ReadUInt16BigEndian(network[6..]) & 0x3fff) != 0;
            return true;
        }

        var header = new Ipv6Header(network);
        at = header.Find(null, authentication: true, isStrict, out protocol, out _);
        int piece = header.Find(IpProtocol.Ipv6Fragment, authentication: false, isStrict, out _, out _);
        isPiece = piece >= 0 && (at == 0 || piece < at);
        return at >= 0;
    }

    private static bool IsError(byte type, bool isV6) => isV6 ? type is > 0 and < 128 : type is 3 or 4 or 5 or 11 or 12;

    /// <summary>The larger port in the upper half.</summary>
    private static uint Ordered(ushort source, ushort destination, ReadOnlySpan<byte> data)
    {
        uint one = Port(source, data, 0), other = Port(destination, data, 2);
        return other > one ? other << 16 | one : one << 16 | other;

        static uint Port(ushort port, ReadOnlySpan<byte> data, int at) =>
            (uint)(port & BinaryPrimitives.ReadUInt16BigEndian(data[(32 + at)..]) | BinaryPrimitives.ReadUInt16BigEndian(data[(36 + at)..]));
    }

    private static uint Masked(ReadOnlySpan<byte> address, ReadOnlySpan<byte> mask)
    {
        uint folded = 0;
        for (int at = 0; at < address.Length; at += 4)
        {
            folded ^= BinaryPrimitives.ReadUInt32BigEndian(address[at..]) & BinaryPrimitives.ReadUInt32BigEndian(mask[at..]);
        }

        return folded;
    }

    private readonly record struct Flow(uint Source, uint Destination, uint Ports, byte Protocol);
}
