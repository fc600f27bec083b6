using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using Tmds.Linux;
using static EucaNet.Netlink.Kernel.SystemCalls;

namespace EucaNet.Netlink.Kernel;

/// <summary>An AF_NETLINK socket of the Linux kernel (netlink(7)).</summary>
internal sealed unsafe class LinuxNetlinkSocket : INetlinkSocket
{
    private const int MaximumSlots = 64;

    // CMSG_SPACE(sizeof(struct nl_pktinfo)): cmsghdr of 16 bytes, the group, padding.
    private const int ControlSize = 24;

    private readonly LinuxSocket _socket;
    private bool _packetInformation;
    private bool _hearsKernelOnly;

    private LinuxNetlinkSocket(LinuxSocket socket) => _socket = socket;

    public uint PortId { get; private set; }

    public int SendBufferSize { get; private set; }

    /// <summary>Opens and binds a socket in the calling thread's network namespace.</summary>
    public static LinuxNetlinkSocket Open(NetlinkProtocol protocol, NetlinkSocketOptions options)
    {
        int descriptor = LinuxSocket.Open(AF_NETLINK, LibC.SOCK_RAW, (int)protocol, $"open a netlink socket for {protocol}");
        var socket = new LinuxNetlinkSocket(new LinuxSocket(descriptor));
        try
        {
            socket.Prepare(descriptor, protocol, options);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Send(ReadOnlySpan<byte> datagram)
    {
        LinuxSocket.Use use = _socket.Acquire();
        LinuxError error = Send(use.Descriptor, datagram);
        use.Dispose();
        ThrowUnsent(datagram.Length, error);
    }

    public LinuxError Exchange(ReadOnlySpan<byte> datagram, NetlinkReceiveBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        if (buffer.Slots != 1 || _packetInformation)
        {
            return INetlinkSocket.SendThenReceive(this, datagram, buffer);
        }

        buffer.Count = 0;
        LinuxError received = LinuxError.None;
        LinuxSocket.Use use = _socket.Acquire();
        LinuxError sent = Send(use.Descriptor, datagram);
        if (sent == LinuxError.None)
        {
            received = _socket.TakePendingError() is var pending and not LinuxError.None ? pending : ReceiveOne(use.Descriptor, buffer);
        }

        use.Dispose();
        ThrowUnsent(datagram.Length, sent);
        return received;
    }

    [SkipLocalsInit]
    public int Receive(NetlinkReceiveBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        buffer.Count = 0;
        ThrowPending();
        if (buffer.Slots == 1 && !_packetInformation)
        {
            // For a single datagram recvfrom is the shorter way into the kernel.
            LinuxSocket.Use use = _socket.Acquire();
            LinuxError error = ReceiveOne(use.Descriptor, buffer);
            use.Dispose();
            return error is LinuxError.None or LinuxError.EAGAIN ? buffer.Count : throw new KernelException("receive from the kernel", error);
        }

        int slots = Math.Min(buffer.Slots, MaximumSlots);
        MessageHeader* headers = stackalloc MessageHeader[slots];
        Block* blocks = stackalloc Block[slots];
        NetlinkAddress* addresses = stackalloc NetlinkAddress[slots];
        byte* control = stackalloc byte[_packetInformation ? slots * ControlSize : 1];
        for (int index = 0; index < slots; index++)
        {
            // The buffer's memory is pinned for as long as it lives.
            Span<byte> slot = buffer.Slot(index);
            blocks[index] = new Block { Base = Unsafe.AsPointer(ref MemoryMarshal.GetReference(slot)), Length = (nuint)slot.Length };
            addresses[index] = default;
            headers[index] = new MessageHeader
            {
                Name = addresses + index,
                NameLength = (uint)sizeof(NetlinkAddress),
                Blocks = blocks + index,
                BlockCount = 1,
                Control = _packetInformation ? control + index * ControlSize : null,
                ControlLength = _packetInformation ? (nuint)ControlSize : 0,
            };
        }

        int received = ReceiveMessages(headers, slots);
        for (int index = 0; index < received; index++)
        {
            int full = (int)headers[index].Received;
            buffer[index] = new ReceivedDatagram(
                index * buffer.SlotSize, Math.Min(full, buffer.SlotSize), full, addresses[index].PortId, GroupOf(headers[index], addresses[index]));
        }

        GC.KeepAlive(buffer);
        buffer.Count = received;
        return received;
    }

    public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => _socket.WaitReadableAsync(cancellationToken);

    public void Join(uint group)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        _hearsKernelOnly = false;
        if (!_packetInformation)
        {
            // sockaddr_nl names groups up to 32 only; the control message names them all.
            _packetInformation = TrySetOption(use.Descriptor, SOL_NETLINK, NETLINK_PKTINFO, 1);
        }

        if (!TrySetOption(use.Descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)group))
        {
            throw Failure($"join netlink multicast group {group}", "It needs CAP_NET_ADMIN.");
        }
    }

