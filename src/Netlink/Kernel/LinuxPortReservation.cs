using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Tmds.Linux;
using static EucaNet.Netlink.Kernel.SystemCalls;

namespace EucaNet.Netlink.Kernel;

/// <summary>A UDP socket that is bound to a port of one interface and reads nothing.</summary>
internal static unsafe class LinuxPortReservation
{
    // sock_filter { code u16, jt u8, jf u8, k u32 }: BPF_RET | BPF_K, 0 bytes. What arrives is dropped before it is queued.
    private const ulong ReturnNothing = 0x06;

    /// <summary>Holds the port in the calling thread's network namespace.</summary>
    public static IDisposable Open(string interfaceName, ushort port)
    {
        string operation = $"hold udp port {port} on {interfaceName}";
        int descriptor = LinuxSocket.Open(LibC.AF_INET, LibC.SOCK_DGRAM, 0, operation);
        var socket = new LinuxSocket(descriptor);
        try
        {
            ulong instruction = ReturnNothing;
            var program = new FilterProgram { Length = 1, Instructions = &instruction };
            Check(LibC.setsockopt(descriptor, LibC.SOL_SOCKET, SO_ATTACH_FILTER, &program, (uint)sizeof(FilterProgram)), operation);
            fixed (byte* name = Encoding.UTF8.GetBytes(interfaceName + "\0"))
            {
                Check(
                    LibC.setsockopt(descriptor, LibC.SOL_SOCKET, SO_BINDTODEVICE, name, (uint)Encoding.UTF8.GetByteCount(interfaceName) + 1),
                    operation,
                    "It needs CAP_NET_RAW.");
            }

            byte* address = stackalloc byte[16];
            new Span<byte>(address, 16).Clear();
            *(ushort*)address = (ushort)LibC.AF_INET;
            *(ushort*)(address + 2) = BinaryPrimitives.ReverseEndianness(port);
            Check(LibC.bind(descriptor, (sockaddr*)address, 16), operation, "Ports below 1024 need CAP_NET_BIND_SERVICE.");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Length;
        public ulong* Instructions;
    }
}
