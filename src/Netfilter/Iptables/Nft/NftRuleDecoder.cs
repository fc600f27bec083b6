using System.Net;
using System.Text;
using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>
/// Reads a rule of nf_tables back as an iptables rule, from whatever iptables-nft writes and from the same things written by nft.
/// A rule with anything else is not iptables'; the decoder says what it stumbled over.
/// </summary>
internal sealed class NftRuleDecoder
{
    private readonly IptablesFamily _family;
    private readonly Load?[] _registers = new Load?[NfTables.NFT_REG32_15 + 1];
    private readonly List<IptablesMatch> _matches = [];
    private IptablesRule _rule = new();
    private int _ports = -1;
    private string? _refusal;

    private NftRuleDecoder(IptablesFamily family) => _family = family;

    /// <summary>The rule, or null and the reason.</summary>
    public static IptablesRule? Decode(Rule rule, out string? refusal)
    {
        var decoder = new NftRuleDecoder((IptablesFamily)rule.Family);
        foreach (Expression expression in rule.Expressions)
        {
            decoder.Read(expression);
            if (decoder._refusal is not null)
            {
                refusal = $"{rule.Describe()}: {decoder._refusal}";
                return null;
            }
        }

        if (rule.Comment is { Length: > 0 } comment && !decoder._matches.Any(match => match.Name == "comment"))
        {
            byte[] block = new byte[256];
            block.AsSpan().PutText(0, 255, comment);
            decoder._matches.Add(new IptablesMatch("comment", 0, block));
        }

        refusal = null;
        return decoder._rule with { Matches = [.. decoder._matches] };
    }

    private Load? Held(uint register) => register < _registers.Length ? _registers[register] : null;

    private void Hold(uint register, Load load)
    {
        if (register < _registers.Length)
        {
            _registers[register] = load;
        }
    }

    private void Read(Expression expression)
    {
        switch (expression)
        {
            case CounterExpression counter:
                _rule = _rule with { Counters = new IptablesCounters(counter.Packets ?? 0, counter.Bytes ?? 0) };
                break;
            case PayloadExpression { DestinationRegister: { } register } payload:
                Hold(register, new Load { Payload = payload });
                break;
            case MetaExpression { DestinationRegister: { } register } meta:
                Hold(register, new Load { Meta = meta });
                break;
            case MetaExpression { Key: MetaKey.Trace, SourceRegister: { } register } when Held(register)?.Value is { Length: > 0 } value && value[0] != 0:
                _rule = _rule with { Target = new ExtensionTarget("TRACE", 0, ReadOnlyMemory<byte>.Empty) };
                break;
            case BitwiseExpression { SourceRegister: { } source, DestinationRegister: { } destination, Mask: { } mask } bitwise
                when bitwise.Operation is null or BitwiseOperation.MaskAndXor && Held(source) is { } load:
                Hold(destination, load with { Mask = mask });
                break;
            case CompareExpression { SourceRegister: { } register, Value: { } value } compare when Held(register) is { } load:
                Compare(load, compare.Operator ?? CompareOperator.Equal, value.Span);
                break;
            case RangeExpression { SourceRegister: { } register, From: { Length: 2 } from, To: { Length: 2 } to } range
                when Held(register) is { Payload: { Base: PayloadBase.TransportHeader, Offset: 0 or 2 } payload }:
                PutPorts((int)payload.Offset!, from.Span.UInt16Big(0), to.Span.UInt16Big(0), range.Operator == RangeOperator.NotEqual);
                break;
            case LimitExpression { Kind: null or 0, Rate: > 0, Flags: null or 0 } limit:
                Limit(limit);
                break;
            case MatchExpression match:
                _matches.Add(new IptablesMatch(match.MatchName ?? "", (byte)(match.Revision ?? 0), match.Info?.Memory ?? default));
                break;
            case TargetExpression target:
                _rule = _rule with { Target = new ExtensionTarget(target.TargetName ?? "", (byte)(target.Revision ?? 0), target.Info?.Memory ?? default) };
                break;
            case LogExpression { Group: not null } log:
                Log(log);
                break;
            case ImmediateExpression { Verdict: { } verdict }:
                Target(verdict);
                break;
            case ImmediateExpression { DestinationRegister: { } register, Value: { } value }:
                Hold(register, new Load { Value = value });
                break;
            default:
                _refusal = $"'{expression.Name}' as it stands here is not of iptables";
                break;
        }
    }

