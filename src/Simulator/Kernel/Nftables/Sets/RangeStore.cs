using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Nftables.Sets;

/// <summary>
/// Concatenations of ranges (nft_set_pipapo.c): an element matches where each field of a key lies between the same fields of the
/// element's first and last key. Listed in the order in which they came.
/// </summary>
internal sealed class RangeStore(SetDescription description) : ElementStore
{
    private readonly LinkedList<SetElement> _elements = new();
    private readonly byte[] _fields = description.Fields;

    /// <inheritdoc />
    public override string KernelName => "nft_set_pipapo_avx2_type";

    /// <inheritdoc />
    public override IEnumerable<SetElement> Elements => _elements;

    /// <inheritdoc />
    public override LinuxError Insert(SetElement element, long now, out SetElement? existing)
    {
        byte[] last = element.KeyEnd ?? element.Key;
        existing = Lookup(element.Key, now);
        if (existing is not null)
        {
            return existing.Key.AsSpan().SequenceEqual(element.Key) && (existing.KeyEnd ?? existing.Key).AsSpan().SequenceEqual(last)
                ? LinuxError.EEXIST
                : LinuxError.ENOTEMPTY;
        }

        existing = Lookup(last, now);
        if (existing is not null)
        {
            return LinuxError.ENOTEMPTY;
        }

        int offset = 0;
        foreach (byte length in _fields)
        {
            if (element.Key.AsSpan(offset, length).SequenceCompareTo(last.AsSpan(offset, length)) > 0)
            {
                return LinuxError.EINVAL;
            }

            offset += length + 3 & ~3;
        }

        Restore(element);
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Restore(SetElement element) => element.Node = _elements.AddLast(element);

    /// <inheritdoc />
    public override SetElement? FindForDelete(SetElement element, long now) => Lookup(element.Key, now);

    /// <inheritdoc />
    public override void Remove(SetElement element)
    {
        if (element.Node is { List: not null } node)
        {
            _elements.Remove(node);
        }
    }

    /// <inheritdoc />
    public override SetElement? Get(ReadOnlySpan<byte> key, uint flags, long now) => Lookup(key, now);

    /// <inheritdoc />
    public override SetElement? Lookup(ReadOnlySpan<byte> key, long now)
    {
        for (LinkedListNode<SetElement>? node = _elements.First; node is not null; node = node.Next)
        {
            if (!node.Value.IsExpired(now) && Matches(node.Value, key))
            {
                return node.Value;
            }
        }

        return null;
    }

    private bool Matches(SetElement element, ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> first = element.Key, last = element.KeyEnd ?? element.Key;
        int offset = 0;
        foreach (byte length in _fields)
        {
            ReadOnlySpan<byte> field = key.Slice(offset, length);
            if (field.SequenceCompareTo(first.Slice(offset, length)) < 0 || field.SequenceCompareTo(last.Slice(offset, length)) > 0)
            {
                return false;
            }

            offset += length + 3 & ~3;
        }

        return true;
    }
}
