using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// Matches on IPv6's extension headers (ip6t_ah.c, ip6t_frag.c, ip6t_hbh.c, ip6t_rt.c, ip6t_srh.c, ip6t_ipv6header.c, ip6t_mh.c) and on addresses made of a MAC
/// (ip6t_eui64.c). Where the chain of headers is cut, most of them drop the packet themselves.
/// </summary>
internal static class Ipv6Matches
{
    /// <summary>ah: index, length, and that the reserved field is empty.</summary>
    public static bool Ah(ReadOnlySpan<byte> data, HookContext context)
    {
        if (Find(context, IpProtocol.Ah, 12) is not { IsEmpty: false } header)
        {
            return false;
        }

        if ((header[1] + 2) * 4 > header.Length)
        {
            context.MustDrop = true;
            return false;
        }

        uint length = U32(data, 8);
        byte inverted = data[13];
        return InRange(BinaryPrimitives.ReadUInt32BigEndian(header[4..]), U32(data, 0), U32(data, 4)) != ((inverted & 1) != 0)
            && (length == 0 || (length == (header[1] + 2) * 4) != ((inverted & 2) != 0))
            && (data[12] == 0 || BinaryPrimitives.ReadUInt16BigEndian(header[2..]) == 0);
    }

    /// <summary>frag: identification, which piece it is, and that the reserved bits are empty.</summary>
    public static bool Fragment(ReadOnlySpan<byte> data, HookContext context)
    {
        const byte Reserved = 4, First = 8, More = 16, Last = 32;
        if (Find(context, IpProtocol.Ipv6Fragment, 8) is not { IsEmpty: false } header)
        {
            return false;
        }

        byte flags = data[12];
        ushort place = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        return InRange(BinaryPrimitives.ReadUInt32BigEndian(header[4..]), U32(data, 0), U32(data, 4)) != ((data[13] & 1) != 0)
            && ((flags & Reserved) == 0 || (header[1] == 0 && (place & 6) == 0))
            && ((flags & First) == 0 || place < 8)
            && ((flags & More) == 0 || (place & 1) != 0)
            && ((flags & Last) == 0 || (place & 1) == 0);
    }

    /// <summary>hbh and dst: the length of the header, and the options with which it begins.</summary>
    public static bool Options(ReadOnlySpan<byte> data, HookContext context, byte protocol)
    {
        const byte Length = 1, Named = 2, Loose = 4, AnyLength = 0xff;
        if (FindWhole(context, protocol) is not { IsEmpty: false } header)
        {
            return false;
        }

        int length = (header[1] + 1) * 8;

        byte flags = data[4];
        bool fits = (flags & Length) == 0 || (U32(data, 0) == length) != ((data[5] & 1) != 0);
        if ((flags & Named) == 0)
        {
            return fits;
        }

        if ((flags & Loose) != 0)
        {
            // The kernel never made it.
            return false;
        }

        int count = data[38], at = 2;
        for (int number = 0; number < count; number++)
        {
            ushort wanted = U16(data, 6 + number * 2);
            if (at >= length || header[at] != wanted >> 8)
            {
                return false;
            }

            int size = 1;
            if (header[at] != 0)
            {
                if (at + 1 >= length || ((byte)wanted != AnyLength && (byte)wanted != header[at + 1]))
                {
                    return false;
                }

                size = header[at + 1] + 2;
            }

            if ((size > header.Length - at || size > length - at) && number < count - 1)
            {
                return false;
            }

            at += size;
        }

        return fits;
    }

    /// <summary>rt: type, segments left and length of a routing header; of type 0 the addresses in it.</summary>
    public static bool Routing(ReadOnlySpan<byte> data, HookContext context)
    {
        const byte Type = 1, Length = 4, Reserved = 8, Addresses = 0x30, Loose = 0x20;
        if (FindWhole(context, IpProtocol.Ipv6Routing) is not { IsEmpty: false } header)
        {
            return false;
        }

        int length = (header[1] + 1) * 8;

        byte flags = data[16], inverted = data[17];
        if (InRange(header[3], U32(data, 4), U32(data, 8)) == ((inverted & 2) != 0)
            || ((flags & Length) != 0 && (U32(data, 12) == length) == ((inverted & 4) != 0))
            || ((flags & Type) != 0 && (U32(data, 0) == header[2]) == ((inverted & 1) != 0))
            || ((flags & Reserved) != 0 && U32(header, 4) != 0))
        {
            return false;
        }

        if ((flags & Addresses) == 0)
        {
            return true;
        }

        int count = data[276], there = (length - 8) / 16, found = 0;
        if (count > there || ((flags & Loose) == 0 && count != there))
        {
            return false;
        }

        // In their order: one after the other, or with others in between.
        for (int number = 0; number < there && found < count; number++)
        {
            if (header.Slice(8 + number * 16, 16).SequenceEqual(data.Slice(20 + found * 16, 16)))
            {
                found++;
            }
            else if ((flags & Loose) == 0)
            {
                return false;
            }
        }

        return found == count;
    }

