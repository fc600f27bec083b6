using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What a request says of an element: key, end of its range, data, time to live, expressions.</summary>
internal sealed partial class NftablesSubsystem
{
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
            _transaction.Touch(context.Table!);
        }

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
}
