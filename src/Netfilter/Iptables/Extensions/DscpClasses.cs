using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>The names of differentiated services classes (RFC 2474, RFC 2597, RFC 3246).</summary>
internal static class DscpClasses
{
    private static readonly (string Name, byte Value)[] Classes =
    [
        ("CS0", 0x00), ("CS1", 0x08), ("CS2", 0x10), ("CS3", 0x18), ("CS4", 0x20), ("CS5", 0x28), ("CS6", 0x30), ("CS7", 0x38), ("BE", 0x00),
        ("AF11", 0x0a), ("AF12", 0x0c), ("AF13", 0x0e), ("AF21", 0x12), ("AF22", 0x14), ("AF23", 0x16), ("AF31", 0x1a), ("AF32", 0x1c),
        ("AF33", 0x1e), ("AF41", 0x22), ("AF42", 0x24), ("AF43", 0x26), ("EF", 0x2e),
    ];

    // What follows a name is not looked at, as the tools have it.
    public static byte Parse(OptionCall call) =>
        Array.Find(Classes, known => call.Argument.StartsWith(known.Name, StringComparison.OrdinalIgnoreCase)) is { Name: not null } found
            ? found.Value
            : throw call.Fail($"unknown class '{call.Argument}'", NearestWord.Find(call.Argument, Classes.Select(known => known.Name)));
}
