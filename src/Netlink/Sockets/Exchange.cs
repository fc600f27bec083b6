using System.Runtime.InteropServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Sockets;

/// <summary>
/// The requests of one send and what has come back for each. Replies are told apart by sequence number: each request gets a fresh
/// one when it is sent, so what comes late for an earlier request matches none and is dropped. One object serves a connection
/// for all its exchanges.
/// </summary>
internal sealed class Exchange
{
    // What answers may take of the socket's receive buffer (212,992 bytes by default) before they are read; an ack counts 768 bytes.
    private const int AnswerBudget = 128 * 1024;

    private Pending[] _pending = new Pending[8];
    private NetlinkBuffer _requests = null!;
    private uint _firstSequence;
    private int _count;
    private int _sent;

    private enum Expectation : byte
    {
        Nothing,
        Acknowledgement,
        Reply,
        DumpEnd,
    }

    /// <summary>Requests sent and not yet answered.</summary>
    public int Remaining { get; private set; }

    /// <summary>Requests not sent yet are left.</summary>
    public bool HasMore => _sent < _count;

    /// <summary>A dump frame said that what is dumped changed, or a datagram ended within a message.</summary>
    public bool Interrupted { get; private set; }

    /// <summary>Every frame of the dump so far said that it was filtered as asked.</summary>
    public bool Filtered { get; private set; }

    /// <summary>The length of a datagram that did not fit, or 0.</summary>
    public int TruncatedLength { get; private set; }

    /// <summary>The first refusal, or null.</summary>
    public NetlinkException? Failure { get; private set; }

    /// <summary>All refusals in the order of the requests.</summary>
    public IReadOnlyList<NetlinkException> Failures =>
        Failure is null ? [] : [.. _pending.Take(_count).Select(pending => pending.Failure).OfType<NetlinkException>()];

    /// <summary>No request changes anything: sending all again does no harm.</summary>
    public bool IsRepeatable { get; private set; }

    /// <summary>Takes the requests in <paramref name="requests"/> and numbers them.</summary>
    /// <returns>The next free sequence number.</returns>
    public uint Begin(NetlinkBuffer requests, uint sequence)
    {
        _requests = requests;
        _firstSequence = sequence;
        _count = 0;
        _sent = 0;
        Remaining = 0;
        Interrupted = false;
        Filtered = true;
        TruncatedLength = 0;
        Failure = null;
        IsRepeatable = true;
        Span<byte> bytes = requests.Whole[..requests.Length];
        for (int offset = 0; offset + NetlinkHeader.Size <= bytes.Length;)
        {
            ref NetlinkHeader header = ref MemoryMarshal.AsRef<NetlinkHeader>(bytes[offset..]);
            int length = (int)header.Length;
            if (length < NetlinkHeader.Size || offset + length > bytes.Length)
            {
                throw new NetlinkEncodingException($"The message at offset {offset} says {header.Length} bytes; {bytes.Length - offset} are there.");
            }

            if (_count == _pending.Length)
            {
                Array.Resize(ref _pending, _count * 2);
            }

            header = header with { Sequence = sequence++ };
            _pending[_count++] = new Pending(offset, length, ExpectationOf(header.Flags));
            IsRepeatable &= ExpectationOf(header.Flags) is Expectation.Reply or Expectation.DumpEnd;
            offset += length + 3 & ~3;
        }

        return sequence;
    }

    /// <summary>The next datagram to send: as many requests as fit the send buffer and whose answers fit the receive buffer; a dump goes alone.</summary>
    public ReadOnlySpan<byte> NextDatagram(int limit)
    {
        int begin = _pending[_sent].Offset;
        int end = begin;
        int answers = 0;
        for (bool alone = false; _sent < _count && !alone; _sent++)
        {
            ref Pending next = ref _pending[_sent];
            alone = next.Expects == Expectation.DumpEnd;
            answers += next.Expects == Expectation.Acknowledgement ? 1024 : 4096;
            bool first = next.Offset == begin;
            if (!first && (alone || next.Offset + next.Length - begin > limit || answers > AnswerBudget))
            {
                break;
            }

            end = next.Offset + next.Length;
            if (next.Expects != Expectation.Nothing)
            {
                Remaining++;
            }
        }

        return _requests.Written[begin..Math.Min(end + 3 & ~3, _requests.Length)];
    }

