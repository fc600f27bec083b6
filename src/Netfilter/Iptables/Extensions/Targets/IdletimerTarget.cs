namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>IDLETIMER: a timer that fires when nothing matches for a while (struct idletimer_tg_info_v1).</summary>
internal sealed class IdletimerTarget : XtTarget
{
    public override string Name => "IDLETIMER";

    public override byte Revision => 1;

    public override int Size => 48;

    public override int UserSize => 40;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("timeout", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("label", 1, XtOptionUse.Argument | XtOptionUse.Mandatory),
        new("alarm", 2, XtOptionUse.None),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.Info.Put32(0, call.UInt32());
                break;
            case 1:
                call.PutText(4, 28);
                break;
            default:
                call.Info[33] = 1;
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Write($" --timeout {info.UInt32(0)} --label {info.Text(4, 28)}").Write(info[33] == 1 ? " --alarm" : "");
}
