using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>What became of a fragment.</summary>
internal enum FragmentFate
{
    /// <summary>It was the last that was missing: the packet is the whole now.</summary>
    Whole,

    /// <summary>It waits for the others.</summary>
    Kept,

    /// <summary>It, and what there was of its packet, is thrown away.</summary>
    Refused,

    /// <summary>IPv6: the first piece doesn't hold all headers (RFC 8200, 4.5).</summary>
    Truncated,

    /// <summary>IPv6: a length that only a last piece may have.</summary>
    Uneven,
}

/// <summary>Puts fragments of either family together again (ip_defrag, ipv6_frag_rcv, nf_ct_frag6_gather); what isn't whole in time is forgotten.</summary>
/// <param name="stack">Whose it is.</param>
/// <param name="isTracking">Connection tracking does it, on the packets' way; it tells nobody of a timeout.</param>
internal sealed class Reassembler(NetworkStack stack, bool isTracking = false)
{
    private static readonly TimeSpan LifetimeV4 = TimeSpan.FromSeconds(30), LifetimeV6 = TimeSpan.FromSeconds(60);

    private readonly Dictionary<Key, Pieces> _queues = [];

    /// <summary>Takes a fragment; <see cref="FragmentFate.Whole"/>: the packet is the whole now.</summary>
    public FragmentFate Take(Packet fragment)
    {
        if (fragment.IsIpv6 && IsTruncated(fragment))
        {
            return FragmentFate.Truncated;
        }

        if (Piece.Of(fragment) is not { } piece)
        {
            return fragment.IsIpv6 ? FragmentFate.Uneven : FragmentFate.Refused;
        }

        Key key = new(fragment.SourceAddress, fragment.DestinationAddress, piece.Identification, fragment.IsIpv6 ? (byte)0 : fragment.Ipv4.Protocol);
        if (!_queues.TryGetValue(key, out Pieces? pieces))
        {
            _queues[key] = pieces = new Pieces();
            stack.Kernel.After(fragment.IsIpv6 ? LifetimeV6 : LifetimeV4, () => GiveUp(key, pieces));
        }

        if (!pieces.Add(piece, fragment))
        {
            _queues.Remove(key);
            return FragmentFate.Refused;
        }

        if (!pieces.IsWhole)
        {
            return FragmentFate.Kept;
        }

        _queues.Remove(key);
        pieces.Fill(fragment, isTracking);
        return FragmentFate.Whole;
    }

    /// <summary>ipv6frag_thdr_truncated.</summary>
    private static bool IsTruncated(Packet fragment)
    {
        byte protocol = fragment.Ipv6.FindTransport(out int offset, out ushort field);
        int needed = protocol switch
        {
            IpProtocol.Tcp => TcpHeader.MinimumSize,
            IpProtocol.Udp or IpProtocol.Icmpv6 => 8,
            _ => 1,
        };
        return (field & 0xfff8) == 0 && offset + needed > fragment.NetworkLength;
    }

    private void GiveUp(Key key, Pieces pieces)
    {
        if (_queues.TryGetValue(key, out Pieces? now) && now == pieces)
        {
            _queues.Remove(key);
            if (!isTracking && pieces.First is { } first)
            {
                stack.Internet(first.Family).Icmp.SendError(first, stack.Kernel.Devices.Find(first.InputInterface), IcmpReason.ReassemblyTimedOut);
            }
        }
    }

    private readonly record struct Key(InternetAddress Source, InternetAddress Destination, uint Identification, byte Protocol);

