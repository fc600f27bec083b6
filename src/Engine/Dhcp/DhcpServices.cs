using EucaNet.Engine.Modes;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Dhcp;

/// <summary>Chooses between the administrator's DHCP daemon and the built-in server.</summary>
internal static class DhcpServices
{
    public static IDhcpService Create(EngineContext context)
    {
        if (context.Configuration.DhcpDaemon is not { } daemon)
        {
            return new BuiltInDhcpService(context);
        }

        if (context.Options.DaemonLauncher is { } launcher)
        {
            return new ExternalDhcpService(context, daemon, launcher);
        }

        context.Logger<BuiltInDhcpService>().LogWarning("VNET_DHCPDAEMON=\"{Daemon}\" cannot be run here; the built-in server takes its place", daemon);
        return new BuiltInDhcpService(context);
    }
}
