using System.Buffers.Binary;
using System.Text;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// Judges a packet by an xtables match's data. Every match that is accepted is judged.
/// </summary>
internal static class MatchEvaluation
{
    /// <summary>The match looks at connections.</summary>
    public static bool UsesConntrack(string name) =>
        name is "state" or "conntrack" or "connmark" or "connbytes" or "connlimit" or "helper" or "connlabel" or "cluster";

    /// <summary>What a match does when a rule with it comes: connbytes has connections counted from then on.</summary>
    public static void Prepare(Extension extension, SimulatedKernel kernel)
    {
        if (extension.Name == "connbytes")
        {
            kernel.Parameters.Write("net/netfilter/nf_conntrack_acct", "1");
        }
    }

    public static bool Matches(Extension extension, byte[] data, MatchState state, SimulatedKernel kernel, HookContext context)
    {
        Packet packet = context.Packet;
        return extension.Name switch
        {
            not "limit" when extension.Family == NFPROTO_BRIDGE => BridgeMatches.Matches(extension, data, packet),
            "comment" => true,
            "tcp" => Tcp(data, packet, context),
            "udp" or "udplite" => Udp(data, context),
            "icmp" or "icmp6" => Icmp(data, packet, context),
            "multiport" => Multiport(data, context),
            "mark" => ((packet.Mark & U32(data, 4)) == U32(data, 0)) != (data[8] != 0),
            "connmark" => packet.Connection is { } marked && ((marked.Mark & U32(data, 4)) == U32(data, 0)) != (data[8] != 0),
            "mac" => packet.MacOffset >= 0 && packet.LinkHeader.Length >= 12 && packet.LinkHeader.Slice(6, 6).SequenceEqual(data.AsSpan(0, 6)) != (U32(data, 8) != 0),
            "iprange" => AddressRange(data, packet, context.Family),
            "addrtype" => AddressType(extension, data, context),
            "state" => (U32(data, 0) & StateBit(packet)) != 0,
            "conntrack" => ConntrackMatch.Matches(extension, data, context),
            "pkttype" => (((uint)packet.Type == U32(data, 0)) || packet.Type == PacketType.Loopback && U32(data, 0) == (uint)PacketType.Broadcast) != (U32(data, 4) != 0),
            "length" => InRange((uint)packet.NetworkLength, U16(data, 0), U16(data, 2)) != (data[4] != 0),
            "ttl" or "hl" => Compare(data[0], TimeToLive(packet), data[1]),
            "tos" => ((TypeOfService(packet) & data[0]) == data[1]) != (data[2] != 0),
            "ecn" => HeaderMatches.Ecn(data, packet, TypeOfService(packet)),
            "tcpmss" => HeaderMatches.MaximumSegment(data, packet),
            "dscp" => (TypeOfService(packet) >> 2 == data[0]) != (data[1] != 0),
            "physdev" => PhysicalDevice(data, context),
            "limit" => Limit(data, state, kernel),
            "statistic" => Statistic(data, state, kernel),
            "quota" => Quota(data, state, packet),
            "cpu" => (U32(data, 0) == 0) != (U32(data, 4) != 0),
            "string" => Text(data, packet),
            "u32" => U32Match.Matches(data, packet),
            "recent" => RecentMatch.Matches(extension, data, kernel, context),
            "rpfilter" => ReversePath(data, context),
            "time" => Time(data, kernel),
            "realm" => ((0 & U32(data, 4)) == U32(data, 0)) != (data[8] != 0),
            "devgroup" => DeviceGroup(data, context),
            "set" => IpSetRules.Matches(extension, data, context),
            "owner" => SocketMatches.Owner(data, packet.Socket),
            "socket" => SocketMatches.Socket(extension, data, context),
            "cgroup" => SocketMatches.ControlGroup(extension, data, packet.Socket),
            "esp" => ProtocolMatches.Esp(data, context),
            "ah" when context.Family == HookFamily.Ipv4 => ProtocolMatches.Ah(data, context),
            "ah" => Ipv6Matches.Ah(data, context),
            "frag" => Ipv6Matches.Fragment(data, context),
            "hbh" => Ipv6Matches.Options(data, context, IpProtocol.HopByHop),
            "dst" => Ipv6Matches.Options(data, context, IpProtocol.Ipv6Destination),
            "rt" => Ipv6Matches.Routing(data, context),
            "srh" => Ipv6Matches.SegmentRouting(extension, data, context),
            "ipv6header" => Ipv6Matches.Headers(data, context),
            "mh" => Ipv6Matches.MobilityType(data, context),
            "eui64" => Ipv6Matches.IsOfMac(context),
            "bpf" when BpfMatch.IsModelled(extension, data) => BpfMatch.Matches(extension, data, context),
            "ipcomp" => ProtocolMatches.Ipcomp(data, context),
            "sctp" => ProtocolMatches.Sctp(data, context),
            "dccp" => ProtocolMatches.Dccp(data, context),
            "connbytes" => ConnectionMatches.Counted(data, packet),
            "connlabel" => ConnectionMatches.Labelled(data, context),
            "connlimit" => ConnectionMatches.Limited(data, state, kernel, context),
            "cluster" => ConnectionMatches.IsOurs(data, packet),
            "hashlimit" => HashLimitMatch.Matches(extension, data, kernel, context),

            "helper" => ConnectionMatches.IsHelped(data, packet),

            // No packet was transformed by IPsec, and no fingerprints are loaded.
            "policy" => (U16(data, 304) & 4) != 0,
            "osf" => false,
            _ => throw new InvalidOperationException($"Match '{extension.Name}' {extension.Revision} was taken, and cannot be judged."),
        };
    }

