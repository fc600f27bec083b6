using System.Text;
using System.Text.Unicode;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// Reads an expression from the attribute that holds its name and data, and writes it back: the elements of a rule's list, and the single
/// expressions of sets, elements, dynset and inner. What the kernel or nft sent comes out again byte for byte.
/// </summary>
public static class ExpressionCodec
{
    /// <summary>The expression that <paramref name="element"/> (NFTA_LIST_ELEM, NFTA_SET_ELEM_EXPR …) holds; never fails, a strange one comes as <see cref="RawExpression"/>.</summary>
    public static Expression Read(in NetlinkAttribute element)
    {
        ExpressionEnvelopeFlags flags = element.IsNested ? ExpressionEnvelopeFlags.None : ExpressionEnvelopeFlags.ElementNotFlagged;
        AttributeReader parts = element.Nested();
        if ((element.Value.Length & 3) != 0 || !parts.TryRead(out NetlinkAttribute name) || name.RawType != NFTA_EXPR_NAME || !IsName(name.Value))
        {
            return Whole(element, flags);
        }

        ReadOnlySpan<byte> data = default;
        if (parts.TryRead(out NetlinkAttribute second))
        {
            if (second.Type != NFTA_EXPR_DATA || (second.RawType & 0x4000) != 0 || !parts.Rest.IsEmpty)
            {
                return Whole(element, flags);
            }

            data = second.Value;
            flags |= ExpressionEnvelopeFlags.WithData | (second.IsNested ? ExpressionEnvelopeFlags.None : ExpressionEnvelopeFlags.DataNotFlagged);
        }
        else if (!parts.Rest.IsEmpty)
        {
            return Whole(element, flags);
        }
        else
        {
            flags |= ExpressionEnvelopeFlags.WithoutData;
        }

        ReadOnlySpan<byte> bareName = name.Value[..^1];
        Expression expression = ((data.Length & 3) == 0 ? ReadTyped(bareName, new AttributeReader(data)) : null)
            ?? new RawExpression(Encoding.UTF8.GetString(bareName), new OctetString(data));
        expression.Envelope = new ExpressionEnvelope(flags);
        return expression;
    }

    /// <summary>The expressions of a list (NFTA_RULE_EXPRESSIONS, NFTA_SET_EXPRESSIONS …).</summary>
    public static ValueList<Expression> ReadList(in NetlinkAttribute list)
    {
        IsPlainList(list, out int count);
        return ReadList(list, count, null);
    }

    /// <summary>Whether <see cref="WriteList"/> gives back the bytes of <paramref name="list"/>: only whole elements and nothing behind them.</summary>
    public static bool IsPlainList(in NetlinkAttribute list) => IsPlainList(list, out _);

    private static bool IsPlainList(in NetlinkAttribute list, out int count)
    {
        count = 0;
        bool plain = AttributeFields.IsPlainNest(list);
        AttributeReader elements = list.Nested();
        while (elements.TryRead(out NetlinkAttribute element))
        {
            count++;
            plain &= element.Type == NFTA_LIST_ELEM && AttributeFields.IsPlainNest(element);
        }

        return plain && !elements.IsTruncated;
    }

    private static ValueList<Expression> ReadList(in NetlinkAttribute list, int count, ExpressionCache? cache)
    {
        if (count == 0)
        {
            return default;
        }

        var expressions = new Expression[count];
        AttributeReader elements = list.Nested();
        for (int i = 0; elements.TryRead(out NetlinkAttribute element); i++)
        {
            expressions[i] = cache is null ? Read(element) : cache.Read(element);
        }

        return new ValueList<Expression>(expressions);
    }

    /// <summary>Writes <paramref name="expression"/> as an attribute of <paramref name="type"/>.</summary>
    public static void Write(ref NetlinkWriter writer, ushort type, Expression expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ExpressionEnvelopeFlags flags = expression.Envelope.Flags;
        WireMark element = writer.BeginNested(type, (flags & ExpressionEnvelopeFlags.ElementNotFlagged) == 0);
        if (expression is RawExpression { Element: { } whole })
        {
            writer.Append(whole.Span);
        }
        else
        {
            writer.WriteString(NFTA_EXPR_NAME, expression.Name);
            if ((flags & ExpressionEnvelopeFlags.WithData) != 0 || ((flags & ExpressionEnvelopeFlags.WithoutData) == 0 && !expression.HasNoData))
            {
                WireMark data = writer.BeginNested(NFTA_EXPR_DATA, (flags & ExpressionEnvelopeFlags.DataNotFlagged) == 0);
                expression.WriteData(ref writer);
                writer.EndAttribute(data);
            }
        }

        writer.EndAttribute(element);
    }

    /// <summary>Writes a list of expressions as an attribute of <paramref name="type"/>.</summary>
    public static void WriteList(ref NetlinkWriter writer, ushort type, ValueList<Expression> expressions, bool nestedFlag = true)
    {
        WireMark list = writer.BeginNested(type, nestedFlag);
        foreach (Expression expression in expressions.Span)
        {
            Write(ref writer, NFTA_LIST_ELEM, expression);
        }

        writer.EndAttribute(list);
    }

    internal static bool ReadExpression(this in NetlinkAttribute attribute, ref Expression? field)
    {
        if (field is not null || !AttributeFields.IsPlainNest(attribute))
        {
            return false;
        }

        field = Read(attribute);
        return true;
    }

    internal static bool ReadExpressions(this in NetlinkAttribute attribute, ref ValueList<Expression>? field, ExpressionCache? cache = null)
    {
        if (field is not null || !IsPlainList(attribute, out int count))
        {
            return false;
        }

        field = ReadList(attribute, count, cache);
        return true;
    }

