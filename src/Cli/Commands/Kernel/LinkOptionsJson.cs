using System.Globalization;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Cli;

/// <summary>The options of a link's kind under the field names of <c>ip -j -d link show</c>.</summary>
internal static class LinkOptionsJson
{
    /// <summary>The options; null where there are none to show.</summary>
    public static JsonObject? Of(LinkData? data, KernelView view)
    {
        JsonObject? json = data switch
        {
            BridgeOptions bridge => Bridge(bridge),
            BridgePortOptions port => Port(port),
            VlanOptions vlan => Vlan(vlan),
            VxlanOptions vxlan => Vxlan(vxlan, view),
            BondOptions bond => new JsonObject { ["mode"] = BondMode(bond.Mode), ["miimon"] = KernelView.Value(bond.MiiMonitor), ["updelay"] = KernelView.Value(bond.UpDelay), ["downdelay"] = KernelView.Value(bond.DownDelay) },
            MacvlanOptions macvlan => Macvlan(macvlan),
            VrfOptions vrf => new JsonObject { ["table"] = KernelView.Value(vrf.Table) },
            VrfPortOptions vrf => new JsonObject { ["table"] = KernelView.Value(vrf.Table) },
            TunOptions tun => Tun(tun),
            _ => null,
        };
        if (json is null)
        {
            return null;
        }

        foreach (string absent in json.Where(pair => pair.Value is null).Select(pair => pair.Key).ToArray())
        {
            json.Remove(absent);
        }

        return json.Count == 0 ? null : json;
    }

    private static JsonObject Bridge(BridgeOptions bridge) => new()
    {
        ["forward_delay"] = KernelView.Value(bridge.ForwardDelay),
        ["hello_time"] = KernelView.Value(bridge.HelloTime),
        ["max_age"] = KernelView.Value(bridge.MaximumAge),
        ["ageing_time"] = KernelView.Value(bridge.AgeingTime),
        ["stp_state"] = KernelView.Value(bridge.SpanningTree),
        ["priority"] = KernelView.Value(bridge.Priority),
        ["vlan_filtering"] = Number(bridge.VlanFiltering),
        ["vlan_protocol"] = Protocol(bridge.VlanProtocol),
        ["bridge_id"] = bridge.BridgeId?.ToString(),
        ["root_id"] = bridge.RootId?.ToString(),
        ["root_port"] = KernelView.Value(bridge.RootPort),
        ["root_path_cost"] = KernelView.Value(bridge.RootPathCost),
        ["topology_change"] = Number(bridge.TopologyChange),
        ["topology_change_detected"] = Number(bridge.TopologyChangeDetected),
        ["hello_timer"] = Seconds(bridge.HelloTimer),
        ["tcn_timer"] = Seconds(bridge.TopologyChangeNotificationTimer),
        ["topology_change_timer"] = Seconds(bridge.TopologyChangeTimer),
        ["gc_timer"] = Seconds(bridge.CleanupTimer),
        ["vlan_default_pvid"] = KernelView.Value(bridge.DefaultPvid),
        ["vlan_stats_enabled"] = Number(bridge.VlanStatistics),
        ["vlan_stats_per_port"] = Number(bridge.VlanStatisticsPerPort),
        ["group_fwd_mask"] = bridge.GroupForwardMask is { } mask ? mask.ToString("x", CultureInfo.InvariantCulture) : null,
        ["group_addr"] = bridge.GroupAddress?.ToString(),
        ["mcast_snooping"] = Number(bridge.MulticastSnooping),
        ["no_linklocal_learn"] = Switch(bridge.BooleanOptions, 0),
        ["mcast_vlan_snooping"] = Switch(bridge.BooleanOptions, 1),
        ["mcast_router"] = KernelView.Value(bridge.MulticastRouter),
        ["mcast_query_use_ifaddr"] = Number(bridge.MulticastQueryUsesAddress),
        ["mcast_querier"] = Number(bridge.MulticastQuerier),
        ["mcast_hash_elasticity"] = KernelView.Value(bridge.MulticastHashElasticity),
        ["mcast_hash_max"] = KernelView.Value(bridge.MulticastHashMaximum),
        ["mcast_last_member_cnt"] = KernelView.Value(bridge.MulticastLastMemberCount),
        ["mcast_startup_query_cnt"] = KernelView.Value(bridge.MulticastStartupQueryCount),
        ["mcast_last_member_intvl"] = KernelView.Value(bridge.MulticastLastMemberInterval),
        ["mcast_membership_intvl"] = KernelView.Value(bridge.MulticastMembershipInterval),
        ["mcast_querier_intvl"] = KernelView.Value(bridge.MulticastQuerierInterval),
        ["mcast_query_intvl"] = KernelView.Value(bridge.MulticastQueryInterval),
        ["mcast_query_response_intvl"] = KernelView.Value(bridge.MulticastQueryResponseInterval),
        ["mcast_startup_query_intvl"] = KernelView.Value(bridge.MulticastStartupQueryInterval),
        ["mcast_stats_enabled"] = Number(bridge.MulticastStatistics),
        ["mcast_igmp_version"] = KernelView.Value(bridge.IgmpVersion),
        ["mcast_mld_version"] = KernelView.Value(bridge.MldVersion),
        ["nf_call_iptables"] = Number(bridge.CallIptables),
        ["nf_call_ip6tables"] = Number(bridge.CallIp6tables),
        ["nf_call_arptables"] = Number(bridge.CallArptables),
    };

