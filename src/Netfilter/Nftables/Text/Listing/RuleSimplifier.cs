using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// The second step to a listing: gives header fields their names, drops the matches nft had put in by itself, turns masks into bit fields, prefixes
/// and flags, joins lower and upper bounds to ranges. The order of the steps is nft's, since each changes what the next sees.
/// </summary>
internal sealed partial class RuleSimplifier
{
    private readonly List<Statement> _statements;
    private readonly ProtocolContext _context;
    private readonly Dependencies _dependencies;
    private MatchStatement? _current;
    private bool _inConcatenation;

    private RuleSimplifier(List<Statement> statements, byte family)
    {
        _statements = statements;
        _context = new ProtocolContext(family);
        _dependencies = new Dependencies(statements, family);
    }

    /// <summary>Simplifies the statements of a rule in place.</summary>
    public static void Simplify(List<Statement> statements, NftablesFamily family)
    {
        var simplifier = new RuleSimplifier(statements, (byte)family);
        foreach (Statement statement in statements.ToArray())
        {
            simplifier.Simplify(statement);
        }
    }

    private void Simplify(Statement statement)
    {
        Statement? after = statement;
        switch (statement)
        {
            case MatchStatement match:
                _current = match;
                match.Node = Process(match.Node);
                after = _current is null ? null : MergeRange(match);
                break;
            case AssignmentStatement { Target: PayloadNode } assignment:
                SimplifyPayloadWrite(assignment);
                break;
            case AssignmentStatement { Target: not OptionNode } assignment:
                assignment.Value = Process(assignment.Value);
                if (assignment is { Target: ConntrackNode { Key: Expressions.ConntrackKey.EventMask }, Value: BinaryNode flags })
                {
                    assignment.Value = Flags(flags);
                }

                break;
            case SetStatement set:
                set.Key = ProcessElementKey(set.Key);
                if (set.Data is not null)
                {
                    set.Data = Process(set.Data);
                }

                break;
            case NatStatement nat:
                nat.Address = nat.Address is null ? null : Process(nat.Address);
                if (nat.Port is not null)
                {
                    _dependencies.Reset();
                    nat.Port = Process(nat.Port);
                }

                break;
            case ProxyStatement proxy:
                proxy.Address = proxy.Address is null ? null : Process(proxy.Address);
                if (proxy.Port is not null)
                {
                    _dependencies.Reset();
                    proxy.Port = Process(proxy.Port);
                }

                break;
            case DuplicateStatement duplicate:
                duplicate.Address = duplicate.Address is null ? null : Process(duplicate.Address);
                duplicate.Device = duplicate.Device is null ? null : Process(duplicate.Device);
                break;
            case ForwardStatement forward:
                forward.Device = forward.Device is null ? null : Process(forward.Device);
                forward.Address = forward.Address is null ? null : Process(forward.Address);
                break;
            case ObjectStatement named:
                named.Name = Process(named.Name);
                break;
            case QueueStatement { Number: not (ValueNode or RangeNode) } queue:
                queue.Number = Process(queue.Number);
                break;
            case RejectStatement reject:
                Simplify(reject);
                break;
        }

        _dependencies.Previous = after;
        if (statement is not MatchStatement)
        {
            _dependencies.Reset();
        }
    }

    private Node ProcessElementKey(Node key)
    {
        bool before = _inConcatenation;
        _inConcatenation = true;
        Node result = Process(key);
        _inConcatenation = before;
        return result;
    }

    private Node Process(Node node)
    {
        switch (node)
        {
            case MapNode map:
                if (map.Key is BinaryNode { Operator: Operator.And, Left: PayloadNode field, Right: ValueNode mask } and)
                {
                    map.Key = NarrowByMask(and, field, mask, map.Map, out _) ?? map.Key;
                }

                map.Key = Process(map.Key);
                return map;
            case ConcatenationNode concatenation:
                ProcessConcatenation(concatenation);
                return concatenation;
            case ConversionNode conversion:
                conversion.Argument = Process(conversion.Argument);
                conversion.SetType(conversion.Argument.Type, conversion.Argument is { Order: ByteOrder.None } and not OptionNode ? ByteOrder.Host : ByteOrder.None);
                return conversion;
            case BinaryNode { IsRelation: true } relation:
                return ProcessRelation(relation);
            case BinaryNode binary:
                return ProcessBinary(binary);
            case PayloadNode payload:
                PayloadFields.Complete(payload, _context);
                _dependencies.Kill(payload);
                return payload;
            case ValueNode value:
                return ProcessValue(value);
            case RangeNode range:
                range.Left = Process(range.Left);
                range.Right = Process(range.Right);
                return range;
            case PrefixNode prefix:
                prefix.Value = Process(prefix.Value);
                return prefix;
            case OptionNode option:
                _dependencies.Kill(option);
                return option;
            case HashNode hash:
                hash.Argument = Process(hash.Argument);
                return hash;
            case ConntrackNode conntrack:
                CompleteConntrack(conntrack);
                return conntrack;
            default:
                return node;
        }
    }

