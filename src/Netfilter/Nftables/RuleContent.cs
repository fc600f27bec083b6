using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// What a rule does, as bytes that are equal for a rule as somebody wrote it and the same rule as the kernel lists it. The kernel orders attributes in its
/// own way, names registers 8, 12, 16 and 20 as 1 to 4, fills in defaults, and counts: all that is evened out.
/// </summary>
internal static class RuleContent
{
    /// <summary>The content of a rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="anonymous">Gives the content of an anonymous set by its name, since names of such sets say nothing; null for any other set.</param>
    public static OctetString Of(Rule rule, Func<string, OctetString?>? anonymous = null)
    {
        var buffer = new NetlinkBuffer(512);
        var result = new List<byte>(256);
        Add(rule.Expressions, buffer, result, anonymous);
        result.Add(0);
        result.AddRange(rule.UserData is { } userData ? userData.Span : default);
        return OctetString.Own([.. result]);
    }

    /// <summary>The content of the expressions that a set or element carries.</summary>
    public static OctetString Of(ValueList<Expression> expressions)
    {
        if (expressions.IsEmpty)
        {
            return default;
        }

        var result = new List<byte>(64);
        Add(expressions, new NetlinkBuffer(256), result, null);
        return OctetString.Own([.. result]);
    }

    private static void Add(ValueList<Expression> expressions, NetlinkBuffer buffer, List<byte> result, Func<string, OctetString?>? anonymous)
    {
        foreach (Expression expression in expressions)
        {
            buffer.Clear();
            var writer = new NetlinkWriter(buffer);
            expression.Canonical().WriteData(ref writer);
            writer.Complete();
            result.AddRange(System.Text.Encoding.UTF8.GetBytes(expression.Name));
            result.Add(0);
            Add(buffer.Written, NftablesCatalog.Instance.ExpressionAttributes(expression.Name), expression.Name, result, anonymous);
            result.Add(0xff);
        }
    }

    private static void Add(ReadOnlySpan<byte> data, AttributeTable? table, string expression, List<byte> result, Func<string, OctetString?>? anonymous)
    {
        for (ushort type = 1; type < 32; type++)
        {
            if (!new AttributeReader(data).TryFind(type, out NetlinkAttribute attribute))
            {
                continue;
            }

            ReadOnlySpan<byte> value = attribute.Value;
            string name = table?.Find(type)?.Name ?? "";
            if (value.IndexOfAnyExcept((byte)0) < 0 || IsStatistic(name) || IsDefault(name, attribute, data))
            {
                continue;
            }

            result.Add((byte)type);
            if (value.Length == 4 && name.Contains("REG", StringComparison.Ordinal))
            {
                uint register = attribute.UInt32BigEndian;
                result.Add((byte)(register >= NFT_REG32_00 && (register - NFT_REG32_00) % 4 == 0 ? (register - NFT_REG32_00) / 4 + NFT_REG_1 : register));
                continue;
            }

            if (name is "NFTA_LOOKUP_SET" or "NFTA_OBJREF_SET_NAME" or "NFTA_DYNSET_SET_NAME" && anonymous?.Invoke(attribute.String) is { } content)
            {
                result.AddRange(content.Span);
                continue;
            }

            // A name counts with or without its NUL.
            if (name is "NFTA_OBJREF_IMM_NAME" or "NFTA_LOG_PREFIX")
            {
                value = value.TrimEnd((byte)0);
            }

            result.Add((byte)value.Length);
            result.Add((byte)(value.Length >> 8));
            AddFlat(value, attribute.IsNested, result);
        }
    }

    // Nests count without their flags, and the chain of a verdict without its id.
    private static void AddFlat(ReadOnlySpan<byte> value, bool nested, List<byte> result)
    {
        if (!nested)
        {
            result.AddRange(value);
            return;
        }

        var reader = new AttributeReader(value);
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            result.Add((byte)attribute.Type);
            AddFlat(attribute.Value, attribute.IsNested, result);
        }
    }

    private static bool IsStatistic(string name) => name is "NFTA_COUNTER_BYTES" or "NFTA_COUNTER_PACKETS" or "NFTA_QUOTA_CONSUMED" or "NFTA_LAST_SET" or "NFTA_LAST_MSECS"
        or "NFTA_LOOKUP_SET_ID" or "NFTA_DYNSET_SET_ID" or "NFTA_OBJREF_SET_ID";

    private static bool IsDefault(string name, in NetlinkAttribute attribute, ReadOnlySpan<byte> siblings) => name switch
    {
        "NFTA_QUEUE_TOTAL" => attribute.UInt16BigEndian == 1,
        "NFTA_LOG_LEVEL" => attribute.UInt32BigEndian == 4,
        _ when name.EndsWith("_MAX", StringComparison.Ordinal) && name.Contains("REG", StringComparison.Ordinal) =>
            new AttributeReader(siblings).TryFind((ushort)(attribute.Type - 1), out NetlinkAttribute minimum) && minimum.Value.SequenceEqual(attribute.Value),
        _ => false,
    };
}
