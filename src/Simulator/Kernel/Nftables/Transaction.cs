namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>
/// The batch under way. Every change is made at once, with what undoes it and what finishes it: a commit finishes the changes
/// in their order (and says what happened to those who listen), an abort undoes them backwards.
/// </summary>
internal sealed class Transaction
{
    private readonly List<Step> _steps = [];

    public bool IsEmpty => _steps.Count == 0;

    /// <summary>A jump may have come: the chains must be walked before the commit.</summary>
    public bool NeedsValidation { get; set; }

    public HashSet<Table> TouchedTables { get; } = [];

    /// <summary>The table of the rule or element that came last.</summary>
    public Table? Last { get; set; }

    public void Touch(Table table)
    {
        TouchedTables.Add(table);
        Last = table;
    }

    /// <summary>Tables whose flags this batch changed.</summary>
    public HashSet<Table> UpdatedTables { get; } = [];

    /// <summary>Tables of which this batch changed a chain or deleted a base chain.</summary>
    public HashSet<Table> TablesWithChainUpdates { get; } = [];

    /// <summary>Chains made in this batch by the id the batch gave them (NFTA_CHAIN_ID).</summary>
    public List<(uint Id, Chain Chain)> ChainIds { get; } = [];

    /// <summary>Rules made in this batch by the id the batch gave them (NFTA_RULE_ID).</summary>
    public List<(uint Id, Chain Chain, Rule Rule)> RuleIds { get; } = [];

    /// <summary>Sets made in this batch by the id the batch gave them (NFTA_SET_ID).</summary>
    public List<(uint Id, Set Set)> SetIds { get; } = [];

    /// <summary>Chains made in this batch that belong to one rule (NFT_CHAIN_BINDING).</summary>
    public List<Chain> BindingChains { get; } = [];

    /// <summary>Something was made for a rule that did not come: a set without a name of its own, a chain of one rule (the binding list of nf_tables_commit).</summary>
    public bool LeavesUnbound => SetIds.Exists(static made => made.Set.IsAnonymous && made.Set.Bindings.Count == 0) || BindingChains.Exists(static chain => !chain.IsBound);

    /// <summary>Chains whose rules packets must see anew.</summary>
    public HashSet<Chain> TouchedChains { get; } = [];

    public void Add(Action? undo, Action? commit) => _steps.Add(new Step(undo, commit));

    public void Commit()
    {
        foreach (Step step in _steps)
        {
            step.Commit?.Invoke();
        }

        _steps.Clear();
    }

    public void Abort()
    {
        for (int i = _steps.Count - 1; i >= 0; i--)
        {
            _steps[i].Undo?.Invoke();
        }

        _steps.Clear();
    }

    private readonly record struct Step(Action? Undo, Action? Commit);
}
