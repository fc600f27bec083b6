using EucaNet.Netlink.Kernel;

namespace EucaNet.Tests;

/// <summary>A kernel that counts what a program says to it and hears from it, and stops for the test right before each write.</summary>
internal sealed class ObservedKernel(IKernel kernel) : IKernel
{
    private const ushort BatchBegin = 0x10;

    /// <summary>Runs before each write: a batch of nf_tables, a replacement or an addition of counters of xtables.</summary>
    public Action? BeforeWrite { get; set; }

    /// <summary>Batches sent, and writes to xtables.</summary>
    public int Writes { get; private set; }

    /// <summary>Bytes of those.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Everything sent and received, writes too.</summary>
    public long BytesExchanged { get; private set; }

    /// <summary>How long the kernel took for all that.</summary>
    public TimeSpan Elapsed { get; private set; }

    public TimeProvider Time => kernel.Time;

    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) => new NetlinkSocket(this, protocol, kernel.OpenNetlink(protocol, options));

    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => kernel.OpenPacket(interfaceIndex, etherType, filter);

    public IDisposable ReserveUdpPort(string interfaceName, ushort port) => kernel.ReserveUdpPort(interfaceName, port);

    public IXtablesSocket OpenXtables(System.Net.Sockets.AddressFamily family) => new XtablesSocket(this, kernel.OpenXtables(family));

    public string? ReadParameter(string path) => kernel.ReadParameter(path);

    public void WriteParameter(string path, string value) => kernel.WriteParameter(path, value);

    public void Wait(Task task) => kernel.Wait(task);

    /// <summary>Counts from zero again.</summary>
    public void Forget() => (Writes, BytesWritten, BytesExchanged, Elapsed) = (0, 0, 0, default);

    private void Exchange(int length) => BytesExchanged += length;

    private void Write(int length)
    {
        BeforeWrite?.Invoke();
        Writes++;
        BytesWritten += length;
        BytesExchanged += length;
    }

    private Watch Measure() => new(this);

    private readonly struct Watch(ObservedKernel owner) : IDisposable
    {
        private readonly long _since = System.Diagnostics.Stopwatch.GetTimestamp();

        public void Dispose() => owner.Elapsed += System.Diagnostics.Stopwatch.GetElapsedTime(_since);
    }

    private sealed class NetlinkSocket(ObservedKernel owner, NetlinkProtocol protocol, INetlinkSocket socket) : INetlinkSocket
    {
        public uint PortId => socket.PortId;

        public int SendBufferSize => socket.SendBufferSize;

        public void Send(ReadOnlySpan<byte> datagram)
        {
            // A batch of two messages, its beginning and its end, only asks.
            if (protocol == NetlinkProtocol.Netfilter && BitConverter.ToUInt16(datagram[4..]) == BatchBegin && datagram.Length > 2 * 28)
            {
                owner.Write(datagram.Length);
            }
            else
            {
                owner.Exchange(datagram.Length);
            }

            using Watch watch = owner.Measure();
            socket.Send(datagram);
        }

        public int Receive(NetlinkReceiveBuffer buffer)
        {
            using Watch watch = owner.Measure();
            int count = socket.Receive(buffer);
            for (int index = 0; index < count; index++)
            {
                owner.Exchange(buffer[index].FullLength);
            }

            return count;
        }

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => socket.WaitReadableAsync(cancellationToken);

        public void Join(uint group) => socket.Join(group);

        public void Leave(uint group) => socket.Leave(group);

        public int RequestSendBuffer(int bytes) => socket.RequestSendBuffer(bytes);

        public void Dispose() => socket.Dispose();
    }

    private sealed class XtablesSocket(ObservedKernel owner, IXtablesSocket socket) : IXtablesSocket
    {
        public int GetOption(int option, Span<byte> value)
        {
            owner.Exchange(value.Length);
            using Watch watch = owner.Measure();
            return socket.GetOption(option, value);
        }

        public void SetOption(int option, ReadOnlySpan<byte> value)
        {
            owner.Write(value.Length);
            using Watch watch = owner.Measure();
            socket.SetOption(option, value);
        }

        public void SetOption(int option, Span<byte> value, int pointer, Span<byte> memory)
        {
            owner.Write(value.Length);
            using Watch watch = owner.Measure();
            socket.SetOption(option, value, pointer, memory);
        }

        public void Dispose() => socket.Dispose();
    }
}
