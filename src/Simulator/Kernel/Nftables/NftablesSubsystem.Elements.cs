using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Elements of sets and maps.</summary>
internal sealed partial class NftablesSubsystem
{
    private static readonly AttributePolicy ElementListPolicy = new(
        NFTA_SET_ELEM_LIST_SET_ID,
        (NFTA_SET_ELEM_LIST_TABLE, AttributePolicy.ObjectName),
        (NFTA_SET_ELEM_LIST_SET, AttributePolicy.ObjectName),
        (NFTA_SET_ELEM_LIST_ELEMENTS, AttributePolicy.Nested),
        (NFTA_SET_ELEM_LIST_SET_ID, AttributePolicy.U32));

    private static readonly AttributePolicy ElementPolicy = new(
        NFTA_SET_ELEM_EXPRESSIONS,
        (NFTA_SET_ELEM_KEY, AttributePolicy.Nested),
        (NFTA_SET_ELEM_DATA, AttributePolicy.Nested),
        (NFTA_SET_ELEM_FLAGS, AttributePolicy.U32),
        (NFTA_SET_ELEM_TIMEOUT, AttributePolicy.U64),
        (NFTA_SET_ELEM_EXPIRATION, AttributePolicy.U64),
        (NFTA_SET_ELEM_USERDATA, AttributePolicy.UserData),
        (NFTA_SET_ELEM_EXPR, AttributePolicy.Nested),
        (NFTA_SET_ELEM_OBJREF, AttributePolicy.ObjectName),
        (NFTA_SET_ELEM_KEY_END, AttributePolicy.Nested),
        (NFTA_SET_ELEM_EXPRESSIONS, AttributePolicy.Nested));

    private LinuxError NewElements(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        KernelAttribute elements = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
        if (!elements.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = FindTable(context, attributes[NFTA_SET_ELEM_LIST_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_SET_ELEM_LIST_TABLE], error);
        }

        KernelAttribute name = attributes[NFTA_SET_ELEM_LIST_SET], id = attributes[NFTA_SET_ELEM_LIST_SET_ID];
        if (FindSet(table, name, id) is not { } set)
        {
            return context.Blame(name, !name.Exists && !id.Exists ? LinuxError.EINVAL : LinuxError.ENOENT);
        }

        if (set.Bindings.Count > 0 && (set.Flags & (NFT_SET_CONSTANT | NFT_SET_ANONYMOUS)) != 0)
        {
            return LinuxError.EBUSY;
        }

        context = context.With(table, null);
        foreach (KernelAttribute attribute in elements.Children())
        {
            error = AddElement(context, set, attribute);
            if (error != LinuxError.None)
            {
                return context.Blame(attribute, error);
            }
        }

        _transaction.Last = table;
        return LinuxError.None;
    }

