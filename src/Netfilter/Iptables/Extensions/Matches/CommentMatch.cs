namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>comment: a text that travels with the rule and matches everything (struct xt_comment_info).</summary>
internal sealed class CommentMatch : XtMatch
{
    public override string Name => "comment";

    public override int Size => 256;

    public override IReadOnlyList<XtOption> Options { get; } = [new("comment", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call) => call.PutText(0, 256);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write(" --comment").Quoted(info.Text(0, 256));
}
