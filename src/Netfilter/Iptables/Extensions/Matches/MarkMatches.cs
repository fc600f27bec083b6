namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>mark and connmark: a value behind a mask (struct xt_mark_mtinfo1).</summary>
internal abstract class MarkFamilyMatch : XtMatch
{
    public override byte Revision => 1;

    public override int Size => 12;

    public override IReadOnlyList<XtOption> Options { get; } = [new("mark", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        (uint value, uint mask) = call.MarkMask();
        call.Info.Put32(0, value);
        call.Info.Put32(4, mask);
        call.Info[8] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Not(info[8] != 0).Write(" --mark").ValueMask(info.UInt32(0), info.UInt32(4));
}

/// <summary>mark: the packet's mark.</summary>
internal sealed class MarkMatch : MarkFamilyMatch
{
    public override string Name => "mark";
}

/// <summary>connmark: the flow's mark.</summary>
internal sealed class ConnmarkMatch : MarkFamilyMatch
{
    public override string Name => "connmark";
}
