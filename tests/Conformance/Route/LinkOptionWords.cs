using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Conformance;

/// <summary>The options of the kinds, in the order iproute2 writes them.</summary>
internal static class LinkOptionWords
{
    public static BridgeOptions Bridge(Words words)
    {
        var order = new List<ushort>();
        var options = new BridgeOptions();
        while (!words.IsEmpty)
        {
            string word = words.Next();
            string value = word == "fdb_flush" ? "" : words.Next();
            uint number = IpNumber(value);
            bool on = number != 0;
            (ushort type, options) = word switch
            {
                "forward_delay" => (BridgeConstants.IFLA_BR_FORWARD_DELAY, options with { ForwardDelay = number }),
                "hello_time" => (BridgeConstants.IFLA_BR_HELLO_TIME, options with { HelloTime = number }),
                "max_age" => (BridgeConstants.IFLA_BR_MAX_AGE, options with { MaximumAge = number }),
                "ageing_time" => (BridgeConstants.IFLA_BR_AGEING_TIME, options with { AgeingTime = number }),
                "stp_state" => (BridgeConstants.IFLA_BR_STP_STATE, options with { SpanningTree = number }),
                "priority" => (BridgeConstants.IFLA_BR_PRIORITY, options with { Priority = (ushort)number }),
                "vlan_filtering" => (BridgeConstants.IFLA_BR_VLAN_FILTERING, options with { VlanFiltering = on }),
                "vlan_protocol" => (BridgeConstants.IFLA_BR_VLAN_PROTOCOL, options with { VlanProtocol = EtherType(value) }),
                "vlan_default_pvid" => (BridgeConstants.IFLA_BR_VLAN_DEFAULT_PVID, options with { DefaultPvid = (ushort)number }),
                "vlan_stats_enabled" => (BridgeConstants.IFLA_BR_VLAN_STATS_ENABLED, options with { VlanStatistics = on }),
                "vlan_stats_per_port" => (BridgeConstants.IFLA_BR_VLAN_STATS_PER_PORT, options with { VlanStatisticsPerPort = on }),
                "group_fwd_mask" => (BridgeConstants.IFLA_BR_GROUP_FWD_MASK, options with { GroupForwardMask = (ushort)number }),
                "group_address" => (BridgeConstants.IFLA_BR_GROUP_ADDR, options with { GroupAddress = HardwareAddress.Parse(value) }),
                "fdb_flush" => (BridgeConstants.IFLA_BR_FDB_FLUSH, options with { Flush = true }),
                "mcast_router" => (BridgeConstants.IFLA_BR_MCAST_ROUTER, options with { MulticastRouter = (byte)number }),
                "mcast_snooping" => (BridgeConstants.IFLA_BR_MCAST_SNOOPING, options with { MulticastSnooping = on }),
                "mcast_query_use_ifaddr" => (BridgeConstants.IFLA_BR_MCAST_QUERY_USE_IFADDR, options with { MulticastQueryUsesAddress = on }),
                "mcast_querier" => (BridgeConstants.IFLA_BR_MCAST_QUERIER, options with { MulticastQuerier = on }),
                "mcast_hash_elasticity" => (BridgeConstants.IFLA_BR_MCAST_HASH_ELASTICITY, options with { MulticastHashElasticity = number }),
                "mcast_hash_max" => (BridgeConstants.IFLA_BR_MCAST_HASH_MAX, options with { MulticastHashMaximum = number }),
                "mcast_last_member_count" => (BridgeConstants.IFLA_BR_MCAST_LAST_MEMBER_CNT, options with { MulticastLastMemberCount = number }),
                "mcast_startup_query_count" => (BridgeConstants.IFLA_BR_MCAST_STARTUP_QUERY_CNT, options with { MulticastStartupQueryCount = number }),
                "mcast_last_member_interval" => (BridgeConstants.IFLA_BR_MCAST_LAST_MEMBER_INTVL, options with { MulticastLastMemberInterval = number }),
                "mcast_membership_interval" => (BridgeConstants.IFLA_BR_MCAST_MEMBERSHIP_INTVL, options with { MulticastMembershipInterval = number }),
                "mcast_querier_interval" => (BridgeConstants.IFLA_BR_MCAST_QUERIER_INTVL, options with { MulticastQuerierInterval = number }),
                "mcast_query_interval" => (BridgeConstants.IFLA_BR_MCAST_QUERY_INTVL, options with { MulticastQueryInterval = number }),
                "mcast_query_response_interval" => (BridgeConstants.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, options with { MulticastQueryResponseInterval = number }),
                "mcast_startup_query_interval" => (BridgeConstants.IFLA_BR_MCAST_STARTUP_QUERY_INTVL, options with { MulticastStartupQueryInterval = number }),
                "mcast_stats_enabled" => (BridgeConstants.IFLA_BR_MCAST_STATS_ENABLED, options with { MulticastStatistics = on }),
                "mcast_igmp_version" => (BridgeConstants.IFLA_BR_MCAST_IGMP_VERSION, options with { IgmpVersion = (byte)number }),
                "mcast_mld_version" => (BridgeConstants.IFLA_BR_MCAST_MLD_VERSION, options with { MldVersion = (byte)number }),
                "nf_call_iptables" => (BridgeConstants.IFLA_BR_NF_CALL_IPTABLES, options with { CallIptables = on }),
                "nf_call_ip6tables" => (BridgeConstants.IFLA_BR_NF_CALL_IP6TABLES, options with { CallIp6tables = on }),
                "nf_call_arptables" => (BridgeConstants.IFLA_BR_NF_CALL_ARPTABLES, options with { CallArptables = on }),
                "no_linklocal_learn" => (BridgeConstants.IFLA_BR_MULTI_BOOLOPT, options with { BooleanOptions = Switch(options.BooleanOptions, 1, on) }),
                "mcast_vlan_snooping" => (BridgeConstants.IFLA_BR_MULTI_BOOLOPT, options with { BooleanOptions = Switch(options.BooleanOptions, 2, on) }),
                _ => throw new InvalidDataException($"'{word}' is no option of a bridge"),
            };
            order.Add(type);
        }

        // The switches that share one attribute are written behind all others.
        order.RemoveAll(type => type == BridgeConstants.IFLA_BR_MULTI_BOOLOPT);
        order.Add(BridgeConstants.IFLA_BR_MULTI_BOOLOPT);
        return options with { Layout = WireLayout.InOrder([.. order]) };
    }

