using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>Next hops with a number of their own (struct nexthop), alone or in groups.</summary>
internal sealed class NextHopTable
{
    private readonly SortedDictionary<uint, NumberedNextHop> _hops = [];

    public IReadOnlyCollection<NumberedNextHop> All => _hops.Values;

    public NumberedNextHop? Find(uint id) => _hops.GetValueOrDefault(id);

    public void Set(NumberedNextHop hop) => _hops[hop.Id] = hop;

    public void Remove(NumberedNextHop hop) => _hops.Remove(hop.Id);

    public uint NextId()
    {
        uint id = 1;
        while (_hops.ContainsKey(id))
        {
            id++;
        }

        return id;
    }
}

/// <summary>A numbered next hop.</summary>
internal sealed class NumberedNextHop
{
    public required uint Id { get; init; }

    public byte Family { get; init; }

    public byte Protocol { get; init; }

    public byte Scope { get; init; }

    public uint Flags { get; init; }

    public NetworkDevice? Device { get; init; }

    public InternetAddress? Gateway { get; init; }

    /// <summary>Names a far end of a tunnel for forwarding databases, not for routes.</summary>
    public bool IsForFdb { get; init; }

    public bool IsBlackhole { get; init; }

    /// <summary>Members and their weights, where it is a group.</summary>
    public IReadOnlyList<(uint Id, byte Weight)>? Group { get; init; }

    /// <summary>The hops that a route over it has.</summary>
    public IEnumerable<NextHop> Hops(NextHopTable table) => Group is { } members
        ? members.SelectMany(member => table.Find(member.Id)?.Hops(table) is { } hops
            ? hops.Select(hop => new NextHop { Device = hop.Device, Gateway = hop.Gateway, Flags = hop.Flags, Weight = member.Weight + 1 })
            : [])
        : IsBlackhole ? [] : [new NextHop { Device = Device, Gateway = Gateway, Flags = (byte)Flags }];
}
