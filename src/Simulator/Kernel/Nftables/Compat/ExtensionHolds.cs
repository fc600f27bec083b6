using EucaNet.Simulator.Kernel.Ipset;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What matches and targets name beside their data: it stays while a rule names it.</summary>
internal static class ExtensionHolds
{
    /// <summary>A rule with this data comes (1) or goes (-1). False where what it names is of another kind.</summary>
    public static bool Hold(Extension extension, byte[] data, SimulatedKernel kernel, int change)
    {
        if (extension.Name is "socket" or "TPROXY" && change > 0)
        {
            kernel.Stack.Netfilter.UseReassembly(extension.Family);
        }
        else if (extension.Name is "socket" or "TPROXY" && change < 0)
        {
            kernel.Stack.Netfilter.ReleaseReassembly(extension.Family);
        }

        IpSetRules.Hold(extension, data, kernel.IpSets, change);
        if (extension.Name == "SYNPROXY" && change > 0)
        {
            kernel.Stack.Netfilter.UseProxy(extension.Family);
        }
        else if (extension.Name == "SYNPROXY" && change < 0)
        {
            kernel.Stack.Netfilter.ReleaseProxy(extension.Family);
        }

        return extension.Name != "hashlimit" || change == 0 || HashLimitMatch.Hold(extension, data, kernel.Nftables, change);
    }
}
