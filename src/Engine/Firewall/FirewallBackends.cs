using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Iptables;

namespace EucaNet.Engine.Firewall;

/// <summary>Makes the backend that <c>VNET_FIREWALL</c> names.</summary>
internal static class FirewallBackends
{
    public static IFirewallBackend Create(EngineContext context, ManagedState state, ManagedFirewall firewall)
    {
        NetworkConfiguration configuration = context.Configuration;
        return configuration.Firewall == FirewallBackend.Nftables
            ? new NftablesBackend(context, firewall.Content, () => FrontEndTable.Of(configuration, firewall.Content), () => LoadPreload(context))
            : new IptablesBackend(context, state, firewall);
    }

    /// <summary>
    /// On the nftables backend other programs' tables stay, unless <c>VNET_FLUSH</c> says otherwise; a preload file is loaded in iptables-nft's form.
    /// Returns what was done, or null.
    /// </summary>
    private static string? LoadPreload(EngineContext context)
    {
        bool flush = context.Configuration.Flush == true;
        string? preload = PreloadFile.Read(context.Configuration);
        if (!flush && preload is null)
        {
            return null;
        }

        try
        {
            using IptablesTables tables = IptablesTables.Open(context.Kernel, IptablesInterface.Nft);
            string before = tables.Read("filter", "nat").ToText();
            tables.FlushAndLoad(preload, null, flush ? null : []);
            return tables.Read("filter", "nat").ToText() == before ? null : flush ? "filter and nat flushed, preload loaded" : "preload loaded";
        }
        catch (IptablesParseException refused)
        {
            throw PreloadFile.Refused(context.Configuration, refused);
        }
    }
}