    /// <summary>Where a fragment's data belongs.</summary>
    private readonly record struct Piece(uint Identification, int Offset, bool More, int DataBegins, int DataLength)
    {
        /// <summary>Null where the fragment is none, or of a length that only a last one may have.</summary>
        public static Piece? Of(Packet packet)
        {
            Piece piece;
            if (packet.IsIpv6)
            {
                if (!packet.Ipv6.FindFragment(out int at))
                {
                    return null;
                }

                ReadOnlySpan<byte> header = packet.Network[at..];
                ushort field = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
                piece = new Piece(BinaryPrimitives.ReadUInt32BigEndian(header[4..]), field & 0xfff8, (field & 1) != 0, at + 8, packet.NetworkLength - at - 8);
            }
            else
            {
                Ipv4Header header = packet.Ipv4;
                piece = new Piece(header.Identification, header.FragmentOffset, header.MoreFragments, header.HeaderLength, header.Payload.Length);
            }

            return piece.DataLength < 0 || (piece.More && piece.DataLength % 8 != 0) || piece.Offset + piece.DataLength > 65535 ? null : piece;
        }
    }

    private sealed class Pieces
    {
        private readonly SortedDictionary<int, byte[]> _parts = [];
        private int _total = -1, _largest, _largestUncuttable, _firstData;

        /// <summary>The fragment that begins the packet.</summary>
        public Packet? First { get; private set; }

        public bool IsWhole
        {
            get
            {
                if (First is null || _total < 0)
                {
                    return false;
                }

                int next = 0;
                foreach ((int offset, byte[] part) in _parts)
                {
                    if (offset != next)
                    {
                        return false;
                    }

                    next += part.Length;
                }

                return next == _total;
            }
        }

        /// <summary>Overlapping pieces end the whole packet (RFC 5722, as Linux applies it to IPv4 too); the very same piece again does not.</summary>
        public bool Add(Piece piece, Packet fragment)
        {
            int end = piece.Offset + piece.DataLength;
            if (!piece.More)
            {
                if (_total >= 0 && _total != end)
                {
                    return false;
                }

                _total = end;
            }

            if (_total >= 0 && (end > _total || _parts.Any(part => part.Key + part.Value.Length > _total)))
            {
                return false;
            }

            foreach ((int other, byte[] part) in _parts)
            {
                if (piece.Offset < other + part.Length && other < end)
                {
                    return other <= piece.Offset && end <= other + part.Length;
                }
            }

            if (piece.Offset == 0)
            {
                First = fragment.Clone();
                _firstData = piece.DataBegins;
            }

            _largest = Math.Max(_largest, fragment.NetworkLength);
            if (!fragment.IsIpv6 && fragment.Ipv4.DontFragment)
            {
                _largestUncuttable = Math.Max(_largestUncuttable, fragment.NetworkLength);
            }

            _parts.Add(piece.Offset, fragment.Network.Slice(piece.DataBegins, piece.DataLength).ToArray());
            return true;
        }

        /// <summary>Makes the last fragment that came the whole packet.</summary>
        public void Fill(Packet packet, bool isTracking)
        {
            byte[] payload = new byte[_total];
            foreach ((int offset, byte[] part) in _parts)
            {
                part.CopyTo(payload, offset);
            }

            int head = packet.IsIpv6 ? _firstData - 8 : _firstData;
            packet.ReplacePayload(head, payload);
            First!.Network[..head].CopyTo(packet.Network);
            if (packet.IsIpv6)
            {
                Ipv6Header header = packet.Ipv6;
                First.Ipv6.FindFragment(out int at);
                packet.Network[FieldBefore(First.Network, at)] = First.Network[at];
                header.PayloadLength = head + _total - Ipv6Header.Size;
                packet.HeadersReadFrom = isTracking ? head : null;
            }
            else
            {
                Ipv4Header header = packet.Ipv4;
                header.TotalLength = (ushort)(head + _total);
                packet.CutsWithDontFragment = _largestUncuttable == _largest;
                header.FragmentField = packet.CutsWithDontFragment ? Ipv4Header.DontFragmentFlag : (ushort)0;
                header.UpdateChecksum();
            }

            packet.LargestFragment = _largest;
            packet.LocateTransport();
        }

        /// <summary>The octet that names the header at <paramref name="header"/>.</summary>
        private static int FieldBefore(ReadOnlySpan<byte> network, int header)
        {
            int field = 6, offset = Ipv6Header.Size;
            while (offset < header)
            {
                field = offset;
                offset += (network[offset + 1] + 1) * 8;
            }

            return field;
        }
    }
}
