namespace EucaNet.Netfilter.Iptables;

/// <summary>A chain the kernel calls.</summary>
/// <param name="Name">"INPUT".</param>
/// <param name="Hook">The hook's number (NF_INET_PRE_ROUTING is 0).</param>
/// <param name="Priority">The priority iptables-nft gives the base chain.</param>
/// <param name="Type">The nf_tables chain type iptables-nft gives it.</param>
internal sealed record BuiltinChain(string Name, uint Hook, int Priority, string Type);

/// <summary>The shape of a table: its hooks, its nf_tables priorities and its place in the legacy blob (linux/netfilter_ipv4.h, iptables 1.8).</summary>
internal sealed record BuiltinTable(string Name, IReadOnlyList<BuiltinChain> Chains)
{
    private const int Raw = -300;
    private const int Mangle = -150;
    private const int NatDestination = -100;
    private const int Filter = 0;
    private const int NatSource = 100;
    private const int Security = 150;

    /// <summary>All tables in the order iptables-save lists them on the nft interface.</summary>
    public static IReadOnlyList<BuiltinTable> All { get; } =
    [
        new("mangle",
        [
            new("PREROUTING", 0, Mangle, "filter"), new("INPUT", 1, Mangle, "filter"), new("FORWARD", 2, Mangle, "filter"),
            new("OUTPUT", 3, Mangle, "route"), new("POSTROUTING", 4, Mangle, "filter"),
        ]),
        new("security", [new("INPUT", 1, Security, "filter"), new("FORWARD", 2, Security, "filter"), new("OUTPUT", 3, Security, "filter")]),
        new("raw", [new("PREROUTING", 0, Raw, "filter"), new("OUTPUT", 3, Raw, "filter")]),
        new("filter", [new("INPUT", 1, Filter, "filter"), new("FORWARD", 2, Filter, "filter"), new("OUTPUT", 3, Filter, "filter")]),
        new("nat",
        [
            new("PREROUTING", 0, NatDestination, "nat"), new("INPUT", 1, NatSource, "nat"),
            new("OUTPUT", 3, NatDestination, "nat"), new("POSTROUTING", 4, NatSource, "nat"),
        ]),
    ];

    public static BuiltinTable? Find(string name) => All.FirstOrDefault(table => table.Name == name);

    public static BuiltinTable Of(string name) =>
        Find(name) ?? throw new ArgumentException($"There is no table '{name}'; iptables has raw, mangle, filter, security and nat.", nameof(name));

    public BuiltinChain? Chain(string name) => Chains.FirstOrDefault(chain => chain.Name == name);

    /// <summary>The chain's place, or a number past the end.</summary>
    public int IndexOf(string name)
    {
        for (int index = 0; index < Chains.Count; index++)
        {
            if (Chains[index].Name == name)
            {
                return index;
            }
        }

        return int.MaxValue;
    }
}
