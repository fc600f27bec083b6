namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>Rates as "10/second", which the kernel keeps as the time one packet takes.</summary>
internal static class Rates
{
    private static readonly (string Name, string Word, uint Seconds)[] Units =
        [("day", "day", 24 * 60 * 60), ("hour", "hour", 60 * 60), ("min", "minute", 60), ("sec", "second", 1)];

    /// <summary>Reads a rate; the result is <paramref name="scale"/> times the unit's seconds by the number.</summary>
    public static bool TryParse(string text, ulong scale, out ulong period, out uint seconds)
    {
        (period, seconds) = (0, 1);
        string[] parts = text.Split('/', 2);
        if (parts.Length == 2)
        {
            (string Name, string Word, uint Seconds) unit =
                Array.Find(Units, unit => parts[1].Length > 0 && unit.Word.StartsWith(parts[1], StringComparison.OrdinalIgnoreCase));
            if (unit.Word is null)
            {
                return false;
            }

            seconds = unit.Seconds;
        }

        if (!uint.TryParse(parts[0], out uint number) || number == 0)
        {
            return false;
        }

        period = scale * seconds / number;
        return true;
    }

    /// <summary>Prints a period as a rate in the largest unit that loses little, and says that unit in milliseconds.</summary>
    public static (string Text, uint Milliseconds) Print(ulong period, ulong scale)
    {
        if (period == 0)
        {
            return ("inf", 0);
        }

        int index = 1;
        while (index < Units.Length)
        {
            ulong multiple = scale * Units[index].Seconds;
            if (period > multiple || multiple / period < multiple % period)
            {
                break;
            }

            index++;
        }

        (string name, _, uint seconds) = Units[index - 1];
        return ($"{scale * seconds / period}/{name}", seconds * 1000);
    }

    /// <summary>A period as the whole number of packets in a number of seconds, as nf_tables keeps it.</summary>
    public static (ulong Packets, ulong Seconds) Ratio(ulong period, ulong scale)
    {
        int index = 1;
        while (index < Units.Length)
        {
            ulong multiple = scale * Units[index].Seconds;
            if (period > multiple || multiple / period < multiple % period)
            {
                break;
            }

            index++;
        }

        uint seconds = Units[index - 1].Seconds;
        return (scale * seconds / period, seconds);
    }
}