    /// <summary>srh: a segment routing header (RFC 8754); revision 1 looks at segments too.</summary>
    public static bool SegmentRouting(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        int at = Locate(context, IpProtocol.Ipv6Routing);
        if (at < 0 || at + 8 > context.Packet.NetworkLength)
        {
            return false;
        }

        ReadOnlySpan<byte> header = context.Packet.Network[at..];
        byte left = header[3], last = header[4];
        if ((header[1] + 1) * 8 > header.Length || header[2] != 4 || left > last)
        {
            return false;
        }

        int place = extension.Revision == 0 ? 6 : 104;
        uint flags = U16(data, place), inverted = U16(data, place + 2);
        Span<bool> holds =
        [
            header[0] == data[0],
            header[1] == data[1], header[1] > data[1], header[1] < data[1],
            left == data[2], left > data[2], left < data[2],
            last == data[3], last > data[3], last < data[3],
            header[6..8].SequenceEqual(data[4..6]),
        ];
        for (int number = 0; number < holds.Length; number++)
        {
            if ((flags >> number & 1) != 0 && holds[number] == ((inverted >> number & 1) != 0))
            {
                return false;
            }
        }

        // The segment before, the one after, and the last.
        return extension.Revision == 0
            || ((flags & 0x800) == 0 || (left != last && IsSegment(header, left + 1, data, 0, (inverted & 0x800) != 0)))
            && ((flags & 0x1000) == 0 || (left != 0 && IsSegment(header, left - 1, data, 1, (inverted & 0x1000) != 0)))
            && ((flags & 0x2000) == 0 || IsSegment(header, 0, data, 2, (inverted & 0x2000) != 0));
    }

    /// <summary>ipv6header: which extension headers there are.</summary>
    public static bool Headers(ReadOnlySpan<byte> data, HookContext context)
    {
        const byte Esp = 4, None = 2, Protocol = 1;
        ReadOnlySpan<byte> network = context.Packet.Network;
        byte next = network[6], found = 0;
        int at = Ipv6Header.Size;
        while (BitOf(next) is { } bit and not Protocol)
        {
            if (bit == None)
            {
                found |= None;
                break;
            }

            if (at + 2 > network.Length)
            {
                return false;
            }

            found |= bit;
            if (bit == Esp)
            {
                break;
            }

            int length = next == IpProtocol.Ipv6Fragment ? 8 : next == IpProtocol.Ah ? (network[at + 1] + 2) * 4 : (network[at + 1] + 1) * 8;
            next = network[at];
            at += length;
            if (at > network.Length)
            {
                break;
            }
        }

        if (next is not (IpProtocol.Ipv6NoNext or IpProtocol.Esp))
        {
            found |= Protocol;
        }

        byte wanted = data[0], inverted = data[1];
        return data[2] != 0 ? ((found ^ wanted ^ inverted) & wanted) == 0 : (found == wanted) != (inverted != 0);

        static byte BitOf(byte header) => header switch
        {
            IpProtocol.HopByHop => 128,
            IpProtocol.Ipv6Destination => 64,
            IpProtocol.Ipv6Routing => 32,
            IpProtocol.Ipv6Fragment => 16,
            IpProtocol.Ah => 8,
            IpProtocol.Esp => Esp,
            IpProtocol.Ipv6NoNext => None,
            _ => Protocol,
        };
    }

    /// <summary>mh: the type of a mobility header, which nothing may follow.</summary>
    public static bool MobilityType(ReadOnlySpan<byte> data, HookContext context)
    {
        if (MatchEvaluation.Transport(context, 6) is not { IsEmpty: false } header)
        {
            return false;
        }

        if (header[0] != IpProtocol.Ipv6NoNext)
        {
            context.MustDrop = true;
            return false;
        }

        return InRange(header[2], data[0], data[1]) != ((data[2] & 1) != 0);
    }

    /// <summary>eui64: the sender's address ends with its MAC.</summary>
    public static bool IsOfMac(HookContext context)
    {
        Packet packet = context.Packet;
        if (packet.MacOffset < 0 || packet.LinkHeader.Length < 14)
        {
            context.MustDrop |= packet.FragmentOffset != 0;
            return false;
        }

        ReadOnlySpan<byte> mac = packet.LinkHeader.Slice(6, 6);
        return packet.Network.Slice(16, 8).SequenceEqual((ReadOnlySpan<byte>)[(byte)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]]);
    }

    private static bool IsSegment(ReadOnlySpan<byte> header, int number, ReadOnlySpan<byte> data, int which, bool inverted)
    {
        int at = 8 + number * 16;
        if (at + 16 > header.Length)
        {
            return false;
        }

        bool same = true;
        for (int index = 0; index < 16 && same; index++)
        {
            same = ((header[at + index] ^ data[8 + which * 16 + index]) & data[56 + which * 16 + index]) == 0;
        }

        return same != inverted;
    }

    /// <summary>The packet from a header on; nothing where there is none, or where it is cut, which drops the packet.</summary>
    private static ReadOnlySpan<byte> Find(HookContext context, byte type, int size)
    {
        int at = Locate(context, type);
        if (at == Ipv6Header.Absent)
        {
            return default;
        }

        if (at == Ipv6Header.Broken || at + size > context.Packet.NetworkLength)
        {
            context.MustDrop = true;
            return default;
        }

        return context.Packet.Network[at..];
    }

    /// <summary>A header with a length in units of eight octets, all of it there.</summary>
    private static ReadOnlySpan<byte> FindWhole(HookContext context, byte type)
    {
        ReadOnlySpan<byte> header = Find(context, type, 2);
        if (!header.IsEmpty && (header[1] + 1) * 8 > header.Length)
        {
            context.MustDrop = true;
            return default;
        }

        return header;
    }

    private static int Locate(HookContext context, byte type) => context.Packet.Ipv6.Find(type, authentication: false, context.Stack.Kernel.Profile.ChecksExtensionHeaders, out _, out _);
}
