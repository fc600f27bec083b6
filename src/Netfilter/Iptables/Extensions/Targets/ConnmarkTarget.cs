namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>CONNMARK: sets, saves or restores the flow's mark (struct xt_connmark_tginfo2).</summary>
internal sealed class ConnmarkTarget : XtTarget
{
    private const int ConnectionMask = 4, PacketMask = 8, ShiftRight = 12, ShiftBits = 13, ModeField = 14;
    private const byte Set = 0, Save = 1, Restore = 2;
    private const uint Operations = 0x7f;

    public override string Name => "CONNMARK";

    public override byte Revision => 2;

    public override int Size => 16;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("set-xmark", 0, XtOptionUse.Argument, Operations), new("set-mark", 1, XtOptionUse.Argument, Operations),
        new("and-mark", 2, XtOptionUse.Argument, Operations), new("or-mark", 3, XtOptionUse.Argument, Operations),
        new("xor-mark", 4, XtOptionUse.Argument, Operations), new("save-mark", 5, XtOptionUse.None, Operations),
        new("restore-mark", 6, XtOptionUse.None, Operations), new("ctmask", 7, XtOptionUse.Argument, 1 << 9), new("nfmask", 8, XtOptionUse.Argument, 1 << 9),
        new("mask", 9, XtOptionUse.Argument, 3 << 7), new("left-shift-mark", 10), new("right-shift-mark", 11),
    ];

    public override void Initialize(Span<byte> info)
    {
        info.Put32(ConnectionMask, uint.MaxValue);
        info.Put32(PacketMask, uint.MaxValue);
    }

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case <= 4:
                (uint value, uint mask) = MarkTarget.MarkChange(call);
                info[ModeField] = Set;
                info.Put32(0, value);
                info.Put32(ConnectionMask, mask);
                break;
            case 5 or 6:
                info[ModeField] = call.Id == 5 ? Save : Restore;
                break;
            case 7 or 8:
                info.Put32(call.Id == 7 ? ConnectionMask : PacketMask, call.UInt32());
                break;
            case 9:
                uint both = call.UInt32();
                info.Put32(ConnectionMask, both);
                info.Put32(PacketMask, both);
                break;
            default:
                info[ShiftRight] = call.Id == 11 ? (byte)1 : (byte)0;
                info[ShiftBits] = call.Byte(0, 32);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & Operations) == 0)
        {
            throw call.Fail("needs --set-xmark, --set-mark, --save-mark, --restore-mark or another operation");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint connection = info.UInt32(ConnectionMask), packet = info.UInt32(PacketMask);
        writer.Write(info[ModeField] switch
        {
            Set => $" --set-xmark 0x{info.UInt32(0):x}/0x{connection:x}",
            Save => $" --save-mark --nfmask 0x{packet:x} --ctmask 0x{connection:x}",
            Restore => $" --restore-mark --nfmask 0x{packet:x} --ctmask 0x{connection:x}",
            _ => " ERROR: UNKNOWN CONNMARK MODE",
        });
        if (info[ShiftBits] != 0)
        {
            writer.Write($" --{(info[ShiftRight] != 0 ? "right" : "left")}-shift-mark {info[ShiftBits]}");
        }
    }
}