    private void Compare(Load load, CompareOperator operation, ReadOnlySpan<byte> value)
    {
        bool negated = operation == CompareOperator.NotEqual;
        if (load.Meta?.Key is { } key)
        {
            CompareMeta(key, negated, value, load.Mask);
        }
        else if (load.Payload is { Base: PayloadBase.NetworkHeader, Offset: { } offset } network)
        {
            CompareNetworkHeader((int)offset, (int)(network.Length ?? 0), negated, value, load.Mask);
        }
        else if (load.Payload is { Base: PayloadBase.TransportHeader, Offset: { } place })
        {
            CompareTransportHeader((int)place, operation, value, load.Mask);
        }
        else
        {
            _refusal = "a comparison with something iptables does not look at";
        }
    }

    private void CompareMeta(MetaKey key, bool negated, ReadOnlySpan<byte> value, OctetString? mask)
    {
        switch (key)
        {
            case MetaKey.InputInterfaceName:
                _rule = _rule with { Input = Interface(value, negated) };
                break;
            case MetaKey.OutputInterfaceName:
                _rule = _rule with { Output = Interface(value, negated) };
                break;
            case MetaKey.Layer4Protocol when value.Length > 0:
                _rule = _rule with { Protocol = new ProtocolMatch(value[0], negated) };
                break;
            case MetaKey.Mark when value.Length == 4:
                byte[] block = new byte[16];
                value.CopyTo(block);
                (mask is { Length: 4 } given ? given.Span : [0xff, 0xff, 0xff, 0xff]).CopyTo(block.AsSpan(4));
                block[8] = negated ? (byte)1 : (byte)0;
                _matches.Add(new IptablesMatch("mark", 1, block));
                break;
            case MetaKey.PacketType when value.Length == 1:
                _matches.Add(new IptablesMatch("pkttype", 0, new byte[] { value[0], 0, 0, 0, negated ? (byte)1 : (byte)0, 0, 0, 0 }));
                break;
            default:
                _refusal = $"meta {key} is nothing iptables looks at";
                break;
        }
    }

    /// <summary>A name with its NUL is the whole name; without it, a beginning. "INVAL/D" stands for "no interface at all".</summary>
    private static InterfaceMatch Interface(ReadOnlySpan<byte> value, bool negated)
    {
        int end = value.IndexOf((byte)0);
        string name = Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
        return !negated && name == "INVAL/D" ? new InterfaceMatch("+", true) : new InterfaceMatch(end < 0 ? name + '+' : name, negated);
    }

    private void CompareNetworkHeader(int offset, int length, bool negated, ReadOnlySpan<byte> value, OctetString? mask)
    {
        bool ip = _family == IptablesFamily.Ip;
        if (offset == (ip ? 12 : 8))
        {
            _rule = _rule with { Source = Network(length, negated, value, mask) };
        }
        else if (offset == (ip ? 16 : 24))
        {
            _rule = _rule with { Destination = Network(length, negated, value, mask) };
        }
        else if (offset == (ip ? 9 : 6) && length == 1 && value.Length == 1)
        {
            _rule = _rule with { Protocol = new ProtocolMatch(value[0], negated) };
        }
        else if (ip && offset == 6 && length == 2 && mask is not null)
        {
            _rule = _rule with { Fragment = negated };
        }
        else
        {
            _refusal = $"a comparison at offset {offset} of the network header is nothing iptables makes";
        }
    }

    private NetworkMatch Network(int length, bool negated, ReadOnlySpan<byte> value, OctetString? mask)
    {
        Span<byte> address = stackalloc byte[16];
        Span<byte> ones = stackalloc byte[16];
        address.Clear();
        ones.Clear();
        int size = _family == IptablesFamily.Ip ? 4 : 16;
        value[..Math.Min(value.Length, size)].CopyTo(address);
        if (mask is { } given)
        {
            given.Span[..Math.Min(given.Length, size)].CopyTo(ones);
        }
        else
        {
            ones[..Math.Min(length, size)].Fill(0xff);
        }

        return new NetworkMatch(new IPAddress(address[..size]), new IPAddress(ones[..size]), negated);
    }

    private void CompareTransportHeader(int offset, CompareOperator operation, ReadOnlySpan<byte> value, OctetString? mask)
    {
        bool negated = operation == CompareOperator.NotEqual;
        byte protocol = _rule.Protocol?.Number ?? 0;
        switch (protocol, offset, value.Length)
        {
            case (6 or 17, 0 or 2, 2):
                PutSinglePort(offset, operation, value.UInt16Big(0));
                break;
            case (6 or 17, 0, 4) when operation is CompareOperator.Equal or CompareOperator.NotEqual:
                PutPorts(0, value.UInt16Big(0), value.UInt16Big(0), negated);
                PutPorts(2, value.UInt16Big(2), value.UInt16Big(2), negated);
                break;
            case (6, 13, 1):
                Span<byte> tcp = Ports();
                tcp[9] = mask is { Length: 1 } given ? given[0] : (byte)0xff;
                tcp[10] = value[0];
                tcp[11] |= negated ? (byte)4 : (byte)0;
                break;
            case (1 or 58, 0, 1 or 2):
                byte code = value.Length == 2 ? value[1] : (byte)0;
                _matches.Add(new IptablesMatch(
                    protocol == 1 ? "icmp" : "icmp6",
                    0,
                    new byte[] { value[0], code, value.Length == 2 ? code : (byte)0xff, negated ? (byte)1 : (byte)0, 0, 0, 0, 0 }));
                break;
            default:
                _refusal = $"a comparison at offset {offset} of the transport header is nothing iptables makes";
                break;
        }
    }

