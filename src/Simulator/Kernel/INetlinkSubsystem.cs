using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel;

/// <summary>What stands behind the netlink sockets of one protocol (rtnetlink, nfnetlink).</summary>
internal interface INetlinkSubsystem
{
    /// <summary>The number of multicast groups; joining a higher one is EINVAL.</summary>
    uint GroupCount { get; }

    /// <summary>
    /// Acts on one datagram from user space before it returns. Answers go to <see cref="SimulatedNetlinkSocket.Deliver(byte[], uint)"/>,
    /// events to <see cref="SimulatedKernel.Notify"/>. <see cref="MessageDispatch.Run"/> does what netlink_rcv_skb does.
    /// </summary>
    void Receive(SimulatedNetlinkSocket socket, ReadOnlySpan<byte> datagram);

    /// <summary>The socket was closed; whatever it owned goes.</summary>
    void Closed(SimulatedNetlinkSocket socket)
    {
    }
}
