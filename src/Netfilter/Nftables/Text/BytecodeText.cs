using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>
/// The text of expressions as <c>nft --debug=netlink</c> prints it: one line an expression, registers by their numbers, values as words of 32 bits
/// in the machine's byte order.
/// </summary>
public static class BytecodeText
{
    /// <summary>One expression without brackets: <c>cmp eq reg 1 0x00000006 </c>, with the blank that nft leaves at the end.</summary>
    public static string Of(Expression expression)
    {
        var text = new StringBuilder();
        Append(text, expression);
        return text.ToString();
    }

    /// <summary>The lines of a rule's expressions, each in brackets and indented by two blanks.</summary>
    public static void AppendLines(StringBuilder text, IEnumerable<Expression> expressions)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(expressions);
        foreach (Expression expression in expressions)
        {
            text.Append("  [ ");
            Append(text, expression);
            text.Append("]\n");
        }
    }

    /// <summary>Appends one expression: its name, what it does, a blank.</summary>
    public static void Append(StringBuilder text, Expression expression)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(expression);
        text.Append(expression.Name).Append(' ');
        switch (expression)
        {
            case ImmediateExpression immediate:
                text.Add($"reg {immediate.DestinationRegister ?? 0} ");
                if (immediate.Verdict is { } verdict)
                {
                    AppendVerdict(text, verdict);
                }
                else
                {
                    AppendWords(text, immediate.Value, "0x");
                }

                break;
            case CompareExpression compare:
                text.Add($"{BytecodeNames.Of(compare.Operator)} reg {compare.SourceRegister ?? 0} ");
                AppendWords(text, compare.Value, "0x");
                break;
            case RangeExpression range:
                text.Add($"{BytecodeNames.Of(range.Operator)} reg {range.SourceRegister ?? 0} ");
                AppendWords(text, range.From, "0x");
                AppendWords(text, range.To, "0x");
                break;
            case PayloadExpression { SourceRegister: { } source } payload when source != 0:
                text.Add($"write reg {source} => {payload.Length ?? 0}b @ {BytecodeNames.Of(payload.Base)} header + {payload.Offset ?? 0} ");
                text.Add($"csum_type {(uint)(payload.ChecksumKind ?? 0)} csum_off {payload.ChecksumOffset ?? 0} csum_flags 0x{payload.ChecksumFlags ?? 0:x} ");
                break;
            case PayloadExpression payload:
                text.Add($"load {payload.Length ?? 0}b @ {BytecodeNames.Of(payload.Base)} header + {payload.Offset ?? 0} => reg {payload.DestinationRegister ?? 0} ");
                break;
            case ExtensionHeaderExpression header:
                AppendExtensionHeader(text, header);
                break;
            case MetaExpression meta:
                AppendKey(text, BytecodeNames.Of(meta.Key), meta.SourceRegister, meta.DestinationRegister);
                break;
            case ConntrackExpression conntrack:
                // With both registers libnftnl would print the load alone.
                AppendKey(text, BytecodeNames.Of(conntrack.Key), conntrack.DestinationRegister is null ? conntrack.SourceRegister : null, conntrack.DestinationRegister);
                if (conntrack.Direction is { } direction)
                {
                    text.Add($", dir {BytecodeNames.Of(direction)} ");
                }

                break;
            case RoutingExpression routing:
                AppendKey(text, BytecodeNames.Of(routing.Key), null, routing.DestinationRegister);
                break;
            case SocketExpression { DestinationRegister: null, Level: { } level }:
                text.Add($"level {level} ");
                break;
            case SocketExpression socket:
                AppendKey(text, BytecodeNames.Of(socket.Key), null, socket.DestinationRegister);
                break;
            case TunnelExpression tunnel:
                AppendKey(text, BytecodeNames.Of(tunnel.Key), null, tunnel.DestinationRegister);
                break;
            case XfrmExpression { DestinationRegister: { } destination } xfrm:
                text.Add($"load {BytecodeNames.Of(xfrm.Direction)} {xfrm.PolicyNumber ?? 0} {BytecodeNames.Of(xfrm.Key)} => reg {destination} ");
                break;
            case BitwiseExpression bitwise:
                AppendBitwise(text, bitwise);
                break;
            case ByteOrderExpression order:
                text.Add($"reg {order.DestinationRegister ?? 0} = {BytecodeNames.Of(order.Operation)}(reg {order.SourceRegister ?? 0}, {order.Size ?? 0}, {order.Length ?? 0}) ");
                break;
            case LookupExpression lookup:
                text.Add($"reg {lookup.SourceRegister ?? 0} set {lookup.SetName} ");
                text.AddIf(lookup.DestinationRegister, "dreg ");
                if (lookup.Flags is { } lookupFlags)
                {
                    text.Add($"0x{lookupFlags:x} ");
                }

                break;
            case DynamicSetExpression dynset:
                AppendDynamicSet(text, dynset);
                break;
            case FibExpression fib:
                AppendFib(text, fib);
                break;
            case HashExpression { Kind: HashKind.Symmetric } hash:
                text.Add($"reg {hash.DestinationRegister ?? 0} = symhash() % mod {hash.Modulus ?? 0} ");
                AppendOffset(text, hash.Offset);
                break;
            case HashExpression hash:
                text.Add($"reg {hash.DestinationRegister ?? 0} = jhash(reg {hash.SourceRegister ?? 0}, {hash.Length ?? 0}, 0x{hash.Seed ?? 0:x}) % mod {hash.Modulus ?? 0} ");
                AppendOffset(text, hash.Offset);
                break;
            case NumberGeneratorExpression generator:
                text.Add($"reg {generator.DestinationRegister ?? 0} = {(generator.Kind == NumberGeneratorKind.Random ? "random" : "inc")} mod {generator.Modulus ?? 0} ");
                AppendOffset(text, generator.Offset);
                break;
            case OsFingerprintExpression fingerprint:
                text.AddIf(fingerprint.DestinationRegister, "dreg ");
                break;
            case InnerExpression inner:
                text.Add($"type {(uint)(inner.Kind ?? 0)} hdrsize {inner.HeaderSize ?? 0} flags {inner.Flags ?? 0:x} ");
                if (inner.Expression is { } inside)
                {
                    text.Append("[ ");
                    Append(text, inside);
                    text.Append("] ");
                }

                break;
            case RawExpression raw:
                text.Add($"0x{raw.Data} ");
                break;
            default:
                BytecodeStatementText.Append(text, expression);
                break;
        }
    }

    /// <summary>A value as words of 32 bits in the machine's byte order, each with <paramref name="prefix"/> in front and a blank behind.</summary>
    internal static void AppendWords(StringBuilder text, OctetString? value, string prefix)
    {
        ReadOnlySpan<byte> rest = value is { } bytes ? bytes.Span : default;
        Span<byte> word = stackalloc byte[4];
        while (!rest.IsEmpty)
        {
            int length = Math.Min(4, rest.Length);
            word.Clear();
            rest[..length].CopyTo(word);
            text.Add($"{prefix}{MemoryMarshal.Read<uint>(word):x8} ");
            rest = rest[length..];
        }
    }

    /// <summary>A verdict's name and its chain.</summary>
    internal static void AppendVerdict(StringBuilder text, Verdict verdict)
    {
        text.Add($"{BytecodeNames.OfVerdict(verdict.Code)} ");
        if (verdict.Chain is { } chain)
        {
            text.Add($"-> {chain} ");
        }
    }

    /// <summary>User data byte for byte: printable ones as they are, others in hexadecimal.</summary>
    internal static void AppendUserData(StringBuilder text, OctetString userData)
    {
        text.Append("  userdata = { ");
        foreach (byte value in userData.Span)
        {
            if (value is >= 0x20 and < 0x7f)
            {
                text.Append((char)value);
            }
            else
            {
                text.Add($"\\x{value:x2}");
            }
        }

        text.Append(" }");
    }

    internal static void Add(this StringBuilder text, [System.Runtime.CompilerServices.InterpolatedStringHandlerArgument(nameof(text))] ref StringBuilder.AppendInterpolatedStringHandler handler) =>
        text.Append(CultureInfo.InvariantCulture, ref handler);

    internal static void AddIf(this StringBuilder text, uint? value, string name)
    {
        if (value is { } number)
        {
            text.Add($"{name}{number} ");
        }
    }

    private static void AppendKey(StringBuilder text, string key, uint? source, uint? destination)
    {
        if (source is { } from)
        {
            text.Add($"set {key} with reg {from} ");
        }
        else if (destination is { } to)
        {
            text.Add($"load {key} => reg {to} ");
        }
    }

    private static void AppendOffset(StringBuilder text, uint? offset)
    {
        if (offset is { } value and not 0)
        {
            text.Add($"offset {value} ");
        }
    }

    private static void AppendBitwise(StringBuilder text, BitwiseExpression bitwise)
    {
        text.Add($"reg {bitwise.DestinationRegister ?? 0} = ( reg {bitwise.SourceRegister ?? 0} ");
        string? sign = bitwise.Operation switch
        {
            BitwiseOperation.ShiftLeft => "<< ",
            BitwiseOperation.ShiftRight => ">> ",
            BitwiseOperation.And => "& ",
            BitwiseOperation.Or => "| ",
            BitwiseOperation.Xor => "^ ",
            _ => null,
        };
        if (sign is null)
        {
            text.Append("& ");
            AppendWords(text, bitwise.Mask, "0x");
            text.Append(") ^ ");
            AppendWords(text, bitwise.Xor, "0x");
        }
        else
        {
            text.Append(sign);
            if (bitwise.SecondSourceRegister is { } second)
            {
                text.Add($"reg {second} ");
            }
            else
            {
                AppendWords(text, bitwise.Data, "0x");
            }

            text.Append(") ");
        }
    }

    private static void AppendExtensionHeader(StringBuilder text, ExtensionHeaderExpression header)
    {
        string kind = header.Kind switch
        {
            ExtensionHeaderKind.Ip6 or null => " ipv6",
            ExtensionHeaderKind.TcpOption => " tcpopt",
            ExtensionHeaderKind.Ip4Option => " ipv4",
            _ => "",
        };
        uint length = header.Length ?? 0;
        uint offset = header.Offset ?? 0;
        byte type = header.Type ?? 0;
        if (header.DestinationRegister is { } destination)
        {
            text.Add($"load{kind} {length}b @ {type} + {offset}{((header.Flags & NfTables.NFT_EXTHDR_F_PRESENT) is > 0 ? " present" : "")} => reg {destination} ");
        }
        else if (header.SourceRegister is { } source)
        {
            text.Add($"write{kind} reg {source} => {length}b @ {type} + {offset} ");
        }
        else if (header.Kind == ExtensionHeaderKind.TcpOption && length == 0)
        {
            text.Add($"reset tcpopt {type} ");
        }
        else
        {
            text.Add($"op {(uint)(header.Kind ?? 0)} len {length} type {type} offset {offset} ");
        }
    }

    private static void AppendDynamicSet(StringBuilder text, DynamicSetExpression dynset)
    {
        text.Add($"{BytecodeNames.Of(dynset.Operation)} reg_key {dynset.KeyRegister ?? 0} set {dynset.SetName} ");
        text.AddIf(dynset.DataRegister, "sreg_data ");
        if (dynset.Timeout is { } timeout)
        {
            text.Add($"timeout {timeout}ms ");
        }

        if (dynset.Statement is { } statement)
        {
            text.Append("expr [ ");
            Append(text, statement);
            text.Append("] ");
        }

        foreach (Expression each in dynset.Statements ?? [])
        {
            text.Append("expr [ ");
            Append(text, each);
            text.Append("] ");
        }
    }

    private static void AppendFib(StringBuilder text, FibExpression fib)
    {
        FibFlags flags = fib.Flags ?? 0;
        FibFlags rest = flags & ~FibFlags.Present;
        foreach ((FibFlags flag, string name) in BytecodeNames.FibFlagNames)
        {
            if ((rest & flag) != 0)
            {
                rest &= ~flag;
                text.Add($"{name} ");
                if (rest != 0)
                {
                    text.Append(". ");
                }
            }
        }

        if (rest != 0)
        {
            text.Add($"unknown 0x{(uint)rest:x}");
        }

        text.Add($"{BytecodeNames.Of(fib.Result)}{((flags & FibFlags.Present) != 0 ? " present" : "")} => reg {fib.DestinationRegister ?? 0} ");
    }
}