    private LinuxError AddElement(NftContext context, Set set, KernelAttribute attribute)
    {
        LinuxError error = attribute.Parse(ElementPolicy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = ParseElementFlags(set, table, out uint flags);
        if (error != LinuxError.None)
        {
            return error;
        }

        bool isEnd = (flags & NFT_SET_ELEM_INTERVAL_END) != 0, isCatchAll = (flags & NFT_SET_ELEM_CATCHALL) != 0;
        if (isCatchAll == table.Has(NFTA_SET_ELEM_KEY)
            || (set.IsMap ? !table.Has(NFTA_SET_ELEM_DATA) && !isEnd : table.Has(NFTA_SET_ELEM_DATA))
            || ((set.Flags & NFT_SET_OBJECT) != 0 ? !table.Has(NFTA_SET_ELEM_OBJREF) && !isEnd : table.Has(NFTA_SET_ELEM_OBJREF))
            || !IsKeyEndValid(set, table, flags))
        {
            return LinuxError.EINVAL;
        }

        if (isEnd && (table.Has(NFTA_SET_ELEM_DATA) || table.Has(NFTA_SET_ELEM_OBJREF) || table.Has(NFTA_SET_ELEM_TIMEOUT) || table.Has(NFTA_SET_ELEM_EXPIRATION)
            || table.Has(NFTA_SET_ELEM_USERDATA) || table.Has(NFTA_SET_ELEM_EXPR) || table.Has(NFTA_SET_ELEM_EXPRESSIONS)))
        {
            return LinuxError.EINVAL;
        }

        error = ParseElementTimeout(set, table, isEnd, out ulong timeout, out ulong expiration);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = ParseElementExpressions(context, set, table, isEnd, out Expression[] expressions);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = ParseElementKeys(set, table, out byte[] key, out byte[]? keyEnd);
        if (error != LinuxError.None)
        {
            return error;
        }

        StatefulObject? obj = null;
        if (table[NFTA_SET_ELEM_OBJREF] is { Exists: true } reference)
        {
            obj = set.Table.Objects.Find(reference.Name, set.Description.ObjectType);
            if (obj is null)
            {
                return LinuxError.ENOENT;
            }
        }

        RegisterData? data = null;
        if (table[NFTA_SET_ELEM_DATA] is { Exists: true } dataAttribute)
        {
            error = RegisterData.Parse(context, dataAttribute, set.IsVerdictMap, (int)NFT_DATA_VALUE_MAXLEN, set.IsVerdictMap ? 0 : set.Description.DataLength, isElement: true, out RegisterData parsed);
            if (error != LinuxError.None)
            {
                return error;
            }

            data = parsed;
            error = ValidateElementData(context, set, parsed);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        var element = new SetElement(key)
        {
            KeyEnd = keyEnd,
            Flags = flags,
            Data = data,
            Object = obj,
            Expressions = expressions,
            UserData = UserData(table[NFTA_SET_ELEM_USERDATA]),
            Timeout = set.HasTimeouts ? timeout : null,
            Expires = Now + (long)Math.Min(expiration, long.MaxValue / 2),
        };
        return InsertElement(context, set, element, isCatchAll, table);
    }

    private LinuxError InsertElement(NftContext context, Set set, SetElement element, bool isCatchAll, ParsedAttributes table)
    {
        SetElement? existing;
        LinuxError error;
        if (isCatchAll)
        {
            existing = set.CatchAll;
            error = existing is not null ? LinuxError.EEXIST : LinuxError.None;
        }
        else
        {
            error = set.Store.Insert(element, Now, out existing);
        }

        if (error == LinuxError.EEXIST)
        {
            bool same = (element.Data is null) == (existing!.Data is null) && element.Object == existing.Object
                && (element.Data is not { } data || data.SameAs(existing.Data!.Value));
            if (!same || context.Has(NetlinkMessageFlags.Exclusive))
            {
                return LinuxError.EEXIST;
            }

            return Kernel.Profile.IsAtLeast(6, 12) ? RefreshElement(context, set, existing, element, table) : LinuxError.None;
        }

        if (error != LinuxError.None)
        {
            return error == LinuxError.ENOTEMPTY ? LinuxError.EEXIST : error;
        }

        if (!isCatchAll)
        {
            if (set.Size != 0 && set.ElementCount >= set.Store.Capacity(set.Size))
            {
                set.Store.Remove(element);
                return LinuxError.ENFILE;
            }

            set.ElementCount++;
        }
        else
        {
            set.CatchAll = element;
        }

        HoldElement(element, true);
        _transaction.Add(
            () =>
            {
                HoldElement(element, false);
                if (isCatchAll)
                {
                    set.CatchAll = null;
                }
                else
                {
                    set.Store.Remove(element);
                    set.ElementCount--;
                }
            },
            () => NotifyElement(context, set, element, NFT_MSG_NEWSETELEM));
        return LinuxError.None;
    }

    /// <summary>An element that is there already may get a new timeout (since 6.12).</summary>
    private LinuxError RefreshElement(NftContext context, Set set, SetElement existing, SetElement wanted, ParsedAttributes table)
    {
        if (!set.HasTimeouts || existing.Timeout is null)
        {
            return LinuxError.None;
        }

        // One that brings none has the set's.
        bool newTimeout = wanted.Timeout != existing.Timeout;
        bool newExpiration = table.Has(NFTA_SET_ELEM_EXPIRATION);
        if (!newTimeout && !newExpiration)
        {
            return LinuxError.None;
        }

        _transaction.Add(
            null,
            () =>
            {
                if (newTimeout)
                {
                    existing.Timeout = wanted.Timeout;
                }

                existing.Expires = wanted.Expires;
                NotifyElement(context, set, existing, NFT_MSG_NEWSETELEM);
            });
        return LinuxError.None;
    }

    private LinuxError DeleteElements(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_SET_ELEM_LIST_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_SET_ELEM_LIST_TABLE], error);
        }

        KernelAttribute name = attributes[NFTA_SET_ELEM_LIST_SET];
        if (!name.Exists || table.Sets.Find(name.Name) is not { } set)
        {
            return context.Blame(name, name.Exists ? LinuxError.ENOENT : LinuxError.EINVAL);
        }

        if (set.IsAnonymous)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (set.Bindings.Count > 0 && (set.Flags & NFT_SET_CONSTANT) != 0)
        {
            return LinuxError.EBUSY;
        }

        context = context.With(table, null);
        KernelAttribute elements = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
        if (!elements.Exists)
        {
            foreach (SetElement element in set.Store.Elements.ToArray())
            {
                if (!element.IsExpired(Now))
                {
                    DeleteElementStep(context, set, element);
                }
            }

            if (set.CatchAll is { } any)
            {
                DeleteElementStep(context, set, any);
            }

            return LinuxError.None;
        }

        foreach (KernelAttribute attribute in elements.Children())
        {
            error = DeleteElement(context, set, attribute);
            if (error == LinuxError.ENOENT && context.Verb == NFT_MSG_DESTROYSETELEM)
            {
                continue;
            }

            if (error != LinuxError.None)
            {
                return context.Blame(attribute, error);
            }
        }

        return LinuxError.None;
    }

    private LinuxError DeleteElement(NftContext context, Set set, KernelAttribute attribute)
    {
        LinuxError error = ParseWantedElement(set, attribute, out SetElement? wanted);
        if (error != LinuxError.None)
        {
            return error;
        }

        SetElement? found = (wanted!.Flags & NFT_SET_ELEM_CATCHALL) != 0 ? set.CatchAll : set.Store.FindForDelete(wanted, Now);
        if (found is null)
        {
            return LinuxError.ENOENT;
        }

        DeleteElementStep(context, set, found);
        return LinuxError.None;
    }

    private void DeleteElementStep(NftContext context, Set set, SetElement element)
    {
        bool isCatchAll = set.CatchAll == element;
        HoldElement(element, false);
        if (isCatchAll)
        {
            set.CatchAll = null;
        }
        else
        {
            set.Store.Remove(element);
            set.ElementCount--;
        }

        _transaction.Add(
            () =>
            {
                if (isCatchAll)
                {
                    set.CatchAll = element;
                }
                else
                {
                    set.Store.Restore(element);
                    set.ElementCount++;
                }

                HoldElement(element, true);
            },
            () => NotifyElement(context, set, element, NFT_MSG_DELSETELEM));
    }
}
