namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>MARK: sets the packet's mark (struct xt_mark_tginfo2).</summary>
internal sealed class MarkTarget : XtTarget
{
    public override string Name => "MARK";

    public override byte Revision => 2;

    public override int Size => 8;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("set-xmark", 0, XtOptionUse.Argument, 31), new("set-mark", 1, XtOptionUse.Argument, 31), new("and-mark", 2, XtOptionUse.Argument, 31),
        new("or-mark", 3, XtOptionUse.Argument, 31), new("xor-mark", 4, XtOptionUse.Argument, 31),
    ];

    public override void Parse(OptionCall call)
    {
        (uint value, uint mask) = MarkChange(call);
        call.Info.Put32(0, value);
        call.Info.Put32(4, mask);
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --set-xmark, --set-mark, --and-mark, --or-mark or --xor-mark");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write($" --set-xmark 0x{info.UInt32(0):x}/0x{info.UInt32(4):x}");

    /// <summary>What the five ways to say it come down to: clear the mask's bits, then flip the value's.</summary>
    internal static (uint Value, uint Mask) MarkChange(OptionCall call)
    {
        if (call.Id <= 1)
        {
            (uint value, uint mask) = call.MarkMask();
            return (value, call.Id == 0 ? mask : value | mask);
        }

        uint number = call.UInt32();
        return call.Id switch
        {
            2 => (0, ~number),
            3 => (number, number),
            _ => (number, 0),
        };
    }
}
