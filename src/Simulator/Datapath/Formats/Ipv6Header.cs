using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>An IPv6 header (RFC 8200) in place.</summary>
internal readonly ref struct Ipv6Header(Span<byte> bytes)
{
    public const int Size = 40;

    /// <summary>Every link carries packets of this size (RFC 8200, 5).</summary>
    public const int MinimumMtu = 1280;

    public Span<byte> Bytes { get; } = bytes;

    public int Version => Bytes[0] >> 4;

    public byte TrafficClass => (byte)(BinaryPrimitives.ReadUInt16BigEndian(Bytes) >> 4);

    public uint FlowLabel => BinaryPrimitives.ReadUInt32BigEndian(Bytes) & 0xfffff;

    public int PayloadLength
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[4..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[4..], checked((ushort)value));
    }

    public byte NextHeader { get => Bytes[6]; set => Bytes[6] = value; }

    public byte HopLimit { get => Bytes[7]; set => Bytes[7] = value; }

    public Span<byte> Source => Bytes.Slice(8, 16);

    public Span<byte> Destination => Bytes.Slice(24, 16);

    public bool IsValid => Bytes.Length >= Size && Version == 6 && PayloadLength + Size <= Bytes.Length;

    /// <summary>Writes everything but the addresses.</summary>
    public void Write(byte nextHeader, int payloadLength, byte hopLimit = 64, byte trafficClass = 0)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Bytes, 0x60000000u | (uint)trafficClass << 20);
        PayloadLength = payloadLength;
        NextHeader = nextHeader;
        HopLimit = hopLimit;
    }

    /// <summary>
    /// Walks the extension headers; gives the transport protocol, where its header begins from the IPv6 header's first
    /// octet, and the fragment offset field. The protocol is 59 (none) where the chain is cut.
    /// </summary>
    public byte FindTransport(out int offset, out ushort fragmentField)
    {
        byte next = Walk(out offset, out _, out int fragment, stopAtFragment: false);
        fragmentField = fragment < 0 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(Bytes[(fragment + 2)..]);
        return next;
    }

    /// <summary>Where the fragment header of a packet that is a piece begins; false where the packet is whole.</summary>
    public bool FindFragment(out int offset)
    {
        Walk(out _, out _, out offset, stopAtFragment: true);
        return offset >= 0 && (BinaryPrimitives.ReadUInt16BigEndian(Bytes[(offset + 2)..]) & 0xfff9) != 0;
    }

    /// <summary>Said of a header that a packet has not.</summary>
    public const int Absent = -1;

    /// <summary>Said of a header before which the chain of headers is cut.</summary>
    public const int Broken = -2;

    /// <summary>
    /// Looks for a header as ipv6_find_hdr does. In a later piece of a packet nothing stands behind the fragment header; its offset is said in <paramref name="place"/>.
    /// </summary>
    /// <param name="type">The header's number; null for the first that is no extension header, or authentication where it is asked for.</param>
    /// <param name="authentication">An authentication header counts as the transport's.</param>
    /// <param name="isStrict">A header that ends behind the packet is damage (<see cref="Kernel.KernelProfile.ChecksExtensionHeaders"/>).</param>
    /// <param name="protocol">The header found.</param>
    /// <param name="place">The offset of a later piece in octets; else 0.</param>
    /// <returns>Where it begins; 0 where it is in another piece; <see cref="Absent"/> or <see cref="Broken"/>.</returns>
    public int Find(byte? type, bool authentication, bool isStrict, out byte protocol, out int place)
    {
        protocol = NextHeader;
        place = 0;
        for (int offset = Size; ;)
        {
            bool found = protocol == type;
            if (!IsExtension(protocol))
            {
                return found || type is null ? offset : Absent;
            }

            if (offset + (protocol is IpProtocol.Ipv6Routing or IpProtocol.Ipv6Fragment ? 4 : 2) > Bytes.Length)
            {
                return Broken;
            }

            byte next = Bytes[offset];
            if (protocol == IpProtocol.Ipv6Fragment && (BinaryPrimitives.ReadUInt16BigEndian(Bytes[(offset + 2)..]) & 0xfff8) is var piece and not 0)
            {
                if (type is null && !IsExtension(next))
                {
                    (protocol, place) = (next, piece);
                    return 0;
                }

                place = found ? piece : 0;
                return found ? offset : Absent;
            }

            if (protocol == IpProtocol.Ah && authentication && type is null)
            {
                return offset;
            }

            int length = LengthOf(protocol, Bytes[offset + 1]);
            if (isStrict && offset + length > Bytes.Length)
            {
                return Broken;
            }

            if (found)
            {
                return offset;
            }

            protocol = next;
            offset += length;
        }
    }

    /// <summary>
    /// Where what follows the extension headers begins, as ipv6_skip_exthdr finds it; <see cref="Absent"/> where nothing follows or a header is cut. In a
    /// later piece of a packet that is the fragment header, which is then said to be the protocol.
    /// </summary>
    public int SkipExtensions(out byte protocol)
    {
        protocol = NextHeader;
        int offset = Size;
        while (IsExtension(protocol) || protocol == IpProtocol.Ipv6NoNext)
        {
            if (protocol == IpProtocol.Ipv6NoNext || offset + (protocol == IpProtocol.Ipv6Fragment ? 4 : 2) > Bytes.Length)
            {
                return Absent;
            }

            if (protocol == IpProtocol.Ipv6Fragment && (BinaryPrimitives.ReadUInt16BigEndian(Bytes[(offset + 2)..]) & 0xfff8) != 0)
            {
                break;
            }

            byte next = Bytes[offset];
            offset += LengthOf(protocol, Bytes[offset + 1]);
            protocol = next;
        }

        return offset;
    }

    /// <summary>Where a hop-by-hop header follows, it and its options end within the packet and within each other (nf_ip6_check_hbh_len); none of them may make it a jumbogram.</summary>
    public bool HasWholeHopByHop
    {
        get
        {
            const byte PadOne = 0, Jumbo = 0xc2;
            if (NextHeader != IpProtocol.HopByHop)
            {
                return true;
            }

            if (Size + 8 > Bytes.Length || Size + LengthOf(IpProtocol.HopByHop, Bytes[Size + 1]) is var end && end > Bytes.Length)
            {
                return false;
            }

            int at = Size + 2;
            while (at < end)
            {
                byte option = Bytes[at];
                if (option == PadOne)
                {
                    at++;
                }
                else if (option == Jumbo || at + 2 > end)
                {
                    return false;
                }
                else
                {
                    at += Bytes[at + 1] + 2;
                }
            }

            return at == end;
        }
    }

    /// <summary>The transport protocol, and which octet names it.</summary>
    public byte FindLastHeader(out int field) => Walk(out _, out field, out _, stopAtFragment: false);

    /// <summary>Where a fragment header would be put in (ip6_find_1stfragopt), and which octet names what follows.</summary>
    public int FindFragmentable(out int field)
    {
        int offset = Size;
        field = 6;
        bool routed = false;
        while (offset + 8 <= Bytes.Length)
        {
            byte next = Bytes[field];
            if (next is not (IpProtocol.HopByHop or IpProtocol.Ipv6Routing or IpProtocol.Ipv6Destination) || (next == IpProtocol.Ipv6Destination && routed))
            {
                break;
            }

            routed |= next == IpProtocol.Ipv6Routing;
            field = offset;
            offset += (Bytes[offset + 1] + 1) * 8;
        }

        return offset;
    }

    /// <summary>The octets of an extension header, by the octet that says it.</summary>
    private static int LengthOf(byte header, byte said) => header switch { IpProtocol.Ipv6Fragment => 8, IpProtocol.Ah => (said + 2) * 4, _ => (said + 1) * 8 };

    private static bool IsExtension(byte header) =>
        header is IpProtocol.HopByHop or IpProtocol.Ipv6Routing or IpProtocol.Ipv6Fragment or IpProtocol.Ipv6Destination or IpProtocol.Ah;

    private byte Walk(out int offset, out int field, out int fragment, bool stopAtFragment)
    {
        offset = Size;
        field = 6;
        fragment = -1;
        byte next = NextHeader;
        while (IsExtension(next))
        {
            if (offset + 8 > Bytes.Length)
            {
                return IpProtocol.Ipv6NoNext;
            }

            field = offset;
            byte current = next;
            next = Bytes[offset];
            if (current == IpProtocol.Ipv6Fragment)
            {
                fragment = offset;
                offset += 8;
                if (stopAtFragment || (BinaryPrimitives.ReadUInt16BigEndian(Bytes[(fragment + 2)..]) & 0xfff8) != 0)
                {
                    return next;
                }
            }
            else
            {
                offset += LengthOf(current, Bytes[offset + 1]);
            }
        }

        return next;
    }
}
