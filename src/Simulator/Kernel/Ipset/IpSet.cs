namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>The dimensions of an element; those the type does not have are zero.</summary>
internal sealed record IpSetKey
{
    public UInt128 First { get; init; }

    public byte FirstPrefix { get; init; }

    public UInt128 Second { get; init; }

    public byte SecondPrefix { get; init; }

    public ushort Port { get; init; }

    public byte Protocol { get; init; }

    public ulong Hardware { get; init; }

    public string Interface { get; init; } = "";

    public uint Mark { get; init; }

    /// <summary>The number of a set in a list.</summary>
    public ushort? Member { get; init; }
}

/// <summary>An element and what goes with it.</summary>
internal sealed class IpSetElement
{
    /// <summary>When it goes; null for never.</summary>
    public DateTimeOffset? Expires { get; set; }

    public string? Comment { get; set; }

    public ulong Packets { get; set; }

    public ulong Bytes { get; set; }

    /// <summary>CADT flags (IPSET_FLAG_NOMATCH and the like).</summary>
    public uint Flags { get; set; }
}

/// <summary>A set of the simulated kernel.</summary>
internal sealed class IpSet
{
    /// <summary>IPSET_FLAG_NOMATCH: a network within which the set does not match.</summary>
    public const uint NoMatch = 4;

    /// <summary>IPSET_FLAG_WITH_COUNTERS.</summary>
    public const uint WithCounters = 8;

    /// <summary>IPSET_FLAG_WITH_COMMENT.</summary>
    public const uint WithComments = 16;

    public required ushort Index { get; init; }

    public required string Name { get; set; }

    public required IpSetType Type { get; init; }

    public required byte Revision { get; init; }

    public required byte Family { get; init; }

    /// <summary>Seconds an element stays where none are given (0: for ever); null where elements never go.</summary>
    public uint? Timeout { get; init; }

    /// <summary>IPSET_FLAG_WITH_*.</summary>
    public uint Flags { get; init; }

    public uint MaximumElements { get; init; } = 65536;

    public uint HashSize { get; init; } = 1024;

    /// <summary>Bits of an address that are kept; null for all.</summary>
    public byte? Netmask { get; init; }

    /// <summary>The range of a bitmap.</summary>
    public uint First { get; init; }

    public uint Last { get; init; }

    /// <summary>Rules and lists that hold the set.</summary>
    public int References { get; set; }

    /// <summary>The elements; of a list in its order.</summary>
    public OrderedDictionary<IpSetKey, IpSetElement> Elements { get; } = [];

    /// <summary>The same content under the number and name of another, with the references to those.</summary>
    public IpSet WithPlaceOf(IpSet other)
    {
        var moved = new IpSet
        {
            Index = other.Index, Name = other.Name, References = other.References,
            Type = Type, Revision = Revision, Family = Family, Timeout = Timeout, Flags = Flags, MaximumElements = MaximumElements, HashSize = HashSize,
            Netmask = Netmask, First = First, Last = Last,
        };
        foreach ((IpSetKey key, IpSetElement element) in Elements)
        {
            moved.Elements.Add(key, element);
        }

        return moved;
    }

    /// <summary>Forgets what has run out.</summary>
    public void Expire(DateTimeOffset now)
    {
        if (Timeout is null)
        {
            return;
        }

        foreach (IpSetKey gone in Elements.Where(pair => pair.Value.Expires <= now).Select(pair => pair.Key).ToArray())
        {
            Elements.Remove(gone);
        }
    }
}
