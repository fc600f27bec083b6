namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// How the rules of a chain become those wanted with the fewest changes: the longest run of rules that both have in the same order stays, with handles and
/// counters; the others are replaced, deleted, inserted.
/// </summary>
internal static class RuleDifference
{
    // Up to this many pairs the longest common subsequence is found exactly, beyond by the longest rising run of first matches.
    private const long ExactPairs = 4_000_000;

    /// <summary>For each wanted rule the index of the present rule that is kept for it, or -1.</summary>
    public static int[] Match(ReadOnlySpan<OctetString> wanted, ReadOnlySpan<OctetString> present)
    {
        int[] kept = new int[wanted.Length];
        Array.Fill(kept, -1);
        int begin = 0;
        while (begin < wanted.Length && begin < present.Length && wanted[begin] == present[begin])
        {
            kept[begin] = begin;
            begin++;
        }

        int end = 0;
        while (end < wanted.Length - begin && end < present.Length - begin && wanted[^(end + 1)] == present[^(end + 1)])
        {
            end++;
            kept[wanted.Length - end] = present.Length - end;
        }

        ReadOnlySpan<OctetString> left = wanted[begin..(wanted.Length - end)];
        ReadOnlySpan<OctetString> right = present[begin..(present.Length - end)];
        int[] middle = (long)left.Length * right.Length <= ExactPairs ? MatchExactly(left, right) : MatchRising(left, right);
        for (int index = 0; index < middle.Length; index++)
        {
            kept[begin + index] = middle[index] < 0 ? -1 : begin + middle[index];
        }

        return kept;
    }

    private static int[] MatchExactly(ReadOnlySpan<OctetString> wanted, ReadOnlySpan<OctetString> present)
    {
        int[,] length = new int[wanted.Length + 1, present.Length + 1];
        for (int one = wanted.Length - 1; one >= 0; one--)
        {
            for (int other = present.Length - 1; other >= 0; other--)
            {
                length[one, other] = wanted[one] == present[other] ? length[one + 1, other + 1] + 1 : Math.Max(length[one + 1, other], length[one, other + 1]);
            }
        }

        int[] kept = new int[wanted.Length];
        Array.Fill(kept, -1);
        for (int one = 0, other = 0; one < wanted.Length && other < present.Length;)
        {
            if (wanted[one] == present[other])
            {
                kept[one++] = other++;
            }
            else if (length[one + 1, other] >= length[one, other + 1])
            {
                one++;
            }
            else
            {
                other++;
            }
        }

        return kept;
    }

    private static int[] MatchRising(ReadOnlySpan<OctetString> wanted, ReadOnlySpan<OctetString> present)
    {
        var places = new Dictionary<OctetString, Queue<int>>();
        for (int index = 0; index < present.Length; index++)
        {
            if (!places.TryGetValue(present[index], out Queue<int>? queue))
            {
                places[present[index]] = queue = new Queue<int>();
            }

            queue.Enqueue(index);
        }

        int[] match = new int[wanted.Length];
        int[] before = new int[wanted.Length];
        var tails = new List<int>();
        for (int index = 0; index < wanted.Length; index++)
        {
            match[index] = places.TryGetValue(wanted[index], out Queue<int>? queue) && queue.TryDequeue(out int place) ? place : -1;
            if (match[index] < 0)
            {
                continue;
            }

            int low = 0, high = tails.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                (low, high) = match[tails[middle]] < match[index] ? (middle + 1, high) : (low, middle);
            }

            before[index] = low > 0 ? tails[low - 1] : -1;
            if (low == tails.Count)
            {
                tails.Add(index);
            }
            else
            {
                tails[low] = index;
            }
        }

        int[] kept = new int[wanted.Length];
        Array.Fill(kept, -1);
        for (int index = tails.Count > 0 ? tails[^1] : -1; index >= 0; index = before[index])
        {
            kept[index] = match[index];
        }

        return kept;
    }
}
