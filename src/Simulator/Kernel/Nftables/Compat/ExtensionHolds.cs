using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Ipset;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What matches and targets need beside their data: sets and tables of limits that they name, functions at hooks. It stays while a rule needs it.</summary>
internal static class ExtensionHolds
{
    /// <summary>A rule with this data comes (1) or goes (-1). False where what it names is of another kind.</summary>
    public static bool Hold(Extension extension, byte[] data, SimulatedKernel kernel, int change)
    {
        if (change == 0)
        {
            return true;
        }

        NetfilterHooks hooks = kernel.Stack.Netfilter;
        IpSetRules.Hold(extension, data, kernel.IpSets, change);
        switch (extension.Name)
        {
            case "hashlimit":
                return HashLimitMatch.Hold(extension, data, kernel.Nftables, change);
            case "socket" or "TPROXY":
                (change > 0 ? (Action<byte>)hooks.UseReassembly : hooks.ReleaseReassembly)(extension.Family);
                return true;
            case "connlabel":
                kernel.Stack.Conntrack.LabelUsers += change;
                return true;
            case "SYNPROXY":
                (change > 0 ? (Action<byte>)hooks.UseProxy : hooks.ReleaseProxy)(extension.Family);
                return true;
            default:
                return true;
        }
    }
}
