using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>An IPv4 header (RFC 791) in place; setters leave the checksum to <see cref="UpdateChecksum"/>.</summary>
internal readonly ref struct Ipv4Header(Span<byte> bytes)
{
    public const int MinimumSize = 20;
    public const ushort DontFragmentFlag = 0x4000;
    public const ushort MoreFragmentsFlag = 0x2000;
    public const ushort OffsetMask = 0x1fff;

    /// <summary>From the header's first octet to the end of what is there.</summary>
    public Span<byte> Bytes { get; } = bytes;

    public int Version => Bytes[0] >> 4;

    public int HeaderLength => (Bytes[0] & 15) * 4;

    public byte TypeOfService { get => Bytes[1]; set => Bytes[1] = value; }

    public ushort TotalLength
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[2..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[2..], value);
    }

    public ushort Identification
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[4..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[4..], value);
    }

    /// <summary>Flags and fragment offset as they stand.</summary>
    public ushort FragmentField
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[6..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[6..], value);
    }

    public bool DontFragment => (FragmentField & DontFragmentFlag) != 0;

    public bool MoreFragments => (FragmentField & MoreFragmentsFlag) != 0;

    /// <summary>In octets.</summary>
    public int FragmentOffset => (FragmentField & OffsetMask) * 8;

    public bool IsFragment => (FragmentField & (MoreFragmentsFlag | OffsetMask)) != 0;

    public byte TimeToLive { get => Bytes[8]; set => Bytes[8] = value; }

    public byte Protocol { get => Bytes[9]; set => Bytes[9] = value; }

    public ushort Checksum
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[10..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[10..], value);
    }

    public uint Source
    {
        get => BinaryPrimitives.ReadUInt32BigEndian(Bytes[12..]);
        set => BinaryPrimitives.WriteUInt32BigEndian(Bytes[12..], value);
    }

    public uint Destination
    {
        get => BinaryPrimitives.ReadUInt32BigEndian(Bytes[16..]);
        set => BinaryPrimitives.WriteUInt32BigEndian(Bytes[16..], value);
    }

    public Span<byte> Options => Bytes[MinimumSize..HeaderLength];

    /// <summary>What follows the header, up to the total length.</summary>
    public Span<byte> Payload => Bytes[HeaderLength..Math.Min(TotalLength, Bytes.Length)];

    /// <summary>Version, lengths and checksum hold, as the kernel wants them before it looks further.</summary>
    public bool IsValid =>
        Bytes.Length >= MinimumSize && Version == 4 && HeaderLength >= MinimumSize && HeaderLength <= Bytes.Length
        && TotalLength >= HeaderLength && TotalLength <= Bytes.Length && InternetChecksum.Of(Bytes[..HeaderLength]) == 0;

    public void UpdateChecksum()
    {
        Checksum = 0;
        Checksum = InternetChecksum.Of(Bytes[..HeaderLength]);
    }

    /// <summary>Writes a header without options, checksum included.</summary>
    public void Write(uint source, uint destination, byte protocol, int payloadLength, byte timeToLive = 64, ushort identification = 0, ushort fragmentField = 0, byte typeOfService = 0)
    {
        Bytes[0] = 0x45;
        TypeOfService = typeOfService;
        TotalLength = checked((ushort)(MinimumSize + payloadLength));
        Identification = identification;
        FragmentField = fragmentField;
        TimeToLive = timeToLive;
        Protocol = protocol;
        Source = source;
        Destination = destination;
        UpdateChecksum();
    }
}
