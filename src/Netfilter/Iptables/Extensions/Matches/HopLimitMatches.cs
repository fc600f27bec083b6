namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>ttl and hl: how many hops a packet may still go (struct ipt_ttl_info, struct ip6t_hl_info).</summary>
internal sealed class HopLimitMatch(string name, IptablesFamily family) : XtMatch
{
    private static readonly string[] Words = ["eq", "eq", "lt", "gt"];

    public override string Name => name;

    public override int Size => 2;

    public override IptablesFamily? Family => family;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new($"{name}-lt", 1, XtOptionUse.Argument, 7), new($"{name}-gt", 2, XtOptionUse.Argument, 7),
        new($"{name}-eq", 0, ArgumentOrNot, 7), new(name, 0, XtOptionUse.Argument, 7),
    ];

    public override void Parse(OptionCall call)
    {
        call.Info[1] = call.Byte();
        call.Info[0] = call.Id == 0 ? (call.Negated ? (byte)1 : (byte)0) : (byte)(call.Id + 1);
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail($"needs --{name}-eq, --{name}-lt or --{name}-gt");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Not(info[0] == 1).Write($" --{name}-{Words[info[0] & 3]} {info[1]}");
}
