using System.Globalization;
using System.Numerics;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints single values as their types ask for it.</summary>
internal static class ValuePrinter
{
    private const int SecondsPerDay = 86400;

    public static void Print(StringBuilder text, ValueNode value, ListingOptions options, bool numeric)
    {
        DataType type = value.Type;
        ulong number = (ulong)(value.Value & ulong.MaxValue);
        switch (type.Rendering)
        {
            case Rendering.Symbol or Rendering.QuotedSymbol:
                if (!numeric && value.Value <= ulong.MaxValue && type.Symbols!.TryGetValue(number, out string? symbol))
                {
                    text.Append(type.Rendering == Rendering.QuotedSymbol ? $"\"{symbol}\"" : symbol);
                }
                else
                {
                    PrintNumber(text, value);
                }

                break;
            case Rendering.Protocol:
                text.Append(!numeric && Symbols.Protocols.TryGetValue(number, out string? protocol) ? protocol : number.ToString(CultureInfo.InvariantCulture));
                break;
            case Rendering.Ip:
                PrintIp(text, value.Bytes());
                break;
            case Rendering.Ip6:
                PrintIp6(text, value.Bytes());
                break;
            case Rendering.LinkAddress:
                text.AppendJoin(':', value.Bytes().Select(octet => octet.ToString("x2", CultureInfo.InvariantCulture)));
                break;
            case Rendering.Text:
                PrintText(text, value);
                break;
            case Rendering.InterfaceIndex:
                text.Append(options.InterfaceName((uint)number) is { } name ? $"\"{name}\"" : ((int)number).ToString(CultureInfo.InvariantCulture));
                break;
            case Rendering.InterfaceGroup or Rendering.Realm or Rendering.Mark:
                if (!numeric && NumberedName(type, (uint)number, options) is { } given)
                {
                    text.Append('"').Append(given).Append('"');
                }
                else
                {
                    PrintNumber(text, value);
                }

                break;
            case Rendering.ControlGroup:
                text.Append(options.ControlGroupName(number) is { } path ? $"\"{path}\"" : number.ToString(CultureInfo.InvariantCulture));
                break;
            case Rendering.Label:
                int bit = Values.FirstOne(value.Value);
                text.Append(options.LabelName((uint)bit) is { } label ? $"\"{label}\"" : bit.ToString(CultureInfo.InvariantCulture));
                break;
            case Rendering.TrafficClass:
                text.Append(number switch { 0xffffffff => "root", 0 => "none", _ => string.Create(CultureInfo.InvariantCulture, $"{number >> 16:x}:{number & 0xffff:x}") });
                break;
            case Rendering.RelativeTime:
                PrintTime(text, number, numeric);
                break;
            case Rendering.Date:
                DateTimeOffset point = DateTimeOffset.FromUnixTimeSeconds((long)(number / 1_000_000_000));
                text.Append(CultureInfo.InvariantCulture, $"\"{point.ToOffset(options.TimeZone.GetUtcOffset(point)):yyyy-MM-dd HH:mm:ss}\"");
                break;
            case Rendering.Hour:
                PrintHour(text, number, options);
                break;
            case Rendering.Hexadecimal:
                text.Append("0x").Append(Hexadecimal(value.Value, 1));
                break;
            case Rendering.Invalid:
                text.Append("0x").Append(Hexadecimal(value.Value, 1)).Append(" [invalid type]");
                break;
            default:
                PrintNumber(text, value);
                break;
        }
    }

    /// <summary>The name that the administrator has given to a number of this type, or null.</summary>
    public static string? NumberedName(DataType type, uint number, ListingOptions options) => type.Rendering switch
    {
        Rendering.InterfaceGroup => options.InterfaceGroupName(number),
        Rendering.Realm => options.RealmName(number),
        Rendering.Mark => options.MarkName(number),
        _ => null,
    };

    /// <summary>Milliseconds in days, hours, minutes, seconds, milliseconds; numeric in seconds alone.</summary>
    public static void PrintTime(StringBuilder text, ulong milliseconds, bool numeric)
    {
        if (numeric)
        {
            text.Append(CultureInfo.InvariantCulture, $"{milliseconds / 1000}s");
            return;
        }

        (ulong Size, string Name)[] units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
        foreach ((ulong size, string name) in units)
        {
            if (milliseconds / size is > 0 and var count)
            {
                text.Append(CultureInfo.InvariantCulture, $"{count}{name}");
                milliseconds %= size;
            }
        }
    }

    private static void PrintNumber(StringBuilder text, ValueNode value)
    {
        if (value.Type.HexadecimalDigits is { } digits)
        {
            text.Append("0x").Append(Hexadecimal(value.Value, Math.Max(digits, 1)));
        }
        else
        {
            text.Append(value.Value.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static string Hexadecimal(BigInteger value, int digits) => value.ToString("x", CultureInfo.InvariantCulture).TrimStart('0').PadLeft(digits, '0');

    private static void PrintHour(StringBuilder text, ulong seconds, ListingOptions options)
    {
        // West of Greenwich the sum may be below zero: nft 1.0.6 prints an hour of seven digits then.
        long offset = (long)(options.HourOffset ?? options.TimeZone.BaseUtcOffset).TotalSeconds;
        int second = (int)(((uint)seconds + offset + SecondsPerDay) % SecondsPerDay);
        text.Append(CultureInfo.InvariantCulture, $"\"{second / 3600:00}:{second / 60 % 60:00}");
        if (second % 60 != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $":{second % 60:00}");
        }

        text.Append('"');
    }

    private static void PrintText(StringBuilder text, ValueNode value)
    {
        ReadOnlySpan<byte> bytes = value.Bytes();
        int end = bytes.IndexOf((byte)0);
        string name = Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
        if (value.IsWildcard == false && name.EndsWith('*'))
        {
            name = name[..^1] + "\\*";
        }

        text.Append('"').Append(name).Append(value.IsWildcard == true ? "*\"" : "\"");
    }

    private static void PrintIp(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ".")}{bytes[i]}");
        }
    }

    /// <summary>The shortest form (RFC 5952), with the last four bytes dotted where they hold an IPv4 address.</summary>
    private static void PrintIp6(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        Span<ushort> groups = stackalloc ushort[8];
        for (int i = 0; i < 8; i++)
        {
            groups[i] = (ushort)(bytes[i * 2] << 8 | bytes[i * 2 + 1]);
        }

        (int start, int length) = LongestZeros(groups);
        bool dotted = start == 0 && (length == 6 || (length == 5 && groups[5] == 0xffff));
        int last = dotted ? 6 : 8;
        for (int i = 0; i < last; i++)
        {
            if (i == start)
            {
                text.Append("::");
                i += length - 1;
                continue;
            }

            if (i > 0 && i != start + length)
            {
                text.Append(':');
            }

            text.Append(CultureInfo.InvariantCulture, $"{groups[i]:x}");
        }

        if (dotted)
        {
            text.Append(length == 6 ? "" : ":");
            PrintIp(text, bytes[12..]);
        }
    }

    private static (int Start, int Length) LongestZeros(ReadOnlySpan<ushort> groups)
    {
        (int bestStart, int bestLength) = (-1, 0);
        for (int i = 0; i < groups.Length; i++)
        {
            int end = i;
            while (end < groups.Length && groups[end] == 0)
            {
                end++;
            }

            if (end - i > bestLength && end - i >= 2)
            {
                (bestStart, bestLength) = (i, end - i);
            }

            i = Math.Max(i, end - 1);
        }

        return (bestStart, bestLength == 0 ? -1 : bestLength);
    }
}
