using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>Which MAC an address has on a link (struct neighbour).</summary>
internal sealed class Neighbour(NetworkDevice device, InternetAddress address)
{
    public NetworkDevice Device { get; } = device;

    public InternetAddress Address { get; } = address;

    public byte[]? HardwareAddress { get; set; }

    public NeighbourState State { get; set; }

    /// <summary>NTF_* of the message header.</summary>
    public byte Flags { get; set; }

    /// <summary>NDA_FLAGS_EXT.</summary>
    public uint ExtendedFlags { get; set; }

    /// <summary>RTN_*.</summary>
    public byte Type { get; set; } = 1;

    /// <summary>NDA_PROTOCOL; 0 for none.</summary>
    public byte Protocol { get; set; }

    public uint Probes { get; set; }

    /// <summary>Clock timestamps (<see cref="TimeProvider.GetTimestamp"/>) of the last confirmation, use and change.</summary>
    public long Confirmed { get; set; }

    public long Used { get; set; }

    public long Updated { get; set; }

    /// <summary>Whatever the datapath keeps for this entry (packets that wait, a timer).</summary>
    public object? Datapath { get; set; }

    /// <summary>The states in which the MAC may be used (NUD_VALID).</summary>
    public const NeighbourState Valid = NeighbourState.Permanent | NeighbourState.NoArp | NeighbourState.Reachable | NeighbourState.Probe | NeighbourState.Stale | NeighbourState.Delay;

    /// <summary>The MAC may be used.</summary>
    public bool IsValid => (State & Valid) != 0;
}

/// <summary>NUD_* (linux/neighbour.h).</summary>
[Flags]
internal enum NeighbourState : ushort
{
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,
    Permanent = 0x80,
}

/// <summary>The neighbours of a namespace, proxies apart.</summary>
internal sealed class NeighbourTable
{
    private readonly Dictionary<(NetworkDevice, InternetAddress), Neighbour> _entries = [];
    private readonly Dictionary<(NetworkDevice?, InternetAddress), Neighbour> _proxies = [];

    /// <summary>Entries in the order they were made.</summary>
    public IReadOnlyCollection<Neighbour> All => _entries.Values;

    /// <summary>Proxy entries (NTF_PROXY).</summary>
    public Dictionary<(NetworkDevice? Device, InternetAddress Address), Neighbour> Proxies => _proxies;

    public Neighbour? Find(NetworkDevice device, InternetAddress address) => _entries.GetValueOrDefault((device, address));

    public Neighbour GetOrAdd(NetworkDevice device, InternetAddress address)
    {
        if (!_entries.TryGetValue((device, address), out Neighbour? neighbour))
        {
            _entries.Add((device, address), neighbour = new Neighbour(device, address));
        }

        return neighbour;
    }

    public bool Remove(Neighbour neighbour) => _entries.Remove((neighbour.Device, neighbour.Address));
}
