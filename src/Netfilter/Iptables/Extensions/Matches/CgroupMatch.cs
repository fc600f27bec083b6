namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>cgroup: a control group's class number or path (struct xt_cgroup_info_v2).</summary>
internal sealed class CgroupMatch : XtMatch
{
    private const int PathField = 4, PathLength = 512;

    public override string Name => "cgroup";

    public override byte Revision => 2;

    public override int Size => 528;

    public override int UserSize => 520;

    public override IReadOnlyList<XtOption> Options { get; } = [new("path", 0, ArgumentOrNot), new("cgroup", 1, ArgumentOrNot)];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            call.PutText(PathField, PathLength);
        }
        else
        {
            call.Info.Put32(PathField, call.UInt32());
        }

        call.Info[call.Id] = 1;
        call.Info[2 + call.Id] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given is not (1 or 2))
        {
            throw call.Fail("needs either --path or --cgroup");
        }

        if (call.Given == 1 && call.Info[PathField] != '/')
        {
            throw call.Fail("--path begins with '/'");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if (info[0] != 0)
        {
            writer.Not(info[2] != 0).Write(" --path").Quoted(info.Text(PathField, PathLength));
        }

        if (info[1] != 0)
        {
            writer.Not(info[3] != 0).Write($" --cgroup {info.UInt32(PathField)}");
        }
    }
}
