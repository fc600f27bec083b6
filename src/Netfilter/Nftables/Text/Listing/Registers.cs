namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>What the registers hold at a point of a rule. Registers 1 to 4 are sixteen bytes, 8 to 23 the same memory four bytes at a time.</summary>
internal sealed class Registers
{
    private readonly Node?[] _nodes = new Node?[24];

    public void Set(uint? register, Node node)
    {
        if (Slot(register) is >= 0 and var slot)
        {
            _nodes[slot] = node;
        }
    }

    /// <summary>A copy of what <paramref name="register"/> holds.</summary>
    public Node? Get(uint? register) => Slot(register) is >= 0 and var slot ? _nodes[slot]?.Copy() : null;

    /// <summary>Copies of what registers hold side by side, <paramref name="bits"/> bits in all; null where one is empty.</summary>
    public ConcatenationNode? GetMany(uint? register, int bits)
    {
        var parts = new List<Node>();
        int slot = Slot(register);
        while (bits > 0)
        {
            Node? node = slot is >= 0 and < 24 ? _nodes[slot]?.Copy() : null;
            if (node is null || node.Bits <= 0)
            {
                return null;
            }

            parts.Add(node);
            bits -= Values.Padded(node.Bits);
            slot += Values.Padded(node.Bits) / 32;
        }

        return new ConcatenationNode(parts);
    }

    private static int Slot(uint? register) => register switch
    {
        >= 1 and <= 4 => (int)(8 + (register.Value - 1) * 4) is var slot && slot < 24 ? slot : -1,
        >= 8 and < 24 => (int)register.Value,
        _ => -1,
    };
}
