namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>cpu: the processor that handles the packet (struct xt_cpu_info).</summary>
internal sealed class CpuMatch : XtMatch
{
    public override string Name => "cpu";

    public override int Size => 8;

    public override IReadOnlyList<XtOption> Options { get; } = [new("cpu", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        call.Info.Put32(0, call.UInt32());
        call.Info.Put32(4, call.Negated ? 1u : 0);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Not(info.UInt32(4) != 0).Write($" --cpu {info.UInt32(0)}");
}
