namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>helper: flows a conntrack helper expected (struct xt_helper_info).</summary>
internal sealed class HelperMatch : XtMatch
{
    public override string Name => "helper";

    public override int Size => 36;

    public override IReadOnlyList<XtOption> Options { get; } = [new("helper", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        call.Info.Put32(0, call.Negated ? 1u : 0);
        call.PutText(4, 30);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Not(info.UInt32(0) != 0).Write(" --helper").Quoted(info.Text(4, 30));
}
