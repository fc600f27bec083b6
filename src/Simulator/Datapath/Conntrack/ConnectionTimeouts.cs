using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>How long a connection is remembered, by the names below /proc/sys/net/netfilter, in seconds.</summary>
internal sealed class ConnectionTimeouts
{
    private readonly Dictionary<string, int> _seconds = new(StringComparer.Ordinal)
    {
        ["nf_conntrack_generic_timeout"] = 600,
        ["nf_conntrack_icmp_timeout"] = 30,
        ["nf_conntrack_icmpv6_timeout"] = 30,
        ["nf_conntrack_udp_timeout"] = 30,
        ["nf_conntrack_udp_timeout_stream"] = 120,
        ["nf_conntrack_tcp_timeout_syn_sent"] = 120,
        ["nf_conntrack_tcp_timeout_syn_recv"] = 60,
        ["nf_conntrack_tcp_timeout_established"] = 432000,
        ["nf_conntrack_tcp_timeout_fin_wait"] = 120,
        ["nf_conntrack_tcp_timeout_close_wait"] = 60,
        ["nf_conntrack_tcp_timeout_last_ack"] = 30,
        ["nf_conntrack_tcp_timeout_time_wait"] = 120,
        ["nf_conntrack_tcp_timeout_close"] = 10,
        ["nf_conntrack_tcp_timeout_max_retrans"] = 300,
        ["nf_conntrack_tcp_timeout_unacknowledged"] = 300,
        ["nf_conntrack_sctp_timeout_cookie_wait"] = 3,
        ["nf_conntrack_sctp_timeout_established"] = 210,
        ["nf_conntrack_gre_timeout"] = 30,
        ["nf_conntrack_gre_timeout_stream"] = 180,
    };

    /// <summary>The parameters' names and values in seconds.</summary>
    public IReadOnlyDictionary<string, int> Seconds => _seconds;

    /// <summary>Sets one; false where there is no such parameter.</summary>
    public bool Set(string name, int seconds)
    {
        if (!_seconds.ContainsKey(name))
        {
            return false;
        }

        _seconds[name] = seconds;
        return true;
    }

    public TimeSpan this[string name] => TimeSpan.FromSeconds(_seconds[name]);

    public TimeSpan Of(TcpState state) => this[state switch
    {
        TcpState.SynSent or TcpState.SynSent2 => "nf_conntrack_tcp_timeout_syn_sent",
        TcpState.SynReceived => "nf_conntrack_tcp_timeout_syn_recv",
        TcpState.Established => "nf_conntrack_tcp_timeout_established",
        TcpState.FinWait => "nf_conntrack_tcp_timeout_fin_wait",
        TcpState.CloseWait => "nf_conntrack_tcp_timeout_close_wait",
        TcpState.LastAck => "nf_conntrack_tcp_timeout_last_ack",
        TcpState.TimeWait => "nf_conntrack_tcp_timeout_time_wait",
        _ => "nf_conntrack_tcp_timeout_close",
    }];

    public TimeSpan Retransmitted => this["nf_conntrack_tcp_timeout_max_retrans"];

    public TimeSpan Unacknowledged => this["nf_conntrack_tcp_timeout_unacknowledged"];

    /// <summary>The timeout of a protocol without states of its own.</summary>
    public TimeSpan OfProtocol(byte protocol) => this[protocol switch
    {
        IpProtocol.Icmp => "nf_conntrack_icmp_timeout",
        IpProtocol.Icmpv6 => "nf_conntrack_icmpv6_timeout",
        IpProtocol.Sctp => "nf_conntrack_sctp_timeout_established",
        IpProtocol.Gre => "nf_conntrack_gre_timeout",
        _ => "nf_conntrack_generic_timeout",
    }];
}