    private void PutSinglePort(int offset, CompareOperator operation, ushort port)
    {
        (ushort low, ushort high) = operation switch
        {
            CompareOperator.Less => ((ushort)0, (ushort)Math.Max(port - 1, 1)),
            CompareOperator.LessOrEqual or CompareOperator.Greater => ((ushort)0, port),
            CompareOperator.GreaterOrEqual => (port, ushort.MaxValue),
            _ => (port, port),
        };
        PutPorts(offset, low, high, operation is CompareOperator.NotEqual or CompareOperator.Greater);
    }

    private void PutPorts(int offset, ushort low, ushort high, bool negated)
    {
        Span<byte> block = Ports();
        if (block.IsEmpty)
        {
            _refusal = "ports without -p tcp or udp";
            return;
        }

        block.Put16(offset * 2, low);
        block.Put16((offset * 2) + 2, high);
        block[_rule.Protocol?.Number == 6 ? 11 : 8] |= negated ? (byte)(offset == 0 ? 1 : 2) : (byte)0;
    }

    /// <summary>The block of the rule's one tcp or udp match, made where there is none yet.</summary>
    private Span<byte> Ports()
    {
        if (_rule.Protocol?.Number is not (6 or 17))
        {
            return [];
        }

        if (_ports < 0)
        {
            byte[] block = new byte[16];
            (block[2], block[3], block[6], block[7]) = (0xff, 0xff, 0xff, 0xff);
            _ports = _matches.Count;
            _matches.Add(new IptablesMatch(_rule.Protocol.Number == 6 ? "tcp" : "udp", 0, block));
        }

        return System.Runtime.InteropServices.MemoryMarshal.AsMemory(_matches[_ports].Info).Span;
    }

    private void Limit(LimitExpression limit)
    {
        byte[] block = new byte[40];
        block.AsSpan().Put32(0, (uint)(LimitMatch.Scale * (limit.Unit ?? 1) / limit.Rate!.Value));
        block.AsSpan().Put32(4, limit.Burst ?? 0);
        _matches.Add(new IptablesMatch("limit", 0, block));
    }

    private void Log(LogExpression log)
    {
        byte[] block = new byte[XtInfo.Align(NflogTarget.PrefixField + NflogTarget.PrefixSize)];
        Span<byte> info = block;
        info.Put16(NflogTarget.GroupField, log.Group ?? 0);
        info.Put16(NflogTarget.ThresholdField, log.QueueThreshold ?? 0);
        if (log.SnapLength is { } length)
        {
            info.Put32(NflogTarget.LengthField, length);
            info.Put16(NflogTarget.FlagsField, NflogTarget.CopyLength);
        }

        info.PutText(NflogTarget.PrefixField, NflogTarget.PrefixSize - 1, log.Prefix ?? "");
        _rule = _rule with { Target = new ExtensionTarget("NFLOG", 0, block) };
    }

    private void Target(Verdict verdict)
    {
        if (verdict == Verdict.Accept)
        {
            _rule = _rule with { Target = IptablesTarget.Accept };
        }
        else if (verdict == Verdict.Drop)
        {
            _rule = _rule with { Target = IptablesTarget.Drop };
        }
        else if (verdict == Verdict.Return)
        {
            _rule = _rule with { Target = IptablesTarget.Return };
        }
        else if (verdict is { Code: NfTables.NFT_JUMP or NfTables.NFT_GOTO, Chain: { } chain })
        {
            _rule = _rule with { Target = new ChainTarget(chain, verdict.Code == NfTables.NFT_GOTO) };
        }
        else
        {
            _refusal = $"the verdict '{verdict}' is not of iptables";
        }
    }

    /// <summary>What a register holds.</summary>
    private sealed record Load
    {
        public PayloadExpression? Payload { get; init; }

        public MetaExpression? Meta { get; init; }

        public OctetString? Mask { get; init; }

        public OctetString? Value { get; init; }
    }
}
