using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Proxy;

/// <summary>The options of TCP's handshake that a SYN proxy knows (NF_SYNPROXY_OPT_*).</summary>
[Flags]
internal enum HandshakeOption : byte
{
    None = 0,
    SegmentSize = 1,
    WindowScale = 2,
    SelectiveAcknowledgement = 4,
    Timestamp = 8,
    CongestionNotification = 16,
}

/// <summary>The options of one segment (struct synproxy_options).</summary>
/// <param name="Given">Which there are.</param>
/// <param name="SegmentSize">The largest segment.</param>
/// <param name="Scale">The window's factor, a power of two.</param>
/// <param name="Timestamp">The sender's time.</param>
/// <param name="Echo">The receiver's time, as the sender knows it.</param>
internal readonly record struct HandshakeOptions(HandshakeOption Given, ushort SegmentSize, byte Scale, uint Timestamp, uint Echo)
{
    private const byte End = 0, NoOperation = 1, OfSegmentSize = 2, OfScale = 3, OfSelective = 4, OfTimestamp = 8;
    private const byte SegmentSizeLength = 4, ScaleLength = 3, SelectiveLength = 2, TimestampLength = 10, MostScale = 14;

    public bool Has(HandshakeOption option) => (Given & option) != 0;

    /// <summary>Reads a header's options up to the first that is damaged (synproxy_parse_options).</summary>
    public static HandshakeOptions Read(ReadOnlySpan<byte> options)
    {
        HandshakeOptions read = default;
        for (int at = 0; at < options.Length && options[at] != End;)
        {
            if (options[at] == NoOperation)
            {
                at++;
                continue;
            }

            if (at + 2 > options.Length || options[at + 1] is var length && (length < 2 || at + length > options.Length))
            {
                break;
            }

            ReadOnlySpan<byte> value = options[(at + 2)..];
            read = (options[at], length) switch
            {
                (OfSegmentSize, SegmentSizeLength) => read with { Given = read.Given | HandshakeOption.SegmentSize, SegmentSize = BinaryPrimitives.ReadUInt16BigEndian(value) },
                (OfScale, ScaleLength) => read with { Given = read.Given | HandshakeOption.WindowScale, Scale = Math.Min(value[0], MostScale) },
                (OfTimestamp, TimestampLength) => read with
                {
                    Given = read.Given | HandshakeOption.Timestamp, Timestamp = BinaryPrimitives.ReadUInt32BigEndian(value), Echo = BinaryPrimitives.ReadUInt32BigEndian(value[4..]),
                },
                (OfSelective, SelectiveLength) => read with { Given = read.Given | HandshakeOption.SelectiveAcknowledgement },
                _ => read,
            };
            at += length;
        }

        return read;
    }

    /// <summary>The options as they stand in a header, in the order that Linux has them in.</summary>
    public byte[] ToBytes()
    {
        bool selective = Has(HandshakeOption.SelectiveAcknowledgement);
        var bytes = new List<byte>();
        if (Has(HandshakeOption.SegmentSize))
        {
            bytes.AddRange([OfSegmentSize, SegmentSizeLength, (byte)(SegmentSize >> 8), (byte)SegmentSize]);
        }

        if (Has(HandshakeOption.Timestamp))
        {
            Span<byte> times = stackalloc byte[8];
            BinaryPrimitives.WriteUInt32BigEndian(times, Timestamp);
            BinaryPrimitives.WriteUInt32BigEndian(times[4..], Echo);
            bytes.AddRange(selective ? [OfSelective, SelectiveLength] : [NoOperation, NoOperation]);
            bytes.AddRange([OfTimestamp, TimestampLength]);
            bytes.AddRange(times);
        }
        else if (selective)
        {
            bytes.AddRange([NoOperation, NoOperation, OfSelective, SelectiveLength]);
        }

        if (Has(HandshakeOption.WindowScale))
        {
            bytes.AddRange([NoOperation, OfScale, ScaleLength, Scale]);
        }

        return [.. bytes];
    }
}
