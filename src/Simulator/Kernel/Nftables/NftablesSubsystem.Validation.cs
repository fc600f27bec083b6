using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What is checked of whole rule sets before a commit: jumps that never end, expressions at hooks where they can't work.</summary>
internal sealed partial class NftablesSubsystem
{
    /// <summary>NFT_JUMP_STACK_SIZE.</summary>
    public const int JumpStackSize = 16;

    /// <summary>What is wrong with the tables that the batch under way touched, should it be carried out.</summary>
    public LinuxError ValidateTouchedTables() => ValidateTables(_transaction.TouchedTables);

    /// <summary>What is wrong with the table of the last rule or element of the batch under way, where the batch touches its chains.</summary>
    public LinuxError ValidateLastTable() => ValidateTables(_transaction.Last is { } table && _transaction.TouchedTables.Contains(table) ? [table] : []);

    private LinuxError ValidateTables(IEnumerable<Table> tables)
    {
        if (!_transaction.NeedsValidation)
        {
            return LinuxError.None;
        }

        foreach (Table table in tables)
        {
            if (table.IsDeleted)
            {
                continue;
            }

            foreach (Chain chain in table.Chains.Active)
            {
                if (chain.Base is not null)
                {
                    LinuxError error = ValidateChain(new ChainValidation(chain), chain);
                    if (error != LinuxError.None)
                    {
                        return error;
                    }
                }
            }
        }

        return LinuxError.None;
    }

    /// <summary>Walks a chain and all it jumps to; deeper than the jump stack is EMLINK.</summary>
    public static LinuxError ValidateChain(ChainValidation validation, Chain chain)
    {
        if (validation.Level == JumpStackSize)
        {
            return LinuxError.EMLINK;
        }

        if (validation.IsKnown(chain))
        {
            return LinuxError.None;
        }

        foreach (Rule rule in chain.ActiveRules)
        {
            foreach (Expression expression in rule.Expressions)
            {
                LinuxError error = expression.Validate(validation);
                if (error != LinuxError.None)
                {
                    return error;
                }
            }
        }

        validation.Remember(chain);
        return LinuxError.None;
    }
}

/// <summary>A walk over the chains that one base chain reaches.</summary>
internal sealed class ChainValidation(Chain start)
{
    private readonly Dictionary<Chain, int> _levels = [];

    /// <summary>The chain the walk began at: a base chain, or one of unknown hook.</summary>
    public Chain Start { get; } = start;

    public BaseChain? Base => Start.Base;

    public byte Family => Start.Table.Family;

    /// <summary>Jumps taken so far.</summary>
    public int Level { get; set; }

    /// <summary>The chain was walked before, at this level or a deeper one.</summary>
    public bool IsKnown(Chain chain) => _levels.TryGetValue(chain, out int level) && level >= Level;

    public void Remember(Chain chain) => _levels[chain] = Level;

    /// <summary>The base chain is of this type; other chains are given the benefit of the doubt.</summary>
    public bool IsType(ChainType type) => Base is null || Base.Type == type;

    /// <summary>The base chain's hook is one of these (a bit each).</summary>
    public bool IsHook(uint hooks) => Base is null || (hooks & 1u << Base.Hook) != 0;
}
