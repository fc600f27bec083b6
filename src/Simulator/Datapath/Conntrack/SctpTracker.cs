using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>
/// The states of SCTP associations (nf_conntrack_proto_sctp.c): what each chunk leads to in each direction, and which verification tags it may carry.
/// </summary>
internal sealed class SctpTracker(ConnectionTracker tracker)
{
    private const int HeaderSize = 12, ChunkHeaderSize = 4;
    private const byte Data = 0, Init = 1, InitAck = 2, Heartbeat = 4, HeartbeatAck = 5, Abort = 6, Shutdown = 7, ShutdownAck = 8, Error = 9, CookieEcho = 10, CookieAck = 11, ShutdownComplete = 14;

    /// <summary>The chunk's sender has no tag of its own for it, and used the other side's.</summary>
    private const byte ReflectedTag = 1;

    private static readonly byte[] Known = [Init, InitAck, Abort, Shutdown, ShutdownAck, Error, CookieEcho, CookieAck, ShutdownComplete, Heartbeat, HeartbeatAck];

    /// <summary>A row for each chunk of <see cref="Known"/>, a letter for each state it comes in: - none, c closed, w cookie wait, e cookie echoed, E established, s shutdown sent, r received, a acknowledged, h heartbeat, x invalid.</summary>
    private static readonly string[] FromOriginal = ["ccweEccaw", "ccweEsrac", "ccccccccc", "ccwessrac", "acweEaaaa", "ccweEsrac", "cceeEsrac", "ccwEEsrac", "ccweEsrcc", "hcweEsrah", "ccweEsrah"];

    private static readonly string[] FromReply = ["xcweEsrax", "xwweEsrax", "xcccccccx", "xcwersrax", "xcweEaaax", "xcwcEsrax", "xceeEsrax", "xcwEEsrax", "xcweEsrcx", "xcweEsrah", "xcweEsraE"];

    private readonly record struct Chunk(byte Type, byte Flags, int Offset);

    /// <summary>Judges a packet of an association (nf_conntrack_sctp_packet).</summary>
    public TrackingResult Track(Connection connection, Packet packet, ConnectionInfo info)
    {
        ReadOnlySpan<byte> bytes = packet.Transport;
        if (Read(bytes) is not { } chunks)
        {
            return TrackingResult.Invalid;
        }

        uint tag = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        if (!connection.IsConfirmed)
        {
            if (chunks.Exists(static chunk => chunk.Type is Abort or ShutdownComplete or CookieAck) || !Begin(connection, chunks, bytes, tag))
            {
                return TrackingResult.Invalid;
            }
        }

        SctpTracking sctp = connection.Sctp ??= new SctpTracking();
        int direction = (int)Connection.DirectionOf(info);
        if (tag != sctp.Tags[direction]
            && !chunks.Exists(static chunk => chunk.Type is Init or ShutdownComplete or CookieEcho or Abort or ShutdownAck or Heartbeat or HeartbeatAck))
        {
            return TrackingResult.Invalid;
        }

        bool keepsTimeout = false;
        SctpState next = SctpState.None;
        foreach (Chunk chunk in chunks)
        {
            if (!AcceptsTag(sctp, chunk, chunks, direction, tag, ref keepsTimeout, out bool isDone))
            {
                return TrackingResult.Invalid;
            }

            if (isDone)
            {
                continue;
            }

            SctpState old = sctp.State;
            next = Next((ConnectionDirection)direction, old, chunk.Type);
            if (next == SctpState.Invalid || !NoteTag(connection, sctp, chunk, direction, bytes, old, next, ref keepsTimeout))
            {
                return TrackingResult.Invalid;
            }

            sctp.State = next;
            if (old != next)
            {
                connection.Note(ConnectionEvents.ProtocolInfo);
                if (next == SctpState.Established && (connection.Status & ConnectionStatus.Assured) == 0)
                {
                    connection.Status |= ConnectionStatus.Assured;
                    connection.Note(ConnectionEvents.Assured);
                }
            }
        }

        if (!keepsTimeout)
        {
            tracker.Refresh(connection, tracker.TimeoutsOf(connection).Of(next));
        }

        return keepsTimeout ? TrackingResult.AcceptUncounted : TrackingResult.Accept;
    }

    /// <summary>The chunks of a packet, or null where they can't stand so: what begins or ends an association stands alone or first.</summary>
    private static List<Chunk>? Read(ReadOnlySpan<byte> bytes)
    {
        var chunks = new List<Chunk>();
        bool isAlone = false;
        for (int offset = HeaderSize; offset + ChunkHeaderSize <= bytes.Length;)
        {
            byte type = bytes[offset];
            int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(offset + 2)..]);
            isAlone |= type is Init or InitAck or ShutdownComplete;
            if (((type is CookieAck or CookieEcho || isAlone) && chunks.Count > 0) || length == 0)
            {
                return null;
            }

