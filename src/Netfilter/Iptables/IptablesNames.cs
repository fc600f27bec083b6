namespace EucaNet.Netfilter.Iptables;

/// <summary>What the kernel says of one of its sets (ipset).</summary>
/// <param name="Index">The number that rules hold.</param>
/// <param name="Family">2 for IPv4, 10 for IPv6, 0 for sets that take both.</param>
public readonly record struct KernelSet(ushort Index, byte Family);

/// <summary>
/// Turns the names that rules are written with into the numbers the kernel keeps, and back. Names of addresses are never asked for.
/// </summary>
public sealed record IptablesNames
{
    /// <summary>Knows no name but root.</summary>
    public static IptablesNames None { get; } = new();

    /// <summary>Finds a user's (false) or group's (true) number by name, for the owner match.</summary>
    public Func<string, bool, uint?>? Account { get; init; }

    /// <summary>Finds a set of the kernel by name, for the set match and the SET target.</summary>
    public Func<string, KernelSet?>? Set { get; init; }

    /// <summary>The name of the set with a number, or null where there is none.</summary>
    public Func<ushort, string?>? SetName { get; init; }
}
