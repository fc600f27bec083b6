using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>RATEEST: estimates a rate under a name (struct xt_rateest_target_info).</summary>
internal sealed class RateestTarget : XtTarget
{
    private const int IntervalField = 16, LogField = 17, TimesField = 24;
    private const double UnitsPerSecond = 1_000_000;

    public override string Name => "RATEEST";

    public override int Size => 32;

    public override int UserSize => 24;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("rateest-name", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("rateest-interval", 1, XtOptionUse.Argument | XtOptionUse.Mandatory),
        new("rateest-ewmalog", 2, XtOptionUse.Argument | XtOptionUse.Mandatory),
    ];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            call.PutText(0, 16);
        }
        else
        {
            call.Info.Put32(TimesField + ((call.Id - 1) * 4), ParseTime(call));
        }
    }

    public override void Finish(FinishCall call)
    {
        // The two times lie where the kernel keeps its pointer until both are known.
        ReadOnlySpan<byte> info = call.Info;
        uint interval = info.UInt32(TimesField), average = info.UInt32(TimesField + 4);
        call.Info.Put64(TimesField, 0);
        int step = 0;
        while (step <= 5 && interval > (1u << step) * (UnitsPerSecond / 4))
        {
            step++;
        }

        int log = 1;
        while (log < 32 && !(interval / -Math.Log(1.0 - (1.0 / (1u << log))) > average))
        {
            log++;
        }

        log--;
        if ((call.Given & 7) == 7 && (step > 5 || log is 0 or >= 31))
        {
            throw call.Fail(step > 5 ? "the interval is too long" : "--rateest-ewmalog is out of range");
        }

        call.Info[IntervalField] = (byte)(sbyte)(step - 2);
        call.Info[LogField] = (byte)log;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint interval = (uint)(1_000_000L << ((sbyte)info[IntervalField] + 2)) / 4;
        writer.Write($" --rateest-name {info.Text(0, 16)} --rateest-interval {Time(interval)} --rateest-ewmalog {Time(interval * (1u << info[LogField]))}");
    }

    private static string Time(uint microseconds) => microseconds switch
    {
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1_000_000.0:F1}s"),
        >= 1_000 => string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1_000.0:F1}ms"),
        _ => $"{microseconds}us",
    };

    private static uint ParseTime(OptionCall call)
    {
        string text = call.Argument.TrimEnd("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".ToCharArray());
        double factor = call.Argument[text.Length..].ToUpperInvariant() switch
        {
            "" or "US" or "USEC" or "USECS" => 1,
            "MS" or "MSEC" or "MSECS" => 1_000,
            "S" or "SEC" or "SECS" => 1_000_000,
            _ => throw call.Fail($"'{call.Argument}' is no time as 250ms or 1s"),
        };
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= 0
            ? (uint)(value * factor)
            : throw call.Fail($"'{call.Argument}' is no time as 250ms or 1s");
    }
}
