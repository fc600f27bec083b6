using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>statistic: by chance, or every nth packet (struct xt_statistic_info).</summary>
internal sealed class StatisticMatch : XtMatch
{
    private const int EveryField = 4, PacketField = 8, CountField = 12;

    public override string Name => "statistic";

    public override int Size => 24;

    public override int UserSize => 12;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("mode", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("probability", 1, ArgumentOrNot, 12),
        new("every", 2, ArgumentOrNot, 2, 8), new("packet", 3, XtOptionUse.Argument, 2, 4),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.Info.Put16(0, call.Choice([("random", (ushort)0), ("nth", (ushort)1)], "mode"));
                break;
            case 1:
                call.Info.Put32(EveryField, (uint)Math.Round(call.Double(0, 1) * 0x80000000, MidpointRounding.AwayFromZero));
                break;
            case 2:
                call.Info.Put32(EveryField, call.UInt32(1) - 1);
                break;
            default:
                call.Info.Put32(PacketField, call.UInt32());
                break;
        }

        call.Info.Or16(2, call.Negated ? (ushort)1 : (ushort)0);
    }

    public override void Finish(FinishCall call)
    {
        ReadOnlySpan<byte> info = call.Info;
        bool nth = info.UInt16(0) == 1;
        if ((call.Given & 1) != 0 && (call.Given & (nth ? 12u : 2u)) == 0)
        {
            throw call.Fail(nth ? "mode nth needs --every and --packet" : "mode random needs --probability");
        }

        if (info.UInt32(PacketField) > info.UInt32(EveryField))
        {
            throw call.Fail("--packet counts from 0 and is less than --every");
        }

        call.Info.Put32(CountField, info.UInt32(EveryField) - info.UInt32(PacketField));
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        bool negated = (info.UInt16(2) & 1) != 0;
        uint every = info.UInt32(EveryField);
        if (info.UInt16(0) == 0)
        {
            writer.Write(" --mode random").Not(negated).Write($" --probability {(every / (double)0x80000000).ToString("F11", CultureInfo.InvariantCulture)}");
        }
        else
        {
            writer.Write(" --mode nth").Not(negated).Write($" --every {every + 1} --packet {info.UInt32(PacketField)}");
        }
    }
}
