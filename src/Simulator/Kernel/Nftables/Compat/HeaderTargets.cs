using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Targets that change TCP's options and the bits of congestion notification (xt_TCPMSS.c, xt_TCPOPTSTRIP.c, ipt_ECN.c). Checksums are mended, not made new.</summary>
internal static class HeaderTargets
{
    private const byte NoOperation = 1, MaximumSegment = 2, MaximumSegmentLength = 4;
    private const ushort ClampToPath = ushort.MaxValue;

    /// <summary>TCPMSS: lowers the maximum segment size that a segment offers, never raises it; a header alone without the option gets it.</summary>
    public static int SegmentSize(ReadOnlySpan<byte> data, HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.FragmentOffset != 0)
        {
            return TargetEvaluation.Continue;
        }

        Span<byte> segment = packet.Transport;
        if (!IsWhole(segment, out int length))
        {
            return NF_DROP;
        }

        bool isV6 = packet.Protocol == EtherType.Ipv6;
        int wanted = BinaryPrimitives.ReadUInt16LittleEndian(data);
        if (wanted == ClampToPath)
        {
            int headers = (isV6 ? Ipv6Header.Size : Ipv4Header.MinimumSize) + TcpHeader.MinimumSize;
            wanted = (int)Math.Min(PathMtu(context), int.MaxValue) - headers;
            if (wanted <= 0)
            {
                return NF_DROP;
            }
        }

        Span<byte> header = segment[..length];
        for (int at = TcpHeader.MinimumSize; at <= length - MaximumSegmentLength; at += OptionLength(header, at))
        {
            if (header[at] != MaximumSegment || header[at + 1] != MaximumSegmentLength)
            {
                continue;
            }

            if (BinaryPrimitives.ReadUInt16BigEndian(header[(at + 2)..]) > wanted)
            {
                byte[] before = header.ToArray();
                BinaryPrimitives.WriteUInt16BigEndian(header[(at + 2)..], (ushort)wanted);
                TcpChecksum.Mend(header, before);
            }

            return TargetEvaluation.Continue;
        }

        if (segment.Length > length || length >= 60)
        {
            return TargetEvaluation.Continue;
        }

