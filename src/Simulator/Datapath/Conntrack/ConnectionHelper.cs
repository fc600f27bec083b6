using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>A kind of further connections that a helper expects (struct nf_conntrack_expect_policy).</summary>
/// <param name="Maximum">How many of a kind may be expected at a time for one connection.</param>
/// <param name="Timeout">For how long they are expected.</param>
internal readonly record struct ExpectationPolicy(int Maximum, TimeSpan Timeout);

/// <summary>
/// A helper of connection tracking (struct nf_conntrack_helper). Rules and requests can name one for a connection, and it is told with it; none reads payload, so that
/// connections are expected only where a rule or a request says so.
/// </summary>
internal sealed class ConnectionHelper
{
    private static readonly ConnectionHelper[] All =
    [
        .. Of("ftp", 6, (1, 300)), .. Of("tftp", 17, (1, 300)),
        .. Of("sip", 6, (1, 180), (4, 180), (4, 180), (2, 180)), .. Of("sip", 17, (1, 180), (4, 180), (4, 180), (2, 180)),
        .. Of("amanda", 17, (4, 180)), .. Of("sane", 6, (1, 300)), .. Of("Q.931", 6, (20, 240)), .. Of("RAS", 17, (32, 240)), .. Of("H.245", 6, (18, 240)),
        OfIpv4("irc", 6, (8, 300)), OfIpv4("netbios-ns", 17, (1, 3)), OfIpv4("snmp", 17, (1, 30)), OfIpv4("pptp", 6, (2, 300)),
    ];

    private readonly byte _family;

    private ConnectionHelper(string name, byte protocol, byte family, (int Maximum, int Seconds)[] policies)
    {
        (Name, Protocol, _family) = (name, protocol, family);
        Policies = [.. policies.Select(static policy => new ExpectationPolicy(policy.Maximum, TimeSpan.FromSeconds(policy.Seconds)))];
    }

    public string Name { get; }

    /// <summary>The transport protocol of the connections it helps.</summary>
    public byte Protocol { get; }

    /// <summary>What it expects, by class.</summary>
    public IReadOnlyList<ExpectationPolicy> Policies { get; }

    /// <summary>The helper of a name for connections of a family and protocol; null where the kernel has none such.</summary>
    public static ConnectionHelper? Find(string name, byte family, byte protocol) =>
        Array.Find(All, helper => helper.Name == name && helper.Protocol == protocol && helper._family == family);

    private static ConnectionHelper[] Of(string name, byte protocol, params (int, int)[] policies) =>
        [new ConnectionHelper(name, protocol, InternetAddress.V4, policies), new ConnectionHelper(name, protocol, InternetAddress.V6, policies)];

    private static ConnectionHelper OfIpv4(string name, byte protocol, params (int, int)[] policies) => new(name, protocol, InternetAddress.V4, policies);
}
