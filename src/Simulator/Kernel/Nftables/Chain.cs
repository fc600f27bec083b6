using EucaNet.Simulator.Kernel.Nftables.Expressions;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>A chain (struct nft_chain), with what a base chain has besides in <see cref="Base"/>.</summary>
internal sealed class Chain(Table table, string name, ulong handle) : INamedObject
{
    public Table Table { get; } = table;

    public string Name { get; set; } = name;

    public ulong Handle { get; } = handle;

    public bool IsDeleted { get; set; }

    public uint Flags { get; set; }

    public byte[]? UserData { get; init; }

    /// <summary>Rules in it, and jumps to it.</summary>
    public uint Use { get; set; }

    public BaseChain? Base { get; init; }

    /// <summary>All rules, deleted ones of the batch under way too.</summary>
    public LinkedList<Rule> Rules { get; } = new();

    /// <summary>The rules as packets see them; made anew by each commit that touched the chain.</summary>
    public Rule[] Compiled { get; private set; } = [];

    /// <summary>A chain without name that one rule owns (NFT_CHAIN_BINDING).</summary>
    public bool IsBinding { get; init; }

    /// <summary>The rule that owns it has come.</summary>
    public bool IsBound { get; set; }

    public IEnumerable<Rule> ActiveRules
    {
        get
        {
            for (LinkedListNode<Rule>? node = Rules.First; node is not null;)
            {
                LinkedListNode<Rule>? next = node.Next;
                if (!node.Value.IsDeleted)
                {
                    yield return node.Value;
                }

                node = next;
            }
        }
    }

    public Rule? FindRule(ulong handle)
    {
        foreach (Rule rule in Rules)
        {
            if (rule.Handle == handle)
            {
                return rule;
            }
        }

        return null;
    }

    public void Compile()
    {
        var rules = new List<Rule>(Rules.Count);
        foreach (Rule rule in Rules)
        {
            if (!rule.IsDeleted)
            {
                rules.Add(rule);
            }
        }

        Compiled = [.. rules];
    }
}

/// <summary>What makes a chain a base chain: where it hangs and what it does with packets that come out at its end.</summary>
internal sealed class BaseChain(ChainType type, byte hook, int priority)
{
    public ChainType Type { get; } = type;

    public byte Hook { get; } = hook;

    public int Priority { get; } = priority;

    /// <summary>Names of devices of netdev hooks; a name that ends in '/' stands for all that begin so.</summary>
    public List<string> Devices { get; set; } = [];

    public uint Policy { get; set; }

    /// <summary>Packets that met the policy; null where nobody counts.</summary>
    public ChainCounter? Counter { get; set; }
}

/// <summary>Counter of a base chain's policy.</summary>
internal sealed class ChainCounter
{
    public ulong Packets { get; set; }

    public ulong Bytes { get; set; }
}

/// <summary>filter, nat or route (struct nft_chain_type).</summary>
internal enum ChainType
{
    Filter,
    Route,
    Nat,
}

/// <summary>A rule (struct nft_rule).</summary>
internal sealed class Rule(ulong handle, Expression[] expressions, byte[]? userData)
{
    public ulong Handle { get; } = handle;

    public Expression[] Expressions { get; } = expressions;

    public byte[]? UserData { get; } = userData;

    public bool IsDeleted { get; set; }
}
