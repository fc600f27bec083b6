using EucaNet.Netlink.Kernel;

namespace EucaNet.Netlink.Recording;

/// <summary>Takes note of the datagrams that pass a socket. Called on the thread that sends or receives; must be safe for several.</summary>
public interface INetlinkRecorder
{
    /// <summary>A datagram passed.</summary>
    /// <param name="protocol">The socket's family.</param>
    /// <param name="isSent">To the kernel; otherwise from it.</param>
    /// <param name="time">When.</param>
    /// <param name="datagram">The bytes; valid during the call.</param>
    void Record(NetlinkProtocol protocol, bool isSent, DateTimeOffset time, ReadOnlySpan<byte> datagram);
}
