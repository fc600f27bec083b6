using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Base chains in the hooks of the datapath, and what is told of packets that are traced.</summary>
internal sealed partial class NftablesSubsystem
{
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

    /// <summary>A traced packet met a rule that decided something.</summary>
    public void TraceRule(HookContext context, Chain chain, Rule rule, Verdict verdict) =>
        Trace(context, chain, NFT_TRACETYPE_RULE, verdict, rule.Handle, null);

    /// <summary>A traced packet came out at the end of a base chain.</summary>
    public void TracePolicy(HookContext context, Chain chain, uint policy) =>
        Trace(context, chain, NFT_TRACETYPE_POLICY, new Verdict(NFT_CONTINUE), 0, policy);

    private void Trace(HookContext context, Chain chain, uint type, Verdict verdict, ulong handle, uint? policy)
    {
        if (!Kernel.HasListeners(NetlinkProtocol.Netfilter, NFNLGRP_NFTRACE))
        {
            return;
        }

        uint id = (uint)System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(context.Packet);
        byte[] message = NftMessage.Make(NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE, 0, 0, 0, chain.Table.Family, 0, (ref NetlinkWriter writer) =>
        {
            writer.WriteUInt32BigEndian(NFTA_TRACE_NFPROTO, context.Family);
            writer.WriteUInt32BigEndian(NFTA_TRACE_TYPE, type);
            writer.WriteUInt32BigEndian(NFTA_TRACE_ID, id);
            NftMessage.WriteName(ref writer, NFTA_TRACE_CHAIN, chain.Name);
            NftMessage.WriteName(ref writer, NFTA_TRACE_TABLE, chain.Table.Name);
            if (type == NFT_TRACETYPE_RULE)
            {
                writer.WriteUInt64BigEndian(NFTA_TRACE_RULE_HANDLE, handle);
                WireMark mark = writer.BeginAttribute(NFTA_TRACE_VERDICT);
                writer.WriteUInt32BigEndian(NFTA_VERDICT_CODE, (uint)verdict.Code);
                if (verdict.Chain is { } target)
                {
                    NftMessage.WriteName(ref writer, NFTA_VERDICT_CHAIN, target.Name);
                }

                writer.EndAttribute(mark);
            }

            if (policy is { } value)
            {
                writer.WriteUInt32BigEndian(NFTA_TRACE_POLICY, value);
            }

            if (context.Packet.Mark != 0)
            {
                writer.WriteUInt32BigEndian(NFTA_TRACE_MARK, context.Packet.Mark);
            }

            if (context.Input is { } input)
            {
                writer.WriteUInt32BigEndian(NFTA_TRACE_IIF, (uint)input.Index);
                writer.WriteUInt16BigEndian(NFTA_TRACE_IIFTYPE, input.HardwareType);
            }

            if (context.Output is { } output)
            {
                writer.WriteUInt32BigEndian(NFTA_TRACE_OIF, (uint)output.Index);
                writer.WriteUInt16BigEndian(NFTA_TRACE_OIFTYPE, output.HardwareType);
            }

            ReadOnlySpan<byte> link = context.Packet.LinkHeader, network = context.Packet.Network, transport = context.Packet.Transport;
            if (!link.IsEmpty)
            {
                writer.WriteBytes(NFTA_TRACE_LL_HEADER, link);
            }

            int networkLength = context.Packet.TransportOffset > 0 ? context.Packet.TransportOffset - context.Packet.NetworkOffset : Math.Min(network.Length, 20);
            writer.WriteBytes(NFTA_TRACE_NETWORK_HEADER, network[..networkLength]);
            if (!transport.IsEmpty)
            {
                writer.WriteBytes(NFTA_TRACE_TRANSPORT_HEADER, transport[..Math.Min(transport.Length, 20)]);
            }
        });
        Kernel.Notify(NetlinkProtocol.Netfilter, NFNLGRP_NFTRACE, message);
    }
}
