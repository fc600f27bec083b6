using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

// Requests that read: one message there, one answer or a dump back.
public sealed partial class NftablesConnection
{
    private delegate void MessageHandler(in NetlinkMessage message);

    private delegate void RequestWriter(ref NetlinkWriter writer);

    /// <summary>
    /// Sends a request and hands out what comes back until the end of the dump, the acknowledgement or the one answer.
    /// Returns whether the kernel said that what it lists changed meanwhile.
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

        bool interrupted = false;
        bool dump = (flags & NetlinkMessageFlags.Dump) == NetlinkMessageFlags.Dump;
        while (true)
        {
            Receive();
            for (int index = 0; index < _received.Count; index++)
            {
                if (_received[index].SenderPortId != 0)
                {
                    continue;
                }

                if (_received[index].IsTruncated)
                {
                    int length = _received[index].FullLength;
                    Drain();
                    _received.GrowSlots(length);
                    return true;
                }

                var reader = new MessageReader(_received.Bytes(index));
                while (reader.TryRead(out NetlinkMessage message))
                {
                    if (message.Header.Sequence != sequence)
                    {
                        continue;
                    }

                    interrupted |= (message.Header.Flags & NetlinkMessageFlags.DumpInterrupted) != 0;
                    if (message.Header.Type is NetlinkMessageType.Error or NetlinkMessageType.Done)
                    {
                        _isEmpty = true;
                        ThrowRefusal(message, type);
                        return interrupted;
                    }

                    handler(message);
                    if (!dump)
                    {
                        _isEmpty = true;
                        return interrupted;
                    }
                }
            }
        }
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
                throw new KernelException($"read {subject}", error, details.Message is { Length: > 0 } message ? $"The kernel says: {message}." : null);
        }
    }

    private void Receive()
    {
        long started = 0;
        while (true)
        {
            if (TryReceive(out bool lost))
            {
                if (lost && _received.Count == 0)
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
}
