namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>tos: the type of service octet behind a mask (struct xt_tos_match_info).</summary>
internal sealed class TosMatch : XtMatch
{
    public override string Name => "tos";

    public override byte Revision => 1;

    public override int Size => 3;

    public override IReadOnlyList<XtOption> Options { get; } = [new("tos", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        (call.Info[1], call.Info[0]) = TosValues.Parse(call);
        call.Info[2] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Not(info[2] != 0).Write($" --tos 0x{info[1]:x2}/0x{info[0]:x2}");
}
