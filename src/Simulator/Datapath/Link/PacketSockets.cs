using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>The packet sockets (AF_PACKET) of one kernel.</summary>
internal sealed class PacketSockets(NetworkStack stack)
{
    private readonly List<SimulatedPacketSocket> _sockets = [];

    public IPacketSocket Open(NetworkDevice device, ushort etherType, PacketFilter? filter = null)
    {
        var socket = new SimulatedPacketSocket(stack, device, etherType, filter);
        _sockets.Add(socket);
        return socket;
    }

    /// <summary>Gives a frame to the sockets of its own protocol; outgoing frames are shown to sockets for all protocols only.</summary>
    public void Deliver(NetworkDevice device, Packet packet, bool outgoing)
    {
        if (_sockets.Count == 0)
        {
            return;
        }

        foreach (SimulatedPacketSocket socket in _sockets)
        {
            if (socket.Device == device && (outgoing ? socket.EtherType == EtherType.All : socket.EtherType == packet.Protocol))
            {
                socket.Enqueue(packet);
            }
        }
    }

    /// <summary>Gives a received frame to the sockets for all protocols, before anybody else sees it.</summary>
    public void DeliverToAll(NetworkDevice device, Packet packet)
    {
        foreach (SimulatedPacketSocket socket in _sockets)
        {
            if (socket.Device == device && socket.EtherType == EtherType.All)
            {
                socket.Enqueue(packet);
            }
        }
    }

    /// <summary>A device went down or away: its sockets say so once.</summary>
    public void DeviceDown(NetworkDevice device)
    {
        foreach (SimulatedPacketSocket socket in _sockets)
        {
            if (socket.Device == device)
            {
                socket.Fail(LinuxError.ENETDOWN);
            }
        }
    }

    private void Close(SimulatedPacketSocket socket) => _sockets.Remove(socket);

    private sealed class SimulatedPacketSocket(NetworkStack stack, NetworkDevice device, ushort etherType, PacketFilter? filter) : IPacketSocket
    {
        /// <summary>About what fits in the default receive buffer of 212,992 bytes.</summary>
        private const int MaximumWaiting = 256;

        private readonly Queue<byte[]> _frames = new();
        private TaskCompletionSource? _waiter;
        private LinuxError _error;
        private bool _closed;

        public NetworkDevice Device { get; } = device;

        public ushort EtherType { get; } = etherType;

        public ReadOnlySpan<byte> HardwareAddress => Device.HardwareAddress;

        public void Send(ReadOnlySpan<byte> frame)
        {
            using SimulationQueue.Call call = stack.Kernel.Enter();
            ObjectDisposedException.ThrowIf(_closed, this);
            if (stack.Kernel.Devices.Find(Device.Index) != Device)
            {
                throw new KernelException($"send frame by {Device.Name}", LinuxError.ENXIO);
            }

            if (!Device.IsUp)
            {
                throw new KernelException($"send frame by {Device.Name}", LinuxError.ENETDOWN);
            }

            if (frame.Length < Packet.EthernetSize)
            {
                throw new KernelException($"send frame by {Device.Name}", LinuxError.EINVAL);
            }

            if (frame.Length > Device.Mtu + Packet.EthernetSize + VlanTag.Size)
            {
                throw new KernelException($"send frame by {Device.Name}", LinuxError.EMSGSIZE);
            }

            Packet packet = Packet.FromFrame(frame);
            packet.IsLocal = true;
            packet.Type = PacketType.Outgoing;
            packet.Socket = LocalSocket.OfProgram;
            packet.Story = stack.BeginStory(packet, "packet socket");

            // A device without a signal swallows it (NET_XMIT_CN); what rules, filters and full queues drop is told (net_xmit_errno).
            if (!stack.Link.Transmit(Device, packet) && Device.HasCarrier)
            {
                throw new KernelException($"send frame by {Device.Name}", LinuxError.ENOBUFS);
            }
        }

        public int Receive(Span<byte> frame)
        {
            using SimulationQueue.Call call = stack.Kernel.Enter();
            ObjectDisposedException.ThrowIf(_closed, this);
            if (_error != LinuxError.None)
            {
                LinuxError error = _error;
                _error = LinuxError.None;
                throw new KernelException($"receive frame from {Device.Name}", error);
            }

            if (!_frames.TryDequeue(out byte[]? waiting))
            {
                return -1;
            }

            int length = Math.Min(waiting.Length, frame.Length);
            waiting.AsSpan(0, length).CopyTo(frame);
            return length;
        }

        public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default)
        {
            using SimulationQueue.Call call = stack.Kernel.Enter();
            ObjectDisposedException.ThrowIf(_closed, this);
            cancellationToken.ThrowIfCancellationRequested();
            if (_frames.Count > 0 || _error != LinuxError.None)
            {
                return ValueTask.CompletedTask;
            }

            var waiter = _waiter ??= new TaskCompletionSource();
            return new ValueTask(cancellationToken.CanBeCanceled ? waiter.Task.WaitAsync(cancellationToken) : waiter.Task);
        }

        public void Enqueue(Packet packet)
        {
            if (_frames.Count >= MaximumWaiting || filter?.Accepts(packet.Frame) == false)
            {
                return;
            }

            // The tag was taken off by the driver: the reader doesn't see it.
            _frames.Enqueue(packet.Frame.ToArray());
            if (packet.Tells(TraceLevel.Summary))
            {
                packet.Tell(StoryKind.Delivered, TraceLevel.Summary, stack.HostName, $"packet socket on {Device.Name}");
            }

            Wake();
        }

        public void Fail(LinuxError error)
        {
            _error = error;
            Wake();
        }

        public void Dispose()
        {
            using SimulationQueue.Call call = stack.Kernel.Enter();
            if (!_closed)
            {
                _closed = true;
                stack.PacketSockets.Close(this);
                TaskCompletionSource? waiter = _waiter;
                _waiter = null;
                if (waiter is not null)
                {
                    stack.Kernel.Queue.Post(() => waiter.TrySetException(new ObjectDisposedException(nameof(IPacketSocket))));
                }
            }
        }

        private void Wake()
        {
            TaskCompletionSource? waiter = _waiter;
            _waiter = null;
            if (waiter is not null)
            {
                stack.Kernel.Queue.Post(() => waiter.TrySetResult());
            }
        }
    }
}
