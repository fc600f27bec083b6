using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Chains.</summary>
internal sealed partial class NftablesSubsystem
{
    private static readonly AttributePolicy ChainPolicy = new(
        NFTA_CHAIN_USERDATA,
        (NFTA_CHAIN_TABLE, AttributePolicy.ObjectName),
        (NFTA_CHAIN_HANDLE, AttributePolicy.U64),
        (NFTA_CHAIN_NAME, AttributePolicy.ObjectName),
        (NFTA_CHAIN_HOOK, AttributePolicy.Nested),
        (NFTA_CHAIN_POLICY, AttributePolicy.U32),
        (NFTA_CHAIN_TYPE, AttributePolicy.ModuleName),
        (NFTA_CHAIN_COUNTERS, AttributePolicy.Nested),
        (NFTA_CHAIN_FLAGS, AttributePolicy.U32),
        (NFTA_CHAIN_ID, AttributePolicy.U32),
        (NFTA_CHAIN_USERDATA, AttributePolicy.UserData));

    private static readonly AttributePolicy CounterPolicy = new(2, (1, AttributePolicy.U64), (2, AttributePolicy.U64));

    private LinuxError NewChain(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_CHAIN_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_CHAIN_TABLE], error);
        }

        Chain? chain = null;
        KernelAttribute blamed = attributes[NFTA_CHAIN_NAME];
        if (attributes[NFTA_CHAIN_HANDLE] is { Exists: true } handle)
        {
            chain = table.Chains.Find(handle.UInt64BigEndian);
            if (chain is null)
            {
                return context.Blame(handle, LinuxError.ENOENT);
            }

            blamed = handle;
        }
        else if (blamed.Exists)
        {
            chain = table.Chains.Find(blamed.Name);
        }
        else if (!attributes.Has(NFTA_CHAIN_ID))
        {
            return LinuxError.EINVAL;
        }

        uint? policy = null;
        if (attributes[NFTA_CHAIN_POLICY] is { Exists: true } policyAttribute)
        {
            if (chain is not null && chain.Base is null || chain is null && !attributes.Has(NFTA_CHAIN_HOOK))
            {
                return context.Blame(policyAttribute, LinuxError.EOPNOTSUPP);
            }

            policy = policyAttribute.UInt32BigEndian;
            if (policy is not (NF_DROP or NF_ACCEPT))
            {
                return LinuxError.EINVAL;
            }
        }

        uint flags = attributes[NFTA_CHAIN_FLAGS] is { Exists: true } flagsAttribute ? flagsAttribute.UInt32BigEndian : chain?.Flags ?? 0;
        if ((flags & ~NFT_CHAIN_FLAGS) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (chain is null)
        {
            return AddChain(context.With(table, null), policy ?? NF_ACCEPT, flags);
        }

        if (chain.IsBinding)
        {
            return LinuxError.EINVAL;
        }

        if (context.Has(NetlinkMessageFlags.Exclusive))
        {
            return context.Blame(blamed, LinuxError.EEXIST);
        }

        return context.Has(NetlinkMessageFlags.Replace)
            ? LinuxError.EOPNOTSUPP
            : UpdateChain(context.With(table, chain), chain, blamed, policy, flags | chain.Flags & NFT_CHAIN_BASE);
    }

    private LinuxError AddChain(NftContext context, uint policy, uint flags)
    {
        ParsedAttributes attributes = context.Attributes;
        Table table = context.Table!;
        BaseChain? baseChain = null;
        if (attributes.Has(NFTA_CHAIN_HOOK))
        {
            if (_transaction.UpdatedTables.Contains(table))
            {
                return LinuxError.EINVAL;
            }

            if ((flags & NFT_CHAIN_BINDING) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            LinuxError error = ChainHook.Parse(context, null, flags, out ChainHook hook);
            if (error != LinuxError.None)
            {
                return error;
            }

            baseChain = new BaseChain(hook.Type, hook.Number, hook.Priority) { Devices = hook.Devices, Policy = policy };
            if (attributes[NFTA_CHAIN_COUNTERS] is { Exists: true } counters)
            {
                error = ParseCounters(counters, out ChainCounter? counter);
                if (error != LinuxError.None)
                {
                    return error;
                }

                baseChain.Counter = counter;
            }

            // No simulated device takes over rules; of a chain without devices only the priority is looked at.
            if ((flags & NFT_CHAIN_HW_OFFLOAD) != 0 && (context.Family == NFPROTO_NETDEV || hook.Devices.Count > 0 || hook.Priority is <= 0 or > ushort.MaxValue))
            {
                return LinuxError.EOPNOTSUPP;
            }

            flags |= NFT_CHAIN_BASE;
        }
        else if ((flags & NFT_CHAIN_BASE) != 0)
        {
            return LinuxError.EINVAL;
        }
        else if ((flags & NFT_CHAIN_HW_OFFLOAD) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        ulong handle = table.AllocateHandle();
        string name;
        if (attributes[NFTA_CHAIN_NAME] is { Exists: true } given)
        {
            name = given.Name;
        }
        else if ((flags & NFT_CHAIN_BINDING) != 0)
        {
            name = $"__chain{++_lastChainName}";
        }
        else
        {
            return LinuxError.EINVAL;
        }

        var chain = new Chain(table, name, handle)
        {
            Flags = flags,
            Base = baseChain,
            IsBinding = (flags & NFT_CHAIN_BINDING) != 0,
            UserData = UserData(attributes[NFTA_CHAIN_USERDATA]),
        };
        table.Use++;
        table.Chains.Add(chain);
        if (attributes[NFTA_CHAIN_ID] is { Exists: true } id)
        {
            _transaction.ChainIds.Add((id.UInt32BigEndian, chain));
        }

        if (chain.IsBinding)
        {
            _transaction.BindingChains.Add(chain);
        }

        NftContext step = context.With(table, chain);
        _transaction.Add(
            () =>
            {
                chain.IsDeleted = true;
                table.Chains.Remove(chain);
                table.Use--;
            },
            () =>
            {
                RefreshHook(chain);
                NotifyChain(step, NFT_MSG_NEWCHAIN, null);
            });
        return LinuxError.None;
    }

    private LinuxError UpdateChain(NftContext context, Chain chain, KernelAttribute blamed, uint? policy, uint flags)
    {
        ParsedAttributes attributes = context.Attributes;
        if (chain.Flags != flags)
        {
            return LinuxError.EOPNOTSUPP;
        }

        List<string> added = [];
        if (attributes.Has(NFTA_CHAIN_HOOK))
        {
            if (chain.Base is null)
            {
                return context.Blame(blamed, LinuxError.EEXIST);
            }

            LinuxError error = ChainHook.Parse(context, chain.Base, flags, out ChainHook hook);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (chain.Base.Type != hook.Type)
            {
                return context.Blame(blamed, LinuxError.EEXIST);
            }

            added = hook.Devices.FindAll(device => !chain.Base.Devices.Contains(device));
        }

        if (attributes.Has(NFTA_CHAIN_HANDLE) && attributes[NFTA_CHAIN_NAME] is { Exists: true } newName && context.Table!.Chains.Find(newName.Name) is not null)
        {
            return context.Blame(newName, LinuxError.EEXIST);
        }

        ChainCounter? counter = null;
        if (attributes[NFTA_CHAIN_COUNTERS] is { Exists: true } counters)
        {
            if (chain.Base is null)
            {
                return LinuxError.EOPNOTSUPP;
            }

            LinuxError error = ParseCounters(counters, out counter);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        _transaction.TablesWithChainUpdates.Add(context.Table!);
        string oldName = chain.Name;
        bool renamed = attributes.Has(NFTA_CHAIN_HANDLE) && attributes.Has(NFTA_CHAIN_NAME);
        if (renamed)
        {
            chain.Name = attributes[NFTA_CHAIN_NAME].Name;
            context.Table!.Chains.Renamed(chain, oldName);
        }

        if (added.Count > 0)
        {
            chain.Base!.Devices = [.. chain.Base.Devices, .. added];
        }

        _transaction.Add(
            () =>
            {
                if (renamed)
                {
                    string name = chain.Name;
                    chain.Name = oldName;
                    context.Table!.Chains.Renamed(chain, name);
                }

                chain.Base?.Devices.RemoveAll(added.Contains);
            },
            () =>
            {
                if (chain.Base is { } baseChain)
                {
                    baseChain.Policy = policy ?? baseChain.Policy;
                    baseChain.Counter = counter ?? baseChain.Counter;
                    if (added.Count > 0)
                    {
                        RefreshHook(chain);
                    }
                }

                NotifyChain(context, NFT_MSG_NEWCHAIN, added.Count > 0 ? added : null);
            });
        return LinuxError.None;
    }

    private LinuxError DeleteChain(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_CHAIN_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_CHAIN_TABLE], error);
        }

        KernelAttribute blamed = attributes.Has(NFTA_CHAIN_HANDLE) ? attributes[NFTA_CHAIN_HANDLE] : attributes[NFTA_CHAIN_NAME];
        if (!blamed.Exists)
        {
            return LinuxError.EINVAL;
        }

        Chain? chain = attributes.Has(NFTA_CHAIN_HANDLE) ? table.Chains.Find(blamed.UInt64BigEndian) : table.Chains.Find(blamed.Name);
        if (chain is null)
        {
            return context.Verb == NFT_MSG_DESTROYCHAIN ? LinuxError.None : context.Blame(blamed, LinuxError.ENOENT);
        }

        if (chain.IsBinding)
        {
            return LinuxError.EOPNOTSUPP;
        }

        context = context.With(table, chain);
        if (attributes.Has(NFTA_CHAIN_HOOK) && Kernel.Profile.IsAtLeast(6, 4))
        {
            if (context.Verb == NFT_MSG_DESTROYCHAIN || (chain.Flags & NFT_CHAIN_HW_OFFLOAD) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            if (chain.Base is not null && ChainHook.IsNetdev(table.Family, chain.Base.Hook))
            {
                return DeleteChainDevices(context, chain);
            }
        }

        if (context.Has(NetlinkMessageFlags.NonRecursive) && chain.Use > 0)
        {
            return LinuxError.EBUSY;
        }

        uint use = chain.Use;
        foreach (Rule rule in chain.ActiveRules)
        {
            use--;
            DeleteRuleStep(context, rule);
        }

        if (use > 0)
        {
            return context.Blame(blamed, LinuxError.EBUSY);
        }

        DeleteChainStep(context, chain);
        return LinuxError.None;
    }

    private LinuxError DeleteChainDevices(NftContext context, Chain chain)
    {
        LinuxError error = ChainHook.Parse(context, chain.Base, chain.Flags, out ChainHook hook);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (hook.Devices.Exists(device => !chain.Base!.Devices.Contains(device)))
        {
            return LinuxError.ENOENT;
        }

        List<string> old = chain.Base!.Devices;
        chain.Base.Devices = old.FindAll(device => !hook.Devices.Contains(device));
        _transaction.Add(
            () => chain.Base.Devices = old,
            () =>
            {
                RefreshHook(chain);
                NotifyChain(context, NFT_MSG_DELCHAIN, hook.Devices);
            });
        return LinuxError.None;
    }

    private void DeleteChainStep(NftContext context, Chain chain)
    {
        Table table = chain.Table;
        if (chain.Base is not null)
        {
            _transaction.TablesWithChainUpdates.Add(table);
        }

        table.Use--;
        table.Chains.Hide(chain);
        _transaction.Add(
            () =>
            {
                table.Chains.Restore(chain);
                table.Use++;
            },
            () =>
            {
                table.Chains.Remove(chain);
                RefreshHook(chain);
                NotifyChain(context, NFT_MSG_DELCHAIN, null);
            });
    }

    private LinuxError GetChain(NftContext context)
    {
        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            return Dump(
                context,
                NFT_MSG_NEWCHAIN,
                0,
                from table in Tables
                where context.Family == NFPROTO_UNSPEC || table.Family == context.Family
                from chain in table.Chains.Active
                select (table.Family, (NftMessage.Filler)((ref NetlinkWriter writer) => FillChain(ref writer, chain, NFT_MSG_NEWCHAIN, null))));
        }

        LinuxError error = FindTable(context, context.Attributes[NFTA_CHAIN_TABLE], out Table found, anyOwner: true);
        if (error != LinuxError.None)
        {
            return context.Blame(context.Attributes[NFTA_CHAIN_TABLE], error);
        }

        KernelAttribute name = context.Attributes[NFTA_CHAIN_NAME];
        if (!name.Exists)
        {
            return LinuxError.EINVAL;
        }

        return found.Chains.Find(name.Name) is { } wanted
            ? Reply(context, NFT_MSG_NEWCHAIN, found.Family, (ref NetlinkWriter writer) => FillChain(ref writer, wanted, NFT_MSG_NEWCHAIN, null))
            : context.Blame(name, LinuxError.ENOENT);
    }

    private void NotifyChain(NftContext context, int verb, List<string>? devices)
    {
        Chain chain = context.Chain!;
        Notify(context, verb, chain.Table.Family, 0, (ref NetlinkWriter writer) => FillChain(ref writer, chain, verb, devices));
    }

    private void FillChain(ref NetlinkWriter writer, Chain chain, int verb, List<string>? devices)
    {
        NftMessage.WriteName(ref writer, NFTA_CHAIN_TABLE, chain.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_CHAIN_NAME, chain.Name);
        writer.WriteUInt64BigEndian(NFTA_CHAIN_HANDLE, chain.Handle);
        if (verb == NFT_MSG_DELCHAIN && devices is null && Kernel.Profile.IsAtLeast(6, 4))
        {
            return;
        }

        if (chain.Base is { } baseChain)
        {
            ChainHook.Write(ref writer, chain.Table.Family, baseChain, devices ?? baseChain.Devices);
            writer.WriteUInt32BigEndian(NFTA_CHAIN_POLICY, baseChain.Policy);
            NftMessage.WriteName(ref writer, NFTA_CHAIN_TYPE, ChainHook.NameOf(baseChain.Type));
            if (baseChain.Counter is { } counter)
            {
                WireMark mark = writer.BeginAttribute(NFTA_CHAIN_COUNTERS);
                writer.WriteUInt64BigEndian(2, counter.Packets);
                writer.WriteUInt64BigEndian(1, counter.Bytes);
                writer.EndAttribute(mark);
            }
        }

        if (chain.Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_CHAIN_FLAGS, chain.Flags);
        }

        writer.WriteUInt32BigEndian(NFTA_CHAIN_USE, chain.Use);
        if (chain.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_CHAIN_USERDATA, userData);
        }
    }

    private static LinuxError ParseCounters(KernelAttribute attribute, out ChainCounter? counter)
    {
        counter = null;
        LinuxError error = attribute.Parse(CounterPolicy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!table.Has(1) || !table.Has(2))
        {
            return LinuxError.EINVAL;
        }

        counter = new ChainCounter { Bytes = table[1].UInt64BigEndian, Packets = table[2].UInt64BigEndian };
        return LinuxError.None;
    }
}
