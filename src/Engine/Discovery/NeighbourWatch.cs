using System.Globalization;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Engine.Discovery;

/// <summary>An address found for a MAC.</summary>
/// <param name="Address">The address.</param>
/// <param name="Since">When it was found.</param>
/// <param name="Seen">The last sign of life.</param>
/// <param name="Source">Who says so.</param>
internal sealed record Discovered(Ipv4Address Address, DateTimeOffset Since, DateTimeOffset Seen, string Source = "neighbour table")
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Source}, seen {Seen:yyyy-MM-dd HH:mm:ss}");
}

/// <summary>
/// Finds instances' addresses in the kernel's neighbour table: the whole table at the start, then every change as the kernel tells it. The newest
/// confirmed entry of a MAC counts; an entry that failed, or that nothing has confirmed for long, does not.
/// </summary>
internal sealed class NeighbourWatch(EngineContext context) : IAsyncDisposable
{
    private const byte InternetFamily = 2;
    private const NeighbourState Incomplete = (NeighbourState)0x01;
    private const NeighbourState Reachable = (NeighbourState)0x02;
    private const NeighbourState Stale = (NeighbourState)0x04;
    private const NeighbourState Failed = (NeighbourState)0x20;
    private const NeighbourState NoArp = (NeighbourState)0x40;

    private readonly ILogger _logger = context.Logger<NeighbourWatch>();
    private readonly Lock _lock = new();
    private readonly Dictionary<MacAddress, Discovered> _byMac = [];
    private readonly Dictionary<(int Interface, Ipv4Address Address), MacAddress> _byAddress = [];
    private readonly SortedDictionary<MacAddress, string> _duplicates = [];
    private readonly NetlinkReceiveBuffer _received = new();
    private Links? _links;
    private INetlinkSocket? _events;
    private CancellationTokenSource? _stop;
    private Task _loop = Task.CompletedTask;

