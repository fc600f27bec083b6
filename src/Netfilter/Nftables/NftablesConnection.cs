using System.Runtime.InteropServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// nf_tables of one network namespace. A batch is one datagram; the kernel commits it, or refuses all of it, inside the send, so its verdict
/// waits on the socket when the send returns:
/// <list type="bullet">
/// <item>From Linux 6.10 on, END is acknowledged once the batch is committed. Older kernels are asked for the echo of the first message, which comes with NEWGEN after the commit.</item>
/// <item>Each refused message has an error of its own. All are read, none is left for the next call.</item>
/// <item>The socket is read empty before a batch is sent. An empty receive buffer takes at least one answer whatever its size, and a batch has either
/// errors or the sign of its commit, so a full buffer (ENOBUFS) may cost details but never the verdict.</item>
/// </list>
/// Callers on several threads take turns. Closing any netfilter socket soon after a delete takes 12-16 ms: keep one connection open.
/// </summary>
public sealed partial class NftablesConnection : IDisposable
{
    private readonly Lock _turn = new();
    private readonly INetlinkSocket _socket;
    private readonly NetlinkReceiveBuffer _received;
    private readonly NetlinkBuffer _request = new(1024);
    private uint _sequence = 1;
    private readonly NetlinkReceiveBuffer _answers = new(slots: 1, slotSize: 4096);
    private readonly ReceiverAhead? _ahead;
    private bool? _acknowledgesEnd;
    private bool _isEmpty;

    private NftablesConnection(IKernel kernel, INetlinkSocket socket, NftablesConnectionOptions options)
    {
        Kernel = kernel;
        _socket = socket;
        Options = options;
        _acknowledgesEnd = options.AcknowledgesEnd;
        _received = new NetlinkReceiveBuffer(options.ReceiveSlots, options.ReceiveSlotSize);
        _ahead = options.ReceiveAhead ?? (kernel is LinuxKernel && Environment.ProcessorCount > 1) ? new ReceiverAhead(this) : null;
    }

    /// <summary>The kernel behind the socket.</summary>
    public IKernel Kernel { get; }

    /// <summary>How it behaves.</summary>
    public NftablesConnectionOptions Options { get; }

    /// <summary>The socket's port id: the owner of tables made with <see cref="TableFlags.Owner"/>.</summary>
    public uint PortId => _socket.PortId;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="KernelException">The kernel refused the socket (EPROTONOSUPPORT: no netfilter).</exception>
    public static NftablesConnection Open(IKernel kernel, NftablesConnectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        options ??= new NftablesConnectionOptions();
        return new NftablesConnection(kernel, kernel.OpenNetlink(NetlinkProtocol.Netfilter, options.Socket), options);
    }

    /// <summary>Has the kernel carry out a batch: all of it, or nothing.</summary>
    /// <exception cref="NftablesException">It was refused; every error is in there, each with its object.</exception>
    /// <exception cref="KernelException">EPERM: no CAP_NET_ADMIN; EMSGSIZE: the batch is larger than the socket may send (net.core.wmem_max).</exception>
    public void Send(NftablesBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (_turn)
        {
            if (!batch.IsEmpty && Exchange(batch, EndingOfThisKernel()) is { } errors)
            {
                throw new NftablesException(errors, batch.Count);
            }
        }
    }

    /// <summary>As <see cref="Send"/>, but returns the errors; none where the batch was carried out.</summary>
    public IReadOnlyList<NftablesError> TrySend(NftablesBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (_turn)
        {
            return batch.IsEmpty ? [] : Exchange(batch, EndingOfThisKernel()) ?? [];
        }
    }

    /// <summary>Has the kernel try a batch and change nothing; returns what it would refuse.</summary>
    public IReadOnlyList<NftablesError> DryRun(NftablesBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (_turn)
        {
            return batch.IsEmpty ? [] : Exchange(batch, BatchEnding.None) ?? [];
        }
    }

