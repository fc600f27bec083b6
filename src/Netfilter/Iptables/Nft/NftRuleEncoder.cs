using System.Text;
using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>
/// Writes a rule as iptables-nft 1.8.9 does: interfaces, protocol, addresses, tcp and udp ports, marks, limits, NFLOG, TRACE and
/// verdicts as expressions of nf_tables itself, everything else as nft_compat matches and targets; the counter stands before the target.
/// </summary>
internal static class NftRuleEncoder
{
    private const uint Register = 1;
    private const uint VerdictRegister = 0;
    private const uint SmallRegister = 9;
    private const string NoInterface = "INVAL/D";

    public static Rule Encode(IptablesFamily family, string table, string chain, IptablesRule rule)
    {
        var expressions = new List<Expression>();
        Interface(expressions, MetaKey.InputInterfaceName, rule.Input);
        Interface(expressions, MetaKey.OutputInterfaceName, rule.Output);
        if (rule.Protocol is { Number: > 0 } protocol)
        {
            expressions.Add(Meta(MetaKey.Layer4Protocol));
            expressions.Add(Compare(protocol.Negated, [protocol.Number]));
        }

        Network(expressions, family == IptablesFamily.Ip ? 12u : 8, rule.Source);
        Network(expressions, family == IptablesFamily.Ip ? 16u : 24, rule.Destination);
        if (rule.Fragment is { } fragment)
        {
            expressions.Add(Payload(PayloadBase.NetworkHeader, 6, 2));
            expressions.Add(Mask([0x1f, 0xff]));
            expressions.Add(Compare(fragment, [0, 0]));
        }

        foreach (IptablesMatch match in rule.Matches)
        {
            Match(expressions, match, rule.Protocol);
        }

        expressions.Add(new CounterExpression { Packets = rule.Counters.Packets, Bytes = rule.Counters.Bytes });
        Target(expressions, rule.Target);
        return new Rule
        {
            Family = (NftablesFamily)family,
            Table = table,
            Chain = chain,
            Expressions = [.. expressions],
            Compatibility = new RuleCompatibility(rule.Protocol?.Number ?? 0, rule.Protocol is { Negated: true } ? 2u : 0),
        };
    }

    private static void Interface(List<Expression> expressions, MetaKey key, InterfaceMatch? match)
    {
        if (match is null)
        {
            return;
        }

        expressions.Add(Meta(key));
        if (match.Name == "+")
        {
            if (match.Negated)
            {
                expressions.Add(Compare(false, Encoding.ASCII.GetBytes(NoInterface + '\0')));
            }

            return;
        }

        byte[] name = Encoding.UTF8.GetBytes(match.Name + '\0');
        expressions.Add(Compare(match.Negated, match.Name[^1] == '+' ? name.AsSpan(0, name.Length - 2) : name));
    }

    /// <summary>A mask of whole octets is a shorter load; any other needs a bitwise step.</summary>
    private static void Network(List<Expression> expressions, uint offset, NetworkMatch? network)
    {
        if (network is null)
        {
            return;
        }

        byte[] address = network.Address.GetAddressBytes();
        byte[] mask = network.Mask.GetAddressBytes();
        int whole = mask.AsSpan().IndexOfAnyExcept((byte)0xff);
        whole = whole < 0 ? mask.Length : whole;
        bool bitwise = mask.AsSpan(whole).ContainsAnyExcept((byte)0);
        int length = bitwise ? mask.Length : whole;
        expressions.Add(Payload(PayloadBase.NetworkHeader, offset, (uint)length));
        if (bitwise)
        {
            expressions.Add(Mask(mask));
        }

        expressions.Add(Compare(network.Negated, address.AsSpan(0, length)));
    }

    private static void Match(List<Expression> expressions, IptablesMatch match, ProtocolMatch? protocol)
    {
        ReadOnlySpan<byte> info = match.Info.Span;
        switch (match.Name)
        {
            case "limit" when match.Revision == 0 && info.Length >= 8 && info.UInt32(0) > 0:
                (ulong packets, ulong seconds) = Rates.Ratio(info.UInt32(0), LimitMatch.Scale);
                expressions.Add(new LimitExpression { Rate = packets, Unit = seconds, Burst = info.UInt32(4), Kind = 0, Flags = 0 });
                break;
            case "mark" when match.Revision == 1 && info.Length >= 9:
                expressions.Add(Meta(MetaKey.Mark));
                if (info.UInt32(4) != uint.MaxValue)
                {
                    expressions.Add(Mask(info.Slice(4, 4)));
                }

                expressions.Add(Compare(info[8] != 0, info[..4]));
                break;
            case "udp" when match.Revision == 0 && info.Length >= 10 && info[8] <= 3 && protocol?.Number == 17 && !IsAnyPort(info, info[8]):
                Ports(expressions, info, (info[8] & 1) != 0, (info[8] & 2) != 0);
                break;
            case "tcp" when match.Revision == 0 && info.Length >= 12 && info[8] == 0 && info[11] <= 7 && protocol?.Number == 6
                && !(info[9] == 0 && info[10] == 0 && IsAnyPort(info, info[11])):
                if (info[9] != 0)
                {
                    expressions.Add(Payload(PayloadBase.TransportHeader, 13, 1));
                    expressions.Add(Mask(info.Slice(9, 1)));
                    expressions.Add(Compare((info[11] & 4) != 0, info.Slice(10, 1)));
                }

                Ports(expressions, info, (info[11] & 1) != 0, (info[11] & 2) != 0);
                break;
            default:
                expressions.Add(new MatchExpression { MatchName = match.Name, Revision = match.Revision, Info = new OctetString(info) });
                break;
        }
    }

