using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>Cuts packets that are larger than a device's MTU (ip_fragment).</summary>
internal static class Fragmenter
{
    public static IEnumerable<Packet> Cut(Packet packet, int mtu)
    {
        Ipv4Header header = packet.Ipv4;
        int headerLength = header.HeaderLength;
        ushort field = header.FragmentField;
        byte[] payload = header.Payload.ToArray();
        int step = (mtu - headerLength) & ~7;
        var fragments = new List<Packet>();
        for (int offset = 0; offset < payload.Length; offset += step)
        {
            int length = Math.Min(step, payload.Length - offset);
            Packet fragment = packet.Clone();
            fragment.ReplacePayload(headerLength, payload.AsSpan(offset, length));
            Ipv4Header cut = fragment.Ipv4;
            cut.TotalLength = (ushort)(headerLength + length);
            bool more = offset + length < payload.Length || (field & Ipv4Header.MoreFragmentsFlag) != 0;
            cut.FragmentField = (ushort)((field & Ipv4Header.OffsetMask) + offset / 8 | (more ? Ipv4Header.MoreFragmentsFlag : 0));
            cut.UpdateChecksum();
            fragments.Add(fragment);
        }

        return fragments;
    }
}

/// <summary>Puts fragments together again (ip_defrag); what isn't whole after 30 seconds is forgotten.</summary>
internal sealed class Reassembler(NetworkStack stack)
{
    private static readonly long Lifetime = 30 * TimeSpan.TicksPerSecond;

    private readonly Dictionary<(uint Source, uint Destination, ushort Identification, byte Protocol), Pieces> _queues = [];

    /// <summary>Takes a fragment; gives the whole packet when this was the last piece that was missing.</summary>
    public Packet? Add(Packet fragment)
    {
        Ipv4Header header = fragment.Ipv4;
        (uint, uint, ushort, byte) key = (header.Source, header.Destination, header.Identification, header.Protocol);
        long now = stack.Kernel.Clock.GetTimestamp();
        if (!_queues.TryGetValue(key, out Pieces? pieces) || now - pieces.Began > Lifetime)
        {
            _queues[key] = pieces = new Pieces(now);
        }

        if (!pieces.Add(header, fragment))
        {
            _queues.Remove(key);
            return null;
        }

        if (pieces.Whole() is not { } whole)
        {
            return null;
        }

        _queues.Remove(key);
        return whole;
    }

    private sealed class Pieces(long began)
    {
        private readonly SortedDictionary<int, byte[]> _parts = [];
        private Packet? _first;
        private int _total = -1;

        public long Began { get; } = began;

        public bool Add(Ipv4Header header, Packet fragment)
        {
            int offset = header.FragmentOffset;
            byte[] payload = header.Payload.ToArray();
            if (header.MoreFragments && payload.Length % 8 != 0)
            {
                return false;
            }

            if (!header.MoreFragments)
            {
                _total = offset + payload.Length;
            }

            if (offset == 0)
            {
                _first = fragment;
            }

            // Overlapping pieces end the whole packet (RFC 5722 as Linux applies it to IPv4); the very same piece again does not.
            foreach ((int other, byte[] part) in _parts)
            {
                if (offset < other + part.Length && other < offset + payload.Length)
                {
                    return other == offset && part.Length == payload.Length;
                }
            }

            _parts.Add(offset, payload);
            return true;
        }

        public Packet? Whole()
        {
            if (_first is null || _total < 0)
            {
                return null;
            }

            int next = 0;
            foreach ((int offset, byte[] part) in _parts)
            {
                if (offset != next)
                {
                    return null;
                }

                next += part.Length;
            }

            if (next != _total)
            {
                return null;
            }

            byte[] payload = new byte[_total];
            foreach ((int offset, byte[] part) in _parts)
            {
                part.CopyTo(payload, offset);
            }

            Packet whole = _first.Clone();
            int headerLength = whole.Ipv4.HeaderLength;
            whole.ReplacePayload(headerLength, payload);
            Ipv4Header header = whole.Ipv4;
            header.TotalLength = (ushort)(headerLength + _total);
            header.FragmentField = 0;
            header.UpdateChecksum();
            whole.LocateTransport();
            return whole;
        }
    }
}
