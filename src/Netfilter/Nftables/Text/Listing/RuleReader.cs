using System.Numerics;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// The first step from expressions to a listing: follows the registers and puts what they hold into comparisons and statements. What cannot be put
/// together is left out, as nft leaves it out.
/// </summary>
internal sealed class RuleReader(ListedTable table)
{
    private readonly Registers _registers = new();
    private readonly List<Statement> _statements = [];

    /// <summary>The statements of a rule, not simplified yet.</summary>
    public static List<Statement> Read(ListedTable table, IEnumerable<Expression> expressions)
    {
        var reader = new RuleReader(table);
        foreach (Expression expression in expressions)
        {
            reader.Read(expression);
        }

        return reader._statements;
    }

    private void Read(Expression expression)
    {
        switch (expression)
        {
            case ImmediateExpression { Verdict: { } verdict }:
                Add(verdict is { Chain: { } chain } && table.IsBoundChain(chain)
                    ? new ChainStatement(verdict.Code == NfTables.NFT_JUMP ? "jump" : "goto", chain)
                    : new VerdictStatement(verdict));
                break;
            case ImmediateExpression immediate:
                _registers.Set(immediate.DestinationRegister, Value(immediate.Value));
                break;
            case PayloadExpression { DestinationRegister: null } payload:
                ReadPayloadWrite(payload);
                break;
            case PayloadExpression payload:
                _registers.Set(payload.DestinationRegister, Payload(payload));
                break;
            case ExtensionHeaderExpression header:
                ReadExtensionHeader(header);
                break;
            case MetaExpression { DestinationRegister: { } destination } meta:
                _registers.Set(destination, new MetaNode(meta.Key ?? 0));
                break;
            case MetaExpression meta:
                Assign(new MetaNode(meta.Key ?? 0), meta.SourceRegister);
                break;
            case ConntrackExpression { DestinationRegister: { } destination } conntrack:
                _registers.Set(destination, new ConntrackNode(conntrack.Key ?? 0, conntrack.Direction));
                break;
            case ConntrackExpression conntrack:
                Assign(new ConntrackNode(conntrack.Key ?? 0, conntrack.Direction), conntrack.SourceRegister);
                break;
            case CompareExpression compare:
                ReadCompare(compare);
                break;
            case RangeExpression range:
                if (_registers.Get(range.SourceRegister) is { } compared)
                {
                    Add(new BinaryNode(range.Operator == RangeOperator.NotEqual ? Operator.NotEqual : Operator.Equal, compared, new RangeNode(Value(range.From), Value(range.To))));
                }

                break;
            case LookupExpression lookup:
                ReadLookup(lookup);
                break;
            case BitwiseExpression bitwise:
                if (_registers.Get(bitwise.SourceRegister) is { } operand)
                {
                    _registers.Set(bitwise.DestinationRegister, Bitwise(bitwise, operand));
                }

                break;
            case ByteOrderExpression order:
                if (_registers.Get(order.SourceRegister) is { } converted)
                {
                    _registers.Set(order.DestinationRegister, new ConversionNode(converted) { Bits = converted.Bits });
                }

                break;
            case DynamicSetExpression dynset:
                ReadDynamicSet(dynset);
                break;
            case ObjectReferenceExpression reference:
                ReadObjectReference(reference);
                break;
            default:
                if (KernelNodes.Read(expression, _registers) is { } loaded)
                {
                    _registers.Set(loaded.Destination, loaded.Node);
                }
                else
                {
                    _statements.Add(StatementReader.Read(expression, table, _registers));
                }

                break;
        }
    }

    private void Add(Node node) => _statements.Add(new MatchStatement(node));

    private void Add(Statement statement) => _statements.Add(statement);

    private static ValueNode Value(OctetString? octets) => new(octets is { } bytes ? bytes.Span : default);

    private static PayloadNode Payload(PayloadExpression payload) =>
        PayloadNode.Raw((HeaderBase)((uint)(payload.Base ?? 0) + 1), (int)(payload.Offset ?? 0) * 8, (int)(payload.Length ?? 0) * 8);

