using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>An IPv6 header (RFC 8200) in place.</summary>
internal readonly ref struct Ipv6Header(Span<byte> bytes)
{
    public const int Size = 40;

    public Span<byte> Bytes { get; } = bytes;

    public int Version => Bytes[0] >> 4;

    public byte TrafficClass => (byte)(BinaryPrimitives.ReadUInt16BigEndian(Bytes) >> 4);

    public int PayloadLength => BinaryPrimitives.ReadUInt16BigEndian(Bytes[4..]);

    public byte NextHeader => Bytes[6];

    public byte HopLimit { get => Bytes[7]; set => Bytes[7] = value; }

    public Span<byte> Source => Bytes.Slice(8, 16);

    public Span<byte> Destination => Bytes.Slice(24, 16);

    public bool IsValid => Bytes.Length >= Size && Version == 6 && PayloadLength + Size <= Bytes.Length;

    public void Write(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, byte nextHeader, int payloadLength, byte hopLimit = 64)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Bytes, 0x60000000);
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[4..], checked((ushort)payloadLength));
        Bytes[6] = nextHeader;
        Bytes[7] = hopLimit;
        source.CopyTo(Bytes[8..]);
        destination.CopyTo(Bytes[24..]);
    }

    /// <summary>
    /// Walks the extension headers; gives the transport protocol, where its header begins from the IPv6 header's first
    /// octet, and the fragment offset field. The protocol is 59 (none) where the chain is cut.
    /// </summary>
    public byte FindTransport(out int offset, out ushort fragmentField)
    {
        byte next = NextHeader;
        offset = Size;
        fragmentField = 0;
        while (next is IpProtocol.HopByHop or IpProtocol.Ipv6Routing or IpProtocol.Ipv6Fragment or IpProtocol.Ipv6Destination or IpProtocol.Ah)
        {
            if (offset + 8 > Bytes.Length)
            {
                return IpProtocol.Ipv6NoNext;
            }

            byte current = next;
            next = Bytes[offset];
            if (current == IpProtocol.Ipv6Fragment)
            {
                fragmentField = BinaryPrimitives.ReadUInt16BigEndian(Bytes[(offset + 2)..]);
                offset += 8;
                if ((fragmentField & 0xfff8) != 0)
                {
                    return next;
                }
            }
            else
            {
                offset += current == IpProtocol.Ah ? (Bytes[offset + 1] + 2) * 4 : (Bytes[offset + 1] + 1) * 8;
            }
        }

        return next;
    }
}
