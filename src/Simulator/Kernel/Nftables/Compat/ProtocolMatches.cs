using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// Matches on transport headers other than those of TCP, UDP and ICMP (xt_esp.c, ipt_ah.c, xt_ipcomp.c, xt_sctp.c, xt_dccp.c). What is too short for its header is dropped
/// by the match itself.
/// </summary>
internal static class ProtocolMatches
{
    /// <summary>esp: the security parameters index.</summary>
    public static bool Esp(ReadOnlySpan<byte> data, HookContext context) => Index(data, context, headerSize: 8, at: 0);

    /// <summary>ah of IPv4.</summary>
    public static bool Ah(ReadOnlySpan<byte> data, HookContext context) => Index(data, context, headerSize: 12, at: 4);

    /// <summary>ipcomp: the compression parameters index.</summary>
    public static bool Ipcomp(ReadOnlySpan<byte> data, HookContext context)
    {
        if (MatchEvaluation.Transport(context, 4) is not { IsEmpty: false } header)
        {
            return false;
        }

        return InRange(BinaryPrimitives.ReadUInt16BigEndian(header[2..]), U32(data, 0), U32(data, 4)) != ((data[8] & 1) != 0);
    }

    /// <summary>sctp: ports, and the chunks a packet holds.</summary>
    public static bool Sctp(ReadOnlySpan<byte> data, HookContext context)
    {
        const uint Source = 1, Destination = 2, Chunks = 4;
        if (MatchEvaluation.Transport(context, 12) is not { IsEmpty: false } header)
        {
            return false;
        }

        uint flags = U32(data, 284), inverted = U32(data, 288);
        return ((flags & Source) == 0 || InRange(BinaryPrimitives.ReadUInt16BigEndian(header), U16(data, 4), U16(data, 6)) != ((inverted & Source) != 0))
            && ((flags & Destination) == 0 || InRange(BinaryPrimitives.ReadUInt16BigEndian(header[2..]), U16(data, 0), U16(data, 2)) != ((inverted & Destination) != 0))
            && ((flags & Chunks) == 0 || HasChunks(data, header, context) != ((inverted & Chunks) != 0));
    }

    /// <summary>dccp: ports, the packet's type, one option.</summary>
    public static bool Dccp(ReadOnlySpan<byte> data, HookContext context)
    {
        const uint Source = 1, Destination = 2, Types = 4, Option = 8;
        if (MatchEvaluation.Transport(context, 12) is not { IsEmpty: false } header)
        {
            return false;
        }

        uint flags = U16(data, 8), inverted = U16(data, 10);
        int type = header[8] >> 1 & 0xf;
        return ((flags & Source) == 0 || InRange(BinaryPrimitives.ReadUInt16BigEndian(header), U16(data, 4), U16(data, 6)) != ((inverted & Source) != 0))
            && ((flags & Destination) == 0 || InRange(BinaryPrimitives.ReadUInt16BigEndian(header[2..]), U16(data, 0), U16(data, 2)) != ((inverted & Destination) != 0))
            && ((flags & Types) == 0 || (U16(data, 12) & 1 << type) != 0 != ((inverted & Types) != 0))
            && ((flags & Option) == 0 || HasOption(data[14], header, type, context) != ((inverted & Option) != 0));
    }

    private static bool Index(ReadOnlySpan<byte> data, HookContext context, int headerSize, int at)
    {
        if (MatchEvaluation.Transport(context, headerSize) is not { IsEmpty: false } header)
        {
            return false;
        }

        return InRange(BinaryPrimitives.ReadUInt32BigEndian(header[at..]), U32(data, 0), U32(data, 4)) != ((data[8] & 1) != 0);
    }

    private static bool HasChunks(ReadOnlySpan<byte> data, ReadOnlySpan<byte> packet, HookContext context)
    {
        const uint Any = 1, All = 2, Only = 4;
        uint kind = U32(data, 264);
        Span<byte> left = stackalloc byte[256 / 8];
        data.Slice(8, left.Length).CopyTo(left);
        int offset = 12;
        do
        {
            if (offset + 4 > packet.Length || BinaryPrimitives.ReadUInt16BigEndian(packet[(offset + 2)..]) is var length && length == 0)
            {
                context.MustDrop = true;
                return false;
            }

            byte type = packet[offset], flags = packet[offset + 1];
            offset += length + 3 & ~3;
            bool isNamed = (data[8 + type / 8] & 1 << type % 8) != 0, fits = isNamed && FlagsFit(data, type, flags);
            if (kind == Any && fits)
            {
                return true;
            }

            if (kind == Only && !fits)
            {
                return false;
            }

            if (kind == All && fits)
            {
                left[type / 8] &= (byte)~(1 << type % 8);
            }
        }
        while (offset < packet.Length);
        return kind == All ? !left.ContainsAnyExcept((byte)0) : kind == Only;
    }

    private static bool FlagsFit(ReadOnlySpan<byte> data, byte type, byte flags)
    {
        int count = Math.Clamp((int)U32(data, 280), 0, 4);
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> asked = data.Slice(268 + index * 3, 3);
            if (asked[0] == type)
            {
                return (flags & asked[2]) == asked[1];
            }
        }

        return true;
    }

    private static bool HasOption(byte option, ReadOnlySpan<byte> packet, int type, HookContext context)
    {
        // The basic header, four octets more with a long sequence number, and what each type has of its own.
        int begin = 12 + ((packet[8] & 1) != 0 ? 4 : 0) + type switch { 2 => 0, 0 => 4, 1 => 12, 3 or 4 or 5 or 6 or 8 or 9 => 8, _ => 12 };
        int end = packet[4] * 4;
        if (end < begin || end > packet.Length && end > begin)
        {
            context.MustDrop = true;
            return false;
        }

        for (int at = begin; at < end;)
        {
            if (packet[at] == option)
            {
                return true;
            }

            at += packet[at] < 2 || at + 1 >= end || packet[at + 1] == 0 ? 1 : packet[at + 1];
        }

        return false;
    }
}
