using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <content>The windows that both sides announced (tcp_in_window).</content>
internal sealed partial class TcpTracker
{
    private const uint SmallestAcknowledgementWindow = 66000;

    /// <summary>Where a segment lies against what both sides announced.</summary>
    private enum WindowVerdict
    {
        Inside,

        /// <summary>Let pass as part of the connection, and not learned from.</summary>
        Old,

        Outside,
    }

    private WindowVerdict Judge(TcpTracking tracking, TcpHeader header, ConnectionDirection direction, TcpBits bits)
    {
        ref TcpSide sender = ref tracking.Side(direction);
        ref TcpSide receiver = ref tracking.Side(1 - direction);
        bool synchronizes = (header.Flags & TcpFlags.Synchronize) != 0;
        bool acknowledges = (header.Flags & TcpFlags.Acknowledge) != 0;
        bool resets = (header.Flags & TcpFlags.Reset) != 0;
        uint sequence = header.Sequence, acknowledgement = header.Acknowledgement, window = header.Window, end = EndOf(header);
        uint selective = (receiver.Flags & TcpSideFlags.SelectiveAcknowledgement) != 0 ? HighestSelective(header, acknowledgement) : acknowledgement;

        // What is acknowledged is the other side's, as it sent it.
        acknowledgement -= tracking.Shift(1 - direction);
        selective -= tracking.Shift(1 - direction);
        if (sender.MaximumWindow == 0 && !synchronizes)
        {
            // We are in the middle of a connection, and its history is lost.
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
        else if (synchronizes && (sender.MaximumWindow == 0 || (After(end, sender.End) && tracking.State is TcpState.SynSent or TcpState.SynReceived)))
        {
            // The first we see of this side, or it begins anew, for which it only has to use higher sequence numbers than before (RFC 793).
            bool isFirst = sender.MaximumWindow == 0;
            BeginSide(ref sender, ref receiver, header, direction);
            if (!acknowledges && (isFirst || direction == ConnectionDirection.Reply))
            {
                return WindowVerdict.Inside;
            }
        }

        if (!acknowledges || (resets && acknowledgement == 0))
        {
            acknowledgement = selective = receiver.End;
        }

        if (resets && sequence == 0 && tracking.State == TcpState.SynSent)
        {
            // It answers a SYN.
            sequence = end = sender.End;
        }

        WindowVerdict verdict = Place(ref sender, receiver, sequence, end, selective);
        if (verdict != WindowVerdict.Inside)
        {
            return (sender.Flags & TcpSideFlags.BeLiberal) != 0 || IsLiberal ? WindowVerdict.Inside : verdict;
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

    /// <summary>
    /// Beyond the window, or acknowledging what was never sent: no part of the connection. Retransmissions of what was acknowledged, acknowledgements that come late, and what
    /// overshoots by no more than the window are part of it; the last may be acknowledged, the others tell nothing.
    /// </summary>
    private static WindowVerdict Place(ref TcpSide sender, TcpSide receiver, uint sequence, uint end, uint selective)
    {
        bool isAcknowledgementRecent = After(selective, receiver.End - Math.Max(sender.MaximumWindow, SmallestAcknowledgementWindow) - 1);
        bool isAcknowledgementSent = Before(selective, receiver.End + 1);
        bool reachesWindow = After(end, sender.End - receiver.MaximumWindow - 1);
        if (!Before(sequence, sender.MaximumEnd + 1))
        {
            bool overshoots = receiver.MaximumWindow != 0 && reachesWindow && isAcknowledgementRecent && isAcknowledgementSent && end - sender.MaximumEnd + 1 <= receiver.MaximumWindow;
            if (overshoots)
            {
                sender.End = end;
                sender.Flags |= TcpSideFlags.DataUnacknowledged;
            }

            return overshoots ? WindowVerdict.Old : WindowVerdict.Outside;
        }

        return !isAcknowledgementSent ? WindowVerdict.Outside
            : receiver.MaximumWindow != 0 && !reachesWindow ? WindowVerdict.Old
            : !isAcknowledgementRecent ? WindowVerdict.Old
            : WindowVerdict.Inside;
    }

    /// <summary>What a SYN says of its sender (tcp_init_sender).</summary>
    private static void BeginSide(ref TcpSide sender, ref TcpSide receiver, TcpHeader header, ConnectionDirection direction)
    {
        sender.End = sender.MaximumEnd = EndOf(header);
        sender.MaximumWindow = Math.Max(1u, header.Window);
        ReadOptions(header, ref sender);
        if (direction == ConnectionDirection.Reply && (sender.Flags & receiver.Flags & TcpSideFlags.WindowScale) == 0)
        {
            // Windows are scaled only where both sides offer it (RFC 1323).
            sender.Scale = receiver.Scale = 0;
        }
    }

    private static void ReadOptions(TcpHeader header, ref TcpSide side)
    {
        ReadOnlySpan<byte> options = header.Options;
        if (options.IsEmpty)
        {
            return;
        }

        side.Scale = 0;
        side.Flags &= TcpSideFlags.BeLiberal;
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