    public static BridgePortOptions BridgePort(Words words, IpRequests ip)
    {
        var order = new List<ushort>();
        var options = new BridgePortOptions();
        while (!words.IsEmpty)
        {
            string word = words.Next();
            string value = word == "fdb_flush" ? "" : words.Next();
            uint number = word == "backup_port" ? 0 : IpNumber(value);
            bool on = value == "on" || number != 0;
            (ushort type, options) = word switch
            {
                "fdb_flush" => (BridgeConstants.IFLA_BRPORT_FLUSH, options with { Flush = true }),
                "state" => (BridgeConstants.IFLA_BRPORT_STATE, options with { State = (BridgePortState)number }),
                "priority" => (BridgeConstants.IFLA_BRPORT_PRIORITY, options with { Priority = (ushort)number }),
                "cost" => (BridgeConstants.IFLA_BRPORT_COST, options with { Cost = number }),
                "hairpin" => (BridgeConstants.IFLA_BRPORT_MODE, options with { Hairpin = on }),
                "guard" => (BridgeConstants.IFLA_BRPORT_GUARD, options with { Guard = on }),
                "root_block" => (BridgeConstants.IFLA_BRPORT_PROTECT, options with { RootBlock = on }),
                "fastleave" or "mcast_fast_leave" => (BridgeConstants.IFLA_BRPORT_FAST_LEAVE, options with { FastLeave = on }),
                "learning" => (BridgeConstants.IFLA_BRPORT_LEARNING, options with { Learning = on }),
                "flood" => (BridgeConstants.IFLA_BRPORT_UNICAST_FLOOD, options with { UnicastFlood = on }),
                "mcast_flood" => (BridgeConstants.IFLA_BRPORT_MCAST_FLOOD, options with { MulticastFlood = on }),
                "bcast_flood" => (BridgeConstants.IFLA_BRPORT_BCAST_FLOOD, options with { BroadcastFlood = on }),
                "mcast_to_unicast" => (BridgeConstants.IFLA_BRPORT_MCAST_TO_UCAST, options with { MulticastToUnicast = on }),
                "proxy_arp" => (BridgeConstants.IFLA_BRPORT_PROXYARP, options with { ProxyArp = on }),
                "proxy_arp_wifi" => (BridgeConstants.IFLA_BRPORT_PROXYARP_WIFI, options with { ProxyArpWireless = on }),
                "mcast_router" => (BridgeConstants.IFLA_BRPORT_MULTICAST_ROUTER, options with { MulticastRouter = (byte)number }),
                "group_fwd_mask" => (BridgeConstants.IFLA_BRPORT_GROUP_FWD_MASK, options with { GroupForwardMask = (ushort)number }),
                "neigh_suppress" => (BridgeConstants.IFLA_BRPORT_NEIGH_SUPPRESS, options with { NeighbourSuppression = on }),
                "vlan_tunnel" => (BridgeConstants.IFLA_BRPORT_VLAN_TUNNEL, options with { VlanTunnel = on }),
                "isolated" => (BridgeConstants.IFLA_BRPORT_ISOLATED, options with { Isolated = on }),
                "locked" => (BridgeConstants.IFLA_BRPORT_LOCKED, options with { Locked = on }),
                "mab" => (BridgeConstants.IFLA_BRPORT_MAB, options with { MacAuthenticationBypass = on }),
                "backup_port" => (BridgeConstants.IFLA_BRPORT_BACKUP_PORT, options with { BackupPort = (uint)ip.Index(value) }),
                "mcast_eht_hosts_limit" => (BridgeConstants.IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, options with { MulticastHostsLimit = number }),
                _ => throw new InvalidDataException($"'{word}' is no option of a bridge's port"),
            };
            order.Add(type);
        }

        return options with { Layout = WireLayout.InOrder([.. order]) };
    }