            chunks.Add(new Chunk(type, bytes[offset + 1], offset));
            offset += length + 3 & ~3;
        }

        return chunks.Count == 0 ? null : chunks;
    }

    /// <summary>The first packet of a connection: may it be one, and which tags follow from it (sctp_new).</summary>
    private static bool Begin(Connection connection, List<Chunk> chunks, ReadOnlySpan<byte> bytes, uint tag)
    {
        var sctp = connection.Sctp = new SctpTracking();
        foreach (Chunk chunk in chunks)
        {
            if (Next(ConnectionDirection.Original, SctpState.None, chunk.Type) is SctpState.None or SctpState.Invalid)
            {
                return false;
            }

            switch (chunk.Type)
            {
                case Init:
                    if (tag != 0 || InitiateTag(bytes, chunk) is not { } initiate)
                    {
                        return false;
                    }

                    sctp.Tags[1] = initiate;
                    break;
                case Heartbeat or HeartbeatAck:
                    sctp.Tags[0] = tag;
                    break;
                default:
                    sctp.Tags[1] = tag;
                    break;
            }
        }

        return true;
    }

    private static bool AcceptsTag(SctpTracking sctp, Chunk chunk, List<Chunk> chunks, int direction, uint tag, ref bool keepsTimeout, out bool isDone)
    {
        isDone = false;
        switch (chunk.Type)
        {
            case Init:
                return tag == 0;

            case Abort or ShutdownComplete:
                return tag == sctp.Tags[(chunk.Flags & ReflectedTag) == 0 ? direction : 1 - direction];

            case CookieEcho:
                return tag == sctp.Tags[direction];

            case CookieAck:
                sctp.Begun[0] = sctp.Begun[1] = false;
                return true;

            case Heartbeat or HeartbeatAck when sctp.Tags[direction] == 0:
                sctp.Tags[direction] = tag;
                return true;

            case Heartbeat or HeartbeatAck when tag == sctp.Tags[direction]:
                sctp.HeartbeatFailed = false;
                return true;

            case Heartbeat or HeartbeatAck when keepsTimeout || chunks.Exists(static other => other.Type == Data):
                return false;

            case Heartbeat:
                sctp.HeartbeatFailed = true;
                sctp.LastDirection = (ConnectionDirection)direction;
                keepsTimeout = isDone = true;
                return true;

            case HeartbeatAck:
                if (!sctp.HeartbeatFailed || sctp.LastDirection == (ConnectionDirection)direction)
                {
                    return false;
                }

                sctp.HeartbeatFailed = false;
                sctp.Tags[direction] = tag;
                sctp.Tags[1 - direction] = 0;
                return true;

            default:
                return true;
        }
    }

    /// <summary>INIT and INIT ACK tell the tag that the other side is to use. False: the packet can't be.</summary>
    private static bool NoteTag(Connection connection, SctpTracking sctp, Chunk chunk, int direction, ReadOnlySpan<byte> bytes, SctpState old, SctpState next, ref bool keepsTimeout)
    {
        if (chunk.Type is not (Init or InitAck))
        {
            return true;
        }

        if (InitiateTag(bytes, chunk) is not { } initiate)
        {
            return false;
        }

        int other = 1 - direction;
        if (chunk.Type == Init)
        {
            sctp.Begun[other] &= !sctp.Begun[direction];
            sctp.Begun[direction] = true;

            // Who only ever begins again does not keep the entry, and a translated port with it, for ever.
            keepsTimeout |= next == SctpState.Closed && old == SctpState.Closed && connection.IsConfirmed;
        }
        else
        {
            uint known = sctp.Tags[other];
            bool collides = sctp.Begun[direction] && sctp.Begun[other];
            if (known != initiate && (collides || (!sctp.Begun[other] && known != 0)))
            {
                return false;
            }
        }

        sctp.Tags[other] = initiate;
        return true;
    }

    private static uint? InitiateTag(ReadOnlySpan<byte> bytes, Chunk chunk) =>
        bytes.Length >= chunk.Offset + ChunkHeaderSize + 16 ? BinaryPrimitives.ReadUInt32BigEndian(bytes[(chunk.Offset + ChunkHeaderSize)..]) : null;

    private static SctpState Next(ConnectionDirection direction, SctpState state, byte chunk)
    {
        int row = Array.IndexOf(Known, chunk);
        return row < 0 ? state : (direction == ConnectionDirection.Original ? FromOriginal : FromReply)[row][(int)state] switch
        {
            '-' => SctpState.None,
            'c' => SctpState.Closed,
            'w' => SctpState.CookieWait,
            'e' => SctpState.CookieEchoed,
            'E' => SctpState.Established,
            's' => SctpState.ShutdownSent,
            'r' => SctpState.ShutdownReceived,
            'a' => SctpState.ShutdownAckSent,
            'h' => SctpState.HeartbeatSent,
            _ => SctpState.Invalid,
        };
    }
}
