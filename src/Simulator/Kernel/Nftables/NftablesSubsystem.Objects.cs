using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Stateful objects: counters, quotas, limits and the like under a name.</summary>
internal sealed partial class NftablesSubsystem
{
    private static readonly AttributePolicy ObjectPolicy = new(
        NFTA_OBJ_USERDATA,
        (NFTA_OBJ_TABLE, AttributePolicy.ObjectName),
        (NFTA_OBJ_NAME, AttributePolicy.ObjectName),
        (NFTA_OBJ_TYPE, AttributePolicy.U32),
        (NFTA_OBJ_DATA, AttributePolicy.Nested),
        (NFTA_OBJ_HANDLE, AttributePolicy.U64),
        (NFTA_OBJ_USERDATA, AttributePolicy.UserData));

    private LinuxError NewObject(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        KernelAttribute name = attributes[NFTA_OBJ_NAME];
        if (!attributes.Has(NFTA_OBJ_TYPE) || !name.Exists || !attributes.Has(NFTA_OBJ_DATA))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_OBJ_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_OBJ_TABLE], error);
        }

        context = context.With(table, null);
        uint type = attributes[NFTA_OBJ_TYPE].UInt32BigEndian;
        StatefulObject? existing = table.Objects.Find(name.Name, type);
        if (existing is not null)
        {
            if (context.Has(NetlinkMessageFlags.Exclusive))
            {
                return context.Blame(name, LinuxError.EEXIST);
            }

            if (context.Has(NetlinkMessageFlags.Replace))
            {
                return LinuxError.EOPNOTSUPP;
            }

            if (!existing.CanUpdate)
            {
                return LinuxError.None;
            }
        }

        if (StatefulObject.Create(type, context.Family, context.Profile) is not { } obj)
        {
            return LinuxError.ENOENT;
        }

        error = attributes[NFTA_OBJ_DATA].Parse(obj.Policy, out ParsedAttributes data);
        if (error == LinuxError.None)
        {
            error = obj.Init(context, data);
        }

        if (error != LinuxError.None)
        {
            return error;
        }

        if (existing is not null)
        {
            _transaction.Add(
                obj.Release,
                () =>
                {
                    existing.Update(obj);
                    obj.Release();
                    NotifyObject(context, existing, NFT_MSG_NEWOBJ);
                });
            return LinuxError.None;
        }

        obj.Place(table, name.Name, table.AllocateHandle(), UserData(attributes[NFTA_OBJ_USERDATA]));
        table.Use++;
        table.Objects.Add(obj);
        _transaction.Add(
            () =>
            {
                obj.IsDeleted = true;
                table.Objects.Remove(obj);
                table.Use--;
                obj.Release();
            },
            () => NotifyObject(context, obj, NFT_MSG_NEWOBJ));
        return LinuxError.None;
    }

    private LinuxError DeleteObject(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        KernelAttribute name = attributes[NFTA_OBJ_NAME], handle = attributes[NFTA_OBJ_HANDLE];
        if (!attributes.Has(NFTA_OBJ_TYPE) || !name.Exists && !handle.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_OBJ_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_OBJ_TABLE], error);
        }

        uint type = attributes[NFTA_OBJ_TYPE].UInt32BigEndian;
        KernelAttribute blamed = handle.Exists ? handle : name;
        StatefulObject? obj = handle.Exists
            ? table.Objects.Active.FirstOrDefault(each => each.Handle == handle.UInt64BigEndian && each.Type == type)
            : table.Objects.Find(name.Name, type);
        if (obj is null)
        {
            return context.Verb == NFT_MSG_DESTROYOBJ ? LinuxError.None : context.Blame(blamed, LinuxError.ENOENT);
        }

        if (obj.Use > 0)
        {
            return context.Blame(blamed, LinuxError.EBUSY);
        }

        DeleteObjectStep(context.With(table, null), obj);
        return LinuxError.None;
    }

    private void DeleteObjectStep(NftContext context, StatefulObject obj)
    {
        Table table = obj.Table;
        table.Use--;
        obj.IsDeleted = true;
        _transaction.Add(
            () =>
            {
                obj.IsDeleted = false;
                table.Use++;
            },
            () =>
            {
                table.Objects.Remove(obj);
                obj.Release();
                NotifyObject(context, obj, NFT_MSG_DELOBJ);
            });
    }

    private LinuxError GetObject(NftContext context, bool reset)
    {
        ParsedAttributes attributes = context.Attributes;
        KernelAttribute name = attributes[NFTA_OBJ_NAME], typeAttribute = attributes[NFTA_OBJ_TYPE];
        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            string? tableName = attributes[NFTA_OBJ_TABLE] is { Exists: true } t ? t.Name : null;
            uint type = Number(typeAttribute);
            return Dump(
                context,
                NFT_MSG_NEWOBJ,
                NetlinkMessageFlags.Append,
                from each in Tables
                where (context.Family == NFPROTO_UNSPEC || each.Family == context.Family) && (tableName is null || each.Name == tableName)
                from obj in each.Objects.Active
                where type == NFT_OBJECT_UNSPEC || obj.Type == type
                select (each.Family, (NftMessage.Filler)((ref NetlinkWriter writer) => FillObject(ref writer, obj, NFT_MSG_NEWOBJ, reset))));
        }

        if (!name.Exists || !typeAttribute.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_OBJ_TABLE], out Table table, anyOwner: !reset);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_OBJ_TABLE], error);
        }

        return table.Objects.Find(name.Name, typeAttribute.UInt32BigEndian) is { } found
            ? Reply(context, NFT_MSG_NEWOBJ, table.Family, (ref NetlinkWriter writer) => FillObject(ref writer, found, NFT_MSG_NEWOBJ, reset))
            : context.Blame(name, LinuxError.ENOENT);
    }

    private void NotifyObject(NftContext context, StatefulObject obj, int verb) =>
        Notify(context, verb, obj.Table.Family, 0, (ref NetlinkWriter writer) => FillObject(ref writer, obj, verb, reset: false));

    private void FillObject(ref NetlinkWriter writer, StatefulObject obj, int verb, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_OBJ_TABLE, obj.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_OBJ_NAME, obj.Name);
        writer.WriteUInt32BigEndian(NFTA_OBJ_TYPE, obj.Type);
        writer.WriteUInt64BigEndian(NFTA_OBJ_HANDLE, obj.Handle);
        if (verb == NFT_MSG_DELOBJ && Kernel.Profile.HasShortDeleteEvents)
        {
            return;
        }

        writer.WriteUInt32BigEndian(NFTA_OBJ_USE, obj.Use);
        WireMark mark = writer.BeginAttribute(NFTA_OBJ_DATA);
        obj.Dump(ref writer, reset);
        writer.EndAttribute(mark);
        if (obj.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_OBJ_USERDATA, userData);
        }
    }
}
