namespace EucaNet.Netlink.Kernel;

/// <summary>Whole ethernet frames of one interface, in and out (AF_PACKET). A VLAN tag that the interface's driver took off is not seen.</summary>
public interface IPacketSocket : IDisposable
{
    /// <summary>The interface's hardware address.</summary>
    ReadOnlySpan<byte> HardwareAddress { get; }

    /// <summary>Sends one frame, ethernet header included.</summary>
    /// <exception cref="KernelException">ENETDOWN, ENXIO: the interface is down or gone; EMSGSIZE: larger than its MTU.</exception>
    void Send(ReadOnlySpan<byte> frame);

    /// <summary>Takes one waiting frame without blocking; returns its length, or -1 when none waits.</summary>
    /// <exception cref="KernelException">ENETDOWN: the interface went down; the socket stays usable.</exception>
    int Receive(Span<byte> frame);

    /// <summary>Completes when a frame or an error waits.</summary>
    /// <exception cref="ObjectDisposedException">The socket was closed meanwhile.</exception>
    ValueTask WaitReadableAsync(CancellationToken cancellationToken = default);
}

/// <summary>The socket options through which legacy xtables (ip_tables, ip6_tables) are read and replaced.</summary>
public interface IXtablesSocket : IDisposable
{
    /// <summary>getsockopt: fills <paramref name="value"/> (which also holds the request) and returns the length the kernel gives.</summary>
    /// <exception cref="KernelException">ENOENT, EAGAIN, ENOPROTOOPT, …</exception>
    int GetOption(int option, Span<byte> value);

    /// <summary>setsockopt.</summary>
    /// <exception cref="KernelException">EAGAIN: the table changed meanwhile; EINVAL, ENOENT, ELOOP: it was refused whole.</exception>
    void SetOption(int option, ReadOnlySpan<byte> value);

    /// <summary>setsockopt with a value that names memory which the kernel fills: the counters of the entries that were replaced.</summary>
    /// <param name="option">The option.</param>
    /// <param name="value">Its value; the address is put in.</param>
    /// <param name="pointer">Where in the value the address belongs, eight bytes.</param>
    /// <param name="memory">What the kernel fills.</param>
    /// <exception cref="KernelException">As of the other.</exception>
    void SetOption(int option, Span<byte> value, int pointer, Span<byte> memory);
}