    public static VlanOptions Vlan(Words words)
    {
        var order = new List<ushort>();
        var options = new VlanOptions();
        while (!words.IsEmpty)
        {
            string word = words.Next();
            uint bit = word switch { "reorder_hdr" => 1, "gvrp" => 2, "loose_binding" => 4, "mvrp" => 8, "bridge_binding" => 16, _ => 0u };
            if (bit != 0)
            {
                VlanFlagChange change = options.FlagChange ?? new VlanFlagChange(0, 0);
                options = options with { FlagChange = new VlanFlagChange(words.Next() == "on" ? change.Flags | bit : change.Flags & ~bit, change.Mask | bit) };
                continue;
            }

            (ushort type, options) = word switch
            {
                "id" => (IFLA_VLAN_ID, options with { Id = (ushort)IpNumber(words.Next()) }),
                "protocol" => (IFLA_VLAN_PROTOCOL, options with { Protocol = EtherType(words.Next()) }),
                "ingress-qos-map" => (IFLA_VLAN_INGRESS_QOS, options with { IngressQos = QosMap(words) }),
                "egress-qos-map" => (IFLA_VLAN_EGRESS_QOS, options with { EgressQos = QosMap(words) }),
                _ => throw new InvalidDataException($"'{word}' is no option of a VLAN"),
            };
            order.Add(type);
        }

        order.Add(IFLA_VLAN_FLAGS);
        return options with { Layout = WireLayout.InOrder([.. order]) };
    }

