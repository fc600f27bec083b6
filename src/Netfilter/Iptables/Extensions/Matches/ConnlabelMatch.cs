namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>connlabel: a label of a flow, by number (struct xt_connlabel_mtinfo).</summary>
internal sealed class ConnlabelMatch : XtMatch
{
    public override string Name => "connlabel";

    public override byte Revision => 0;

    public override int Size => 4;

    public override IReadOnlyList<XtOption> Options { get; } = [new("label", 0, ArgumentOrNot | XtOptionUse.Mandatory), new("set", 1, XtOptionUse.None)];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            call.Info.Put16(0, call.UInt16(0, 127));
            call.Info.Or16(2, call.Negated ? (ushort)1 : (ushort)0);
        }
        else
        {
            call.Info.Or16(2, 2);
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort options = info.UInt16(2);
        writer.Not((options & 1) != 0).Write($" --label \"{info.UInt16(0)}\"").Write((options & 2) != 0 ? " --set" : "");
    }
}
