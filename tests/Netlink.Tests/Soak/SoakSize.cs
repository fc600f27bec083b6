using System.Globalization;

namespace EucaNet.Netlink.Tests.Soak;

/// <summary>How large a soak is: small by default, as large as an environment variable says otherwise (docs/netlink.md has the full sizes).</summary>
internal static class SoakSize
{
    /// <summary>The number in an environment variable, or the default.</summary>
    public static int Of(string variable, int usual) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;
}
