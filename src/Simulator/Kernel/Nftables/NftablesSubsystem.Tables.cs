using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Tables.</summary>
internal sealed partial class NftablesSubsystem
{
    private static readonly AttributePolicy TablePolicy = new(
        NFTA_TABLE_OWNER,
        (NFTA_TABLE_NAME, AttributePolicy.ObjectName),
        (NFTA_TABLE_FLAGS, AttributePolicy.U32),
        (NFTA_TABLE_HANDLE, AttributePolicy.U64),
        (NFTA_TABLE_USERDATA, AttributePolicy.UserData));

    private uint KnownTableFlags => Kernel.Profile.IsAtLeast(6, 9) ? NFT_TABLE_F_MASK : NFT_TABLE_F_DORMANT | NFT_TABLE_F_OWNER;

    private LinuxError NewTable(NftContext context)
    {
        if (context.Family is not (NFPROTO_INET or NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_ARP or NFPROTO_BRIDGE or NFPROTO_NETDEV))
        {
            return LinuxError.EOPNOTSUPP;
        }

        KernelAttribute name = context.Attributes[NFTA_TABLE_NAME];
        LinuxError error = FindTable(context, name, out Table found);
        if (error == LinuxError.None)
        {
            if (context.Has(NetlinkMessageFlags.Exclusive))
            {
                return context.Blame(name, LinuxError.EEXIST);
            }

            return context.Has(NetlinkMessageFlags.Replace) ? LinuxError.EOPNOTSUPP : UpdateTable(context, found);
        }

        if (error != LinuxError.ENOENT)
        {
            return error;
        }

        uint flags = 0;
        if (context.Attributes[NFTA_TABLE_FLAGS] is { Exists: true } attribute)
        {
            flags = attribute.UInt32BigEndian;
            if ((flags & ~KnownTableFlags) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }

        var table = new Table(context.Family, name.Name, ++_lastTableHandle)
        {
            Flags = flags,
            UserData = UserData(context.Attributes[NFTA_TABLE_USERDATA]),
            Owner = (flags & NFT_TABLE_F_OWNER) != 0 ? context.PortId : 0,
        };
        _tables.Add(table);
        NftContext step = context.With(table, null);
        _transaction.Add(() => _tables.Remove(table), () => NotifyTable(step, NFT_MSG_NEWTABLE));
        return LinuxError.None;
    }

    private LinuxError UpdateTable(NftContext context, Table table)
    {
        if (context.Attributes[NFTA_TABLE_FLAGS] is not { Exists: true } attribute)
        {
            return LinuxError.None;
        }

        uint flags = attribute.UInt32BigEndian;
        if ((flags & ~KnownTableFlags) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        uint old = table.Flags;
        if (flags == old)
        {
            return LinuxError.None;
        }

        bool owned = (old & NFT_TABLE_F_OWNER) != 0;
        bool orphan = !owned && (old & NFT_TABLE_F_PERSIST) != 0;
        if (owned && (flags & NFT_TABLE_F_OWNER) == 0 || !owned && (flags & NFT_TABLE_F_OWNER) != 0 && !orphan || ((flags ^ old) & NFT_TABLE_F_PERSIST) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        // No games of sleeping and waking in one batch, nor together with base chains that change or go.
        if (_transaction.UpdatedTables.Contains(table) || _transaction.TablesWithChainUpdates.Contains(table))
        {
            return LinuxError.EINVAL;
        }

        uint oldOwner = table.Owner;
        table.Flags = flags;
        _transaction.UpdatedTables.Add(table);
        if (orphan && (flags & NFT_TABLE_F_OWNER) != 0)
        {
            table.Owner = context.PortId;
        }

        NftContext step = context.With(table, null);
        _transaction.Add(
            () =>
            {
                table.Flags = old;
                table.Owner = oldOwner;
            },
            () =>
            {
                if (((flags ^ old) & NFT_TABLE_F_DORMANT) != 0)
                {
                    foreach (Chain chain in table.Chains.Active)
                    {
                        RefreshHook(chain);
                    }
                }

                NotifyTable(step, NFT_MSG_NEWTABLE);
            });
        return LinuxError.None;
    }

    private LinuxError DeleteTable(NftContext context)
    {
        KernelAttribute name = context.Attributes[NFTA_TABLE_NAME], handle = context.Attributes[NFTA_TABLE_HANDLE];
        if (context.Family == NFPROTO_UNSPEC || !name.Exists && !handle.Exists)
        {
            foreach (Table each in Tables.ToArray())
            {
                if ((context.Family == NFPROTO_UNSPEC || each.Family == context.Family)
                    && (each.Owner == 0 || each.Owner == context.PortId)
                    && (!name.Exists || each.Name == name.Name))
                {
                    FlushTable(context.With(each, null));
                }
            }

            return LinuxError.None;
        }

        KernelAttribute blamed = handle.Exists ? handle : name;
        LinuxError error;
        Table table;
        if (handle.Exists)
        {
            Table? found = Tables.FirstOrDefault(each => each.Handle == handle.UInt64BigEndian && each.Family == context.Family);
            table = found!;
            error = found is null ? LinuxError.ENOENT : found.Owner != 0 && found.Owner != context.PortId ? LinuxError.EPERM : LinuxError.None;
        }
        else
        {
            error = FindTable(context, name, out table);
        }

        if (error != LinuxError.None)
        {
            return error == LinuxError.ENOENT && context.Verb == NFT_MSG_DESTROYTABLE ? LinuxError.None : context.Blame(blamed, error);
        }

        if (context.Has(NetlinkMessageFlags.NonRecursive) && table.Use > 0)
        {
            return LinuxError.EBUSY;
        }

        FlushTable(context.With(table, null));
        return LinuxError.None;
    }

    /// <summary>Deletes a table with all that is in it, in the order in which nothing refers to what is gone.</summary>
    private void FlushTable(NftContext context)
    {
        Table table = context.Table!;
        foreach (Chain chain in table.Chains.Active)
        {
            if (!chain.IsBinding)
            {
                DeleteRules(context.With(table, chain));
            }
        }

        foreach (Set set in table.Sets.Active)
        {
            if (!set.IsAnonymous)
            {
                DeleteSetStep(context, set);
            }
        }

        foreach (Flowtable flowtable in table.Flowtables.Active)
        {
            DeleteFlowtableStep(context, flowtable);
        }

        foreach (StatefulObject obj in table.Objects.Active)
        {
            DeleteObjectStep(context, obj);
        }

        foreach (Chain chain in table.Chains.Active)
        {
            if (!chain.IsBinding)
            {
                DeleteChainStep(context.With(table, chain), chain);
            }
        }

        table.IsDeleted = true;
        _transaction.Add(
            () => table.IsDeleted = false,
            () =>
            {
                _tables.Remove(table);
                NotifyTable(context, NFT_MSG_DELTABLE);
            });
    }

    private LinuxError GetTable(NftContext context)
    {
        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            return Dump(context, NFT_MSG_NEWTABLE, 0, TablesToDump(context.Family));
        }

        KernelAttribute name = context.Attributes[NFTA_TABLE_NAME];
        LinuxError error = FindTable(context, name, out Table table, anyOwner: true);
        return error != LinuxError.None
            ? context.Blame(name, error)
            : Reply(context, NFT_MSG_NEWTABLE, table.Family, (ref NetlinkWriter writer) => FillTable(ref writer, table, NFT_MSG_NEWTABLE));
    }

    private IEnumerable<(byte, NftMessage.Filler)> TablesToDump(byte family) =>
        Tables.Where(table => family == NFPROTO_UNSPEC || table.Family == family)
            .Select(table => (table.Family, (NftMessage.Filler)((ref NetlinkWriter writer) => FillTable(ref writer, table, NFT_MSG_NEWTABLE))));

    private void NotifyTable(NftContext context, int verb)
    {
        Table table = context.Table!;
        Notify(context, verb, table.Family, 0, (ref NetlinkWriter writer) => FillTable(ref writer, table, verb));
    }

    private void FillTable(ref NetlinkWriter writer, Table table, int verb)
    {
        NftMessage.WriteName(ref writer, NFTA_TABLE_NAME, table.Name);
        writer.WriteUInt32BigEndian(NFTA_TABLE_USE, table.Use);
        writer.WriteUInt64BigEndian(NFTA_TABLE_HANDLE, table.Handle);
        if (verb == NFT_MSG_DELTABLE && Kernel.Profile.HasShortDeleteEvents)
        {
            return;
        }

        writer.WriteUInt32BigEndian(NFTA_TABLE_FLAGS, table.Flags);
        if (table.Owner != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_TABLE_OWNER, table.Owner);
        }

        if (table.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_TABLE_USERDATA, userData);
        }
    }

    private static byte[]? UserData(KernelAttribute attribute) => attribute.Exists && attribute.Length > 0 ? attribute.Value.ToArray() : null;

    /// <summary>Begins a dump of one message an object.</summary>
    private LinuxError Dump(NftContext context, int verb, NetlinkMessageFlags flags, IEnumerable<(byte Family, NftMessage.Filler Fill)> objects)
    {
        IEnumerable<byte[]> messages = objects.Select(each => NftMessage.Make(NFNL_SUBSYS_NFTABLES, verb, flags, 0, 0, each.Family, ResourceId, each.Fill));
        context.Socket!.StartDump(new NetlinkDump(HeaderOf(context), context.PortId, messages) { Generation = () => Generation, DoneRidesAlong = false });
        return LinuxError.EINTR;
    }

    private static NetlinkHeader HeaderOf(NftContext context) => new(0, context.MessageType, context.Flags, context.Sequence, context.PortId);
}
