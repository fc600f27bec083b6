using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// The kernel parameters (sysctls) of a namespace by their path below /proc/sys. Parameters of a device are made from
/// those of "default" when the device comes and go with it.
/// </summary>
internal sealed class ParameterTable
{
    private const string Default = "default";

    private const int PerDeviceRoots = 4;

    // Below the first four there is a folder for each device; below the last, one for each part of the network.
    private static readonly string[] Roots = ["net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/", "net/"];

    private static readonly Dictionary<string, ParameterFolder>[] Fresh = [.. Roots.Select(static _ => new Dictionary<string, ParameterFolder>(StringComparer.Ordinal))];
    private static readonly ParameterFolder FreshOthers = FillFresh();

    // Folders by name for each of the roots, and what is below none of them by its whole path.
    private readonly Dictionary<string, ParameterFolder>[] _folders = Array.ConvertAll(Fresh, static folders => new Dictionary<string, ParameterFolder>(folders, StringComparer.Ordinal));
    private ParameterFolder _others = FreshOthers;

    /// <summary>Told of every parameter that is set, with its path and new value.</summary>
    public event Action<string, string>? Changed;

    /// <summary>Every parameter by path, in the order of the paths.</summary>
    public IEnumerable<KeyValuePair<string, string>> All => _others.All
        .Concat(_folders.SelectMany(static (folders, root) => folders.SelectMany(folder => folder.Value.All.Select(
            pair => KeyValuePair.Create($"{Roots[root]}{folder.Key}/{pair.Key}", pair.Value)))))
        .OrderBy(static pair => pair.Key, StringComparer.Ordinal);

    public string? Read(string path) => Find(path, out string name)?.Read(name);

    /// <summary>The parameter as a number; 0 where there is none.</summary>
    public int Number(string path) => Find(path, out string name)?.Number(name) ?? 0;

    /// <summary>A parameter by its place as a number; 0 where there is none. What packets ask for: nothing is put together.</summary>
    /// <param name="root">"net/ipv4/conf/", or "net/" for what belongs to no device.</param>
    /// <param name="folder">The device's name, "all" or "default"; below "net/" the name of a folder ("netfilter").</param>
    /// <param name="name">The parameter's name.</param>
    public int Number(string root, string folder, string name) => Folder(root, folder).Number(name);

    /// <summary>The parameters of a device; an empty folder where there is no such device.</summary>
    /// <param name="root">"net/ipv4/conf/".</param>
    /// <param name="device">The device's name, "all" or "default".</param>
    public ParameterFolder Folder(string root, string device) => _folders[Array.IndexOf(Roots, root)].GetValueOrDefault(device, ParameterFolder.Empty);

    public void Write(string path, string value)
    {
        if (Read(path) is not { } old)
        {
            throw new KernelException($"write /proc/sys/{path}", LinuxError.ENOENT);
        }

        string trimmed = value.TrimEnd('\n', ' ');
        if (int.TryParse(old, CultureInfo.InvariantCulture, out _) && !int.TryParse(trimmed, CultureInfo.InvariantCulture, out _))
        {
            throw new KernelException($"write /proc/sys/{path}", LinuxError.EINVAL);
        }

        Set(path, trimmed);
    }

    /// <summary>Sets a parameter, also one that isn't there yet (a module brought it).</summary>
    public void Set(string path, string value)
    {
        if (TrySplit(path, out int root, out string device, out string name))
        {
            _folders[root][device] = _folders[root].GetValueOrDefault(device, ParameterFolder.Empty).With(name, value);
        }
        else
        {
            _others = _others.With(path, value);
        }

        Changed?.Invoke(path, value);
    }

    /// <summary>A device came: its parameters begin as those of "default".</summary>
    public void AddDevice(string name)
    {
        foreach (Dictionary<string, ParameterFolder> folders in _folders.AsSpan(0, PerDeviceRoots))
        {
            if (folders.TryGetValue(Default, out ParameterFolder? folder))
            {
                folders[name] = folder;
            }
        }
    }

    /// <summary>A device went.</summary>
    public void RemoveDevice(string name)
    {
        foreach (Dictionary<string, ParameterFolder> folders in _folders.AsSpan(0, PerDeviceRoots))
        {
            folders.Remove(name);
        }
    }

    /// <summary>A device has another name now.</summary>
    public void RenameDevice(string old, string name)
    {
        foreach (Dictionary<string, ParameterFolder> folders in _folders.AsSpan(0, PerDeviceRoots))
        {
            if (folders.Remove(old, out ParameterFolder? folder))
            {
                folders[name] = folder;
            }
        }
    }

    private ParameterFolder? Find(string path, out string name)
    {
        if (TrySplit(path, out int root, out string device, out name))
        {
            return _folders[root].GetValueOrDefault(device);
        }

        name = path;
        return _others;
    }

    private static bool TrySplit(string path, out int root, out string device, out string name)
    {
        for (root = 0; root < Roots.Length; root++)
        {
            int begin = Roots[root].Length, end;
            if (path.StartsWith(Roots[root], StringComparison.Ordinal) && (end = path.IndexOf('/', begin)) > 0)
            {
                device = path[begin..end];
                name = path[(end + 1)..];
                return true;
            }
        }

        device = name = "";
        return false;
    }

    private static ParameterFolder FillFresh()
    {
        ParameterFolder others = ParameterFolder.Empty;
        foreach ((string path, string value) in DefaultParameters.All)
        {
            if (TrySplit(path, out int root, out string device, out string name))
            {
                Fresh[root][device] = Fresh[root].GetValueOrDefault(device, ParameterFolder.Empty).With(name, value);
            }
            else
            {
                others = others.With(path, value);
            }
        }

        return others;
    }
}
