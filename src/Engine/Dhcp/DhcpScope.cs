using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Dhcp;

/// <summary>What one interface's clients are told, and the address of each. Safe to change while the server answers.</summary>
internal sealed class DhcpScope
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MacAddress, Ipv4Address> _hosts = [];
    private readonly HashSet<MacAddress> _suspended = [];

    /// <summary>The interface it serves.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>Our own address there: the server identifier.</summary>
    public required Ipv4Address ServerAddress { get; init; }

    /// <summary>The clients' network.</summary>
    public required Ipv4Network Network { get; init; }

    /// <summary>The broadcast address they are told.</summary>
    public required Ipv4Address Broadcast { get; init; }

    /// <summary>The router they are told.</summary>
    public required Ipv4Address Router { get; init; }

    /// <summary>The name servers they are told.</summary>
    public required IReadOnlyList<Ipv4Address> DnsServers { get; init; }

    /// <summary>How long a lease lasts; renewal at half of it, rebinding at seven eighths (RFC 2131 §4.4.5).</summary>
    public required TimeSpan LeaseTime { get; init; }

    /// <summary>How many mappings there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _hosts.Count;
            }
        }
    }

    /// <summary>A client's address; it is live when this returns.</summary>
    public void Set(MacAddress mac, Ipv4Address address)
    {
        lock (_lock)
        {
            _hosts[mac] = address;
        }
    }

    /// <summary>A client is not known any more.</summary>
    public bool Remove(MacAddress mac)
    {
        lock (_lock)
        {
            _suspended.Remove(mac);
            return _hosts.Remove(mac);
        }
    }

    /// <summary>A client gets no answer until <see cref="Resume"/>: it found its address in use.</summary>
    public void Suspend(MacAddress mac)
    {
        lock (_lock)
        {
            _suspended.Add(mac);
        }
    }

    /// <summary>A client is answered again.</summary>
    public void Resume(MacAddress mac)
    {
        lock (_lock)
        {
            _suspended.Remove(mac);
        }
    }

    /// <summary>A client's address; false for strangers and for clients that are suspended.</summary>
    public bool TryGet(MacAddress mac, out Ipv4Address address)
    {
        lock (_lock)
        {
            return _hosts.TryGetValue(mac, out address) && !_suspended.Contains(mac);
        }
    }

    /// <summary>All mappings, by address.</summary>
    public IReadOnlyList<KeyValuePair<MacAddress, Ipv4Address>> Hosts()
    {
        lock (_lock)
        {
            return [.. _hosts.OrderBy(h => h.Value)];
        }
    }
}
