using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Sets;

/// <summary>
/// Intervals (nft_set_rbtree.c): each is an element where it begins and, unless it reaches the end of all keys, one behind its
/// end that is marked so. Listed from the highest key to the lowest, an interval's beginning before an end of the same key.
/// </summary>
internal sealed class IntervalStore : ElementStore
{
    private readonly List<SetElement> _elements = [];

    /// <inheritdoc />
    public override string KernelName => "nft_set_rbtree_type";

    /// <inheritdoc />
    public override IEnumerable<SetElement> Elements => _elements;

    /// <inheritdoc />
    public override uint Capacity(uint size) => size * 2;

    /// <inheritdoc />
    public override LinuxError Insert(SetElement element, long now, out SetElement? existing)
    {
        existing = null;
        SetElement? above = null, below = null;
        int first = FirstNotAbove(element.Key);
        for (int i = Math.Max(first - 1, 0); i < _elements.Count; i++)
        {
            SetElement other = _elements[i];
            if (other.IsExpired(now))
            {
                continue;
            }

            int order = Compare(other.Key, element.Key);
            if (order > 0)
            {
                above = other;
            }
            else if (order < 0)
            {
                below = other;
                break;
            }
            else if (other.IsIntervalEnd)
            {
                below = other;
                break;
            }
            else
            {
                above = other;
            }
        }

        if (above is not null && Compare(above.Key, element.Key) == 0 && above.IsIntervalEnd == element.IsIntervalEnd)
        {
            existing = above;
            return LinuxError.EEXIST;
        }

        if (below is not null && Compare(below.Key, element.Key) == 0 && below.IsIntervalEnd == element.IsIntervalEnd)
        {
            existing = below;
            return LinuxError.EEXIST;
        }

        // Two beginnings without an end between them, or two ends without a beginning, overlap. (Anonymous sets may have the former.)
        bool overlaps = below is { IsIntervalEnd: false } && !element.IsIntervalEnd && !IsAnonymous
            || below is { IsIntervalEnd: true } && element.IsIntervalEnd
            || above is { IsIntervalEnd: true } && element.IsIntervalEnd;
        if (overlaps)
        {
            return LinuxError.ENOTEMPTY;
        }

        Restore(element);
        return LinuxError.None;
    }

    /// <summary>Of an anonymous set.</summary>
    public bool IsAnonymous { get; init; }

    /// <inheritdoc />
    public override void Restore(SetElement element)
    {
        int index = FirstNotAbove(element.Key);
        while (element.IsIntervalEnd && index < _elements.Count && Compare(_elements[index].Key, element.Key) == 0 && !_elements[index].IsIntervalEnd)
        {
            index++;
        }

        _elements.Insert(index, element);
    }

    /// <inheritdoc />
    public override SetElement? FindForDelete(SetElement element, long now)
    {
        for (int i = FirstNotAbove(element.Key); i < _elements.Count && Compare(_elements[i].Key, element.Key) == 0; i++)
        {
            if (_elements[i].IsIntervalEnd == element.IsIntervalEnd)
            {
                return _elements[i].IsExpired(now) ? null : _elements[i];
            }
        }

        return null;
    }

    /// <inheritdoc />
    public override void Remove(SetElement element)
    {
        for (int i = FirstNotAbove(element.Key); i < _elements.Count; i++)
        {
            if (ReferenceEquals(_elements[i], element))
            {
                _elements.RemoveAt(i);
                return;
            }

            if (Compare(_elements[i].Key, element.Key) < 0)
            {
                return;
            }
        }
    }

    /// <inheritdoc />
    public override SetElement? Get(ReadOnlySpan<byte> key, uint flags, long now)
    {
        bool end = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
        int index = FirstNotAbove(key);
        for (int i = index; i < _elements.Count && Compare(_elements[i].Key, key) == 0; i++)
        {
            if (_elements[i].IsIntervalEnd == end)
            {
                return _elements[i].IsExpired(now) ? null : _elements[i];
            }
        }

        SetElement? found;
        if (end)
        {
            found = index > 0 ? _elements[index - 1] : null;
        }
        else
        {
            while (index < _elements.Count && Compare(_elements[index].Key, key) == 0)
            {
                index++;
            }

            found = index < _elements.Count ? _elements[index] : null;
        }

        return found is not null && found.IsIntervalEnd == end && !found.IsExpired(now) ? found : null;
    }

    /// <inheritdoc />
    public override SetElement? Lookup(ReadOnlySpan<byte> key, long now)
    {
        int index = FirstNotAbove(key);
        if (index == _elements.Count)
        {
            return null;
        }

        SetElement found = _elements[index];
        return found.IsIntervalEnd || found.IsExpired(now) ? null : found;
    }

    /// <summary>Keys compare as the kernel compares them: byte by byte.</summary>
    private static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => left.SequenceCompareTo(right);

    /// <summary>Index of the first element, from the highest down, whose key is not above this one.</summary>
    private int FirstNotAbove(ReadOnlySpan<byte> key)
    {
        int low = 0, high = _elements.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Compare(_elements[middle].Key, key) > 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
