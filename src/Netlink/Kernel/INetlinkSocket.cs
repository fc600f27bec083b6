using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Kernel;

/// <summary>A bound netlink socket: datagrams out, datagrams in. Not for use by several threads at once in the same direction.</summary>
public interface INetlinkSocket : IDisposable
{
    /// <summary>The socket's own address; the kernel answers to it.</summary>
    uint PortId { get; }

    /// <summary>Sends one datagram to the kernel, which acts on it before this returns.</summary>
    /// <exception cref="KernelException">The kernel did not take the datagram (EMSGSIZE, ENOBUFS, …).</exception>
    void Send(ReadOnlySpan<byte> datagram);

    /// <summary>Takes the datagrams that wait, as many as <paramref name="buffer"/> has room for, without blocking; returns their number, 0 for none.</summary>
    /// <exception cref="KernelException">ENOBUFS: messages were lost because the receive buffer was full; the socket goes on.</exception>
    int Receive(NetlinkReceiveBuffer buffer);

    /// <summary>
    /// Sends one datagram and takes what the kernel has answered by then, as <see cref="Send"/> and <see cref="Receive"/> do one after the other. Returns why nothing was
    /// received: <see cref="LinuxError.EAGAIN"/>, nothing waits; <see cref="LinuxError.ENOBUFS"/>, answers were lost.
    /// </summary>
    /// <exception cref="KernelException">The kernel did not take the datagram.</exception>
    LinuxError Exchange(ReadOnlySpan<byte> datagram, NetlinkReceiveBuffer buffer) => SendThenReceive(this, datagram, buffer);

    /// <summary>Completes when a datagram or an error waits.</summary>
    /// <exception cref="ObjectDisposedException">The socket was closed meanwhile.</exception>
    ValueTask WaitReadableAsync(CancellationToken cancellationToken = default);

    /// <summary>Joins a multicast group by number.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    void Join(uint group);

    /// <summary>Leaves a multicast group by number.</summary>
    void Leave(uint group);

    /// <summary>The send buffer in bytes, as the kernel counts it; a datagram may take up to this less 32.</summary>
    int SendBufferSize { get; }

    /// <summary>Asks for a send buffer of at least <paramref name="bytes"/> (SO_SNDBUFFORCE, then SO_SNDBUF); returns what it is now.</summary>
    int RequestSendBuffer(int bytes);

    internal static LinuxError SendThenReceive(INetlinkSocket socket, ReadOnlySpan<byte> datagram, NetlinkReceiveBuffer buffer)
    {
        socket.Send(datagram);
        try
        {
            return socket.Receive(buffer) > 0 ? LinuxError.None : LinuxError.EAGAIN;
        }
        catch (KernelException exception)
        {
            buffer.Count = 0;
            return exception.Error;
        }
    }
}

/// <summary>What came with a datagram.</summary>
/// <param name="Offset">Where the datagram begins, slot after slot: its slot's number times the size of slots.</param>
/// <param name="Length">Bytes received.</param>
/// <param name="FullLength">The datagram's own length; larger than <paramref name="Length"/> when it was cut (MSG_TRUNC).</param>
/// <param name="SenderPortId">0 for the kernel; anything else is another process and not to be believed.</param>
/// <param name="Group">The multicast group it was sent to, 0 for none.</param>
public readonly record struct ReceivedDatagram(int Offset, int Length, int FullLength, uint SenderPortId, uint Group)
{
    /// <summary>The datagram did not fit its slot.</summary>
    public bool IsTruncated => FullLength > Length;
}

/// <summary>Memory for several datagrams, received with one system call; each slot's is taken when it is first asked for.</summary>
public sealed class NetlinkReceiveBuffer
{
    private readonly ReceivedDatagram[] _datagrams;
    private readonly byte[]?[] _memory;

    /// <summary>Room for <paramref name="slots"/> datagrams of <paramref name="slotSize"/> bytes; the kernel fills dump datagrams up to 32 KiB.</summary>
    public NetlinkReceiveBuffer(int slots = 8, int slotSize = 32 * 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(slots);
        ArgumentOutOfRangeException.ThrowIfLessThan(slotSize, 64);
        _datagrams = new ReceivedDatagram[slots];
        SlotSize = slotSize;
        _memory = new byte[slots][];
    }

    /// <summary>How many datagrams fit.</summary>
    public int Slots => _datagrams.Length;

    /// <summary>Bytes per datagram.</summary>
    public int SlotSize { get; private set; }

    /// <summary>Datagrams received by the last call.</summary>
    public int Count { get; set; }

    /// <summary>What came with datagram <paramref name="index"/>.</summary>
    public ref ReceivedDatagram this[int index] => ref _datagrams[index];

    /// <summary>The bytes of datagram <paramref name="index"/>; valid until the next receive.</summary>
    public ReadOnlySpan<byte> Bytes(int index) => Slot(_datagrams[index].Offset / SlotSize).Slice(_datagrams[index].Offset % SlotSize, _datagrams[index].Length);

    /// <summary>The memory of slot <paramref name="index"/>, for the kernel to fill. Pinned.</summary>
    public Span<byte> Slot(int index) => _memory[index] ??= GC.AllocateUninitializedArray<byte>(SlotSize, pinned: true);

    /// <summary>Makes each slot hold at least <paramref name="bytes"/>; forgets what was received.</summary>
    public void GrowSlots(int bytes)
    {
        if (bytes > SlotSize)
        {
            SlotSize = bytes + 4095 & ~4095;
            Array.Clear(_memory);
            Count = 0;
        }
    }
}
