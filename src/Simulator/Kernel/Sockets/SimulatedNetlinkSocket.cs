using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Faults;

namespace EucaNet.Simulator.Kernel.Sockets;

/// <summary>
/// A netlink socket of a simulated kernel: what the kernel sends waits in a queue whose memory is counted as the kernel
/// counts it, and overruns as there.
/// </summary>
internal sealed class SimulatedNetlinkSocket : INetlinkSocket
{
    private readonly LinkedList<QueuedDatagram> _queue = new();
    private readonly SortedSet<uint> _groups = [];
    private readonly INetlinkSubsystem _subsystem;
    private readonly bool _reportsOverruns;
    private LinuxError _error;
    private int _queuedMemory;
    private int _largestReceive;
    private bool _congested;
    private bool _closed;
    private QueuedDatagram? _heldBack;
    private TaskCompletionSource? _waiter;

    internal SimulatedNetlinkSocket(SimulatedKernel kernel, NetlinkProtocol protocol, INetlinkSubsystem subsystem, uint portId, NetlinkSocketOptions options)
    {
        Kernel = kernel;
        Protocol = protocol;
        PortId = portId;
        _subsystem = subsystem;
        StrictChecking = options.StrictChecking;
        _reportsOverruns = options.ReportOverruns;
        ReceiveBufferSize = options.ReceiveBufferSize is { } receive ? Math.Max(2304, receive) : 212992;
        SendBufferSize = options.SendBufferSize is { } send ? Math.Max(4608, send) : 212992;
        foreach (uint group in options.Groups)
        {
            Join(group);
        }
    }

    public SimulatedKernel Kernel { get; }

    public NetlinkProtocol Protocol { get; }

    /// <inheritdoc />
    public uint PortId { get; }

    /// <summary>NETLINK_GET_STRICT_CHK.</summary>
    public bool StrictChecking { get; set; }

    /// <summary>NETLINK_EXT_ACK.</summary>
    public bool ExtendedAcknowledgements { get; set; } = true;

    /// <summary>NETLINK_CAP_ACK.</summary>
    public bool CappedAcknowledgements { get; set; } = true;

    /// <summary>SO_RCVBUF as the kernel counts it, 2,304 at least.</summary>
    public int ReceiveBufferSize { get; }

    /// <inheritdoc />
    public int SendBufferSize { get; private set; }

    /// <summary>The dump under way; one at a time.</summary>
    internal NetlinkDump? Dump { get; private set; }

    /// <inheritdoc />
    public void Send(ReadOnlySpan<byte> datagram)
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        ObjectDisposedException.ThrowIf(_closed, this);
        if (datagram.Length > SendBufferSize - 32)
        {
            throw new KernelException("send netlink datagram", LinuxError.EMSGSIZE);
        }

        if (Kernel.Faults.Strike(FaultPoint.Send, Protocol, PortId, datagram) is { Kind: FaultKind.Fail } fault)
        {
            throw new KernelException("send netlink datagram", fault.Error);
        }