    /// <summary>Joins the kernel's announcements, then reads the table, so that nothing falls between.</summary>
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        _links ??= new Links(context);
        const uint NeighbourGroup = 3;
        _events = context.Kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [NeighbourGroup] });
        await RefreshAsync(cancellationToken).ConfigureAwait(false);
        _stop = new CancellationTokenSource();
        _loop = WatchAsync(_events, _stop.Token);
    }

    /// <summary>Reads the whole table.</summary>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken)
    {
        if (_links is null)
        {
            return;
        }

        foreach (Neighbour neighbour in await _links.NeighboursAsync(cancellationToken).ConfigureAwait(false))
        {
            Note(neighbour, gone: false);
        }
    }

    /// <summary>Takes what the kernel has announced up to now.</summary>
    public async ValueTask CatchUpAsync(CancellationToken cancellationToken)
    {
        if (_events is not null && !Drain(_events))
        {
            await RefreshAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the watching.</summary>
    public async ValueTask StopAsync()
    {
        Cancel(_stop);
        await _loop.ConfigureAwait(false);
        _stop?.Dispose();
        _stop = null;
        _events?.Dispose();
        _events = null;
    }

    /// <summary>The address of a MAC, or null when none is known that can be trusted.</summary>
    public Discovered? Find(MacAddress mac)
    {
        lock (_lock)
        {
            return _byMac.TryGetValue(mac, out Discovered? found) && context.Now - found.Seen <= context.Options.DiscoveryStaleness ? found : null;
        }
    }

    /// <summary>True when some neighbour has this MAC.</summary>
    public bool Knows(MacAddress mac)
    {
        lock (_lock)
        {
            return _byMac.ContainsKey(mac);
        }
    }

    /// <summary>Forgets a MAC whose instance has ended.</summary>
    public void Forget(MacAddress mac)
    {
        lock (_lock)
        {
            _byMac.Remove(mac);
            _duplicates.Remove(mac);
        }
    }

    /// <summary>Addresses that two of these MACs claim.</summary>
    public IReadOnlyList<string> Problems(IReadOnlySet<MacAddress> macs)
    {
        lock (_lock)
        {
            return [.. _duplicates.Where(d => macs.Contains(d.Key)).Select(d => d.Value)];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        if (_links is not null)
        {
            await _links.DisposeAsync().ConfigureAwait(false);
        }
    }

    // On this thread, so that the loop ends here and now, in the same order every time.
    private static void Cancel(CancellationTokenSource? source) => source?.Cancel();

    private async Task WatchAsync(INetlinkSocket events, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await events.WaitReadableAsync(stop).ConfigureAwait(false);
                if (!Drain(events))
                {
                    await RefreshAsync(stop).ConfigureAwait(false);
                }
            }
            catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (KernelException failed)
            {
                _logger.LogWarning("Watching the neighbour table: {Reason}", failed.Message);
                return;
            }
        }
    }

    /// <summary>Takes all waiting announcements; false when some were lost and the table must be read again.</summary>
    private bool Drain(INetlinkSocket events)
    {
        lock (_lock)
        {
            bool complete = true;
            while (true)
            {
                int count;
                try
                {
                    count = events.Receive(_received);
                }
                catch (KernelException lost) when (lost.Error == LinuxError.ENOBUFS)
                {
                    complete = false;
                    continue;
                }

                if (count == 0)
                {
                    return complete;
                }

                for (int i = 0; i < count; i++)
                {
                    if (_received[i].SenderPortId != 0)
                    {
                        continue;
                    }

                    var reader = new MessageReader(_received.Bytes(i));
                    while (reader.TryRead(out NetlinkMessage message))
                    {
                        if (message.Header.Type is RTM_NEWNEIGH or RTM_DELNEIGH && Neighbour.TryRead(message, out Neighbour? neighbour))
                        {
                            Note(neighbour, gone: message.Header.Type == RTM_DELNEIGH);
                        }
                    }
                }
            }
        }
    }

    private void Note(Neighbour neighbour, bool gone)
    {
        if (neighbour.Family != InternetFamily || neighbour.Destination is null)
        {
            return;
        }

        Ipv4Address address = Ipv4Address.Read(neighbour.Destination.GetAddressBytes());
        (int Index, Ipv4Address Address) place = (neighbour.Index, address);
        lock (_lock)
        {
            _byAddress.TryGetValue(place, out MacAddress former);
            if (gone || neighbour.HardwareAddress is not { Length: 6 } hardware || (neighbour.State & (Incomplete | Failed | NoArp)) != 0)
            {
                // The kernel forgets entries that nobody uses; only a failed look-up says that the address is gone.
                if (!gone && (neighbour.State & Failed) != 0 && former.Value != 0 && _byMac.TryGetValue(former, out Discovered? dead) && dead.Address == address)
                {
                    _byMac.Remove(former);
                    _byAddress.Remove(place);
                }

                return;
            }

            MacAddress mac = MacAddress.Read(hardware.Octets);
            if (former.Value != 0 && former != mac && _byMac.TryGetValue(former, out Discovered? other) && other.Address == address)
            {
                _byMac.Remove(former);
                string problem = $"address {address} moved from {former} to {mac}: two machines may use it";
                _duplicates[mac] = problem;
                _logger.LogWarning("{Problem}", problem);
            }

            bool confirmed = (neighbour.State & Stale) == 0;
            bool known = _byMac.TryGetValue(mac, out Discovered? before);
            if (known && before!.Address != address && !confirmed && (neighbour.State & Reachable) == 0 && before.Seen >= context.Now - context.Options.DiscoveryStaleness)
            {
                // An old address of the same MAC, going stale beside the new one.
                _byAddress[place] = mac;
                return;
            }

            DateTimeOffset seen = known && before!.Address == address && !confirmed ? before.Seen : context.Now;
            _byMac[mac] = new Discovered(address, known && before!.Address == address ? before.Since : context.Now, seen);
            _byAddress[place] = mac;
        }
    }
}