    private void ProcessConcatenation(ConcatenationNode concatenation)
    {
        bool before = _inConcatenation;
        _inConcatenation = true;
        DataType[]? types = concatenation.Type.Parts;
        for (int i = 0; i < concatenation.Parts.Count; i++)
        {
            Node part = concatenation.Parts[i];
            if (types is not null && i < types.Length)
            {
                part.SetType(types[i], types[i].Order);
            }

            concatenation.Parts[i] = Process(part);
        }

        _inConcatenation = before;
        concatenation.Type = DataTypes.Concatenation([.. concatenation.Parts.Select(part => part.Type)]);
    }

    private Node ProcessBinary(BinaryNode binary)
    {
        binary.Left = Process(binary.Left);
        if (binary.Operator is Operator.ShiftLeft or Operator.ShiftRight)
        {
            binary.Right.SetType(DataTypes.Integer, ByteOrder.Host);
        }
        else
        {
            binary.Right.SetType(binary.Left.Type, binary.Left.Order);
            // Within a relation the mask waits for the relation, whose value it may move; elsewhere it is looked at now.
            if (binary.Operator == Operator.And && _inConcatenation && binary is { Left: PayloadNode field, Right: ValueNode mask })
            {
                return NarrowByMask(binary, field, mask, null, out _) ?? binary;
            }
        }

        binary.Right = Process(binary.Right);
        binary.SetType(binary.Left.Type, binary.Left.Order);
        return binary;
    }

    private static Node ProcessValue(ValueNode value)
    {
        value.ToHostOrder();
        if (value.Type.IsText)
        {
            // A name without a NUL is only the beginning of one.
            value.IsWildcard = value.Bits > 0 && !value.Bytes().Contains((byte)0);
            return value;
        }

        return value.Type.IsBitmask ? FlagNodes.Split(value) : value;
    }

    private void SimplifyPayloadWrite(AssignmentStatement assignment)
    {
        var target = (PayloadNode)assignment.Target;
        PayloadFields.Complete(target, _context);
        if (!target.IsKnown && assignment.Value is BinaryNode)
        {
            PayloadWrites.Narrow(assignment, _context);
        }

        assignment.Target = Process(assignment.Target);
        assignment.Value.SetType(assignment.Target.Type, assignment.Target.Order);
        assignment.Value = Process(assignment.Value);
    }

    private void Simplify(RejectStatement reject)
    {
        bool reset = reject.Reject.Kind == Expressions.RejectKind.TcpReset;
        switch (_context.Family)
        {
            case Nfnetlink.NFPROTO_IPV4 or Nfnetlink.NFPROTO_IPV6:
                reject.Family = _context.Family;
                reject.CodeType = _context.Family == Nfnetlink.NFPROTO_IPV4 ? DataTypes.IcmpCode : DataTypes.Icmp6Code;
                if (reset)
                {
                    _dependencies.Release(HeaderBase.Transport);
                }

                break;
            case Nfnetlink.NFPROTO_INET or Nfnetlink.NFPROTO_BRIDGE or Nfnetlink.NFPROTO_NETDEV:
                if (reject.Reject.Kind == Expressions.RejectKind.IcmpxUnreachable)
                {
                    reject.CodeType = DataTypes.IcmpxCode;
                    break;
                }

                reject.IsVerbose = true;
                HeaderProtocol? network = _context[HeaderBase.Network];
                if (_context[HeaderBase.Link]?.Upper.ContainsValue(network ?? Headers.Unknown) == true)
                {
                    (reject.Family, reject.CodeType) = network == Headers.Ip
                        ? (Nfnetlink.NFPROTO_IPV4, DataTypes.IcmpCode)
                        : network == Headers.Ip6 ? (Nfnetlink.NFPROTO_IPV6, DataTypes.Icmp6Code) : (reject.Family, reject.CodeType);
                }

                _dependencies.Release(HeaderBase.Network);
                break;
        }
    }

    /// <summary>Joins a lower and an upper bound of the same kind of node that stand side by side.</summary>
    private MatchStatement MergeRange(MatchStatement match)
    {
        if (_dependencies.Previous is not MatchStatement { Node: BinaryNode { IsRelation: true } first } previous || match.Node is not BinaryNode { IsRelation: true } second)
        {
            return match;
        }

        Node left = first.Left is ConversionNode conversion ? conversion.Argument : first.Left;
        Node other = second.Left is ConversionNode converted ? converted.Argument : second.Left;
        if (left.GetType() != other.GetType())
        {
            return match;
        }

        Operator? merged = (first.Operator, second.Operator) switch
        {
            (Operator.GreaterOrEqual, Operator.LessOrEqual) => Operator.Equal,
            (Operator.Less, Operator.Greater) => Operator.NotEqual,
            _ => null,
        };
        if (merged is not { } @operator)
        {
            return match;
        }

        var range = new RangeNode(first.Right, second.Right);
        range.SetType(second.Right.Type, second.Right.Order);
        var joined = new MatchStatement(new BinaryNode(@operator, second.Left, range));
        int place = _statements.IndexOf(match);
        _statements[place] = joined;
        _statements.Remove(previous);
        return joined;
    }

    private static Node Flags(BinaryNode flags) => FlagNodes.ToList(flags);
}
