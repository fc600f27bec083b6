using System.Diagnostics.CodeAnalysis;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>The devices of one namespace by index and by name, alternative names included.</summary>
internal sealed class DeviceTable
{
    private readonly Dictionary<int, NetworkDevice> _byIndex = [];
    private readonly List<NetworkDevice> _ordered = [];
    private readonly Dictionary<string, NetworkDevice> _byName = new(StringComparer.Ordinal);
    private readonly List<NetworkDevice> _tunnels = [];
    private int _lastIndex;

    /// <summary>Devices in the order they are dumped: by index.</summary>
    public IReadOnlyList<NetworkDevice> All => _ordered;

    /// <summary>Those among them that take UDP packets to be their own (VXLAN).</summary>
    public IReadOnlyList<NetworkDevice> Tunnels => _tunnels;

    /// <summary>Changes with every device that comes, goes or is renamed (dev_base_seq).</summary>
    public uint Generation { get; set; } = 1;

    public NetworkDevice? Find(int index) => _byIndex.GetValueOrDefault(index);

    /// <summary>By name or alternative name.</summary>
    public NetworkDevice? Find(string name) => _byName.GetValueOrDefault(name);

    public bool TryFind(string name, [NotNullWhen(true)] out NetworkDevice? device) => _byName.TryGetValue(name, out device);

    /// <summary>The first device in dump order with a greater index.</summary>
    public NetworkDevice? Next(int afterIndex) => PlaceAfter(afterIndex) is var place && place < _ordered.Count ? _ordered[place] : null;

    /// <summary>The next free index, counted on from the last one given as the kernel does: freed ones come back only after a wrap.</summary>
    public int AllocateIndex()
    {
        do
        {
            _lastIndex = _lastIndex == int.MaxValue ? 1 : _lastIndex + 1;
        }
        while (_byIndex.ContainsKey(_lastIndex));
        return _lastIndex;
    }

    /// <summary>The first free name of a template such as "veth%d"; the template itself where it is none.</summary>
    public string NameFor(string template)
    {
        if (!template.Contains("%d", StringComparison.Ordinal))
        {
            return template;
        }

        for (int number = 0; ; number++)
        {
            string name = template.Replace("%d", number.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
            if (!_byName.ContainsKey(name))
            {
                return name;
            }
        }
    }

    public void Add(NetworkDevice device)
    {
        _byIndex.Add(device.Index, device);
        _ordered.Insert(PlaceAfter(device.Index), device);
        _byName.Add(device.Name, device);
        if (device.KindState is VxlanState)
        {
            _tunnels.Add(device);
        }

        foreach (string name in device.AlternativeNames)
        {
            _byName.Add(name, device);
        }

        Generation++;
    }

    public void Remove(NetworkDevice device)
    {
        if (_byIndex.Remove(device.Index))
        {
            _ordered.RemoveAt(PlaceAfter(device.Index) - 1);
        }

        _tunnels.Remove(device);
        _byName.Remove(device.Name);
        foreach (string name in device.AlternativeNames)
        {
            _byName.Remove(name);
        }

        Generation++;
    }

    public void Rename(NetworkDevice device, string name)
    {
        _byName.Remove(device.Name);
        device.Name = name;
        _byName.Add(name, device);
        Generation++;
    }

    public void AddAlternativeName(NetworkDevice device, string name)
    {
        _byName.Add(name, device);
        device.AlternativeNames.Add(name);
    }

    public void RemoveAlternativeName(NetworkDevice device, string name)
    {
        _byName.Remove(name);
        device.AlternativeNames.Remove(name);
    }

    // Where the devices with greater indices begin.
    private int PlaceAfter(int index)
    {
        int low = 0, high = _ordered.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _ordered[middle].Index > index ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
