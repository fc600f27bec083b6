using System.Buffers.Binary;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>What a message about group membership says.</summary>
internal enum GroupMessageKind
{
    /// <summary>It is about something else.</summary>
    None,

    /// <summary>It is no valid message.</summary>
    Malformed,
    Query,
    Report,

    /// <summary>Several groups at once (IGMPv3, MLDv2).</summary>
    Reports,
    Leave,
}

/// <summary>An IGMP or MLD message (RFC 2236, 3376, 2710, 3810), as ip_mc_check_igmp and ipv6_mc_check_mld judge it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Group">The group it is about; of a general query none.</param>
/// <param name="MaximumDelay">Of queries: how long members may take to answer.</param>
/// <param name="Records">Of several groups: whether members come (true) or go.</param>
internal sealed record GroupMessage(GroupMessageKind Kind, InternetAddress? Group = null, TimeSpan MaximumDelay = default, IReadOnlyList<(InternetAddress Group, bool Joins)>? Records = null)
{
    private const byte Query = 0x11, Report1 = 0x12, Report2 = 0x16, Leave = 0x17, Report3 = 0x22;
    private const byte ListenerQuery = 130, ListenerReport = 131, ListenerDone = 132, ListenerReport2 = 143;
    private const uint AllHosts = 0xe0000001;

    private static readonly GroupMessage Nothing = new(GroupMessageKind.None), Broken = new(GroupMessageKind.Malformed);
    private static readonly InternetAddress AllNodes = InternetAddress.Parse("ff02::1");

    public static GroupMessage Read(Packet packet) => packet.Protocol switch
    {
        EtherType.Ipv4 => ReadInet4(packet),
        EtherType.Ipv6 => ReadInet6(packet),
        _ => Nothing,
    };

    private static GroupMessage ReadInet4(Packet packet)
    {
        Span<byte> network = packet.Network;
        if (network.Length < Ipv4Header.MinimumSize || !packet.Ipv4.IsValid)
        {
            return Broken;
        }

        Ipv4Header header = packet.Ipv4;
        if (header.Protocol != IpProtocol.Igmp)
        {
            return Nothing;
        }

        Span<byte> message = network[header.HeaderLength..Math.Min((int)header.TotalLength, network.Length)];
        if (message.Length < 8 || InternetChecksum.Of(message) != 0)
        {
            return Broken;
        }

        InternetAddress? group = BinaryPrimitives.ReadUInt32BigEndian(message[4..]) is var number and not 0 ? InternetAddress.FromV4(number) : null;
        switch (message[0])
        {
            case Report1 or Report2:
                return new GroupMessage(GroupMessageKind.Report, group);
            case Leave:
                return new GroupMessage(GroupMessageKind.Leave, group);
            case Report3:
                return new GroupMessage(GroupMessageKind.Reports, Records: ReadRecords(message, InternetAddress.V4));
            case Query when message.Length is > 8 and < 12 || (group is null && header.Destination != AllHosts):
                return Broken;
            case Query:
                // Tenths of a second. A query of the first version names no time: ten seconds, and it is a general one.
                bool isFirst = message.Length == 8 && message[1] == 0;
                TimeSpan delay = message.Length == 8 ? TimeSpan.FromSeconds(isFirst ? 10 : message[1] / 10.0) : TimeSpan.FromSeconds(Expand(message[1]) / 10.0);
                return new GroupMessage(GroupMessageKind.Query, isFirst ? null : group, delay);
            default:
                return Nothing;
        }
    }

    private static GroupMessage ReadInet6(Packet packet)
    {
        if (packet.NetworkLength < Ipv6Header.Size || !packet.Ipv6.IsValid)
        {
            return Broken;
        }

        // Such a message has a router alert before it.
        if (packet.Ipv6.NextHeader != IpProtocol.HopByHop || !packet.LocateTransport() || packet.TransportProtocol != IpProtocol.Icmpv6)
        {
            return Nothing;
        }

        Span<byte> message = packet.Transport;
        if (message.Length < 24 && message is not [ListenerReport2, ..])
        {
            return Nothing;
        }

        if (!packet.HasValidTransport)
        {
            return Broken;
        }

        InternetAddress? group = message.Length >= 24 && InternetAddress.Read(InternetAddress.V6, message.Slice(8, 16)) is { IsAny: false } named ? named : null;
        switch (message[0])
        {
            case ListenerReport:
                return new GroupMessage(GroupMessageKind.Report, group);
            case ListenerDone:
                return new GroupMessage(GroupMessageKind.Leave, group);
            case ListenerReport2:
                return new GroupMessage(GroupMessageKind.Reports, Records: ReadRecords(message, InternetAddress.V6));
            case ListenerQuery:
                bool isValid = packet.SourceAddress.IsLinkLocal && (group is not null || packet.DestinationAddress == AllNodes);
                return isValid ? new GroupMessage(GroupMessageKind.Query, group, TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt16BigEndian(message[4..]))) : Broken;
            default:
                return Nothing;
        }
    }

    /// <summary>Group records of a report; what is cut ends the list.</summary>
    private static List<(InternetAddress Group, bool Joins)> ReadRecords(ReadOnlySpan<byte> message, byte family)
    {
        const byte IsInclude = 1, ToInclude = 3, Last = 6;
        int size = family == InternetAddress.V4 ? 4 : 16;
        var records = new List<(InternetAddress, bool)>();
        int offset = 8;
        for (int count = BinaryPrimitives.ReadUInt16BigEndian(message[6..]); count > 0 && offset + 4 + size <= message.Length; count--)
        {
            byte type = message[offset];
            int sources = BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 2)..]);
            if (type is >= IsInclude and <= Last)
            {
                records.Add((InternetAddress.Read(family, message.Slice(offset + 4, size)), sources > 0 || type is not (IsInclude or ToInclude)));
            }

            offset += 4 + size + sources * size + message[offset + 1] * 4;
        }

        return records;
    }

    /// <summary>Times of IGMPv3 above 127 are a mantissa and an exponent.</summary>
    private static int Expand(byte code) => code < 128 ? Math.Max((int)code, 0) : (code & 0xf | 0x10) << ((code >> 4 & 7) + 3);
}
