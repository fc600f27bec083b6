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

    public bool IsValid(uint source, uint destination)
    {
        if (Bytes.Length < Size || Length < Size || Length > Bytes.Length)
        {
            return false;
        }

        return Checksum == 0 || InternetChecksum.Fold(InternetChecksum.Add(Pseudo(source, destination), Bytes[..Length])) == 0;
    }

    public void Write(ushort sourcePort, ushort destinationPort, uint source, uint destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Bytes, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[2..], destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(Bytes[4..], checked((ushort)Bytes.Length));
        UpdateChecksum(source, destination);
    }

    public void UpdateChecksum(uint source, uint destination)
    {
        Checksum = 0;
        ushort checksum = InternetChecksum.Fold(InternetChecksum.Add(Pseudo(source, destination), Bytes));
        Checksum = checksum == 0 ? (ushort)0xffff : checksum;
    }

    private uint Pseudo(uint source, uint destination) => TcpHeader.Pseudo(source, destination, IpProtocol.Udp, Length);
}
