namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// Which elements of a set are to be deleted and added so that it holds what is wanted; those that are right stay untouched, with their counters and
/// remaining time. Interval sets are compared by what they cover: a stretch that both cover alike stays as it is, however it is cut into ranges.
/// </summary>
internal static class ElementDifference
{
    /// <summary>Adds to <paramref name="delete"/> and <paramref name="add"/> what is to be done.</summary>
    public static void Compare(NftablesSet set, ReadOnlySpan<SetElement> wanted, ReadOnlySpan<SetElement> present, List<SetElement> delete, List<SetElement> add)
    {
        bool intervals = (set.Flags & SetFlags.Interval) != 0 && (set.Flags & SetFlags.Concatenation) == 0 && set.FieldLengths.IsEmpty;
        if (intervals)
        {
            CompareIntervals(set, wanted, present, delete, add);
        }
        else
        {
            CompareExact(set, wanted, present, delete, add);
        }
    }

    /// <summary>Leads to the same and carries the same; what it has counted and how long it still lives do not count.</summary>
    public static bool HasSameContent(SetElement one, SetElement other) =>
        one.Data == other.Data
        && SameVerdict(one.Verdict, other.Verdict)
        && one.ObjectName == other.ObjectName
        && (one.Timeout ?? 0) == (other.Timeout ?? 0)
        && one.UserData == other.UserData
        && (one.Expressions.IsEmpty || other.Expressions.IsEmpty || RuleContent.Of(one.Expressions) == RuleContent.Of(other.Expressions));

    private static bool SameVerdict(Verdict? one, Verdict? other) => one?.Code == other?.Code && one?.Chain == other?.Chain;

    private static void CompareExact(NftablesSet set, ReadOnlySpan<SetElement> wanted, ReadOnlySpan<SetElement> present, List<SetElement> delete, List<SetElement> add)
    {
        var there = new Dictionary<(OctetString, OctetString, SetElementFlags), SetElement>(present.Length);
        foreach (SetElement element in present)
        {
            there[KeyOf(element)] = element;
        }

        foreach (SetElement element in wanted)
        {
            if (!there.Remove(KeyOf(element), out SetElement? found))
            {
                add.Add(element);
            }
            else if (!HasSameContent(element, found))
            {
                delete.Add(found);
                add.Add(element);
            }
        }

        // Elements that packets make are no deviation.
        if ((set.Flags & SetFlags.Evaluated) == 0)
        {
            delete.AddRange(there.Values);
        }
    }

    private static (OctetString Key, OctetString KeyEnd, SetElementFlags Flags) KeyOf(SetElement element) => (element.Key ?? default, element.KeyEnd ?? element.Key ?? default, element.Flags);

    private static void CompareIntervals(NftablesSet set, ReadOnlySpan<SetElement> wanted, ReadOnlySpan<SetElement> present, List<SetElement> delete, List<SetElement> add)
    {
        List<Range> want = RangesOf(wanted, out List<SetElement> wantedRest);
        List<Range> have = RangesOf(present, out List<SetElement> presentRest);
        CompareExact(set, [.. wantedRest], [.. presentRest], delete, add);

        List<(OctetString Start, OctetString End)>? common = null;
        if (!set.IsMap && want.All(IsPlain) && have.All(IsPlain))
        {
            HashSet<(OctetString, OctetString)> covered = [.. Cover(have)];
            common = Cover(want).FindAll(covered.Contains);
        }

        var there = new Dictionary<(OctetString, OctetString), Range>(have.Count);
        foreach (Range range in have)
        {
            if (common is null || !IsCovered(range, common))
            {
                there[(range.Start, range.End)] = range;
            }
        }

        foreach (Range range in want)
        {
            if (common is not null && IsCovered(range, common))
            {
                continue;
            }

            if (!there.Remove((range.Start, range.End), out Range? found))
            {
                range.AddTo(add);
            }
            else if (!HasSameContent(range.First, found.First))
            {
                found.AddTo(delete);
                range.AddTo(add);
            }
        }

        foreach (Range range in there.Values)
        {
            range.AddTo(delete);
        }
    }

    private static bool IsPlain(Range range) => range.First is { UserData: null, Timeout: null or 0, Expressions.IsEmpty: true };

    // Both hold this stretch as a whole, so its pieces may stay as they are.
    private static bool IsCovered(Range range, List<(OctetString Start, OctetString End)> common)
    {
        int low = 0, high = common.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = Compare(common[middle].Start, range.Start) <= 0 ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && (common[low - 1].End.IsEmpty || (!range.End.IsEmpty && Compare(range.End, common[low - 1].End) <= 0));
    }

    /// <summary>The stretches without a gap in them; an empty end stands for the last key there is.</summary>
    private static List<(OctetString Start, OctetString End)> Cover(List<Range> ranges)
    {
        var cover = new List<(OctetString Start, OctetString End)>();
        foreach (Range range in ranges)
        {
            if (cover.Count > 0 && (cover[^1].End.IsEmpty || Compare(range.Start, cover[^1].End) <= 0))
            {
                OctetString end = cover[^1].End.IsEmpty || range.End.IsEmpty ? default : Compare(cover[^1].End, range.End) >= 0 ? cover[^1].End : range.End;
                cover[^1] = (cover[^1].Start, end);
            }
            else
            {
                cover.Add((range.Start, range.End));
            }
        }

        return cover;
    }

    // In the order of keys; an end without a beginning (nft puts one at key zero) covers nothing.
    private static List<Range> RangesOf(ReadOnlySpan<SetElement> elements, out List<SetElement> rest)
    {
        rest = [];
        var sorted = new List<SetElement>(elements.Length);
        foreach (SetElement element in elements)
        {
            if (element.Key is null || (element.Flags & SetElementFlags.CatchAll) != 0)
            {
                rest.Add(element);
            }
            else
            {
                sorted.Add(element);
            }
        }

        sorted.Sort(static (one, other) =>
        {
            int order = Compare(one.Key!.Value, other.Key!.Value);
            return order != 0 ? order : (int)(other.Flags & SetElementFlags.IntervalEnd) - (int)(one.Flags & SetElementFlags.IntervalEnd);
        });

        var ranges = new List<Range>(sorted.Count / 2 + 1);
        SetElement? open = null;
        foreach (SetElement element in sorted)
        {
            if ((element.Flags & SetElementFlags.IntervalEnd) != 0)
            {
                if (open is not null)
                {
                    ranges.Add(new Range(open, element));
                    open = null;
                }
            }
            else
            {
                if (open is not null)
                {
                    ranges.Add(new Range(open, null));
                }

                open = element;
            }
        }

        if (open is not null)
        {
            ranges.Add(new Range(open, null));
        }

        return ranges;
    }

    private static int Compare(OctetString one, OctetString other) => one.Span.SequenceCompareTo(other.Span);

    private sealed record Range(SetElement First, SetElement? Last)
    {
        public OctetString Start => First.Key!.Value;

        public OctetString End => Last?.Key ?? default;

        public void AddTo(List<SetElement> elements)
        {
            elements.Add(First);
            if (Last is not null)
            {
                elements.Add(Last);
            }
        }
    }
}
