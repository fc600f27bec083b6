using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>Connections in the byte form of nf_conntrack_netlink; unlike nf_tables it sets NLA_F_NESTED.</summary>
internal static class ConntrackMessage
{
    /// <summary>A connection as dumps and answers show it.</summary>
    /// <param name="writer">Where it goes.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="now">What its timeout is counted from.</param>
    /// <param name="resetsCounters">The counters start anew.</param>
    /// <param name="users">Who holds it: one in a dump, and whoever looked it up.</param>
    public static void Write(ref NetlinkWriter writer, Connection connection, DateTimeOffset now, bool resetsCounters, uint users = 1)
    {
        WriteTuples(ref writer, connection);
        writer.WriteUInt32BigEndian(CTA_STATUS, (uint)connection.Status);
        writer.WriteUInt32BigEndian(CTA_MARK, connection.Mark);
        writer.WriteUInt32BigEndian(CTA_ID, connection.Id);
        writer.WriteUInt32BigEndian(CTA_USE, users + (uint)connection.Children);
        WriteMaster(ref writer, connection);
        if ((connection.Status & ConnectionStatus.Offload) == 0)
        {
            writer.WriteUInt32BigEndian(CTA_TIMEOUT, SecondsLeft(connection, now));
            WriteProtocol(ref writer, connection);
        }

        WriteCounters(ref writer, connection, resetsCounters);
        WriteTimes(ref writer, connection);
        WriteHelper(ref writer, connection);
        WriteLabels(ref writer, connection);
        WriteSequences(ref writer, connection);
        WriteProxy(ref writer, connection);
    }

    /// <summary>A connection as an event tells of it: what is new of it.</summary>
    public static void WriteEvent(ref NetlinkWriter writer, Connection connection, DateTimeOffset now, ConnectionEvents events, bool tellsWhen)
    {
        WriteTuples(ref writer, connection);
        writer.WriteUInt32BigEndian(CTA_ID, connection.Id);
        writer.WriteUInt32BigEndian(CTA_STATUS, (uint)connection.Status);
        if ((events & ConnectionEvents.Destroy) != 0)
        {
            if (SecondsLeft(connection, now) is > 0 and var left)
            {
                writer.WriteUInt32BigEndian(CTA_TIMEOUT, left);
            }

            WriteCounters(ref writer, connection, resets: false);
            WriteTimes(ref writer, connection);
            WriteProtocol(ref writer, connection, isEnd: true);
        }
        else
        {
            writer.WriteUInt32BigEndian(CTA_TIMEOUT, SecondsLeft(connection, now));
            if ((events & ConnectionEvents.ProtocolInfo) != 0)
            {
                WriteProtocol(ref writer, connection);
            }

            WriteHelper(ref writer, connection);
            if ((events & ConnectionEvents.Label) != 0)
            {
                WriteLabels(ref writer, connection);
            }

            if ((events & ConnectionEvents.Related) != 0)
            {
                WriteMaster(ref writer, connection);
            }

            if ((events & ConnectionEvents.SequenceAdjust) != 0)
            {
                WriteSequences(ref writer, connection);
            }

            if ((events & ConnectionEvents.Proxy) != 0)
            {
                WriteProxy(ref writer, connection);
            }
        }

        if (connection.Mark != 0 || (events & ConnectionEvents.Mark) != 0)
        {
            writer.WriteUInt32BigEndian(CTA_MARK, connection.Mark);
        }

        if (tellsWhen && connection.IsTimed)
        {
            writer.WriteUInt64BigEndian(CTA_TIMESTAMP_EVENT, Nanoseconds(now));
        }
    }

    private static void WriteTuples(ref NetlinkWriter writer, Connection connection)
    {
        TupleAttributes.Write(ref writer, CTA_TUPLE_ORIG, connection.Original, connection.Zone, ConnectionDirection.Original);
        TupleAttributes.Write(ref writer, CTA_TUPLE_REPLY, connection.Reply, connection.Zone, ConnectionDirection.Reply);
        TupleAttributes.WriteZone(ref writer, CTA_ZONE, connection.Zone, ZoneDirections.Both);
    }

    private static void WriteMaster(ref NetlinkWriter writer, Connection connection)
    {
        if (connection.Master is { } master)
        {
            TupleAttributes.Write(ref writer, CTA_TUPLE_MASTER, master.Original);
        }
    }

    private static void WriteTimes(ref NetlinkWriter writer, Connection connection)
    {
        if (connection.IsTimed)
        {
            WireMark mark = writer.BeginNested(CTA_TIMESTAMP);
            writer.WriteUInt64BigEndian(CTA_TIMESTAMP_START, Nanoseconds(connection.Began));
            if (connection.Ended is { } ended)
            {
                writer.WriteUInt64BigEndian(CTA_TIMESTAMP_STOP, Nanoseconds(ended));
            }

            writer.EndAttribute(mark);
        }
    }

