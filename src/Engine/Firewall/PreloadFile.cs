using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Iptables;

namespace EucaNet.Engine.Firewall;

/// <summary>The administrator's rules that are loaded when the front-end starts (<c>$EUCALYPTUS/var/run/eucalyptus/net/iptables-preload</c>).</summary>
internal static class PreloadFile
{
    /// <summary>Where it is.</summary>
    public static string PathOf(NetworkConfiguration configuration) => Path.Combine(configuration.NetworkDirectory, "iptables-preload");

    /// <summary>Its text; null where there is none.</summary>
    public static string? Read(NetworkConfiguration configuration)
    {
        string path = PathOf(configuration);
        return File.Exists(path) ? File.ReadAllText(path) : null;
    }

    /// <summary>
    /// What the nftables backend loads beside its own table: there other programs' tables stay, unless <c>VNET_FLUSH</c> says otherwise or a preload
    /// file speaks of them. Null where neither is.
    /// </summary>
    /// <exception cref="EngineException">The file cannot be loaded; it says which line.</exception>
    public static IptablesPreload? ForNftables(EngineContext context)
    {
        bool flush = context.Configuration.Flush == true;
        string? text = Read(context.Configuration);
        if (!flush && text is null)
        {
            return null;
        }

        try
        {
            return IptablesPreload.Parse(IptablesFamily.Ip, text ?? "", flush ? ["filter", "nat"] : [], IptablesTables.NamesOf(context.Kernel));
        }
        catch (IptablesParseException refused)
        {
            throw Refused(context.Configuration, refused);
        }
    }

    /// <summary>The error of a file that cannot be loaded.</summary>
    public static EngineException Refused(NetworkConfiguration configuration, IptablesParseException refused) =>
        new($"preload file {PathOf(configuration)}, line {refused.Line}", refused.Message, "correct the line (the file has iptables-save's format), or remove the file",
            "the firewall is as it was", refused);
}
