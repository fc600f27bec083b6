using System.Net.Sockets;
using EucaNet.Netfilter.Iptables.Legacy;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Netfilter.Iptables;

/// <summary>
/// Finds out which interface an administrator's iptables uses here. nf_tables is asked first: looking at a legacy table makes it where it was
/// not, so that is done only where nf_tables holds none of iptables' rules, or where the names of legacy tables are known.
/// </summary>
internal static class InterfaceDetection
{
    public static IptablesInterfaceChoice Detect(IKernel kernel, IptablesFamily family, IptablesTablesOptions options)
    {
        string program = family == IptablesFamily.Ip ? "iptables" : "ip6tables";
        (int? rules, string? missing) = NftRules(kernel, family);
        int legacy = rules > 0 && options.LegacyTableNames is null ? 0 : LegacyRules(kernel, family, options);
        return (rules, legacy) switch
        {
            (null, _) => new(IptablesInterface.Legacy, $"{program}: legacy, since nf_tables cannot be used here ({missing})"),
            ( > 0, > 0) => new(IptablesInterface.Nft, $"{program}: nft, which holds {rules} rules; the legacy tables hold {legacy} more, and they apply too"),
            ( > 0, _) => new(IptablesInterface.Nft, $"{program}: nft, whose tables are in use ({rules} rules)"),
            (_, > 0) => new(IptablesInterface.Legacy, $"{program}: legacy, whose tables are in use ({legacy} rules), while those of nft are empty"),
            _ => new(IptablesInterface.Nft, $"{program}: nft, since neither interface holds a rule and current systems use this one"),
        };
    }

    private static (int? Rules, string? Missing) NftRules(IKernel kernel, IptablesFamily family)
    {
        try
        {
            using NftablesConnection connection = NftablesConnection.Open(kernel);
            int rules = 0;
            foreach (Table table in connection.ListTables((NftablesFamily)family))
            {
                if (BuiltinTable.Find(table.Name) is { } shape)
                {
                    rules += connection.ListChains((NftablesFamily)family, table.Name)
                        .Where(chain => shape.Chain(chain.Name) is not null)
                        .Sum(chain => connection.ListRules((NftablesFamily)family, table.Name, chain.Name).Count + (chain.Policy == ChainPolicy.Drop ? 1 : 0));
                }
            }

            return (rules, null);
        }
        catch (KernelException exception)
        {
            return (null, exception.Message);
        }
    }

    private static int LegacyRules(IKernel kernel, IptablesFamily family, IptablesTablesOptions options)
    {
        try
        {
            using IXtablesSocket socket = kernel.OpenXtables(family == IptablesFamily.Ip ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6);
            int rules = 0;
            foreach (string table in options.LegacyTableNames?.Invoke(family) ?? ["filter", "nat"])
            {
                byte[] info = new byte[LegacyLayout.InfoLength];
                if (LegacyTable.TryGetInfo(socket, table, info))
                {
                    rules += (int)LegacyTable.NumberOfEntries(info) - BuiltinTable.Of(table).Chains.Count - 1;
                }
            }

            return rules;
        }
        catch (KernelException)
        {
            return 0;
        }
    }
}