    private static ulong Nanoseconds(DateTimeOffset time) => (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private static void WriteHelper(ref NetlinkWriter writer, Connection connection)
    {
        if (connection.Helper is { } helper)
        {
            WireMark mark = writer.BeginNested(CTA_HELP);
            NftMessage.WriteName(ref writer, CTA_HELP_NAME, helper.Name);
            writer.EndAttribute(mark);
        }
    }

    private static void WriteLabels(ref NetlinkWriter writer, Connection connection)
    {
        if (connection.Labels != UInt128.Zero)
        {
            Span<byte> labels = stackalloc byte[16];
            BinaryPrimitives.WriteUInt128LittleEndian(labels, connection.Labels);
            writer.WriteBytes(CTA_LABELS, labels);
        }
    }

    private static void WriteSequences(ref NetlinkWriter writer, Connection connection)
    {
        if ((connection.Status & ConnectionStatus.SequenceAdjust) == 0 || connection.Sequences is not { } sequences)
        {
            return;
        }

        for (int direction = 0; direction < 2; direction++)
        {
            WireMark mark = writer.BeginNested(direction == 0 ? CTA_SEQ_ADJ_ORIG : CTA_SEQ_ADJ_REPLY);
            writer.WriteUInt32BigEndian(CTA_SEQADJ_CORRECTION_POS, sequences[direction].From);
            writer.WriteUInt32BigEndian(CTA_SEQADJ_OFFSET_BEFORE, sequences[direction].Before);
            writer.WriteUInt32BigEndian(CTA_SEQADJ_OFFSET_AFTER, sequences[direction].After);
            writer.EndAttribute(mark);
        }
    }

    private static void WriteProxy(ref NetlinkWriter writer, Connection connection)
    {
        if (connection.Proxied is { } proxied)
        {
            WireMark mark = writer.BeginNested(CTA_SYNPROXY);
            writer.WriteUInt32BigEndian(CTA_SYNPROXY_ISN, proxied.Initial);
            writer.WriteUInt32BigEndian(CTA_SYNPROXY_ITS, proxied.InitialTimestamp);
            writer.WriteUInt32BigEndian(CTA_SYNPROXY_TSOFF, proxied.TimestampOffset);
            writer.EndAttribute(mark);
        }
    }

    private static void WriteCounters(ref NetlinkWriter writer, Connection connection, bool resets)
    {
        if (connection.Packets is not { } packets || connection.Bytes is not { } bytes)
        {
            return;
        }

        for (int direction = 0; direction < 2; direction++)
        {
            WireMark mark = writer.BeginNested(direction == 0 ? CTA_COUNTERS_ORIG : CTA_COUNTERS_REPLY);
            writer.WriteUInt64BigEndian(CTA_COUNTERS_PACKETS, packets[direction]);
            writer.WriteUInt64BigEndian(CTA_COUNTERS_BYTES, bytes[direction]);
            writer.EndAttribute(mark);
            if (resets)
            {
                packets[direction] = bytes[direction] = 0;
            }
        }
    }

    /// <summary>The protocol's state; at a connection's end nothing else of it.</summary>
    private static void WriteProtocol(ref NetlinkWriter writer, Connection connection, bool isEnd = false)
    {
        if (connection.Original.Protocol == IpProtocol.Sctp)
        {
            SctpTracking sctp = connection.Sctp ?? new SctpTracking();
            WireMark association = writer.BeginNested(CTA_PROTOINFO);
            WireMark state = writer.BeginNested(CTA_PROTOINFO_SCTP);
            writer.WriteByte(CTA_PROTOINFO_SCTP_STATE, (byte)sctp.State);
            if (!isEnd)
            {
                writer.WriteUInt32BigEndian(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, sctp.Tags[0]);
                writer.WriteUInt32BigEndian(CTA_PROTOINFO_SCTP_VTAG_REPLY, sctp.Tags[1]);
            }

            writer.EndAttribute(state);
            writer.EndAttribute(association);
        }

        if (connection.Original.Protocol != IpProtocol.Tcp)
        {
            return;
        }

        TcpTracking tcp = connection.Tcp ?? new TcpTracking();
        WireMark outer = writer.BeginNested(CTA_PROTOINFO);
        WireMark inner = writer.BeginNested(CTA_PROTOINFO_TCP);
        writer.WriteByte(CTA_PROTOINFO_TCP_STATE, (byte)tcp.State);
        if (!isEnd)
        {
            writer.WriteByte(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, tcp.Side(ConnectionDirection.Original).Scale);
            writer.WriteByte(CTA_PROTOINFO_TCP_WSCALE_REPLY, tcp.Side(ConnectionDirection.Reply).Scale);
            writer.WriteBytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, [(byte)tcp.Side(ConnectionDirection.Original).Flags, 0]);
            writer.WriteBytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, [(byte)tcp.Side(ConnectionDirection.Reply).Flags, 0]);
        }

        writer.EndAttribute(inner);
        writer.EndAttribute(outer);
    }

    private static uint SecondsLeft(Connection connection, DateTimeOffset now) => (uint)Math.Max(0, (connection.Expires - now).TotalSeconds);
}
