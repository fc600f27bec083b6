using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>What tracking thinks of one packet.</summary>
internal enum TrackingResult
{
    Accept,

    /// <summary>Accepted, but neither counted nor a sign of life.</summary>
    AcceptUncounted,

    /// <summary>The packet goes on, but belongs to no connection (ct state invalid).</summary>
    Invalid,

    /// <summary>The old connection was removed: look up again, this packet begins a new one.</summary>
    Repeat,

    Drop,
}

/// <summary>
/// TCP's rules of connection tracking: which segments move the state, which are ignored, which are outside the windows both
/// sides announced. The conditions are those of the kernel (nf_conntrack_proto_tcp.c), after van Rooij's "Real Stateful TCP
/// Packet Filtering".
/// </summary>
internal sealed class TcpTracker(ConnectionTracker tracker, ParameterTable parameters)
{
    private const uint SmallestAcknowledgementWindow = 66000;

    /// <summary>nf_conntrack_tcp_loose: connections may be picked up in their middle.</summary>
    public bool IsLoose => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_loose") != 0;

    /// <summary>nf_conntrack_tcp_be_liberal: only resets outside the window are invalid.</summary>
    public bool IsLiberal => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_be_liberal") != 0;

    /// <summary>nf_conntrack_tcp_max_retrans.</summary>
    public int MaximumRetransmissions => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_max_retrans");

    /// <summary>The segment is whole and its control bits make sense.</summary>
    public static bool IsSane(Packet packet) => new TcpHeader(packet.Transport) is { IsWellFormed: true } header && TcpTracking.AreFlagsValid(header.Flags);

    /// <summary>A connection begins with this segment; false when it may not.</summary>
    public bool Begin(Connection connection, Packet packet)
    {
        var header = new TcpHeader(packet.Transport);
        TcpState state = TcpTracking.Next(ConnectionDirection.Original, TcpTracking.BitsOf(header.Flags), TcpState.None);
        if (state >= TcpState.Invalid)
        {
            return false;
        }

        var tracking = new TcpTracking();
        ref TcpSide sender = ref tracking.Side(ConnectionDirection.Original);
        uint end = header.Sequence + (uint)header.SequenceLength;
        if (state == TcpState.SynSent)
        {
            sender.End = end;
            sender.MaximumWindow = Math.Max(1u, header.Window);
            sender.MaximumEnd = end;
            ReadOptions(header, ref sender);
        }
        else if (!IsLoose)
        {
            return false;
        }
        else
        {
            sender.End = end;
            sender.MaximumWindow = Math.Max(1u, header.Window);
            sender.MaximumEnd = end + sender.MaximumWindow;

            // Windows may be scaled, by a factor nobody told us.
            sender.Flags = tracking.Side(ConnectionDirection.Reply).Flags = TcpSideFlags.SelectiveAcknowledgement | TcpSideFlags.BeLiberal;
        }

        tracking.LastBits = TcpBits.None;
        connection.Tcp = tracking;
        return true;
    }

    /// <summary>A segment of a connection.</summary>
    /// <summary>A rule answers the connection's packet with a reset: it is over (nf_conntrack_tcp_set_closing).</summary>
    public void CloseRejected(Connection? connection)
    {
        if (connection is not { IsConfirmed: true, Tcp: { } tracking })
        {
            return;
        }

        TcpState old = tracking.State;
        tracking.State = TcpState.Close;
        if (old != TcpState.Close && (connection.Status & ConnectionStatus.FixedTimeout) == 0)
        {
            tracker.Refresh(connection, tracker.Timeouts.Of(TcpState.Close));
            tracker.Note(connection, ConnectionEvents.ProtocolInfo);
        }
    }

