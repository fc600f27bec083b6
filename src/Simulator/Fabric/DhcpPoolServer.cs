using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Fabric;

/// <summary>What a <see cref="DhcpPoolServer"/> gives out.</summary>
/// <param name="First">The first address of the pool.</param>
/// <param name="Last">The last one.</param>
/// <param name="PrefixLength">Length of the subnet mask.</param>
/// <param name="Server">The server's own address, on the interface it listens on.</param>
public sealed record DhcpPoolOptions(IPAddress First, IPAddress Last, int PrefixLength, IPAddress Server)
{
    /// <summary>The default router, or null for none.</summary>
    public IPAddress? Router { get; init; }

    /// <summary>Name servers.</summary>
    public IReadOnlyList<IPAddress> DomainNameServers { get; init; } = [];

    /// <summary>How long a lease lasts.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromHours(12);
}

/// <summary>
/// Somebody else's DHCP server: it gives addresses of a pool to whoever asks, as the server on a site's own network does
/// (SYSTEM mode). Written against the kernel's seam alone, so it runs on a real kernel too.
/// </summary>
public sealed class DhcpPoolServer : IDisposable
{
    private readonly IKernel _kernel;
    private readonly string _interfaceName;
    private readonly DhcpPoolOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<MacAddress, (uint Address, DateTimeOffset Until)> _leases = [];
    private IPacketSocket? _socket;
    private IDisposable? _port;
    private Task? _running;
    private MacAddress _hardware;

    /// <summary>A server for one interface; <see cref="Start"/> begins.</summary>
    public DhcpPoolServer(IKernel kernel, string interfaceName, DhcpPoolOptions options)
    {
        _kernel = kernel;
        _interfaceName = interfaceName;
        _options = options;
    }

    /// <summary>Who holds which address: hardware address in the usual form, and address.</summary>
    public IReadOnlyDictionary<string, IPAddress> Leases =>
        _leases.Where(lease => lease.Value.Until > _kernel.Time.GetUtcNow()).ToDictionary(lease => lease.Key.ToString(), lease => Ipv4.ToAddress(lease.Value.Address));

    /// <summary>Begins to serve; returns at once.</summary>
    /// <exception cref="KernelException">EADDRINUSE: another DHCP server listens there.</exception>
    public void Start()
    {
        SimulatedKernel.Changing(_kernel);
        if (_running is null)
        {
            _port = _kernel.ReserveUdpPort(_interfaceName, 67);
            _socket = _kernel.OpenPacket(InterfaceSetup.IndexOf(_kernel, _interfaceName), EtherType.Ipv4);
            _hardware = MacAddress.Read(_socket.HardwareAddress);
            _running = RunAsync();
        }
    }

    /// <summary>Stops serving.</summary>
    public void Dispose()
    {
        SimulatedKernel.Changing(_kernel);
        _stop.Cancel();
        _socket?.Dispose();
        _port?.Dispose();
    }

    private async Task RunAsync()
    {
        byte[] frame = new byte[2048];
        try
        {
            while (true)
            {
                await _socket!.WaitReadableAsync(_stop.Token).ConfigureAwait(false);
                int length;
                while ((length = _socket.Receive(frame)) >= 0)
                {
                    if (DhcpFrame.TryRead(frame.AsSpan(0, length), 67, out DhcpFrame? message) && message.Operation == 1)
                    {
                        Serve(message);
                    }
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or KernelException)
        {
            // Stopped, or the interface is gone.
        }
    }

    private void Serve(DhcpFrame message)
    {
        uint server = Ipv4.From(_options.Server);
        switch (message.Type)
        {
            case DhcpMessageType.Discover:
                if (Choose(message.ClientHardware, message.Number(DhcpOption.RequestedAddress)) is { } offered)
                {
                    Answer(message, DhcpMessageType.Offer, offered);
                }

                break;

            case DhcpMessageType.Request:
                if (message.Number(DhcpOption.ServerIdentifier) is { } chosen && chosen != server)
                {
                    return;
                }

                uint wanted = message.Number(DhcpOption.RequestedAddress) ?? message.ClientAddress;
                if (Choose(message.ClientHardware, wanted) == wanted)
                {
                    _leases[message.ClientHardware] = (wanted, _kernel.Time.GetUtcNow() + _options.LeaseTime);
                    Answer(message, DhcpMessageType.Acknowledge, wanted);
                }
                else
                {
                    Answer(message, DhcpMessageType.Refuse, 0);
                }

                break;

            case DhcpMessageType.Release or DhcpMessageType.Decline:
                _leases.Remove(message.ClientHardware);
                break;
        }
    }

    /// <summary>The client's own address, else the wanted one where it is free, else the first free one.</summary>
    private uint? Choose(MacAddress client, uint? wanted)
    {
        if (_leases.TryGetValue(client, out (uint Address, DateTimeOffset Until) own))
        {
            return own.Address;
        }

        DateTimeOffset now = _kernel.Time.GetUtcNow();
        HashSet<uint> taken = [.. _leases.Values.Where(lease => lease.Until > now).Select(lease => lease.Address)];
        uint first = Ipv4.From(_options.First), last = Ipv4.From(_options.Last);
        if (wanted is { } address && address >= first && address <= last && !taken.Contains(address))
        {
            return address;
        }

        for (uint candidate = first; candidate <= last; candidate++)
        {
            if (!taken.Contains(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private void Answer(DhcpFrame message, DhcpMessageType type, uint address)
    {
        uint server = Ipv4.From(_options.Server);
        var answer = new DhcpFrame
        {
            Operation = 2,
            Transaction = message.Transaction,
            WantsBroadcast = message.WantsBroadcast,
            ClientAddress = type == DhcpMessageType.Acknowledge ? message.ClientAddress : 0,
            YourAddress = address,
            ClientHardware = message.ClientHardware,
        };
        answer.With(DhcpOption.MessageType, (byte)type).With(DhcpOption.ServerIdentifier, server);
        if (type != DhcpMessageType.Refuse)
        {
            uint mask = Ipv4.Mask(_options.PrefixLength);
            answer.With(DhcpOption.LeaseTime, (uint)_options.LeaseTime.TotalSeconds).With(DhcpOption.SubnetMask, mask).With(DhcpOption.Broadcast, address | ~mask);
            if (_options.Router is { } router)
            {
                answer.With(DhcpOption.Router, Ipv4.From(router));
            }

            if (_options.DomainNameServers.Count > 0)
            {
                answer.With(DhcpOption.DomainNameServer, [.. _options.DomainNameServers.SelectMany(static name => name.GetAddressBytes())]);
            }
        }

        bool broadcast = type == DhcpMessageType.Refuse || (message.ClientAddress == 0 && message.WantsBroadcast);
        MacAddress destination = broadcast ? MacAddress.Broadcast : message.ClientHardware;
        uint to = broadcast ? Ipv4.Broadcast : message.ClientAddress != 0 ? message.ClientAddress : address;
        _socket!.Send(answer.ToFrame(_hardware, destination, server, to));
    }
}