    /// <summary>XT_STATE_*: invalid 1, then a bit for each relation, untracked 64.</summary>
    public static uint StateBit(Packet packet) => packet.Connection is null ? packet.Untracked ? 1u << 6 : 1u : packet.ConnectionInfo switch
    {
        ConnectionInfo.Established or ConnectionInfo.EstablishedReply => 2,
        ConnectionInfo.Related or ConnectionInfo.RelatedReply => 4,
        ConnectionInfo.New => 8,
        _ => 1,
    };

    /// <summary>The transport header that a rule for its protocol looks at, all of it; nothing in a later piece. One that is cut off, with its packet's end or behind it, is dropped by the match itself.</summary>
    public static ReadOnlySpan<byte> Transport(HookContext context, int size)
    {
        Packet packet = context.Packet;
        if (packet.FragmentOffset != 0)
        {
            return default;
        }

        bool isWhole = packet.HasTransportProtocol && packet.Transport.Length >= size;
        context.MustDrop |= !isWhole;
        return isWhole ? packet.Transport : default;
    }

    private static bool Tcp(ReadOnlySpan<byte> data, Packet packet, HookContext context)
    {
        // Of IPv4 a piece that begins at its eighth octet would overwrite the flags.
        context.MustDrop |= !packet.IsIpv6 && packet.FragmentOffset == 1;
        if (Transport(context, 20) is not { IsEmpty: false } header)
        {
            return false;
        }

        byte inverted = data[11];
        if (InRange(BinaryPrimitives.ReadUInt16BigEndian(header), U16(data, 0), U16(data, 2)) == ((inverted & 1) != 0)
            || InRange(BinaryPrimitives.ReadUInt16BigEndian(header[2..]), U16(data, 4), U16(data, 6)) == ((inverted & 2) != 0)
            || ((header[13] & data[9]) == data[10]) == ((inverted & 4) != 0))
        {
            return false;
        }

        if (data[8] == 0)
        {
            return true;
        }

        bool found = false;
        int end = Math.Min((header[12] >> 4) * 4, header.Length);
        for (int i = 20; i < end && !found; i += header[i] < 2 || i + 1 >= end || header[i + 1] == 0 ? 1 : header[i + 1])
        {
            found = header[i] == data[8];
        }

        return found != ((inverted & 8) != 0);
    }

    private static bool Udp(ReadOnlySpan<byte> data, HookContext context)
    {
        if (Transport(context, 8) is not { IsEmpty: false } header)
        {
            return false;
        }

        return InRange(BinaryPrimitives.ReadUInt16BigEndian(header), U16(data, 0), U16(data, 2)) != ((data[8] & 1) != 0)
            && InRange(BinaryPrimitives.ReadUInt16BigEndian(header[2..]), U16(data, 4), U16(data, 6)) != ((data[8] & 2) != 0);
    }

    private static bool Icmp(ReadOnlySpan<byte> data, Packet packet, HookContext context)
    {
        if (Transport(context, 8) is not { IsEmpty: false } header)
        {
            return false;
        }

        byte type = header[0], code = header[1];
        bool any = data[0] == 0xff && packet.TransportProtocol == IpProtocol.Icmp;
        return (any || type == data[0] && code >= data[1] && code <= data[2]) != ((data[3] & 1) != 0);
    }

