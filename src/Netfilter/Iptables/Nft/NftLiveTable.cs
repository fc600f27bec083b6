using EucaNet.Netfilter.Nftables;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>A chain as the kernel has it: its rules as they were read, and as rules of iptables where they are such.</summary>
internal sealed class NftLiveChain(string name, Chain? chain, IReadOnlyList<Rule> rules)
{
    private IptablesRule?[]? _decoded;

    public string Name { get; } = name;

    /// <summary>The chain's own message; null where only its rules were read.</summary>
    public Chain? Chain { get; } = chain;

    public IReadOnlyList<Rule> Rules { get; } = rules;

    /// <summary>The first rule that is not of iptables, in words; null where all are.</summary>
    public string? Refusal { get; private set; }

    /// <summary>The rules of iptables; null in the place of a rule that is none.</summary>
    public IReadOnlyList<IptablesRule?> Decoded
    {
        get
        {
            if (_decoded is null)
            {
                _decoded = new IptablesRule?[Rules.Count];
                for (int index = 0; index < _decoded.Length; index++)
                {
                    _decoded[index] = NftRuleDecoder.Decode(Rules[index], out string? refusal);
                    Refusal ??= refusal;
                }
            }

            return _decoded;
        }
    }
}

/// <summary>A table as the kernel has it. Base chains that are not in iptables' shape are not looked at and never touched.</summary>
internal sealed class NftLiveTable(string name, IReadOnlyList<NftLiveChain> chains)
{
    public static NftLiveTable Of(TableContent content, BuiltinTable shape)
    {
        var chains = new List<NftLiveChain>();
        foreach (ChainContent chain in content.Chains)
        {
            if (chain.Chain.Hook is null ? shape.Chain(chain.Chain.Name) is null : shape.Chain(chain.Chain.Name)?.Hook == chain.Chain.Hook.Number)
            {
                chains.Add(new NftLiveChain(chain.Chain.Name, chain.Chain, chain.Rules));
            }
        }

        return new NftLiveTable(content.Table.Name, chains);
    }

    private readonly Dictionary<string, NftLiveChain> _byName = chains.ToDictionary(chain => chain.Name);

    public string Name { get; } = name;

    public IReadOnlyList<NftLiveChain> Chains { get; } = chains;

    public NftLiveChain? Find(string chain) => _byName.GetValueOrDefault(chain);

    /// <summary>The table in the model. Built-in chains that are not there yet count as empty with policy ACCEPT.</summary>
    /// <param name="force">Leave out rules that are not of iptables instead of refusing the table.</param>
    /// <exception cref="IptablesTableException">A rule is not of iptables.</exception>
    public IptablesTable ToModel(bool force)
    {
        List<IptablesChain> chains = [.. IptablesTable.Empty(Name).Chains.Where(chain => Find(chain.Name) is null)];
        foreach (NftLiveChain live in Chains)
        {
            IReadOnlyList<IptablesRule?> decoded = live.Decoded;
            if (live.Refusal is { } refusal && !force)
            {
                throw new IptablesTableException($"Table {Name} holds what is not of iptables, so iptables cannot show or change it: {refusal}. Use nft for it.");
            }

            chains.Add(new IptablesChain
            {
                Name = live.Name,
                Policy = live.Chain?.Hook is null ? null : live.Chain.Policy == ChainPolicy.Drop ? IptablesVerdict.Drop : IptablesVerdict.Accept,
                Counters = live.Chain?.Counters is { } counters ? new IptablesCounters(counters.Packets, counters.Bytes) : default,
                Rules = [.. decoded.OfType<IptablesRule>()],
            });
        }

        return new IptablesTable { Name = Name, Chains = chains }.Sorted();
    }
}
