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
        if (!set.HasTimeouts || existing.Timeout is null || !table.Has(NFTA_SET_ELEM_TIMEOUT) && !table.Has(NFTA_SET_ELEM_EXPIRATION))
        {
            return LinuxError.None;
        }

        bool newTimeout = table.Has(NFTA_SET_ELEM_TIMEOUT) && wanted.Timeout != existing.Timeout;
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

    private static LinuxError ParseElementFlags(Set set, ParsedAttributes table, out uint flags)
    {
        flags = Number(table[NFTA_SET_ELEM_FLAGS]);
        if ((flags & ~(NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL)) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        return !set.IsInterval && (flags & NFT_SET_ELEM_INTERVAL_END) != 0 || flags == (NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL)
            ? LinuxError.EINVAL
            : LinuxError.None;
    }

    private static bool IsKeyEndValid(Set set, ParsedAttributes table, uint flags) =>
        Contains(set.Flags, NFT_SET_CONCAT | NFT_SET_INTERVAL)
            ? (flags & NFT_SET_ELEM_INTERVAL_END) == 0 && !(table.Has(NFTA_SET_ELEM_KEY_END) && (flags & NFT_SET_ELEM_CATCHALL) != 0)
            : !table.Has(NFTA_SET_ELEM_KEY_END);

    private static LinuxError ParseElementTimeout(Set set, ParsedAttributes table, bool isEnd, out ulong timeout, out ulong expiration)
    {
        timeout = 0;
        expiration = 0;
        if (table[NFTA_SET_ELEM_TIMEOUT] is { Exists: true } timeoutAttribute)
        {
            if (!set.HasTimeouts)
            {
                return LinuxError.EINVAL;
            }

            timeout = timeoutAttribute.UInt64BigEndian;
            if (timeout >= ulong.MaxValue / 1000000)
            {
                return LinuxError.ERANGE;
            }
        }
        else if (set.HasTimeouts && !isEnd)
        {
            timeout = set.Timeout;
        }

        expiration = timeout;
        if (table[NFTA_SET_ELEM_EXPIRATION] is { Exists: true } expirationAttribute)
        {
            if (!set.HasTimeouts)
            {
                return LinuxError.EINVAL;
            }

            if (timeout == 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            expiration = expirationAttribute.UInt64BigEndian;
            if (expiration > timeout)
            {
                return LinuxError.ERANGE;
            }
        }

        return LinuxError.None;
    }

    private static LinuxError ParseElementExpressions(NftContext context, Set set, ParsedAttributes table, bool isEnd, out Expression[] expressions)
    {
        expressions = [];
        var list = new List<Expression>();
        if (table[NFTA_SET_ELEM_EXPR] is { Exists: true } single)
        {
            if (set.Expressions.Length > 1)
            {
                return LinuxError.EOPNOTSUPP;
            }

            LinuxError error = ExpressionRegistry.ParseStateful(context, single, set.Flags, out Expression? expression);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (set.Expressions.Length == 1 && set.Expressions[0].Name != expression!.Name)
            {
                return LinuxError.EOPNOTSUPP;
            }

            expressions = [expression!];
        }
        else if (table[NFTA_SET_ELEM_EXPRESSIONS] is { Exists: true } several)
        {
            foreach (KernelAttribute child in several.Children())
            {
                if (list.Count == MaximumSetExpressions || set.Expressions.Length > 0 && set.Expressions.Length == list.Count)
                {
                    return LinuxError.E2BIG;
                }

                if (child.Type != NFTA_LIST_ELEM)
                {
                    return LinuxError.EINVAL;
                }

                LinuxError error = ExpressionRegistry.ParseStateful(context, child, set.Flags, out Expression? expression);
                if (error != LinuxError.None)
                {
                    return error;
                }

                if (set.Expressions.Length > 0 && set.Expressions[list.Count].Name != expression!.Name)
                {
                    return LinuxError.EOPNOTSUPP;
                }

                list.Add(expression!);
            }

            if (set.Expressions.Length > 0 && set.Expressions.Length != list.Count)
            {
                return LinuxError.EOPNOTSUPP;
            }

            expressions = [.. list];
        }
        else if (!isEnd)
        {
            expressions = Array.ConvertAll(set.Expressions, expression => expression.Clone());
        }

        return LinuxError.None;
    }

    private static LinuxError ParseElementKeys(Set set, ParsedAttributes table, out byte[] key, out byte[]? keyEnd)
    {
        key = new byte[set.Description.KeyLength];
        keyEnd = null;
        if (table[NFTA_SET_ELEM_KEY] is { Exists: true } keyAttribute)
        {
            LinuxError error = RegisterData.ParseValue(keyAttribute, (int)NFT_DATA_VALUE_MAXLEN, set.Description.KeyLength, out key);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        return table[NFTA_SET_ELEM_KEY_END] is { Exists: true } endAttribute
            ? RegisterData.ParseValue(endAttribute, (int)NFT_DATA_VALUE_MAXLEN, set.Description.KeyLength, out keyEnd)
            : LinuxError.None;
    }

    /// <summary>A verdict that comes to a map in use must not make a loop.</summary>
    private LinuxError ValidateElementData(NftContext context, Set set, RegisterData data)
    {
        if (data.Verdict is not { IsJump: true, Chain: { } chain })
        {
            return LinuxError.None;
        }

        foreach (SetBinding binding in set.Bindings)
        {
            if ((binding.Flags & NFT_SET_MAP) == 0)
            {
                continue;
            }

            LinuxError error = ValidateChain(new ChainValidation(binding.Chain!), chain);
            if (error != LinuxError.None)
            {
                return error;
            }

            _transaction.NeedsValidation = true;
            _transaction.TouchedTables.Add(context.Table!);
        }

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

    private static LinuxError ParseWantedElement(Set set, KernelAttribute attribute, out SetElement? wanted)
    {
        wanted = null;
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

        if (!table.Has(NFTA_SET_ELEM_KEY) && (flags & NFT_SET_ELEM_CATCHALL) == 0 || !IsKeyEndValid(set, table, flags))
        {
            return LinuxError.EINVAL;
        }

        error = ParseElementKeys(set, table, out byte[] key, out byte[]? keyEnd);
        wanted = new SetElement(key) { KeyEnd = keyEnd, Flags = flags };
        return error;
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

    private LinuxError GetElements(NftContext context, bool reset)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_SET_ELEM_LIST_TABLE], out Table table, anyOwner: !reset);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_SET_ELEM_LIST_TABLE], error);
        }

        KernelAttribute name = attributes[NFTA_SET_ELEM_LIST_SET];
        if (!name.Exists || table.Sets.Find(name.Name) is not { } set)
        {
            return context.Blame(name, name.Exists ? LinuxError.ENOENT : LinuxError.EINVAL);
        }

        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            context.Socket!.StartDump(new NetlinkDump(HeaderOf(context), context.PortId, ElementMessages(set, reset)) { Generation = () => Generation, DoneRidesAlong = true });
            return LinuxError.EINTR;
        }

        KernelAttribute elements = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
        if (!elements.Exists)
        {
            return LinuxError.EINVAL;
        }

        foreach (KernelAttribute attribute in elements.Children())
        {
            error = ParseWantedElement(set, attribute, out SetElement? wanted);
            if (error != LinuxError.None)
            {
                return context.Blame(attribute, error);
            }

            SetElement? found = (wanted!.Flags & NFT_SET_ELEM_CATCHALL) != 0 ? set.CatchAll : set.Store.Get(wanted.Key, wanted.Flags, Now);
            if (found is null)
            {
                return context.Blame(attribute, LinuxError.ENOENT);
            }

            Reply(context, NFT_MSG_NEWSETELEM, table.Family, (ref NetlinkWriter writer) => FillElements(ref writer, set, [found], reset));
        }

        return LinuxError.None;
    }

    /// <summary>
    /// A dump of elements: each part is one message filled up with elements; an empty one closes the list, as the kernel
    /// finds out that nothing is left only after it has begun another.
    /// </summary>
    private IEnumerable<byte[]> ElementMessages(Set set, bool reset)
    {
        var part = new List<SetElement>();
        int size = 0, limit = SocketMemory.GoodMessageSize - 80 - set.Name.Length - set.Table.Name.Length;
        List<SetElement> elements = [.. set.Store.Elements.Where(element => !element.IsExpired(Now))];
        if (set.CatchAll is { } any && !any.IsExpired(Now))
        {
            elements.Add(any);
        }

        foreach (SetElement element in elements)
        {
            int bytes = SizeOf(set, element);
            if (part.Count > 0 && size + bytes > limit)
            {
                yield return ElementMessage(set, part, reset);
                part = [];
                size = 0;
            }

            part.Add(element);
            size += bytes;
        }

        if (part.Count > 0)
        {
            yield return ElementMessage(set, part, reset);
        }

        yield return ElementMessage(set, [], reset);
    }

    private byte[] ElementMessage(Set set, List<SetElement> elements, bool reset) =>
        NftMessage.Make(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM, 0, 0, 0, set.Table.Family, ResourceId, (ref NetlinkWriter writer) => FillElements(ref writer, set, elements, reset));

    private int SizeOf(Set set, SetElement element)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        FillElement(ref writer, set, element, reset: false);
        writer.Complete();
        return buffer.Length;
    }

    private void NotifyElement(NftContext context, Set set, SetElement element, int verb) =>
        Notify(context, verb, set.Table.Family, 0, (ref NetlinkWriter writer) => FillElements(ref writer, set, [element], reset: false));

    private void FillElements(ref NetlinkWriter writer, Set set, List<SetElement> elements, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_SET_ELEM_LIST_TABLE, set.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_SET_ELEM_LIST_SET, set.Name);
        WireMark list = writer.BeginAttribute(NFTA_SET_ELEM_LIST_ELEMENTS);
        foreach (SetElement element in elements)
        {
            FillElement(ref writer, set, element, reset);
        }

        writer.EndAttribute(list);
    }

    private void FillElement(ref NetlinkWriter writer, Set set, SetElement element, bool reset)
    {
        WireMark mark = writer.BeginAttribute(NFTA_LIST_ELEM);
        if ((element.Flags & NFT_SET_ELEM_CATCHALL) == 0)
        {
            NftMessage.WriteValue(ref writer, NFTA_SET_ELEM_KEY, element.Key);
        }

        if (element.KeyEnd is { } keyEnd)
        {
            NftMessage.WriteValue(ref writer, NFTA_SET_ELEM_KEY_END, keyEnd);
        }

        if (element.Data is { } data)
        {
            NftMessage.WriteData(ref writer, NFTA_SET_ELEM_DATA, data);
        }

        if (element.Expressions.Length == 1)
        {
            element.Expressions[0].Write(ref writer, NFTA_SET_ELEM_EXPR, reset);
        }
        else if (element.Expressions.Length > 1)
        {
            WireMark list = writer.BeginAttribute(NFTA_SET_ELEM_EXPRESSIONS);
            foreach (Expression expression in element.Expressions)
            {
                expression.Write(ref writer, NFTA_LIST_ELEM, reset);
            }

            writer.EndAttribute(list);
        }

        if (element.Object is { } obj)
        {
            NftMessage.WriteName(ref writer, NFTA_SET_ELEM_OBJREF, obj.Name);
        }

        if (element.Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_ELEM_FLAGS, element.Flags);
        }

        if (element.Timeout is { } timeout && !element.IsIntervalEnd)
        {
            if (timeout != set.Timeout)
            {
                writer.WriteUInt64BigEndian(NFTA_SET_ELEM_TIMEOUT, timeout);
            }

            if (timeout > 0)
            {
                writer.WriteUInt64BigEndian(NFTA_SET_ELEM_EXPIRATION, (ulong)Math.Max(0, element.Expires - Now));
            }
        }

        if (element.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_SET_ELEM_USERDATA, userData);
        }

        writer.EndAttribute(mark);
    }
}
