using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Values of which each bit has a name.</summary>
internal static class FlagNodes
{
    /// <summary>A value with several bits as an or of its bits, the lowest first.</summary>
    public static Node Split(ValueNode value)
    {
        if (Values.CountOnes(value.Value) <= 1)
        {
            return value;
        }

        Node? joined = null;
        for (int bit = Values.FirstOne(value.Value); bit >= 0; bit = Values.FirstOne(value.Value, bit + 1))
        {
            var flag = new ValueNode(BigInteger.One << bit, value.Bits) { Type = value.Type, Order = value.Order };
            joined = joined is null ? flag : new BinaryNode(Operator.Or, joined, flag) { Type = value.Type, Bits = value.Bits, Order = value.Order };
        }

        return joined!;
    }

    /// <summary>The operands of an or as a list.</summary>
    public static Node ToList(Node node)
    {
        if (node is not BinaryNode { Operator: Operator.Or })
        {
            return node;
        }

        var items = new List<Node>();
        Collect(node, items);
        return new ListNode(items) { Type = node.Type, Bits = node.Bits, Order = node.Order };
    }

    /// <summary>A comparison of flags under a mask the way nft writes it.</summary>
    public static Node Match(BinaryNode relation, BinaryNode binary)
    {
        if (relation.Right is ValueNode value)
        {
            if (value.Value.IsZero)
            {
                // data & flags != 0: any of the flags; == 0: none of them.
                relation.Left = binary.Left;
                relation.Right = ToList(binary.Right);
                relation.Operator = relation.Operator == Operator.NotEqual ? Operator.Implicit : Operator.Not;
                return relation;
            }

            if (binary.Right is ValueNode mask && mask.Value == value.Value)
            {
                return relation;
            }
        }

        return new FlagsNode(relation.Operator == Operator.NotEqual, binary.Left, ToList(binary.Right), ToList(relation.Right));
    }

    private static void Collect(Node node, List<Node> items)
    {
        if (node is BinaryNode { Operator: Operator.Or } or)
        {
            Collect(or.Left, items);
            Collect(or.Right, items);
        }
        else
        {
            items.Add(node);
        }
    }
}
