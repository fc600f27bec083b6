using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>CT: how connection tracking treats the flow (struct xt_ct_target_info_v1).</summary>
internal class CtTarget : XtTarget
{
    protected const ushort NoTrack = 1, NoTrackAlias = 2;
    private const ushort ZoneOriginal = 4, ZoneReply = 8, ZoneMark = 16;
    private const int ZoneField = 2, EventsField = 4, ExpectationsField = 8, HelperField = 12, TimeoutField = 28;

    private static readonly string[] Events =
        ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];

    public override string Name => "CT";

    public override string KernelName => "CT";

    public override byte Revision => 2;

    public override int Size => 72;

    public override int UserSize => 64;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("notrack", 0, XtOptionUse.None), new("helper", 1), new("timeout", 2), new("ctevents", 3), new("expevents", 4),
        new("zone", 5), new("zone-orig", 6), new("zone-reply", 7),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                info.Or16(0, NoTrack);
                break;
            case 1:
                call.PutText(HelperField, 16);
                break;
            case 2:
                call.PutText(TimeoutField, 32);
                break;
            case 3:
                info.Put32(EventsField, ParseEvents(call, Events));
                break;
            case 4:
                info.Put32(ExpectationsField, ParseEvents(call, ["new"]));
                break;
            default:
                info.Or16(0, call.Id == 6 ? ZoneOriginal : call.Id == 7 ? ZoneReply : (ushort)0);
                if (call.Argument.Equals("mark", StringComparison.OrdinalIgnoreCase))
                {
                    info.Or16(0, ZoneMark);
                }
                else
                {
                    info.Put16(ZoneField, call.UInt16());
                }

                break;
        }
    }

    public override void Finish(FinishCall call) => call.RequireTable("raw");

    public override string PrintedName(ReadOnlySpan<byte> info) => (info.UInt16(0) & NoTrackAlias) != 0 ? "NOTRACK" : "CT";

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort flags = info.UInt16(0), zone = info.UInt16(ZoneField);
        if ((flags & NoTrackAlias) != 0)
        {
            return;
        }

        string helper = info.Text(HelperField, 16), timeout = info.Text(TimeoutField, 32);
        writer.Write((flags & NoTrack) != 0 ? " --notrack" : "").Write(helper.Length > 0 ? $" --helper {helper}" : "")
            .Write(timeout.Length > 0 ? $" --timeout {timeout}" : "");
        PrintEvents(writer, " --ctevents ", Events, info.UInt32(EventsField));
        PrintEvents(writer, " --expevents ", ["new"], info.UInt32(ExpectationsField));
        if ((flags & ZoneMark) != 0 || zone != 0)
        {
            string direction = (flags & (ZoneOriginal | ZoneReply)) switch
            {
                ZoneOriginal => "-orig",
                ZoneReply => "-reply",
                _ => "",
            };
            writer.Write($" --zone{direction} {((flags & ZoneMark) != 0 ? "mark" : $"{zone}")}");
        }
    }

    private static void PrintEvents(SaveWriter writer, string word, string[] names, uint events)
    {
        if (events != 0)
        {
            writer.Write(word).Write(string.Join(',', names.Where((_, index) => (events & (1 << index)) != 0)));
        }
    }

    private static uint ParseEvents(OptionCall call, string[] names)
    {
        uint events = 0;
        foreach (string word in call.Argument.Split(','))
        {
            int index = Array.IndexOf(names, word);
            events |= index >= 0 ? 1u << index : throw call.Fail($"unknown event '{word}'", NearestWord.Find(word, names));
        }

        return events;
    }
}

/// <summary>NOTRACK: the older word for CT --notrack; the block is CT's, with a mark that tells the two apart.</summary>
internal sealed class NotrackTarget : CtTarget
{
    public override string Name => "NOTRACK";

    public override bool IsAlias => true;

    public override IReadOnlyList<XtOption> Options { get; } = [];

    public override void Initialize(Span<byte> info) => info.Put16(0, NoTrack | NoTrackAlias);
}
