using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>TCP's control bits (RFC 9293).</summary>
[Flags]
internal enum TcpFlags : byte
{
    None = 0,
    Finish = 1,
    Synchronize = 2,
    Reset = 4,
    Push = 8,
    Acknowledge = 16,
    Urgent = 32,
    EchoCongestion = 64,
    CongestionWindowReduced = 128,
}

/// <summary>A TCP header (RFC 9293) in place.</summary>
internal readonly ref struct TcpHeader(Span<byte> bytes)
{
    public const int MinimumSize = 20;

    /// <summary>From the header's first octet to the end of the segment.</summary>
    public Span<byte> Bytes { get; } = bytes;

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(Bytes);

    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(Bytes[2..]);

    public uint Sequence => BinaryPrimitives.ReadUInt32BigEndian(Bytes[4..]);

    public uint Acknowledgement => BinaryPrimitives.ReadUInt32BigEndian(Bytes[8..]);

    public int HeaderLength => (Bytes[12] >> 4) * 4;

    public TcpFlags Flags => (TcpFlags)Bytes[13];

    public ushort Window => BinaryPrimitives.ReadUInt16BigEndian(Bytes[14..]);

    public ushort Checksum
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[16..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[16..], value);
    }

    /// <summary>None where the header says that it is shorter than it can be.</summary>
    public Span<byte> Options => Bytes[MinimumSize..Math.Max(MinimumSize, HeaderLength)];

    public Span<byte> Payload => Bytes[HeaderLength..];

    /// <summary>How far the segment moves the sequence: its data, and one each for SYN and FIN.</summary>
    public int SequenceLength =>
        Bytes.Length - HeaderLength + ((Flags & TcpFlags.Synchronize) != 0 ? 1 : 0) + ((Flags & TcpFlags.Finish) != 0 ? 1 : 0);

    public bool IsWellFormed => Bytes.Length >= MinimumSize && HeaderLength >= MinimumSize && HeaderLength <= Bytes.Length;

    /// <summary>Writes the header, without checksum (<see cref="Packet.UpdateTransportChecksum"/>), before data that is already in place; <paramref name="options"/> is padded to four octets by the caller.</summary>
    public void Write(ushort sourcePort, ushort destinationPort, uint sequence, uint acknowledgement, TcpFlags flags, ushort window, ReadOnlySpan<byte> options = default)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Bytes, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[2..], destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(Bytes[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(Bytes[8..], acknowledgement);
        Bytes[12] = (byte)((MinimumSize + options.Length) / 4 << 4);
        Bytes[13] = (byte)flags;
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[14..], window);
        BinaryPrimitives.WriteUInt32BigEndian(Bytes[16..], 0);
        options.CopyTo(Bytes[MinimumSize..]);
    }
}
