using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Netfilter.Conntrack;

/// <summary>Which connections are meant; what is null does not matter.</summary>
public sealed record ConntrackFilter
{
    /// <summary>The layer 4 protocol's number.</summary>
    public byte? Protocol { get; init; }

    /// <summary>Where the first packet came from.</summary>
    public IPAddress? OriginalSource { get; init; }

    /// <summary>Where the first packet was sent to, before translation.</summary>
    public IPAddress? OriginalDestination { get; init; }

    /// <summary>Where answers come from: the destination after translation.</summary>
    public IPAddress? ReplySource { get; init; }

    /// <summary>Where answers are sent to: the source after translation.</summary>
    public IPAddress? ReplyDestination { get; init; }

    /// <summary>The first packet's source port.</summary>
    public ushort? OriginalSourcePort { get; init; }

    /// <summary>The first packet's destination port.</summary>
    public ushort? OriginalDestinationPort { get; init; }

    /// <summary>The port that answers come from.</summary>
    public ushort? ReplySourcePort { get; init; }

    /// <summary>The connection mark.</summary>
    public uint? Mark { get; init; }

    /// <summary>What else must hold; the kernel cannot help with it.</summary>
    public Func<ConntrackEntry, bool>? Predicate { get; init; }

    /// <summary>The connection is meant.</summary>
    public bool Matches(ConntrackEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return (Protocol ?? entry.Original.Protocol) == entry.Original.Protocol
            && (OriginalSource ?? entry.Original.Source).Equals(entry.Original.Source)
            && (OriginalDestination ?? entry.Original.Destination).Equals(entry.Original.Destination)
            && (ReplySource ?? entry.Reply.Source).Equals(entry.Reply.Source)
            && (ReplyDestination ?? entry.Reply.Destination).Equals(entry.Reply.Destination)
            && (OriginalSourcePort ?? entry.Original.SourcePort) == entry.Original.SourcePort
            && (OriginalDestinationPort ?? entry.Original.DestinationPort) == entry.Original.DestinationPort
            && (ReplySourcePort ?? entry.Reply.SourcePort) == entry.Reply.SourcePort
            && (Mark ?? entry.Mark ?? 0) == (entry.Mark ?? 0)
            && (Predicate?.Invoke(entry) ?? true);
    }

    /// <summary>The family that the addresses tell; 0 for both.</summary>
    internal byte Family => (OriginalSource ?? OriginalDestination ?? ReplySource ?? ReplyDestination)?.AddressFamily switch
    {
        AddressFamily.InterNetwork => Nfnetlink.NFPROTO_IPV4,
        AddressFamily.InterNetworkV6 => Nfnetlink.NFPROTO_IPV6,
        _ => Nfnetlink.NFPROTO_UNSPEC,
    };

    /// <summary>Writes what the kernel can filter by itself (CTA_FILTER, Linux 5.8); false where there is nothing of the kind.</summary>
    internal bool WriteForKernel(ref NetlinkWriter writer)
    {
        uint original = Flags(OriginalSource, OriginalDestination, Protocol);
        uint reply = Flags(ReplySource, ReplyDestination, null);
        if (Family == 0 || (original | reply) == 0)
        {
            return false;
        }

        WriteTuple(ref writer, CTA_TUPLE_ORIG, original, OriginalSource, OriginalDestination, Protocol);
        WriteTuple(ref writer, CTA_TUPLE_REPLY, reply, ReplySource, ReplyDestination, null);
        WireMark filter = writer.BeginNested(CTA_FILTER);
        writer.WriteUInt32(CTA_FILTER_ORIG_FLAGS, original);
        writer.WriteUInt32(CTA_FILTER_REPLY_FLAGS, reply);
        writer.EndAttribute(filter);
        return true;
    }

    // Bits of the flags: 0 source address, 1 destination address, 3 protocol number.
    private static uint Flags(IPAddress? source, IPAddress? destination, byte? protocol) => (source is null ? 0 : 1u) | (destination is null ? 0 : 2u) | (protocol is null ? 0 : 8u);

    private static void WriteTuple(ref NetlinkWriter writer, ushort type, uint flags, IPAddress? source, IPAddress? destination, byte? protocol)
    {
        if (flags == 0)
        {
            return;
        }

        bool six = (source ?? destination)?.AddressFamily == AddressFamily.InterNetworkV6;
        WireMark tuple = writer.BeginNested(type);
        if (source is not null || destination is not null)
        {
            WireMark addresses = writer.BeginNested(CTA_TUPLE_IP);
            if (source is not null)
            {
                ConntrackTuple.WriteAddress(ref writer, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, source);
            }

            if (destination is not null)
            {
                ConntrackTuple.WriteAddress(ref writer, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, destination);
            }

            writer.EndAttribute(addresses);
        }

        if (protocol is { } number)
        {
            WireMark numbers = writer.BeginNested(CTA_TUPLE_PROTO);
            writer.WriteByte(CTA_PROTO_NUM, number);
            writer.EndAttribute(numbers);
        }

        writer.EndAttribute(tuple);
    }
}