    /// <summary>
    /// Plans a batch on the present generation and sends it under the condition that it still is the present one; where somebody else was
    /// faster, plans and sends again. So nothing that others wrote meanwhile is lost.
    /// </summary>
    /// <param name="plan">Reads what it needs and makes the batch; null or an empty one for nothing to do. May be called several times.</param>
    /// <exception cref="NftablesException">The batch was refused; <see cref="NftablesException.IsOutdated"/> where others were faster every time.</exception>
    public void SendPlanned(Func<uint, NftablesBatch?> plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        for (int attempt = 1; ; attempt++)
        {
            uint generation = GetGeneration().Id;
            if (plan(generation) is not { IsEmpty: false } batch)
            {
                return;
            }

            batch.ExpectedGeneration = generation;
            IReadOnlyList<NftablesError> errors = TrySend(batch);
            if (errors.Count == 0)
            {
                return;
            }

            // A plan on an old state may fail in other ways too: what counts is whether that state still stands.
            bool outdated = errors.Any(error => error is { Error: LinuxError.ERESTART, MessageIndex: -1 }) || GetGeneration().Id != generation;
            if (!outdated || attempt >= Options.PlanAttempts)
            {
                throw new NftablesException(errors, batch.Count);
            }
        }
    }

    /// <summary>The present generation.</summary>
    public Generation GetGeneration()
    {
        lock (_turn)
        {
            return ReadGeneration();
        }
    }

