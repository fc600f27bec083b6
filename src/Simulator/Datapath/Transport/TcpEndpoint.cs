using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Transport;

/// <summary>The states a simulated TCP socket is in.</summary>
internal enum TcpSocketState
{
    SynSent,
    SynReceived,
    Established,
    FinWait,
    CloseWait,
    LastAcknowledgement,
    Closed,
}

/// <summary>
/// One end of a TCP connection: handshake, data in order, retransmission with doubling timeouts, closing. It sends one
/// segment at a time and waits for its acknowledgement, which is slow on a real wire and exact here.
/// </summary>
internal sealed class TcpEndpoint(NetworkStack stack, InternetAddress local, ushort localPort, InternetAddress remote, ushort remotePort, uint initialSequence, Action<TcpEndpoint> closed)
{
    private const ushort Window = 64240;
    private const int MaximumRetries = 6;

    private static readonly TimeSpan FirstTimeout = TimeSpan.FromSeconds(1);

    private readonly Queue<byte[]> _outgoing = new();
    private readonly LocalSocket _whole = new(local), _handshake = new(local) { IsFull = false };
    private uint _sendNext = initialSequence;
    private uint _sendUnacknowledged = initialSequence;
    private uint _receiveNext;
    private readonly int _headers = TcpHeader.MinimumSize + (remote.Family == InternetAddress.V6 ? Ipv6Header.Size : Ipv4Header.MinimumSize);
    private int _segmentSize = int.MaxValue;
    private (TcpFlags Flags, byte[] Data)? _inFlight;
    private bool _finishing;
    private int _retries;
    private ITimer? _timer;
    private IcmpError? _softError;

    public InternetAddress Local { get; } = local;

    public ushort LocalPort { get; } = localPort;

    public InternetAddress Remote { get; } = remote;

    public ushort RemotePort { get; } = remotePort;

    public TcpSocketState State { get; private set; } = TcpSocketState.SynSent;

    /// <summary>The device its packets leave by; null for any.</summary>
    public NetworkDevice? Output { get; init; }

    /// <summary>The story the next segments continue.</summary>
    public PacketStory? Story { get; set; }

    /// <summary>A listener's callback, made when the handshake is complete.</summary>
    public Action<TcpEndpoint>? Accepted { get; init; }

    /// <summary>The handshake this end began is complete.</summary>
    public Action<TcpEndpoint, Packet>? Connected { get; set; }

    /// <summary>Data came, in order.</summary>
    public Action<TcpEndpoint, byte[]>? Received { get; set; }

    /// <summary>The connection ended: null for an orderly end, else why.</summary>
    public Action<TcpEndpoint, string?, Packet?>? Ended { get; set; }

    /// <summary>Sends the SYN.</summary>
    public void Open() => SendReliably(TcpFlags.Synchronize, []);

    /// <summary>Answers a SYN.</summary>
    public void Accept(TcpHeader header)
    {
        State = TcpSocketState.SynReceived;
        _receiveNext = header.Sequence + 1;
        ReadSegmentSize(header);
        SendReliably(TcpFlags.Synchronize | TcpFlags.Acknowledge, []);
    }

    /// <summary>Queues data.</summary>
    public void Send(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            int length = Math.Min(data.Length, SegmentSize);
            _outgoing.Enqueue(data[..length].ToArray());
            data = data[length..];
        }

