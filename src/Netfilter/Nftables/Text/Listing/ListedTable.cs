using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>What reading a rule needs to know of its table: the family, the sets by name, the chains that rules carry within.</summary>
internal sealed class ListedTable(NftablesFamily family, IEnumerable<ListedSet> sets, Func<string, bool> isBoundChain)
{
    private readonly Dictionary<string, ListedSet> _sets = sets.ToDictionary(set => set.Name);

    public NftablesFamily Family { get; } = family;

    public ListedSet? FindSet(string? name) => name is not null && _sets.TryGetValue(name, out ListedSet? set) ? set : null;

    /// <summary>The chain belongs to the rule that jumps to it.</summary>
    public bool IsBoundChain(string name) => isBoundChain(name);
}
