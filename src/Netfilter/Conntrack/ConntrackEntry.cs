using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Netfilter.Conntrack;

/// <summary>A tracked connection.</summary>
public sealed record ConntrackEntry
{
    /// <summary>The direction of the first packet.</summary>
    public required ConntrackTuple Original { get; init; }

    /// <summary>The direction of the answers, after address translation: its destination is where the first packet's source was translated to.</summary>
    public required ConntrackTuple Reply { get; init; }

    /// <summary>Seen in both directions, assured, translated … (IPS_*).</summary>
    public ConntrackStatus Status { get; init; }

    /// <summary>Seconds until it is forgotten.</summary>
    public uint? Timeout { get; init; }

    /// <summary>The connection mark.</summary>
    public uint? Mark { get; init; }

    /// <summary>The number the kernel gave it.</summary>
    public uint? Id { get; init; }

    /// <summary>The zone it is in.</summary>
    public ushort? Zone { get; init; }

    /// <summary>Packets of the original direction, where accounting is on (net.netfilter.nf_conntrack_acct).</summary>
    public ConntrackCounters? OriginalCounters { get; init; }

    /// <summary>Packets of the reply direction.</summary>
    public ConntrackCounters? ReplyCounters { get; init; }

    /// <summary>The state of a TCP connection (1 SYN_SENT, 2 SYN_RECV, 3 ESTABLISHED, 4 FIN_WAIT, 5 CLOSE_WAIT, 6 LAST_ACK, 7 TIME_WAIT, 8 CLOSE).</summary>
    public byte? TcpState { get; init; }

    /// <summary>The helper that follows it ("ftp").</summary>
    public string? Helper { get; init; }

    /// <summary>The destination was translated.</summary>
    public bool IsDestinationTranslated => (Status & ConntrackStatus.DestinationNat) != 0;

    /// <summary>The source was translated.</summary>
    public bool IsSourceTranslated => (Status & ConntrackStatus.SourceNat) != 0;

    /// <inheritdoc />
    public override string ToString() => $"connection {Original.Protocol} {Original} / {Reply}";

    /// <summary>Reads a message; false for one that is no connection.</summary>
    public static bool TryRead(in NetlinkMessage message, [MaybeNullWhen(false)] out ConntrackEntry entry)
    {
        entry = null;
        if (message.Header.Type >> 8 != Nfnetlink.NFNL_SUBSYS_CTNETLINK || message.Payload.Length < NfnetlinkHeader.Size)
        {
            return false;
        }

        ConntrackTuple? original = null, reply = null;
        ConntrackStatus status = 0;
        uint? timeout = null, mark = null, id = null;
        ushort? zone = null;
        ConntrackCounters? originalCounters = null, replyCounters = null;
        byte? tcpState = null;
        string? helper = null;
        AttributeReader attributes = message.Attributes(NfnetlinkHeader.Size);
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            switch (attribute.Type)
            {
                case CTA_TUPLE_ORIG:
                    original = ConntrackTuple.Read(attribute);
                    break;
                case CTA_TUPLE_REPLY:
                    reply = ConntrackTuple.Read(attribute);
                    break;
                case CTA_STATUS:
                    status = (ConntrackStatus)attribute.UInt32BigEndian;
                    break;
                case CTA_TIMEOUT:
                    timeout = attribute.UInt32BigEndian;
                    break;
                case CTA_MARK:
                    mark = attribute.UInt32BigEndian;
                    break;
                case CTA_ID:
                    id = attribute.UInt32BigEndian;
                    break;
                case CTA_ZONE:
                    zone = attribute.UInt16BigEndian;
                    break;
                case CTA_COUNTERS_ORIG:
                    originalCounters = ConntrackCounters.Read(attribute);
                    break;
                case CTA_COUNTERS_REPLY:
                    replyCounters = ConntrackCounters.Read(attribute);
                    break;
                case CTA_PROTOINFO when attribute.Nested().TryFind(CTA_PROTOINFO_TCP, out NetlinkAttribute tcp) && tcp.Nested().TryFind(CTA_PROTOINFO_TCP_STATE, out NetlinkAttribute state):
                    tcpState = state.Byte;
                    break;
                case CTA_HELP when attribute.Nested().TryFind(CTA_HELP_NAME, out NetlinkAttribute name):
                    helper = name.String;
                    break;
            }
        }

        if (original is null || reply is null)
        {
            return false;
        }

