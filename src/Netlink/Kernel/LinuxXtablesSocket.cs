using System.Buffers.Binary;
using System.Net.Sockets;
using EucaNet.Netlink.Wire;
using Tmds.Linux;
using static EucaNet.Netlink.Kernel.SystemCalls;

namespace EucaNet.Netlink.Kernel;

/// <summary>The raw socket whose options are the interface of ip_tables and ip6_tables.</summary>
internal sealed unsafe class LinuxXtablesSocket : IXtablesSocket
{
    private const int IPPROTO_RAW = 255;
    private const int SOL_IP = 0;
    private const int SOL_IPV6 = 41;

    private readonly LinuxSocket _socket;
    private readonly int _level;

    private LinuxXtablesSocket(LinuxSocket socket, int level)
    {
        _socket = socket;
        _level = level;
    }

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    public static LinuxXtablesSocket Open(AddressFamily family)
    {
        (int domain, int level) = family switch
        {
            AddressFamily.InterNetwork => (LibC.AF_INET, SOL_IP),
            AddressFamily.InterNetworkV6 => (LibC.AF_INET6, SOL_IPV6),
            _ => throw new ArgumentOutOfRangeException(nameof(family), family, "xtables exist for IPv4 and IPv6."),
        };
        int descriptor = LinuxSocket.Open(domain, LibC.SOCK_RAW, IPPROTO_RAW, "open a socket for xtables", "It needs CAP_NET_RAW and CAP_NET_ADMIN.");
        return new LinuxXtablesSocket(new LinuxSocket(descriptor), level);
    }

    public int GetOption(int option, Span<byte> value)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        fixed (byte* data = value)
        {
            socklen_t length = (uint)value.Length;
            Check(LibC.getsockopt(use.Descriptor, _level, option, data, &length), $"read xtables option {option}", "It needs CAP_NET_ADMIN.");
            return (int)length;
        }
    }

    public void SetOption(int option, ReadOnlySpan<byte> value)
    {
        using LinuxSocket.Use use = _socket.Acquire();
        fixed (byte* data = value)
        {
            Check(LibC.setsockopt(use.Descriptor, _level, option, data, (uint)value.Length), $"set xtables option {option}", "It needs CAP_NET_ADMIN.");
        }
    }

    public void SetOption(int option, Span<byte> value, int pointer, Span<byte> memory)
    {
        fixed (byte* filled = memory)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(value[pointer..], (ulong)filled);
            SetOption(option, value);
        }
    }

    public void Dispose() => _socket.Dispose();
}
