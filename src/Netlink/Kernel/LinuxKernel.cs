using System.Net.Sockets;
using System.Text;
using EucaNet.Netlink.Wire;
using Tmds.Linux;
using static EucaNet.Netlink.Kernel.SystemCalls;

namespace EucaNet.Netlink.Kernel;

/// <summary>One network namespace of the Linux machine this process runs on.</summary>
public sealed class LinuxKernel : IKernel
{
    private readonly NetworkNamespace? _namespace;

    private LinuxKernel(NetworkNamespace? networkNamespace, TimeProvider time)
    {
        _namespace = networkNamespace;
        Time = time;
    }

    /// <summary>The namespace the calling threads are in.</summary>
    public static LinuxKernel Current { get; } = new(null, TimeProvider.System);

    /// <inheritdoc />
    public TimeProvider Time { get; }

    /// <summary>The namespace behind this kernel; null for the one the calling threads are in.</summary>
    public NetworkNamespace? Namespace => _namespace;

    /// <summary>A namespace by its descriptor; it must stay undisposed for as long as sockets are opened through this.</summary>
    public static LinuxKernel Open(NetworkNamespace networkNamespace, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return new LinuxKernel(networkNamespace, time ?? TimeProvider.System);
    }

    /// <inheritdoc />
    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) =>
        Inside(() => LinuxNetlinkSocket.Open(protocol, options ?? new NetlinkSocketOptions()));

    /// <inheritdoc />
    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => Inside(() => LinuxPacketSocket.Open(interfaceIndex, etherType, filter));

    /// <inheritdoc />
    public IDisposable ReserveUdpPort(string interfaceName, ushort port) => Inside(() => LinuxPortReservation.Open(interfaceName, port));

    /// <inheritdoc />
    public IXtablesSocket OpenXtables(AddressFamily family) => Inside(() => LinuxXtablesSocket.Open(family));

    /// <inheritdoc />
    public string? ReadParameter(string path)
    {
        string file = ParameterFile(path);
        return Inside(() => ReadFile(file, path));
    }

    /// <inheritdoc />
    public void WriteParameter(string path, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        string file = ParameterFile(path);
        Inside(() =>
        {
            WriteFile(file, path, value);
            return true;
        });
    }

    private static string ParameterFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.StartsWith('/') || path.Split('/').Any(part => part is "" or "." or "..") || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{path}' is no kernel parameter's path; it goes below /proc/sys, as net/ipv4/ip_forward does.", nameof(path));
        }

        return "/proc/sys/" + path;
    }

    private static unsafe string? ReadFile(string file, string path)
    {
        int descriptor;
        fixed (byte* name = Encoding.UTF8.GetBytes(file + "\0"))
        {
            descriptor = LibC.open(name, LibC.O_RDONLY | LibC.O_CLOEXEC, (ushort)0);
        }

        if (descriptor < 0)
        {
            return LastError is LinuxError.ENOENT or LinuxError.ENOTDIR ? null : throw Failure($"read kernel parameter {path}");
        }

        try
        {
            byte* buffer = stackalloc byte[4096];
            int length = 0;
            while (length < 4096)
            {
                int read = Check((int)(long)LibC.read(descriptor, buffer + length, 4096 - length), $"read kernel parameter {path}");
                if (read == 0)
                {
                    break;
                }

                length += read;
            }

            return Encoding.UTF8.GetString(buffer, length).TrimEnd('\n');
        }
        finally
        {
            _ = LibC.close(descriptor);
        }
    }

    private static unsafe void WriteFile(string file, string path, string value)
    {
        string operation = $"set kernel parameter {path} to '{value}'";
        int descriptor;
        fixed (byte* name = Encoding.UTF8.GetBytes(file + "\0"))
        {
            descriptor = Check(LibC.open(name, LibC.O_WRONLY | LibC.O_CLOEXEC, (ushort)0), operation, "It needs root in this network namespace.");
        }

        try
        {
            byte[] bytes = Encoding.UTF8.GetBytes(value + "\n");
            fixed (byte* data = bytes)
            {
                Check((int)(long)LibC.write(descriptor, data, bytes.Length), operation);
            }
        }
        finally
        {
            _ = LibC.close(descriptor);
        }
    }

    // A socket belongs for ever to the namespace of the thread that makes it, and /proc/sys/net shows the reading thread's namespace.
    private T Inside<T>(Func<T> action) => _namespace is null ? action() : _namespace.Run(action);
}
