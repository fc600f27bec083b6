using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>A UDP header (RFC 768) in place.</summary>
internal readonly ref struct UdpHeader(Span<byte> bytes)
{
    public const int Size = 8;

    public Span<byte> Bytes { get; } = bytes;

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(Bytes);

    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(Bytes[2..]);

    public ushort Length => BinaryPrimitives.ReadUInt16BigEndian(Bytes[4..]);

    /// <summary>0: the sender computed none.</summary>
    public ushort Checksum
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[6..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[6..], value);
    }

    public Span<byte> Payload => Bytes[Size..Math.Clamp(Length, Size, Bytes.Length)];

    public bool IsWellFormed => Bytes.Length >= Size && Length >= Size && Length <= Bytes.Length;

    /// <summary>Writes all but the checksum (<see cref="Packet.UpdateTransportChecksum"/>).</summary>
    public void Write(ushort sourcePort, ushort destinationPort)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Bytes, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[2..], destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[4..], checked((ushort)Bytes.Length));
    }
}