    private void Assign(Node target, uint? source)
    {
        if (_registers.Get(source) is { } value)
        {
            value.SetType(target.Type, target.Order);
            Add(new AssignmentStatement(target, value));
        }
    }

    private void ReadPayloadWrite(PayloadExpression payload)
    {
        if (_registers.Get(payload.SourceRegister) is { } value)
        {
            Add(new AssignmentStatement(Payload(payload), value));
        }
    }

    private void ReadExtensionHeader(ExtensionHeaderExpression header)
    {
        OptionNode option = OptionNode.Of(
            header.Kind ?? ExtensionHeaderKind.Ip6,
            header.Type ?? 0,
            (int)(header.Offset ?? 0) * 8,
            (int)(header.Length ?? 0) * 8,
            ((header.Flags ?? 0) & NfTables.NFT_EXTHDR_F_PRESENT) != 0);
        if (header.DestinationRegister is { } destination)
        {
            _registers.Set(destination, option);
        }
        else if (header.SourceRegister is { } source)
        {
            if (_registers.Get(source) is { } value)
            {
                value.SetType(option.Type, option.Order);
                Add(new AssignmentStatement(option, value));
            }
        }
        else
        {
            Add(new RemovalStatement(option));
        }
    }

    private void ReadCompare(CompareExpression compare)
    {
        if (_registers.Get(compare.SourceRegister) is not { } left)
        {
            return;
        }

        ValueNode value = Value(compare.Value);
        Node right = value;
        if (left.Bits > value.Bits && !left.Type.IsText)
        {
            int length = value.Bits;
            value.Value <<= left.Bits - length;
            value.Bits = left.Bits;
            right = new PrefixNode(value, length) { Bits = left.Bits };
        }
        else if (left.Bits > 0 && left.Bits < value.Bits)
        {
            if (_registers.GetMany(compare.SourceRegister, value.Bits) is not { } concatenation)
            {
                return;
            }

            right = Split(value, concatenation);
            left = concatenation;
        }

        Operator @operator = compare.Operator switch
        {
            CompareOperator.NotEqual => Operator.NotEqual,
            CompareOperator.Less => Operator.Less,
            CompareOperator.LessOrEqual => Operator.LessOrEqual,
            CompareOperator.Greater => Operator.Greater,
            CompareOperator.GreaterOrEqual => Operator.GreaterOrEqual,
            _ => Operator.Equal,
        };
        Add(new BinaryNode(@operator, left, right));
    }

    /// <summary>Cuts a value into parts as long as those of <paramref name="like"/>.</summary>
    private static ConcatenationNode Split(ValueNode value, ConcatenationNode like)
    {
        var parts = new List<Node>();
        foreach (Node part in like.Parts)
        {
            parts.Add(value.TakeFront(part.Bits));
            value.DropPadding(part.Bits);
        }

        return new ConcatenationNode(parts);
    }

    private void ReadLookup(LookupExpression lookup)
    {
        if (table.FindSet(lookup.SetName) is not { } set || Key(lookup.SourceRegister, set) is not { } key)
        {
            return;
        }

        var reference = new SetNode(set);
        if (lookup.DestinationRegister is { } destination)
        {
            var map = new MapNode(key, reference) { Type = set.DataType, Bits = set.DataBits, Order = set.DataOrder };
            if (destination != NfTables.NFT_REG_VERDICT)
            {
                _registers.Set(destination, map);
            }
            else
            {
                Add(map);
            }
        }
        else
        {
            bool inverted = ((lookup.Flags ?? 0) & NfTables.NFT_LOOKUP_F_INV) != 0;
            Add(new BinaryNode(inverted ? Operator.NotEqual : Operator.Equal, key, reference));
        }
    }

    private Node? Key(uint? register, ListedSet set) =>
        _registers.Get(register) is not { } key ? null : key.Bits < set.KeyBits ? _registers.GetMany(register, set.KeyBits) : key;

