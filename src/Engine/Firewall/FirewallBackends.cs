using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;

namespace EucaNet.Engine.Firewall;

/// <summary>Makes the backend that <c>VNET_FIREWALL</c> names.</summary>
internal static class FirewallBackends
{
    public static IFirewallBackend Create(EngineContext context, ManagedState state, ManagedFirewall firewall)
    {
        NetworkConfiguration configuration = context.Configuration;
        return new MeasuredFirewall(context, configuration.Firewall == FirewallBackend.Nftables
            ? new NftablesBackend(context, firewall.Content, () => FrontEndTable.Of(configuration, firewall.Content), () => PreloadFile.ForNftables(context))
            : new IptablesBackend(context, state, firewall));
    }
}
