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

    /// <summary>The name of a routing realm, or null to print its number; "cosmos" for 0, as iproute2 ships it.</summary>
    public Func<uint, string?> RealmName { get; init; } = static realm => realm == 0 ? "cosmos" : null;

    /// <summary>The name of a packet mark (/etc/iproute2/rt_marks), or null to print the mark.</summary>
    public Func<uint, string?> MarkName { get; init; } = static _ => null;

    /// <summary>The name of a connection label by its bit (/etc/connlabel.conf), or null to print the bit.</summary>
    public Func<uint, string?> LabelName { get; init; } = static _ => null;

    /// <summary>The path of a control group (version 2) by its number, or null to print the number.</summary>
    public Func<ulong, string?> ControlGroupName { get; init; } = static _ => null;

    /// <summary>The zone in which points of time and hours of the day are printed.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>
    /// The offset from UTC at which hours of the day are printed, or null for the zone's without summer time. nft takes that of the moment at which it prints: the kernel keeps
    /// seconds of the UTC day, which have no date.
    /// </summary>
    public TimeSpan? HourOffset { get; init; }
}
