using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Answers of the kernel to one request.</summary>
internal static class SocketAnswers
{
    /// <summary>Sends a message with the request's sequence number to the one who asked.</summary>
    public static void Answer(SimulatedNetlinkSocket socket, NetlinkMessage request, byte[] message)
    {
        var header = MemoryMarshal.Read<NetlinkHeader>(message);
        MemoryMarshal.Write(message, header with { Sequence = request.Header.Sequence, PortId = socket.PortId });
        socket.Deliver(message);
    }
}
