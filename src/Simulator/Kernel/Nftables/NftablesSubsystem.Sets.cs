using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Nftables.Sets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Sets and maps.</summary>
internal sealed partial class NftablesSubsystem
{
    /// <summary>NFT_SET_EXPR_MAX.</summary>
    private const int MaximumSetExpressions = 2;

    private const uint KnownSetFlags = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_TIMEOUT | NFT_SET_MAP | NFT_SET_EVAL | NFT_SET_OBJECT | NFT_SET_CONCAT | NFT_SET_EXPR;

    private static readonly AttributePolicy SetPolicy = new(
        NFTA_SET_COUNT,
        (NFTA_SET_TABLE, AttributePolicy.ObjectName),
        (NFTA_SET_NAME, AttributePolicy.ObjectName),
        (NFTA_SET_FLAGS, AttributePolicy.U32),
        (NFTA_SET_KEY_TYPE, AttributePolicy.U32),
        (NFTA_SET_KEY_LEN, AttributePolicy.U32),
        (NFTA_SET_DATA_TYPE, AttributePolicy.U32),
        (NFTA_SET_DATA_LEN, AttributePolicy.U32),
        (NFTA_SET_POLICY, AttributePolicy.U32),
        (NFTA_SET_DESC, AttributePolicy.Nested),
        (NFTA_SET_ID, AttributePolicy.U32),
        (NFTA_SET_TIMEOUT, AttributePolicy.U64),
        (NFTA_SET_GC_INTERVAL, AttributePolicy.U32),
        (NFTA_SET_USERDATA, AttributePolicy.UserData),
        (NFTA_SET_OBJ_TYPE, AttributePolicy.U32),
        (NFTA_SET_HANDLE, AttributePolicy.U64),
        (NFTA_SET_EXPR, AttributePolicy.Nested),
        (NFTA_SET_EXPRESSIONS, AttributePolicy.Nested));

    private static readonly AttributePolicy SetDescPolicy = new(2, (NFTA_SET_DESC_SIZE, AttributePolicy.U32), (NFTA_SET_DESC_CONCAT, AttributePolicy.Nested));

    private static readonly AttributePolicy SetFieldPolicy = new(1, (NFTA_SET_FIELD_LEN, AttributePolicy.U32));

    private LinuxError NewSet(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = DescribeSet(attributes, out SetDescription description, out ulong timeout, out uint interval);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = FindTable(context, attributes[NFTA_SET_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_SET_TABLE], error);
        }

        context = context.With(table, null);
        string name = attributes[NFTA_SET_NAME].Name;
        if (table.Sets.Find(name) is { } existing)
        {
            return UpdateSet(context, existing, description, timeout, interval);
        }

        if (!context.Has(NetlinkMessageFlags.Create))
        {
            return LinuxError.ENOENT;
        }

        error = ElementStore.Select(description, out ElementStore? store);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = AllocateSetName(table, ref name);
        if (error != LinuxError.None)
        {
            return error;
        }

        Expression[] expressions = [];
        error = ParseSetExpressions(context, attributes, description.Flags, out expressions);
        if (error != LinuxError.None)
        {
            return error;
        }

