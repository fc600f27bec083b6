using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Discovery;

/// <summary>
/// Watches on a node which addresses DHCP servers give its instances: a packet socket on each instance's port of the bridge takes the servers' acknowledgements,
/// and nothing else, as they go out to the instance. An acknowledgement counts until its lease ends.
/// </summary>
internal sealed class LeaseSnoop(EngineContext context) : IAsyncDisposable
{
    private sealed record Port(InstanceAssignment Assignment, int InterfaceIndex, IPacketSocket Socket, CancellationTokenSource Stop)
    {
        public Task Loop { get; set; } = Task.CompletedTask;
    }

    private sealed record Lease(Ipv4Address Address, Ipv4Address Server, DateTimeOffset Since, DateTimeOffset Seen, DateTimeOffset Until);

    private readonly ILogger _logger = context.Logger<LeaseSnoop>();
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Port> _ports = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Lease> _leases = new(StringComparer.OrdinalIgnoreCase);
    private readonly SortedDictionary<string, string> _problems = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Things that want attention: addresses given twice, or by a server that should not.</summary>
    public IReadOnlyList<string> Problems
    {
        get
        {
            lock (_lock)
            {
                return [.. _problems.Values];
            }
        }
    }

    /// <summary>Watches an instance's port; nothing happens when it is watched already.</summary>
    public async ValueTask WatchAsync(InstanceAssignment assignment, LinkView port)
    {
        if (_ports.TryGetValue(assignment.InstanceId, out Port? watched) && watched.InterfaceIndex == port.Index)
        {
            return;
        }

        await EndAsync(assignment.InstanceId).ConfigureAwait(false);
        const ushort AllFramesBothWays = 3;
        IPacketSocket socket;
        try
        {
            socket = context.Kernel.OpenPacket(port.Index, AllFramesBothWays, PacketFilter.UdpFrom(67));
        }
        catch (KernelException refused)
        {
            // The instance runs all the same; only this way to its address is missing.
            _logger.LogWarning("DHCP acknowledgements on {Interface} are not watched: {Reason}", port.Name, refused.Message);
            return;
        }

        var fresh = new Port(assignment, port.Index, socket, new CancellationTokenSource());
        _ports[assignment.InstanceId] = fresh;
        fresh.Loop = ListenAsync(fresh);
    }

    /// <summary>Ends watching an instance, and forgets its address.</summary>
    public async ValueTask EndAsync(string instanceId)
    {
        if (_ports.Remove(instanceId, out Port? port))
        {
            Cancel(port.Stop);
            await port.Loop.ConfigureAwait(false);
            port.Socket.Dispose();
            port.Stop.Dispose();
        }

        lock (_lock)
        {
            _leases.Remove(instanceId);
            _problems.Remove(instanceId);
        }
    }

    /// <summary>The address an instance was given, or null when none is known or its lease has ended.</summary>
    public Discovered? Find(string instanceId)
    {
        lock (_lock)
        {
            return _leases.TryGetValue(instanceId, out Lease? lease) && context.Now <= lease.Until
                ? new Discovered(lease.Address, lease.Since, lease.Seen, $"DHCP acknowledgement of {lease.Server}")
                : null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string instance in _ports.Keys.ToArray())
        {
            await EndAsync(instance).ConfigureAwait(false);
        }
    }

    // On this thread, so that the loop ends here and now, in the same order every time.
    private static void Cancel(CancellationTokenSource source) => source.Cancel();

    private async Task ListenAsync(Port port)
    {
        byte[] frame = new byte[2048];
        CancellationToken stop = port.Stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                for (int length; (length = port.Socket.Receive(frame)) >= 0;)
                {
                    if (DhcpReply.TryRead(frame.AsSpan(0, Math.Min(length, frame.Length)), out DhcpReply reply) && reply.Client == port.Assignment.Mac && Note(port.Assignment, reply) is { } report)
                    {
                        await TellAsync(report, stop).ConfigureAwait(false);
                    }
                }

                await port.Socket.WaitReadableAsync(stop).ConfigureAwait(false);
            }
            catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (KernelException down) when (down.Error == LinuxError.ENETDOWN)
            {
                _logger.LogDebug("The port of instance {Instance} went down; waiting", port.Assignment.InstanceId);
            }
            catch (KernelException failed)
            {
                _logger.LogWarning("DHCP acknowledgements to instance {Instance} are not watched any more: {Reason}", port.Assignment.InstanceId, failed.Message);
                return;
            }
        }
    }

    private AddressReport? Note(InstanceAssignment assignment, DhcpReply reply)
    {
        string id = assignment.InstanceId;
        lock (_lock)
        {
            if (reply.Type == DhcpMessageType.Nak && _leases.Remove(id))
            {
                return new AddressReport { InstanceId = id, Address = Ipv4Address.Unknown, Server = reply.Server };
            }

            // An answer to DHCPINFORM gives no address.
            if (reply.Type != DhcpMessageType.Ack || reply.Address.IsUnknown)
            {
                return null;
            }

            DateTimeOffset now = context.Now;
            _leases.TryGetValue(id, out Lease? before);
            bool moved = before is not null && before.Address != reply.Address;
            _leases[id] = new Lease(reply.Address, reply.Server, before is null || moved ? now : before.Since, now, now + reply.LeaseTime);
            _problems.Remove(id);
            if (moved)
            {
                _logger.LogInformation("Instance {Instance} has moved from {Former} to {Address}", id, before!.Address, reply.Address);
            }

            if (FindProblem(assignment, reply) is { } problem)
            {
                _problems[id] = problem;
                _logger.LogWarning("{Problem}", problem);
            }

            return new AddressReport { InstanceId = id, Address = reply.Address, Server = reply.Server, LeaseTime = reply.LeaseTime };
        }
    }

    private string? FindProblem(InstanceAssignment assignment, DhcpReply reply)
    {
        if (!assignment.Address.IsUnknown && assignment.Address != reply.Address)
        {
            return $"the DHCP server {reply.Server} gave instance {assignment.InstanceId} the address {reply.Address}, not its own {assignment.Address}: another DHCP server is on this network; make it ignore MACs of VNET_MACMAP";
        }

        string? other = _leases.FirstOrDefault(l => l.Key != assignment.InstanceId && l.Value.Address == reply.Address && context.Now <= l.Value.Until).Key;
        return other is null ? null : $"address {reply.Address} was given to the instances {other} and {assignment.InstanceId}: two DHCP servers may be at work";
    }

    private async ValueTask TellAsync(AddressReport report, CancellationToken cancellationToken)
    {
        if (context.Options.AddressReports is not { } reports)
        {
            return;
        }

        try
        {
            await reports.ReportAddressAsync(report, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is not OperationCanceledException)
        {
            _logger.LogWarning("The front-end was not told of {Address} of instance {Instance}: {Reason}", report.Address, report.InstanceId, failed.Message);
        }
    }
}