        // What a host takes that is not told (RFC 1122, RFC 2460).
        Insert(packet, (ushort)Math.Min(wanted, isV6 ? 1220 : 536));
        return TargetEvaluation.Continue;
    }

    /// <summary>TCPOPTSTRIP: fills options with no-operations.</summary>
    public static int StripOptions(ReadOnlySpan<byte> data, Packet packet)
    {
        if (packet.FragmentOffset != 0)
        {
            return TargetEvaluation.Continue;
        }

        if (!IsWhole(packet.Transport, out int length))
        {
            return NF_DROP;
        }

        Span<byte> header = packet.Transport[..length];
        byte[] before = header.ToArray();
        for (int at = TcpHeader.MinimumSize; at < length - 1;)
        {
            int size = OptionLength(header, at);
            if (at + size > length)
            {
                break;
            }

            if ((BinaryPrimitives.ReadUInt32LittleEndian(data[(header[at] / 32 * 4)..]) & 1u << header[at] % 32) != 0)
            {
                header.Slice(at, size).Fill(NoOperation);
            }

            at += size;
        }

        TcpChecksum.Mend(header, before);
        return TargetEvaluation.Continue;
    }

    /// <summary>ECN: the two bits of the IPv4 header, and TCP's ECE and CWR.</summary>
    public static int Congestion(ReadOnlySpan<byte> data, Packet packet)
    {
        const byte Ip = 1, Ece = 0x10, Cwr = 0x20, EceFlag = 0x40, CwrFlag = 0x80;
        byte operation = data[0];
        if ((operation & Ip) != 0 && (packet.Network[1] & 3) != (data[1] & 3))
        {
            Span<byte> network = packet.Network[..packet.Ipv4.HeaderLength];
            byte[] before = network.ToArray();
            network[1] = (byte)(network[1] & ~3 | data[1] & 3);
            BinaryPrimitives.WriteUInt16BigEndian(network[10..], InternetChecksum.Replace(BinaryPrimitives.ReadUInt16BigEndian(network[10..]), before, network));
        }

        if ((operation & (Ece | Cwr)) == 0 || packet.Ipv4.Protocol != IpProtocol.Tcp)
        {
            return TargetEvaluation.Continue;
        }

        if (packet.Transport.Length < TcpHeader.MinimumSize)
        {
            return NF_DROP;
        }

        Span<byte> header = packet.Transport[..TcpHeader.MinimumSize];
        byte[] unchanged = header.ToArray();
        Set(ref header[13], EceFlag, (operation & Ece) != 0, (data[2] & 1) != 0);
        Set(ref header[13], CwrFlag, (operation & Cwr) != 0, (data[2] & 2) != 0);
        TcpChecksum.Mend(header, unchanged);
        return TargetEvaluation.Continue;
    }

    private static void Set(ref byte flags, byte flag, bool asked, bool value)
    {
        if (asked)
        {
            flags = (byte)(value ? flags | flag : flags & ~flag);
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> segment, out int headerLength)
    {
        headerLength = segment.Length < TcpHeader.MinimumSize ? 0 : (segment[12] >> 4) * 4;
        return headerLength >= TcpHeader.MinimumSize && headerLength <= segment.Length;
    }

    private static int OptionLength(ReadOnlySpan<byte> header, int at) =>
        header[at] <= NoOperation || at + 1 >= header.Length || header[at + 1] == 0 ? 1 : header[at + 1];

    /// <summary>The smaller of the way on and the way back.</summary>
    private static uint PathMtu(HookContext context)
    {
        Packet packet = context.Packet;
        uint on = packet.Route is { } route ? context.Stack.Exceptions.MtuTo(packet.DestinationAddress) ?? route.Mtu : uint.MaxValue;
        uint back = context.Stack.Routing.Find(new RouteQuery(packet.SourceAddress)) is { } reverse ? context.Stack.Exceptions.MtuTo(packet.SourceAddress) ?? reverse.Mtu : uint.MaxValue;
        return Math.Min(on, back);
    }

    /// <summary>Puts the option in front of the others; the packet grows by four octets.</summary>
    private static void Insert(Packet packet, ushort size)
    {
        int keep = packet.TransportOffset - packet.NetworkOffset;
        byte[] segment = new byte[packet.Transport.Length + MaximumSegmentLength];
        packet.Transport[..TcpHeader.MinimumSize].CopyTo(segment);
        segment[TcpHeader.MinimumSize] = MaximumSegment;
        segment[TcpHeader.MinimumSize + 1] = MaximumSegmentLength;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(TcpHeader.MinimumSize + 2), size);
        packet.Transport[TcpHeader.MinimumSize..].CopyTo(segment.AsSpan(TcpHeader.MinimumSize + MaximumSegmentLength));
        segment[12] += 0x10;

        // The checksum covers a pseudo header with the length, too: both grow.
        byte[] before = new byte[segment.Length + 2], after = new byte[segment.Length + 2];
        packet.Transport.CopyTo(before);
        segment.CopyTo(after, 0);
        BinaryPrimitives.WriteUInt16BigEndian(before.AsSpan(segment.Length), (ushort)packet.Transport.Length);
        BinaryPrimitives.WriteUInt16BigEndian(after.AsSpan(segment.Length), (ushort)segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), InternetChecksum.Replace(BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(16)), before, after));
        packet.ReplacePayload(keep, segment);
        Span<byte> network = packet.Network;
        if (packet.Protocol == EtherType.Ipv6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(network[4..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(network[4..]) + MaximumSegmentLength));
            return;
        }

        byte[] header = network[..packet.Ipv4.HeaderLength].ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(network[2..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(network[2..]) + MaximumSegmentLength));
        BinaryPrimitives.WriteUInt16BigEndian(network[10..], InternetChecksum.Replace(BinaryPrimitives.ReadUInt16BigEndian(network[10..]), header, network[..header.Length]));
    }
}
