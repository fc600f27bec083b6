namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>An option of the rule itself, not of an extension.</summary>
internal sealed record BaseOption(string Name, char Letter, bool HasArgument, bool CanNegate)
{
    private static readonly BaseOption[] All =
    [
        new("source", 's', true, true),
        new("src", 's', true, true),
        new("destination", 'd', true, true),
        new("dst", 'd', true, true),
        new("protocol", 'p', true, true),
        new("in-interface", 'i', true, true),
        new("out-interface", 'o', true, true),
        new("fragments", 'f', false, true),
        new("match", 'm', true, false),
        new("jump", 'j', true, false),
        new("goto", 'g', true, false),
        new("set-counters", 'c', true, false),
        new("numeric", 'n', false, false),
        new("verbose", 'v', false, false),
        new("ipv4", '4', false, false),
        new("ipv6", '6', false, false),
    ];

    public static IEnumerable<string> LongNames => All.Select(option => option.Name);

    private static readonly System.Collections.Frozen.FrozenDictionary<string, BaseOption> ByName = System.Collections.Frozen.FrozenDictionary.ToFrozenDictionary(All, option => option.Name);

    public static BaseOption? Long(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The only option whose name begins so, or null.</summary>
    public static BaseOption? Begun(string name)
    {
        BaseOption[] begun = Array.FindAll(All, option => option.Name.StartsWith(name, StringComparison.Ordinal));
        return begun.Length > 0 && Array.TrueForAll(begun, option => option.Letter == begun[0].Letter) ? begun[0] : null;
    }

    public static BaseOption? Short(char letter)
    {
        foreach (BaseOption option in All)
        {
            if (option.Letter == letter)
            {
                return option;
            }
        }

        return null;
    }
}