    /// <summary>Closes the socket; tables that it owns go.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _ahead?.Dispose();
    }

    private Generation ReadGeneration()
    {
        Generation? generation = null;
        Request(NFT_MSG_GETGEN, NetlinkMessageFlags.Request, NftablesFamily.Unspecified, null, (in NetlinkMessage message) =>
        {
            if (NftablesMessage.TryRead(message, out NftablesMessage? read) && read?.Entity is Generation found)
            {
                generation = found;
            }
        });
        return generation ?? throw new KernelException("read the generation of the nf_tables rule set", LinuxError.ENODATA);
    }

    // Kernels acknowledge END from 6.10 on; an empty batch asks and changes nothing, not even the generation.
    private BatchEnding EndingOfThisKernel()
    {
        if (_acknowledgesEnd is not { } acknowledges)
        {
            Drain();
            var empty = new NftablesBatch();
            uint sequence = TakeSequence(2);
            SendDatagram(empty.Seal(sequence, BatchEnding.Acknowledged, out _));
            acknowledges = false;
            while (TryReceive(out _))
            {
                for (int index = 0; index < _received.Count; index++)
                {
                    var reader = new MessageReader(_received.Bytes(index));
                    while (reader.TryRead(out NetlinkMessage message))
                    {
                        LinuxError error = ErrorOf(message);
                        if (error != LinuxError.None)
                        {
                            throw new KernelException("begin an nf_tables batch", error, error == LinuxError.EPERM ? "It needs CAP_NET_ADMIN in the network namespace." : null);
                        }

                        acknowledges |= message.Header.Type == NetlinkMessageType.Error && message.Header.Sequence == sequence + 1;
                    }
                }
            }

            _acknowledgesEnd = acknowledges;
        }

        return acknowledges ? BatchEnding.Acknowledged : BatchEnding.Echoed;
    }

    /// <summary>Sends a batch and reads everything that comes back; null where it was committed or, in a dry run, found good.</summary>
    private List<NftablesError>? Exchange(NftablesBatch batch, BatchEnding ending)
    {
        List<NftablesError>? errors = SendOnce(batch, ending);
        if (errors is null)
        {
            return null;
        }

        // What the kernel finds only when it commits (a loop of jumps, a chain that no hook may reach) it reports as the error of the first message, and says no more.
        if (errors is [{ MessageIndex: 0, Details.Offset: null, Error: LinuxError.EINVAL or LinuxError.ELOOP or LinuxError.EMLINK or LinuxError.EOPNOTSUPP }] && batch.Count > 1)
        {
            errors = FindGuilty(batch) ?? errors;
        }

        Explain(batch, errors);
        return errors;
    }

    private List<NftablesError>? SendOnce(NftablesBatch batch, BatchEnding ending)
    {
        Drain();
        uint sequence = TakeSequence((uint)batch.Count + 2);
        bool committed = false;
        bool answered = false;
        List<NftablesError>? errors = null;
        LinuxError first = ExchangeDatagram(batch.Seal(sequence, ending, out int messages));

        // Nothing comes behind the acknowledgement of END.
        bool ended = false;
        for (bool more = HasAnswer(first, out bool lost); more; more = !ended && TryReceive(_answers, out lost))
        {
            answered |= lost;
            for (int index = 0; index < _answers.Count; index++)
            {
                if (_answers[index].SenderPortId != 0)
                {
                    continue;
                }

                ReadOnlySpan<byte> rest = _answers.Bytes(index);
                while (TakeMessage(ref rest, out NetlinkMessage message))
                {
                    if (message.Header.Type >= NetlinkMessageType.FirstOfFamily && message.Header.PortId == _socket.PortId)
                    {
                        // The echo of the first message, or NEWGEN: sent after the commit only. Echoes of elements have no sequence number.
                        committed = true;
                        continue;
                    }

                    uint number = message.Header.Sequence - sequence;
                    if (number >= (uint)messages || message.Header.Type != NetlinkMessageType.Error)
                    {
                        continue;
                    }

                    answered = true;
                    if (ErrorOf(message) is var error and not LinuxError.None)
                    {
                        (errors ??= []).Add(NftablesErrorReader.Read(batch, (int)number - 1, error, message));
                    }
                    else if (number == (uint)messages - 1)
                    {
                        committed = true;
                        ended = true;
                    }
                }
            }
        }

        _isEmpty = true;
        if (errors is not null)
        {
            errors.Sort((one, other) => one.MessageIndex.CompareTo(other.MessageIndex));
            return errors;
        }

        if (ending == BatchEnding.None || committed)
        {
            return null;
        }

        return Decide(batch, answered);
    }

    // Neither an error nor a sign of the commit: the generation has the last word, where it is known from before.
    private List<NftablesError>? Decide(NftablesBatch batch, bool answered)
    {
        if (batch.ExpectedGeneration is { } before)
        {
            return ReadGeneration().Id != before ? null : throw new KernelException(
                $"nf_tables batch of {batch.Count} messages", LinuxError.ENOBUFS, "The kernel did not carry it out, and its errors are lost: the socket's receive buffer is full.");
        }

        throw new KernelException(
            $"nf_tables batch of {batch.Count} messages",
            answered ? LinuxError.ENOBUFS : LinuxError.ENODATA,
            "The kernel said neither that it was carried out nor why not: read the rule set again to know.");
    }

    // The shortest beginning of the batch that fails when tried ends with the guilty message.
    private List<NftablesError>? FindGuilty(NftablesBatch batch)
    {
        if (SendOnce(batch, BatchEnding.None) is not { } whole)
        {
            return null;
        }

        if (whole is not [{ MessageIndex: 0, Details.Offset: null }])
        {
            return whole;
        }

        int good = 0, bad = batch.Count;
        List<NftablesError> found = whole;
        while (bad - good > 1)
        {
            int middle = good + (bad - good) / 2;
            if (SendOnce(batch.Prefix(middle), BatchEnding.None) is { } errors)
            {
                bad = middle;
                found = errors;
            }
            else
            {
                good = middle;
            }
        }

        if (bad == 1)
        {
            return found;
        }

        NftablesError error = NftablesErrorReader.Read(batch, bad - 1, found[0].Error, default);
        return [error];
    }

    private uint TakeSequence(uint count)
    {
        if (_sequence > uint.MaxValue - count)
        {
            _sequence = 1;
        }

        uint first = _sequence;
        _sequence += count;
        return first;
    }

    private void SendDatagram(ReadOnlySpan<byte> datagram)
    {
        MakeRoom(datagram.Length);
        _socket.Send(datagram);
    }

    private LinuxError ExchangeDatagram(ReadOnlySpan<byte> datagram)
    {
        MakeRoom(datagram.Length);
        return _socket.Exchange(datagram, _answers);
    }

    private void MakeRoom(int length)
    {
        int needed = length + 32;
        if (needed > _socket.SendBufferSize && _socket.RequestSendBuffer(needed) is var granted && granted < needed)
        {
            throw new KernelException(
                $"send an nf_tables batch of {length} bytes",
                LinuxError.EMSGSIZE,
                $"The send buffer may be {granted} bytes; it takes {needed}. Set net.core.wmem_max to {needed / 2 + 1} or more, or give the process CAP_NET_ADMIN in the initial user namespace.");
        }
    }

    // What the exchange left in the room for answers; where some were lost, what is left of them.
    private bool HasAnswer(LinuxError received, out bool lost)
    {
        lost = received == LinuxError.ENOBUFS;
        switch (received)
        {
            case LinuxError.None:
                return true;
            case LinuxError.EAGAIN:
                return false;
            case LinuxError.ENOBUFS:
                TryReceive(_answers, out _);
                return true;
            case LinuxError.EINTR:
                return TryReceive(_answers, out lost);
            default:
                throw new KernelException("receive the answers to an nf_tables batch", received);
        }
    }

    // An echo may be larger than the room for answers: its beginning says enough.
    private static bool TakeMessage(ref ReadOnlySpan<byte> rest, out NetlinkMessage message)
    {
        message = default;
        if (rest.Length < NetlinkHeader.Size)
        {
            return false;
        }

        var header = MemoryMarshal.Read<NetlinkHeader>(rest);
        int length = (int)Math.Min(header.Length, (uint)rest.Length);
        if (length < NetlinkHeader.Size)
        {
            return false;
        }

        message = new NetlinkMessage(header, rest[..length]);
        rest = rest[Math.Min(length + 3 & ~3, rest.Length)..];
        return true;
    }

    // ENOBUFS says that answers were lost, and nothing of what waits is lost with it: read on.
    private bool TryReceive(out bool lost) => TryReceive(_received, out lost);

    private bool TryReceive(NetlinkReceiveBuffer buffer, out bool lost)
    {
        lost = false;
        while (true)
        {
            try
            {
                return _socket.Receive(buffer) > 0 || lost;
            }
            catch (KernelException exception) when (exception.Error is LinuxError.ENOBUFS or LinuxError.EINTR)
            {
                if (lost)
                {
                    buffer.Count = 0;
                    return true;
                }

                lost = exception.Error == LinuxError.ENOBUFS;
            }
        }
    }

    /// <summary>Reads what was left over; afterwards, until the next answers are read, the socket is not known to be empty.</summary>
    private void Drain()
    {
        if (_isHandingOut)
        {
            throw new InvalidOperationException("The connection is still handing out a listing: whoever visits it needs a second connection to ask for more.");
        }

        while (!_isEmpty && TryReceive(out _))
        {
        }

        _isEmpty = false;
    }

    private static LinuxError ErrorOf(in NetlinkMessage message)
    {
        if (message.Header.Type is not (NetlinkMessageType.Error or NetlinkMessageType.Done) || message.Payload.Length < 4)
        {
            return LinuxError.None;
        }

        int code = MemoryMarshal.Read<int>(message.Payload);
        return code < 0 ? (LinuxError)(-(long)code) : LinuxError.None;
    }
}

