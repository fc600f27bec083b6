using EucaNet.Engine.Firewall;

namespace EucaNet.Engine.Modes;

/// <summary>A rule that shall come into a group and waits for its turn. Disposing it withdraws it.</summary>
internal sealed class WaitingRule(RuleBurst burst, GroupName group, IngressRule rule) : IDisposable
{
    /// <summary>The group.</summary>
    public GroupName Group { get; } = group;

    /// <summary>The rule.</summary>
    public IngressRule Rule { get; } = rule;

    /// <summary>What was done when it was written with another's turn; null until then.</summary>
    public ChangeLog? Written { get; set; }

    /// <summary>Ends with the turn that writes it with others; until such a turn begins there is nothing to wait for.</summary>
    internal Task Turn { get; set; } = Task.CompletedTask;

    /// <summary>The caller waits no longer. Where it is just being written, what becomes of it is waited for all the same: it was let in, or it was not.</summary>
    /// <returns>What was done; null where it was not written and will not be.</returns>
    public async ValueTask<ChangeLog?> GiveUpAsync()
    {
        burst.Withdraw(this);
        await Turn.ConfigureAwait(false);
        return Written;
    }

    public void Dispose() => burst.Withdraw(this);
}

/// <summary>
/// The rules that wait for their turn. Whose turn comes first writes those behind it too: a burst of a hundred rules is a few changes of the kernel, not a hundred
/// (on iptables-legacy each is the whole table). What takes a rule away parts the burst, so that the order of the calls holds.
/// </summary>
internal sealed class RuleBurst
{
    private readonly Lock _lock = new();

    /// <summary>In order; null where something else came between.</summary>
    private readonly List<WaitingRule?> _waiting = [];

    /// <summary>One more.</summary>
    public WaitingRule Add(GroupName group, IngressRule rule)
    {
        var waiting = new WaitingRule(this, group, rule);
        lock (_lock)
        {
            _waiting.Add(waiting);
        }

        return waiting;
    }

    /// <summary>What comes from here on is not written with what has come before.</summary>
    public void Part()
    {
        lock (_lock)
        {
            if (_waiting is [.., not null])
            {
                _waiting.Add(null);
            }
        }
    }

    /// <summary>The rules that may be written with <paramref name="first"/>: itself and those behind it that are not written yet.</summary>
    /// <param name="first">Whose turn it is.</param>
    /// <param name="turn">Ends when they have been written, or refused.</param>
    public IReadOnlyList<WaitingRule> From(WaitingRule first, Task turn)
    {
        lock (_lock)
        {
            int begin = _waiting.IndexOf(first);
            int end = _waiting.FindIndex(begin, waiting => waiting is null);
            WaitingRule[] together = [.. _waiting.GetRange(begin, (end < 0 ? _waiting.Count : end) - begin).OfType<WaitingRule>().Where(waiting => waiting.Written is null)];
            foreach (WaitingRule waiting in together.Where(waiting => waiting != first))
            {
                waiting.Turn = turn;
            }

            return together;
        }
    }

    /// <summary>It waits no longer.</summary>
    public void Withdraw(WaitingRule waiting)
    {
        lock (_lock)
        {
            _waiting.Remove(waiting);
            while (_waiting is [null, ..])
            {
                _waiting.RemoveAt(0);
            }
        }
    }
}