    private static bool Multiport(ReadOnlySpan<byte> data, HookContext context)
    {
        if (Transport(context, 4) is not { IsEmpty: false } header)
        {
            return false;
        }

        ushort source = BinaryPrimitives.ReadUInt16BigEndian(header), destination = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        int count = Math.Min(data[1], (byte)15);
        bool matches = false;
        for (int i = 0; i < count && !matches; i++)
        {
            ushort first = U16(data, 2 + i * 2), last = first;
            if (data[32 + i] != 0 && i + 1 < count)
            {
                last = U16(data, 2 + ++i * 2);
            }

            matches = data[0] switch
            {
                0 => InRange(source, first, last),
                1 => InRange(destination, first, last),
                _ => InRange(source, first, last) || InRange(destination, first, last),
            };
        }

        return matches != (data[47] != 0);
    }

    private static bool AddressRange(ReadOnlySpan<byte> data, Packet packet, byte family)
    {
        int length = family == HookFamily.Ipv6 ? 16 : 4;
        ReadOnlySpan<byte> source = packet.Network.Slice(length == 4 ? 12 : 8, length), destination = packet.Network.Slice(length == 4 ? 16 : 24, length);
        byte flags = data[64];
        bool ofSource = source.SequenceCompareTo(data.Slice(0, length)) >= 0 && source.SequenceCompareTo(data.Slice(16, length)) <= 0;
        bool ofDestination = destination.SequenceCompareTo(data.Slice(32, length)) >= 0 && destination.SequenceCompareTo(data.Slice(48, length)) <= 0;
        return ((flags & 1) == 0 || ofSource != ((flags & 0x10) != 0)) && ((flags & 2) == 0 || ofDestination != ((flags & 0x20) != 0));
    }

    private static bool AddressType(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        if (context.Packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            return false;
        }

        uint sources = U16(data, 0), destinations = U16(data, 2), flags = U32(data, 4);
        bool invertsSource = extension.Revision == 0 ? flags != 0 : (flags & 1) != 0;
        bool invertsDestination = extension.Revision == 0 ? U32(data, 8) != 0 : (flags & 2) != 0;
        Devices.NetworkDevice? device = extension.Revision == 0 ? null : (flags & 4) != 0 ? context.Input : (flags & 8) != 0 ? context.Output : null;
        return (sources == 0 || (sources & 1u << (int)AddressTypes.Of(context.Stack, context.Packet.SourceAddress, device)) != 0 != invertsSource)
            && (destinations == 0 || (destinations & 1u << (int)AddressTypes.Of(context.Stack, context.Packet.DestinationAddress, device)) != 0 != invertsDestination);
    }

    private static byte TimeToLive(Packet packet) => packet.Protocol == EtherType.Ipv6 ? packet.Network[7] : packet.Network[8];

