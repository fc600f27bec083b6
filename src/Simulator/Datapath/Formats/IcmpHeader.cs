using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>ICMP types and codes (RFC 792, linux/icmp.h).</summary>
internal static class IcmpType
{
    public const byte EchoReply = 0;
    public const byte DestinationUnreachable = 3;
    public const byte SourceQuench = 4;
    public const byte Redirect = 5;
    public const byte EchoRequest = 8;
    public const byte TimeExceeded = 11;
    public const byte ParameterProblem = 12;
    public const byte TimestampRequest = 13;
    public const byte TimestampReply = 14;
    public const byte InformationRequest = 15;
    public const byte InformationReply = 16;
    public const byte AddressMaskRequest = 17;
    public const byte AddressMaskReply = 18;

    public const byte NetworkUnreachableCode = 0;
    public const byte HostUnreachableCode = 1;
    public const byte ProtocolUnreachableCode = 2;
    public const byte PortUnreachableCode = 3;
    public const byte FragmentationNeededCode = 4;
    public const byte NetworkProhibitedCode = 9;
    public const byte HostProhibitedCode = 10;
    public const byte AdministrativelyProhibitedCode = 13;
    public const byte LastUnreachableCode = 15;

    /// <summary>Errors carry the beginning of the packet that caused them; no error is sent about an error.</summary>
    public static bool IsError(byte type) => type is DestinationUnreachable or SourceQuench or Redirect or TimeExceeded or ParameterProblem;
}

/// <summary>ICMPv6 types and codes (RFC 4443, RFC 4861, linux/icmpv6.h). What is below 128 is an error.</summary>
internal static class Icmpv6Type
{
    public const byte DestinationUnreachable = 1;
    public const byte PacketTooBig = 2;
    public const byte TimeExceeded = 3;
    public const byte ParameterProblem = 4;
    public const byte EchoRequest = 128;
    public const byte EchoReply = 129;
    public const byte ListenerQuery = 130;
    public const byte RouterSolicitation = 133;
    public const byte RouterAdvertisement = 134;
    public const byte NeighbourSolicitation = 135;
    public const byte NeighbourAdvertisement = 136;
    public const byte Redirect = 137;
    public const byte NodeInformationQuery = 139;
    public const byte ListenerReport2 = 143;

    public const byte NoRouteCode = 0;
    public const byte ProhibitedCode = 1;
    public const byte NotNeighbourCode = 2;
    public const byte AddressUnreachableCode = 3;
    public const byte PortUnreachableCode = 4;
    public const byte UnknownHeaderCode = 1;
    public const byte UnknownOptionCode = 2;
    public const byte IncompleteHeadersCode = 3;

    public static bool IsError(byte type) => type < 128;
}

/// <summary>The eight octets before an ICMP or ICMPv6 message's data, in place.</summary>
internal readonly ref struct IcmpHeader(Span<byte> bytes)
{
    public const int Size = 8;

    /// <summary>From the header's first octet to the end of the message.</summary>
    public Span<byte> Bytes { get; } = bytes;

    public byte Type { get => Bytes[0]; set => Bytes[0] = value; }

    public byte Code { get => Bytes[1]; set => Bytes[1] = value; }

    public ushort Checksum
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[2..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[2..], value);
    }

    public ushort Identifier
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[4..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[4..], value);
    }

    public ushort Sequence
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(Bytes[6..]);
        set => BinaryPrimitives.WriteUInt16BigEndian(Bytes[6..], value);
    }

    /// <summary>The last four octets: a gateway, an MTU, a pointer.</summary>
    public uint Information
    {
        get => BinaryPrimitives.ReadUInt32BigEndian(Bytes[4..]);
        set => BinaryPrimitives.WriteUInt32BigEndian(Bytes[4..], value);
    }

    public Span<byte> Payload => Bytes[Size..];

    public bool IsValid => Bytes.Length >= Size && InternetChecksum.Of(Bytes) == 0;

    public void UpdateChecksum()
    {
        Checksum = 0;
        Checksum = InternetChecksum.Of(Bytes);
    }
}
