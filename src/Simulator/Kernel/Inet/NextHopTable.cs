using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>Next hops with a number of their own (struct nexthop), alone or in groups.</summary>
internal sealed class NextHopTable
{
    private readonly SortedDictionary<uint, NumberedNextHop> _hops = [];
    private uint _lastId;

    public IReadOnlyCollection<NumberedNextHop> All => _hops.Values;

    /// <summary>Counts changes, for dumps that they interrupt.</summary>
    public uint Generation { get; set; }

    public NumberedNextHop? Find(uint id) => _hops.GetValueOrDefault(id);

    public void Add(NumberedNextHop hop) => _hops.Add(hop.Id, hop);

    public void Remove(NumberedNextHop hop) => _hops.Remove(hop.Id);

    /// <summary>The next number that nobody has; one that was given back is not given again before all others.</summary>
    public uint NextId()
    {
        while (_hops.ContainsKey(++_lastId) || _lastId == 0)
        {
        }

        return _lastId;
    }

    /// <summary>The groups that have a next hop among them, the one that got it last first.</summary>
    public List<NumberedNextHop> GroupsOf(NumberedNextHop hop) =>
        [.. _hops.Values.Where(group => group.Group?.Members.Exists(member => member.Hop == hop) == true).OrderByDescending(static group => group.Group!.Order)];
}

/// <summary>A numbered next hop. Its number stays, what stands behind it can be replaced.</summary>
internal sealed class NumberedNextHop(uint id)
{
    public uint Id => id;

    public byte Protocol { get; set; }

    /// <summary>RTNH_F_* of the message header.</summary>
    public uint Flags { get; set; }

    /// <summary>Where packets go; null where it is a group.</summary>
    public NextHopWay? Way { get; set; }

    /// <summary>Whom packets are shared among; null where it is none.</summary>
    public NextHopGroup? Group { get; set; }

    public bool IsForFdb => Way?.IsForFdb ?? Group!.IsForFdb;

    /// <summary>The hops that a route over it has.</summary>
    public IReadOnlyList<NextHop> Hops() =>
        Group is { } group ? [.. group.Members.SelectMany(static member => member.Hop.Way!.Hops(member.Weight, member.Hop.Flags))] : [.. Way!.Hops(1, Flags)];
}

/// <summary>Where packets of a next hop go (struct nh_info).</summary>
internal sealed record NextHopWay
{
    public required byte Family { get; init; }

    public byte Scope { get; init; }

    public NetworkDevice? Device { get; init; }

    public InternetAddress? Gateway { get; init; }

    /// <summary>Names a far end of a tunnel for forwarding databases, not for routes.</summary>
    public bool IsForFdb { get; init; }

    public bool IsBlackhole { get; init; }

    /// <summary>NHA_ENCAP_TYPE and NHA_ENCAP as they came.</summary>
    public (ushort Type, byte[] Value)? Encapsulation { get; init; }

    public IEnumerable<NextHop> Hops(int weight, uint flags) =>
        [new NextHop { Device = Device, Gateway = Gateway, Flags = (byte)flags, Weight = weight, Encapsulation = Encapsulation, IsBlackhole = IsBlackhole }];
}

/// <summary>One of a group.</summary>
/// <param name="Hop">The next hop.</param>
/// <param name="Weight">From 1.</param>
internal sealed record NextHopMember(NumberedNextHop Hop, int Weight);

/// <summary>Several next hops that share what goes to their group (struct nh_group).</summary>
internal sealed class NextHopGroup
{
    public required List<NextHopMember> Members { get; set; }

    public bool IsForFdb { get; init; }

    /// <summary>A device may count what each carries (NHA_HW_STATS_ENABLE).</summary>
    public bool CountsInHardware { get; init; }

    /// <summary>By which flows stay where they are when the group changes; null where a hash alone decides.</summary>
    public ResilientBuckets? Buckets { get; init; }

    /// <summary>When it came to have these members, among all groups.</summary>
    public long Order { get; set; }
}
