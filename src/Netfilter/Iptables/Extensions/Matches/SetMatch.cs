namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>set: whether a set of the kernel holds the packet's addresses and ports (struct xt_set_info_match_v4).</summary>
internal sealed class SetMatch : XtMatch
{
    private const int PacketsField = 8, BytesField = 24, OperatorOffset = 8, FlagsField = 40;
    private const uint SkipCounters = 8, SkipSubcounters = 16, ReturnNomatch = 128;
    private const int Equal = 1, NotEqual = 2, Less = 3, Greater = 4;

    public override string Name => "set";

    public override byte Revision => 4;

    public override int Size => 48;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("match-set", 0, ArgumentOrNot | XtOptionUse.Mandatory), new("set", 0, ArgumentOrNot | XtOptionUse.Mandatory),
        new("return-nomatch", 1, XtOptionUse.Multiple),
        new("update-counters", 2, XtOptionUse.Invert | XtOptionUse.Multiple), new("update-subcounters", 3, XtOptionUse.Invert | XtOptionUse.Multiple),
        new("packets-eq", 4, ArgumentOrNot, 0x60), new("packets-lt", 5, XtOptionUse.Argument, 0x50), new("packets-gt", 6, XtOptionUse.Argument, 0x30),
        new("bytes-eq", 7, ArgumentOrNot, 0x300), new("bytes-lt", 8, XtOptionUse.Argument, 0x280), new("bytes-gt", 9, XtOptionUse.Argument, 0x180),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                SetReference.Parse(call, 0);
                break;
            case 1:
                call.Info.Or32(FlagsField, ReturnNomatch);
                break;
            case 2 or 3:
                call.Info.Or32(FlagsField, !call.Negated ? 0 : call.Id == 2 ? SkipCounters : SkipSubcounters);
                break;
            default:
                int field = call.Id < 7 ? PacketsField : BytesField;
                call.Info.Put64(field, call.Number(0, ulong.MaxValue));
                call.Info[field + OperatorOffset] = (byte)(((call.Id - 4) % 3) switch
                {
                    0 => call.Negated ? NotEqual : Equal,
                    1 => Less,
                    _ => Greater,
                });
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        SetReference.Print(info, 0, "match-set", writer);
        uint flags = info.UInt32(FlagsField);
        writer.Write((flags & ReturnNomatch) != 0 ? " --return-nomatch" : "")
            .Write((flags & SkipCounters) != 0 ? " ! --update-counters" : "")
            .Write((flags & SkipSubcounters) != 0 ? " ! --update-subcounters" : "");
        Counter(info, PacketsField, "packets", writer);
        Counter(info, BytesField, "bytes", writer);
    }

    private static void Counter(ReadOnlySpan<byte> info, int field, string name, SaveWriter writer)
    {
        int compared = info[field + OperatorOffset];
        if (compared is Equal or NotEqual or Less or Greater)
        {
            writer.Not(compared == NotEqual).Write($" --{name}-{(compared == Less ? "lt" : compared == Greater ? "gt" : "eq")} {info.UInt64(field)}");
        }
    }
}