        entry = new ConntrackEntry
        {
            Original = original,
            Reply = reply,
            Status = status,
            Timeout = timeout,
            Mark = mark,
            Id = id,
            Zone = zone,
            OriginalCounters = originalCounters,
            ReplyCounters = replyCounters,
            TcpState = tcpState,
            Helper = helper,
        };
        return true;
    }

    /// <summary>Begins a message of connection tracking.</summary>
    internal static WireMark Begin(ref NetlinkWriter writer, ushort type, NetlinkMessageFlags flags, byte family)
    {
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_CTNETLINK << 8 | type), flags | NetlinkMessageFlags.Request, 0);
        writer.AppendStruct(NfnetlinkHeader.Create(family));
        return mark;
    }

    /// <summary>Writes a request to make it or, where it exists, to change its mark, status and timeout.</summary>
    internal void WriteNew(ref NetlinkWriter writer, bool create)
    {
        WireMark message = Begin(ref writer, IPCTNL_MSG_CT_NEW, NetlinkMessageFlags.Acknowledge | (create ? NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive : 0), Original.Family);
        Original.Write(ref writer, CTA_TUPLE_ORIG);
        if (create)
        {
            Reply.Write(ref writer, CTA_TUPLE_REPLY);
        }

        if (create || Status != 0)
        {
            writer.WriteUInt32BigEndian(CTA_STATUS, (uint)Status);
        }

        if (Timeout is { } timeout)
        {
            writer.WriteUInt32BigEndian(CTA_TIMEOUT, timeout);
        }

        if (Mark is { } mark)
        {
            writer.WriteUInt32BigEndian(CTA_MARK, mark);
        }

        if (Zone is { } zone)
        {
            writer.WriteUInt16BigEndian(CTA_ZONE, zone);
        }

        if (create && TcpState is { } state)
        {
            WireMark information = writer.BeginNested(CTA_PROTOINFO);
            WireMark tcp = writer.BeginNested(CTA_PROTOINFO_TCP);
            writer.WriteByte(CTA_PROTOINFO_TCP_STATE, state);
            writer.EndAttribute(tcp);
            writer.EndAttribute(information);
        }

        writer.EndMessage(message);
    }

    /// <summary>Writes a request to forget it.</summary>
    internal void WriteDelete(ref NetlinkWriter writer)
    {
        WireMark message = Begin(ref writer, IPCTNL_MSG_CT_DELETE, NetlinkMessageFlags.Acknowledge, Original.Family);
        Original.Write(ref writer, CTA_TUPLE_ORIG);
        if (Zone is { } zone)
        {
            writer.WriteUInt16BigEndian(CTA_ZONE, zone);
        }

        if (Id is { } id)
        {
            writer.WriteUInt32BigEndian(CTA_ID, id);
        }

        writer.EndMessage(message);
    }
}

/// <summary>Packets and bytes of one direction.</summary>
public readonly record struct ConntrackCounters(ulong Packets, ulong Bytes)
{
    internal static ConntrackCounters Read(in NetlinkAttribute attribute)
    {
        AttributeReader counters = attribute.Nested();
        return new ConntrackCounters(
            counters.TryFind(CTA_COUNTERS_PACKETS, out NetlinkAttribute packets) ? packets.UInt64BigEndian : 0,
            counters.TryFind(CTA_COUNTERS_BYTES, out NetlinkAttribute bytes) ? bytes.UInt64BigEndian : 0);
    }
}

/// <summary>What is known of a connection (IPS_*).</summary>
[Flags]
public enum ConntrackStatus : uint
{
    /// <summary>Nothing yet.</summary>
    None = 0,

    /// <summary>Another connection's helper expected it.</summary>
    Expected = IPS_EXPECTED,

    /// <summary>Packets went both ways.</summary>
    SeenReply = IPS_SEEN_REPLY,

    /// <summary>It is not thrown out early.</summary>
    Assured = IPS_ASSURED,

    /// <summary>Its first packet has left the machine.</summary>
    Confirmed = IPS_CONFIRMED,

    /// <summary>The source is translated.</summary>
    SourceNat = IPS_SRC_NAT,

    /// <summary>The destination is translated.</summary>
    DestinationNat = IPS_DST_NAT,

    /// <summary>Translation of the source has been decided.</summary>
    SourceNatDone = IPS_SRC_NAT_DONE,

    /// <summary>Translation of the destination has been decided.</summary>
    DestinationNatDone = IPS_DST_NAT_DONE,

    /// <summary>It is being forgotten.</summary>
    Dying = IPS_DYING,

    /// <summary>Its timeout does not change.</summary>
    FixedTimeout = IPS_FIXED_TIMEOUT,

    /// <summary>A flowtable carries it.</summary>
    Offloaded = IPS_OFFLOAD,
}
