using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

// Requests that read: one message there, one answer or a dump back.
public sealed partial class NftablesConnection
{
    // Two names of 255 bytes and a key lie within.
    private const int BeginningSize = 1024;
    private readonly NetlinkBuffer _lastBeginning = new(BeginningSize);
    private bool _isHandingOut;

    private delegate void MessageHandler(in NetlinkMessage message);

    private delegate void RequestWriter(ref NetlinkWriter writer);

    /// <summary>
    /// Sends a request and hands out what comes back until the end of the dump, the acknowledgement or the one answer.
    /// Returns whether the answer is in doubt: the kernel said that what it lists changed meanwhile, or a part of it came twice.
    /// </summary>
    private bool Request(ushort type, NetlinkMessageFlags flags, NftablesFamily family, RequestWriter? attributes, MessageHandler handler)
    {
        Drain();
        uint sequence = TakeSequence(1);
        _request.Clear();
        var writer = new NetlinkWriter(_request);
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | type), flags, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create((byte)family));
        attributes?.Invoke(ref writer);
        writer.EndMessage(mark);
        writer.Complete();
        _socket.Send(_request.Written);

        bool dump = (flags & NetlinkMessageFlags.Dump) == NetlinkMessageFlags.Dump;
        var answer = new Answer(sequence, type, dump, handler);
        NetlinkReceiveBuffer received = _received;
        _lastBeginning.Clear();
        Receive(received);
        while (true)
        {
            // A full buffer means that there is more of the dump.
            bool ahead = dump && _ahead is not null && received.Count == received.Slots;
            NetlinkReceiveBuffer next = received;
            _isHandingOut = true;
            if (ahead)
            {
                next = _ahead!.Begin(received);
            }

            try
            {
                Take(received, answer);
            }
            finally
            {
                _isHandingOut = false;
                if (ahead)
                {
                    _ahead!.End();
                }
            }

            if (answer.Oversize > 0)
            {
                Drain();
                _received.GrowSlots(answer.Oversize);
                _ahead?.GrowSlots(answer.Oversize);
                return true;
            }

            if (answer.HasEnded)
            {
                _isEmpty = true;
                return answer.IsDoubtful;
            }

            received = next;
            if (!ahead || received.Count == 0)
            {
                Receive(received);
            }
        }
    }

    private void Take(NetlinkReceiveBuffer received, Answer answer)
    {
        for (int index = 0; index < received.Count && !answer.HasEnded; index++)
        {
            if (received[index].SenderPortId != 0)
            {
                continue;
            }

            if (received[index].IsTruncated)
            {
                answer.Oversize = received[index].FullLength;
                return;
            }

            answer.IsDoubtful |= answer.IsDump && CameBefore(received.Bytes(index));
            var reader = new MessageReader(received.Bytes(index));
            while (!answer.HasEnded && reader.TryRead(out NetlinkMessage message))
            {
                if (message.Header.Sequence != answer.Sequence)
                {
                    continue;
                }

                answer.IsDoubtful |= (message.Header.Flags & NetlinkMessageFlags.DumpInterrupted) != 0;
                if (message.Header.Type is NetlinkMessageType.Error or NetlinkMessageType.Done)
                {
                    answer.HasEnded = true;
                    _isEmpty = true;
                    ThrowRefusal(message, answer.Type);
                }
                else
                {
                    answer.Handler(message);
                    answer.HasEnded = !answer.IsDump;
                }
            }

            // What was cut off may have been part of the list.
            answer.IsDoubtful |= reader.IsTruncated;
        }
    }

    // Every part of a dump begins with something else than the part in front of it; one that does not was delivered twice.
    private bool CameBefore(ReadOnlySpan<byte> datagram)
    {
        ReadOnlySpan<byte> beginning = datagram[..Math.Min(datagram.Length, BeginningSize)];
        if (beginning.SequenceEqual(_lastBeginning.Written))
        {
            return true;
        }

        _lastBeginning.Clear();
        var writer = new NetlinkWriter(_lastBeginning);
        writer.Append(beginning);
        writer.Complete();
        return false;
    }

    private void ThrowRefusal(in NetlinkMessage reply, ushort type)
    {
        LinuxError error = ErrorOf(reply);
        switch (error)
        {
            case LinuxError.None:
                return;
            case LinuxError.EINTR:
                // The rule set changed under the dump: the caller sees the generation and begins again.
                return;
            default:
                ReadOnlySpan<byte> bytes = _request.Written;
                var request = new NetlinkMessage(System.Runtime.InteropServices.MemoryMarshal.Read<NetlinkHeader>(bytes), bytes);
                ExtendedAcknowledgement details = NetlinkException.ReadDetails(reply, request, NftablesCatalog.Instance);
                string subject = NftablesMessage.TryRead(request, out NftablesMessage? read) && read is not null ? read.Entity.Describe() : $"message type {type}";
                throw new KernelException($"read {subject}", error, details.Message is { Length: > 0 } message ? $"The kernel says: {message}."
                    : error == LinuxError.EPERM ? "It needs CAP_NET_ADMIN in the network namespace." : null);
        }
    }

    private void Receive(NetlinkReceiveBuffer buffer)
    {
        long started = 0;
        while (true)
        {
            if (TryReceive(buffer, out bool lost))
            {
                if (lost && buffer.Count == 0)
                {
                    throw new KernelException("read the nf_tables rule set", LinuxError.ENOBUFS, "The socket's receive buffer is too small for an answer.");
                }

                return;
            }

            // A dump goes on inside the receiving call, so there is hardly ever anything to wait for.
            started = started == 0 ? Kernel.Time.GetTimestamp() : started;
            TimeSpan left = Options.Timeout - Kernel.Time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
            {
                throw new TimeoutException($"nf_tables: no answer from the kernel within {Options.Timeout.TotalSeconds:0.###} s.");
            }

            using var deadline = new CancellationTokenSource(left, Kernel.Time);
            try
            {
                ValueTask wait = _socket.WaitReadableAsync(deadline.Token);
                if (!wait.IsCompletedSuccessfully)
                {
                    Kernel.Wait(wait.AsTask());
                }
            }
            catch (OperationCanceledException) when (deadline.IsCancellationRequested)
            {
                // Told by the next turn, as a timeout.
            }
        }
    }

    /// <summary>What has come of the answer to a request.</summary>
    private sealed class Answer(uint sequence, ushort type, bool isDump, MessageHandler handler)
    {
        public uint Sequence { get; } = sequence;

        public ushort Type { get; } = type;

        public bool IsDump { get; } = isDump;

        public MessageHandler Handler { get; } = handler;

        public bool HasEnded { get; set; }

        public bool IsDoubtful { get; set; }

        /// <summary>The length of a datagram that did not fit; 0 for none.</summary>
        public int Oversize { get; set; }
    }
}
