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
/// <param name="tracker">Whose connections they are.</param>
/// <param name="parameters">The machine's parameters.</param>
/// <param name="keepsChallenged">See <see cref="KernelProfile.KeepsChallengedConnections"/>.</param>
internal sealed partial class TcpTracker(ConnectionTracker tracker, ParameterTable parameters, bool keepsChallenged)
{

    /// <summary>nf_conntrack_tcp_loose: connections may be picked up in their middle.</summary>
    public bool IsLoose => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_loose") != 0;

    /// <summary>nf_conntrack_tcp_be_liberal: what is outside the window is let pass, and tells nothing.</summary>
    public bool IsLiberal => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_be_liberal") != 0;

    /// <summary>nf_conntrack_tcp_ignore_invalid_rst: a reset below what was acknowledged is not invalid by that alone.</summary>
    public bool IgnoresInvalidResets => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_ignore_invalid_rst") != 0;

    /// <summary>nf_conntrack_tcp_max_retrans.</summary>
    public int MaximumRetransmissions => parameters.Number("net/", "netfilter", "nf_conntrack_tcp_max_retrans");

    /// <summary>The segment's header is whole.</summary>
    public static bool IsWhole(Packet packet) => new TcpHeader(packet.Transport).IsWellFormed;

    /// <summary>The segment's control bits make sense; asked of what is summed up already (tcp_error).</summary>
    public static bool HasValidFlags(Packet packet) => TcpTracking.AreFlagsValid(new TcpHeader(packet.Transport).Flags);

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
        uint end = EndOf(header);
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
            tracker.Refresh(connection, tracker.TimeoutsOf(connection).Of(TcpState.Close));
            connection.Note(ConnectionEvents.ProtocolInfo);
        }
    }

    /// <summary>A segment of a connection (nf_conntrack_tcp_packet).</summary>
    public TrackingResult Track(Connection connection, Packet packet, ConnectionInfo info)
    {
        TcpTracking tracking = connection.Tcp!;
        var header = new TcpHeader(packet.Transport);
        ConnectionDirection direction = Connection.DirectionOf(info);
        TcpBits bits = TcpTracking.BitsOf(header.Flags);
        TcpState old = tracking.State;
        TcpState next = TcpTracking.Next(direction, bits, old);
        bool checksWindow = true;

        switch (next)
        {
            case TcpState.Invalid when connection.Proxied is not null && old == TcpState.SynSent && bits == TcpBits.Ack && direction == ConnectionDirection.Original
                && tracking.LastDirection == ConnectionDirection.Original && tracking.Side(direction).End - 1 == header.Sequence:
                // The SYN to the server or its answer was lost: the client keeps alive what it takes for a connection.
                return TrackingResult.AcceptUncounted;

            case TcpState.Invalid:
                return TrackingResult.Invalid;

            case TcpState.SynSent when old >= TcpState.TimeWait:
                if (((tracking.Side(direction).Flags | tracking.Side(1 - direction).Flags) & TcpSideFlags.CloseInitiated) != 0
                    || (tracking.LastDirection == direction && tracking.LastBits == TcpBits.Reset))
                {
                    tracker.Remove(connection);
                    return TrackingResult.Repeat;
                }

                return Ignore(tracking, header, direction, bits);

            case TcpState.Ignore when bits == TcpBits.SynAck && tracking.LastBits == TcpBits.Syn && tracking.LastDirection != direction && header.Acknowledgement == tracking.LastEnd:
                FollowIgnored(tracking);
                old = TcpState.SynSent;
                next = TcpState.SynReceived;
                break;

            case TcpState.Ignore:
                return Ignore(tracking, header, direction, bits);

            case TcpState.TimeWait when old == TcpState.LastAck && bits == TcpBits.Ack && tracking.LastDirection != direction && tracking.LastBits == TcpBits.Syn
                && (tracking.LastFlags & TcpSideFlags.ChallengeExpected) != 0:
                // It challenges a SYN that was let pass (RFC 5961), and does not acknowledge the FIN.
                tracking.LastFlags &= ~TcpSideFlags.ChallengeExpected;
                return TrackingResult.AcceptUncounted;

            case TcpState.SynSent2:
                tracking.LastFlags |= TcpSideFlags.SimultaneousOpen;
                break;

            case TcpState.SynReceived when direction == ConnectionDirection.Reply && bits == TcpBits.Ack && (tracking.LastFlags & TcpSideFlags.SimultaneousOpen) != 0:
                next = TcpState.Established;
                break;

            case TcpState.Close when bits == TcpBits.Reset:
                switch (JudgeReset(connection, header, direction))
                {
                    case ResetVerdict.Invalid:
                        return TrackingResult.Invalid;
                    case ResetVerdict.Challenged:
                        next = old;
                        checksWindow = !AnswersIgnored(connection, header, direction);
                        break;
                    case ResetVerdict.Believed:
                        checksWindow = false;
                        break;
                }

                break;
        }

        if (checksWindow)
        {
            switch (Judge(tracking, header, direction, bits))
            {
                case WindowVerdict.Outside:
                    ShortenOutside(connection, direction, bits);
                    return TrackingResult.Invalid;
                case WindowVerdict.Old:
                    return TrackingResult.AcceptUncounted;
            }
        }

        tracking.LastBits = bits;
        tracking.LastDirection = direction;
        tracking.State = next;
        if (old != next)
        {
            connection.Note(ConnectionEvents.ProtocolInfo);
            if (next == TcpState.FinWait)
            {
                tracking.Side(direction).Flags |= TcpSideFlags.CloseInitiated;
            }
        }

        TimeSpan timeout = TimeoutOf(connection, tracking, bits);
        if (!connection.HasSeenReply)
        {
            if (bits == TcpBits.Reset)
            {
                // The only answer is a refusal: nothing is left to track.
                tracker.Remove(connection);
                return TrackingResult.Accept;
            }

            if (bits == TcpBits.Syn && old == TcpState.SynSent)
            {
                // Else a sender that tries again and again would keep the entry, with its translation, for ever.
                return TrackingResult.AcceptUncounted;
            }

            if (next == TcpState.Established && timeout > tracker.TimeoutsOf(connection).Unacknowledged)
            {
                timeout = tracker.TimeoutsOf(connection).Unacknowledged;
            }
        }
        else if ((connection.Status & ConnectionStatus.Assured) == 0 && (old is TcpState.SynReceived or TcpState.Established) && next == TcpState.Established)
        {
            connection.Status |= ConnectionStatus.Assured;
            connection.Note(ConnectionEvents.Assured);
        }

        tracker.Refresh(connection, timeout);
        return TrackingResult.Accept;
    }

    /// <summary>How long a connection is remembered after a segment that led to its state.</summary>
    private TimeSpan TimeoutOf(Connection connection, TcpTracking tracking, TcpBits bits)
    {
        ConnectionTimeouts timeouts = tracker.TimeoutsOf(connection);
        TimeSpan timeout = timeouts.Of(tracking.State);
        bool unacknowledged = ((tracking.Side(ConnectionDirection.Original).Flags | tracking.Side(ConnectionDirection.Reply).Flags) & TcpSideFlags.DataUnacknowledged) != 0;
        TimeSpan? shorter = tracking.Retransmissions >= MaximumRetransmissions && timeout > timeouts.Retransmitted ? timeouts.Retransmitted
            : bits == TcpBits.Reset && !keepsChallenged ? timeouts.Of(TcpState.Close)
            : bits == TcpBits.Reset && tracking.State == TcpState.Established && timeout > timeouts.Unacknowledged ? timeouts.Unacknowledged
            : unacknowledged && timeout > timeouts.Unacknowledged ? timeouts.Unacknowledged
            : tracking.LastWindow == 0 && timeout > timeouts.Retransmitted ? timeouts.Retransmitted
            : null;
        return shorter ?? timeout;
    }

    /// <summary>What a reset that would close the connection is to it.</summary>
    private enum ResetVerdict
    {
        /// <summary>Its numbers decide.</summary>
        InWindow,

        /// <summary>It ends the connection whatever its numbers are.</summary>
        Believed,

        /// <summary>Not exactly the number that the receiver waits for: it will ask (RFC 5961), so the connection stays for now.</summary>
        Challenged,

        Invalid,
    }

    private ResetVerdict JudgeReset(Connection connection, TcpHeader header, ConnectionDirection direction)
    {
        TcpTracking tracking = connection.Tcp!;
        if (tracking.State is TcpState.FinWait or TcpState.CloseWait or TcpState.LastAck or TcpState.TimeWait or TcpState.Close)
        {
            // It is ending anyway, and the numbers may be those of its successor (tcp_can_early_drop).
            return ResetVerdict.Believed;
        }

        TcpSide other = tracking.Side(1 - direction);
        if ((other.Flags & TcpSideFlags.MaximumAcknowledgementSet) != 0 && tracking.LastBits != TcpBits.Syn)
        {
            bool established = (connection.Status & ConnectionStatus.Assured) != 0 && tracking.State == TcpState.Established;
            if (header.Sequence == 0 && !established)
            {
                return ResetVerdict.InWindow;
            }

            if (Before(header.Sequence, other.MaximumAcknowledgement) && !IgnoresInvalidResets)
            {
                return ResetVerdict.Invalid;
            }

            bool isNextOfTrain = tracking.LastBits == TcpBits.Ack && tracking.LastDirection == direction && header.Sequence == tracking.LastEnd;
            return !established || header.Sequence == other.MaximumAcknowledgement || isNextOfTrain ? ResetVerdict.InWindow : ResetVerdict.Challenged;
        }

        return AnswersIgnored(connection, header, direction) ? ResetVerdict.Believed : ResetVerdict.InWindow;
    }

    /// <summary>A reset answers a segment that was let pass without believing it: a SYN, an acknowledgement of a half open connection, or a challenge.</summary>
    private static bool AnswersIgnored(Connection connection, TcpHeader header, ConnectionDirection direction)
    {
        TcpTracking tracking = connection.Tcp!;
        bool answersSyn = connection.HasSeenReply && tracking.LastBits == TcpBits.Syn && tracking.LastDirection != direction;
        bool answersHalfOpen = (connection.Status & ConnectionStatus.Assured) == 0 && tracking.LastBits == TcpBits.Ack;
        return ((answersSyn || answersHalfOpen) && header.Acknowledgement == tracking.LastEnd)
            || (tracking.State == TcpState.SynSent && tracking.LastBits == TcpBits.Ack && tracking.LastDirection == ConnectionDirection.Reply
                && header.Sequence == tracking.LastAcknowledgement);
    }

    /// <summary>A segment that the state has no use for is let pass, and noted: an answer to it may show that both ends are in step and we are not.</summary>
    private static TrackingResult Ignore(TcpTracking tracking, TcpHeader header, ConnectionDirection direction, TcpBits bits)
    {
        tracking.LastBits = bits;
        tracking.LastDirection = direction;
        tracking.LastSequence = header.Sequence;
        tracking.LastEnd = EndOf(header);
        tracking.LastWindow = header.Window;
        if (bits == TcpBits.Syn && direction == ConnectionDirection.Original)
        {
            TcpSide announced = default;
            ReadOptions(header, ref announced);
            tracking.LastScale = announced.Scale;
            tracking.LastFlags = announced.Flags | (tracking.State == TcpState.LastAck ? TcpSideFlags.ChallengeExpected : TcpSideFlags.None);
        }

        if (tracking.State == TcpState.SynSent && bits == TcpBits.Ack && direction == ConnectionDirection.Reply)
        {
            tracking.LastAcknowledgement = header.Acknowledgement;
        }

        return TrackingResult.AcceptUncounted;
    }

    /// <summary>A SYN and acknowledgement answers a SYN that was let pass without believing it: both ends are in step, so we follow.</summary>
    private static void FollowIgnored(TcpTracking tracking)
    {
        tracking.LastFlags &= ~TcpSideFlags.ChallengeExpected;
        ref TcpSide opener = ref tracking.Side(tracking.LastDirection);
        opener.End = opener.MaximumEnd = tracking.LastEnd;
        opener.MaximumWindow = Math.Max(1u, tracking.LastWindow);
        opener.Scale = tracking.LastScale;
        opener.Flags = tracking.LastFlags;
        ref TcpSide answerer = ref tracking.Side(1 - tracking.LastDirection);
        answerer = new TcpSide { Flags = answerer.Flags & TcpSideFlags.BeLiberal };
    }

    /// <summary>Ends of both directions that lie outside the window end an assured connection sooner (nf_tcp_handle_invalid).</summary>
    private void ShortenOutside(Connection connection, ConnectionDirection direction, TcpBits bits)
    {
        if ((connection.Status & ConnectionStatus.Assured) == 0 || (connection.Status & ConnectionStatus.FixedTimeout) != 0 || bits is not (TcpBits.Reset or TcpBits.Fin))
        {
            return;
        }

        TcpTracking tracking = connection.Tcp!;
        if (tracking.LastDirection == direction || tracking.LastBits is not (TcpBits.Fin or TcpBits.Reset))
        {
            tracking.LastBits = bits;
            tracking.LastDirection = direction;
            return;
        }

        TimeSpan left = tracker.TimeLeft(connection);
        if (left >= TimeSpan.FromMinutes(2) && left > tracker.TimeoutsOf(connection).Unacknowledged)
        {
            tracker.Refresh(connection, tracker.TimeoutsOf(connection).Unacknowledged);
        }
    }

    private static uint EndOf(TcpHeader header) => header.Sequence + (uint)header.SequenceLength;
}
