using System.Net.Sockets;
using EucaNet.Netlink.Wire;
using Tmds.Linux;

namespace EucaNet.Netlink.Kernel;

/// <summary>
/// A non-blocking descriptor that can be waited on without a thread: .NET's own event loop watches it through a
/// <see cref="Socket"/> that peeks one byte. An error met while peeking is kept for the next receive, which throws it.
/// </summary>
internal sealed class LinuxSocket : IDisposable
{
    private readonly SafeSocketHandle _handle;
    private readonly byte[] _peek = new byte[1];
    private readonly Lock _gate = new();
    private Socket? _socket;
    private int _pendingError;

    public LinuxSocket(int descriptor) => _handle = new SafeSocketHandle(descriptor, ownsHandle: true);

    /// <summary>The descriptor, kept open until <see cref="Use.Dispose"/>.</summary>
    public Use Acquire() => new(_handle);

    /// <summary>The error that a wait met and that no receive has reported yet; asking clears it.</summary>
    public LinuxError TakePendingError() =>
        _pendingError == 0 ? LinuxError.None : (LinuxError)Interlocked.Exchange(ref _pendingError, 0);

    public async ValueTask WaitReadableAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Waiter().ReceiveAsync(_peek.AsMemory(), SocketFlags.Peek, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.OperationAborted)
        {
            throw new ObjectDisposedException("The socket was closed while it was waited on.", exception);
        }
        catch (SocketException exception)
        {
            // The kernel hands out a socket's error once; the peek has taken it.
            _pendingError = (int)ErrorOf(exception.SocketErrorCode);
        }
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _handle.Dispose();
    }

    private static LinuxError ErrorOf(SocketError error) => error switch
    {
        SocketError.NoBufferSpaceAvailable => LinuxError.ENOBUFS,
        SocketError.NetworkDown => LinuxError.ENETDOWN,
        SocketError.NetworkUnreachable => LinuxError.ENETUNREACH,
        SocketError.ConnectionReset => LinuxError.ECONNRESET,
        _ => LinuxError.EIO,
    };

    private Socket Waiter()
    {
        lock (_gate)
        {
            return _socket ??= new Socket(_handle);
        }
    }

    /// <summary>Holds the descriptor open during a system call, so that a concurrent dispose cannot give its number to another file.</summary>
    public readonly ref struct Use
    {
        private readonly SafeSocketHandle _handle;

        public Use(SafeSocketHandle handle)
        {
            bool added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
            Descriptor = (int)handle.DangerousGetHandle();
        }

        public int Descriptor { get; }

        public void Dispose() => _handle.DangerousRelease();
    }

    /// <summary>Opens a socket or throws what the kernel said.</summary>
    public static int Open(int family, int type, int protocol, string operation, string? advice = null) =>
        SystemCalls.Check(LibC.socket(family, type | LibC.SOCK_CLOEXEC | LibC.SOCK_NONBLOCK, protocol), operation, advice);
}
