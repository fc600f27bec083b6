using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Finds the header fields that bits of a packet are.</summary>
internal static class PayloadFields
{
    /// <summary>Gives <paramref name="node"/> the field of exactly its place and length, where there is one.</summary>
    public static void Complete(PayloadNode node, ProtocolContext context)
    {
        if (context[node.Base] is not { } top || top == Headers.Inet || top == Headers.Unknown)
        {
            return;
        }

        (HeaderProtocol protocol, int skip) = context.Stacked(top, node.Base, node.Offset);
        foreach (HeaderField? field in protocol.Fields)
        {
            if (field is not null && field.Offset == node.Offset - skip && field.Bits == node.Bits && Fits(field, context))
            {
                node.Type = field.Type;
                node.Protocol = protocol;
                node.Field = field;
                return;
            }
        }
    }

    /// <summary>
    /// Narrows <paramref name="node"/> to the fields that <paramref name="mask"/> covers; then the mask says nothing more and
    /// <paramref name="shift"/> is how far values have to move down.
    /// </summary>
    public static bool Trim(PayloadNode node, ValueNode mask, ProtocolContext context, out int shift)
    {
        shift = 0;
        if (context[node.Base] is not { } top)
        {
            return false;
        }

        int first = Math.Max(Values.FirstOne(mask.Value), 0);
        int end = Values.FirstZero(mask.Value, first + 1);
        (HeaderProtocol protocol, int skip) = context.Stacked(top, node.Base, node.Offset);
        int front = (mask.Bits + 7) / 8 * 8 - end;
        int offset = node.Offset - skip + front;
        int rest = node.Bits;
        int length = 0;
        foreach (HeaderField? field in protocol.Fields)
        {
            if (field is null || field.Offset != offset)
            {
                continue;
            }

            if (field.Bits > rest)
            {
                return false;
            }

            rest -= field.Bits;
            offset += field.Bits;
            length += field.Bits;
            if (rest == 0)
            {
                return false;
            }

            if (first + length == end)
            {
                node.Offset += front;
                node.Bits = length;
                shift = first;
                return true;
            }
        }

        return false;
    }

    /// <summary>The fields that a load of several adjacent ones took together; bits that are no field stay raw.</summary>
    public static List<PayloadNode> Expand(PayloadNode node, ProtocolContext context)
    {
        var found = new List<PayloadNode>();
        int bits = node.Bits;
        int offset = node.Offset;
        if (context[node.Base] is { } top && top != Headers.Unknown)
        {
            (HeaderProtocol protocol, int skip) = context.Stacked(top, node.Base, node.Offset);
            offset -= skip;
            for (int i = 1; i < protocol.Fields.Length; i++)
            {
                HeaderField field = protocol.Fields[i]!;
                if (field.Offset != offset || !Fits(field, context))
                {
                    continue;
                }

                PayloadNode part = PayloadNode.Of(protocol, i);
                found.Add(part);
                if (field.Bits > bits)
                {
                    part.Bits = bits;
                    return found;
                }

                bits -= field.Bits;
                offset += field.Bits;
                if (bits == 0)
                {
                    return found;
                }
            }
        }

        found.Add(PayloadNode.Raw(node.Base, offset, bits));
        return found;
    }

    private static bool Fits(HeaderField field, ProtocolContext context) =>
        field.Dependency == IcmpDependency.Any || context.IcmpType == 0 || context.IcmpType == (byte)field.Dependency;
}
