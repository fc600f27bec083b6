namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>state: the older words for conntrack's state; the kernel's block is conntrack's, with a mark that tells the two apart.</summary>
internal sealed class StateMatch : ConntrackMatch
{
    public override string Name => "state";

    public override bool IsAlias => true;

    public override IReadOnlyList<XtOption> Options { get; } = [new("state", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Initialize(Span<byte> info) => info.Put16(MatchFlags, StateAlias);

    public override void Finish(FinishCall call)
    {
    }
}
