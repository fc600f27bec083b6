using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using Tmds.Linux;
using static EucaNet.Netlink.Kernel.SystemCalls;

namespace EucaNet.Netlink.Kernel;

/// <summary>An AF_PACKET socket of the Linux kernel, bound to one interface and one ethernet type (packet(7)).</summary>
internal sealed unsafe class LinuxPacketSocket : IPacketSocket
{
    private readonly LinuxSocket _socket;
    private readonly byte[] _hardwareAddress;

    private LinuxPacketSocket(LinuxSocket socket, byte[] hardwareAddress)
    {
        _socket = socket;
        _hardwareAddress = hardwareAddress;
    }

    public ReadOnlySpan<byte> HardwareAddress => _hardwareAddress;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    public static LinuxPacketSocket Open(int interfaceIndex, ushort etherType, PacketFilter? filter)
    {
        // Protocol 0 receives nothing until the bind names interface and type, so no stray frame of another interface gets in.
        int descriptor = LinuxSocket.Open(AF_PACKET, LibC.SOCK_RAW, 0, "open a packet socket", "It needs CAP_NET_RAW.");
        var socket = new LinuxSocket(descriptor);
        try
        {
            if (filter is not null)
            {
                Attach(descriptor, filter);
            }

            var address = new PacketAddress
            {
                Family = AF_PACKET,
                Protocol = BinaryPrimitives.ReverseEndianness(etherType),
                InterfaceIndex = interfaceIndex,
            };
            Check(LibC.bind(descriptor, (sockaddr*)&address, (uint)sizeof(PacketAddress)), $"bind a packet socket to interface {interfaceIndex}");
            socklen_t length = (uint)sizeof(PacketAddress);
            Check(LibC.getsockname(descriptor, (sockaddr*)&address, &length), "read the packet socket's address");
            return new LinuxPacketSocket(socket, new ReadOnlySpan<byte>(address.Address, Math.Min((int)address.AddressLength, 8)).ToArray());
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Send(ReadOnlySpan<byte> frame)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        fixed (byte* data = frame)
        {
            while (SendTo(use.Descriptor, data, (nuint)frame.Length, MSG_DONTWAIT, null, 0) < 0)
            {
                if (LastError != LinuxError.EINTR)
                {
                    throw new KernelException($"send a frame of {frame.Length} bytes", LastError);
                }
            }
        }
    }

    public int Receive(Span<byte> frame)
    {
        LinuxError pending = _socket.TakePendingError();
        if (pending != LinuxError.None)
        {
            throw new KernelException("receive a frame", pending);
        }

        using LinuxSocket.Use use = _socket.Acquire();
        fixed (byte* data = frame)
        {
            while (true)
            {
                long length = (long)LibC.recv(use.Descriptor, data, frame.Length, MSG_DONTWAIT);
                if (length >= 0)
                {
                    return (int)length;
                }

                switch (LastError)
                {
                    case LinuxError.EAGAIN:
                        return -1;
                    case LinuxError.EINTR:
                        continue;
                    default:
                        throw new KernelException("receive a frame", LastError);
                }
            }
        }
    }

    public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => _socket.WaitReadableAsync(cancellationToken);

    public void Dispose() => _socket.Dispose();

    private static void Attach(int descriptor, PacketFilter filter)
    {
        const int AttachFilter = 26;
        FilterInstruction[] program = [.. filter.Program];
        fixed (FilterInstruction* instructions = program)
        {
            var value = new FilterProgram { Length = (ushort)program.Length, Instructions = instructions };
            Check(LibC.setsockopt(descriptor, LibC.SOL_SOCKET, AttachFilter, &value, (uint)sizeof(FilterProgram)), "attach a filter to a packet socket");
        }
    }

    // struct sock_fprog
    private struct FilterProgram
    {
        public ushort Length;
        public FilterInstruction* Instructions;
    }
}