/// <summary>How a connection to nf_tables behaves.</summary>
public sealed record NftablesConnectionOptions
{
    /// <summary>What the socket is opened with.</summary>
    public NetlinkSocketOptions Socket { get; init; } = new() { StrictChecking = false };

    /// <summary>How often a plan is made again when others change the rule set meanwhile.</summary>
    public int PlanAttempts { get; init; } = 100;

    /// <summary>How often a snapshot is begun again when the rule set changes meanwhile.</summary>
    public int SnapshotAttempts { get; init; } = 100;

    /// <summary>How long a part of a dump may keep us waiting.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many datagrams one system call takes.</summary>
    public int ReceiveSlots { get; init; } = 8;

    /// <summary>Bytes per datagram at first; it grows when the kernel has a larger one.</summary>
    public int ReceiveSlotSize { get; init; } = 32 * 1024;

    /// <summary>
    /// The next part of a large dump is received on a thread of the pool while the caller's decodes the last; null: where the machine has a second processor and the
    /// kernel is the real one (a simulated one keeps to one thread, so that a run can be repeated).
    /// </summary>
    public bool? ReceiveAhead { get; init; }

    /// <summary>Whether the kernel acknowledges END (Linux 6.10); null to find out.</summary>
    internal bool? AcknowledgesEnd { get; init; }
}
