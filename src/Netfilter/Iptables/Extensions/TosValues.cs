using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>Values of the type of service octet: numbers with a mask, or the names of RFC 1349.</summary>
internal static class TosValues
{
    private static readonly (string Name, byte Value)[] Values =
        [("Minimize-Delay", 0x10), ("Maximize-Throughput", 8), ("Maximize-Reliability", 4), ("Minimize-Cost", 2), ("Normal-Service", 0)];

    public static (byte Value, byte Mask) Parse(OptionCall call)
    {
        string[] parts = call.Argument.Split('/', 2);
        if (Numbers.TryWhole(parts[0], byte.MaxValue, out ulong value))
        {
            ulong mask = 0xff;
            return parts.Length == 1 || Numbers.TryWhole(parts[1], byte.MaxValue, out mask)
                ? ((byte)value, (byte)mask)
                : throw call.Fail($"'{parts[1]}' is no mask (0-255)");
        }

        return Array.Find(Values, known => known.Name.Equals(call.Argument, StringComparison.OrdinalIgnoreCase)) is { Name: not null } found
            ? (found.Value, (byte)0x3f)
            : throw call.Fail($"unknown type of service '{call.Argument}'", NearestWord.Find(call.Argument, Values.Select(known => known.Name)));
    }
}
