using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What match and target share (nft_compat.c): an extension of xtables with its data.</summary>
internal abstract class CompatExpression : Expression
{
    private const ushort NameAttribute = 1, RevisionAttribute = 2, DataAttribute = 3;

    private int _references;

    private static readonly AttributePolicy RuleCompatPolicy = new(
        NFTA_RULE_COMPAT_FLAGS, (NFTA_RULE_COMPAT_PROTO, AttributePolicy.U32), (NFTA_RULE_COMPAT_FLAGS, AttributePolicy.U32));

    protected static AttributePolicy Policy { get; } = new(
        DataAttribute, (NameAttribute, AttributePolicy.Text(29)), (RevisionAttribute, AttributePolicy.U32ByteSized), (DataAttribute, AttributePolicy.Data));

    /// <summary>The extension.</summary>
    public Extension Extension { get; protected init; } = null!;

    /// <summary>Its data, as user space sent it.</summary>
    public byte[] Data { get; private set; } = [];

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    protected abstract bool IsTarget { get; }

    protected static LinuxError Find(NftContext context, ParsedAttributes table, bool isTarget, out Extension? extension)
    {
        extension = null;
        if (!table.Has(NameAttribute) || !table.Has(RevisionAttribute) || !table.Has(DataAttribute))
        {
            return LinuxError.EINVAL;
        }

        string name = table[NameAttribute].Name;
        var revision = (byte)table[RevisionAttribute].UInt32BigEndian;
        extension = isTarget ? ExtensionRegistry.FindTarget(name, revision, context.Family) : ExtensionRegistry.FindMatch(name, revision, context.Family);
        if (extension is null)
        {
            return LinuxError.ENOENT;
        }

        // nf_tables takes a size that varies for one that nothing reaches.
        return extension.Size < 0 || extension.Size > table[DataAttribute].Length ? LinuxError.EINVAL : LinuxError.None;
    }

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        Data = new byte[table[DataAttribute].Length + 7 & ~7];
        table[DataAttribute].Value.CopyTo(Data);
        uint protocol = 0, flags = 0;
        if (context.Attributes[NFTA_RULE_COMPAT] is { Exists: true } compat)
        {
            LinuxError error = compat.Parse(RuleCompatPolicy, out ParsedAttributes rule);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (!rule.Has(NFTA_RULE_COMPAT_PROTO) || !rule.Has(NFTA_RULE_COMPAT_FLAGS))
            {
                return LinuxError.EINVAL;
            }

            flags = rule[NFTA_RULE_COMPAT_FLAGS].UInt32BigEndian;
            protocol = rule[NFTA_RULE_COMPAT_PROTO].UInt32BigEndian;
            if ((flags & NFT_RULE_COMPAT_F_UNUSED) != 0 || (flags & ~NFT_RULE_COMPAT_F_MASK) != 0)
            {
                return LinuxError.EINVAL;
            }

            if (protocol > ushort.MaxValue)
            {
                return LinuxError.EINVAL;
            }
        }

        return ExtensionChecks.Check(
            Extension, Data, IsTarget, new ExtensionPlace(context.Table!.Name, context.Family, HooksOf(context.Chain), (ushort)protocol, (flags & NFT_RULE_COMPAT_F_INV) != 0, context.Subsystem.Kernel.IpSets, context.Family != NFPROTO_BRIDGE || context.Profile.HasBridgeConntrack));
    }

    /// <summary>Keeps what the block names while the rule is there (1), or lets it go (0).</summary>
    protected LinuxError Hold(NftContext context, int references)
    {
        if (!ExtensionHolds.Hold(Extension, Data, context.Subsystem.Kernel, references - _references))
        {
            return LinuxError.EINVAL;
        }

        _references = references;
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (IsTarget && validation.Family == NFPROTO_BRIDGE && Extension.Family != NFPROTO_BRIDGE)
        {
            // A target of ebtables says its verdict in numbers of its own (nft_target_bridge_validate).
            return LinuxError.ENOENT;
        }

        if (validation.Family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET or NFPROTO_BRIDGE or NFPROTO_ARP))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (validation.Base is not { } chain)
        {
            return LinuxError.None;
        }

        if (Extension.Table == "nat" && chain.Type != ChainType.Nat && validation.Family != NFPROTO_BRIDGE)
        {
            return LinuxError.EINVAL;
        }

        return Extension.Hooks != 0 && (Extension.Hooks & 1u << chain.Hook) == 0 ? LinuxError.EINVAL : LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteName(ref writer, NameAttribute, Extension.Name);
        writer.WriteUInt32BigEndian(RevisionAttribute, Extension.Revision);
        byte[] shown = Data[..Math.Min(Data.Length, Extension.AlignedSize)];
        int visible = Extension.UserSize != 0 ? Extension.UserSize : Extension.Size;
        if (visible < shown.Length)
        {
            shown = (byte[])shown.Clone();
            Array.Clear(shown, visible, shown.Length - visible);
        }

        writer.WriteBytes(DataAttribute, shown);
    }

    private static uint HooksOf(Chain? chain) => chain?.Base is { } baseChain ? 1u << baseChain.Hook : 0;
}