    public TrackingResult Track(Connection connection, Packet packet, ConnectionInfo info)
    {
        TcpTracking tracking = connection.Tcp!;
        var header = new TcpHeader(packet.Transport);
        ConnectionDirection direction = Connection.DirectionOf(info);
        ConnectionDirection other = 1 - direction;
        TcpBits bits = TcpTracking.BitsOf(header.Flags);
        TcpState old = tracking.State;
        TcpState next = TcpTracking.Next(direction, bits, old);
        uint end = header.Sequence + (uint)header.SequenceLength;
        bool checksWindow = true;

        switch (next)
        {
            case TcpState.Invalid:
                return TrackingResult.Invalid;

            case TcpState.SynSent when old >= TcpState.TimeWait:
                if (((tracking.Side(direction).Flags | tracking.Side(other).Flags) & TcpSideFlags.CloseInitiated) != 0
                    || (tracking.LastDirection == direction && tracking.LastBits == TcpBits.Reset))
                {
                    tracker.Remove(connection);
                    return TrackingResult.Repeat;
                }

                return Ignore(tracking, header, direction, bits, end);

            case TcpState.Ignore:
                if (bits == TcpBits.SynAck && tracking.LastBits == TcpBits.Syn && tracking.LastDirection != direction && header.Acknowledgement == tracking.LastEnd)
                {
                    // It answers a SYN we had let pass without believing it: both ends are in step, so we follow.
                    ref TcpSide side = ref tracking.Side(tracking.LastDirection);
                    side.End = side.MaximumEnd = tracking.LastEnd;
                    side.MaximumWindow = Math.Max(1u, tracking.LastWindow);
                    tracking.Side(direction) = default;
                    old = TcpState.SynSent;
                    next = TcpState.SynReceived;
                    break;
                }

                return Ignore(tracking, header, direction, bits, end);

            case TcpState.Close when bits == TcpBits.Reset && old is TcpState.FinWait or TcpState.CloseWait or TcpState.LastAck or TcpState.TimeWait or TcpState.Close:
                // It is ending anyway, and the numbers may be those of its successor (tcp_can_early_drop).
                checksWindow = false;
                break;

            case TcpState.Close when bits == TcpBits.Reset:
                if ((tracking.Side(other).Flags & TcpSideFlags.MaximumAcknowledgementSet) != 0 && tracking.LastBits != TcpBits.Syn)
                {
                    bool established = (connection.Status & ConnectionStatus.Assured) != 0 && old == TcpState.Established;
                    if (header.Sequence == 0 && !established)
                    {
                        break;
                    }

                    if (Before(header.Sequence, tracking.Side(other).MaximumAcknowledgement))
                    {
                        return TrackingResult.Invalid;
                    }

                    if (!established || header.Sequence == tracking.Side(other).MaximumAcknowledgement
                        || (tracking.LastBits == TcpBits.Ack && tracking.LastDirection == direction && header.Sequence == tracking.LastEnd))
                    {
                        break;
                    }

                    // Not exactly the number the receiver waits for: it will ask (RFC 5961), so the connection stays for now.
                    next = old;
                }

                checksWindow = !(((connection.HasSeenReply && tracking.LastBits == TcpBits.Syn)
                        || ((connection.Status & ConnectionStatus.Assured) == 0 && tracking.LastBits == TcpBits.Ack))
                    && header.Acknowledgement == tracking.LastEnd);
                break;
        }

        if (checksWindow)
        {
            switch (Judge(tracking, header, direction, bits))
            {
                case WindowVerdict.Outside:
                    return TrackingResult.Invalid;
                case WindowVerdict.Old:
                    return TrackingResult.Accept;
            }
        }

        tracking.LastBits = bits;
        tracking.LastDirection = direction;
        tracking.State = next;
        if (old != next && next == TcpState.FinWait)
        {
            tracking.Side(direction).Flags |= TcpSideFlags.CloseInitiated;
        }

        ConnectionTimeouts timeouts = tracker.Timeouts;
        TimeSpan timeout = timeouts.Of(next);
        bool unacknowledged = ((tracking.Side(direction).Flags | tracking.Side(other).Flags) & TcpSideFlags.DataUnacknowledged) != 0;
        if (tracking.Retransmissions >= MaximumRetransmissions && timeout > timeouts.Retransmitted)
        {
            timeout = timeouts.Retransmitted;
        }
        else if (bits == TcpBits.Reset)
        {
            timeout = timeouts.Of(TcpState.Close);
        }
        else if (unacknowledged && timeout > timeouts.Unacknowledged)
        {
            timeout = timeouts.Unacknowledged;
        }
        else if (tracking.LastWindow == 0 && timeout > timeouts.Retransmitted)
        {
            timeout = timeouts.Retransmitted;
        }

        if (old != next)
        {
            tracker.Note(connection, ConnectionEvents.ProtocolInfo);
        }

        if (!connection.HasSeenReply)
        {
            if (bits == TcpBits.Reset)
            {
                // The only answer is a refusal: nothing is left to track.
                tracker.Remove(connection);
                return TrackingResult.Accept;
            }

            if (next == TcpState.Established && timeout > timeouts.Unacknowledged)
            {
                timeout = timeouts.Unacknowledged;
            }
        }
        else if ((connection.Status & ConnectionStatus.Assured) == 0 && (old is TcpState.SynReceived or TcpState.Established) && next == TcpState.Established)
        {
            connection.Status |= ConnectionStatus.Assured;
            tracker.Note(connection, ConnectionEvents.Assured);
        }

        tracker.Refresh(connection, timeout);
        return TrackingResult.Accept;
    }