    private static byte TypeOfService(Packet packet) =>
        packet.Protocol == EtherType.Ipv6 ? (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet.Network) >> 4) : packet.Network[1];

    /// <summary>Equal, not equal, less, greater.</summary>
    private static bool Compare(byte mode, byte value, byte wanted) => mode switch
    {
        0 => value == wanted,
        1 => value != wanted,
        2 => value < wanted,
        _ => value > wanted,
    };

    /// <summary>xt_physdev.c; bits: in 1, out 2, bridged 4, is in 8, is out 16. Without br_netfilter no packet has a port.</summary>
    private static bool PhysicalDevice(ReadOnlySpan<byte> data, HookContext context)
    {
        byte inverted = data[64], wanted = data[65];
        if (context.Packet.Bridged is not { } bridged)
        {
            return (wanted & ~inverted) == 0;
        }

        string? output = bridged.Output?.Name;
        return ((wanted & 4) == 0 || output is not null != ((inverted & 4) != 0))
            && ((wanted & 8) == 0 || (inverted & 8) == 0)
            && ((wanted & 16) == 0 || output is not null != ((inverted & 16) != 0))
            && ((wanted & 1) == 0 || Masked(data[..16], data[16..32], bridged.Input.Name) != ((inverted & 1) != 0))
            && ((wanted & 2) == 0 || (output is not null && Masked(data[32..48], data[48..64], output) != ((inverted & 2) != 0)));
    }

    private static bool Masked(ReadOnlySpan<byte> name, ReadOnlySpan<byte> mask, string actual)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        Encoding.Latin1.GetBytes(actual, bytes);
        for (int i = 0; i < 16; i++)
        {
            if (((bytes[i] ^ name[i]) & mask[i]) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A token bucket: one packet costs "avg" ten-thousandths of a second, "burst" packets fit.</summary>
    private static bool Limit(ReadOnlySpan<byte> data, MatchState state, SimulatedKernel kernel)
    {
        double cost = U32(data, 0) / 10000.0, most = cost * U32(data, 4);
        DateTimeOffset now = kernel.Time.GetUtcNow();
        double credit = state.Amount is { } amount ? Math.Min(most, amount + (now - state.Since).TotalSeconds) : most;
        state.Since = now;
        state.Amount = credit >= cost ? credit - cost : credit;
        return credit >= cost;
    }

    private static bool Statistic(ReadOnlySpan<byte> data, MatchState state, SimulatedKernel kernel)
    {
        bool inverted = (U16(data, 2) & 1) != 0;
        if (U16(data, 0) == 0)
        {
            return ((kernel.Random.NextUInt32() & 0x7fffffff) < U32(data, 4)) != inverted;
        }

        uint every = U32(data, 4);
        double next = state.Amount is { } seen ? (seen >= every ? 0 : seen + 1) : (U32(data, 8) is var start && start >= every ? 0 : start + 1);
        state.Amount = next;
        return (next == 0) != inverted;
    }

    private static bool Quota(ReadOnlySpan<byte> data, MatchState state, Packet packet)
    {
        bool inverted = (U32(data, 0) & 1) != 0;
        double left = state.Amount ?? BinaryPrimitives.ReadUInt64LittleEndian(data[8..]);
        bool fits = left >= packet.NetworkLength;
        state.Amount = fits ? left - packet.NetworkLength : 0;
        return fits != inverted;
    }

    private static bool Text(ReadOnlySpan<byte> data, Packet packet)
    {
        ReadOnlySpan<byte> pattern = data.Slice(20, Math.Min(data[148], (byte)128)), network = packet.Network;
        int from = Math.Min(U16(data, 0), network.Length), to = Math.Min(U16(data, 2) + pattern.Length, network.Length);
        byte flags = data[149];
        ReadOnlySpan<byte> searched = from <= to ? network[from..to] : default;
        bool found = (flags & 2) == 0 ? searched.IndexOf(pattern) >= 0
            : Encoding.Latin1.GetString(searched).Contains(Encoding.Latin1.GetString(pattern), StringComparison.OrdinalIgnoreCase);
        return found != ((flags & 1) != 0);
    }

    private static bool ReversePath(ReadOnlySpan<byte> data, HookContext context)
    {
        if (context.Packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            return false;
        }

        byte flags = data[0];
        InternetAddress source = context.Packet.SourceAddress, destination = context.Packet.DestinationAddress;
        RouteDecision? route = context.Stack.Routing.Find(new RouteQuery(source) { Source = destination, Mark = (flags & 2) != 0 ? context.Packet.Mark : 0 });
        bool valid = route is { Type: RouteType.Unicast } && ((flags & 1) != 0 || route.Device == context.Input)
            || route is { Type: RouteType.Local } && (flags & 4) != 0;
        return valid != ((flags & 8) != 0);
    }

    private static bool Time(ReadOnlySpan<byte> data, SimulatedKernel kernel)
    {
        DateTimeOffset now = kernel.Time.GetUtcNow();
        long seconds = now.ToUnixTimeSeconds();
        uint start = U32(data, 0), stop = U32(data, 4), dayStart = U32(data, 8), dayStop = U32(data, 12), monthDays = U32(data, 16);
        byte weekDays = data[20];
        var time = (uint)now.TimeOfDay.TotalSeconds;

        // A night that belongs to the day it began on.
        const byte IsContiguous = 2;
        DateTimeOffset day = (data[21] & IsContiguous) != 0 && dayStart >= dayStop && time <= dayStop ? now.AddDays(-1) : now;
        int weekDay = day.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)day.DayOfWeek;
        return seconds >= start && seconds <= stop
            && (dayStart < dayStop ? time >= dayStart && time <= dayStop : time >= dayStart || time <= dayStop)
            && (weekDays & 1 << weekDay) != 0
            && (monthDays & 1u << day.Day) != 0;
    }

    private static bool DeviceGroup(ReadOnlySpan<byte> data, HookContext context)
    {
        uint flags = U32(data, 0);
        return ((flags & 1) == 0 || context.Input is { } input && (((input.Group ^ U32(data, 4)) & U32(data, 8)) == 0) != ((flags & 2) != 0))
            && ((flags & 4) == 0 || context.Output is { } output && (((output.Group ^ U32(data, 12)) & U32(data, 16)) == 0) != ((flags & 8) != 0));
    }
}
