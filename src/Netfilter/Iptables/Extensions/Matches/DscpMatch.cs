namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>dscp: the differentiated services field (struct xt_dscp_info).</summary>
internal sealed class DscpMatch : XtMatch
{
    public override string Name => "dscp";

    public override int Size => 2;

    public override IReadOnlyList<XtOption> Options { get; } = [new("dscp", 0, ArgumentOrNot, 2), new("dscp-class", 1, ArgumentOrNot, 1)];

    public override void Parse(OptionCall call)
    {
        call.Info[0] = call.Id == 0 ? call.Byte(0, 63) : DscpClasses.Parse(call);
        call.Info[1] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --dscp or --dscp-class");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Not(info[1] != 0).Write($" --dscp 0x{info[0]:x2}");
}