    /// <summary>Where a segment lies against what both sides announced.</summary>
    private enum WindowVerdict
    {
        Inside,
        Old,
        Outside,
    }

    private static TrackingResult Ignore(TcpTracking tracking, TcpHeader header, ConnectionDirection direction, TcpBits bits, uint end)
    {
        tracking.LastBits = bits;
        tracking.LastDirection = direction;
        tracking.LastSequence = header.Sequence;
        tracking.LastEnd = end;
        tracking.LastWindow = header.Window;
        return TrackingResult.Accept;
    }

    private WindowVerdict Judge(TcpTracking tracking, TcpHeader header, ConnectionDirection direction, TcpBits bits)
    {
        ref TcpSide sender = ref tracking.Side(direction);
        ref TcpSide receiver = ref tracking.Side(1 - direction);
        bool synchronizes = (header.Flags & TcpFlags.Synchronize) != 0;
        bool acknowledges = (header.Flags & TcpFlags.Acknowledge) != 0;
        bool resets = (header.Flags & TcpFlags.Reset) != 0;
        uint sequence = header.Sequence, acknowledgement = header.Acknowledgement, window = header.Window;
        uint end = sequence + (uint)header.SequenceLength;
        uint selective = (receiver.Flags & TcpSideFlags.SelectiveAcknowledgement) != 0 ? HighestSelective(header, acknowledgement) : acknowledgement;

        if (sender.MaximumWindow == 0)
        {
            if (synchronizes)
            {
                sender.End = sender.MaximumEnd = end;
                sender.MaximumWindow = Math.Max(1, window);
                ReadOptions(header, ref sender);
                if ((sender.Flags & receiver.Flags & TcpSideFlags.WindowScale) == 0)
                {
                    sender.Scale = receiver.Scale = 0;
                }

                if (!acknowledges)
                {
                    return WindowVerdict.Inside;
                }
            }
            else
            {
                sender.End = end;
                sender.MaximumWindow = Math.Max(1, window << sender.Scale);
                sender.MaximumEnd = end + sender.MaximumWindow;
                if (receiver.MaximumWindow == 0)
                {
                    receiver.End = receiver.MaximumEnd = selective;
                }
                else if (selective == receiver.End + 1)
                {
                    // Only keep-alives were seen from the other side until now.
                    receiver.End++;
                }
            }
        }
        else if (synchronizes && After(end, sender.End) && (tracking.State is TcpState.SynSent or TcpState.SynReceived))
        {
            // A TCP that begins anew only has to use higher sequence numbers than before (RFC 793).
            sender.End = sender.MaximumEnd = end;
            sender.MaximumWindow = Math.Max(1, window);
            ReadOptions(header, ref sender);
            if (direction == ConnectionDirection.Reply)
            {
                if ((sender.Flags & receiver.Flags & TcpSideFlags.WindowScale) == 0)
                {
                    sender.Scale = receiver.Scale = 0;
                }

                if (!acknowledges)
                {
                    return WindowVerdict.Inside;
                }
            }
        }

        if (!acknowledges || (resets && acknowledgement == 0))
        {
            acknowledgement = selective = receiver.End;
        }

        if (sequence == end && (!resets || (sequence == 0 && tracking.State == TcpState.SynSent)))
        {
            sequence = end = sender.End;
        }

        // Beyond the window, or acknowledging what was never sent: no part of the connection. Retransmissions of what was
        // acknowledged, acknowledgements that come late, and what overshoots by no more than the window are part of it, and tell
        // nothing (since Linux 6.1).
        bool acknowledgementFits = Before(selective, receiver.End + 1)
            && After(selective, receiver.End - Math.Max(sender.MaximumWindow, SmallestAcknowledgementWindow) - 1);
        WindowVerdict verdict = !Before(sequence, sender.MaximumEnd + 1)
                ? end - sender.MaximumEnd + 1 <= receiver.MaximumWindow && acknowledgementFits ? WindowVerdict.Old : WindowVerdict.Outside
            : receiver.MaximumWindow != 0 && !After(end, sender.End - receiver.MaximumWindow - 1) ? WindowVerdict.Old
            : !Before(selective, receiver.End + 1) ? WindowVerdict.Outside
            : !After(selective, receiver.End - Math.Max(sender.MaximumWindow, SmallestAcknowledgementWindow) - 1) ? WindowVerdict.Old
            : WindowVerdict.Inside;
        if (verdict != WindowVerdict.Inside)
        {
            return (sender.Flags & TcpSideFlags.BeLiberal) != 0 || (IsLiberal && !resets) ? WindowVerdict.Inside : verdict;
        }

        if (!synchronizes)
        {
            window <<= sender.Scale;
        }

        sender.MaximumWindow = Math.Max(sender.MaximumWindow, window + (selective - acknowledgement));
        if (After(end, sender.End))
        {
            sender.End = end;
            sender.Flags |= TcpSideFlags.DataUnacknowledged;
        }

        if (acknowledges)
        {
            if ((sender.Flags & TcpSideFlags.MaximumAcknowledgementSet) == 0)
            {
                sender.MaximumAcknowledgement = acknowledgement;
                sender.Flags |= TcpSideFlags.MaximumAcknowledgementSet;
            }
            else if (After(acknowledgement, sender.MaximumAcknowledgement))
            {
                sender.MaximumAcknowledgement = acknowledgement;
            }
        }

        if (receiver.MaximumWindow != 0 && After(end, sender.MaximumEnd))
        {
            receiver.MaximumWindow += end - sender.MaximumEnd;
        }

        if (After(selective + window, receiver.MaximumEnd - 1))
        {
            receiver.MaximumEnd = selective + window + (window == 0 ? 1u : 0);
        }

        if (acknowledgement == receiver.End)
        {
            receiver.Flags &= ~TcpSideFlags.DataUnacknowledged;
        }

        if (bits == TcpBits.Ack)
        {
            if (tracking.LastDirection == direction && tracking.LastSequence == sequence && tracking.LastAcknowledgement == acknowledgement
                && tracking.LastEnd == end && tracking.LastWindow == header.Window)
            {
                tracking.Retransmissions++;
            }
            else
            {
                tracking.LastDirection = direction;
                tracking.LastSequence = sequence;
                tracking.LastAcknowledgement = acknowledgement;
                tracking.LastEnd = end;
                tracking.LastWindow = header.Window;
                tracking.Retransmissions = 0;
            }
        }

        return WindowVerdict.Inside;
    }