    private static JsonObject Port(BridgePortOptions port) => new()
    {
        ["state"] = port.State is { } state ? LinkText.PortState(state) : null,
        ["priority"] = KernelView.Value(port.Priority),
        ["cost"] = KernelView.Value(port.Cost),
        ["hairpin"] = port.Hairpin,
        ["guard"] = port.Guard,
        ["root_block"] = port.RootBlock,
        ["fastleave"] = port.FastLeave,
        ["learning"] = port.Learning,
        ["flood"] = port.UnicastFlood,
        ["id"] = port.PortId is { } id ? $"0x{id:x}" : null,
        ["no"] = port.PortNumber is { } number ? $"0x{number:x}" : null,
        ["designated_port"] = KernelView.Value(port.DesignatedPort),
        ["designated_cost"] = KernelView.Value(port.DesignatedCost),
        ["bridge_id"] = port.DesignatedBridge?.ToString(),
        ["root_id"] = port.RootId?.ToString(),
        ["hold_timer"] = Seconds(port.HoldTimer),
        ["message_age_timer"] = Seconds(port.MessageAgeTimer),
        ["forward_delay_timer"] = Seconds(port.ForwardDelayTimer),
        ["topology_change_ack"] = Number(port.TopologyChangeAcknowledged),
        ["config_pending"] = Number(port.ConfigurationPending),
        ["proxy_arp"] = port.ProxyArp,
        ["proxy_arp_wifi"] = port.ProxyArpWireless,
        ["multicast_router"] = KernelView.Value(port.MulticastRouter),
        ["mcast_flood"] = port.MulticastFlood,
        ["bcast_flood"] = port.BroadcastFlood,
        ["mcast_to_unicast"] = port.MulticastToUnicast,
        ["neigh_suppress"] = port.NeighbourSuppression,
        ["group_fwd_mask"] = port.GroupForwardMask is { } mask ? mask.ToString("x", CultureInfo.InvariantCulture) : null,
        ["group_fwd_mask_str"] = port.GroupForwardMask is { } shown ? string.Create(CultureInfo.InvariantCulture, $"0x{shown:x}") : null,
        ["vlan_tunnel"] = port.VlanTunnel,
        ["isolated"] = port.Isolated,
        ["locked"] = port.Locked,
    };

    private static JsonObject Vlan(VlanOptions vlan)
    {
        string[] names = ["REORDER_HDR", "GVRP", "LOOSE_BINDING", "MVRP", "BRIDGE_BINDING"];
        return new JsonObject
        {
            ["protocol"] = Protocol(vlan.Protocol),
            ["id"] = KernelView.Value(vlan.Id),
            ["flags"] = vlan.FlagChange is { } change ? new JsonArray([.. names.Where((_, bit) => (change.Flags >> bit & 1) != 0).Select(name => (JsonNode)name)]) : null,
            ["ingress_qos"] = Map(vlan.IngressQos),
            ["egress_qos"] = Map(vlan.EgressQos),
        };
    }

