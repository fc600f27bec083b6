using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>recent: a list of addresses seen lately (struct xt_recent_mtinfo_v1).</summary>
internal sealed class RecentMatch : XtMatch
{
    private const int SecondsField = 0, HitsField = 4, FlagsField = 8, InvertField = 9, NameField = 10, NameLength = 200, SideField = 210, MaskField = 212;
    private const byte Check = 1, Set = 2, Update = 4, Remove = 8, Ttl = 16, Reap = 32;

    private static readonly byte[] Bits = [Set, Check, Update, Remove];

    public override string Name => "recent";

    public override byte Revision => 1;

    public override int Size => 228;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("set", 0, XtOptionUse.Invert, 15), new("rcheck", 1, XtOptionUse.Invert, 15), new("update", 2, XtOptionUse.Invert, 15),
        new("remove", 3, XtOptionUse.Invert, 15), new("seconds", 4), new("reap", 5, XtOptionUse.None, 0, 16), new("hitcount", 6),
        new("rttl", 7, XtOptionUse.None, 9), new("name", 8), new("rsource", 9, XtOptionUse.None), new("rdest", 10, XtOptionUse.None), new("mask", 11),
    ];

    public override void Initialize(Span<byte> info)
    {
        info.PutText(NameField, NameLength, "DEFAULT");
        info.Slice(MaskField, 16).Fill(0xff);
    }

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case <= 3:
                info[FlagsField] |= Bits[call.Id];
                info[InvertField] = call.Negated ? (byte)1 : (byte)0;
                break;
            case 4:
                info.Put32(SecondsField, call.UInt32(1));
                break;
            case 5:
                info[FlagsField] |= Reap;
                break;
            case 6:
                info.Put32(HitsField, call.UInt32(0, 65535));
                break;
            case 7:
                info[FlagsField] |= Ttl;
                break;
            case 8:
                call.PutText(NameField, NameLength);
                break;
            case 9 or 10:
                info[SideField] = (byte)(call.Id - 9);
                break;
            default:
                info.Slice(MaskField, 16).Clear();
                info.PutAddress(MaskField, call.Host());
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & 15) == 0)
        {
            throw call.Fail("needs --set, --rcheck, --update or --remove");
        }

        if (call.Info[FlagsField] is var flags && (flags & (Set | Remove)) != 0 && (call.Given & 0x50) != 0)
        {
            throw call.Fail("--seconds and --hitcount stand with --rcheck or --update only");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte flags = info[FlagsField];
        uint seconds = info.UInt32(SecondsField), hits = info.UInt32(HitsField);
        writer.Not(info[InvertField] != 0).Write((flags & Set) != 0 ? " --set" : "").Write((flags & Check) != 0 ? " --rcheck" : "")
            .Write((flags & Update) != 0 ? " --update" : "").Write((flags & Remove) != 0 ? " --remove" : "")
            .Write(seconds != 0 ? $" --seconds {seconds}" : "").Write((flags & Reap) != 0 ? " --reap" : "")
            .Write(hits != 0 ? $" --hitcount {hits}" : "").Write((flags & Ttl) != 0 ? " --rttl" : "")
            .Write($" --name {info.Text(NameField, NameLength)} --mask {Addresses.Text(info.Address(MaskField, writer.Family))}")
            .Write(info[SideField] == 0 ? " --rsource" : " --rdest");
    }
}
