using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// The kernel parameters (sysctls) of a namespace by their path below /proc/sys. Parameters of a device are made from
/// those of "default" when the device comes and go with it.
/// </summary>
internal sealed class ParameterTable
{
    private static readonly string[] PerDeviceRoots = ["net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/"];

    private readonly SortedDictionary<string, string> _values = new(StringComparer.Ordinal);

    // What packets ask for again and again; emptied whenever anything changes.
    private readonly Dictionary<(string Root, string Device, string Name), int> _numbers = [];

    public ParameterTable()
    {
        foreach ((string path, string value) in DefaultParameters.All)
        {
            _values.Add(path, value);
        }
    }

    /// <summary>Every parameter by path.</summary>
    public IReadOnlyDictionary<string, string> All => _values;

    public string? Read(string path) => _values.GetValueOrDefault(path);

    /// <summary>The parameter as a number; 0 where there is none.</summary>
    public int Number(string path) => Number(path, "", "");

    /// <summary>A device's parameter as a number; 0 where there is none.</summary>
    /// <param name="root">"net/ipv4/conf/".</param>
    /// <param name="device">The device's name, "all" or "default".</param>
    /// <param name="name">The parameter's name.</param>
    public int Number(string root, string device, string name)
    {
        if (!_numbers.TryGetValue((root, device, name), out int number))
        {
            string path = device.Length == 0 ? root : name.Length == 0 ? $"{root}/{device}" : $"{root}{device}/{name}";
            _numbers[(root, device, name)] = number =
                _values.TryGetValue(path, out string? value) && int.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out int read) ? read : 0;
        }

        return number;
    }

    /// <summary>A parameter by its folder and name as a number; 0 where there is none.</summary>
    public int Number(string folder, string name) => Number(folder, name, "");

    /// <summary>Told of every parameter that is set, with its path and new value.</summary>
    public event Action<string, string>? Changed;

    public void Write(string path, string value)
    {
        if (!_values.TryGetValue(path, out string? old))
        {
            throw new KernelException($"write /proc/sys/{path}", LinuxError.ENOENT);
        }

        string trimmed = value.TrimEnd('\n', ' ');
        if (int.TryParse(old, System.Globalization.CultureInfo.InvariantCulture, out _)
            && !int.TryParse(trimmed, System.Globalization.CultureInfo.InvariantCulture, out _))
        {
            throw new KernelException($"write /proc/sys/{path}", LinuxError.EINVAL);
        }

        Set(path, trimmed);
    }

    /// <summary>Sets a parameter, also one that isn't there yet (a module brought it).</summary>
    public void Set(string path, string value)
    {
        _values[path] = value;
        _numbers.Clear();
        Changed?.Invoke(path, value);
    }

    /// <summary>A device came: its parameters begin as those of "default".</summary>
    public void AddDevice(string name)
    {
        _numbers.Clear();
        foreach (string root in PerDeviceRoots)
        {
            string from = root + "default/";
            foreach ((string path, string value) in _values.Where(pair => pair.Key.StartsWith(from, StringComparison.Ordinal)).ToArray())
            {
                _values[$"{root}{name}/{path[from.Length..]}"] = value;
            }
        }
    }

    /// <summary>A device went.</summary>
    public void RemoveDevice(string name)
    {
        _numbers.Clear();
        foreach (string root in PerDeviceRoots)
        {
            foreach (string path in _values.Keys.Where(path => path.StartsWith($"{root}{name}/", StringComparison.Ordinal)).ToArray())
            {
                _values.Remove(path);
            }
        }
    }

    /// <summary>A device has another name now.</summary>
    public void RenameDevice(string old, string name)
    {
        _numbers.Clear();
        foreach (string root in PerDeviceRoots)
        {
            string from = $"{root}{old}/";
            foreach ((string path, string value) in _values.Where(pair => pair.Key.StartsWith(from, StringComparison.Ordinal)).ToArray())
            {
                _values.Remove(path);
                _values[$"{root}{name}/{path[from.Length..]}"] = value;
            }
        }
    }
}
