using System.Globalization;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Inet;

/// <summary>
/// Parameters that set others, and those whose change does something at once: forwarding for all devices is forwarding for
/// each (inet_forward_change, addrconf_fixup_forwarding); IPv6 is taken off devices and put back (addrconf_disable_ipv6).
/// </summary>
internal sealed class InternetParameters
{
    private const string V4 = "net/ipv4/conf/", V6 = "net/ipv6/conf/";

    private readonly SimulatedKernel _kernel;
    private bool _isSetting;

    public InternetParameters(SimulatedKernel kernel)
    {
        _kernel = kernel;
        kernel.Parameters.Changed += OnChanged;
    }

    private void OnChanged(string path, string value)
    {
        if (_isSetting || !path.StartsWith("net/ipv", StringComparison.Ordinal))
        {
            return;
        }

        bool on = int.TryParse(value, CultureInfo.InvariantCulture, out int number) && number != 0;
        switch (path)
        {
            case "net/ipv4/ip_forward" or V4 + "all/forwarding":
                SetForwarding(V4, on ? "1" : "0");
                break;
            case V6 + "all/forwarding":
                foreach (NetworkDevice device in _kernel.Devices.All)
                {
                    bool forwards = _kernel.Parameters.Number(V6, device.Name, "forwarding") != 0;
                    device.IsInRoutersOfSite = forwards == on ? device.IsInRoutersOfSite : on;
                }

                SetForwarding(V6, value);
                break;
            case V6 + "all/disable_ipv6":
                SetAll(V6, "disable_ipv6", value);
                foreach (NetworkDevice device in _kernel.Devices.All.ToArray())
                {
                    Switch(device, on);
                }

                break;
            default:
                if (path.StartsWith(V6, StringComparison.Ordinal) && path.EndsWith("/forwarding", StringComparison.Ordinal) && _kernel.Devices.Find(path[V6.Length..^"/forwarding".Length]) is { } router)
                {
                    router.IsInRoutersOfSite = on;
                }

                if (path.StartsWith(V6, StringComparison.Ordinal) && path.EndsWith("/disable_ipv6", StringComparison.Ordinal)
                    && _kernel.Devices.Find(path[V6.Length..^"/disable_ipv6".Length]) is { } one)
                {
                    Switch(one, on);
                }

                break;
        }
    }

    private void SetForwarding(string root, string value)
    {
        SetAll(root, "forwarding", value);
        Set(root + "all/forwarding", value);
        if (root == V4)
        {
            // A router tells of better ways and believes nobody who tells it.
            Set("net/ipv4/ip_forward", value);
            Set(V4 + "all/accept_redirects", value == "0" ? "1" : "0");
        }
    }

    /// <summary>The devices there are, and those to come.</summary>
    private void SetAll(string root, string name, string value)
    {
        foreach (string device in (string[])["default", .. _kernel.Devices.All.Select(static device => device.Name)])
        {
            if (_kernel.Parameters.Read($"{root}{device}/{name}") is not null)
            {
                Set($"{root}{device}/{name}", value);
            }
        }
    }

    private void Set(string path, string value)
    {
        _isSetting = true;
        _kernel.Parameters.Set(path, value);
        _isSetting = false;
    }

    private void Switch(NetworkDevice device, bool off)
    {
        if (off)
        {
            _kernel.Inet6.DeviceDown(device);
        }
        else if (device.IsUp)
        {
            _kernel.Inet6.DeviceUp(device);
        }
    }
}
