using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>Behind which remote machines a VXLAN device's stations are (struct vxlan_fdb); all zeros stands for whoever is not listed.</summary>
internal sealed class VxlanDatabase
{
    private readonly Dictionary<MacAddress, VxlanEntry> _entries = [];

    /// <summary>In no particular order, as the kernel's hash table.</summary>
    public IEnumerable<VxlanEntry> Entries => _entries.Values;

    public VxlanEntry? Find(MacAddress mac) => _entries.GetValueOrDefault(mac);

    public void Add(VxlanEntry entry) => _entries.Add(entry.Mac, entry);

    public void Remove(VxlanEntry entry) => _entries.Remove(entry.Mac);
}

/// <summary>A station, and where frames for it go: of a group or of everybody possibly to several machines.</summary>
internal sealed class VxlanEntry(MacAddress mac)
{
    public MacAddress Mac { get; } = mac;

    public List<VxlanRemote> Remotes { get; } = [];

    public NeighbourState State { get; set; }

    /// <summary>NTF_*.</summary>
    public byte Flags { get; set; }

    public bool IsAddedByUser { get; set; }

    /// <summary>Clock timestamp of the last change, and of the last frame from the station.</summary>
    public long Updated { get; set; }

    /// <summary>Clock timestamp of the last look-up.</summary>
    public long Used { get; set; }

    /// <summary>It does not age.</summary>
    public bool IsStatic => (State & (NeighbourState.Permanent | NeighbourState.NoArp)) != 0 || (Flags & 0x10) != 0;
}

/// <summary>A remote tunnel end (struct vxlan_rdst).</summary>
/// <param name="Address">Its address.</param>
/// <param name="Port">Its UDP port.</param>
/// <param name="Vni">The network there.</param>
/// <param name="Interface">The interface it is reached by; 0 for any.</param>
internal sealed record VxlanRemote(InternetAddress Address, ushort Port, uint Vni, int Interface);