    private static bool IsAnyPort(ReadOnlySpan<byte> info, byte inverted) => inverted == 0 && info.UInt32(0) == 0xffff0000 && info.UInt32(4) == 0xffff0000;

    private static void Ports(List<Expression> expressions, ReadOnlySpan<byte> info, bool notSource, bool notDestination)
    {
        (ushort sourceLow, ushort sourceHigh) = (info.UInt16(0), info.UInt16(2));
        (ushort destinationLow, ushort destinationHigh) = (info.UInt16(4), info.UInt16(6));
        if (sourceLow != 0 && sourceLow == sourceHigh && destinationLow != 0 && destinationLow == destinationHigh && notSource == notDestination)
        {
            expressions.Add(Payload(PayloadBase.TransportHeader, 0, 4));
            expressions.Add(Compare(notSource, OctetString.FromUInt32BigEndian(((uint)sourceLow << 16) | destinationLow).Span));
            return;
        }

        PortRange(expressions, 0, sourceLow, sourceHigh, notSource);
        PortRange(expressions, 2, destinationLow, destinationHigh, notDestination);
    }

    private static void PortRange(List<Expression> expressions, uint offset, ushort low, ushort high, bool negated)
    {
        if (low == 0 && high == ushort.MaxValue)
        {
            return;
        }

        expressions.Add(Payload(PayloadBase.TransportHeader, offset, 2));
        expressions.Add((low == high, low == 0) switch
        {
            (true, _) => Compare(negated, OctetString.FromUInt16BigEndian(low).Span),
            (false, true) => new CompareExpression
            {
                SourceRegister = Register,
                Operator = negated ? CompareOperator.Greater : CompareOperator.LessOrEqual,
                Value = OctetString.FromUInt16BigEndian(high),
            },
            _ => new RangeExpression
            {
                SourceRegister = Register,
                Operator = negated ? RangeOperator.NotEqual : RangeOperator.Equal,
                From = OctetString.FromUInt16BigEndian(low),
                To = OctetString.FromUInt16BigEndian(high),
            },
        });
    }

    private static void Target(List<Expression> expressions, IptablesTarget? target)
    {
        switch (target)
        {
            case null:
                break;
            case VerdictTarget verdict:
                expressions.Add(new ImmediateExpression
                {
                    DestinationRegister = VerdictRegister,
                    Verdict = verdict.Verdict switch
                    {
                        IptablesVerdict.Accept => Verdict.Accept,
                        IptablesVerdict.Drop => Verdict.Drop,
                        IptablesVerdict.Return => Verdict.Return,
                        _ => throw new ArgumentException("QUEUE as a verdict exists on the legacy interface only; use -j NFQUEUE.", nameof(target)),
                    },
                });
                break;
            case ChainTarget jump:
                expressions.Add(new ImmediateExpression
                {
                    DestinationRegister = VerdictRegister,
                    Verdict = jump.Goto ? Verdict.Goto(jump.Name) : Verdict.Jump(jump.Name),
                });
                break;
            case ExtensionTarget { Name: "NFLOG" } log:
                expressions.Add(Log(log.Info.Span));
                break;
            case ExtensionTarget { Name: "TRACE" }:
                expressions.Add(new ImmediateExpression { DestinationRegister = SmallRegister, Value = new OctetString([1]) });
                expressions.Add(new MetaExpression { Key = MetaKey.Trace, SourceRegister = SmallRegister });
                break;
            case ExtensionTarget extension:
                expressions.Add(new TargetExpression
                {
                    TargetName = extension.Name,
                    Revision = extension.Revision,
                    Info = new OctetString(extension.Info.Span),
                });
                break;
        }
    }

    private static LogExpression Log(ReadOnlySpan<byte> info)
    {
        string prefix = info.Text(NflogTarget.PrefixField, info.Length - NflogTarget.PrefixField);
        ushort threshold = info.UInt16(NflogTarget.ThresholdField);
        return new LogExpression
        {
            Prefix = prefix.Length > 0 ? prefix : null,
            Group = info.UInt16(NflogTarget.GroupField),
            SnapLength = (info.UInt16(NflogTarget.FlagsField) & NflogTarget.CopyLength) != 0 ? info.UInt32(NflogTarget.LengthField) : null,
            QueueThreshold = threshold != 0 ? threshold : null,
        };
    }

    private static MetaExpression Meta(MetaKey key) => new() { Key = key, DestinationRegister = Register };

    private static PayloadExpression Payload(PayloadBase from, uint offset, uint length) =>
        new() { DestinationRegister = Register, Base = from, Offset = offset, Length = length };

    private static CompareExpression Compare(bool negated, ReadOnlySpan<byte> value) =>
        new() { SourceRegister = Register, Operator = negated ? CompareOperator.NotEqual : CompareOperator.Equal, Value = new OctetString(value) };

    private static BitwiseExpression Mask(ReadOnlySpan<byte> mask) => new()
    {
        SourceRegister = Register,
        DestinationRegister = Register,
        Length = (uint)mask.Length,
        Mask = new OctetString(mask),
        Xor = new OctetString(new byte[mask.Length].AsSpan()),
    };
}
