using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Fabric;

/// <summary>What a DHCP server gave.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Length of the subnet mask; 24 where the server named none.</param>
/// <param name="Router">The default route's next hop, or null.</param>
/// <param name="DomainNameServers">Name servers.</param>
/// <param name="Server">The server's identifier.</param>
/// <param name="Obtained">When the lease began or was renewed, by the kernel's clock.</param>
/// <param name="Duration">How long it lasts from then.</param>
public sealed record DhcpLease(
    IPAddress Address, int PrefixLength, IPAddress? Router, IReadOnlyList<IPAddress> DomainNameServers, IPAddress Server, DateTimeOffset Obtained, TimeSpan Duration)
{
    /// <summary>When the client asks its server for more time (T1); half of the duration where the server says nothing else.</summary>
    public TimeSpan RenewAfter { get; init; }

    /// <summary>When it asks any server (T2).</summary>
    public TimeSpan RebindAfter { get; init; }

    /// <summary>The server's hardware address, as its answer carried it.</summary>
    internal MacAddress ServerHardware { get; init; }
}

/// <summary>How a DHCP client behaves.</summary>
public sealed record DhcpClientOptions
{
    /// <summary>Begins the source of transaction ids.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Sent as option 12 where set.</summary>
    public string? HostName { get; init; }

    /// <summary>Asks the server to answer by broadcast.</summary>
    public bool WantsBroadcast { get; init; }

    /// <summary>The client sets the address and the default route on its interface; otherwise it only keeps the lease.</summary>
    public bool ConfiguresInterface { get; init; } = true;
}

