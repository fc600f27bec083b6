using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

// Comparisons: which field is meant, what it says of the layers, and which match of nft's own it makes redundant.
internal sealed partial class RuleSimplifier
{
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
}
