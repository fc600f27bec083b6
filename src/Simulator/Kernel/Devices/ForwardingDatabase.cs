namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>Which MAC is behind which port of a bridge.</summary>
internal sealed class ForwardingDatabase
{
    private readonly Dictionary<(ulong Mac, ushort Vlan), ForwardingEntry> _entries = [];

    /// <summary>All entries, in the order they were made.</summary>
    public IEnumerable<ForwardingEntry> Entries => _entries.Values.OrderBy(entry => entry.Order);

    public int Count => _entries.Count;

    private long _order;

    public ForwardingEntry? Find(ReadOnlySpan<byte> mac, ushort vlan) => _entries.GetValueOrDefault((Key(mac), vlan));

    /// <summary>Adds an entry, or takes the place of the one with the same MAC and VLAN.</summary>
    public void Set(ForwardingEntry entry)
    {
        entry.Order = _order++;
        _entries[(Key(entry.Mac), entry.Vlan)] = entry;
    }

    public bool Remove(ForwardingEntry entry) => _entries.Remove((Key(entry.Mac), entry.Vlan));

    private static ulong Key(ReadOnlySpan<byte> mac)
    {
        ulong key = 0;
        foreach (byte octet in mac)
        {
            key = key << 8 | octet;
        }

        return key;
    }
}

/// <summary>A MAC and where it is.</summary>
internal sealed class ForwardingEntry(byte[] mac, ushort vlan, BridgePort? port)
{
    public byte[] Mac { get; } = mac;

    /// <summary>0 where the bridge doesn't filter VLANs.</summary>
    public ushort Vlan { get; } = vlan;

    /// <summary>The port behind which the MAC is; null for the bridge itself.</summary>
    public BridgePort? Port { get; set; }= port;

    /// <summary>A MAC of this machine.</summary>
    public bool IsLocal { get; set; }

    /// <summary>Does not age.</summary>
    public bool IsStatic { get; set; }

    /// <summary>Was not learned but set (NTF_EXT_LEARNED has its own flag).</summary>
    public bool IsAddedByUser { get; set; }

    public bool IsExternallyLearned { get; set; }

    public bool IsSticky { get; set; }

    /// <summary>Clock timestamp of the last change.</summary>
    public long Updated { get; set; }

    /// <summary>Clock timestamp when it was last seen as a sender.</summary>
    public long Used { get; set; }

    internal long Order { get; set; }
}
