using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Dhcp;

/// <summary>DHCP message types (option 53, RFC 2132 §9.6).</summary>
internal enum DhcpMessageType : byte
{
    None = 0,
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
    Inform = 8,
}

/// <summary>Option codes used here (RFC 2132, RFC 3046, RFC 6842).</summary>
internal static class DhcpOption
{
    public const byte Pad = 0;
    public const byte SubnetMask = 1;
    public const byte Router = 3;
    public const byte DomainNameServer = 6;
    public const byte BroadcastAddress = 28;
    public const byte RequestedAddress = 50;
    public const byte LeaseTime = 51;
    public const byte MessageType = 53;
    public const byte ServerIdentifier = 54;
    public const byte ParameterRequestList = 55;
    public const byte Message = 56;
    public const byte RenewalTime = 58;
    public const byte RebindingTime = 59;
    public const byte ClientIdentifier = 61;
    public const byte RelayAgentInformation = 82;
    public const byte End = 255;
}

/// <summary>A client's message, read in place from an ethernet frame; nothing is copied.</summary>
internal readonly ref struct DhcpRequest
{
    /// <summary>Bytes of the fixed part with the magic cookie.</summary>
    public const int FixedLength = DhcpDatagram.FixedLength;

    private readonly ReadOnlySpan<byte> _frame;
    private readonly ReadOnlySpan<byte> _message;

    private DhcpRequest(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> message)
    {
        _frame = frame;
        _message = message;
    }

    /// <summary>The ethernet sender.</summary>
    public MacAddress Sender => MacAddress.Read(_frame[6..]);

    /// <summary>Where the packet was sent: the server, or everybody.</summary>
    public Ipv4Address Destination => Ipv4Address.Read(_frame[30..]);

    /// <summary>The fixed part.</summary>
    public ReadOnlySpan<byte> Fixed => _message[..FixedLength];

    public ReadOnlySpan<byte> TransactionId => _message.Slice(4, 4);

    public bool WantsBroadcast => (_message[10] & 0x80) != 0;

    /// <summary>The client's own address, when it has one (ciaddr).</summary>
    public Ipv4Address ClientAddress => Ipv4Address.Read(_message[12..]);

    /// <summary>The relay's address (giaddr).</summary>
    public Ipv4Address RelayAddress => Ipv4Address.Read(_message[24..]);

    /// <summary>The client's hardware address (chaddr).</summary>
    public MacAddress ClientMac => MacAddress.Read(_message[28..]);

    public DhcpMessageType MessageType => TryFind(DhcpOption.MessageType, out ReadOnlySpan<byte> value) && value.Length == 1 ? (DhcpMessageType)value[0] : DhcpMessageType.None;

    /// <summary>Option 50, or null.</summary>
    public Ipv4Address? RequestedAddress => AddressOption(DhcpOption.RequestedAddress);

    /// <summary>Option 54, or null.</summary>
    public Ipv4Address? ServerIdentifier => AddressOption(DhcpOption.ServerIdentifier);

    /// <summary>Reads a frame; false for anything that is no well-formed DHCP request to port 67 over ethernet.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out DhcpRequest request)
    {
        const int BootRequest = 1;
        request = default;
        if (!DhcpDatagram.TryRead(frame, BootRequest, out _, out ushort destination, out ReadOnlySpan<byte> message) || destination != 67)
        {
            return false;
        }

        request = new DhcpRequest(frame, message);
        return true;
    }

    /// <summary>Finds an option in the options field.</summary>
    public bool TryFind(byte code, out ReadOnlySpan<byte> value) => DhcpDatagram.TryFind(_message, code, out value);

    private Ipv4Address? AddressOption(byte code) => TryFind(code, out ReadOnlySpan<byte> value) && value.Length == 4 ? Ipv4Address.Read(value) : null;
}
