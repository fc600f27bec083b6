using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>time: hours, days and dates (struct xt_time_info).</summary>
internal sealed class TimeMatch : XtMatch
{
    private const uint AllMonthDays = 0xfffffffe, LastSecond = (24 * 60 * 60) - 1;
    private const byte AllWeekDays = 0xfe;

    private static readonly string[] WeekDays = ["", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

    public override string Name => "time";

    public override int Size => 24;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("datestart", 0), new("datestop", 1), new("timestart", 2), new("timestop", 3), new("contiguous", 4, XtOptionUse.None),
        new("monthdays", 5, ArgumentOrNot), new("weekdays", 6, ArgumentOrNot), new("localtz", 7, XtOptionUse.None, 1 << 8),
        new("utc", 8, XtOptionUse.None, (1 << 7) | (1 << 9)), new("kerneltz", 9, XtOptionUse.None, 1 << 8),
    ];

    public override void Initialize(Span<byte> info)
    {
        info.Put32(4, int.MaxValue);
        info.Put32(12, LastSecond);
        info.Put32(16, AllMonthDays);
        info[20] = AllWeekDays;
    }

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case <= 1:
                info.Put32(call.Id * 4, ParseDate(call));
                break;
            case <= 3:
                info.Put32(call.Id * 4, ParseTime(call));
                break;
            case 4:
                info[21] |= 2;
                break;
            case 5:
                uint monthDays = ParseDays(call, 31, null);
                info.Put32(16, call.Negated ? monthDays ^ AllMonthDays : monthDays);
                break;
            case 6:
                byte weekDays = (byte)ParseDays(call, 7, WeekDays);
                info[20] = call.Negated ? (byte)(weekDays ^ AllWeekDays) : weekDays;
                break;
            case 7 or 9:
                info[21] |= 1;
                break;
            default:
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        ReadOnlySpan<byte> info = call.Info;
        if ((call.Given & 16) != 0 && info.UInt32(8) < info.UInt32(12))
        {
            throw call.Fail("--contiguous has a meaning only where the stop time is before the start time");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint start = info.UInt32(8), stop = info.UInt32(12), monthDays = info.UInt32(16);
        byte weekDays = info[20];
        if (start != 0 || stop != LastSecond)
        {
            writer.Write($" --timestart {Clock(start)} --timestop {Clock(stop)}");
        }

        if (monthDays != AllMonthDays)
        {
            writer.Write($" --monthdays {string.Join(',', Enumerable.Range(1, 31).Where(day => (monthDays & (1u << day)) != 0))}");
        }

        if (weekDays != AllWeekDays)
        {
            writer.Write($" --weekdays {string.Join(',', WeekDays.Where((_, day) => day > 0 && (weekDays & (1 << day)) != 0))}");
        }

        PrintDate(writer, " --datestart ", info.UInt32(0));
        PrintDate(writer, " --datestop ", info.UInt32(4));
        writer.Write((info[21] & 1) != 0 ? " --kerneltz" : "").Write((info[21] & 2) != 0 ? " --contiguous" : "");
    }

    /// <summary>iptables-save prints a date also where none was given to stop at.</summary>
    private static void PrintDate(SaveWriter writer, string word, uint seconds)
    {
        if (seconds != 0)
        {
            writer.Write(word + DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture));
        }
    }

    private static string Clock(uint seconds) => $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}";

    private static uint ParseTime(OptionCall call)
    {
        string[] parts = call.Argument.Split(':');
        return parts.Length is 2 or 3 && Part(parts[0], 23) is { } hour && Part(parts[1], 59) is { } minute
            && (parts.Length == 2 ? 0 : Part(parts[2], 59)) is { } second
            ? (hour * 3600) + (minute * 60) + second
            : throw call.Fail($"'{call.Argument}' is no time as hh:mm or hh:mm:ss");
    }

    private static uint? Part(string text, uint most) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint value) && value <= most ? value : null;

    private static uint ParseDate(OptionCall call)
    {
        string[] formats = ["yyyy", "yyyy-M", "yyyy-M-d", "yyyy-M-d'T'H", "yyyy-M-d'T'H:m", "yyyy-M-d'T'H:m:s"];
        return DateTimeOffset.TryParseExact(call.Argument, formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date)
            && date.ToUnixTimeSeconds() is >= 0 and <= int.MaxValue
            ? (uint)date.ToUnixTimeSeconds()
            : throw call.Fail($"'{call.Argument}' is no date as YYYY[-MM[-DD[Thh[:mm[:ss]]]]] from 1970 to 2038");
    }

    private static uint ParseDays(OptionCall call, uint most, string[]? names)
    {
        uint days = 0;
        foreach (string word in call.Argument.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int named = names is null ? -1 : Array.FindIndex(names, name => name.Length > 0 && word.Length >= 2 && name[..2] == word[..2]);
            uint day = named > 0 ? (uint)named : Part(word, most) ?? throw call.Fail($"'{word}' is no day");
            days |= day > 0 ? 1u << (int)day : throw call.Fail("days count from 1");
        }

        return days;
    }
}
