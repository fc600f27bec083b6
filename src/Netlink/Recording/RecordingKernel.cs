using System.Net.Sockets;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Netlink.Recording;

/// <summary>A kernel whose netlink sockets are recorded, whichever kernel it stands in front of.</summary>
/// <param name="kernel">The kernel behind.</param>
/// <param name="recorder">Takes the datagrams.</param>
public sealed class RecordingKernel(IKernel kernel, INetlinkRecorder recorder) : IKernel
{
    /// <inheritdoc />
    public TimeProvider Time => kernel.Time;

    /// <inheritdoc />
    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) =>
        new RecordedSocket(kernel.OpenNetlink(protocol, options), protocol, kernel.Time, recorder);

    /// <inheritdoc />
    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => kernel.OpenPacket(interfaceIndex, etherType, filter);

    /// <inheritdoc />
    public IDisposable ReserveUdpPort(string interfaceName, ushort port) => kernel.ReserveUdpPort(interfaceName, port);

    /// <inheritdoc />
    public IXtablesSocket OpenXtables(AddressFamily family) => kernel.OpenXtables(family);

    /// <inheritdoc />
    public string? ReadParameter(string path) => kernel.ReadParameter(path);

    /// <inheritdoc />
    public void WriteParameter(string path, string value) => kernel.WriteParameter(path, value);

    /// <inheritdoc />
    public void Wait(Task task) => kernel.Wait(task);

    private sealed class RecordedSocket(INetlinkSocket socket, NetlinkProtocol protocol, TimeProvider time, INetlinkRecorder recorder) : INetlinkSocket
    {
        public uint PortId => socket.PortId;

        public int SendBufferSize => socket.SendBufferSize;

        public void Send(ReadOnlySpan<byte> datagram)
        {
            recorder.Record(protocol, isSent: true, time.GetUtcNow(), datagram);
            socket.Send(datagram);
        }

        public int Receive(NetlinkReceiveBuffer buffer)
        {
            int received = socket.Receive(buffer);
            for (int index = 0; index < received; index++)
            {
                recorder.Record(protocol, isSent: false, time.GetUtcNow(), buffer.Bytes(index));
            }

            return received;
        }

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => socket.WaitReadableAsync(cancellationToken);

        public void Join(uint group) => socket.Join(group);

        public void Leave(uint group) => socket.Leave(group);

        public int RequestSendBuffer(int bytes) => socket.RequestSendBuffer(bytes);

        public void Dispose() => socket.Dispose();
    }
}