    /// <summary>Takes in what was received; data messages go to <paramref name="handler"/>.</summary>
    public void Process(NetlinkReceiveBuffer buffer, uint portId, MessageCatalog catalog, NetlinkReplyHandler? handler)
    {
        for (int index = 0; index < buffer.Count; index++)
        {
            ref ReceivedDatagram datagram = ref buffer[index];
            if (datagram.SenderPortId != 0 || datagram.Group != 0)
            {
                continue;
            }

            if (datagram.IsTruncated)
            {
                TruncatedLength = Math.Max(TruncatedLength, datagram.FullLength);
                continue;
            }

            var reader = new MessageReader(buffer.Bytes(index));
            while (reader.TryRead(out NetlinkMessage message))
            {
                if (IsOurs(message.Header, portId, out int request))
                {
                    Process(message, request, catalog, handler);
                }
            }

            // What was cut off may have been part of a list.
            Interrupted |= reader.IsTruncated;
        }
    }

    /// <summary>The message answers a request of this exchange.</summary>
    public bool IsOurs(in NetlinkHeader header, uint portId, out int request)
    {
        uint number = header.Sequence - _firstSequence;
        request = (int)number;
        return number < (uint)_count && (header.PortId == portId || header.PortId == 0);
    }

    /// <summary>What request <paramref name="index"/> asks for, in words.</summary>
    public string Describe(int index, MessageCatalog catalog) => catalog.DescribeRequest(RequestAt(index));

    /// <summary>What the first unanswered request asks for, in words.</summary>
    public string DescribeUnanswered(MessageCatalog catalog)
    {
        int index = Array.FindIndex(_pending, 0, _sent, pending => !pending.Done && pending.Expects != Expectation.Nothing);
        return Describe(Math.Max(index, 0), catalog);
    }

    private static Expectation ExpectationOf(NetlinkMessageFlags flags)
    {
        if ((flags & NetlinkMessageFlags.Request) == 0)
        {
            return Expectation.Nothing;
        }

        // The dump bits mean other things with a verb that creates or deletes; such a request asks for an acknowledgement, a dump need not.
        if ((flags & NetlinkMessageFlags.Acknowledge) != 0)
        {
            return Expectation.Acknowledgement;
        }

        return (flags & NetlinkMessageFlags.Dump) == NetlinkMessageFlags.Dump ? Expectation.DumpEnd : Expectation.Reply;
    }

    private NetlinkMessage RequestAt(int index)
    {
        ReadOnlySpan<byte> bytes = _requests.Written.Slice(_pending[index].Offset, _pending[index].Length);
        return new NetlinkMessage(MemoryMarshal.Read<NetlinkHeader>(bytes), bytes);
    }

    private void Process(in NetlinkMessage message, int index, MessageCatalog catalog, NetlinkReplyHandler? handler)
    {
        ref Pending pending = ref _pending[index];
        if (pending.Done)
        {
            return;
        }

        if ((message.Header.Flags & NetlinkMessageFlags.Multi) != 0)
        {
            Interrupted |= (message.Header.Flags & NetlinkMessageFlags.DumpInterrupted) != 0;
            Filtered &= message.Header.Type == NetlinkMessageType.Done || (message.Header.Flags & NetlinkMessageFlags.DumpFiltered) != 0;
        }

        switch (message.Header.Type)
        {
            case NetlinkMessageType.Noop:
                break;
            case NetlinkMessageType.Error:
            case NetlinkMessageType.Done:
                pending.Failure = NetlinkException.From(message, RequestAt(index), index, catalog);
                Failure ??= pending.Failure;
                Complete(ref pending);
                break;
            default:
                handler?.Invoke(message, index);
                if (pending.Expects == Expectation.Reply && (message.Header.Flags & NetlinkMessageFlags.Multi) == 0)
                {
                    Complete(ref pending);
                }

                break;
        }
    }

    private void Complete(ref Pending pending)
    {
        pending.Done = true;
        if (pending.Expects != Expectation.Nothing)
        {
            Remaining--;
        }
    }

    private struct Pending(int offset, int length, Expectation expects)
    {
        public readonly int Offset = offset;
        public readonly int Length = length;
        public readonly Expectation Expects = expects;
        public bool Done;
        public NetlinkException? Failure;
    }
}