        Kernel.OnNetlink(PortId, (int)Protocol, datagram, toKernel: true);
        _subsystem.Receive(this, datagram);
    }

    /// <inheritdoc />
    public int Receive(NetlinkReceiveBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        using Time.SimulationQueue.Call call = Kernel.Enter();
        ObjectDisposedException.ThrowIf(_closed, this);
        buffer.Count = 0;
        if (Kernel.Faults.Strike(FaultPoint.Receive, Protocol, PortId, default) is { Kind: FaultKind.Fail } fault)
        {
            throw new KernelException("receive from netlink socket", fault.Error);
        }

        while (buffer.Count < buffer.Slots)
        {
            if (_error != LinuxError.None)
            {
                if (buffer.Count > 0)
                {
                    break;
                }

                LinuxError error = _error;
                _error = LinuxError.None;
                _congested &= _queue.Count > 0;
                throw new KernelException("receive from netlink socket", error);
            }

            if (_queue.First is not { } node)
            {
                break;
            }

            QueuedDatagram datagram = node.Value;
            _queue.RemoveFirst();
            Span<byte> slot = buffer.Slot(buffer.Count);
            int length = Math.Min(slot.Length, datagram.Bytes.Length);
            datagram.Bytes.AsSpan(0, length).CopyTo(slot);
            buffer[buffer.Count] = new ReceivedDatagram(buffer.Count * buffer.SlotSize, length, datagram.Bytes.Length, 0, datagram.Group);
            buffer.Count++;
            _queuedMemory -= datagram.Memory;
            AfterReceive(slot.Length);
        }

        return buffer.Count;
    }

    /// <summary>Looks at the waiting datagram's length only (MSG_PEEK with an empty buffer): a dump under way goes on as with any receive.</summary>
    internal int PeekLength()
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        int length = _queue.First?.Value.Bytes.Length ?? -1;
        AfterReceive(0);
        return length;
    }

    /// <summary>Takes one datagram whole, as recvmsg with a buffer of <paramref name="bufferSize"/> bytes; null when none waits.</summary>
    internal byte[]? ReceiveOne(int bufferSize = 32768)
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        if (_queue.First is not { } node)
        {
            return null;
        }

        _queue.RemoveFirst();
        _queuedMemory -= node.Value.Memory;
        AfterReceive(bufferSize);
        return node.Value.Bytes;
    }

    /// <inheritdoc />
    public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default)
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        if (_queue.Count > 0 || _error != LinuxError.None || _closed)
        {
            return ValueTask.CompletedTask;
        }

        // Continuations run inline, in the thread that made the socket readable: that is what keeps a simulation deterministic.
        _waiter ??= new TaskCompletionSource();
        return new ValueTask(_waiter.Task.WaitAsync(cancellationToken));
    }

    /// <inheritdoc />
    public void Join(uint group)
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        if (group > _subsystem.GroupCount || group == 0)
        {
            throw new KernelException($"join netlink group {group}", LinuxError.EINVAL);
        }

        _groups.Add(group);
    }

    /// <inheritdoc />
    public void Leave(uint group)
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        _groups.Remove(group);
    }

    /// <inheritdoc />
    public int RequestSendBuffer(int bytes)
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        if (bytes > SendBufferSize)
        {
            SendBufferSize = bytes;
        }

        return SendBufferSize;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        using Time.SimulationQueue.Call call = Kernel.Enter();
        if (_closed)
        {
            return;
        }

        _closed = true;
        Dump = null;
        _queue.Clear();
        Kernel.SocketClosed(this);
        _subsystem.Closed(this);
        Wake();
    }

    /// <summary>The socket listens to this group.</summary>
    internal bool IsIn(uint group) => _groups.Contains(group);

    /// <summary>Puts an answer of the kernel into the queue; when it is full, ENOBUFS waits for the reader and the answer is lost.</summary>
    internal bool Deliver(byte[] datagram, uint group = 0) => Deliver(datagram, group, SocketMemory.OfMessage(datagram.Length));

    /// <summary>Begins a dump: the first part is made at once, each further one when the reader has made room.</summary>
    internal void StartDump(NetlinkDump dump)
    {
        Dump = dump;
        ContinueDump();
    }

    /// <summary>Sets what the next receive fails with.</summary>
    internal void Fail(LinuxError error)
    {
        _error = error;
        Wake();
    }

    private bool Deliver(byte[] datagram, uint group, int memory, bool isDump = false)
    {
        Kernel.OnNetlink(PortId, (int)Protocol, datagram, toKernel: false);
        if (_closed)
        {
            return false;
        }

        // A message counts before it is taken, the first alone is taken whatever its size; a dump goes on only when there is room.
        bool fits = isDump ? _queuedMemory <= ReceiveBufferSize : _queuedMemory == 0 || _queuedMemory + memory <= ReceiveBufferSize;
        if (!fits || _congested)
        {
            if (!_congested && _reportsOverruns)
            {
                _congested = true;
                Fail(LinuxError.ENOBUFS);
            }

            return false;
        }

        // A datagram that was held back follows the one that overtook it.
        QueuedDatagram? overtaken = _heldBack;
        _heldBack = null;
        Fault? fault = Kernel.Faults.Strike(group == 0 ? FaultPoint.Answer : FaultPoint.Event, Protocol, PortId, datagram);
        var arriving = new QueuedDatagram(datagram, group, memory);
        switch (fault?.Kind)
        {
            case FaultKind.Lose:
                break;
            case FaultKind.Overrun:
                _congested = true;
                Fail(LinuxError.ENOBUFS);
                break;
            case FaultKind.Reorder when overtaken is null:
                _heldBack = arriving;
                return true;
            case FaultKind.Delay:
                Kernel.After(fault.Delay, () => Enqueue(arriving));
                break;
            case FaultKind.Truncate:
                // At an odd length, so within a message: nobody could tell a cut between two.
                Enqueue(arriving with { Bytes = datagram[..(datagram.Length / 2 | 1)] });
                break;
            case FaultKind.Duplicate:
                Enqueue(arriving);
                Enqueue(arriving);
                break;
            default:
                Enqueue(arriving);
                break;
        }

        if (overtaken is { } late)
        {
            Enqueue(late);
        }

        return true;
    }

    private void Enqueue(QueuedDatagram datagram)
    {
        if (_closed)
        {
            return;
        }

        _queue.AddLast(datagram);
        _queuedMemory += datagram.Memory;
        Wake();
    }

    private void AfterReceive(int bufferSize)
    {
        _largestReceive = Math.Min(Math.Max(_largestReceive, bufferSize), SocketMemory.LargestDumpPart);
        if (_queue.Count == 0)
        {
            _congested = false;
        }

        if (Dump is not null && _queuedMemory <= ReceiveBufferSize / 2)
        {
            ContinueDump();
        }
    }

    private void ContinueDump()
    {
        NetlinkDump dump = Dump!;
        int size = Math.Max(Math.Max(dump.MinimumPartSize, SocketMemory.GoodMessageSize), _largestReceive);
        bool interrupted = Kernel.Faults.Strike(FaultPoint.DumpPart, Protocol, PortId, default, dump.Parts++) is { Kind: FaultKind.Interrupt };
        byte[] part = dump.NextPart(size, out bool finished, interrupted);
        if (finished)
        {
            Dump = null;
        }

        if (part.Length > 0)
        {
            Deliver(part, 0, SocketMemory.OfMessage(size), isDump: true);
        }
    }

    private void Wake()
    {
        if (_waiter is { } waiter)
        {
            _waiter = null;
            Kernel.Queue.Post(() => waiter.TrySetResult());
        }
    }

    private readonly record struct QueuedDatagram(byte[] Bytes, uint Group, int Memory);
}
