using System.Globalization;

namespace EucaNet.Engine;

/// <summary>
/// Traffic that a group lets in: a protocol, its ports or its ICMP type and code, and where it may come from.
/// A value: two rules that say the same are equal.
/// </summary>
public sealed record IngressRule
{
    /// <summary>The IP protocol's number; null for any protocol.</summary>
    public byte? Protocol { get; init; }

    /// <summary>First port, 0 to 65535; TCP, UDP, SCTP, DCCP and UDP-Lite only. Null (with <see cref="LastPort"/>) for all.</summary>
    public int? FirstPort { get; init; }

    /// <summary>Last port.</summary>
    public int? LastPort { get; init; }

    /// <summary>ICMP type, -1 for any.</summary>
    public int IcmpType { get; init; } = -1;

    /// <summary>ICMP code, -1 for any.</summary>
    public int IcmpCode { get; init; } = -1;

    /// <summary>Where it may come from; null with <see cref="SourceGroup"/> set.</summary>
    public Ipv4Network? Source { get; init; }

    /// <summary>The group it may come from; works from when that group is active.</summary>
    public GroupName? SourceGroup { get; init; }

    /// <summary>TCP.</summary>
    public const byte Tcp = 6;

    /// <summary>UDP.</summary>
    public const byte Udp = 17;

    /// <summary>ICMP.</summary>
    public const byte Icmp = 1;

    /// <summary>True for protocols whose packets begin with two ports.</summary>
    public bool HasPorts => Protocol is { } protocol && ProtocolHasPorts(protocol);

    /// <summary>True for the protocols whose packets begin with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.</summary>
    public static bool ProtocolHasPorts(byte protocol) => protocol is Tcp or Udp or 33 or 132 or 136;

    /// <summary>The number of a protocol given by name ("tcp", "udp", "icmp", "sctp", "gre", …) or number; null for "any", "all" and "-1".</summary>
    /// <exception cref="EngineException">There is no such protocol.</exception>
    public static byte? ParseProtocol(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out byte number))
        {
            return number;
        }

        return text.ToLowerInvariant() switch
        {
            "any" or "all" or "-1" => null,
            "tcp" => Tcp,
            "udp" => Udp,
            "icmp" => Icmp,
            "igmp" => 2,
            "ipip" => 4,
            "dccp" => 33,
            "gre" => 47,
            "esp" => 50,
            "ah" => 51,
            "sctp" => 132,
            "udplite" => 136,
            _ => throw new InvalidRequestException("protocol", text, "there is no such protocol", "name tcp, udp, icmp, sctp, gre, esp, ah or any, or give a number from 0 to 255"),
        };
    }

    /// <summary>The name of a protocol, or its number.</summary>
    public static string ProtocolName(byte? protocol) => protocol switch
    {
        null => "any",
        Tcp => "tcp",
        Udp => "udp",
        Icmp => "icmp",
        2 => "igmp",
        4 => "ipip",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        132 => "sctp",
        136 => "udplite",
        { } other => other.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Throws when the rule makes no sense.</summary>
    /// <exception cref="InvalidRequestException">It names what.</exception>
    public void Validate()
    {
        if (FirstPort is not null || LastPort is not null)
        {
            if (!HasPorts)
            {
                throw new InvalidRequestException("rule", ToString(), $"protocol {ProtocolName(Protocol)} has no ports", "leave the ports out, or name tcp or udp");
            }

            if (FirstPort is not { } first || LastPort is not { } last || first < 0 || last > 65535 || first > last)
            {
                throw new InvalidRequestException("rule", ToString(), "the port range is not one", "give a port from 0 to 65535, or first-last with first not above last");
            }
        }

        if (IcmpType != -1 || IcmpCode != -1)
        {
            if (Protocol != Icmp)
            {
                throw new InvalidRequestException("rule", ToString(), $"protocol {ProtocolName(Protocol)} has no ICMP type", "name icmp, or leave type and code out");
            }

            if (IcmpType is < -1 or > 255 || IcmpCode is < -1 or > 255 || (IcmpType == -1 && IcmpCode != -1))
            {
                throw new InvalidRequestException("rule", ToString(), "ICMP type and code are -1 (any) or 0 to 255, and a code needs a type", "give type:code, as 8:0 or -1:-1");
            }
        }

        if (Source is null == SourceGroup is null)
        {
            throw new InvalidRequestException("rule", ToString(), "it needs one source, a network or a group", "give a source as 0.0.0.0/0, or a user and a group");
        }
    }

    /// <summary>True for traffic of the rule's protocol, ports and ICMP type; says nothing of where it comes from.</summary>
    /// <param name="protocol">The IP protocol.</param>
    /// <param name="port">The destination port, where the protocol has ports.</param>
    /// <param name="icmpType">The ICMP type, of ICMP.</param>
    /// <param name="icmpCode">The ICMP code, of ICMP.</param>
    public bool Takes(byte protocol, int? port, int? icmpType, int? icmpCode) =>
        Protocol is not { } own
        || (own == protocol
            && (FirstPort is not { } first || (port >= first && port <= LastPort))
            && (IcmpType < 0 || IcmpType == icmpType)
            && (IcmpCode < 0 || IcmpCode == icmpCode));

    /// <summary>The same traffic in its one normal form: all ports and no ports are one thing.</summary>
    public IngressRule Normalized() => FirstPort == 0 && LastPort == 65535 ? this with { FirstPort = null, LastPort = null } : this;

    /// <summary>The rule in words: "tcp 22 from 0.0.0.0/0", "icmp 8:0 from group alice-web".</summary>
    public override string ToString()
    {
        string what = ProtocolName(Protocol);
        if (FirstPort is { } first)
        {
            what += first == LastPort ? string.Create(CultureInfo.InvariantCulture, $" {first}") : string.Create(CultureInfo.InvariantCulture, $" {first}-{LastPort}");
        }

        if (IcmpType != -1)
        {
            what += string.Create(CultureInfo.InvariantCulture, $" {IcmpType}:{IcmpCode}");
        }

        return SourceGroup is { } group ? $"{what} from group {group}" : $"{what} from {(Source is { } source ? source.ToString() : "nowhere")}";
    }
}

/// <summary>A rule of a group, and whether it works now.</summary>
/// <param name="Group">The group whose instances it opens.</param>
/// <param name="Rule">The rule.</param>
/// <param name="IsActive">True when the group, and the source group if it names one, have running instances.</param>
public sealed record RuleListing(GroupName Group, IngressRule Rule, bool IsActive);
