using System.IO.Pipelines;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Sockets;

/// <summary>
/// A dump that is walked where it was received: <see cref="MoveNextAsync"/> fetches some datagrams, <see cref="Messages"/> walks them. Nothing
/// is copied and nothing allocated per message.
/// </summary>
public sealed class NetlinkDump : IDisposable
{
    private readonly NetlinkConnection _connection;
    private bool _disposed;
    private bool _began;

    internal NetlinkDump(NetlinkConnection connection) => _connection = connection;

    /// <summary>What is listed changed meanwhile (NLM_F_DUMP_INTR): objects may be missing or come twice. To be asked at the end.</summary>
    public bool IsInterrupted => _connection.Exchange.Interrupted;

    /// <summary>Every frame so far said that it was filtered as asked.</summary>
    public bool IsFiltered => _connection.Exchange.Filtered;

    /// <summary>The messages that came last; valid until the next move.</summary>
    public MessageSequence Messages => new(_connection);

    /// <summary>Fetches more; false at the end.</summary>
    /// <exception cref="NetlinkException">The kernel refused, at the beginning or at the end.</exception>
    /// <exception cref="KernelException">EMSGSIZE: a datagram did not fit the receive buffer, which has grown; begin again.</exception>
    /// <exception cref="TimeoutException">The kernel did not go on.</exception>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Exchange exchange = _connection.Exchange;
        if (exchange.Remaining == 0 && _began)
        {
            return exchange.Failure is null ? false : throw exchange.Failure;
        }

        _began = true;
        await _connection.ReceiveAsync(null, cancellationToken).ConfigureAwait(false);
        if (exchange.TruncatedLength > 0)
        {
            int length = exchange.TruncatedLength;
            _connection.Received.GrowSlots(length);
            throw new KernelException(exchange.Describe(0, _connection.Catalog), LinuxError.EMSGSIZE, $"A datagram of {length} bytes did not fit the receive buffer, which has grown: begin the dump again.");
        }

        return exchange.Failure is null ? true : throw exchange.Failure;
    }

    /// <summary>Like <see cref="MoveNextAsync"/>, on the calling thread.</summary>
    public bool MoveNext(CancellationToken cancellationToken = default) => NetlinkConnection.Finish(MoveNextAsync(cancellationToken), _connection.Kernel);

    /// <summary>Copies whole messages, padded to four bytes, into a pipe until the dump ends or the reader has had enough; a slow reader holds the dump back.</summary>
    /// <exception cref="OperationCanceledException">The token, or <see cref="PipeWriter.CancelPendingFlush"/>, ended it.</exception>
    public async ValueTask CopyToAsync(PipeWriter pipe, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipe);
        while (await MoveNextAsync(cancellationToken).ConfigureAwait(false))
        {
            foreach (NetlinkMessage message in Messages)
            {
                int padded = message.Bytes.Length + 3 & ~3;
                Span<byte> room = pipe.GetSpan(padded)[..padded];
                room.Clear();
                message.Bytes.CopyTo(room);
                pipe.Advance(padded);
            }

            FlushResult flushed = await pipe.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (flushed.IsCanceled)
            {
                throw new OperationCanceledException("The wait for the pipe's reader was cancelled; the rest of the dump was not copied.");
            }

            if (flushed.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Gives the connection back; what the kernel has not sent yet is dropped.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _connection.EndDump(_connection.Exchange.Remaining == 0);
        }
    }

    /// <summary>The messages of one fetch, for <c>foreach</c>.</summary>
    public readonly ref struct MessageSequence
    {
        private readonly NetlinkConnection _connection;

        internal MessageSequence(NetlinkConnection connection) => _connection = connection;

        /// <summary>Begins the walk.</summary>
        public Enumerator GetEnumerator() => new(_connection);
    }

    /// <summary>Walks the messages of one fetch.</summary>
    public ref struct Enumerator
    {
        private readonly NetlinkConnection _connection;
        private MessageReader _reader;
        private int _datagram;

        internal Enumerator(NetlinkConnection connection) => _connection = connection;

        /// <summary>The message.</summary>
        public NetlinkMessage Current { get; private set; }

        /// <summary>Goes to the next message of this dump.</summary>
        public bool MoveNext()
        {
            NetlinkReceiveBuffer buffer = _connection.Received;
            while (true)
            {
                while (_reader.TryRead(out NetlinkMessage message))
                {
                    if (message.Header.Type >= NetlinkMessageType.FirstOfFamily && _connection.Exchange.IsOurs(message.Header, _connection.Socket.PortId, out _))
                    {
                        Current = message;
                        return true;
                    }
                }

                if (_datagram >= buffer.Count)
                {
                    return false;
                }

                ReceivedDatagram datagram = buffer[_datagram];
                _reader = datagram.SenderPortId == 0 && datagram.Group == 0 ? new MessageReader(buffer.Bytes(_datagram)) : default;
                _datagram++;
            }
        }
    }
}
