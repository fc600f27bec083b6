using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using Tmds.Linux;

namespace EucaNet.Netlink.Kernel;

/// <summary>The system calls that Tmds.LibC does not have, their structures (64-bit Linux) and constants, and the last error by name.</summary>
internal static unsafe partial class SystemCalls
{
    public const int AF_NETLINK = 16;
    public const int AF_PACKET = 17;
    public const int SOL_NETLINK = 270;
    public const int NETLINK_ADD_MEMBERSHIP = 1;
    public const int NETLINK_DROP_MEMBERSHIP = 2;
    public const int NETLINK_PKTINFO = 3;
    public const int NETLINK_NO_ENOBUFS = 5;
    public const int NETLINK_CAP_ACK = 10;
    public const int NETLINK_EXT_ACK = 11;
    public const int NETLINK_GET_STRICT_CHK = 12;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_BINDTODEVICE = 25;
    public const int SO_ATTACH_FILTER = 26;
    public const int SO_SNDBUFFORCE = 32;
    public const int SO_RCVBUFFORCE = 33;
    public const int CLONE_NEWNET = 0x40000000;
    public const int MS_BIND = 4096;
    public const int MS_REC = 16384;
    public const int MS_SHARED = 1 << 20;
    public const int MNT_DETACH = 2;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;

    /// <summary>What the last failed call left in errno.</summary>
    public static LinuxError LastError => (LinuxError)Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(int descriptor, MessageHeader* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(int descriptor, void* data, nuint length, int flags, void* address, uint addressLength);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    public static partial nint ReceiveFrom(int descriptor, void* data, nuint length, int flags, void* address, uint* addressLength);

    /// <summary>Throws where a call returned less than 0.</summary>
    public static int Check(int result, string operation, string? advice = null) =>
        result >= 0 ? result : throw Failure(operation, advice);

    /// <summary>The exception for the last failed call.</summary>
    public static KernelException Failure(string operation, string? advice = null)
    {
        LinuxError error = LastError;
        return new KernelException(operation, error, error is LinuxError.EPERM or LinuxError.EACCES ? advice : null);
    }

    /// <summary>Sets an integer socket option; false where the kernel refuses it.</summary>
    public static bool TrySetOption(int descriptor, int level, int option, int value) =>
        LibC.setsockopt(descriptor, level, option, &value, sizeof(int)) == 0;

    /// <summary>An integer socket option's value.</summary>
    public static int GetOption(int descriptor, int level, int option)
    {
        int value = 0;
        socklen_t length = sizeof(int);
        return LibC.getsockopt(descriptor, level, option, &value, &length) == 0 ? value : 0;
    }

    /// <summary>struct sockaddr_nl.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct NetlinkAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint PortId;
        public uint Groups;
    }

    /// <summary>struct sockaddr_ll.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PacketAddress
    {
        public ushort Family;
        public ushort Protocol;
        public int InterfaceIndex;
        public ushort HardwareType;
        public byte PacketType;
        public byte AddressLength;
        public fixed byte Address[8];
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Block
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary>struct mmsghdr: struct msghdr and the received length.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        private readonly uint _padding;
        public Block* Blocks;
        public nuint BlockCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
        private readonly int _padding2;
        public uint Received;
        private readonly uint _padding3;
    }
}
