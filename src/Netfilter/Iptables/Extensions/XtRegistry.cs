using System.Collections.Frozen;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>All known matches and targets. What is not here is refused by name where rules are written, and kept as it is where they are read.</summary>
internal static class XtRegistry
{
    private static readonly (string Alias, string Word)[] Aliases = [("icmpv6", "icmp6"), ("ipv6-icmp", "icmp6"), ("mobility-header", "mh"), ("ipv6-mh", "mh")];

    private static readonly FrozenDictionary<(bool Target, string Word, IptablesFamily Family), XtExtension> ByWord = IndexByWord();

    private static readonly FrozenDictionary<(bool Target, string Name, byte Revision, IptablesFamily Family), XtExtension> ByKernelName =
        IndexByKernelName();

    /// <summary>What -m or -j with this word means.</summary>
    public static XtExtension? FindByWord(bool target, string word, IptablesFamily family) =>
        ByWord.GetValueOrDefault((target, word, family));

    /// <summary>What prints a block of this name and revision.</summary>
    public static XtExtension? FindByKernelName(bool target, string name, byte revision, IptablesFamily family) =>
        ByKernelName.GetValueOrDefault((target, name, revision, family));

    /// <summary>All words known behind -m or -j.</summary>
    public static IEnumerable<string> Words(bool target, IptablesFamily family) =>
        ByWord.Keys.Where(key => key.Target == target && key.Family == family).Select(key => key.Word);

    /// <summary>Whether two blocks say the same of a rule: what only the kernel uses is left out.</summary>
    public static bool SameInfo(bool target, string name, byte revision, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.SequenceEqual(right))
        {
            return true;
        }

        int size = UserSize(target, name, revision);
        return Significant(left, size).SequenceEqual(Significant(right, size));
    }

    /// <summary>A hash of what <see cref="SameInfo"/> compares.</summary>
    public static int HashOf(bool target, string name, byte revision, ReadOnlySpan<byte> info)
    {
        var hash = new HashCode();
        hash.Add(name);
        hash.Add(revision);
        hash.AddBytes(Significant(info, UserSize(target, name, revision)));
        return hash.ToHashCode();
    }

    /// <summary>Without the kernel's part, and without the zeros that may or may not pad the block.</summary>
    private static ReadOnlySpan<byte> Significant(ReadOnlySpan<byte> info, int size) => info[..Math.Min(info.Length, size)].TrimEnd((byte)0);

    /// <summary>The larger of the two families' sizes: one name and revision can have a longer block on ip6 (REDIRECT: 24 bytes and 40).</summary>
    private static int UserSize(bool target, string name, byte revision)
    {
        int? ip = FindByKernelName(target, name, revision, IptablesFamily.Ip)?.UserSize;
        int? ip6 = FindByKernelName(target, name, revision, IptablesFamily.Ip6)?.UserSize;
        return ip is null && ip6 is null ? int.MaxValue : Math.Max(ip ?? 0, ip6 ?? 0);
    }

    private static FrozenDictionary<(bool, string, IptablesFamily), XtExtension> IndexByWord()
    {
        var index = new Dictionary<(bool, string, IptablesFamily), XtExtension>();
        foreach (XtExtension extension in KnownExtensions.All)
        {
            foreach (IptablesFamily family in Families(extension))
            {
                if (!index.TryGetValue((extension.IsTarget, extension.Name, family), out XtExtension? present) || present.Revision < extension.Revision)
                {
                    index[(extension.IsTarget, extension.Name, family)] = extension;
                }
            }
        }

        foreach ((string alias, string word) in Aliases)
        {
            foreach (IptablesFamily family in Enum.GetValues<IptablesFamily>())
            {
                if (index.TryGetValue((false, word, family), out XtExtension? extension))
                {
                    index.TryAdd((false, alias, family), extension);
                }
            }
        }

        return index.ToFrozenDictionary();
    }

    private static FrozenDictionary<(bool, string, byte, IptablesFamily), XtExtension> IndexByKernelName()
    {
        var index = new Dictionary<(bool, string, byte, IptablesFamily), XtExtension>();
        foreach (XtExtension extension in KnownExtensions.All.Where(extension => !extension.IsAlias))
        {
            foreach (IptablesFamily family in Families(extension))
            {
                index.Add((extension.IsTarget, extension.KernelName, extension.Revision, family), extension);
            }
        }

        return index.ToFrozenDictionary();
    }

    private static IptablesFamily[] Families(XtExtension extension) =>
        extension.Family is { } only ? [only] : Enum.GetValues<IptablesFamily>();
}
