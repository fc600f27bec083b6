using EucaNet.Simulator.Datapath;

namespace EucaNet.Simulator.Kernel;

/// <summary>Sees every netlink datagram of a kernel, for recordings.</summary>
internal delegate void NetlinkTap(uint portId, int protocol, ReadOnlySpan<byte> datagram, bool toKernel);

/// <content>The datapath's place in the kernel, and what recordings hang on.</content>
public sealed partial class SimulatedKernel
{
    private NetworkStack? _stack;

    /// <summary>Told of every datagram that a socket sends to the kernel or gets from it.</summary>
    internal event NetlinkTap? NetlinkTap;

    /// <summary>Carries this kernel's packets.</summary>
    internal NetworkStack Stack => _stack ??= new NetworkStack(this);

    /// <summary>A datagram crosses a netlink socket.</summary>
    internal void OnNetlink(uint portId, int protocol, ReadOnlySpan<byte> datagram, bool toKernel) => NetlinkTap?.Invoke(portId, protocol, datagram, toKernel);

    partial void AttachDatapath() => Datapath = Stack;
}