    internal static void PutExpression(this ref NetlinkWriter writer, ushort type, Expression? expression)
    {
        if (expression is not null)
        {
            Write(ref writer, type, expression);
        }
    }

    internal static void PutExpressions(this ref NetlinkWriter writer, ushort type, AttributeForm form, ValueList<Expression>? expressions)
    {
        if (expressions is { } list)
        {
            bool canonical = (form & AttributeForm.Canonical) != 0;
            WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0);
            foreach (Expression expression in list.Span)
            {
                Write(ref writer, NFTA_LIST_ELEM, canonical ? expression.Canonical() : expression);
            }

            writer.EndAttribute(mark);
        }
    }

    private static RawExpression Whole(in NetlinkAttribute element, ExpressionEnvelopeFlags flags) =>
        new("", default) { Element = new OctetString(element.Value), Envelope = new ExpressionEnvelope(flags) };

    private static bool IsName(ReadOnlySpan<byte> value) => value.Length > 1 && value.IndexOf((byte)0) == value.Length - 1 && Utf8.IsValid(value);

    private static Expression? ReadTyped(ReadOnlySpan<byte> name, AttributeReader data)
    {
        if (name.SequenceEqual("immediate"u8))
        {
            return ImmediateExpression.Read(data);
        }

        if (name.SequenceEqual("cmp"u8))
        {
            return CompareExpression.Read(data);
        }

        if (name.SequenceEqual("range"u8))
        {
            return RangeExpression.Read(data);
        }

        if (name.SequenceEqual("payload"u8))
        {
            return PayloadExpression.Read(data);
        }

        if (name.SequenceEqual("exthdr"u8))
        {
            return ExtensionHeaderExpression.Read(data);
        }

        if (name.SequenceEqual("meta"u8))
        {
            return MetaExpression.Read(data);
        }

        if (name.SequenceEqual("rt"u8))
        {
            return RoutingExpression.Read(data);
        }

        if (name.SequenceEqual("socket"u8))
        {
            return SocketExpression.Read(data);
        }

        if (name.SequenceEqual("ct"u8))
        {
            return ConntrackExpression.Read(data);
        }

        if (name.SequenceEqual("bitwise"u8))
        {
            return BitwiseExpression.Read(data);
        }

        if (name.SequenceEqual("byteorder"u8))
        {
            return ByteOrderExpression.Read(data);
        }

        if (name.SequenceEqual("lookup"u8))
        {
            return LookupExpression.Read(data);
        }

        if (name.SequenceEqual("dynset"u8))
        {
            return DynamicSetExpression.Read(data);
        }

        if (name.SequenceEqual("counter"u8))
        {
            return CounterExpression.Read(data);
        }

        if (name.SequenceEqual("last"u8))
        {
            return LastExpression.Read(data);
        }

        if (name.SequenceEqual("limit"u8))
        {
            return LimitExpression.Read(data);
        }

        if (name.SequenceEqual("connlimit"u8))
        {
            return ConnectionLimitExpression.Read(data);
        }

        if (name.SequenceEqual("quota"u8))
        {
            return QuotaExpression.Read(data);
        }

        if (name.SequenceEqual("log"u8))
        {
            return LogExpression.Read(data);
        }

        if (name.SequenceEqual("reject"u8))
        {
            return RejectExpression.Read(data);
        }

        if (name.SequenceEqual("queue"u8))
        {
            return QueueExpression.Read(data);
        }

        if (name.SequenceEqual("nat"u8))
        {
            return NatExpression.Read(data);
        }

        if (name.SequenceEqual("masq"u8))
        {
            return MasqueradeExpression.Read(data);
        }

        if (name.SequenceEqual("redir"u8))
        {
            return RedirectExpression.Read(data);
        }

        if (name.SequenceEqual("tproxy"u8))
        {
            return TransparentProxyExpression.Read(data);
        }

        if (name.SequenceEqual("dup"u8))
        {
            return DuplicateExpression.Read(data);
        }

        if (name.SequenceEqual("fwd"u8))
        {
            return ForwardExpression.Read(data);
        }

        if (name.SequenceEqual("objref"u8))
        {
            return ObjectReferenceExpression.Read(data);
        }

        if (name.SequenceEqual("numgen"u8))
        {
            return NumberGeneratorExpression.Read(data);
        }

        if (name.SequenceEqual("hash"u8))
        {
            return HashExpression.Read(data);
        }

        if (name.SequenceEqual("fib"u8))
        {
            return FibExpression.Read(data);
        }

        if (name.SequenceEqual("osf"u8))
        {
            return OsFingerprintExpression.Read(data);
        }

        if (name.SequenceEqual("synproxy"u8))
        {
            return SynproxyExpression.Read(data);
        }

        if (name.SequenceEqual("tunnel"u8))
        {
            return TunnelExpression.Read(data);
        }

        if (name.SequenceEqual("xfrm"u8))
        {
            return XfrmExpression.Read(data);
        }

        if (name.SequenceEqual("flow_offload"u8))
        {
            return FlowOffloadExpression.Read(data);
        }

        if (name.SequenceEqual("inner"u8))
        {
            return InnerExpression.Read(data);
        }

        if (name.SequenceEqual("match"u8))
        {
            return MatchExpression.Read(data);
        }

        if (name.SequenceEqual("target"u8))
        {
            return TargetExpression.Read(data);
        }

        if (name.SequenceEqual("notrack"u8))
        {
            return NoTrackExpression.Read(data);
        }

        return null;
    }
}
