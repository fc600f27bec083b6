using System.Runtime.CompilerServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>
/// Watches objects of one network namespace: first all that are there, then every change, with no gap between. The listening socket is opened
/// before the list is read, so a change in between is told twice rather than never; what is told twice changes nothing the second
/// time. When the kernel had to drop messages (ENOBUFS) the watcher says <see cref="RouteChangeKind.Resynchronised"/>, reads everything
/// again and tells the differences.
/// </summary>
public sealed class RouteWatcher : IDisposable
{
    private readonly INetlinkSocket _listener;
    private readonly RouteConnection _connection;
    private readonly NetlinkReceiveBuffer _buffer = new(32, 8 * 1024);
    private readonly RouteObjects _objects;
    private readonly Dictionary<string, RouteObject> _known = new(StringComparer.Ordinal);
    private readonly List<RouteChange> _changes = [];
    private bool _started;

    private RouteWatcher(INetlinkSocket listener, RouteConnection connection, RouteObjects objects)
    {
        _listener = listener;
        _connection = connection;
        _objects = objects;
    }

    /// <summary>The objects as last told, in no order. To be read between two moves of the enumeration only.</summary>
    public IReadOnlyCollection<RouteObject> Known => _known.Values;

    /// <summary>Opens a watcher; from here on nothing is missed.</summary>
    /// <param name="kernel">The namespace.</param>
    /// <param name="objects">What to watch.</param>
    /// <param name="receiveBufferSize">Bytes the kernel may queue; null for the system's default.</param>
    /// <exception cref="KernelException">The kernel refused the sockets.</exception>
    public static RouteWatcher Open(IKernel kernel, RouteObjects objects = RouteObjects.All, int? receiveBufferSize = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        INetlinkSocket listener = kernel.OpenNetlink(
            NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = GroupsOf(objects), ReceiveBufferSize = receiveBufferSize });
        try
        {
            return new RouteWatcher(listener, RouteConnection.Open(kernel), objects);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>The list, then the changes, without end until cancelled. One enumeration per watcher.</summary>
    public async IAsyncEnumerable<RouteChange> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (_started)
        {
            throw new InvalidOperationException("A watcher is enumerated once; open another.");
        }

        _started = true;
        await SynchroniseAsync(cancellationToken).ConfigureAwait(false);
        _changes.Add(new RouteChange(RouteChangeKind.SnapshotComplete));
        while (true)
        {
            // A consumer may take its time: the kernel queues meanwhile.
            for (int index = 0; index < _changes.Count; index++)
            {
                yield return _changes[index];
            }

            _changes.Clear();
            if (!TryReceive(out bool lost) && !lost)
            {
                await _listener.WaitReadableAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (lost)
            {
                _changes.Clear();
                _changes.Add(new RouteChange(RouteChangeKind.Resynchronised));
                DropQueued();
                await SynchroniseAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Closes the sockets.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        _connection.Dispose();
    }

    private static uint[] GroupsOf(RouteObjects objects)
    {
        var groups = new List<uint>();
        void Add(RouteObjects objectsOfGroup, params ReadOnlySpan<uint> numbers)
        {
            if ((objects & objectsOfGroup) != 0)
            {
                groups.AddRange(numbers);
            }
        }

        Add(RouteObjects.Links, RTNLGRP_LINK);
        Add(RouteObjects.Addresses, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR);
        Add(RouteObjects.Routes, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE);
        Add(RouteObjects.Neighbours, RTNLGRP_NEIGH);
        Add(RouteObjects.Rules, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE);
        return [.. groups];
    }

    private bool TryReceive(out bool lost)
    {
        lost = false;
        int received;
        try
        {
            received = _listener.Receive(_buffer);
        }
        catch (KernelException exception) when (exception.Error == LinuxError.ENOBUFS)
        {
            lost = true;
            return false;
        }

        for (int index = 0; index < received; index++)
        {
            if (_buffer[index].SenderPortId != 0)
            {
                continue;
            }

            if (_buffer[index].IsTruncated)
            {
                // What did not fit is lost as well.
                _buffer.GrowSlots(_buffer[index].FullLength);
                lost = true;
                return false;
            }

            var reader = new MessageReader(_buffer.Bytes(index));
            while (reader.TryRead(out NetlinkMessage message))
            {
                Apply(message);
            }
        }

        return received > 0;
    }

    private void Apply(in NetlinkMessage message)
    {
        if (!RouteMessages.TryRead(message, out RouteObject? value) || RouteKey.Of(value) is not { } key)
        {
            return;
        }

        if ((message.Header.Type & 3) == 1)
        {
            if (_known.Remove(key, out RouteObject? last))
            {
                _changes.Add(new RouteChange(RouteChangeKind.Removed, last));
            }

            return;
        }

        // A replaced route is told by its flag alone: the one it replaces goes without a message.
        if (value is NetworkRoute route && (message.Header.Flags & NetlinkMessageFlags.Replace) != 0)
        {
            RemoveReplaced(route, key);
        }

        Put(key, value);
    }

    private void RemoveReplaced(NetworkRoute route, string key)
    {
        foreach ((string otherKey, RouteObject other) in _known)
        {
            if (otherKey != key && other is NetworkRoute candidate && candidate.Family == route.Family && candidate.Table == route.Table && Equals(candidate.Destination, route.Destination)
                && candidate.DestinationLength == route.DestinationLength && candidate.Tos == route.Tos && candidate.Priority == route.Priority)
            {
                _known.Remove(otherKey);
                _changes.Add(new RouteChange(RouteChangeKind.Removed, candidate));
                return;
            }
        }
    }

    private void Put(string key, RouteObject value)
    {
        if (!_known.TryGetValue(key, out RouteObject? previous))
        {
            _changes.Add(new RouteChange(RouteChangeKind.Added, value));
        }
        else if (!RouteKey.SameButForCounters(previous, value))
        {
            _changes.Add(new RouteChange(RouteChangeKind.Changed, value, previous));
        }

        _known[key] = value;
    }

    private void DropQueued()
    {
        for (bool more = true; more;)
        {
            try
            {
                more = _listener.Receive(_buffer) > 0;
            }
            catch (KernelException exception) when (exception.Error == LinuxError.ENOBUFS)
            {
                more = true;
            }
        }
    }

    private async ValueTask SynchroniseAsync(CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, RouteObject>(StringComparer.Ordinal);
        void Take(IEnumerable<RouteObject> values)
        {
            foreach (RouteObject value in values)
            {
                if (RouteKey.Of(value) is { } key)
                {
                    found[key] = value;
                }
            }
        }

        if ((_objects & RouteObjects.Links) != 0)
        {
            Take(await _connection.GetLinksAsync(cancellationToken: cancellationToken).ConfigureAwait(false));
        }

        if ((_objects & RouteObjects.Addresses) != 0)
        {
            Take(await _connection.GetAddressesAsync(cancellationToken: cancellationToken).ConfigureAwait(false));
        }

        if ((_objects & RouteObjects.Routes) != 0)
        {
            Take(await _connection.GetRoutesAsync(AF_INET, cancellationToken: cancellationToken).ConfigureAwait(false));
            Take(await _connection.GetRoutesAsync(AF_INET6, cancellationToken: cancellationToken).ConfigureAwait(false));
        }

        if ((_objects & RouteObjects.Neighbours) != 0)
        {
            Take(await _connection.GetNeighboursAsync(cancellationToken: cancellationToken).ConfigureAwait(false));
            Take(await _connection.GetForwardingEntriesAsync(cancellationToken: cancellationToken).ConfigureAwait(false));
        }

        if ((_objects & RouteObjects.Rules) != 0)
        {
            Take(await _connection.GetRulesAsync(AF_INET, cancellationToken).ConfigureAwait(false));
            Take(await _connection.GetRulesAsync(AF_INET6, cancellationToken).ConfigureAwait(false));
        }

        foreach ((string key, RouteObject gone) in _known.Where(pair => !found.ContainsKey(pair.Key)).ToArray())
        {
            _known.Remove(key);
            _changes.Add(new RouteChange(RouteChangeKind.Removed, gone));
        }

        foreach ((string key, RouteObject value) in found)
        {
            Put(key, value);
        }
    }
}