/// <summary>match: goes on where an xtables match holds.</summary>
internal sealed class MatchExpression : CompatExpression
{
    public static ExpressionType Type { get; } = new(
        Policy,
        (NftContext context, ParsedAttributes table, out Expression? expression) =>
        {
            LinuxError error = Find(context, table, isTarget: false, out Extension? extension);
            expression = error == LinuxError.None ? new MatchExpression { Extension = extension! } : null;
            return error;
        });

    private readonly MatchState _state = new();

    /// <inheritdoc />
    public override string Name => "match";

    /// <inheritdoc />
    protected override bool IsTarget => false;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = base.Init(context, table);
        if (error == LinuxError.None)
        {
            error = Hold(context, 1);
        }

        if (error == LinuxError.None && MatchEvaluation.UsesConntrack(Extension.Name))
        {
            _state.UsesConntrack = true;
            context.Subsystem.Kernel.Stack.Netfilter.UseConntrack(context.Family);
            MatchEvaluation.Prepare(Extension, context.Subsystem.Kernel);
        }

        return error;
    }

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (phase != DeactivatePhase.Prepare)
        {
            Hold(context, 0);
        }

        if (phase != DeactivatePhase.Prepare && _state.UsesConntrack)
        {
            _state.UsesConntrack = false;
            context.Subsystem.Kernel.Stack.Netfilter.ReleaseConntrack(context.Family);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        bool matches = MatchEvaluation.Matches(Extension, Data, _state, evaluation.Subsystem.Kernel, evaluation.Context);
        if (evaluation.Context.MustDrop)
        {
            evaluation.Decide(NF_DROP);
        }
        else if (!matches)
        {
            evaluation.Break();
        }
    }
}

/// <summary>target: does what an xtables target does.</summary>
internal sealed class TargetExpression : CompatExpression
{
    public static ExpressionType Type { get; } = new(
        Policy,
        (NftContext context, ParsedAttributes table, out Expression? expression) =>
        {
            LinuxError error = Find(context, table, isTarget: true, out Extension? extension);
            expression = error == LinuxError.None ? new TargetExpression { Extension = extension! } : null;
            return error;
        });

    private bool _usesConntrack;

    /// <inheritdoc />
    public override string Name => "target";

    /// <inheritdoc />
    protected override bool IsTarget => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = base.Init(context, table);
        if (error == LinuxError.None)
        {
            error = Hold(context, 1);
        }

        if (error == LinuxError.None && TargetEvaluation.UsesConntrack(Extension.Name, Data))
        {
            _usesConntrack = true;
            context.Subsystem.Kernel.Stack.Netfilter.UseConntrack(context.Family);
        }

        return error;
    }

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (phase != DeactivatePhase.Prepare)
        {
            Hold(context, 0);
        }

        if (phase != DeactivatePhase.Prepare && _usesConntrack)
        {
            _usesConntrack = false;
            context.Subsystem.Kernel.Stack.Netfilter.ReleaseConntrack(context.Family);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        int verdict = TargetEvaluation.Run(Extension, Data, evaluation.Context);
        if (verdict != TargetEvaluation.Continue)
        {
            evaluation.Decide(verdict);
        }
    }
}