/// <summary>
/// A DHCPv4 client (RFC 2131) written against the kernel's seam alone: a packet socket for the messages, rtnetlink for the
/// address and the route. It runs the same in a simulated VM and in a namespace of a real kernel.
/// </summary>
public sealed class DhcpClient : IDisposable
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(64);
    private static readonly byte[] WantedOptions = [DhcpOption.SubnetMask, DhcpOption.Router, DhcpOption.DomainNameServer, DhcpOption.Broadcast];

    private readonly IKernel _kernel;
    private readonly string _interfaceName;
    private readonly DhcpClientOptions _options;
    private readonly RandomSource _random;
    private readonly CancellationTokenSource _stop = new();
    private readonly byte[] _frame = new byte[2048];
    private IPacketSocket? _socket;
    private Task? _readable;
    private Task? _running;
    private MacAddress _hardware;
    private TimeSpan _obtained;

    /// <summary>A client for one interface; <see cref="Start"/> begins.</summary>
    public DhcpClient(IKernel kernel, string interfaceName, DhcpClientOptions? options = null)
    {
        _kernel = kernel;
        _interfaceName = interfaceName;
        _options = options ?? new DhcpClientOptions();
        _random = new RandomSource(_options.Seed);
    }

    /// <summary>The lease the client holds, or null.</summary>
    public DhcpLease? Lease { get; private set; }

    /// <summary>Messages sent, for those who watch.</summary>
    public int Sent { get; private set; }

    /// <summary>Why the client stopped, where it did by itself.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>A lease came, was renewed, or was lost (null).</summary>
    public event Action<DhcpLease?>? LeaseChanged;

    /// <summary>Sets the interface up and begins to ask; returns at once.</summary>
    public void Start()
    {
        SimulatedKernel.Changing(_kernel);
        _running ??= RunAsync();
    }

    /// <summary>Gives the lease back to the server and stops.</summary>
    public void Release()
    {
        SimulatedKernel.Changing(_kernel);
        if (Lease is { } lease && _socket is not null)
        {
            DhcpFrame release = Message(DhcpMessageType.Release, Number(lease.Address)).With(DhcpOption.ServerIdentifier, Number(lease.Server));
            Send(release, lease.ServerHardware, Number(lease.Address), Number(lease.Server));
            Drop();
        }

        Dispose();
    }

    /// <summary>Stops; the address stays.</summary>
    public void Dispose()
    {
        SimulatedKernel.Changing(_kernel);
        _stop.Cancel();
        _socket?.Dispose();
    }

    /// <summary>Time by the clock that nobody sets: a lease lasts as long as it lasts, whatever the time of day says.</summary>
    private TimeSpan Now => _kernel.Time.GetElapsedTime(0);

    private static uint Number(IPAddress address) => Ipv4.From(address);

    private async Task RunAsync()
    {
        try
        {
            InterfaceSetup.Up(_kernel, _interfaceName);
            _socket = _kernel.OpenPacket(InterfaceSetup.IndexOf(_kernel, _interfaceName), EtherType.Ipv4);
            _hardware = MacAddress.Read(_socket.HardwareAddress);
            while (!_stop.IsCancellationRequested)
            {
                DhcpLease lease = await AcquireAsync().ConfigureAwait(false);
                Take(lease);
                await KeepAsync().ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // Stopped.
        }
        catch (KernelException exception)
        {
            Failure = exception;
        }
    }

    /// <summary>DISCOVER, OFFER, REQUEST, ACK; again and again until a server gives a lease.</summary>
    private async Task<DhcpLease> AcquireAsync()
    {
        TimeSpan began = Now;
        TimeSpan wait = FirstWait;
        while (true)
        {
            uint transaction = _random.NextUInt32();
            ushort seconds = (ushort)Math.Min(ushort.MaxValue, (Now - began).TotalSeconds);
            Send(Options(Message(DhcpMessageType.Discover, 0, transaction, seconds)), MacAddress.Broadcast, 0, Ipv4.Broadcast);
            DhcpFrame? offer = await WaitAsync(transaction, wait, static frame => frame.Type == DhcpMessageType.Offer).ConfigureAwait(false);
            if (offer is not null && offer.Number(DhcpOption.ServerIdentifier) is { } server)
            {
                DhcpFrame request = Options(Message(DhcpMessageType.Request, 0, transaction, seconds)
                    .With(DhcpOption.RequestedAddress, offer.YourAddress).With(DhcpOption.ServerIdentifier, server));
                for (int attempt = 0; attempt < 2; attempt++)
                {
                    Send(request, MacAddress.Broadcast, 0, Ipv4.Broadcast);
                    DhcpFrame? answer = await WaitAsync(transaction, FirstWait, static frame => frame.Type is DhcpMessageType.Acknowledge or DhcpMessageType.Refuse).ConfigureAwait(false);
                    if (answer is { Type: DhcpMessageType.Acknowledge })
                    {
                        return Read(answer);
                    }

                    if (answer is not null)
                    {
                        break;
                    }
                }
            }

            wait = offer is null && wait < LongestWait ? wait * 2 : wait;
        }
    }

    /// <summary>Renews at T1 with the server, at T2 with any; ends when the lease is lost.</summary>
    private async Task KeepAsync()
    {
        while (Lease is { } lease)
        {
            if (lease.Duration == Timeout.InfiniteTimeSpan)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, _kernel.Time, _stop.Token).ConfigureAwait(false);
            }

            await DelayUntilAsync(_obtained + lease.RenewAfter).ConfigureAwait(false);
            TimeSpan rebind = _obtained + lease.RebindAfter, end = _obtained + lease.Duration;
            DhcpFrame? answer = null;
            uint transaction = _random.NextUInt32();
            while (answer is null && Now < end)
            {
                bool renews = Now < rebind;
                DhcpFrame request = Options(Message(DhcpMessageType.Request, Number(lease.Address), transaction));
                Send(request, renews ? lease.ServerHardware : MacAddress.Broadcast, Number(lease.Address), renews ? Number(lease.Server) : Ipv4.Broadcast);
                TimeSpan left = (renews ? rebind : end) - Now;
                TimeSpan wait = TimeSpan.FromTicks(Math.Max(Math.Min(TimeSpan.FromSeconds(60).Ticks, left.Ticks), Math.Max(TimeSpan.TicksPerMillisecond, left.Ticks / 2)));
                answer = await WaitAsync(transaction, wait < left ? wait : left, static frame => frame.Type is DhcpMessageType.Acknowledge or DhcpMessageType.Refuse).ConfigureAwait(false);
            }

            if (answer is { Type: DhcpMessageType.Acknowledge })
            {
                Take(Read(answer));
            }
            else
            {
                Drop();
            }
        }
    }

    private async Task DelayUntilAsync(TimeSpan time)
    {
        TimeSpan left = time - Now;
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, _kernel.Time, _stop.Token).ConfigureAwait(false);
        }

        // What came meanwhile is of no interest.
        while (_socket!.Receive(_frame) >= 0)
        {
            continue;
        }
    }

    private async Task<DhcpFrame?> WaitAsync(uint transaction, TimeSpan patience, Predicate<DhcpFrame> wanted)
    {
        TimeSpan deadline = Now + patience;
        while (true)
        {
            int length;
            while ((length = _socket!.Receive(_frame)) >= 0)
            {
                if (DhcpFrame.TryRead(_frame.AsSpan(0, length), 68, out DhcpFrame? message)
                    && message.Operation == 2 && message.Transaction == transaction && message.ClientHardware == _hardware && wanted(message))
                {
                    return message;
                }
            }

            TimeSpan left = deadline - Now;
            if (left <= TimeSpan.Zero)
            {
                return null;
            }

            if (_readable is null or { IsCompleted: true })
            {
                _readable = _socket.WaitReadableAsync(_stop.Token).AsTask();
            }

            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            // Whole milliseconds: of a part of one no time would pass, and a clock that stands still would not come to the end.
            Task delay = Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), _kernel.Time, timeout.Token);
            await Task.WhenAny(_readable, delay).ConfigureAwait(false);

            // Not CancelAsync: it would go on in another thread, and a run would no longer be the same every time.
