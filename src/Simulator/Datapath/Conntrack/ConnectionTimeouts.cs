using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>How long a connection is remembered, by the names below /proc/sys/net/netfilter.</summary>
internal sealed class ConnectionTimeouts(ParameterTable parameters)
{
    /// <summary>No parameter changes what both ends' SYN have.</summary>
    private static readonly TimeSpan BothSynchronize = TimeSpan.FromMinutes(2);

    public TimeSpan this[string name] => TimeSpan.FromSeconds(parameters.Number("net/", "netfilter", name));

    public TimeSpan Of(TcpState state) => state == TcpState.SynSent2 ? BothSynchronize : this[state switch
    {
        TcpState.SynSent => "nf_conntrack_tcp_timeout_syn_sent",
        TcpState.SynReceived => "nf_conntrack_tcp_timeout_syn_recv",
        TcpState.Established => "nf_conntrack_tcp_timeout_established",
        TcpState.FinWait => "nf_conntrack_tcp_timeout_fin_wait",
        TcpState.CloseWait => "nf_conntrack_tcp_timeout_close_wait",
        TcpState.LastAck => "nf_conntrack_tcp_timeout_last_ack",
        TcpState.TimeWait => "nf_conntrack_tcp_timeout_time_wait",
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
}
