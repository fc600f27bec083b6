using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Sockets;

/// <summary>Takes one message that answers a request; the message is valid during the call only.</summary>
/// <param name="message">The message.</param>
/// <param name="requestIndex">Which of the requests sent together it answers, from 0.</param>
public delegate void NetlinkReplyHandler(in NetlinkMessage message, int requestIndex);

/// <summary>Reads an object out of a message; false where the message holds none.</summary>
public delegate bool NetlinkParser<T>(in NetlinkMessage message, [MaybeNullWhen(false)] out T value);

/// <summary>
/// Requests and their answers over one netlink socket. Callers on several threads take turns. The kernel acts on a request while it is
/// being sent, so the asynchronous methods mostly complete at once and then allocate nothing; a wait ends with the answer, the
/// deadline or the cancellation, whichever is first.
/// </summary>
public sealed class NetlinkConnection : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly NetlinkReceiveBuffer _received;
    private readonly Exchange _exchange = new();
    private readonly NetlinkConnectionOptions _options;
    private uint _sequence;
    private bool _hasLeftovers;

    private NetlinkConnection(IKernel kernel, INetlinkSocket socket, NetlinkConnectionOptions options, MessageCatalog catalog)
    {
        Kernel = kernel;
        Socket = socket;
        Catalog = catalog;
        _options = options;
        _received = new NetlinkReceiveBuffer(options.ReceiveSlots, options.ReceiveSlotSize);
    }

    /// <summary>The kernel behind the socket.</summary>
    public IKernel Kernel { get; }

    /// <summary>The socket; whoever uses it beside this connection must not read from it meanwhile.</summary>
    public INetlinkSocket Socket { get; }

    /// <summary>The names used in errors.</summary>
    public MessageCatalog Catalog { get; }

    /// <summary>Every data frame of the last dump said NLM_F_DUMP_FILTERED: the kernel filtered as asked (strict checking, Linux 4.20).</summary>
    public bool LastDumpWasFiltered { get; private set; }

    /// <summary>Opens a connection.</summary>
    /// <exception cref="KernelException">The kernel refused the socket.</exception>
    public static NetlinkConnection Open(IKernel kernel, NetlinkProtocol protocol, NetlinkConnectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        options ??= new NetlinkConnectionOptions();
        MessageCatalog catalog = options.Catalog ?? MessageCatalog.Of(protocol);
        return new NetlinkConnection(kernel, kernel.OpenNetlink(protocol, options.Socket), options, catalog);
    }

    /// <summary>
    /// Sends all requests in <paramref name="requests"/> in as few datagrams as possible and waits until each is answered: those that ask for an
    /// acknowledgement by it, others by their reply or the end of their dump. Sequence numbers are set here. The kernel goes on after a
    /// refused request, so the others have been carried out when this throws.
    /// </summary>
    /// <param name="requests">Whole messages; may be used again afterwards.</param>
    /// <param name="onReply">Takes the data messages that come back.</param>
    /// <param name="cancellationToken">Ends the wait, not the request: the kernel may have carried it out.</param>
    /// <exception cref="NetlinkException">The first refusal.</exception>
    /// <exception cref="TimeoutException">No answer within <see cref="NetlinkConnectionOptions.Timeout"/>.</exception>
    public async ValueTask ExecuteAsync(NetlinkBuffer requests, NetlinkReplyHandler? onReply = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await RunAsync(requests, onReply, cancellationToken).ConfigureAwait(false);
            if (_exchange.Failure is { } failure)
            {
                throw failure;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Like <see cref="ExecuteAsync"/>, but returns every refusal instead of throwing the first.</summary>
    public async ValueTask<IReadOnlyList<NetlinkException>> TryExecuteAsync(
        NetlinkBuffer requests, NetlinkReplyHandler? onReply = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await RunAsync(requests, onReply, cancellationToken).ConfigureAwait(false);
            return _exchange.Failures;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Like <see cref="ExecuteAsync"/>, on the calling thread.</summary>
    public void Execute(NetlinkBuffer requests, NetlinkReplyHandler? onReply = null, CancellationToken cancellationToken = default) =>
        Finish(ExecuteAsync(requests, onReply, cancellationToken), Kernel);

    /// <summary>
    /// Sends a dump request and reads all it lists. Where the objects change meanwhile the dump is read again, with growing pauses.
    /// </summary>
    /// <exception cref="DumpInterruptedException">They kept changing; it carries the last list.</exception>
    /// <exception cref="NetlinkException">The kernel refused, at the beginning or at the end.</exception>
    public async ValueTask<List<T>> DumpAsync<T>(NetlinkBuffer request, NetlinkParser<T> parser, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(parser);
        var list = new List<T>();
        NetlinkReplyHandler add = (in NetlinkMessage message, int _) =>
        {
            if (parser(message, out T? value))
            {
                list.Add(value);
            }
        };
        for (int attempt = 1; ; attempt++)
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                list.Clear();
                await RunAsync(request, add, cancellationToken, list.Clear).ConfigureAwait(false);
                if (_exchange.Failure is { } failure)
                {
                    throw failure;
                }

                LastDumpWasFiltered = _exchange.Filtered;
                if (!_exchange.Interrupted)
                {
                    return list;
                }

                if (attempt >= _options.DumpAttempts)
                {
                    throw new DumpInterruptedException(_exchange.Describe(0, Catalog), attempt, list);
                }
            }
            finally
            {
                _turn.Release();
            }

            if (attempt > 2)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1 << Math.Min(attempt - 3, 7)), Kernel.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Like <see cref="DumpAsync"/>, on the calling thread.</summary>
    public List<T> Dump<T>(NetlinkBuffer request, NetlinkParser<T> parser, CancellationToken cancellationToken = default) =>
        Finish(DumpAsync(request, parser, cancellationToken), Kernel);

    /// <summary>
    /// Sends a dump request whose messages are then walked in place, without copies and without allocation. It holds the connection until
    /// it is disposed. Objects that change meanwhile are not hidden: see <see cref="NetlinkDump.IsInterrupted"/>.
    /// </summary>
    public async ValueTask<NetlinkDump> OpenDumpAsync(NetlinkBuffer request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Start(request);
            SendNext();
            return new NetlinkDump(this);
        }
        catch
        {
            _turn.Release();
            throw;
        }
    }

    /// <summary>Like <see cref="OpenDumpAsync"/>, on the calling thread.</summary>
    public NetlinkDump OpenDump(NetlinkBuffer request, CancellationToken cancellationToken = default) => Finish(OpenDumpAsync(request, cancellationToken), Kernel);

    /// <summary>Closes the socket.</summary>
    public void Dispose()
    {
        Socket.Dispose();
        _turn.Dispose();
    }

    internal Exchange Exchange => _exchange;

    internal NetlinkReceiveBuffer Received => _received;

    internal static void Finish(ValueTask task, IKernel kernel)
    {
        if (task.IsCompleted)
        {
            task.GetAwaiter().GetResult();
        }
        else
        {
            kernel.Wait(task.AsTask());
        }
    }

    internal static T Finish<T>(ValueTask<T> task, IKernel kernel)
    {
        if (task.IsCompleted)
        {
            return task.GetAwaiter().GetResult();
        }

        Task<T> rest = task.AsTask();
        kernel.Wait(rest);
        return rest.GetAwaiter().GetResult();
    }

    internal void EndDump(bool complete)
    {
        _hasLeftovers |= !complete;
        _turn.Release();
    }

    /// <summary>Reads what waits or waits for it; false where a datagram did not fit.</summary>
    internal async ValueTask ReceiveAsync(NetlinkReplyHandler? onReply, CancellationToken cancellationToken)
    {
        long started = 0;
        while (!TryReceive())
        {
            started = started == 0 ? Kernel.Time.GetTimestamp() : started;
            await WaitAsync(started, cancellationToken).ConfigureAwait(false);
        }

        _exchange.Process(_received, Socket.PortId, Catalog, onReply);
    }

    private async ValueTask RunAsync(NetlinkBuffer requests, NetlinkReplyHandler? onReply, CancellationToken cancellationToken, Action? onRestart = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            Start(requests);
            bool complete = false;
            try
            {
                while (_exchange.HasMore && _exchange.TruncatedLength == 0)
                {
                    SendNext();
                    while (_exchange.Remaining > 0 && _exchange.TruncatedLength == 0)
                    {
                        await ReceiveAsync(onReply, cancellationToken).ConfigureAwait(false);
                    }
                }

                complete = _exchange.TruncatedLength == 0;
            }
            finally
            {
                _hasLeftovers |= !complete;
            }

            if (complete)
            {
                return;
            }

            _received.GrowSlots(_exchange.TruncatedLength);
            if (!_exchange.IsRepeatable)
            {
                throw new KernelException(
                    _exchange.DescribeUnanswered(Catalog), LinuxError.EMSGSIZE, "An answer was larger than the receive buffer and is lost; the buffer has grown. The request itself was carried out or refused: look at the object.");
            }

            onRestart?.Invoke();
        }
    }

    private void Start(NetlinkBuffer requests)
    {
        if (_hasLeftovers)
        {
            DropLeftovers();
        }

        // 0 marks multicast messages.
        if (_sequence > uint.MaxValue - 1_000_000 || _sequence == 0)
        {
            _sequence = 1;
        }

        _sequence = _exchange.Begin(requests, _sequence);
    }

    private void SendNext()
    {
        int limit = Socket.SendBufferSize - 32;
        ReadOnlySpan<byte> datagram = _exchange.NextDatagram(limit);
        if (datagram.Length > limit)
        {
            Socket.RequestSendBuffer(datagram.Length + 32);
        }

        Socket.Send(datagram);
    }

    private bool TryReceive()
    {
        try
        {
            return Socket.Receive(_received) > 0;
        }
        catch (KernelException exception) when (exception.Error == LinuxError.ENOBUFS)
        {
            _hasLeftovers = true;
            throw new KernelException(
                _exchange.DescribeUnanswered(Catalog), LinuxError.ENOBUFS, "Answers were lost because the receive buffer was full; whether the requests took effect is to be read from the objects.");
        }
    }

    // An abandoned dump goes on with every receive and would answer the next dump with EBUSY: read it to its end.
    private void DropLeftovers()
    {
        for (bool more = true; more;)
        {
            try
            {
                more = Socket.Receive(_received) > 0;
            }
            catch (KernelException exception) when (exception.Error == LinuxError.ENOBUFS)
            {
                more = true;
            }
        }

        _hasLeftovers = false;
    }

    private async ValueTask WaitAsync(long started, CancellationToken cancellationToken)
    {
        TimeSpan left = _options.Timeout - Kernel.Time.GetElapsedTime(started);
        if (left > TimeSpan.Zero)
        {
            using var deadline = new CancellationTokenSource(left, Kernel.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            try
            {
                await Socket.WaitReadableAsync(either.Token).ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                // Told below, as a timeout.
            }
        }

        throw new TimeoutException($"{_exchange.DescribeUnanswered(Catalog)}: no answer from the kernel within {_options.Timeout.TotalSeconds:0.###} s.");
    }
}
