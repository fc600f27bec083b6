using System.Globalization;
using EucaNet.Engine.Configuration;

namespace EucaNet.Engine.Modes;

/// <summary>What the interfaces of MANAGED mode's networks are called on a machine.</summary>
internal static class InterfaceNames
{
    /// <summary>How the node's bridges begin.</summary>
    public const string BridgePrefix = "eucabr";

    /// <summary>The node's bridge of a VLAN: <c>eucabr10</c>.</summary>
    public static string Bridge(int vlan) => string.Create(CultureInfo.InvariantCulture, $"{BridgePrefix}{vlan}");

    /// <summary>The VLAN device: <c>eth0.10</c>.</summary>
    public static string Vlan(NetworkConfiguration configuration, int vlan) => string.Create(CultureInfo.InvariantCulture, $"{configuration.Interface}.{vlan}");

    /// <summary>Where the front-end's router address of a VLAN stands: the VLAN device, or the bridge over it where a node shares the machine.</summary>
    public static string Router(NetworkConfiguration configuration, int vlan) => configuration.SingleMachine ? Bridge(vlan) : Vlan(configuration, vlan);

    /// <summary>All of <see cref="Router"/> as iptables' <c>-i</c> takes it: <c>eth0.+</c>.</summary>
    public static string RouterPattern(NetworkConfiguration configuration) => configuration.SingleMachine ? BridgePrefix + "+" : configuration.Interface + ".+";

    /// <summary>The VLAN that a bridge's or VLAN device's name ends in; null when it is no name of ours.</summary>
    public static int? VlanOf(string name)
    {
        string number = name.StartsWith(BridgePrefix, StringComparison.Ordinal) ? name[BridgePrefix.Length..] : name[(name.LastIndexOf('.') + 1)..];
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int vlan) ? vlan : null;
    }
}
