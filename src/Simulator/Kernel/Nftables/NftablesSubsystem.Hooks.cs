using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Base chains in the hooks of the datapath.</summary>
internal sealed partial class NftablesSubsystem
{
    private uint _tracedPackets;
    private readonly Dictionary<Chain, (ChainFunction Function, List<NetworkDevice?> Devices)> _registered = [];

    /// <summary>A device came, went or was renamed: hooks that wait for its name follow.</summary>
    public void DeviceChanged()
    {
        foreach (Table table in Tables)
        {
            foreach (Chain chain in table.Chains.Active)
            {
                if (chain.Base is { } baseChain && ChainHook.IsNetdev(table.Family, baseChain.Hook))
                {
                    RefreshHook(chain);
                }
            }
        }
    }

    /// <summary>Makes the datapath's hooks agree with what a chain is now.</summary>
    private void RefreshHook(Chain chain)
    {
        if (chain.Base is not { } baseChain)
        {
            return;
        }

        byte family = chain.Table.Family;
        if (_registered.Remove(chain, out (ChainFunction Function, List<NetworkDevice?> Devices) old))
        {
            foreach (NetworkDevice? device in old.Devices)
            {
                if (baseChain.Type == ChainType.Nat)
                {
                    Kernel.Stack.Netfilter.UnregisterNatChain(family, baseChain.Hook, old.Function);
                }
                else
                {
                    Kernel.Stack.Hooks.Unregister(family, baseChain.Hook, old.Function, device);
                }
            }
        }

        if (chain.IsDeleted || chain.Table.IsDeleted || (chain.Table.Flags & NFT_TABLE_F_DORMANT) != 0)
        {
            return;
        }

        List<NetworkDevice?> devices = ChainHook.IsNetdev(family, baseChain.Hook)
            ? [.. Kernel.Devices.All.Where(device => baseChain.Devices.Exists(name => IsNamed(device, name)))]
            : [null];
        var function = new ChainFunction(this, chain);
        foreach (NetworkDevice? device in devices)
        {
            if (baseChain.Type == ChainType.Nat)
            {
                Kernel.Stack.Netfilter.RegisterNatChain(family, baseChain.Hook, baseChain.Priority, function);
            }
            else
            {
                Kernel.Stack.Hooks.Register(family, baseChain.Hook, baseChain.Priority, function, device);
            }
        }

        _registered[chain] = (function, devices);
    }

    private static bool IsNamed(NetworkDevice device, string name) =>
        name.EndsWith(ChainHook.PrefixMark) ? device.Name.StartsWith(name[..^1], StringComparison.Ordinal) : device.Name == name;

    private void UnregisterHooks(Table table)
    {
        table.IsDeleted = true;
        foreach (Chain chain in table.Chains.Active)
        {
            RefreshHook(chain);
        }
    }

    /// <summary>A number for the next traced packet; drawn from no source that the simulation depends on, so tracing changes nothing.</summary>
    public uint NextTraceId() => ++_tracedPackets * 0x9e3779b1;
}