    public static VxlanOptions Vxlan(Words words, IpRequests ip, bool isSet)
    {
        // What is said goes first, then identifier, addresses, learning and ports.
        var order = new List<ushort>();
        var options = new VxlanOptions();
        bool? learning = null;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            switch (word)
            {
                case "id" or "vni":
                    options = options with { Id = IpNumber(words.Next()) };
                    continue;
                case "group" or "remote":
                    IPAddress group = IPAddress.Parse(words.Next());
                    options = group.AddressFamily == AddressFamily.InterNetwork ? options with { Group = group } : options with { Group6 = group };
                    continue;
                case "local":
                    IPAddress local = IPAddress.Parse(words.Next());
                    options = local.AddressFamily == AddressFamily.InterNetwork ? options with { Local = local } : options with { Local6 = local };
                    continue;
                case "learning" or "nolearning":
                    learning = word == "learning";
                    continue;
                case "dstport":
                    options = options with { Port = (ushort)IpNumber(words.Next()) };
                    continue;
                case "maxaddress":
                    options = options with { Limit = words.Take("unlimited") ? 0 : IpNumber(words.Next()) };
                    continue;
                case "port" or "srcport":
                    options = options with { SourcePorts = new PortRange((ushort)IpNumber(words.Next()), (ushort)IpNumber(words.Next())) };
                    continue;
            }

            bool no = word.StartsWith("no", StringComparison.Ordinal);
            (ushort type, options) = word switch
            {
                "dev" => (IFLA_VXLAN_LINK, options with { Parent = ip.Index(words.Next()) }),
                "ttl" or "hoplimit" => words.Take("inherit")
                    ? (IFLA_VXLAN_TTL_INHERIT, options with { TtlInherit = true })
                    : (IFLA_VXLAN_TTL, options with { Ttl = words.Take("auto") ? (byte)0 : (byte)IpNumber(words.Next()) }),
                "tos" or "dsfield" => (IFLA_VXLAN_TOS, options with { Tos = words.Take("inherit") ? (byte)1 : (byte)IpNumber(words.Next()) }),
                "df" => (IFLA_VXLAN_DF, options with { DontFragment = words.Next() switch { "set" => 1, "inherit" => 2, _ => (byte)0 } }),
                "flowlabel" or "label" => (IFLA_VXLAN_LABEL, options with { FlowLabel = IpNumber(words.Next()) }),
                "ageing" => (IFLA_VXLAN_AGEING, options with { AgeingTime = words.Take("none") ? 0 : IpNumber(words.Next()) }),
                "proxy" or "noproxy" => (IFLA_VXLAN_PROXY, options with { Proxy = !no }),
                "rsc" or "norsc" => (IFLA_VXLAN_RSC, options with { RouteShortCircuit = !no }),
                "l2miss" or "nol2miss" => (IFLA_VXLAN_L2MISS, options with { Layer2Miss = !no }),
                "l3miss" or "nol3miss" => (IFLA_VXLAN_L3MISS, options with { Layer3Miss = !no }),
                "udpcsum" or "noudpcsum" => (IFLA_VXLAN_UDP_CSUM, options with { UdpChecksum = !no }),
                "udp6zerocsumtx" or "noudp6zerocsumtx" => (IFLA_VXLAN_UDP_ZERO_CSUM6_TX, options with { UdpZeroChecksum6Transmit = !no }),
                "udp6zerocsumrx" or "noudp6zerocsumrx" => (IFLA_VXLAN_UDP_ZERO_CSUM6_RX, options with { UdpZeroChecksum6Receive = !no }),
                "remcsumtx" or "noremcsumtx" => (IFLA_VXLAN_REMCSUM_TX, options with { RemoteChecksumTransmit = !no }),
                "remcsumrx" or "noremcsumrx" => (IFLA_VXLAN_REMCSUM_RX, options with { RemoteChecksumReceive = !no }),
                "external" or "noexternal" => (IFLA_VXLAN_COLLECT_METADATA, options with { CollectMetadata = !no }),
                "vnifilter" or "novnifilter" => (IFLA_VXLAN_VNIFILTER, options with { VniFilter = !no }),
                "gbp" => (IFLA_VXLAN_GBP, options with { GroupPolicy = true }),
                "gpe" => (IFLA_VXLAN_GPE, options with { GenericProtocol = true }),
                _ => throw new InvalidDataException($"'{word}' is no option of a VXLAN"),
            };
            order.Add(type);
        }

