namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>devgroup: the group of the interface (struct xt_devgroup_info).</summary>
internal sealed class DevgroupMatch : XtMatch
{
    public override string Name => "devgroup";

    public override int Size => 20;

    public override IReadOnlyList<XtOption> Options { get; } = [new("src-group", 0, ArgumentOrNot), new("dst-group", 1, ArgumentOrNot)];

    public override void Parse(OptionCall call)
    {
        (uint value, uint mask) = call.MarkMask();
        call.Info.Put32(4 + (call.Id * 8), value);
        call.Info.Put32(8 + (call.Id * 8), mask);
        call.Info.Or32(0, (call.Negated ? 3u : 1) << (call.Id * 2));
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --src-group or --dst-group");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(0);
        for (int side = 0; side < 2; side++)
        {
            if ((flags & (1 << (side * 2))) != 0)
            {
                writer.Not((flags & (2 << (side * 2))) != 0).Write(side == 0 ? " --src-group" : " --dst-group")
                    .ValueMask(info.UInt32(4 + (side * 8)), info.UInt32(8 + (side * 8)));
            }
        }
    }
}
