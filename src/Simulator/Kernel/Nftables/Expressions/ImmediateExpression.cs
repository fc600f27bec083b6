using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>immediate: puts a constant into a register, or decides.</summary>
internal sealed class ImmediateExpression : Expression
{
    private int _register;
    private RegisterData _data;

    public static ExpressionType Type { get; } = ExpressionType.Of<ImmediateExpression>(new AttributePolicy(
        NFTA_IMMEDIATE_DATA, (NFTA_IMMEDIATE_DREG, AttributePolicy.U32), (NFTA_IMMEDIATE_DATA, AttributePolicy.Nested)));

    /// <inheritdoc />
    public override string Name => "immediate";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <summary>What it decides; null where it is a constant.</summary>
    public Verdict? Verdict => _data.Verdict;

    private Chain? Target => _data.Verdict?.Chain;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_IMMEDIATE_DREG) || !table.Has(NFTA_IMMEDIATE_DATA))
        {
            return LinuxError.EINVAL;
        }

        bool isVerdict = table[NFTA_IMMEDIATE_DREG].UInt32BigEndian == NFT_REG_VERDICT;
        LinuxError error = RegisterData.Parse(context, table[NFTA_IMMEDIATE_DATA], isVerdict, RegisterData.ConstantSize, 0, isElement: false, out _data);
        if (error == LinuxError.None)
        {
            error = Registers.ParseStore(context, table[NFTA_IMMEDIATE_DREG], _data.Value.Length, _data.Verdict, isVerdict, out _register);
        }

        if (error != LinuxError.None)
        {
            return error;
        }

        if (Target is { } chain)
        {
            if (chain.IsBinding)
            {
                if (context.Chain!.IsBinding)
                {
                    return LinuxError.EOPNOTSUPP;
                }

                chain.Use++;
                chain.IsBound = true;
            }

            chain.Use++;
        }

        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Activate(NftContext context)
    {
        if (Target is not { } chain)
        {
            return;
        }

        chain.Use++;
        if (chain.IsBinding)
        {
            chain.Table.Chains.Restore(chain);
            foreach (Rule rule in chain.Rules)
            {
                foreach (Expression expression in rule.Expressions)
                {
                    expression.Activate(context.With(chain.Table, chain));
                }
            }
        }
    }

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (Target is not { } chain)
        {
            return;
        }

        if (phase != DeactivatePhase.Commit)
        {
            chain.Use--;
        }

        if (!chain.IsBinding)
        {
            return;
        }

        if (phase is DeactivatePhase.Error or DeactivatePhase.Abort)
        {
            chain.IsBound = false;
            chain.Use--;
            return;
        }

        // An anonymous chain goes with the rule that jumps to it.
        foreach (Rule rule in chain.Rules)
        {
            foreach (Expression expression in rule.Expressions)
            {
                expression.Deactivate(context.With(chain.Table, chain), phase);
            }
        }

        if (phase == DeactivatePhase.Prepare)
        {
            chain.Table.Chains.Hide(chain);
        }
        else
        {
            chain.Table.Chains.Remove(chain);
            chain.Table.Use--;
        }
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (Target is not { } chain)
        {
            return LinuxError.None;
        }

        validation.Level++;
        LinuxError error = NftablesSubsystem.ValidateChain(validation, chain);
        validation.Level--;
        return error;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_IMMEDIATE_DREG, _register);
        NftMessage.WriteData(ref writer, NFTA_IMMEDIATE_DATA, _data);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (_data.Verdict is { } verdict)
        {
            evaluation.Verdict = verdict;
        }
        else
        {
            _data.Value.CopyTo(evaluation.Data(_register));
        }
    }
}
