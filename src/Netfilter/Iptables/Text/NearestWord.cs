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

        Span<int> row = stackalloc int[right.Length + 1];
        for (int column = 0; column <= right.Length; column++)
        {
            row[column] = column;
        }

        for (int line = 1; line <= left.Length; line++)
        {
            int diagonal = row[0];
            row[0] = line;
            for (int column = 1; column <= right.Length; column++)
            {
                int above = row[column];
                row[column] = Math.Min(Math.Min(above, row[column - 1]) + 1, diagonal + (left[line - 1] == right[column - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[right.Length];
    }
}
