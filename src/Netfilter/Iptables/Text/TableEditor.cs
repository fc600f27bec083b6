namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>A table while the commands of a file are carried out on it.</summary>
internal sealed class TableEditor
{
    private readonly string _table;
    private readonly bool _counters;
    private readonly List<Entry> _chains;
    private readonly Dictionary<string, Entry> _byName;

    public TableEditor(IptablesTable table, bool counters)
    {
        _table = table.Name;
        _counters = counters;
        _chains = [.. table.Chains.Select(chain => new Entry(chain))];
        _byName = _chains.ToDictionary(entry => entry.Name);
    }

    public IptablesTable Table => new IptablesTable { Name = _table, Chains = [.. _chains.Select(entry => entry.Build())] }.Sorted();

    public void Declare(string chain, IptablesVerdict? policy, IptablesCounters? counters)
    {
        if (Find(chain) is { } present)
        {
            if (present.Policy is null)
            {
                present.Rules.Clear();
            }
            else
            {
                present.Policy = policy ?? present.Policy;
                present.Counters = _counters && counters is { } given ? given : default;
            }
        }
        else if (policy is not null)
        {
            throw Fail($"table {_table} has no built-in chain '{chain}', so it takes no policy", chain);
        }
        else
        {
            Make(chain);
        }
    }

    public void Make(string chain)
    {
        if (Find(chain) is not null)
        {
            throw Fail($"chain '{chain}' exists already", chain);
        }

        TableValidation.CheckName(chain);
        var entry = new Entry(new IptablesChain { Name = chain });
        _chains.Add(entry);
        _byName.Add(chain, entry);
    }

    public void Put(string chain, int? position, bool replaces, IReadOnlyList<IptablesRule> rules)
    {
        List<IptablesRule> list = Get(chain).Rules;
        List<IptablesRule> added = [.. rules.Select(rule => _counters ? rule : rule with { Counters = default })];
        if (position is not { } place)
        {
            list.AddRange(added);
            return;
        }

        if (place > list.Count + (replaces ? 0 : 1))
        {
            throw Fail($"chain '{chain}' has {list.Count} rules, so there is no place {place}", chain);
        }

        if (replaces)
        {
            list.RemoveAt(place - 1);
        }

        list.InsertRange(place - 1, added);
    }

    public void Delete(string chain, int? position, IReadOnlyList<IptablesRule> rules)
    {
        List<IptablesRule> list = Get(chain).Rules;
        if (position is { } place)
        {
            if (place > list.Count)
            {
                throw Fail($"chain '{chain}' has {list.Count} rules, so there is none at {place}", chain);
            }

            list.RemoveAt(place - 1);
            return;
        }

        foreach (IptablesRule rule in rules)
        {
            if (!list.Remove(rule))
            {
                throw Fail($"chain '{chain}' has no such rule to delete", chain);
            }
        }
    }

    public void Flush(string? chain)
    {
        foreach (Entry entry in chain is null ? _chains : [Get(chain)])
        {
            entry.Rules.Clear();
        }
    }

    public void Remove(string? chain)
    {
        if (chain is null)
        {
            foreach (Entry entry in _chains.FindAll(entry => entry.Policy is null && entry.Rules.Count == 0 && !IsJumpedTo(entry.Name)))
            {
                Forget(entry);
            }

            return;
        }

        Entry found = Get(chain);
        if (found.Policy is not null || found.Rules.Count > 0 || IsJumpedTo(chain))
        {
            throw Fail($"chain '{chain}' is {(found.Policy is not null ? "built in" : found.Rules.Count > 0 ? "not empty" : "jumped to")} and cannot be deleted", chain);
        }

        Forget(found);
    }

    private void Forget(Entry entry)
    {
        _chains.Remove(entry);
        _byName.Remove(entry.Name);
    }

    public void Zero(string? chain)
    {
        foreach (Entry entry in chain is null ? _chains : [Get(chain)])
        {
            entry.Counters = default;
            for (int index = 0; index < entry.Rules.Count; index++)
            {
                entry.Rules[index] = entry.Rules[index] with { Counters = default };
            }
        }
    }

    public void Rename(string chain, string name)
    {
        TableValidation.CheckName(name);
        Entry found = Get(chain);
        if (found.Policy is not null || Find(name) is not null)
        {
            throw Fail(found.Policy is not null ? $"the built-in chain '{chain}' keeps its name" : $"chain '{name}' exists already", chain);
        }

        _byName.Remove(chain);
        _byName.Add(name, found);
        found.Name = name;
        foreach (Entry entry in _chains)
        {
            for (int index = 0; index < entry.Rules.Count; index++)
            {
                if (entry.Rules[index].Target is ChainTarget jump && jump.Name == chain)
                {
                    entry.Rules[index] = entry.Rules[index] with { Target = new ChainTarget(name, jump.Goto) };
                }
            }
        }
    }

    private bool IsJumpedTo(string chain) => _chains.Any(entry => entry.Rules.Any(rule => rule.Target is ChainTarget jump && jump.Name == chain));

    private Entry? Find(string chain) => _byName.GetValueOrDefault(chain);

    private Entry Get(string chain) =>
        Find(chain) ?? throw new IptablesParseException($"table {_table} has no chain '{chain}'", 0, 1, chain, NearestWord.Find(chain, _chains.Select(entry => entry.Name)));

    private static IptablesParseException Fail(string reason, string token) => new(reason, 0, 1, token, null);

    private sealed class Entry(IptablesChain chain)
    {
        public string Name { get; set; } = chain.Name;

        public IptablesVerdict? Policy { get; set; } = chain.Policy;

        public IptablesCounters Counters { get; set; } = chain.Counters;

        public List<IptablesRule> Rules { get; } = [.. chain.Rules];

        public IptablesChain Build() => new() { Name = Name, Policy = Policy, Counters = Counters, Rules = [.. Rules] };
    }
}