    public void Leave(uint group)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        if (!TrySetOption(use.Descriptor, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, (int)group))
        {
            throw Failure($"leave netlink multicast group {group}");
        }
    }

    public int RequestSendBuffer(int bytes)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        return SendBufferSize = RequestBuffer(use.Descriptor, bytes, SO_SNDBUFFORCE, SO_SNDBUF);
    }

    public void Dispose() => _socket.Dispose();

    // The kernel doubles what is asked for, for its own bookkeeping, and counts so; SO_SNDBUFFORCE needs CAP_NET_ADMIN.
    private static int RequestBuffer(int descriptor, int bytes, int force, int ordinary)
    {
        if (GetOption(descriptor, LibC.SOL_SOCKET, ordinary) < bytes)
        {
            int half = bytes / 2 + (bytes & 1);
            if (!TrySetOption(descriptor, LibC.SOL_SOCKET, force, half))
            {
                TrySetOption(descriptor, LibC.SOL_SOCKET, ordinary, half);
            }
        }

        return GetOption(descriptor, LibC.SOL_SOCKET, ordinary);
    }

    private static uint GroupOf(in MessageHeader header, in NetlinkAddress address)
    {
        if (header.ControlLength >= 20)
        {
            var control = (byte*)header.Control;
            if (*(int*)(control + 8) == SOL_NETLINK && *(int*)(control + 12) == NETLINK_PKTINFO)
            {
                return *(uint*)(control + 16);
            }
        }

        return address.Groups == 0 ? 0 : (uint)System.Numerics.BitOperations.TrailingZeroCount(address.Groups) + 1;
    }

    // These two do not throw, and their callers hold the descriptor without a try block: in one, the compiler calls the kernel by way of a stub.
    private static LinuxError Send(int descriptor, ReadOnlySpan<byte> datagram)
    {
        fixed (byte* data = datagram)
        {
            // No address: the socket sends to the kernel.
            while (SendTo(descriptor, data, (nuint)datagram.Length, MSG_DONTWAIT, null, 0) < 0)
            {
                LinuxError error = LastError;
                if (error != LinuxError.EINTR)
                {
                    return error;
                }
            }

            return LinuxError.None;
        }
    }

    // The sender's address is a good part of what a small answer costs: it is asked for only where it may be another than the kernel's.
    private LinuxError ReceiveOne(int descriptor, NetlinkReceiveBuffer buffer)
    {
        Span<byte> slot = buffer.Slot(0);
        NetlinkAddress sender = default;
        uint length = (uint)sizeof(NetlinkAddress);
        bool asks = !_hearsKernelOnly;
        while (true)
        {
            // The slot is pinned for as long as the buffer lives.
            nint full = ReceiveFrom(
                descriptor, Unsafe.AsPointer(ref MemoryMarshal.GetReference(slot)), (nuint)slot.Length, MSG_DONTWAIT | MSG_TRUNC, asks ? &sender : null, asks ? &length : null);
            if (full >= 0)
            {
                buffer[0] = new ReceivedDatagram(0, Math.Min((int)full, slot.Length), (int)full, sender.PortId, GroupOf(default, sender));
                buffer.Count = 1;
                return LinuxError.None;
            }

            LinuxError error = LastError;
            if (error != LinuxError.EINTR)
            {
                return error;
            }
        }
    }

    private void ThrowUnsent(int length, LinuxError error)
    {
        if (error != LinuxError.None)
        {
            throw new KernelException($"send {length} bytes to the kernel", error, error switch
            {
                LinuxError.EMSGSIZE => $"The send buffer takes at most {SendBufferSize - 32}; ask for a larger one.",
                LinuxError.EPERM => "It needs CAP_NET_ADMIN.",
                _ => null,
            });
        }
    }

    private int ReceiveMessages(MessageHeader* headers, int count)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        while (true)
        {
            int received = SystemCalls.ReceiveMessages(use.Descriptor, headers, (uint)count, MSG_DONTWAIT | MSG_TRUNC, null);
            if (received >= 0)
            {
                return received;
            }

            switch (LastError)
            {
                case LinuxError.EAGAIN:
                    return 0;
                case LinuxError.EINTR:
                    continue;
                default:
                    throw new KernelException("receive from the kernel", LastError);
            }
        }
    }

    private void ThrowPending()
    {
        LinuxError error = _socket.TakePendingError();
        if (error != LinuxError.None)
        {
            throw new KernelException("receive from the kernel", error);
        }
    }

    private void Prepare(int descriptor, NetlinkProtocol protocol, NetlinkSocketOptions options)
    {
        // Acknowledgements without the request's bytes, with the kernel's explanation. Kernels before 4.12 have neither; the exchange works without.
        TrySetOption(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
        TrySetOption(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
        if (options.StrictChecking)
        {
            TrySetOption(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
        }

        if (!options.ReportOverruns)
        {
            TrySetOption(descriptor, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
        }

        if (options.ReceiveBufferSize is { } receive)
        {
            // A smaller buffer than the system's default is a wish too (tests of overruns).
            if (!TrySetOption(descriptor, LibC.SOL_SOCKET, SO_RCVBUFFORCE, receive / 2))
            {
                TrySetOption(descriptor, LibC.SOL_SOCKET, SO_RCVBUF, receive / 2);
            }
        }

        SendBufferSize = GetOption(descriptor, LibC.SOL_SOCKET, SO_SNDBUF);
        if (options.SendBufferSize is { } send)
        {
            SendBufferSize = RequestBuffer(descriptor, send, SO_SNDBUFFORCE, SO_SNDBUF);
        }

        var address = new NetlinkAddress { Family = AF_NETLINK };
        Check(LibC.bind(descriptor, (sockaddr*)&address, (uint)sizeof(NetlinkAddress)), $"bind a netlink socket for {protocol}");
        socklen_t length = (uint)sizeof(NetlinkAddress);
        Check(LibC.getsockname(descriptor, (sockaddr*)&address, &length), "read the netlink socket's port");
        PortId = address.PortId;

        // Connected to the kernel, the socket takes nothing that another process sends to it; to a group anybody with CAP_NET_ADMIN may send (netlink(7)).
        address = new NetlinkAddress { Family = AF_NETLINK };
        _hearsKernelOnly = LibC.connect(descriptor, (sockaddr*)&address, (uint)sizeof(NetlinkAddress)) == 0;
        foreach (uint group in options.Groups)
        {
            Join(group);
        }
    }
}
