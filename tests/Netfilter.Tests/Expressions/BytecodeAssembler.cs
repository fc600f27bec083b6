using System.Globalization;
using System.Text.RegularExpressions;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Tests.Expressions;

/// <summary>
/// Builds a rule with <see cref="Expr"/> from nft's own bytecode text. The text does not say how long a value is, so lengths follow what was loaded or
/// what the value is used for; a few things it leaves out are taken from the rule as it was typed.
/// </summary>
internal sealed partial class BytecodeAssembler(string rule, string[] lines)
{
    private readonly Dictionary<uint, int> _lengths = [];
    private readonly List<Expression> _expressions = [];
    private uint _setId;

    public static ValueList<Expression> Assemble(string rule, string text)
    {
        string[] lines = [.. text.Split('\n').Where(line => line.StartsWith("  [ ", StringComparison.Ordinal)).Select(line => line[4..^2].Trim())];
        var assembler = new BytecodeAssembler(rule, lines);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split(' ', 2);
            assembler._expressions.Add(assembler.Build(words[0], words.Length > 1 ? words[1] : "", i));
        }

        return [.. assembler._expressions];
    }

    private Expression Build(string name, string text, int line) => name switch
    {
        "payload" => Payload(text),
        "meta" => Meta(text),
        "ct" => Conntrack(text),
        "cmp" => Compare(text),
        "range" => Range(text),
        "bitwise" => Bitwise(text),
        "byteorder" => Match(text, @"reg (\d+) = (\w+)\(reg (\d+), (\d+), (\d+)\)") is { } m
            ? Expr.ByteOrder(m[2] == "hton" ? ByteOrderOperation.HostToNetwork : ByteOrderOperation.NetworkToHost, U(m[5]), U(m[4]), U(m[3]), U(m[1])) : Bad(text),
        "lookup" => Lookup(text),
        "immediate" => Immediate(text, line),
        "exthdr" => ExtensionHeader(text),
        "counter" => Expr.Counter(),
        "limit" => Limit(text),
        "connlimit" => Match(text, @"count (\d+) flags (\d+)") is { } m ? Expr.ConnectionLimit(U(m[1]), m[2] != "0") : Bad(text),
        "quota" => Match(text, @"bytes (\d+) consumed (\d+) flags (\d+)") is { } m ? Expr.Quota(ulong.Parse(m[1], CultureInfo.InvariantCulture), m[3] != "0", U(m[2])) : Bad(text),
        "log" => Log(text),
        "reject" => Match(text, @"type (\d+) code (\d+)") is { } m ? Expr.Reject((RejectKind)U(m[1]), (byte)U(m[2])) : Bad(text),
        "nat" => Nat(text),
        "masq" => Expr.Masquerade((NatFlags?)Hex(text, "flags"), Register(text, "proto_min reg"), Register(text, "proto_max reg")),
        "redir" => Expr.Redirect(Register(text, "proto_min reg"), Register(text, "proto_max reg"), (NatFlags?)Hex(text, "flags")),
        "tproxy" => Expr.TransparentProxy(text.StartsWith("ip6", StringComparison.Ordinal) ? 10u : text.StartsWith("ip", StringComparison.Ordinal) ? 2u : 0, Register(text, "addr reg"), Register(text, "port reg")),
        "dup" => Expr.Duplicate(Register(text, "sreg_addr"), Register(text, "sreg_dev")),
        "fwd" => Expr.Forward(Register(text, "sreg_dev")!.Value, Register(text, "sreg_addr"), Register(text, "nfproto")),
        "objref" => Match(text, @"sreg (\d+) set (\S+)") is { } m ? Expr.ObjectMap(m[2], U(m[1]), ++_setId)
            : Match(text, @"type (\d+) name (\S+)") is { } n ? Expr.Object(U(n[1]), n[2]) : Bad(text),
        "rt" => Load(text, Expr.Routing(Key<RoutingKey>(Word(text, 1), key => BytecodeNames.Of(key)), Destination(text)), Keys.Of(Key<RoutingKey>(Word(text, 1), key => BytecodeNames.Of(key))).Bits),
        "socket" => Load(text, Expr.Socket(Key<SocketKey>(Word(text, 1), key => BytecodeNames.Of(key)), Destination(text)), Keys.Of(Key<SocketKey>(Word(text, 1), key => BytecodeNames.Of(key))).Bits),
        "xfrm" => Load(
            text,
            Expr.Xfrm(Key<XfrmKey>(Word(text, 3), key => BytecodeNames.Of(key)), Word(text, 1) == "in" ? XfrmDirection.In : XfrmDirection.Out, U(Word(text, 2)), Destination(text)),
            Keys.Of(Key<XfrmKey>(Word(text, 3), key => BytecodeNames.Of(key))).Bits),
        "fib" => Fib(text),
        "numgen" => Match(text, @"reg (\d+) = (inc|random) mod (\d+)(?: offset (\d+))?") is { } m
            ? Load(text, Expr.Number(m[2] == "inc" ? NumberGeneratorKind.Incremental : NumberGeneratorKind.Random, U(m[3]), U(m[4]), U(m[1])), 32, U(m[1])) : Bad(text),
        "hash" => Hash(text),
        "osf" => Load(text, Expr.OsFingerprint((byte)(rule.Contains("ttl loose", StringComparison.Ordinal) ? 1 : rule.Contains("ttl skip", StringComparison.Ordinal) ? 2 : 0), rule.Contains("version", StringComparison.Ordinal) ? 1u : 0, U(Word(text, 1))), 128, U(Word(text, 1))),
        "synproxy" => Match(text, @"mss (\d+) wscale (\d+)") is { } m ? Expr.Synproxy((ushort)U(m[1]), (byte)U(m[2]), TypedOptions()) : Bad(text),
        "notrack" => Expr.NoTrack(),
        _ => Bad(name),
    };

    private static Expression Bad(string text) => throw new FormatException(text);

    private static uint U(string text) => text.Length == 0 ? 0 : uint.Parse(text, CultureInfo.InvariantCulture);

    private static string Word(string text, int index) => text.Split(' ')[index];

    private static uint Destination(string text) => Match(text, @"=> reg (\d+)") is { } m ? U(m[1]) : throw new FormatException(text);

    private static uint? Register(string text, string before) => Match(text, Regex.Escape(before) + @" (\d+)") is { } m ? U(m[1]) : null;

    private static uint? Hex(string text, string before) =>
        Match(text, before + @" 0x([0-9a-f]+)") is { } m ? uint.Parse(m[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) : null;

    private static string[]? Match(string text, string pattern)
    {
        Match match = Regex.Match(text, pattern);
        return match.Success ? [.. match.Groups.Values.Select(group => group.Value)] : null;
    }

    private static T Key<T>(string name, Func<T, string> nameOf)
        where T : struct, Enum => Enum.GetValues<T>().First(key => nameOf(key) == name);

    private Expression Load(string text, Expression expression, int bits, uint? register = null)
    {
        _lengths[register ?? Destination(text)] = (bits + 7) / 8;
        return expression;
    }

    /// <summary>The words of a value, cut to <paramref name="length"/> bytes where the words end in that.</summary>
    private static OctetString Value(string text, int length)
    {
        byte[] bytes = [.. HexWord().Matches(text).SelectMany(word => BitConverter.GetBytes(uint.Parse(word.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))];
        return new OctetString(length > bytes.Length - 4 && length < bytes.Length ? bytes.AsSpan(0, length) : bytes);
    }

    private Expression Payload(string text)
    {
        string[] bases = ["link", "network", "transport", "inner"];
        if (Match(text, @"load (\d+)b @ (\w+) header \+ (\d+) => reg (\d+)") is { } m)
        {
            return Load(text, Expr.Payload((PayloadBase)Array.IndexOf(bases, m[2]), U(m[3]), U(m[1]), U(m[4])), (int)U(m[1]) * 8);
        }

        string[] w = Match(text, @"write reg (\d+) => (\d+)b @ (\w+) header \+ (\d+) csum_type (\d+) csum_off (\d+) csum_flags 0x([0-9a-f]+)")!;
        bool checksum = w[5] != "0";
        return Expr.WritePayload(
            (PayloadBase)Array.IndexOf(bases, w[3]), U(w[4]), U(w[2]), U(w[1]), checksum ? (PayloadChecksum)U(w[5]) : null, checksum ? U(w[6]) : null, w[7] != "0" ? U(w[7]) : null);
    }

    private Expression Meta(string text)
    {
        MetaKey key = Key<MetaKey>(Word(text, 1), each => BytecodeNames.Of(each));
        return text.StartsWith("set", StringComparison.Ordinal) ? Expr.SetMeta(key, U(Word(text, 4))) : Load(text, Expr.Meta(key, Destination(text)), Keys.Of(key).Bits);
    }

    private Expression Conntrack(string text)
    {
        ConntrackKey key = Word(text, 1) == "unknown" ? ConntrackKey.Id : Key<ConntrackKey>(Word(text, 1), each => BytecodeNames.Of(each));
        ConntrackDirection? direction = text.Contains("dir original", StringComparison.Ordinal) ? ConntrackDirection.Original
            : text.Contains("dir reply", StringComparison.Ordinal) ? ConntrackDirection.Reply : null;
        int bits = key is ConntrackKey.Source or ConntrackKey.Destination ? 32 : Keys.Of(key).Bits;
        return text.StartsWith("set", StringComparison.Ordinal) ? Expr.SetConntrack(key, U(Word(text, 4)), direction) : Load(text, Expr.Conntrack(key, Destination(text), direction), bits);
    }

    private Expression Compare(string text)
    {
        string[] m = Match(text, @"(\w+) reg (\d+)")!;
        return Expr.Compare(Key<CompareOperator>(m[1], each => BytecodeNames.Of(each)), Value(text, _lengths.GetValueOrDefault(U(m[2]))), U(m[2]));
    }

    private Expression Range(string text)
    {
        string[] m = Match(text, @"(\w+) reg (\d+)")!;
        string[] words = text.Split(' ')[3..];
        int length = _lengths.GetValueOrDefault(U(m[2]));
        return Expr.Range(
            Value(string.Join(' ', words[..(words.Length / 2)]), length), Value(string.Join(' ', words[(words.Length / 2)..]), length), m[1] == "neq" ? RangeOperator.NotEqual : RangeOperator.Equal, U(m[2]));
    }

    private Expression Bitwise(string text)
    {
        string[] m = Match(text, @"reg (\d+) = \( reg (\d+) (&|<<|>>) ([^)]*)\)(?: \^ (.*))?")!;
        (uint destination, uint source) = (U(m[1]), U(m[2]));
        int length = _lengths.GetValueOrDefault(source);
        _lengths[destination] = length;
        return m[3] == "&"
            ? Expr.Mask(Value(m[4], length), Value(m[5], length), source, destination)
            : Expr.Shift(m[3] == "<<" ? BitwiseOperation.ShiftLeft : BitwiseOperation.ShiftRight, BitConverter.ToUInt32(Value(m[4], 4).Span), (uint)length, source, destination);
    }

    private Expression Lookup(string text)
    {
        string[] m = Match(text, @"reg (\d+) set (\S+)(?: dreg (\d+))?( 0x1)?")!;
        _setId++;
        if (m[3].Length == 0)
        {
            return Expr.Lookup(m[2], U(m[1]), m[4].Length > 0, _setId) with { Flags = text.Contains("0x", StringComparison.Ordinal) ? Hex(text, m[2]) : null };
        }

        _lengths[U(m[3])] = 4;
        return Expr.Map(m[2], U(m[3]), U(m[1]), _setId);
    }

    private Expression Immediate(string text, int line)
    {
        uint register = U(Word(text, 1));
        if (register != 0)
        {
            return Expr.Immediate(Value(text, LengthOfUse(register, line)), register);
        }

        return Word(text, 2) switch
        {
            "accept" => Expr.Accept(),
            "drop" => Expr.Drop(),
            "return" => Expr.Return(),
            "continue" => Expr.Verdict(Verdict.Continue),
            "jump" => Expr.Jump(Word(text, 4)),
            "goto" => Expr.Goto(Word(text, 4)),
            _ => Bad(text),
        };
    }

    /// <summary>How many bytes the next user of a register takes.</summary>
    private int LengthOfUse(uint register, int line)
    {
        foreach (string use in lines[(line + 1)..])
        {
            string reg = register.ToString(CultureInfo.InvariantCulture);
            if (Match(use, $@"(?:proto_min|proto_max|port) reg {reg}\b") is not null)
            {
                return 2;
            }

            if (Match(use, $@"meta set (\w+) with reg {reg}\b") is { } meta)
            {
                return (Keys.Of(Key<MetaKey>(meta[1], each => BytecodeNames.Of(each))).Bits + 7) / 8;
            }

            if (Match(use, $@"ct set (\w+) with reg {reg}\b") is { } conntrack)
            {
                return Keys.Of(Key<ConntrackKey>(conntrack[1], each => BytecodeNames.Of(each))).Bits / 8;
            }

            if (Match(use, $@"write (?:\w+ )?reg {reg} => (\d+)b") is { } write)
            {
                return (int)U(write[1]);
            }
        }

        return 0;
    }

    private Expression ExtensionHeader(string text)
    {
        ExtensionHeaderKind Kind(string name) => name switch { "ipv6" => ExtensionHeaderKind.Ip6, "tcpopt" => ExtensionHeaderKind.TcpOption, "ipv4" => ExtensionHeaderKind.Ip4Option, _ => ExtensionHeaderKind.SctpChunk };
        if (Match(text, @"load (?:(\w+) )?(\d+)b @ (\d+) \+ (\d+)( present)? => reg (\d+)") is { } m)
        {
            bool present = m[5].Length > 0;
            return Load(text, Expr.ExtensionHeader(Kind(m[1]), (byte)U(m[3]), U(m[4]), U(m[2]), present, U(m[6])), (int)U(m[2]) * 8);
        }

        return Match(text, @"write (\w+) reg (\d+) => (\d+)b @ (\d+) \+ (\d+)") is { } w
            ? Expr.WriteExtensionHeader(Kind(w[1]), (byte)U(w[4]), U(w[5]), U(w[3]), U(w[2]))
            : Expr.RemoveTcpOption((byte)U(Match(text, @"reset tcpopt (\d+)")![1]));
    }

    private static LimitExpression Limit(string text)
    {
        string[] m = Match(text, @"rate (\d+)/(\w+) burst (\d+) type (\w+) flags 0x(\d)")!;
        ulong unit = m[2] switch { "second" => 1, "minute" => 60, "hour" => 3600, "day" => 86400, _ => 604800 };
        ulong rate = ulong.Parse(m[1], CultureInfo.InvariantCulture);
        return m[4] == "packets" ? Expr.Limit(rate, unit, U(m[3]), m[5] == "1") : Expr.ByteLimit(rate, unit, m[3] == "0" ? null : U(m[3]), m[5] == "1");
    }

    private static LogExpression Log(string text)
    {
        string? prefix = Match(text, @"^prefix (.*?)(?: (?:group|level) .*|(?: (?:tcpseq|tcpopt|ipopt|uid|macdecode))+)?$")?[1];
        string rest = prefix is null ? text : text[("prefix ".Length + prefix.Length)..];
        if (Match(rest, @"group (\d+) snaplen (\d+) qthreshold (\d+)") is { } m)
        {
            return Expr.LogToGroup((ushort)U(m[1]), prefix, m[2] == "0" ? null : U(m[2]), m[3] == "0" ? null : (ushort)U(m[3]));
        }

        LogFlags flags = BytecodeNames.LogFlagNames.Where(pair => rest.Split(' ').Contains(pair.Name)).Aggregate(LogFlags.None, (all, pair) => all | pair.Flag);
        return Expr.Log(prefix, Register(rest, "level"), flags == LogFlags.None ? null : flags);
    }

    private static NatExpression Nat(string text)
    {
        uint family = Word(text, 1) switch { "ip" => 2u, "ip6" => 10, "inet" => 1, _ => 0 };
        return Expr.Nat(
            Word(text, 0) == "dnat" ? NatKind.Destination : NatKind.Source, family, Register(text, "addr_min reg"), Register(text, "addr_max reg"), Register(text, "proto_min reg"),
            Register(text, "proto_max reg"), (NatFlags?)Hex(text, "flags"));
    }

    private Expression Fib(string text)
    {
        FibFlags flags = BytecodeNames.FibFlagNames.Where(pair => text.Split(' ')[..^4].Contains(pair.Name)).Aggregate(FibFlags.None, (all, pair) => all | pair.Flag);
        bool present = text.Contains("present", StringComparison.Ordinal);
        string result = text.Split(' ')[present ? ^5 : ^4];
        flags = present ? (flags & ~(result == "oif" ? FibFlags.OutputInterface : FibFlags.None)) | FibFlags.Present : flags;
        FibResult key = Key<FibResult>(result, each => BytecodeNames.Of(each));
        return Load(text, Expr.Fib(key, flags, Destination(text)), Keys.Of(key, present).Bits);
    }

    private Expression Hash(string text)
    {
        if (Match(text, @"reg (\d+) = symhash\(\) % mod (\d+)(?: offset (\d+))?") is { } s)
        {
            return Load(text, Expr.SymmetricHash(U(s[2]), U(s[3]), U(s[1])), 32, U(s[1]));
        }

        string[] m = Match(text, @"reg (\d+) = jhash\(reg (\d+), (\d+), 0x([0-9a-f]+)\) % mod (\d+)(?: offset (\d+))?")!;
        uint seed = uint.Parse(m[4], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return Load(text, Expr.Hash(U(m[2]), U(m[3]), U(m[5]), rule.Contains("seed", StringComparison.Ordinal) ? seed : null, U(m[6]), U(m[1])), 32, U(m[1]));
    }

    private SynproxyFlags TypedOptions()
    {
        (string Word, SynproxyFlags Flag)[] words =
        [
            ("mss", SynproxyFlags.MaximumSegmentSize), ("wscale", SynproxyFlags.WindowScale),
            ("timestamp", SynproxyFlags.Timestamp), ("sack-perm", SynproxyFlags.SackPermitted),
        ];
        return words.Where(pair => rule.Contains(pair.Word, StringComparison.Ordinal)).Aggregate(SynproxyFlags.None, (all, pair) => all | pair.Flag);
    }

    [GeneratedRegex("0x([0-9a-f]{8})")]
    private static partial Regex HexWord();
}
