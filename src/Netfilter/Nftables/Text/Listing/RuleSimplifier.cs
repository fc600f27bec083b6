using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// The second step to a listing: gives header fields their names, drops the matches nft had put in by itself, turns masks into bit fields, prefixes
/// and flags, joins lower and upper bounds to ranges. The order of the steps is nft's, since each changes what the next sees.
/// </summary>
internal sealed class RuleSimplifier
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
                conversion.SetType(conversion.Argument.Type, conversion.Argument.Order == ByteOrder.None ? ByteOrder.Host : ByteOrder.None);
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
            // A name that does not end in a NUL is only the beginning of one.
            value.IsWildcard = value.Bits > 0 && (value.Value & 0xff) != 0;
            return value;
        }

        return value.Type.IsBitmask ? FlagNodes.Split(value) : value;
    }

    private Node ProcessRelation(BinaryNode relation)
    {
        if (relation.Left is PayloadNode payload)
        {
            MatchPayload(relation, payload);
            return relation;
        }

        relation.Left = Process(relation.Left);
        relation.Right.SetType(relation.Left.Type, relation.Left.Order);
        relation.Right = Process(relation.Right);
        switch (relation.Left)
        {
            case ConntrackNode conntrack:
                MatchKernelKey(relation, conntrack.Base);
                return relation;
            case MetaNode meta:
                MatchKernelKey(relation, meta.Base);
                return relation;
            case BinaryNode binary:
                return MatchBinary(relation, binary);
            default:
                return relation;
        }
    }

    private void CompleteConntrack(ConntrackNode node)
    {
        HeaderProtocol? protocol = _context[node.Base];
        switch (node.Key)
        {
            case Expressions.ConntrackKey.Source or Expressions.ConntrackKey.Destination:
                (DataType type, node.Family) = protocol == Headers.Ip ? (DataTypes.Ip, "ip") : protocol == Headers.Ip6 ? (DataTypes.Ip6, "ip6") : (node.Type, node.Family);
                node.Type = type;
                node.Bits = type.Bits;
                break;
            case Expressions.ConntrackKey.SourcePort or Expressions.ConntrackKey.DestinationPort when protocol is not null:
                node.Type = DataTypes.InternetService;
                break;
        }
    }

    private void MatchPayload(BinaryNode relation, PayloadNode payload)
    {
        if (relation.Operator is Operator.Equal or Operator.NotEqual)
        {
            if (relation.Right is ValueNode value)
            {
                ExpandPayload(relation, payload, value);
                return;
            }

            if (relation.Right is SetNode { Set.IsAnonymous: true } set && set.Set.Elements is [{ Key: ValueNode first }, ..])
            {
                NoteIcmpType(payload, first);
            }
        }

        PayloadFields.Complete(payload, _context);
        relation.Right.SetType(payload.Type, payload.Order);
        _dependencies.Kill(payload);
    }

    private void NoteIcmpType(PayloadNode payload, ValueNode value)
    {
        HeaderProtocol? protocol = _context[payload.Base];
        if (payload is { Base: HeaderBase.Transport, Bits: 8, Offset: 0 } && value.Bits == 8 && _context.IcmpType == 0 && (protocol == Headers.Icmp || protocol == Headers.Icmp6))
        {
            payload.Protocol = protocol;
            payload.Field = protocol.Fields[1];
            _context.IcmpType = (byte)(value.Value & 0xff);
        }
    }

    /// <summary>One comparison of several adjacent fields becomes one for each.</summary>
    private void ExpandPayload(BinaryNode relation, PayloadNode payload, ValueNode value)
    {
        MatchStatement current = _current!;
        int place = _statements.IndexOf(current);
        HeaderBase @base = payload.Base;
        foreach (PayloadNode part in PayloadFields.Expand(payload, _context))
        {
            ValueNode piece = value.TakeFront(part.Bits);
            piece.SetType(part.Type, part.Order);
            Node right = piece;
            if (part.Field is { } field && part.Bits < field.Bits)
            {
                piece.Value <<= field.Bits - part.Bits;
                piece.Bits = field.Bits;
                right = new PrefixNode(piece, part.Bits) { Type = part.Type, Order = part.Order, Bits = field.Bits };
            }

            var match = new MatchStatement(new BinaryNode(relation.Operator, part, right));
            if (relation.Operator == Operator.Equal && right is ValueNode single)
            {
                _context.Update(part, single);
            }

            _statements.Insert(place, match);
            place++;
            HeaderProtocol? here = _context[@base];
            if (part.IsProtocol && relation.Operator == Operator.Equal && right is ValueNode next
                && here?.Find((uint)(next.Value & 0xffff)) is { } upper && upper.Base == here.Base)
            {
                @base--;
            }

            int before = _statements.Count;
            _dependencies.Kill(part);
            place -= before - _statements.Count;
            if (relation.Operator == Operator.Equal && part.IsProtocol)
            {
                _dependencies.Store(match, @base);
            }
        }

        _statements.Remove(current);
        _current = null;
    }

    private void MatchKernelKey(BinaryNode relation, HeaderBase @base)
    {
        if (relation.Operator != Operator.Equal || relation.Right is RangeNode or SetNode)
        {
            return;
        }

        if (relation.Right is ValueNode value)
        {
            _context.Update(relation.Left, value);
        }

        if (@base >= HeaderBase.Transport)
        {
            return;
        }

        if (_dependencies.Exists(@base) && MayRelease(relation))
        {
            _dependencies.Release(@base);
        }

        if (relation.Left.IsProtocol)
        {
            _dependencies.Store(_current!, @base);
        }
    }

    /// <summary>
    /// A match of the network layer's protocol stays in families that see several, except in front of ICMP and ICMPv6, which say themselves which IP
    /// they need.
    /// </summary>
    private bool MayRelease(BinaryNode relation)
    {
        if (_dependencies.Get(HeaderBase.Network) is not { } dependency)
        {
            return true;
        }

        ulong number = dependency.Right is ValueNode value ? (ulong)(value.Value & ulong.MaxValue) : 0;
        uint family;
        switch (dependency.Left)
        {
            case MetaNode { Key: Expressions.MetaKey.NetfilterProtocol }:
                family = (uint)number;
                break;
            case MetaNode { Key: Expressions.MetaKey.Protocol }:
            case PayloadNode { Base: HeaderBase.Link } link when link.Type == DataTypes.EthernetType:
                family = number switch { 0x0800 => Nfnetlink.NFPROTO_IPV4, 0x86dd => Nfnetlink.NFPROTO_IPV6, _ => Nfnetlink.NFPROTO_UNSPEC };
                break;
            default:
                return true;
        }

        switch (_context.Family)
        {
            case Nfnetlink.NFPROTO_INET or Nfnetlink.NFPROTO_NETDEV or Nfnetlink.NFPROTO_BRIDGE:
                break;
            case Nfnetlink.NFPROTO_IPV4 or Nfnetlink.NFPROTO_IPV6:
                return _context.Family == family;
            default:
                return true;
        }

        if (relation.Left is not MetaNode { Key: Expressions.MetaKey.Layer4Protocol })
        {
            return true;
        }

        return relation.Right is ValueNode { Value: var protocol }
            && ((protocol == 1 && family != Nfnetlink.NFPROTO_IPV6) || (protocol == 58 && family != Nfnetlink.NFPROTO_IPV4));
    }

    private Node MatchBinary(BinaryNode relation, BinaryNode binary)
    {
        Node right = relation.Right;
        if (binary.Operator == Operator.And && relation.Operator is Operator.Equal or Operator.NotEqual && right.Type.IsBitmask
            && right is ValueNode or BinaryNode)
        {
            return FlagNodes.Match(relation, binary);
        }

        if (binary is { Operator: Operator.And, Right: ValueNode mask } && binary.Left.Type.IsPrefixable && right is ValueNode && Values.IsPrefix(mask.Value, mask.Bits))
        {
            relation.Left = binary.Left;
            relation.Right = new PrefixNode(right, Values.PrefixLength(mask.Value)) { Type = right.Type, Bits = right.Bits, Order = right.Order };
            return relation;
        }

        if (binary is { Operator: Operator.And, Right: ValueNode bits })
        {
            if (NarrowByMask(binary, binary.Left, bits, right, out PayloadNode? narrowed) is { } left)
            {
                relation.Left = left;
                if (narrowed is not null)
                {
                    MatchPayload(relation, narrowed);
                }
            }

            return relation;
        }

        if (binary is { Operator: Operator.ShiftRight, Left: BinaryNode { Operator: Operator.And, Right: ValueNode inner } masked, Right: ValueNode count })
        {
            if (NarrowByMask(masked, masked.Left, inner, count, out PayloadNode? narrowed) is { } left)
            {
                if (narrowed is not null)
                {
                    PayloadFields.Complete(narrowed, _context);
                    _dependencies.Kill(narrowed);
                }

                binary.Left = left;
                if (count.Value.IsZero)
                {
                    relation.Left = left;
                }
            }
        }

        return relation;
    }

    /// <summary>Takes a mask away where it only cuts a field out; moves the values in <paramref name="right"/> down. Null where the mask means something.</summary>
    private Node? NarrowByMask(BinaryNode binary, Node left, ValueNode mask, Node? right, out PayloadNode? payload)
    {
        payload = null;
        switch (left)
        {
            case PayloadNode field when PayloadFields.Trim(field, mask, _context, out int shift):
                Shift(right, shift, field.Bits);
                payload = field;
                if (right is null or SetNode)
                {
                    PayloadFields.Complete(field, _context);
                    _dependencies.Kill(field);
                }

                return field;
            case OptionNode option when OptionFields.Trim(option, mask, out int shift):
                Shift(right, shift, option.Bits);
                right?.SetType(option.Type, option.Order);
                return option;
            default:
                return null;
        }
    }

    private static void Shift(Node? node, int shift, int bits)
    {
        switch (node)
        {
            case ValueNode value:
                value.Value >>= shift;
                value.Bits = bits;
                break;
            case RangeNode range:
                Shift(range.Left, shift, bits);
                Shift(range.Right, shift, bits);
                break;
            case SetNode { Set.IsAnonymous: true } set:
                foreach (ElementNode element in set.OwnElements())
                {
                    Shift(element.Key, shift, bits);
                }

                break;
        }
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
