namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>The filters of one place (struct tcf_block): chains of lists by priority, each list of one kind and protocol.</summary>
internal sealed class FilterBlock
{
    /// <summary>In the order in which they came.</summary>
    public OrderedDictionary<uint, List<FilterList>> Chains { get; } = [];

    /// <summary>Numbers that u32 has given its hash tables here.</summary>
    public uint LastHashTable { get; set; }

    /// <summary>Some filter sends packets to this class.</summary>
    public bool Uses(uint classId) => Chains.Values.Any(chain => chain.Exists(list => list.Filters.Any(filter => filter.ClassId == classId)));

    /// <summary>A chain is there as long as it holds something.</summary>
    public void Remove(uint chain, FilterList list)
    {
        Chains[chain].Remove(list);
        if (Chains[chain].Count == 0)
        {
            Chains.Remove(chain);
        }

        ForgetTables();
    }

    /// <summary>With the last list of u32 its numbers begin anew.</summary>
    public void ForgetTables()
    {
        if (!Chains.Values.Any(static chain => chain.Exists(static list => list.Root != 0)))
        {
            LastHashTable = 0;
        }
    }
}

/// <summary>The filters of a priority (struct tcf_proto).</summary>
internal sealed class FilterList(ClassifierKind kind, uint chain, ushort priority, ushort protocol)
{
    public ClassifierKind Kind { get; } = kind;

    public uint Chain { get; } = chain;

    public ushort Priority { get; } = priority;

    /// <summary>The Ethernet type as it stands in messages (big-endian).</summary>
    public ushort Protocol { get; } = protocol;

    public uint Info => (uint)Priority << 16 | Protocol;

    /// <summary>In the order of their handles.</summary>
    public SortedDictionary<uint, Filter> ByHandle { get; } = [];

    public IEnumerable<Filter> Filters => ByHandle.Values;

    /// <summary>The handle of u32's hash table; 0 for other kinds.</summary>
    public uint Root { get; set; }
}

/// <summary>One filter.</summary>
internal sealed class Filter(uint handle)
{
    public uint Handle { get; } = handle;

    public uint ClassId { get; set; }

    public uint Flags { get; set; }

    /// <summary>What it looks for, by attribute.</summary>
    public SortedDictionary<ushort, byte[]> Keys { get; } = [];

    public List<TrafficAction> Actions { get; set; } = [];

    /// <summary>Packets that it was asked about, as far as its kind counts them.</summary>
    public ulong Asked { get; set; }

    /// <summary>Packets that were what it looks for.</summary>
    public ulong Hits { get; set; }

    /// <summary>Packets that each single key was right for.</summary>
    public ulong[] KeyHits { get; set; } = [];
}
