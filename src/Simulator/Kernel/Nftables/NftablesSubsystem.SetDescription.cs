using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Nftables.Sets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What a request says of a set: keys, data, fields of a concatenation, expressions of its elements.</summary>
internal sealed partial class NftablesSubsystem
{
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
}
