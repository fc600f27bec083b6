using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// A write to a part of a byte loads the bytes around it, clears the field, puts the value in and writes them back. Here that becomes the plain
/// assignment again.
/// </summary>
internal static class PayloadWrites
{
    public static void Narrow(AssignmentStatement assignment, ProtocolContext context)
    {
        switch (assignment.Value)
        {
            case BinaryNode { Operator: Operator.Or, Right: ValueNode value, Left: BinaryNode { Operator: Operator.And, Left: PayloadNode payload, Right: ValueNode mask } }
                when IsSame(assignment, payload):
                // The bits that stay are those of the mask that the value does not set.
                Assign(assignment, payload, new ValueNode(Values.Ones(payload.Bits) ^ mask.Value ^ value.Value, mask.Bits), value, context);
                break;
            case BinaryNode { Operator: Operator.And, Left: PayloadNode payload, Right: ValueNode mask }:
                var cleared = new ValueNode(Values.Ones(payload.Bits) ^ mask.Value, mask.Bits);
                Assign(assignment, payload, cleared, new ValueNode(BigInteger.Zero, mask.Bits), context);
                break;
            case BinaryNode { Operator: Operator.Or, Left: PayloadNode payload, Right: ValueNode value }:
                Assign(assignment, payload, value, value, context);
                break;
        }
    }

    private static bool IsSame(AssignmentStatement assignment, PayloadNode payload)
    {
        var target = (PayloadNode)assignment.Target;
        return target.Base == payload.Base && target.Offset == payload.Offset && target.Protocol == payload.Protocol && target.Field == payload.Field;
    }

    private static void Assign(AssignmentStatement assignment, PayloadNode payload, ValueNode mask, ValueNode value, ProtocolContext context)
    {
        var field = (PayloadNode)payload.Copy();
        if (!PayloadFields.Trim(field, mask, context, out int shift))
        {
            return;
        }

        PayloadFields.Complete(field, context);
        if (field.IsKnown)
        {
            assignment.Target = field;
            assignment.Value = new ValueNode(value.Value >> shift, field.Bits);
        }
    }
}
