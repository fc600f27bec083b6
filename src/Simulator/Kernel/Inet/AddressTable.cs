using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>The addresses of all devices of a namespace.</summary>
internal sealed class AddressTable
{
    private readonly Dictionary<NetworkDevice, List<InterfaceAddress>> _v4 = [];
    private readonly Dictionary<NetworkDevice, List<InterfaceAddress>> _v6 = [];
    private readonly Dictionary<InternetAddress, List<InterfaceAddress>> _byLocal = [];

    /// <summary>Changes with every address that comes or goes (dev_addr_genid).</summary>
    public uint Generation { get; set; } = 1;

    /// <summary>A device's addresses of one family, in the kernel's list order.</summary>
    public IReadOnlyList<InterfaceAddress> Of(NetworkDevice device, byte family) =>
        (family == InternetAddress.V4 ? _v4 : _v6).TryGetValue(device, out List<InterfaceAddress>? list) ? list : [];

    /// <summary>Who holds this address; the first that was given it.</summary>
    public InterfaceAddress? FindLocal(InternetAddress address) =>
        _byLocal.TryGetValue(address, out List<InterfaceAddress>? list) ? list[0] : null;

    /// <summary>This address on this device.</summary>
    public InterfaceAddress? Find(NetworkDevice device, InternetAddress address) =>
        _byLocal.TryGetValue(address, out List<InterfaceAddress>? list) ? list.Find(entry => entry.Device == device) : null;

    public void Insert(InterfaceAddress address, int position)
    {
        Dictionary<NetworkDevice, List<InterfaceAddress>> table = address.Local.Family == InternetAddress.V4 ? _v4 : _v6;
        if (!table.TryGetValue(address.Device, out List<InterfaceAddress>? list))
        {
            table.Add(address.Device, list = []);
        }

        list.Insert(position, address);
        if (!_byLocal.TryGetValue(address.Local, out List<InterfaceAddress>? same))
        {
            _byLocal.Add(address.Local, same = []);
        }

        same.Add(address);
        Generation++;
    }

    public void Remove(InterfaceAddress address)
    {
        Dictionary<NetworkDevice, List<InterfaceAddress>> table = address.Local.Family == InternetAddress.V4 ? _v4 : _v6;
        if (table.TryGetValue(address.Device, out List<InterfaceAddress>? list) && list.Remove(address) && list.Count == 0)
        {
            table.Remove(address.Device);
        }

        if (_byLocal.TryGetValue(address.Local, out List<InterfaceAddress>? same) && same.Remove(address) && same.Count == 0)
        {
            _byLocal.Remove(address.Local);
        }

        Generation++;
    }
}