    private static Node Bitwise(BitwiseExpression bitwise, Node operand)
    {
        int bits = operand.Bits;
        if (bitwise.Operation is BitwiseOperation.ShiftLeft or BitwiseOperation.ShiftRight)
        {
            Operator shift = bitwise.Operation == BitwiseOperation.ShiftLeft ? Operator.ShiftLeft : Operator.ShiftRight;
            ValueNode count = Value(bitwise.Data);
            count.Order = ByteOrder.Host;
            return new BinaryNode(shift, operand, count) { Bits = bits };
        }

        if (bitwise.Operation is BitwiseOperation.And or BitwiseOperation.Or or BitwiseOperation.Xor)
        {
            Operator plain = bitwise.Operation switch { BitwiseOperation.And => Operator.And, BitwiseOperation.Or => Operator.Or, _ => Operator.Xor };
            return new BinaryNode(plain, operand, Value(bitwise.Data)) { Bits = bits };
        }

        // (x & m) ^ y stands for an and, an xor and an or: the bits that y sets where m clears them are or-ed.
        ValueNode mask = Value(bitwise.Mask);
        ValueNode xor = Value(bitwise.Xor);
        BigInteger ones = Values.Ones(mask.Bits);
        BigInteger or = BigInteger.Zero;
        if (mask.Value != ones || !xor.Value.IsZero)
        {
            or = mask.Value & xor.Value ^ xor.Value;
            xor.Value &= mask.Value;
            mask.Value |= or;
        }

        Node result = operand;
        if (bits <= 0 || Values.FirstZero(mask.Value) != bits)
        {
            result = new BinaryNode(Operator.And, result, mask) { Bits = bits };
        }

        if (!xor.Value.IsZero)
        {
            result = new BinaryNode(Operator.Xor, result, xor) { Bits = bits };
        }

        return or.IsZero ? result : new BinaryNode(Operator.Or, result, new ValueNode(or, xor.Bits)) { Bits = bits };
    }

    private void ReadDynamicSet(DynamicSetExpression dynset)
    {
        if (table.FindSet(dynset.SetName) is not { } set || Key(dynset.KeyRegister, set) is not { } key)
        {
            return;
        }

        if (key is ConcatenationNode concatenation && set.KeyType.Parts is { } types)
        {
            for (int i = 0; i < concatenation.Parts.Count && i < types.Length; i++)
            {
                if (types[i].Id != 0)
                {
                    concatenation.Parts[i].SetType(types[i], types[i].Order);
                }
            }
        }

        Node? data = null;
        if (dynset.DataRegister is { } register)
        {
            data = _registers.Get(register);
            if (data is not null && data.Bits < set.DataBits)
            {
                data = _registers.GetMany(register, set.DataBits) ?? data;
            }

            data?.SetType(set.DataType, set.DataOrder);
        }

        IEnumerable<Expression> expressions = dynset.Statement is { } single ? [single] : dynset.Statements ?? [];
        Add(new SetStatement(dynset.Operation ?? DynamicSetOperation.Add, new SetNode(set), key)
        {
            Timeout = dynset.Timeout ?? 0,
            Data = data,
            Statements = [.. expressions.Select(each => StatementReader.Read(each, table, _registers))],
        });
    }

    private void ReadObjectReference(ObjectReferenceExpression reference)
    {
        if (reference.ObjectName is { } name)
        {
            var text = new ValueNode([.. System.Text.Encoding.UTF8.GetBytes(name), 0]);
            text.SetType(DataTypes.Text, ByteOrder.Host);
            Add(new ObjectStatement(reference.ObjectType ?? 0, text));
        }
        else if (table.FindSet(reference.SetName) is { } set && Key(reference.SourceRegister, set) is { } key)
        {
            var map = new MapNode(key, new SetNode(set));
            map.SetType(DataTypes.Text, ByteOrder.Host);
            Add(new ObjectStatement(set.ObjectType, map));
        }
    }
}