    private static void ReadOptions(TcpHeader header, ref TcpSide side)
    {
        side.Scale = 0;
        side.Flags = TcpSideFlags.None;
        ReadOnlySpan<byte> options = header.Options;
        while (NextOption(ref options, out byte kind, out ReadOnlySpan<byte> value))
        {
            if (kind == 4 && value.Length == 0)
            {
                side.Flags |= TcpSideFlags.SelectiveAcknowledgement;
            }
            else if (kind == 3 && value.Length == 1)
            {
                side.Scale = Math.Min(value[0], (byte)14);
                side.Flags |= TcpSideFlags.WindowScale;
            }
        }
    }

    private static uint HighestSelective(TcpHeader header, uint acknowledgement)
    {
        ReadOnlySpan<byte> options = header.Options;
        while (NextOption(ref options, out byte kind, out ReadOnlySpan<byte> value))
        {
            if (kind == 5 && value.Length >= 8 && value.Length % 8 == 0)
            {
                for (int i = 0; i < value.Length; i += 8)
                {
                    uint edge = BinaryPrimitives.ReadUInt32BigEndian(value[(i + 4)..]);
                    acknowledgement = After(edge, acknowledgement) ? edge : acknowledgement;
                }

                break;
            }
        }

        return acknowledgement;
    }

    private static bool NextOption(ref ReadOnlySpan<byte> options, out byte kind, out ReadOnlySpan<byte> value)
    {
        kind = 0;
        value = default;
        while (options.Length > 0 && options[0] == 1)
        {
            options = options[1..];
        }

        if (options.Length < 2 || options[0] == 0 || options[1] < 2 || options[1] > options.Length)
        {
            return false;
        }

        kind = options[0];
        value = options[2..options[1]];
        options = options[options[1]..];
        return true;
    }

    private static bool Before(uint a, uint b) => (int)(a - b) < 0;

    private static bool After(uint a, uint b) => Before(b, a);
}
