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
    private readonly Dictionary<string, Action<string>> _watchers = new(StringComparer.Ordinal);

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
    public int Number(string path) =>
        _values.TryGetValue(path, out string? value) && int.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out int number) ? number : 0;

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
        if (_watchers.TryGetValue(path, out Action<string>? watcher))
        {
            watcher(value);
        }
    }

    /// <summary>Calls <paramref name="changed"/> with the new value whenever the parameter is set.</summary>
    public void Watch(string path, Action<string> changed) =>
        _watchers[path] = _watchers.TryGetValue(path, out Action<string>? others) ? others + changed : changed;

    /// <summary>A device came: its parameters begin as those of "default".</summary>
    public void AddDevice(string name)
    {
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
