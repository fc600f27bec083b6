using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Flowtables.</summary>
internal sealed partial class NftablesSubsystem
{
    private static readonly AttributePolicy FlowtablePolicy = new(
        NFTA_FLOWTABLE_FLAGS,
        (NFTA_FLOWTABLE_TABLE, AttributePolicy.ObjectName),
        (NFTA_FLOWTABLE_NAME, AttributePolicy.ObjectName),
        (NFTA_FLOWTABLE_HOOK, AttributePolicy.Nested),
        (NFTA_FLOWTABLE_HANDLE, AttributePolicy.U64),
        (NFTA_FLOWTABLE_FLAGS, AttributePolicy.U32));

    private static readonly AttributePolicy FlowtableHookPolicy = new(
        3,
        (NFTA_FLOWTABLE_HOOK_NUM, AttributePolicy.U32),
        (NFTA_FLOWTABLE_HOOK_PRIORITY, AttributePolicy.U32),
        (NFTA_FLOWTABLE_HOOK_DEVS, AttributePolicy.Nested));

    private LinuxError NewFlowtable(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        KernelAttribute name = attributes[NFTA_FLOWTABLE_NAME];
        if (!attributes.Has(NFTA_FLOWTABLE_TABLE) || !name.Exists || !attributes.Has(NFTA_FLOWTABLE_HOOK))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_FLOWTABLE_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_FLOWTABLE_TABLE], error);
        }

        context = context.With(table, null);
        Flowtable? existing = table.Flowtables.Find(name.Name);
        if (existing is not null && context.Has(NetlinkMessageFlags.Exclusive))
        {
            return context.Blame(name, LinuxError.EEXIST);
        }

        uint flags = existing?.Flags ?? 0;
        if (existing is null && (context.Family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET) || !Kernel.Profile.HasFlowtables))
        {
            return LinuxError.ENOENT;
        }

        if (attributes[NFTA_FLOWTABLE_FLAGS] is { Exists: true } flagsAttribute)
        {
            flags = flagsAttribute.UInt32BigEndian;
            if ((flags & ~NFT_FLOWTABLE_MASK) != 0 || existing is not null && ((existing.Flags ^ flags) & NFT_FLOWTABLE_HW_OFFLOAD) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }

        error = ParseFlowtableHook(context, existing, out uint hook, out int priority, out List<string> devices);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (existing is not null)
        {
            List<string> oldDevices = existing.Devices;
            existing.Devices = [.. oldDevices, .. devices.Where(device => !oldDevices.Contains(device))];
            _transaction.Add(
                () => existing.Devices = oldDevices,
                () =>
                {
                    existing.Flags = flags;
                    RefreshFlowtable(existing);
                    NotifyFlowtable(context, existing, NFT_MSG_NEWFLOWTABLE, devices);
                });
            return LinuxError.None;
        }

        var flowtable = new Flowtable(table, name.Name, table.AllocateHandle()) { Hook = hook, Priority = priority, Flags = flags, Devices = devices };
        table.Use++;
        table.Flowtables.Add(flowtable);
        _transaction.Add(
            () =>
            {
                flowtable.IsDeleted = true;
                table.Flowtables.Remove(flowtable);
                table.Use--;
            },
            () =>
            {
                RefreshFlowtable(flowtable);
                NotifyFlowtable(context, flowtable, NFT_MSG_NEWFLOWTABLE, null);
            });
        return LinuxError.None;
    }

    private static LinuxError ParseFlowtableHook(NftContext context, Flowtable? existing, out uint hook, out int priority, out List<string> devices)
    {
        hook = 0;
        priority = 0;
        devices = [];
        LinuxError error = context.Attributes[NFTA_FLOWTABLE_HOOK].Parse(FlowtableHookPolicy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (existing is null)
        {
            if (!table.Has(NFTA_FLOWTABLE_HOOK_NUM) || !table.Has(NFTA_FLOWTABLE_HOOK_PRIORITY))
            {
                return context.Blame(context.Attributes[NFTA_FLOWTABLE_NAME], LinuxError.ENOENT);
            }

            hook = table[NFTA_FLOWTABLE_HOOK_NUM].UInt32BigEndian;
            if (hook != NF_NETDEV_INGRESS)
            {
                return LinuxError.EOPNOTSUPP;
            }

            priority = table[NFTA_FLOWTABLE_HOOK_PRIORITY].Int32BigEndian;
        }
        else if (table.Has(NFTA_FLOWTABLE_HOOK_NUM) && table[NFTA_FLOWTABLE_HOOK_NUM].UInt32BigEndian != existing.Hook
            || table.Has(NFTA_FLOWTABLE_HOOK_PRIORITY) && table[NFTA_FLOWTABLE_HOOK_PRIORITY].Int32BigEndian != existing.Priority)
        {
            return LinuxError.EOPNOTSUPP;
        }

        return ChainHook.ParseDevices(context, default, table[NFTA_FLOWTABLE_HOOK_DEVS], devices);
    }

    private LinuxError DeleteFlowtable(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        KernelAttribute name = attributes[NFTA_FLOWTABLE_NAME], handle = attributes[NFTA_FLOWTABLE_HANDLE];
        if (!attributes.Has(NFTA_FLOWTABLE_TABLE) || !name.Exists && !handle.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_FLOWTABLE_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_FLOWTABLE_TABLE], error);
        }

        KernelAttribute blamed = handle.Exists ? handle : name;
        Flowtable? flowtable = handle.Exists ? table.Flowtables.Find(handle.UInt64BigEndian) : table.Flowtables.Find(name.Name);
        if (flowtable is null)
        {
            return context.Verb == NFT_MSG_DESTROYFLOWTABLE ? LinuxError.None : context.Blame(blamed, LinuxError.ENOENT);
        }

        context = context.With(table, null);
        if (attributes.Has(NFTA_FLOWTABLE_HOOK))
        {
            error = ParseFlowtableHook(context, flowtable, out _, out _, out List<string> devices);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (devices.Exists(device => !flowtable.Devices.Contains(device)))
            {
                return LinuxError.ENOENT;
            }

            List<string> old = flowtable.Devices;
            flowtable.Devices = old.FindAll(device => !devices.Contains(device));
            _transaction.Add(
                () => flowtable.Devices = old,
                () =>
                {
                    RefreshFlowtable(flowtable);
                    NotifyFlowtable(context, flowtable, NFT_MSG_DELFLOWTABLE, devices);
                });
            return LinuxError.None;
        }

        if (flowtable.Use > 0)
        {
            return context.Blame(blamed, LinuxError.EBUSY);
        }

        DeleteFlowtableStep(context, flowtable);
        return LinuxError.None;
    }

    private void DeleteFlowtableStep(NftContext context, Flowtable flowtable)
    {
        Table table = flowtable.Table;
        table.Use--;
        table.Flowtables.Hide(flowtable);
        _transaction.Add(
            () =>
            {
                table.Flowtables.Restore(flowtable);
                table.Use++;
            },
            () =>
            {
                table.Flowtables.Remove(flowtable);
                DetachFlowtable(flowtable, all: true);
                NotifyFlowtable(context, flowtable, NFT_MSG_DELFLOWTABLE, null);
            });
    }

    /// <summary>Makes the ingress hooks agree with a flowtable's devices.</summary>
    private void RefreshFlowtable(Flowtable flowtable)
    {
        if (flowtable.ShortCuts is null)
        {
            flowtable.ShortCuts = new Datapath.Conntrack.ShortCuts(Kernel.Stack, flowtable.Name, () => (flowtable.Flags & NFT_FLOWTABLE_COUNTER) != 0);
            Kernel.Stack.Conntrack.Looking += flowtable.ShortCuts.Expire;
        }

        DetachFlowtable(flowtable, all: false);
        foreach (Devices.NetworkDevice device in Kernel.Devices.All.Where(device => flowtable.Devices.Exists(name => IsNamed(device, name)) && !flowtable.Attached.Contains(device)))
        {
            flowtable.Attached.Add(device);
            Kernel.Stack.Hooks.Register(Datapath.Hooks.HookFamily.Netdev, Datapath.Hooks.Hook.NetdevIngress, flowtable.Priority, flowtable.ShortCuts, device);
        }
    }

    /// <summary>Takes a flowtable from devices that are no longer its own, or from all.</summary>
    private void DetachFlowtable(Flowtable flowtable, bool all)
    {
        foreach (Devices.NetworkDevice device in flowtable.Attached.Where(device => all || !flowtable.Devices.Exists(name => IsNamed(device, name))).ToArray())
        {
            flowtable.Attached.Remove(device);
            Kernel.Stack.Hooks.Unregister(Datapath.Hooks.HookFamily.Netdev, Datapath.Hooks.Hook.NetdevIngress, flowtable.ShortCuts!, device);
        }

        if (all && flowtable.ShortCuts is { } cuts)
        {
            cuts.Clear();
            Kernel.Stack.Conntrack.Looking -= cuts.Expire;
        }
    }

    private LinuxError GetFlowtable(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            string? tableName = attributes[NFTA_FLOWTABLE_TABLE] is { Exists: true } t ? t.Name : null;
            return Dump(
                context,
                NFT_MSG_NEWFLOWTABLE,
                NetlinkMessageFlags.Append,
                from each in Tables
                where (context.Family == NFPROTO_UNSPEC || each.Family == context.Family) && (tableName is null || each.Name == tableName)
                from flowtable in each.Flowtables.Active
                select (each.Family, (NftMessage.Filler)((ref NetlinkWriter writer) => FillFlowtable(ref writer, flowtable, NFT_MSG_NEWFLOWTABLE, null))));
        }

        KernelAttribute name = attributes[NFTA_FLOWTABLE_NAME];
        if (!name.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_FLOWTABLE_TABLE], out Table table, anyOwner: true);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_FLOWTABLE_TABLE], error);
        }

        return table.Flowtables.Find(name.Name) is { } found
            ? Reply(context, NFT_MSG_NEWFLOWTABLE, table.Family, (ref NetlinkWriter writer) => FillFlowtable(ref writer, found, NFT_MSG_NEWFLOWTABLE, null))
            : context.Blame(name, LinuxError.ENOENT);
    }

    private void NotifyFlowtable(NftContext context, Flowtable flowtable, int verb, List<string>? devices) =>
        Notify(context, verb, flowtable.Table.Family, 0, (ref NetlinkWriter writer) => FillFlowtable(ref writer, flowtable, verb, devices));

    private void FillFlowtable(ref NetlinkWriter writer, Flowtable flowtable, int verb, List<string>? devices)
    {
        NftMessage.WriteName(ref writer, NFTA_FLOWTABLE_TABLE, flowtable.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_FLOWTABLE_NAME, flowtable.Name);
        writer.WriteUInt64BigEndian(NFTA_FLOWTABLE_HANDLE, flowtable.Handle);
        if (verb == NFT_MSG_DELFLOWTABLE && devices is null && Kernel.Profile.IsAtLeast(6, 4))
        {
            return;
        }

        writer.WriteUInt32BigEndian(NFTA_FLOWTABLE_USE, flowtable.Use);
        writer.WriteUInt32BigEndian(NFTA_FLOWTABLE_FLAGS, flowtable.Flags);
        WireMark mark = writer.BeginAttribute(NFTA_FLOWTABLE_HOOK);
        writer.WriteUInt32BigEndian(NFTA_FLOWTABLE_HOOK_NUM, flowtable.Hook);
        writer.WriteUInt32BigEndian(NFTA_FLOWTABLE_HOOK_PRIORITY, (uint)flowtable.Priority);
        ChainHook.WriteDevices(ref writer, NFTA_FLOWTABLE_HOOK_DEVS, devices ?? flowtable.Devices);
        writer.EndAttribute(mark);
    }
}