    private static JsonObject Vxlan(VxlanOptions vxlan, KernelView view) => new()
    {
        ["external"] = vxlan.CollectMetadata == true ? true : null,
        ["id"] = KernelView.Value(vxlan.Id),
        ["group"] = vxlan.Group is { } group && group.GetAddressBytes()[0] >= 224 ? group.ToString() : null,
        ["remote"] = vxlan.Group is { } remote && remote.GetAddressBytes()[0] < 224 ? remote.ToString() : null,
        ["group6"] = vxlan.Group6 is { IsIPv6Multicast: true } group6 ? group6.ToString() : null,
        ["remote6"] = vxlan.Group6 is { IsIPv6Multicast: false } remote6 ? remote6.ToString() : null,
        ["local"] = vxlan.Local?.ToString(),
        ["local6"] = vxlan.Local6?.ToString(),
        ["link"] = vxlan.Parent is { } parent and not 0 ? view.NameOf(parent) : null,
        ["port_range"] = vxlan.SourcePorts is { } range ? new JsonObject { ["low"] = range.Low, ["high"] = range.High } : null,
        ["port"] = KernelView.Value(vxlan.Port),
        ["learning"] = vxlan.Learning,
        ["proxy"] = vxlan.Proxy == true ? true : null,
        ["rsc"] = vxlan.RouteShortCircuit == true ? true : null,
        ["l2miss"] = vxlan.Layer2Miss == true ? true : null,
        ["l3miss"] = vxlan.Layer3Miss == true ? true : null,
        ["ttl"] = KernelView.Value(vxlan.Ttl),
        ["df"] = vxlan.DontFragment switch { null => null, 0 => "unset", 1 => "set", _ => "inherit" },
        ["ageing"] = vxlan.AgeingTime is null or 0 ? null : KernelView.Value(vxlan.AgeingTime),
        ["limit"] = vxlan.Limit is null or 0 ? null : KernelView.Value(vxlan.Limit),
        ["udp_csum"] = vxlan.UdpChecksum,
        ["udp_zero_csum6_tx"] = vxlan.UdpZeroChecksum6Transmit,
        ["udp_zero_csum6_rx"] = vxlan.UdpZeroChecksum6Receive,
        ["gbp"] = vxlan.GroupPolicy ? true : null,
        ["gpe"] = vxlan.GenericProtocol ? true : null,
    };

    private static JsonObject Macvlan(MacvlanOptions macvlan) => new()
    {
        ["mode"] = macvlan.Mode is MacvlanMode.PassThrough ? "passthru" : macvlan.Mode?.ToString().ToLowerInvariant(),
        ["bcqueuelen"] = KernelView.Value(macvlan.BroadcastQueueLength),
        ["usedbcqueuelen"] = KernelView.Value(macvlan.BroadcastQueueLengthUsed),
    };

    private static JsonObject Tun(TunOptions tun) => new()
    {
        ["type"] = tun.Type == 2 ? "tap" : "tun",
        ["pi"] = tun.PacketInformation,
        ["vnet_hdr"] = tun.VirtualNetworkHeader,
        ["multi_queue"] = tun.MultiQueue,
        ["numqueues"] = KernelView.Value(tun.Queues),
        ["numdisabled"] = KernelView.Value(tun.DisabledQueues),
        ["persist"] = tun.Persistent,
        ["user"] = AccountName("/etc/passwd", tun.Owner),
        ["group"] = AccountName("/etc/group", tun.Group),
    };

    // As ip does: the account's name, or its number where it has none.
    private static JsonNode? AccountName(string file, uint? id)
    {
        if (id is not { } number)
        {
            return null;
        }

        string text = number.ToString(CultureInfo.InvariantCulture);
        string? name = File.Exists(file) ? File.ReadLines(file).Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[2] == text)?[0] : null;
        return name is null ? JsonValue.Create(number) : JsonValue.Create(name);
    }

    private static JsonNode? Seconds(ulong? hundredths) => hundredths is { } value ? JsonValue.Create(value / 100.0) : null;

    private static JsonNode? Switch(BridgeBooleanOptions? options, int bit) => options is { } set && (set.Mask >> bit & 1) != 0 ? JsonValue.Create((int)(set.Values >> bit & 1)) : null;

    private static JsonArray? Map(EquatableList<VlanQosMapping>? map) =>
        map is null ? null : new JsonArray([.. map.Select(pair => (JsonNode)new JsonObject { ["from"] = pair.From, ["to"] = pair.To })]);

    private static string? BondMode(BondMode? mode) =>
        mode is { } value ? ((string[])["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"])[Math.Min((int)value, 6)] : null;

    private static JsonNode? Number(bool? value) => value is { } flag ? JsonValue.Create(flag ? 1 : 0) : null;

    private static string? Protocol(ushort? type) => type switch { null => null, 0x8100 => "802.1Q", 0x88a8 => "802.1ad", { } other => $"0x{other:x}" };
}
