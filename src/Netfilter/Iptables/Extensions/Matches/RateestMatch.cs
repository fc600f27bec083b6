using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>rateest: compares rates that RATEEST estimates (struct xt_rateest_match_info).</summary>
internal sealed class RateestMatch : XtMatch
{
    private const int NameSize = 16, SecondName = 16, FlagsField = 32, ModeField = 34, RatesField = 36;
    private const ushort InvertFlag = 1, AbsoluteFlag = 2, RelativeFlag = 4, DeltaFlag = 8, BytesFlag = 16, PacketsFlag = 32;
    private static readonly string[] Modes = ["", "eq", "lt", "gt"];

    // The names of rates as iproute2 has them, in bits a second.
    private static readonly (string Name, double Scale)[] Units =
    [
        ("bit", 1), ("kibit", 1024), ("kbit", 1e3), ("mibit", 1024 * 1024), ("mbit", 1e6), ("gibit", 1024.0 * 1024 * 1024), ("gbit", 1e9),
        ("tibit", 1024.0 * 1024 * 1024 * 1024), ("tbit", 1e12),
        ("bps", 8), ("kibps", 8 * 1024), ("kbps", 8e3), ("mibps", 8 * 1024 * 1024), ("mbps", 8e6), ("gibps", 8 * 1024.0 * 1024 * 1024), ("gbps", 8e9),
        ("tibps", 8 * 1024.0 * 1024 * 1024 * 1024), ("tbps", 8e12),
    ];

    public override string Name => "rateest";

    public override int Size => 72;

    public override int UserSize => 56;

    // The four rates come in the block's order: bytes and packets of the first estimator, then of the second.
    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("rateest1", 0), new("rateest", 0), new("rateest2", 1),
        new("rateest-bps1", 2, XtOptionUse.None), new("rateest-pps1", 3, XtOptionUse.None),
        new("rateest-bps2", 4, XtOptionUse.None), new("rateest-bps", 4, XtOptionUse.None),
        new("rateest-pps2", 5, XtOptionUse.None), new("rateest-pps", 5, XtOptionUse.None),
        new("rateest-delta", 6, XtOptionUse.None),
        new("rateest-lt", 7, XtOptionUse.Invert), new("rateest-gt", 8, XtOptionUse.Invert), new("rateest-eq", 9, XtOptionUse.Invert),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                call.PutText(0, NameSize);
                break;
            case 1:
                call.PutText(SecondName, NameSize);
                info.Or16(FlagsField, RelativeFlag);
                break;
            case <= 5:
                bool bytes = call.Id % 2 == 0;
                info.Or16(FlagsField, bytes ? BytesFlag : PacketsFlag);
                if (call.TryTakeSecond() is { } rate)
                {
                    info.Put32(RatesField + ((call.Id - 2) * 4), bytes ? Rate(call, rate) : Packets(call, rate));
                }

                break;
            case 6:
                info.Or16(FlagsField, DeltaFlag);
                break;
            default:
                info.Put16(ModeField, call.Id switch { 7 => 2, 8 => 3, _ => 1 });
                info.Or16(FlagsField, call.Negated ? InvertFlag : (ushort)0);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        if ((((ReadOnlySpan<byte>)call.Info).UInt16(FlagsField) & RelativeFlag) == 0)
        {
            call.Info.Or16(FlagsField, AbsoluteFlag);
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort flags = info.UInt16(FlagsField);
        bool delta = (flags & DeltaFlag) != 0, relative = (flags & RelativeFlag) != 0;
        if (delta)
        {
            writer.Write(" --rateest-delta");
        }

        if (relative)
        {
            writer.Write($" --rateest1 {info.Text(0, NameSize)}");
            WriteRates(info, writer, flags);
            writer.Write($" --rateest2 {info.Text(SecondName, NameSize)}");
        }
        else
        {
            writer.Write($" --rateest {info.Text(0, NameSize)}");
            WriteRates(info, writer, flags);
        }
    }

    private static void WriteRates(ReadOnlySpan<byte> info, SaveWriter writer, ushort flags)
    {
        foreach ((string name, ushort flag, int field) in new[] { ("bps", BytesFlag, RatesField), ("pps", PacketsFlag, RatesField + 4) })
        {
            if ((flags & flag) == 0)
            {
                continue;
            }

            string Text(uint rate) => flag == PacketsFlag ? $" {rate}" : BitText(rate);
            string mode = $" --rateest-{Modes[Math.Min(info.UInt16(ModeField), (ushort)3)]}";
            if ((flags & DeltaFlag) != 0)
            {
                writer.Write($" --rateest-{name}1{Text(info.UInt32(field))}").Not((flags & InvertFlag) != 0).Write($"{mode} --rateest-{name}2");
            }
            else
            {
                writer.Not((flags & InvertFlag) != 0).Write($"{mode} --rateest-{name}");
            }

            if ((flags & (AbsoluteFlag | DeltaFlag)) != 0)
            {
                writer.Write(Text(info.UInt32(field + 8)));
            }
        }
    }

    private static string BitText(uint bytes)
    {
        double bits = bytes * 8.0;
        (double value, string unit) = bits >= 1e9 ? (bits / 1e6, "Mbit") : bits >= 1e6 ? (bits / 1e3, "Kbit") : (bits, "bit");
        return string.Create(CultureInfo.InvariantCulture, $" {value:F0}{unit}");
    }

    private static uint Rate(OptionCall call, string text)
    {
        int end = text.AsSpan().LastIndexOfAnyInRange('0', '9') + 1;
        string unit = text[end..].ToLowerInvariant();
        double scale = unit.Length == 0 ? 8 : Array.Find(Units, one => one.Name == unit).Scale;
        return scale > 0 && double.TryParse(text[..end], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? (uint)(value * scale / 8)
            : throw call.Fail($"'{text}' is no rate as 8kbit or 100KBps");
    }

    private static uint Packets(OptionCall call, string text) =>
        EucaNet.Netfilter.Iptables.Text.Numbers.TryWhole(text, uint.MaxValue, out ulong value) ? (uint)value : throw call.Fail($"'{text}' is no number of packets a second");
}
