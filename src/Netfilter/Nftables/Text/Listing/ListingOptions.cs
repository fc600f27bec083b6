namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>What a listing shows and how: the switches of <c>nft list</c>.</summary>
public sealed record ListingOptions
{
    /// <summary>As <c>nft list</c> prints by default.</summary>
    public static ListingOptions Default { get; } = new();

    /// <summary>Protocols, priorities and symbolic constants as numbers (<c>nft -n</c>).</summary>
    public bool Numeric { get; init; }

    /// <summary>Handles as comments (<c>nft -a</c>).</summary>
    public bool Handles { get; init; }

    /// <summary>No counts, no used quota, no expiry (<c>nft -s</c>).</summary>
    public bool Stateless { get; init; }

    /// <summary>Sets without their elements (<c>nft -t</c>).</summary>
    public bool Terse { get; init; }

    /// <summary>The name of the interface with an index, or null to print the index. By default 1 is "lo", as everywhere.</summary>
    public Func<uint, string?> InterfaceName { get; init; } = static index => index == 1 ? "lo" : null;

    /// <summary>The name of an interface group, or null to print its number; "default" for 0, as iproute2 ships it.</summary>
    public Func<uint, string?> InterfaceGroupName { get; init; } = static group => group == 0 ? "default" : null;

    /// <summary>The path of a control group (version 2) by its number, or null to print the number.</summary>
    public Func<ulong, string?> ControlGroupName { get; init; } = static _ => null;

    /// <summary>The zone in which points of time and hours of the day are printed.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;
}
