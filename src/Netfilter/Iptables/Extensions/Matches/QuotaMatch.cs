namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>quota: a number of bytes that runs out (struct xt_quota_info).</summary>
internal sealed class QuotaMatch : XtMatch
{
    public override string Name => "quota";

    public override int Size => 24;

    public override int UserSize => 16;

    public override IReadOnlyList<XtOption> Options { get; } = [new("quota", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        call.Info.Put64(8, call.Number(0, ulong.MaxValue));
        call.Info.Put32(0, call.Negated ? 1u : 0);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Not((info.UInt32(0) & 1) != 0).Write($" --quota {info.UInt64(8)}");
}
