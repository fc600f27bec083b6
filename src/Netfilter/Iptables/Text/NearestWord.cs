namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>Finds the known word a mistyped one was meant to be.</summary>
internal static class NearestWord
{
    /// <summary>The word at most a third of its letters away, or null.</summary>
    public static string? Find(string wanted, IEnumerable<string> known)
    {
        string? best = null;
        int bestDistance = Math.Max(1, wanted.Length / 3) + 1;
        foreach (string candidate in known)
        {
            int distance = Distance(wanted.ToUpperInvariant(), candidate.ToUpperInvariant(), bestDistance);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return best;
    }

    private static int Distance(string left, string right, int limit)
    {
        if (Math.Abs(left.Length - right.Length) >= limit)
        {
            return limit;
        }

        // Rows of the matrix of distances; a swap of neighbours counts as one step.
        int[] previous = new int[right.Length + 1], row = new int[right.Length + 1], next = new int[right.Length + 1];
        for (int column = 0; column <= right.Length; column++)
        {
            row[column] = column;
        }

        for (int line = 1; line <= left.Length; line++)
        {
            next[0] = line;
            for (int column = 1; column <= right.Length; column++)
            {
                bool same = left[line - 1] == right[column - 1];
                next[column] = Math.Min(Math.Min(row[column], next[column - 1]) + 1, row[column - 1] + (same ? 0 : 1));
                if (line > 1 && column > 1 && left[line - 1] == right[column - 2] && left[line - 2] == right[column - 1])
                {
                    next[column] = Math.Min(next[column], previous[column - 2] + 1);
                }
            }

            (previous, row, next) = (row, next, previous);
        }

        return row[right.Length];
    }
}