        var set = new Set(table, name, table.AllocateHandle(), description, store!)
        {
            Timeout = timeout,
            CollectionInterval = interval,
            UserData = UserData(attributes[NFTA_SET_USERDATA]),
            Expressions = expressions,
        };
        table.Use++;
        table.Sets.Add(set);
        _transaction.SetIds.Add((attributes[NFTA_SET_ID].UInt32BigEndian, set));
        _transaction.Add(
            () =>
            {
                set.IsDeleted = true;
                table.Sets.Remove(set);
                table.Use--;
            },
            () =>
            {
                if (set.IsAnonymous && set.Bindings.Count > 0)
                {
                    table.Use--;
                }

                NotifySet(context, set, NFT_MSG_NEWSET);
            });
        return LinuxError.None;
    }

    private LinuxError UpdateSet(NftContext context, Set set, SetDescription description, ulong timeout, uint interval)
    {
        KernelAttribute name = context.Attributes[NFTA_SET_NAME];
        if (context.Has(NetlinkMessageFlags.Exclusive))
        {
            return context.Blame(name, LinuxError.EEXIST);
        }

        if (context.Has(NetlinkMessageFlags.Replace) || set.IsAnonymous)
        {
            return LinuxError.EOPNOTSUPP;
        }

        LinuxError error = ParseSetExpressions(context, context.Attributes, set.Flags, out Expression[] expressions);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!set.Description.SameAs(description) || !expressions.Select(e => e.Name).SequenceEqual(set.Expressions.Select(e => e.Name)))
        {
            return context.Blame(name, LinuxError.EEXIST);
        }

        uint size = description.Size;
        _transaction.Add(
            null,
            () =>
            {
                set.Timeout = timeout;
                set.CollectionInterval = interval;
                if (size != 0)
                {
                    set.Size = size;
                }

                NotifySet(context, set, NFT_MSG_NEWSET);
            });
        return LinuxError.None;
    }

    /// <summary>A name with %d gets the lowest number that is free in the table.</summary>
    private static LinuxError AllocateSetName(Table table, ref string name)
    {
        int percent = name.IndexOf('%', StringComparison.Ordinal);
        if (percent < 0)
        {
            return LinuxError.None;
        }

        if (percent + 1 >= name.Length || name[percent + 1] != 'd' || name.IndexOf('%', percent + 2) >= 0)
        {
            return LinuxError.EINVAL;
        }

        for (int number = 0; ; number++)
        {
            string candidate = string.Concat(name.AsSpan(0, percent), number.ToString(CultureInfo.InvariantCulture), name.AsSpan(percent + 2));
            if (table.Sets.Find(candidate) is null)
            {
                name = candidate;
                return LinuxError.None;
            }
        }
    }

    private LinuxError DeleteSet(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        if (context.Family == NFPROTO_UNSPEC)
        {
            return LinuxError.EAFNOSUPPORT;
        }

        LinuxError error = FindTable(context, attributes[NFTA_SET_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_SET_TABLE], error);
        }

        KernelAttribute blamed = attributes.Has(NFTA_SET_HANDLE) ? attributes[NFTA_SET_HANDLE] : attributes[NFTA_SET_NAME];
        if (!blamed.Exists)
        {
            return context.Blame(blamed, LinuxError.EINVAL);
        }

        Set? set = attributes.Has(NFTA_SET_HANDLE) ? table.Sets.Find(blamed.UInt64BigEndian) : table.Sets.Find(blamed.Name);
        if (set is null)
        {
            return context.Verb == NFT_MSG_DESTROYSET ? LinuxError.None : context.Blame(blamed, LinuxError.ENOENT);
        }

        if (set.Use > 0 || context.Has(NetlinkMessageFlags.NonRecursive) && set.ElementCount > 0)
        {
            return context.Blame(blamed, LinuxError.EBUSY);
        }

        DeleteSetStep(context.With(table, null), set);
        return LinuxError.None;
    }

    private void DeleteSetStep(NftContext context, Set set)
    {
        Table table = set.Table;
        HoldElementData(set, false);
        table.Sets.Hide(set);
        table.Use--;
        _transaction.Add(
            () =>
            {
                table.Use++;
                table.Sets.Restore(set);
                HoldElementData(set, true);
            },
            () =>
            {
                table.Sets.Remove(set);
                NotifySet(context, set, NFT_MSG_DELSET);
            });
    }

    /// <summary>Finds a set by name, or among those of this batch by id.</summary>
    public Set? FindSet(Table table, KernelAttribute name, KernelAttribute id)
    {
        if (name.Exists && table.Sets.Find(name.Name) is { } set)
        {
            return set;
        }

        if (id.Exists)
        {
            uint wanted = id.UInt32BigEndian;
            for (int i = _transaction.SetIds.Count - 1; i >= 0; i--)
            {
                (uint known, Set candidate) = _transaction.SetIds[i];
                if (known == wanted && candidate.Table == table && !candidate.IsDeleted)
                {
                    return candidate;
                }
            }
        }

        return null;
    }
}
