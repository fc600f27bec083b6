using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>lookup: goes on where a set holds a register's value, and takes what a map says for it.</summary>
internal sealed class LookupExpression : Expression
{
    private Set _set = null!;
    private SetBinding _binding = null!;
    private int _source, _destination = -1;
    private bool _inverts;

    public static ExpressionType Type { get; } = ExpressionType.Of<LookupExpression>(new AttributePolicy(
        NFTA_LOOKUP_FLAGS,
        (NFTA_LOOKUP_SET, AttributePolicy.ObjectName),
        (NFTA_LOOKUP_SREG, AttributePolicy.U32),
        (NFTA_LOOKUP_DREG, AttributePolicy.U32),
        (NFTA_LOOKUP_SET_ID, AttributePolicy.U32),
        (NFTA_LOOKUP_FLAGS, AttributePolicy.Flags32(NFT_LOOKUP_F_INV))));

    /// <inheritdoc />
    public override string Name => "lookup";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_LOOKUP_SET) || !table.Has(NFTA_LOOKUP_SREG))
        {
            return LinuxError.EINVAL;
        }

        if (context.Subsystem.FindSet(context.Table!, table[NFTA_LOOKUP_SET], table[NFTA_LOOKUP_SET_ID]) is not { } set)
        {
            return LinuxError.ENOENT;
        }

        _set = set;
        LinuxError error = Registers.ParseLoad(context, table[NFTA_LOOKUP_SREG], set.Description.KeyLength, out _source);
        if (error != LinuxError.None)
        {
            return error;
        }

        _inverts = table.Has(NFTA_LOOKUP_FLAGS) && table[NFTA_LOOKUP_FLAGS].UInt32BigEndian != 0;

        if (table.Has(NFTA_LOOKUP_DREG))
        {
            if (_inverts || !set.IsMap)
            {
                return LinuxError.EINVAL;
            }

            error = Registers.ParseStore(context, table[NFTA_LOOKUP_DREG], set.Description.DataLength, null, set.IsVerdictMap, out _destination);
            if (error != LinuxError.None)
            {
                return error;
            }
        }
        else if (set.IsMap && (set.IsAnonymous || !context.Profile.IsAtLeast(6, 7)))
        {
            return LinuxError.EINVAL;
        }

        _binding = new SetBinding(context.Chain, set.Flags & NFT_SET_MAP);
        return context.Subsystem.Bind(context, set, _binding);
    }

    /// <inheritdoc />
    public override void Activate(NftContext context) => NftablesSubsystem.ActivateSet(_set);

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase) => context.Subsystem.DeactivateSet(context, _set, _binding, phase);

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (!_set.IsVerdictMap || _destination != Registers.Verdict)
        {
            return LinuxError.None;
        }

        foreach (SetElement element in _set.CatchAll is { } any ? _set.Store.Elements.Append(any) : _set.Store.Elements)
        {
            if (element.Data?.Verdict is not { IsJump: true, Chain: { } chain })
            {
                continue;
            }

            validation.Level++;
            LinuxError error = NftablesSubsystem.ValidateChain(validation, chain);
            validation.Level--;
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_LOOKUP_SET, _set.Name);
        NftMessage.WriteRegister(ref writer, NFTA_LOOKUP_SREG, _source);
        if (_destination >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_LOOKUP_DREG, _destination);
        }

        writer.WriteUInt32BigEndian(NFTA_LOOKUP_FLAGS, _inverts ? NFT_LOOKUP_F_INV : 0);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        SetElement? element = _set.Lookup(evaluation.Data(_source, _set.Description.KeyLength), evaluation.Now);
        if (element is not null == _inverts)
        {
            evaluation.Break();
            return;
        }

        if (element is null)
        {
            return;
        }

        foreach (Expression expression in element.Expressions)
        {
            expression.Evaluate(evaluation);
            if (evaluation.Verdict.Code == NFT_BREAK)
            {
                return;
            }
        }

        if (_destination < 0 || element.Data is not { } data)
        {
            return;
        }

        if (data.Verdict is { } verdict)
        {
            evaluation.Verdict = verdict;
        }
        else
        {
            evaluation.Store(_destination, data.Value);
        }
    }
}
