namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>Which rules of a chain may stay where they are while the chain becomes another: the most there are, in their order.</summary>
internal static class RuleAlignment
{
    /// <summary>For each wanted rule the place of the present one that stands for it, ascending; -1 where it has to be written.</summary>
    /// <param name="present">The rules there are; null for one that is not of iptables.</param>
    /// <param name="wanted">The rules there shall be.</param>
    /// <param name="counters">Rules are the same only with the same counters.</param>
    public static int[] Of(IReadOnlyList<IptablesRule?> present, IReadOnlyList<IptablesRule> wanted, bool counters)
    {
        int[] places = new int[wanted.Count];
        Array.Fill(places, -1);
        int shorter = Math.Min(present.Count, wanted.Count), head = 0, tail = 0;
        for (; head < shorter && IsSame(present[head], wanted[head], counters); head++)
        {
            places[head] = head;
        }

        for (; tail < shorter - head && IsSame(present[^(tail + 1)], wanted[^(tail + 1)], counters); tail++)
        {
            places[^(tail + 1)] = present.Count - tail - 1;
        }

        if (head + tail < shorter)
        {
            AlignMiddle(present, wanted, counters, head, tail, places);
        }

        return places;
    }

    private static void AlignMiddle(IReadOnlyList<IptablesRule?> present, IReadOnlyList<IptablesRule> wanted, bool counters, int head, int tail, int[] places)
    {
        var there = new Dictionary<IptablesRule, Queue<int>>();
        for (int index = head; index < present.Count - tail; index++)
        {
            if (present[index] is { } rule)
            {
                if (!there.TryGetValue(rule, out Queue<int>? queue))
                {
                    there[rule] = queue = new Queue<int>();
                }

                queue.Enqueue(index);
            }
        }

        var pairs = new List<(int Wanted, int Present)>();
        for (int index = head; index < wanted.Count - tail; index++)
        {
            if (there.TryGetValue(wanted[index], out Queue<int>? queue) && queue.TryDequeue(out int place) && IsSame(present[place], wanted[index], counters))
            {
                pairs.Add((index, place));
            }
        }

        foreach ((int at, int place) in LongestAscending(pairs))
        {
            places[at] = place;
        }
    }

    /// <summary>The longest part of the pairs whose present places ascend.</summary>
    private static IEnumerable<(int Wanted, int Present)> LongestAscending(List<(int Wanted, int Present)> pairs)
    {
        // ends[n]: of the ascending parts of n + 1 pairs, the last pair of the one that ends lowest.
        var ends = new List<int>();
        int[] before = new int[pairs.Count];
        for (int index = 0; index < pairs.Count; index++)
        {
            int low = 0, high = ends.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                (low, high) = pairs[ends[middle]].Present < pairs[index].Present ? (middle + 1, high) : (low, middle);
            }

            before[index] = low == 0 ? -1 : ends[low - 1];
            if (low == ends.Count)
            {
                ends.Add(index);
            }
            else
            {
                ends[low] = index;
            }
        }

        for (int index = ends.Count == 0 ? -1 : ends[^1]; index >= 0; index = before[index])
        {
            yield return pairs[index];
        }
    }

    private static bool IsSame(IptablesRule? present, IptablesRule wanted, bool counters) => present is not null && TableComparison.AreSame(present, wanted, counters);
}
