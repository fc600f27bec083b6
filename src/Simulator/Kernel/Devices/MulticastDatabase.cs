namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>What a bridge has heard of multicast: who is in which group behind which port, where routers are, and whether somebody asks for members. Times are clock timestamps.</summary>
internal sealed class MulticastDatabase
{
    private readonly Dictionary<(InternetAddress Group, ushort Vlan), MulticastGroup> _groups = [];

    /// <summary>The groups, the last made first.</summary>
    public IEnumerable<MulticastGroup> Groups => _groups.Values.Reverse();

    /// <summary>By family: until when the other querier is believed to be there, and its members to have had time to answer.</summary>
    public MulticastQuerier Inet4 { get; } = new();

    public MulticastQuerier Inet6 { get; } = new();

    public MulticastGroup? Find(InternetAddress group, ushort vlan) => _groups.GetValueOrDefault((group, vlan));

    public MulticastGroup GetOrAdd(InternetAddress group, ushort vlan)
    {
        if (!_groups.TryGetValue((group, vlan), out MulticastGroup? found))
        {
            _groups.Add((group, vlan), found = new MulticastGroup(group, vlan));
        }

        return found;
    }

    public void Remove(MulticastGroup group) => _groups.Remove((group.Address, group.Vlan));

    public MulticastQuerier Querier(byte family) => family == InternetAddress.V6 ? Inet6 : Inet4;
}

/// <summary>A group in a VLAN (0 where the bridge does not filter VLANs).</summary>
internal sealed class MulticastGroup(InternetAddress address, ushort vlan)
{
    public InternetAddress Address { get; } = address;

    public ushort Vlan { get; } = vlan;

    /// <summary>Until when each port has a member.</summary>
    public Dictionary<BridgePort, long> Ports { get; } = [];

    /// <summary>Until when the machine itself is a member; null where it is none.</summary>
    public long? Host { get; set; }
}

/// <summary>Another querier, of one family.</summary>
internal sealed class MulticastQuerier
{
    /// <summary>The one that counts: of several, the lowest address.</summary>
    public InternetAddress? Address { get; set; }

    /// <summary>It is taken to be gone from then on.</summary>
    public long Until { get; set; }

    /// <summary>All members have had time to answer from then on.</summary>
    public long HeardFrom { get; set; }

    /// <summary>Until when each port is believed to lead to a router, since queries come from there.</summary>
    public Dictionary<BridgePort, long> Routers { get; } = [];
}
