using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Nftables.Sets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Sets as they are listed and announced.</summary>
internal sealed partial class NftablesSubsystem
{
    private LinuxError GetSet(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        Table? table = null;
        if (attributes[NFTA_SET_TABLE] is { Exists: true } tableName)
        {
            LinuxError error = FindTable(context, tableName, out table, anyOwner: true);
            if (error != LinuxError.None)
            {
                return context.Blame(tableName, error);
            }
        }

        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            return Dump(
                context,
                NFT_MSG_NEWSET,
                0,
                from each in Tables
                where (context.Family == NFPROTO_UNSPEC || each.Family == context.Family) && (table is null || each == table)
                from set in each.Sets.Active
                select (each.Family, (NftMessage.Filler)((ref NetlinkWriter writer) => FillSet(ref writer, set, NFT_MSG_NEWSET))));
        }

        if (context.Family == NFPROTO_UNSPEC)
        {
            return LinuxError.EAFNOSUPPORT;
        }

        KernelAttribute name = attributes[NFTA_SET_NAME];
        if (table is null || !name.Exists)
        {
            return LinuxError.EINVAL;
        }

        return table.Sets.Find(name.Name) is { } wanted
            ? Reply(context, NFT_MSG_NEWSET, table.Family, (ref NetlinkWriter writer) => FillSet(ref writer, wanted, NFT_MSG_NEWSET))
            : context.Blame(name, LinuxError.ENOENT);
    }

    public void NotifySet(NftContext context, Set set, int verb) =>
        Notify(context, verb, set.Table.Family, 0, (ref NetlinkWriter writer) => FillSet(ref writer, set, verb));

    private void FillSet(ref NetlinkWriter writer, Set set, int verb)
    {
        SetDescription description = set.Description;
        NftMessage.WriteName(ref writer, NFTA_SET_TABLE, set.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_SET_NAME, set.Name);
        writer.WriteUInt64BigEndian(NFTA_SET_HANDLE, set.Handle);
        if (verb == NFT_MSG_DELSET && Kernel.Profile.HasShortDeleteEvents)
        {
            return;
        }

        if (set.Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_FLAGS, set.Flags);
        }

        writer.WriteUInt32BigEndian(NFTA_SET_KEY_TYPE, description.KeyType);
        writer.WriteUInt32BigEndian(NFTA_SET_KEY_LEN, (uint)description.KeyLength);
        if (set.IsMap)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_DATA_TYPE, description.DataType);
            writer.WriteUInt32BigEndian(NFTA_SET_DATA_LEN, (uint)description.DataLength);
        }

        if (description.ObjectType != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_OBJ_TYPE, description.ObjectType);
        }

        if (set.Timeout != 0)
        {
            writer.WriteUInt64BigEndian(NFTA_SET_TIMEOUT, set.Timeout);
        }

        if (set.CollectionInterval != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_GC_INTERVAL, set.CollectionInterval);
        }

        if (description.Policy != NFT_SET_POL_PERFORMANCE)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_POLICY, description.Policy);
        }

        if (set.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_SET_USERDATA, userData);
        }

        WireMark mark = writer.BeginAttribute(NFTA_SET_DESC);
        if (set.Size != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_DESC_SIZE, set.Size);
        }

        if (description.Fields.Length > 1)
        {
            WireMark list = writer.BeginAttribute(NFTA_SET_DESC_CONCAT);
            foreach (byte length in description.Fields)
            {
                WireMark field = writer.BeginAttribute(NFTA_LIST_ELEM);
                writer.WriteUInt32BigEndian(NFTA_SET_FIELD_LEN, length);
                writer.EndAttribute(field);
            }

            writer.EndAttribute(list);
        }

        writer.EndAttribute(mark);
        if (Kernel.Profile.IsAtLeast(6, 16))
        {
            NftMessage.WriteName(ref writer, NFTA_SET_TYPE, set.Store.KernelName);
            writer.WriteUInt32BigEndian(NFTA_SET_COUNT, set.ElementCount / (set.Store.Capacity(2) / 2));
        }

        if (set.Expressions.Length == 1)
        {
            set.Expressions[0].Write(ref writer, NFTA_SET_EXPR, reset: false);
        }
        else if (set.Expressions.Length > 1)
        {
            WireMark list = writer.BeginAttribute(NFTA_SET_EXPRESSIONS);
            foreach (Expression expression in set.Expressions)
            {
                expression.Write(ref writer, NFTA_LIST_ELEM, reset: false);
            }

            writer.EndAttribute(list);
        }
    }
}
