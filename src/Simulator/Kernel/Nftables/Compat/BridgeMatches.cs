using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// The matches of ebtables, which exist for bridges alone (net/bridge/netfilter/ebt_*.c). Each reads from the network header on, without asking
/// what protocol it is: the rule that it stands in has done so. A field that is cut off does not match, whatever is inverted.
/// </summary>
internal static class BridgeMatches
{
    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, Packet packet) => extension.Name switch
    {
        "802_3" => LogicalLink(data, packet),
        "arp" => Arp(data, packet.Network),
        "ip" => Internet4(data, packet.Network),
        "ip6" => Internet6(data, packet.Network),
        "mark_m" => Mark(data, packet),
        "pkttype" => ((byte)packet.Type == data[0]) != (data[1] != 0),
        "stp" => SpanningTree(data, packet.Network),
        "vlan" => Vlan(data, packet),
        _ => throw new InvalidOperationException($"'{extension.Name}' is no match of bridges."),
    };

    /// <summary>What a rule asks of the fields of a packet: a bit for each that it asks about, and one for each that must not be so.</summary>
    private readonly ref struct Asked(uint given, uint inverted)
    {
        public bool About(uint fields) => (given & fields) != 0;

        /// <summary>The field is asked about and is not as it should be.</summary>
        public bool Fails(uint field, bool holds) => (given & field) != 0 && holds == ((inverted & field) != 0);
    }

    /// <summary>The service access points and the type of a frame with a length instead of a protocol (802.2).</summary>
    private static bool LogicalLink(ReadOnlySpan<byte> data, Packet packet)
    {
        const byte AccessPoint = 1, Type = 2, HasType = 0xaa;
        var asked = new Asked(data[4], data[5]);

        // The kernel reads on behind a frame that is shorter; what lies there is 0 here.
        Span<byte> header = stackalloc byte[10];
        header.Clear();
        ReadOnlySpan<byte> frame = packet.Frame[Math.Min(Packet.EthernetSize, packet.Frame.Length)..];
        frame[..Math.Min(frame.Length, header.Length)].CopyTo(header);
        if (asked.Fails(AccessPoint, header[1] == data[0]) || asked.Fails(AccessPoint, header[0] == data[0]))
        {
            return false;
        }

        if (!asked.About(Type))
        {
            return true;
        }

        // An unnumbered frame's control field has one octet, others' two, and the type begins at an even place.
        int at = (header[2] & 3) != 0 ? 6 : 8;
        return header[0] == HasType && header[1] == HasType && !asked.Fails(Type, header.Slice(at, 2).SequenceEqual(data.Slice(2, 2)));
    }

    private static bool Arp(ReadOnlySpan<byte> data, ReadOnlySpan<byte> network)
    {
        const byte Operation = 1, Hardware = 2, Protocol = 4, Source = 8, Target = 16, SourceMac = 32, TargetMac = 64, Gratuitous = 128;
        var asked = new Asked(data[48], data[49]);
        if (network.Length < 8
            || asked.Fails(Operation, network.Slice(6, 2).SequenceEqual(data.Slice(4, 2)))
            || asked.Fails(Hardware, network[..2].SequenceEqual(data[..2]))
            || asked.Fails(Protocol, network.Slice(2, 2).SequenceEqual(data.Slice(2, 2))))
        {
            return false;
        }

        int hardwareLength = network[4], protocolLength = network[5];
        if (asked.About(Source | Target | Gratuitous))
        {
            int source = 8 + hardwareLength, target = source + 4 + hardwareLength;
            if (protocolLength != 4 || BinaryPrimitives.ReadUInt16BigEndian(network[2..]) != EtherType.Ipv4 || target + 4 > network.Length
                || asked.Fails(Source, Masked(network.Slice(source, 4), data.Slice(12, 4), data.Slice(8, 4)))
                || asked.Fails(Target, Masked(network.Slice(target, 4), data.Slice(20, 4), data.Slice(16, 4)))
                || asked.Fails(Gratuitous, network.Slice(target, 4).SequenceEqual(network.Slice(source, 4))))
            {
                return false;
            }
        }

        return !asked.About(SourceMac | TargetMac)
            || (hardwareLength == 6 && BinaryPrimitives.ReadUInt16BigEndian(network) == 1
                && IsStation(SourceMac, asked, network, 8, data[24..])
                && IsStation(TargetMac, asked, network, 8 + hardwareLength + protocolLength, data[36..]));
    }

    /// <summary>A hardware address of ARP, by one in the rule with its mask behind it.</summary>
    private static bool IsStation(byte field, Asked asked, ReadOnlySpan<byte> network, int at, ReadOnlySpan<byte> wanted) =>
        !asked.About(field) || (at + 6 <= network.Length && !asked.Fails(field, AgreesWhereMasked(network.Slice(at, 6), wanted[..6], wanted.Slice(6, 6))));

    private static bool Internet4(ReadOnlySpan<byte> data, ReadOnlySpan<byte> network)
    {
        const byte Source = 1, Destination = 2, TypeOfService = 4, Protocol = 8, SourcePort = 16, DestinationPort = 32, Icmp = 64, Igmp = 128;
        var asked = new Asked(data[18], data[19]);
        if (network.Length < Ipv4Header.MinimumSize
            || asked.Fails(TypeOfService, network[1] == data[16])
            || asked.Fails(Source, Masked(network.Slice(12, 4), data.Slice(8, 4), data[..4]))
            || asked.Fails(Destination, Masked(network.Slice(16, 4), data.Slice(12, 4), data.Slice(4, 4))))
        {
            return false;
        }

        if (!asked.About(Protocol))
        {
            return true;
        }

        if (asked.Fails(Protocol, network[9] == data[17]))
        {
            return false;
        }

        if (!asked.About(SourcePort | DestinationPort | Icmp | Igmp))
        {
            return true;
        }

        int at = (network[0] & 0xf) * 4;
        return (BinaryPrimitives.ReadUInt16BigEndian(network[6..]) & Ipv4Header.OffsetMask) == 0
            && at + 4 <= network.Length
            && Transport(asked, data[20..], network[at..], SourcePort, DestinationPort, Icmp)
            && !asked.Fails(Igmp, InRange(network[at], data[20], data[21]));
    }

    private static bool Internet6(ReadOnlySpan<byte> data, Span<byte> network)
    {
        const byte Source = 1, Destination = 2, TrafficClass = 4, Protocol = 8, SourcePort = 16, DestinationPort = 32, Icmp = 64;
        var asked = new Asked(data[66], data[67]);
        if (network.Length < Ipv6Header.Size)
        {
            return false;
        }

        var header = new Ipv6Header(network);
        if (asked.Fails(TrafficClass, header.TrafficClass == data[64])
            || asked.Fails(Source, AgreesWhereMasked(header.Source, data[..16], data.Slice(32, 16)))
            || asked.Fails(Destination, AgreesWhereMasked(header.Destination, data.Slice(16, 16), data.Slice(48, 16))))
        {
            return false;
        }

        if (!asked.About(Protocol))
        {
            return true;
        }

        int at = header.SkipExtensions(out byte protocol);
        return at >= 0
            && !asked.Fails(Protocol, protocol == data[65])
            && (!asked.About(SourcePort | DestinationPort | Icmp) || (at + 4 <= network.Length && Transport(asked, data[68..], network[at..], SourcePort, DestinationPort, Icmp)));
    }

    /// <summary>Ports, or type and code of ICMP, by two ranges of the rule that stand for either.</summary>
    private static bool Transport(Asked asked, ReadOnlySpan<byte> ranges, ReadOnlySpan<byte> transport, byte sourcePort, byte destinationPort, byte icmp) =>
        !asked.Fails(destinationPort, InRange(BinaryPrimitives.ReadUInt16BigEndian(transport[2..]), U16(ranges, 4), U16(ranges, 6)))
        && !asked.Fails(sourcePort, InRange(BinaryPrimitives.ReadUInt16BigEndian(transport), U16(ranges, 0), U16(ranges, 2)))
        && !asked.Fails(icmp, InRange(transport[0], ranges[0], ranges[1]) && InRange(transport[1], ranges[4], ranges[5]));

    private static bool Mark(ReadOnlySpan<byte> data, Packet packet)
    {
        const byte AnyBit = 2;
        ulong mark = BinaryPrimitives.ReadUInt64LittleEndian(data), mask = BinaryPrimitives.ReadUInt64LittleEndian(data[8..]), masked = packet.Mark & mask;
        bool holds = (data[17] & AnyBit) != 0 ? masked != 0 : masked == mark;

        // What inverts is taken bit by bit: 2 and 1 make 3, which holds too.
        return ((holds ? 1 : 0) ^ data[16]) != 0;
    }

    /// <summary>A configuration message of spanning tree; one that tells of a change of the topology is none of those looked at.</summary>
    private static bool SpanningTree(ReadOnlySpan<byte> data, ReadOnlySpan<byte> network)
    {
        const uint Type = 1, Flags = 2, RootPriority = 4, RootAddress = 8, RootCost = 16, SenderPriority = 32, SenderAddress = 64, Port = 128, Age = 256, OldestAge = 512, Hello = 1024, Delay = 2048;
        const uint OfConfiguration = 0xffe;
        const int HeaderSize = 6, MessageSize = 31;
        ReadOnlySpan<byte> configuration = [0x42, 0x42, 3, 0, 0, 0];
        var asked = new Asked(U16(data, 68), U16(data, 70));
        if (network.Length < HeaderSize || !network[..HeaderSize].SequenceEqual(configuration) || asked.Fails(Type, data[0] == 0))
        {
            return false;
        }

        if (!asked.About(OfConfiguration))
        {
            return true;
        }

        if (network.Length < HeaderSize + MessageSize)
        {
            return false;
        }

        ReadOnlySpan<byte> message = network[HeaderSize..], wanted = data[4..];
        return !asked.Fails(Flags, message[0] == wanted[0])
            && !FailsRange(asked, RootPriority, message[1..], wanted[2..])
            && !asked.Fails(RootAddress, AgreesWhereMasked(message.Slice(3, 6), wanted.Slice(6, 6), wanted.Slice(12, 6)))
            && !asked.Fails(RootCost, InRange(BinaryPrimitives.ReadUInt32BigEndian(message[9..]), U32(wanted, 20), U32(wanted, 24)))
            && !FailsRange(asked, SenderPriority, message[13..], wanted[28..])
            && !asked.Fails(SenderAddress, AgreesWhereMasked(message.Slice(15, 6), wanted.Slice(32, 6), wanted.Slice(38, 6)))
            && !FailsRange(asked, Port, message[21..], wanted[44..])
            && !FailsRange(asked, Age, message[23..], wanted[48..])
            && !FailsRange(asked, OldestAge, message[25..], wanted[52..])
            && !FailsRange(asked, Hello, message[27..], wanted[56..])
            && !FailsRange(asked, Delay, message[29..], wanted[60..]);
    }

    private static bool FailsRange(Asked asked, uint field, ReadOnlySpan<byte> value, ReadOnlySpan<byte> range) =>
        asked.Fails(field, InRange(BinaryPrimitives.ReadUInt16BigEndian(value), U16(range, 0), U16(range, 2)));

    private static bool Vlan(ReadOnlySpan<byte> data, Packet packet)
    {
        const byte Id = 1, Priority = 2, Encapsulated = 4;
        var asked = new Asked(data[6], data[7]);
        ushort control, encapsulated;
        if (packet.Tag is { } tag)
        {
            (control, encapsulated) = (tag.Control, packet.Protocol);
        }
        else if (packet.NetworkLength >= 4)
        {
            (control, encapsulated) = (BinaryPrimitives.ReadUInt16BigEndian(packet.Network), BinaryPrimitives.ReadUInt16BigEndian(packet.Network[2..]));
        }
        else
        {
            return false;
        }

        return !asked.Fails(Id, (control & 0xfff) == U16(data, 0))
            && !asked.Fails(Priority, control >> 13 == data[2])
            && !asked.Fails(Encapsulated, encapsulated == BinaryPrimitives.ReadUInt16BigEndian(data[4..]));
    }

    /// <summary>The value is the wanted one once it is masked: bits of the wanted one outside of the mask are never met.</summary>
    private static bool Masked(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask, ReadOnlySpan<byte> wanted) => (U32(value, 0) & U32(mask, 0)) == U32(wanted, 0);

    /// <summary>The value and the wanted one are the same where the mask has bits.</summary>
    private static bool AgreesWhereMasked(ReadOnlySpan<byte> value, ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> mask)
    {
        for (int i = 0; i < value.Length; i++)
        {
            if (((value[i] ^ wanted[i]) & mask[i]) != 0)
            {
                return false;
            }
        }

        return true;
    }
}