#pragma warning disable CA1849
            timeout.Cancel();
#pragma warning restore CA1849
            _stop.Token.ThrowIfCancellationRequested();
        }
    }

    private DhcpFrame Message(DhcpMessageType type, uint clientAddress, uint? transaction = null, ushort seconds = 0) =>
        new DhcpFrame
        {
            Transaction = transaction ?? _random.NextUInt32(),
            Seconds = seconds,
            WantsBroadcast = _options.WantsBroadcast,
            ClientAddress = clientAddress,
            ClientHardware = _hardware,
        }.With(DhcpOption.MessageType, (byte)type).With(DhcpOption.ClientIdentifier, [1, .. _hardware.ToBytes()]);

    private DhcpFrame Options(DhcpFrame message)
    {
        if (_options.HostName is { } name)
        {
            message.With(DhcpOption.HostName, System.Text.Encoding.ASCII.GetBytes(name));
        }

        return message.With(DhcpOption.ParameterList, WantedOptions);
    }

    private void Send(DhcpFrame message, MacAddress destination, uint source, uint destinationAddress)
    {
        Sent++;
        try
        {
            _socket!.Send(message.ToFrame(_hardware, destination, source, destinationAddress));
        }
        catch (KernelException exception) when (exception.Error == EucaNet.Netlink.Wire.LinuxError.ENETDOWN)
        {
            // The interface is down for now: asked again later.
        }
    }

    private DhcpLease Read(DhcpFrame answer)
    {
        TimeSpan duration = answer.Number(DhcpOption.LeaseTime) is { } seconds && seconds != uint.MaxValue ? TimeSpan.FromSeconds(seconds) : Timeout.InfiniteTimeSpan;
        bool infinite = duration == Timeout.InfiniteTimeSpan;
        byte[] servers = answer.Option(DhcpOption.DomainNameServer) ?? [];
        return new DhcpLease(
            Ipv4.ToAddress(answer.YourAddress),
            answer.Number(DhcpOption.SubnetMask) is { } mask ? System.Numerics.BitOperations.PopCount(mask) : 24,
            answer.Number(DhcpOption.Router) is { } router ? Ipv4.ToAddress(router) : null,
            [.. Enumerable.Range(0, servers.Length / 4).Select(i => new IPAddress(servers.AsSpan(i * 4, 4)))],
            Ipv4.ToAddress(answer.Number(DhcpOption.ServerIdentifier) ?? answer.ServerAddress),
            _kernel.Time.GetUtcNow(),
            duration)
        {
            RenewAfter = answer.Number(DhcpOption.RenewalTime) is { } renewal ? TimeSpan.FromSeconds(renewal) : infinite ? duration : duration / 2,
            RebindAfter = answer.Number(DhcpOption.RebindingTime) is { } rebinding ? TimeSpan.FromSeconds(rebinding) : infinite ? duration : duration * 7 / 8,
            ServerHardware = answer.FrameSource,
        };
    }

    private void Take(DhcpLease lease)
    {
        DhcpLease? old = Lease;
        _obtained = Now;
        if (_options.ConfiguresInterface)
        {
            if (old is not null && (!old.Address.Equals(lease.Address) || old.PrefixLength != lease.PrefixLength))
            {
                Drop();
                old = null;
            }

            if (old is null)
            {
                uint broadcast = Number(lease.Address) | ~Ipv4.Mask(lease.PrefixLength);
                InterfaceSetup.AddAddress(_kernel, _interfaceName, lease.Address, lease.PrefixLength, Ipv4.ToAddress(broadcast));
                if (lease.Router is { } router)
                {
                    InterfaceSetup.AddRoute(_kernel, IPAddress.Any, 0, router, _interfaceName);
                }
            }
        }

        Lease = lease;
        LeaseChanged?.Invoke(lease);
    }

    private void Drop()
    {
        if (Lease is { } lease)
        {
            Lease = null;
            if (_options.ConfiguresInterface)
            {
                InterfaceSetup.RemoveAddress(_kernel, _interfaceName, lease.Address, lease.PrefixLength);
            }

            LeaseChanged?.Invoke(null);
        }
    }
}
