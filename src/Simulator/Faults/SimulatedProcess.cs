using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Faults;

/// <summary>
/// The process was killed (SIGKILL): its system call never came back, and none will any more. Being an
/// <see cref="ObjectDisposedException"/> it ends loops that wait on the process's sockets.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="systemCall">The number of the system call at which it died, from 1.</param>
public sealed class ProcessKilledException(string process, long systemCall)
    : ObjectDisposedException(process, $"The process {process} was killed at its system call {systemCall}.");

/// <summary>
/// A program on a machine: the machine's kernel, simulated or real, counted and mortal. When it is killed its sockets close, as the kernel closes
/// those of a dead process, and every call of it throws <see cref="ProcessKilledException"/>; what it had done to the kernel stays.
/// </summary>
public sealed class SimulatedProcess : IKernel
{
    private readonly IKernel _kernel;
    private readonly List<IDisposable> _open = [];
    private readonly Lock _gate = new(); // a real kernel is called from several threads
    private long _systemCalls;
    private long _writes;
    private long? _killAt;
    private bool _killAfterwards;

    /// <summary>A process on a kernel. On a simulated one <see cref="SimulatedKernel.StartProcess"/> makes it known to the machine's faults too.</summary>
    /// <param name="kernel">The kernel it calls.</param>
    /// <param name="name">Its name, for messages.</param>
    public SimulatedProcess(IKernel kernel, string name)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        _kernel = kernel;
        Name = name;
    }

    /// <summary>Its name, for messages.</summary>
    public string Name { get; }

    /// <summary>System calls made so far: sockets opened, sends, receives, parameters read and written.</summary>
    public long SystemCalls => Interlocked.Read(ref _systemCalls);

    /// <summary>System calls that asked the kernel to change something, whether it did or refused.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>The process dies at the system call of this number, counted from 1; null for no such plan.</summary>
    public long? KillAt
    {
        get => _killAt;
        set
        {
            Changing();
            _killAt = value;
        }
    }

    /// <summary>Where it dies by <see cref="KillAt"/>: after the kernel has carried the system call out, rather than before.</summary>
    public bool KillAfterwards
    {
        get => _killAfterwards;
        set
        {
            Changing();
            _killAfterwards = value;
        }
    }

    /// <summary>It was killed.</summary>
    public bool IsDead { get; private set; }

    /// <inheritdoc />
    public TimeProvider Time => _kernel.Time;

    /// <summary>Kills it now.</summary>
    public void Kill()
    {
        Changing();
        IDisposable[] left;
        lock (_gate)
        {
            IsDead = true;
            left = [.. _open];
            _open.Clear();
        }

        foreach (IDisposable open in left)
        {
            open.Dispose();
        }
    }

    /// <inheritdoc />
    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) =>
        Call(false, () => Keep(new ProcessSocket(this, protocol, _kernel.OpenNetlink(protocol, options))));

    /// <inheritdoc />
    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) =>
        Call(false, () => Keep(new ProcessPacketSocket(this, _kernel.OpenPacket(interfaceIndex, etherType, filter))));

    /// <inheritdoc />
    public IDisposable ReserveUdpPort(string interfaceName, ushort port) => Call(false, () => Keep(new Held(this, _kernel.ReserveUdpPort(interfaceName, port))));

    /// <inheritdoc />
    public IXtablesSocket OpenXtables(AddressFamily family) => Call(false, () => Keep(new ProcessXtablesSocket(this, _kernel.OpenXtables(family))));

    /// <inheritdoc />
    public string? ReadParameter(string path) => Call(false, () => _kernel.ReadParameter(path));

    /// <inheritdoc />
    public void WriteParameter(string path, string value) => Call(true, () =>
    {
        _kernel.WriteParameter(path, value);
        return true;
    });

    /// <inheritdoc />
    public void Wait(Task task) => _kernel.Wait(task);

    /// <summary>It may change: forks of its cloud copy it first.</summary>
    internal void Changing() => SimulatedKernel.Changing(_kernel);

    private T Keep<T>(T opened)
        where T : IDisposable
    {
        lock (_gate)
        {
            _open.Add(opened);
        }

        return opened;
    }

    private void Forget(IDisposable closed)
    {
        lock (_gate)
        {
            _open.Remove(closed);
        }
    }

    private T Call<T>(bool writes, Func<T> call)
    {
        Enter(writes);
        T result = call();
        Leave();
        return result;
    }

    /// <summary>A system call begins.</summary>
    private void Enter(bool writes)
    {
        Changing();
        if (IsDead)
        {
            throw new ProcessKilledException(Name, SystemCalls);
        }

        long call = Interlocked.Increment(ref _systemCalls);
        Interlocked.Add(ref _writes, writes ? 1 : 0);
        if (call >= KillAt && !KillAfterwards)
        {
            Die();
        }
    }

    /// <summary>The kernel has carried it out.</summary>
    private void Leave()
    {
        // A fault may have killed it meanwhile.
        if (IsDead || (SystemCalls >= KillAt && KillAfterwards))
        {
            Die();
        }
    }

    private void Die()
    {
        Kill();
        throw new ProcessKilledException(Name, SystemCalls);
    }

    private sealed class Held(SimulatedProcess process, IDisposable inner) : IDisposable
    {
        public void Dispose()
        {
            process.Forget(this);
            inner.Dispose();
        }
    }

    private sealed class ProcessSocket(SimulatedProcess process, NetlinkProtocol protocol, INetlinkSocket inner) : INetlinkSocket
    {
        public uint PortId => inner.PortId;

        public int SendBufferSize => inner.SendBufferSize;

        public void Send(ReadOnlySpan<byte> datagram)
        {
            process.Enter(NetlinkRequests.AreChanges(protocol, datagram));
            inner.Send(datagram);
            process.Leave();
        }

        public int Receive(NetlinkReceiveBuffer buffer)
        {
            process.Enter(writes: false);
            int received = inner.Receive(buffer);
            process.Leave();
            return received;
        }

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => inner.WaitReadableAsync(cancellationToken);

        public void Join(uint group) => process.Call(false, () =>
        {
            inner.Join(group);
            return true;
        });

        public void Leave(uint group) => process.Call(false, () =>
        {
            inner.Leave(group);
            return true;
        });

        public int RequestSendBuffer(int bytes) => process.Call(false, () => inner.RequestSendBuffer(bytes));

        public void Dispose()
        {
            process.Forget(this);
            inner.Dispose();
        }
    }

    private sealed class ProcessPacketSocket(SimulatedProcess process, IPacketSocket inner) : IPacketSocket
    {
        public ReadOnlySpan<byte> HardwareAddress => inner.HardwareAddress;

        public void Send(ReadOnlySpan<byte> frame)
        {
            process.Enter(writes: false);
            inner.Send(frame);
            process.Leave();
        }

        public int Receive(Span<byte> frame)
        {
            process.Enter(writes: false);
            int length = inner.Receive(frame);
            process.Leave();
            return length;
        }

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => inner.WaitReadableAsync(cancellationToken);

        public void Dispose()
        {
            process.Forget(this);
            inner.Dispose();
        }
    }

    private sealed class ProcessXtablesSocket(SimulatedProcess process, IXtablesSocket inner) : IXtablesSocket
    {
        public int GetOption(int option, Span<byte> value)
        {
            process.Enter(writes: false);
            int length = inner.GetOption(option, value);
            process.Leave();
            return length;
        }

        public void SetOption(int option, ReadOnlySpan<byte> value)
        {
            process.Enter(writes: true);
            inner.SetOption(option, value);
            process.Leave();
        }

        public void SetOption(int option, Span<byte> value, int pointer, Span<byte> memory)
        {
            process.Enter(writes: true);
            inner.SetOption(option, value, pointer, memory);
            process.Leave();
        }

        public void Dispose()
        {
            process.Forget(this);
            inner.Dispose();
        }
    }
}