        SendMore();
    }

    /// <summary>Ends this direction when everything is sent.</summary>
    public void Close()
    {
        _finishing = true;
        SendMore();
    }

    /// <summary>Ends the connection at once, with a reset.</summary>
    public void Abort()
    {
        if (State is not (TcpSocketState.Closed or TcpSocketState.SynSent))
        {
            Emit(TcpFlags.Reset | TcpFlags.Acknowledge, _sendNext, []);
        }

        Finish(null, null);
    }

    /// <summary>
    /// An error is about what is under way, of a handshake that another machine began about the very answer to its SYN. IPv6 believes no MTU that segments fit in anyway, as they do until
    /// the other end has told how large they may be (tcp_v6_mtu_reduced).
    /// </summary>
    public bool Believes(uint sequence, IcmpError error) => State == TcpSocketState.SynReceived
        ? sequence == _sendUnacknowledged && error.EndsRequest
        : sequence - _sendUnacknowledged <= _sendNext - _sendUnacknowledged
            && !(error.IsTooBig && Remote.Family == InternetAddress.V6 && (State == TcpSocketState.SynSent || error.Mtu - _headers >= SegmentSize));

    /// <summary>An ICMP error about this connection that is believed: final while it is being opened, later only the reason if it times out.</summary>
    public void Fail(IcmpError error, Packet packet)
    {
        if (error.IsTooBig)
        {
            // What is under way is sent again in smaller pieces.
            _segmentSize = Math.Min(SegmentSize, Math.Max(256, (int)error.Mtu - _headers));
            Resend();
        }
        else if (State is TcpSocketState.SynReceived || (State is TcpSocketState.SynSent && error.EndsOpening && !IsInCall(packet)))
        {
            Story = packet.Story;
            Finish(error.ToString(), packet);
        }
        else if (error.EndsOpening)
        {
            _softError = error;
        }
    }

    /// <summary>
    /// What this machine itself answers to the first SYN comes while the program is still in its system call and holds the socket: it isn't told (sock_owned_by_user), but by the
    /// answer to the next SYN, a second later.
    /// </summary>
    private bool IsInCall(Packet packet) => _retries == 0 && stack.Kernel.Devices.Find(packet.InputInterface) is { IsLoopback: true };

    /// <summary>A segment of this connection.</summary>
    public void Take(Packet packet, TcpHeader header)
    {
        Story = packet.Story ?? Story;
        TcpFlags flags = header.Flags;
        if ((flags & TcpFlags.Reset) != 0)
        {
            bool valid = State == TcpSocketState.SynSent ? (flags & TcpFlags.Acknowledge) != 0 && header.Acknowledgement == _sendNext : header.Sequence == _receiveNext;
            if (valid)
            {
                Finish(State == TcpSocketState.SynSent ? "connection refused" : "connection reset", packet);
            }

            return;
        }

        if (State == TcpSocketState.SynSent)
        {
            if ((flags & (TcpFlags.Synchronize | TcpFlags.Acknowledge)) == (TcpFlags.Synchronize | TcpFlags.Acknowledge) && header.Acknowledgement == _sendNext)
            {
                _receiveNext = header.Sequence + 1;
                ReadSegmentSize(header);
                Acknowledged(header.Acknowledgement);
                State = TcpSocketState.Established;
                Emit(TcpFlags.Acknowledge, _sendNext, []);
                Connected?.Invoke(this, packet);
                SendMore();
            }

            return;
        }

        if ((flags & TcpFlags.Synchronize) != 0)
        {
            // The SYN came again: our answer was lost.
            Emit(State == TcpSocketState.SynReceived ? TcpFlags.Synchronize | TcpFlags.Acknowledge : TcpFlags.Acknowledge,
                State == TcpSocketState.SynReceived ? _sendUnacknowledged : _sendNext, []);
            return;
        }

        if ((flags & TcpFlags.Acknowledge) != 0)
        {
            Acknowledged(header.Acknowledgement);
            if (State == TcpSocketState.SynReceived && _sendUnacknowledged == _sendNext)
            {
                State = TcpSocketState.Established;
                Accepted?.Invoke(this);
            }

            if (State == TcpSocketState.LastAcknowledgement && _sendUnacknowledged == _sendNext)
            {
                Finish(null, packet);
                return;
            }
        }

        ReadOnlySpan<byte> data = header.Payload;
        if (header.Sequence != _receiveNext)
        {
            if (header.SequenceLength > 0)
            {
                Emit(TcpFlags.Acknowledge, _sendNext, []);
            }

            return;
        }

        if (data.Length > 0)
        {
            _receiveNext += (uint)data.Length;
            byte[] copy = data.ToArray();
            if ((flags & TcpFlags.Finish) == 0)
            {
                Emit(TcpFlags.Acknowledge, _sendNext, []);
            }

            Received?.Invoke(this, copy);
        }

        if ((flags & TcpFlags.Finish) != 0)
        {
            _receiveNext++;
            Emit(TcpFlags.Acknowledge, _sendNext, []);
            if (State == TcpSocketState.FinWait)
            {
                Finish(null, packet);
                return;
            }

            State = TcpSocketState.CloseWait;
            Ended?.Invoke(this, null, packet);
            Close();
            return;
        }

        SendMore();
    }

    private void Acknowledged(uint acknowledgement)
    {
        if (_inFlight is not null && acknowledgement == _sendNext)
        {
            _sendUnacknowledged = acknowledgement;
            _inFlight = null;
            _retries = 0;
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void SendMore()
    {
        if (_inFlight is not null || State is not (TcpSocketState.Established or TcpSocketState.CloseWait))
        {
            return;
        }

        if (_outgoing.TryDequeue(out byte[]? data))
        {
            SendReliably(TcpFlags.Acknowledge | TcpFlags.Push, data);
        }
        else if (_finishing)
        {
            State = State == TcpSocketState.CloseWait ? TcpSocketState.LastAcknowledgement : TcpSocketState.FinWait;
            SendReliably(TcpFlags.Finish | TcpFlags.Acknowledge, []);
        }
    }

    private void SendReliably(TcpFlags flags, byte[] data)
    {
        _inFlight = (flags, data);
        uint sequence = _sendNext;
        _sendNext += (uint)data.Length + ((flags & (TcpFlags.Synchronize | TcpFlags.Finish)) != 0 ? 1u : 0);
        _sendUnacknowledged = sequence;
        Arm(FirstTimeout);
        Emit(flags, sequence, data);
    }

    private void Arm(TimeSpan due)
    {
        if (_timer is null)
        {
            _timer = stack.Kernel.Time.CreateTimer(
                _ =>
                {
                    using Time.SimulationQueue.Call call = stack.Kernel.Enter();
                    Retransmit();
                },
                null, due, Timeout.InfiniteTimeSpan);
        }
        else
        {
            _timer.Change(due, Timeout.InfiniteTimeSpan);
        }
    }

    private void Retransmit()
    {
        if (_inFlight is not { } segment || State == TcpSocketState.Closed)
        {
            return;
        }

        if (++_retries > MaximumRetries)
        {
            Finish(_softError?.ToString() ?? "timed out", null);
            return;
        }

        Arm(FirstTimeout * (1 << _retries));
        Emit(segment.Flags, _sendUnacknowledged, segment.Data);
    }

    /// <summary>What rules see of it.</summary>
    public LocalSocket Socket => State == TcpSocketState.SynReceived ? _handshake : _whole;

    private void Emit(TcpFlags flags, uint sequence, ReadOnlySpan<byte> data)
    {
        int largest = stack.Internet(Remote.Family).SegmentSizeTo(Remote, _headers);
        ReadOnlySpan<byte> options = (flags & TcpFlags.Synchronize) != 0 ? [2, 4, (byte)(largest >> 8), (byte)largest] : [];
        Packet packet = Packet.OfInternet(Local, Remote, IpProtocol.Tcp, TcpHeader.MinimumSize + options.Length + data.Length, dontFragment: true);
        Span<byte> segment = packet.Transport;
        data.CopyTo(segment[(TcpHeader.MinimumSize + options.Length)..]);
        var header = new TcpHeader(segment);
        header.Write(LocalPort, RemotePort, sequence, (flags & TcpFlags.Acknowledge) != 0 ? _receiveNext : 0, flags, Window, options);
        packet.UpdateTransportChecksum();
        packet.Socket = Socket;
        packet.Story = flags == TcpFlags.Synchronize ? Story : Story?.Add(StoryKind.Answer, TraceLevel.Minimal, stack.HostName, $"tcp {TcpLayer.Describe(flags)}");
        stack.Internet(Remote.Family).SendLocal(packet, Output);
    }

    private int SegmentSize => Math.Min(_segmentSize, stack.Internet(Remote.Family).SegmentSizeTo(Remote, _headers));

    /// <summary>Cuts what is not acknowledged yet to the segment size of now, and begins with the first piece again.</summary>
    private void Resend()
    {
        if (_inFlight is not { Data.Length: > 0 } segment || segment.Data.Length <= _segmentSize)
        {
            return;
        }

        byte[][] waiting = [.. _outgoing];
        _outgoing.Clear();
        foreach (byte[] piece in (byte[][])[segment.Data, .. waiting])
        {
            foreach (byte[] part in piece.Chunk(_segmentSize))
            {
                _outgoing.Enqueue(part);
            }
        }

        _sendNext = _sendUnacknowledged;
        _inFlight = null;
        SendMore();
    }

    private void ReadSegmentSize(TcpHeader header)
    {
        Span<byte> options = header.Options;
        for (int i = 0; i + 1 < options.Length && options[i] != 0; i += options[i] == 1 ? 1 : Math.Max(2, (int)options[i + 1]))
        {
            if (options[i] == 2 && i + 4 <= options.Length)
            {
                _segmentSize = Math.Min(_segmentSize, BinaryPrimitives.ReadUInt16BigEndian(options[(i + 2)..]));
            }
        }
    }

    private void Finish(string? reason, Packet? packet)
    {
        if (State == TcpSocketState.Closed)
        {
            return;
        }

        bool told = State is TcpSocketState.LastAcknowledgement;
        State = TcpSocketState.Closed;
        _timer?.Dispose();
        closed(this);
        if (!told)
        {
            Ended?.Invoke(this, reason, packet);
        }
    }
}
