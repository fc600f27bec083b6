using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>Cuts packets that are larger than the way carries (ip_fragment, ip6_fragment).</summary>
internal static class Fragmenter
{
    private const int FragmentHeader = 8;

    public static IEnumerable<Packet> Cut(Packet packet, int mtu)
    {
        Ipv4Header header = packet.Ipv4;
        int headerLength = header.HeaderLength;
        ushort field = header.FragmentField;
        byte[] payload = header.Payload.ToArray();
        var fragments = new List<Packet>();
        foreach ((int offset, int length) in Pieces(payload.Length, mtu - headerLength))
        {
            Packet fragment = packet.Clone();
            fragment.ReplacePayload(headerLength, payload.AsSpan(offset, length));
            Ipv4Header cut = fragment.Ipv4;
            cut.TotalLength = (ushort)(headerLength + length);
            bool more = offset + length < payload.Length || (field & Ipv4Header.MoreFragmentsFlag) != 0;
            cut.FragmentField = (ushort)((packet.CutsWithDontFragment ? Ipv4Header.DontFragmentFlag : 0) | (field & Ipv4Header.OffsetMask) + offset / 8 | (more ? Ipv4Header.MoreFragmentsFlag : 0));
            cut.UpdateChecksum();
            fragment.LargestFragment = 0;
            fragment.LocateTransport();
            fragments.Add(fragment);
        }

        return fragments;
    }

    /// <summary>Cuts an IPv6 packet; what routers must see stands in every piece, before the fragment header.</summary>
    public static IEnumerable<Packet> CutV6(Packet packet, int mtu, uint identification)
    {
        int begin = packet.Ipv6.FindFragmentable(out int field);
        byte[] head = packet.Network[..begin].ToArray(), payload = packet.Network[begin..].ToArray();
        byte next = head[field];
        head[field] = IpProtocol.Ipv6Fragment;
        var fragments = new List<Packet>();
        foreach ((int offset, int length) in Pieces(payload.Length, mtu - begin - FragmentHeader))
        {
            byte[] piece = new byte[FragmentHeader + length];
            piece[0] = next;
            BinaryPrimitives.WriteUInt16BigEndian(piece.AsSpan(2), (ushort)(offset | (offset + length < payload.Length ? 1 : 0)));
            BinaryPrimitives.WriteUInt32BigEndian(piece.AsSpan(4), identification);
            payload.AsSpan(offset, length).CopyTo(piece.AsSpan(FragmentHeader));
            Packet fragment = packet.Clone();
            fragment.ReplacePayload(begin, piece);
            head.CopyTo(fragment.Network);
            Ipv6Header header = fragment.Ipv6;
            header.PayloadLength = begin + piece.Length - Ipv6Header.Size;
            fragment.LargestFragment = 0;
            fragment.LocateTransport();
            fragments.Add(fragment);
        }

        return fragments;
    }

    /// <summary>Cuts a packet that was put together on its way into pieces no larger than those it came in.</summary>
    public static IEnumerable<Packet> CutAgain(Packet packet, uint mtu, RandomSource random)
    {
        int largest = Math.Min(packet.LargestFragment, (int)mtu);
        return packet.NetworkLength <= largest ? [packet] : packet.IsIpv6 ? CutV6(packet, Math.Min(packet.LargestPiece, (int)mtu), random.NextUInt32()) : Cut(packet, largest);
    }

    private static IEnumerable<(int Offset, int Length)> Pieces(int total, int room)
    {
        int step = Math.Max(8, room & ~7);
        for (int offset = 0; offset < total; offset += step)
        {
            // The last piece may fill what rounding left free.
            int length = total - offset <= room ? total - offset : step;
            yield return (offset, length);
            if (length != step)
            {
                yield break;
            }
        }
    }
}
