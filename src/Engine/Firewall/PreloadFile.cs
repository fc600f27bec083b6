using EucaNet.Engine.Configuration;
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

    /// <summary>The error of a file that cannot be loaded.</summary>
    public static EngineException Refused(NetworkConfiguration configuration, IptablesParseException refused) =>
        new($"preload file {PathOf(configuration)}, line {refused.Line}", refused.Message, "correct the line (the file has iptables-save's format), or remove the file",
            "the firewall is as it was", refused);
}
