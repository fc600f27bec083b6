using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Dhcp;

/// <summary>
/// The built-in DHCPv4 server: one packet socket for every interface it serves, static mappings only, never a restart. Unknown clients get no answer.
/// </summary>
internal sealed class DhcpServer(EngineContext context) : IAsyncDisposable
{
    private sealed record Listener(DhcpScope Scope, int InterfaceIndex, IPacketSocket Socket, IDisposable Reservation, CancellationTokenSource Stop)
    {
        public Task Loop { get; set; } = Task.CompletedTask;
    }

    private readonly ILogger _logger = context.Logger<DhcpServer>();
    private readonly Dictionary<string, Listener> _listeners = new(StringComparer.Ordinal);
    private readonly Lock _problemsLock = new();
    private readonly SortedDictionary<string, string> _problems = new(StringComparer.Ordinal);

    /// <summary>The scopes that are served.</summary>
    public IEnumerable<DhcpScope> Scopes => _listeners.Values.Select(l => l.Scope);

    /// <summary>Things that want attention: declined addresses, sockets that died.</summary>
    public IReadOnlyList<string> Problems
    {
        get
        {
            lock (_problemsLock)
            {
                return [.. _problems.Values];
            }
        }
    }

    /// <summary>Begins to serve an interface.</summary>
    /// <exception cref="EngineException">Another server has the port, or the interface is gone.</exception>
    public void Listen(DhcpScope scope, int interfaceIndex)
    {
        IDisposable reservation;
        try
        {
            reservation = context.Kernel.ReserveUdpPort(scope.InterfaceName, 67);
        }
        catch (KernelException refused) when (refused.Error == LinuxError.EADDRINUSE)
        {
            throw new EngineException($"DHCP server on {scope.InterfaceName}", "another program has UDP port 67 there", "stop the other DHCP server (ss -ulpn 'sport = 67' names it)", inner: refused);
        }

        IPacketSocket socket;
        try
        {
            // Only requests: whatever else instances send by this interface wakes nobody here.
            socket = context.Kernel.OpenPacket(interfaceIndex, 0x0800, PacketFilter.UdpTo(67));
        }
        catch
        {
            reservation.Dispose();
            throw;
        }

        var listener = new Listener(scope, interfaceIndex, socket, reservation, new CancellationTokenSource());
        _listeners[scope.InterfaceName] = listener;
        listener.Loop = ServeAsync(listener);
    }

    /// <summary>Ends serving an interface; nothing happens when it isn't served.</summary>
    public async ValueTask EndAsync(string interfaceName)
    {
        if (_listeners.Remove(interfaceName, out Listener? listener))
        {
            await EndAsync(listener).ConfigureAwait(false);
        }
    }

    /// <summary>True when the interface of this name and index is being served.</summary>
    public bool Serves(string interfaceName, int interfaceIndex) =>
        _listeners.TryGetValue(interfaceName, out Listener? listener) && listener.InterfaceIndex == interfaceIndex && !listener.Loop.IsCompleted;

    /// <summary>The scope of an interface, or null.</summary>
    public DhcpScope? ScopeOf(string interfaceName) => _listeners.GetValueOrDefault(interfaceName)?.Scope;

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Listener[] all = [.. _listeners.Values];
        _listeners.Clear();
        foreach (Listener listener in all)
        {
            await EndAsync(listener).ConfigureAwait(false);
        }
    }

    private static async ValueTask EndAsync(Listener listener)
    {
        Cancel(listener.Stop);
        await listener.Loop.ConfigureAwait(false);
        listener.Socket.Dispose();
        listener.Reservation.Dispose();
        listener.Stop.Dispose();
    }

    // On this thread, so that the loop ends here and now, in the same order every time.
    private static void Cancel(CancellationTokenSource source) => source.Cancel();

    private async Task ServeAsync(Listener listener)
    {
        byte[] frame = new byte[2048];
        byte[] reply = new byte[DhcpResponder.LongestReply];
        CancellationToken stop = listener.Stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                int length;
                while ((length = listener.Socket.Receive(frame)) >= 0)
                {
                    Answer(listener, frame.AsSpan(0, Math.Min(length, frame.Length)), reply);
                }

                await listener.Socket.WaitReadableAsync(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (KernelException failed) when (failed.Error == LinuxError.ENETDOWN)
            {
                _logger.LogDebug("DHCP on {Interface}: it went down; waiting", listener.Scope.InterfaceName);
            }
            catch (KernelException failed)
            {
                Report(listener.Scope.InterfaceName, $"DHCP on {listener.Scope.InterfaceName} ended: {failed.Message}");
                return;
            }
        }
    }

    private void Answer(Listener listener, ReadOnlySpan<byte> frame, Span<byte> reply)
    {
        DhcpScope scope = listener.Scope;
        DhcpOutcome outcome = DhcpResponder.Respond(scope, listener.Socket.HardwareAddress, frame, reply, out int length, out MacAddress client);
        if (length > 0)
        {
            try
            {
                listener.Socket.Send(reply[..length]);
            }
            catch (KernelException failed)
            {
                _logger.LogWarning("DHCP answer to {Client} on {Interface} was not sent: {Reason}", client, scope.InterfaceName, failed.Message);
                return;
            }
        }

        if (outcome != DhcpOutcome.Ignored)
        {
            context.Instruments?.Answered(outcome.ToString());
        }

        switch (outcome)
        {
            case DhcpOutcome.Confirmed:
                Settle(client);
                _logger.LogInformation("DHCP on {Interface}: {Client} has its address", scope.InterfaceName, client);
                break;
            case DhcpOutcome.Refused:
                _logger.LogInformation("DHCP on {Interface}: {Client} asked for an address that is not its own; refused", scope.InterfaceName, client);
                break;
            case DhcpOutcome.Declined when scope.TryGet(client, out Ipv4Address address):
                Suspend(scope, client, address);
                break;
        }
    }

    /// <summary>An address that its client found in use rests for a while, and the client gets no answer meanwhile (RFC 2131 §4.3.3).</summary>
    private void Suspend(DhcpScope scope, MacAddress client, Ipv4Address address)
    {
        TimeSpan rest = context.Options.Quarantine;
        scope.Suspend(client);
        Report(client.ToString(), string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"DHCP on {scope.InterfaceName}: {client} declined {address}: another machine uses that address; it is not given out for {rest.TotalSeconds:0} s"));
        ITimer? timer = null;
        timer = context.Kernel.Time.CreateTimer(_ =>
        {
            scope.Resume(client);
            timer?.Dispose();
        }, null, rest, Timeout.InfiniteTimeSpan);
    }

    /// <summary>A client has its address, so what was wrong with it before is not any more.</summary>
    private void Settle(MacAddress client)
    {
        lock (_problemsLock)
        {
            _problems.Remove(client.ToString());
        }
    }

    private void Report(string key, string problem)
    {
        _logger.LogWarning("{Problem}", problem);
        lock (_problemsLock)
        {
            _problems[key] = problem;
        }
    }
}
