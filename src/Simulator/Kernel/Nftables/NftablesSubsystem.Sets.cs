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

    private static LinuxError DescribeSet(ParsedAttributes attributes, out SetDescription description, out ulong timeout, out uint interval)
    {
        description = new SetDescription();
        timeout = 0;
        interval = 0;
        if (!attributes.Has(NFTA_SET_TABLE) || !attributes.Has(NFTA_SET_NAME) || !attributes.Has(NFTA_SET_KEY_LEN) || !attributes.Has(NFTA_SET_ID))
        {
            return LinuxError.EINVAL;
        }

        uint keyType = Number(attributes[NFTA_SET_KEY_TYPE]);
        uint keyLength = Number(attributes[NFTA_SET_KEY_LEN]);
        if ((keyType & NFT_DATA_RESERVED_MASK) == NFT_DATA_RESERVED_MASK || keyLength is 0 or > NFT_DATA_VALUE_MAXLEN)
        {
            return LinuxError.EINVAL;
        }

        uint flags = Number(attributes[NFTA_SET_FLAGS]);
        if ((flags & ~KnownSetFlags) != 0
            || Contains(flags, NFT_SET_MAP | NFT_SET_OBJECT)
            || Contains(flags, NFT_SET_EVAL | NFT_SET_OBJECT)
            || (flags & (NFT_SET_ANONYMOUS | NFT_SET_TIMEOUT | NFT_SET_EVAL)) == (NFT_SET_ANONYMOUS | NFT_SET_TIMEOUT)
            || Contains(flags, NFT_SET_CONSTANT | NFT_SET_TIMEOUT))
        {
            return LinuxError.EOPNOTSUPP;
        }

        uint dataType = 0, dataLength = 0;
        if (attributes.Has(NFTA_SET_DATA_TYPE))
        {
            dataType = Number(attributes[NFTA_SET_DATA_TYPE]);
            if ((flags & NFT_SET_MAP) == 0 || (dataType & NFT_DATA_RESERVED_MASK) == NFT_DATA_RESERVED_MASK && dataType != NFT_DATA_VERDICT)
            {
                return LinuxError.EINVAL;
            }

            dataLength = 16;
            if (dataType != NFT_DATA_VERDICT)
            {
                dataLength = Number(attributes[NFTA_SET_DATA_LEN]);
                if (dataLength is 0 or > NFT_DATA_VALUE_MAXLEN)
                {
                    return LinuxError.EINVAL;
                }
            }
        }
        else if ((flags & NFT_SET_MAP) != 0)
        {
            return LinuxError.EINVAL;
        }

        uint objectType = 0;
        if (attributes.Has(NFTA_SET_OBJ_TYPE))
        {
            objectType = Number(attributes[NFTA_SET_OBJ_TYPE]);
            if ((flags & NFT_SET_OBJECT) == 0)
            {
                return LinuxError.EINVAL;
            }

            if (objectType is NFT_OBJECT_UNSPEC or > NFT_OBJECT_SYNPROXY)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }
        else if ((flags & NFT_SET_OBJECT) != 0)
        {
            return LinuxError.EINVAL;
        }

        if (attributes[NFTA_SET_TIMEOUT] is { Exists: true } timeoutAttribute)
        {
            if ((flags & NFT_SET_TIMEOUT) == 0)
            {
                return LinuxError.EINVAL;
            }

            if ((flags & NFT_SET_ANONYMOUS) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            timeout = timeoutAttribute.UInt64BigEndian;
            if (timeout >= ulong.MaxValue / 1000000)
            {
                return LinuxError.ERANGE;
            }
        }

        if (attributes[NFTA_SET_GC_INTERVAL] is { Exists: true } intervalAttribute)
        {
            if ((flags & NFT_SET_TIMEOUT) == 0)
            {
                return LinuxError.EINVAL;
            }

            if ((flags & NFT_SET_ANONYMOUS) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            interval = intervalAttribute.UInt32BigEndian;
        }

        uint policy = Number(attributes[NFTA_SET_POLICY]);
        if (policy > NFT_SET_POL_MEMORY)
        {
            return LinuxError.EOPNOTSUPP;
        }

        uint size = 0;
        var fields = new List<byte>();
        if (attributes[NFTA_SET_DESC] is { Exists: true } descriptionAttribute)
        {
            LinuxError error = ParseSetDescription(descriptionAttribute, (int)keyLength, ref size, fields);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        if (fields.Count > 1 != ((flags & NFT_SET_CONCAT) != 0))
        {
            return LinuxError.EINVAL;
        }

        description = new SetDescription
        {
            Flags = flags,
            KeyType = keyType,
            KeyLength = (int)keyLength,
            DataType = dataType,
            DataLength = (int)dataLength,
            ObjectType = objectType,
            Policy = policy,
            Size = size,
            Fields = [.. fields],
            HasExpressions = attributes.Has(NFTA_SET_EXPR) || attributes.Has(NFTA_SET_EXPRESSIONS),
        };
        return LinuxError.None;
    }

    private static bool Contains(uint flags, uint all) => (flags & all) == all;

    private static uint Number(KernelAttribute attribute) => attribute.Exists ? attribute.UInt32BigEndian : 0;

    private static LinuxError ParseSetDescription(KernelAttribute attribute, int keyLength, ref uint size, List<byte> fields)
    {
        LinuxError error = attribute.Parse(SetDescPolicy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        size = Number(table[NFTA_SET_DESC_SIZE]);
        if (table[NFTA_SET_DESC_CONCAT] is not { Exists: true } concatenation)
        {
            return LinuxError.None;
        }

        int registers = 0;
        foreach (KernelAttribute field in concatenation.Children())
        {
            if (field.Type != NFTA_LIST_ELEM)
            {
                return LinuxError.EINVAL;
            }

            error = field.Parse(SetFieldPolicy, out ParsedAttributes fieldTable);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (!fieldTable.Has(NFTA_SET_FIELD_LEN))
            {
                return LinuxError.EINVAL;
            }

            if (fields.Count >= NFT_REG32_COUNT)
            {
                return LinuxError.E2BIG;
            }

            uint length = fieldTable[NFTA_SET_FIELD_LEN].UInt32BigEndian;
            if (length is 0 or > byte.MaxValue)
            {
                return LinuxError.ERANGE;
            }

            fields.Add((byte)length);
            registers += (int)(length + 3) / 4;
        }

        if (registers > NFT_REG32_COUNT)
        {
            return LinuxError.E2BIG;
        }

        return registers != (keyLength + 3) / 4 ? LinuxError.EINVAL : LinuxError.None;
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

    private static LinuxError ParseSetExpressions(NftContext context, ParsedAttributes attributes, uint flags, out Expression[] expressions)
    {
        expressions = [];
        var list = new List<Expression>();
        if (attributes[NFTA_SET_EXPR] is { Exists: true } single)
        {
            LinuxError error = ExpressionRegistry.ParseStateful(context, single, flags, out Expression? expression);
            if (error != LinuxError.None)
            {
                return error;
            }

            expressions = [expression!];
        }
        else if (attributes[NFTA_SET_EXPRESSIONS] is { Exists: true } several)
        {
            if ((flags & NFT_SET_EXPR) == 0)
            {
                return LinuxError.EINVAL;
            }

            foreach (KernelAttribute attribute in several.Children())
            {
                if (list.Count == MaximumSetExpressions)
                {
                    return LinuxError.E2BIG;
                }

                if (attribute.Type != NFTA_LIST_ELEM)
                {
                    return LinuxError.EINVAL;
                }

                LinuxError error = ExpressionRegistry.ParseStateful(context, attribute, flags, out Expression? expression);
                if (error != LinuxError.None)
                {
                    return error;
                }

                list.Add(expression!);
            }

            expressions = [.. list];
        }

        return LinuxError.None;
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

    /// <summary>Takes or drops the references that a map's elements have on chains and objects.</summary>
    public static void HoldElementData(Set set, bool hold)
    {
        foreach (SetElement element in set.Store.Elements)
        {
            HoldElement(element, hold);
        }

        if (set.CatchAll is { } any)
        {
            HoldElement(any, hold);
        }
    }

    private static void HoldElement(SetElement element, bool hold)
    {
        uint change = hold ? 1 : uint.MaxValue;
        if (element.Data?.Verdict?.Chain is { } chain)
        {
            chain.Use = unchecked(chain.Use + change);
        }

        if (element.Object is { } obj)
        {
            obj.Use = unchecked(obj.Use + change);
        }
    }

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

    /// <summary>Lets a rule look in a set.</summary>
#pragma warning disable CA1822 // called through the object, as its siblings are
    public LinuxError Bind(NftContext context, Set set, SetBinding binding)
#pragma warning restore CA1822
    {
        if (set.Bindings.Count > 0 && set.IsAnonymous)
        {
            return LinuxError.EBUSY;
        }

        if ((binding.Flags & NFT_SET_MAP) != 0 && !set.Bindings.Exists(other => (other.Flags & NFT_SET_MAP) != 0 && other.Chain == context.Chain))
        {
            foreach (SetElement element in set.CatchAll is { } any ? set.Store.Elements.Append(any) : set.Store.Elements)
            {
                if (element.Data?.Verdict is { IsJump: true, Chain: { } chain })
                {
                    LinuxError error = ValidateChain(new ChainValidation(context.Chain!), chain);
                    if (error != LinuxError.None)
                    {
                        return error;
                    }
                }
            }
        }

        set.Bindings.Add(binding);
        set.Use++;
        return LinuxError.None;
    }

    /// <summary>A rule that looks in a set goes, or may go.</summary>
    public void DeactivateSet(NftContext context, Set set, SetBinding binding, DeactivatePhase phase)
    {
        switch (phase)
        {
            case DeactivatePhase.Error or DeactivatePhase.Abort:
                set.Bindings.Remove(binding);
                set.Use--;
                break;
            case DeactivatePhase.Prepare:
                if (set.IsAnonymous)
                {
                    HoldElementData(set, false);
                    set.Table.Sets.Hide(set);
                }

                set.Use--;
                break;
            default:
                set.Bindings.Remove(binding);
                if (set.IsAnonymous && set.Bindings.Count == 0)
                {
                    set.Table.Sets.Remove(set);
                    NotifySet(context, set, NFT_MSG_DELSET);
                }

                break;
        }
    }

    /// <summary>Takes back what <see cref="DeactivatePhase.Prepare"/> did.</summary>
    public static void ActivateSet(Set set)
    {
        if (set.IsAnonymous)
        {
            set.Table.Sets.Restore(set);
            HoldElementData(set, true);
        }

        set.Use++;
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
