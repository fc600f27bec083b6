using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>The nf_tables messages that make tables and chains as iptables-nft makes them.</summary>
internal static class NftTableMessages
{
    /// <summary>The table, made where it is not.</summary>
    public static NftablesMessage Table(IptablesFamily family, string table) =>
        new(NfTables.NFT_MSG_NEWTABLE, NetlinkMessageFlags.Request | NetlinkMessageFlags.Create, 0, new Table { Family = (NftablesFamily)family, Name = table });

    /// <summary>A built-in chain, made where it is not.</summary>
    public static NftablesMessage Builtin(IptablesFamily family, string table, string chain, IptablesVerdict policy = IptablesVerdict.Accept)
    {
        BuiltinChain shape = BuiltinTable.Of(table).Chain(chain) ?? throw new ArgumentException($"Table {table} has no built-in chain '{chain}'.", nameof(chain));
        return new NftablesMessage(
            NfTables.NFT_MSG_NEWCHAIN,
            NetlinkMessageFlags.Request | NetlinkMessageFlags.Create,
            0,
            Chain.Base(
                (NftablesFamily)family,
                table,
                chain,
                shape.Type,
                new ChainHook(shape.Hook, shape.Priority),
                policy == IptablesVerdict.Drop ? ChainPolicy.Drop : ChainPolicy.Accept));
    }

    /// <summary>A rule at the end of its chain.</summary>
    public static NftablesMessage Rule(IptablesFamily family, string table, string chain, IptablesRule rule) => new(
        NfTables.NFT_MSG_NEWRULE,
        NetlinkMessageFlags.Request | NetlinkMessageFlags.Create | NetlinkMessageFlags.Append,
        0,
        NftRuleEncoder.Encode(family, table, chain, rule));

    /// <summary>What iptables-nft sends to append rules to a built-in chain on a machine without tables.</summary>
    public static IEnumerable<NftablesMessage> Append(IptablesFamily family, string table, string chain, IReadOnlyList<IptablesRule> rules)
    {
        yield return Table(family, table);
        yield return Builtin(family, table, chain);
        foreach (IptablesRule rule in rules)
        {
            yield return Rule(family, table, chain, rule);
        }
    }
}
