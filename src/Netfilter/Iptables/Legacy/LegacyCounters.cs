namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>Carries counters over a replacement, which begins every entry at zero.</summary>
internal static class LegacyCounters
{
    /// <summary>What each new entry is to begin with: a rule or policy that stayed, what it had counted until it was replaced; a new one, nothing.</summary>
    /// <param name="before">The old entries.</param>
    /// <param name="counted">Packets and bytes of each of them, as the replacement gave them.</param>
    /// <param name="after">The new entries.</param>
    public static IptablesCounters[] Keep(IReadOnlyList<LegacyEntry> before, ReadOnlySpan<IptablesCounters> counted, IReadOnlyList<LegacyEntry> after)
    {
        var kept = new IptablesCounters[after.Count];
        if (!counted.ContainsAnyExcept(default(IptablesCounters)))
        {
            return kept;
        }

        int shorter = Math.Min(before.Count, after.Count), head = 0, tail = 0;
        for (; head < shorter && IsSame(before[head], after[head]); head++)
        {
            kept[head] = counted[head];
        }

        for (; tail < shorter - head && IsSame(before[^(tail + 1)], after[^(tail + 1)]); tail++)
        {
            kept[^(tail + 1)] = counted[before.Count - tail - 1];
        }

        var moved = new Dictionary<(string Chain, IptablesRule? Rule), Queue<IptablesCounters>>();
        for (int index = head; index < before.Count - tail; index++)
        {
            if (before[index] is { Chain: { } chain } entry)
            {
                if (!moved.TryGetValue((chain, entry.Rule), out Queue<IptablesCounters>? queue))
                {
                    moved[(chain, entry.Rule)] = queue = new Queue<IptablesCounters>();
                }

                queue.Enqueue(counted[index]);
            }
        }

        for (int index = head; index < after.Count - tail; index++)
        {
            if (after[index] is { Chain: { } chain } entry && moved.TryGetValue((chain, entry.Rule), out Queue<IptablesCounters>? queue) && queue.TryDequeue(out IptablesCounters counters))
            {
                kept[index] = counters;
            }
        }

        return kept;
    }

    private static bool IsSame(LegacyEntry one, LegacyEntry other) => one.Chain == other.Chain && Equals(one.Rule, other.Rule);
}
