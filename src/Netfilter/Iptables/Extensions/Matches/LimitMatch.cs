namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>limit: a rate over all packets (struct xt_rateinfo).</summary>
internal sealed class LimitMatch : XtMatch
{
    public const ulong Scale = 10_000;

    private const uint DefaultBurst = 5;

    public override string Name => "limit";

    public override int Size => 40;

    public override int UserSize => 8;

    public override IReadOnlyList<XtOption> Options { get; } = [new("limit", 0), new("limit-burst", 1)];

    public override void Initialize(Span<byte> info)
    {
        info.Put32(0, (uint)(Scale * 3600 / 3));
        info.Put32(4, DefaultBurst);
    }

    public override void Parse(OptionCall call)
    {
        if (call.Id == 1)
        {
            call.Info.Put32(4, call.UInt32(0, 10_000));
            return;
        }

        call.Info.Put32(0, Rates.TryParse(call.Argument, Scale, out ulong period, out _) && period > 0
            ? (uint)period
            : throw call.Fail($"'{call.Argument}' is no rate as 10/second or 5/min, 10000/second at most"));
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        writer.Write($" --limit {Rates.Print(info.UInt32(0), Scale).Text}");
        uint burst = info.UInt32(4);
        writer.Write(burst == DefaultBurst ? "" : $" --limit-burst {burst}");
    }
}
