using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;

namespace EucaNet.Engine.Firewall;

/// <summary>Makes the backend that <c>VNET_FIREWALL</c> names.</summary>
internal static class FirewallBackends
{
    public static IFirewallBackend Create(EngineContext context, ManagedState state, ManagedFirewall firewall)
    {
        NetworkConfiguration configuration = context.Configuration;
        return configuration.Firewall switch
        {
            FirewallBackend.Nftables => new NftablesBackend(context, firewall.Content, () => FrontEndTable.Of(configuration, firewall.Content)),
            _ => throw new EngineException("VNET_FIREWALL", $"the {configuration.Firewall} backend is not part of this build for {state.PublicPool.Count} public addresses", "write VNET_FIREWALL=\"nftables\""),
        };
    }
}
