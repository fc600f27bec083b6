using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>How long a connection is remembered, by the names below /proc/sys/net/netfilter.</summary>
internal abstract class ConnectionTimeouts
{
    /// <summary>What both ends' SYN have; no parameter changes it.</summary>
    private const string BothSynchronize = "nf_conntrack_tcp_timeout_syn_sent2";

    /// <summary>The names of each protocol's timeouts, in the order of their attributes (CTA_TIMEOUT_*, from 1 on).</summary>
    private static readonly Dictionary<byte, string[]> Names = new()
    {
        [IpProtocol.Tcp] =
        [
            "nf_conntrack_tcp_timeout_syn_sent", "nf_conntrack_tcp_timeout_syn_recv", "nf_conntrack_tcp_timeout_established", "nf_conntrack_tcp_timeout_fin_wait",
            "nf_conntrack_tcp_timeout_close_wait", "nf_conntrack_tcp_timeout_last_ack", "nf_conntrack_tcp_timeout_time_wait", "nf_conntrack_tcp_timeout_close",
            BothSynchronize, "nf_conntrack_tcp_timeout_max_retrans", "nf_conntrack_tcp_timeout_unacknowledged",
        ],
        [IpProtocol.Udp] = ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"],
        [IpProtocol.UdpLite] = ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"],
        [IpProtocol.Icmp] = ["nf_conntrack_icmp_timeout"],
        [IpProtocol.Icmpv6] = ["nf_conntrack_icmpv6_timeout"],
        [IpProtocol.Gre] = ["nf_conntrack_gre_timeout", "nf_conntrack_gre_timeout_stream"],
        [IpProtocol.Sctp] =
        [
            "nf_conntrack_sctp_timeout_closed", "nf_conntrack_sctp_timeout_cookie_wait", "nf_conntrack_sctp_timeout_cookie_echoed", "nf_conntrack_sctp_timeout_established",
            "nf_conntrack_sctp_timeout_shutdown_sent", "nf_conntrack_sctp_timeout_shutdown_recd", "nf_conntrack_sctp_timeout_shutdown_ack_sent", "nf_conntrack_sctp_timeout_heartbeat_sent",
        ],
        [IpProtocol.Dccp] =
        [
            "nf_conntrack_dccp_timeout_request", "nf_conntrack_dccp_timeout_respond", "nf_conntrack_dccp_timeout_partopen", "nf_conntrack_dccp_timeout_open",
            "nf_conntrack_dccp_timeout_closereq", "nf_conntrack_dccp_timeout_closing", "nf_conntrack_dccp_timeout_timewait",
        ],
        [Generic] = ["nf_conntrack_generic_timeout"],
    };

    /// <summary>Stands for every protocol of which nothing is known.</summary>
    public const byte Generic = 255;

    public abstract TimeSpan this[string name] { get; }

    /// <summary>The names of a protocol's timeouts in the order of their attributes; none where the kernel does not know it.</summary>
    public static IReadOnlyList<string> NamesOf(byte protocol) => Names.GetValueOrDefault(protocol, []);

    public TimeSpan Of(TcpState state) => this[state switch
    {
        TcpState.SynSent => "nf_conntrack_tcp_timeout_syn_sent",
        TcpState.SynReceived => "nf_conntrack_tcp_timeout_syn_recv",
        TcpState.Established => "nf_conntrack_tcp_timeout_established",
        TcpState.FinWait => "nf_conntrack_tcp_timeout_fin_wait",
        TcpState.CloseWait => "nf_conntrack_tcp_timeout_close_wait",
        TcpState.LastAck => "nf_conntrack_tcp_timeout_last_ack",
        TcpState.TimeWait => "nf_conntrack_tcp_timeout_time_wait",
        TcpState.SynSent2 => BothSynchronize,
        _ => "nf_conntrack_tcp_timeout_close",
    }];

    public TimeSpan Of(SctpState state) => this[state switch
    {
        SctpState.CookieWait => "nf_conntrack_sctp_timeout_cookie_wait",
        SctpState.CookieEchoed => "nf_conntrack_sctp_timeout_cookie_echoed",
        SctpState.Established => "nf_conntrack_sctp_timeout_established",
        SctpState.ShutdownSent => "nf_conntrack_sctp_timeout_shutdown_sent",
        SctpState.ShutdownReceived => "nf_conntrack_sctp_timeout_shutdown_recd",
        SctpState.ShutdownAckSent => "nf_conntrack_sctp_timeout_shutdown_ack_sent",
        SctpState.HeartbeatSent => "nf_conntrack_sctp_timeout_heartbeat_sent",
        _ => "nf_conntrack_sctp_timeout_closed",
    }];

    public TimeSpan Retransmitted => this["nf_conntrack_tcp_timeout_max_retrans"];

    public TimeSpan Unacknowledged => this["nf_conntrack_tcp_timeout_unacknowledged"];

    /// <summary>The timeout of a protocol without states of its own.</summary>
    public TimeSpan OfProtocol(byte protocol) => this[protocol switch
    {
        IpProtocol.Icmp => "nf_conntrack_icmp_timeout",
        IpProtocol.Icmpv6 => "nf_conntrack_icmpv6_timeout",
        IpProtocol.Sctp => "nf_conntrack_sctp_timeout_closed",
        IpProtocol.Gre => "nf_conntrack_gre_timeout",
        _ => "nf_conntrack_generic_timeout",
    }];

    /// <summary>What the machine's parameters say.</summary>
    internal sealed class OfParameters(ParameterTable parameters) : ConnectionTimeouts
    {
        /// <inheritdoc />
        public override TimeSpan this[string name] => name == BothSynchronize ? TimeSpan.FromMinutes(2) : TimeSpan.FromSeconds(parameters.Number("net/", "netfilter", name));
    }
}

/// <summary>How long connections of one protocol are remembered for which a rule says so (struct nf_ct_timeout).</summary>
/// <param name="protocol">The transport protocol.</param>
/// <param name="timeouts">A time for each name of the protocol.</param>
internal sealed class TimeoutPolicy(byte protocol, IReadOnlyDictionary<string, TimeSpan> timeouts) : ConnectionTimeouts
{
    public byte Protocol => protocol;

    /// <summary>What a connection gets when a rule gives it the policy: the time of the first state.</summary>
    public TimeSpan First => timeouts[NamesOf(protocol)[0]];

    /// <inheritdoc />
    public override TimeSpan this[string name] => timeouts[name];
}