        options = options with { Learning = learning ?? (isSet ? null : options.CollectMetadata != true) };
        order.AddRange(
        [
            IFLA_VXLAN_ID, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, IFLA_VXLAN_LEARNING, IFLA_VXLAN_LIMIT,
            IFLA_VXLAN_PORT_RANGE, IFLA_VXLAN_PORT,
        ]);
        return options with { Layout = WireLayout.InOrder([.. order]) };
    }

    public static MacvlanOptions Macvlan(Words words)
    {
        var order = new List<ushort>();
        var options = new MacvlanOptions();
        while (!words.IsEmpty)
        {
            switch (words.Next())
            {
                case "mode":
                    options = options with
                    {
                        Mode = words.Next() switch
                        {
                            "private" => MacvlanMode.Private,
                            "vepa" => MacvlanMode.Vepa,
                            "bridge" => MacvlanMode.Bridge,
                            "passthru" => MacvlanMode.PassThrough,
                            "source" => MacvlanMode.Source,
                            { } other => throw new InvalidDataException($"'{other}' is no mode of a macvlan"),
                        },
                    };
                    break;
                case "nopromisc":
                    options = options with { Options = (ushort)((options.Options ?? 0) | 1) };
                    break;
                case "nodst":
                    options = options with { Options = (ushort)((options.Options ?? 0) | 2) };
                    break;
                case "bcqueuelen":
                    options = options with { BroadcastQueueLength = IpNumber(words.Next()) };
                    order.Add(IFLA_MACVLAN_BC_QUEUE_LEN);
                    break;
                case { } word:
                    throw new InvalidDataException($"'{word}' is no option of a macvlan");
            }
        }

        order.AddRange([IFLA_MACVLAN_MODE, IFLA_MACVLAN_FLAGS]);
        return options with { Layout = WireLayout.InOrder([.. order]) };
    }

    public static BondOptions Bond(Words words, IpRequests ip)
    {
        var order = new List<ushort>();
        var options = new BondOptions();
        while (!words.IsEmpty)
        {
            string word = words.Next();
            string value = words.Next();
            byte Choice(params ReadOnlySpan<string> names) => names.IndexOf(value) is >= 0 and var place ? (byte)place : (byte)IpNumber(value);
            (ushort type, options) = word switch
            {
                "mode" => (IFLA_BOND_MODE, options with { Mode = (BondMode)Choice("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb") }),
                "active_slave" => (IFLA_BOND_ACTIVE_SLAVE, options with { ActivePort = (uint)ip.Index(value) }),
                "primary" => (IFLA_BOND_PRIMARY, options with { Primary = (uint)ip.Index(value) }),
                "miimon" => (IFLA_BOND_MIIMON, options with { MiiMonitor = IpNumber(value) }),
                "updelay" => (IFLA_BOND_UPDELAY, options with { UpDelay = IpNumber(value) }),
                "downdelay" => (IFLA_BOND_DOWNDELAY, options with { DownDelay = IpNumber(value) }),
                "peer_notify_delay" => (IFLA_BOND_PEER_NOTIF_DELAY, options with { PeerNotificationDelay = IpNumber(value) }),
                "use_carrier" => (IFLA_BOND_USE_CARRIER, options with { UseCarrier = Choice("0", "1") }),
                "arp_interval" => (IFLA_BOND_ARP_INTERVAL, options with { ArpInterval = IpNumber(value) }),
                "arp_validate" => (IFLA_BOND_ARP_VALIDATE, options with { ArpValidate = Choice("none", "active", "backup", "all", "filter", "filter_active", "filter_backup") }),
                "arp_all_targets" => (IFLA_BOND_ARP_ALL_TARGETS, options with { ArpAllTargets = Choice("any", "all") }),
                "arp_ip_target" => (IFLA_BOND_ARP_IP_TARGET, options with { ArpTargets = Targets(value) }),
                "ns_ip6_target" => (IFLA_BOND_NS_IP6_TARGET, options with { NeighbourTargets = Targets(value) }),
                "primary_reselect" => (IFLA_BOND_PRIMARY_RESELECT, options with { PrimaryReselect = Choice("always", "better", "failure") }),
                "fail_over_mac" => (IFLA_BOND_FAIL_OVER_MAC, options with { FailOverMac = Choice("none", "active", "follow") }),
                "xmit_hash_policy" => (IFLA_BOND_XMIT_HASH_POLICY, options with { TransmitHashPolicy = Choice("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac") }),
                "resend_igmp" => (IFLA_BOND_RESEND_IGMP, options with { ResendIgmp = IpNumber(value) }),
                "num_grat_arp" or "num_unsol_na" => (IFLA_BOND_NUM_PEER_NOTIF, options with { PeerNotifications = (byte)IpNumber(value) }),
                "all_slaves_active" => (IFLA_BOND_ALL_SLAVES_ACTIVE, options with { AllPortsActive = Choice("0", "1") }),
                "min_links" => (IFLA_BOND_MIN_LINKS, options with { MinimumLinks = IpNumber(value) }),
                "lp_interval" => (IFLA_BOND_LP_INTERVAL, options with { LearningPacketInterval = IpNumber(value) }),
                "packets_per_slave" => (IFLA_BOND_PACKETS_PER_SLAVE, options with { PacketsPerPort = IpNumber(value) }),
                "lacp_rate" => (IFLA_BOND_AD_LACP_RATE, options with { LacpRate = Choice("slow", "fast") }),
                "lacp_active" => (IFLA_BOND_AD_LACP_ACTIVE, options with { LacpActive = Choice("off", "on") }),
                "ad_select" => (IFLA_BOND_AD_SELECT, options with { AggregatorSelection = Choice("stable", "bandwidth", "count") }),
                "ad_user_port_key" => (IFLA_BOND_AD_USER_PORT_KEY, options with { UserPortKey = (ushort)IpNumber(value) }),
                "ad_actor_sys_prio" => (IFLA_BOND_AD_ACTOR_SYS_PRIO, options with { ActorSystemPriority = (ushort)IpNumber(value) }),
                "ad_actor_system" => (IFLA_BOND_AD_ACTOR_SYSTEM, options with { ActorSystem = HardwareAddress.Parse(value) }),
                "tlb_dynamic_lb" => (IFLA_BOND_TLB_DYNAMIC_LB, options with { DynamicLoadBalancing = Choice("0", "1") }),
                "missed_max" => (IFLA_BOND_MISSED_MAX, options with { MissedMaximum = (byte)IpNumber(value) }),
                _ => throw new InvalidDataException($"'{word}' is no option of a bond"),
            };
            order.Add(type);
        }

        return options with { Layout = WireLayout.InOrder([.. order]) };
    }

    private static AddressList Targets(string value) => new([.. value.Split(',').Select(IPAddress.Parse)]);

    private static BridgeBooleanOptions Switch(BridgeBooleanOptions? options, uint bit, bool on) =>
        new(((options?.Values ?? 0) & ~bit) | (on ? bit : 0), (options?.Mask ?? 0) | bit);

    private static EquatableList<VlanQosMapping> QosMap(Words words)
    {
        var map = new List<VlanQosMapping>();
        while (words.Peek.Contains(':', StringComparison.Ordinal))
        {
            string[] pair = words.Next().Split(':');
            map.Add(new VlanQosMapping(IpNumber(pair[0]), IpNumber(pair[1])));
        }

        return [.. map];
    }

    private static ushort EtherType(string text) => text.ToUpperInvariant() switch { "802.1Q" => 0x8100, "802.1AD" => 0x88a8, _ => (ushort)IpNumber(text) };

    private static uint IpNumber(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal)
            ? uint.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : uint.TryParse(text, CultureInfo.InvariantCulture, out uint number) ? number : 0;
}
