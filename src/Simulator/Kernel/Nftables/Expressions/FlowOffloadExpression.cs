using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>flow_offload: puts the packet's connection on the short cut of a flowtable.</summary>
internal sealed class FlowOffloadExpression : ConntrackUser
{
    private Flowtable _flowtable = null!;

    public static ExpressionType Type { get; } = ExpressionType.Of<FlowOffloadExpression>(new AttributePolicy(1, (1, AttributePolicy.ObjectName)));

    /// <inheritdoc />
    public override string Name => "flow_offload";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(1))
        {
            return LinuxError.EINVAL;
        }

        if (context.Table!.Flowtables.Find(table[1].Name) is not { } flowtable)
        {
            return LinuxError.ENOENT;
        }

        _flowtable = flowtable;
        _flowtable.Use++;
        return Use(context);
    }

    /// <inheritdoc />
    public override void Activate(NftContext context) => _flowtable.Use++;

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        base.Deactivate(context, phase);
        if (phase != DeactivatePhase.Commit)
        {
            _flowtable.Use--;
        }
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) => validation.IsHook(1u << Hook.Forward) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => NftMessage.WriteName(ref writer, 1, _flowtable.Name);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (_flowtable.ShortCuts is not { } cuts || evaluation is not { Input: { } input, Output: { } output } || !cuts.Add(evaluation.Packet, input, output))
        {
            evaluation.Break();
        }
    }
}
