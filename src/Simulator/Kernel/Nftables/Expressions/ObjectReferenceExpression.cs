using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>objref: hands the packet to a stateful object.</summary>
internal sealed class ObjectReferenceExpression : Expression
{
    private StatefulObject _object = null!;

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_OBJREF_SET_ID,
            (NFTA_OBJREF_IMM_TYPE, AttributePolicy.U32),
            (NFTA_OBJREF_IMM_NAME, AttributePolicy.ObjectName),
            (NFTA_OBJREF_SET_SREG, AttributePolicy.U32),
            (NFTA_OBJREF_SET_NAME, AttributePolicy.ObjectName),
            (NFTA_OBJREF_SET_ID, AttributePolicy.U32)),
        (NftContext _, ParsedAttributes table, out Expression? expression) =>
        {
            expression = table.Has(NFTA_OBJREF_SET_SREG) && (table.Has(NFTA_OBJREF_SET_NAME) || table.Has(NFTA_OBJREF_SET_ID)) ? new ObjectMapExpression()
                : table.Has(NFTA_OBJREF_IMM_NAME) && table.Has(NFTA_OBJREF_IMM_TYPE) ? new ObjectReferenceExpression()
                : null;
            return expression is null ? LinuxError.EOPNOTSUPP : LinuxError.None;
        });

    /// <inheritdoc />
    public override string Name => "objref";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (context.Table!.Objects.Find(table[NFTA_OBJREF_IMM_NAME].Name, table[NFTA_OBJREF_IMM_TYPE].UInt32BigEndian) is not { } found)
        {
            return LinuxError.ENOENT;
        }

        _object = found;
        _object.Use++;
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Activate(NftContext context) => _object.Use++;

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (phase != DeactivatePhase.Commit)
        {
            _object.Use--;
        }
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_OBJREF_IMM_NAME, _object.Name);
        writer.WriteUInt32BigEndian(NFTA_OBJREF_IMM_TYPE, _object.Type);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _object.Evaluate(evaluation);
}

/// <summary>objref with a set: hands the packet to the object that a map names for a register's value.</summary>
internal sealed class ObjectMapExpression : Expression
{
    private Set _set = null!;
    private SetBinding _binding = null!;
    private int _register;

    /// <inheritdoc />
    public override string Name => "objref";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (context.Subsystem.FindSet(context.Table!, table[NFTA_OBJREF_SET_NAME], table[NFTA_OBJREF_SET_ID]) is not { } set)
        {
            return LinuxError.ENOENT;
        }

        _set = set;
        if ((set.Flags & NFT_SET_OBJECT) == 0)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = Registers.ParseLoad(context, table[NFTA_OBJREF_SET_SREG], set.Description.KeyLength, out _register);
        if (error != LinuxError.None)
        {
            return error;
        }

        _binding = new SetBinding(context.Chain, 0);
        return context.Subsystem.Bind(context, set, _binding);
    }

    /// <inheritdoc />
    public override void Activate(NftContext context) => NftablesSubsystem.ActivateSet(_set);

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase) => context.Subsystem.DeactivateSet(context, _set, _binding, phase);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_OBJREF_SET_SREG, _register);
        NftMessage.WriteName(ref writer, NFTA_OBJREF_SET_NAME, _set.Name);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (_set.Lookup(evaluation.Data(_register, _set.Description.KeyLength), evaluation.Now)?.Object is { } found)
        {
            found.Evaluate(evaluation);
        }
        else
        {
            evaluation.Break();
        }
    }
}
