using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>The options of bonds and their ports, in the order of <c>ip -d link show</c>.</summary>
internal static class BondShown
{
    private static readonly string[] Modes = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];

    private static readonly string[] HashPolicies = ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"];

    private static readonly string[] Validations = ["none", "active", "backup", "all", "filter", "filter_active", "filter_backup"];

    private static readonly string[] LacpStates = ["active", "short_timeout", "aggregating", "in_sync", "collecting", "distributing", "defaulted", "expired"];

    public static OptionList Of(BondOptions bond, KernelView view)
    {
        OptionList list = new OptionList()
            .Add("mode", Word(bond.Mode is { } mode ? (uint)mode : null, Modes))
            .Add("active_slave", bond.ActivePort is { } active and not 0 ? view.NameOf((int)active) : null)
            .Add("miimon", KernelView.Value(bond.MiiMonitor))
            .Add("updelay", KernelView.Value(bond.UpDelay))
            .Add("downdelay", KernelView.Value(bond.DownDelay))
            .Add("peer_notify_delay", KernelView.Value(bond.PeerNotificationDelay))
            .Add("use_carrier", KernelView.Value(bond.UseCarrier))
            .Add("arp_interval", KernelView.Value(bond.ArpInterval))
            .Add("arp_missed_max", KernelView.Value(bond.MissedMaximum));
        AddTargets(list, "arp_ip_target", bond.ArpTargets);
        AddTargets(list, "ns_ip6_target", bond.NeighbourTargets);
        // As ip does: none is no word but null.
        if (bond.ArpValidate == 0)
        {
            list.AddNull("arp_validate", "arp_validate none");
        }

        list.Add("arp_validate", bond.ArpValidate == 0 ? null : Word(bond.ArpValidate, Validations))
            .Add("arp_all_targets", Word(bond.ArpAllTargets, ["any", "all"]))
            .Add("primary", bond.Primary is { } primary and not 0 ? view.NameOf((int)primary) : null)
            .Add("primary_reselect", Word(bond.PrimaryReselect, ["always", "better", "failure"]))
            .Add("fail_over_mac", Word(bond.FailOverMac, ["none", "active", "follow"]))
            .Add("xmit_hash_policy", Word(bond.TransmitHashPolicy, HashPolicies))
            .Add("resend_igmp", KernelView.Value(bond.ResendIgmp))
            .AddAs("num_peer_notif", "num_grat_arp", KernelView.Value(bond.PeerNotifications))
            .Add("all_slaves_active", KernelView.Value(bond.AllPortsActive))
            .Add("min_links", KernelView.Value(bond.MinimumLinks))
            .Add("lp_interval", KernelView.Value(bond.LearningPacketInterval))
            .Add("packets_per_slave", KernelView.Value(bond.PacketsPerPort))
            .AddAs("ad_lacp_active", "lacp_active", Word(bond.LacpActive, ["off", "on"]))
            .AddAs("ad_lacp_rate", "lacp_rate", Word(bond.LacpRate, ["slow", "fast"]))
            .Add("ad_select", Word(bond.AggregatorSelection, ["stable", "bandwidth", "count"]));
        if (bond.Aggregator is { } aggregator)
        {
            OptionList information = Of(aggregator);
            list.AddWith("ad_info", information.Fields, information.Words.TrimEnd());
        }

        return list.Add("ad_actor_sys_prio", KernelView.Value(bond.ActorSystemPriority))
            .Add("ad_user_port_key", KernelView.Value(bond.UserPortKey))
            .Add("ad_actor_system", bond.ActorSystem?.ToString())
            .Add("tlb_dynamic_lb", KernelView.Value(bond.DynamicLoadBalancing));
    }

    public static OptionList Of(BondPortOptions port)
    {
        OptionList list = new OptionList()
            .Add("state", Word(port.State, ["ACTIVE", "BACKUP"]))
            .Add("mii_status", Word(port.MiiStatus, ["UP", "GOING_DOWN", "DOWN", "GOING_BACK"]))
            .Add("link_failure_count", KernelView.Value(port.LinkFailures))
            .Add("perm_hwaddr", port.PermanentAddress?.ToString())
            .Add("queue_id", KernelView.Value(port.QueueId))
            .Add("prio", KernelView.Value(port.Priority))
            .Add("ad_aggregator_id", KernelView.Value(port.AggregatorId));
        AddState(list, "ad_actor_oper_port_state", port.ActorPortState);
        AddState(list, "ad_partner_oper_port_state", port.PartnerPortState);
        return list;
    }

    private static OptionList Of(BondAggregator aggregator) => new OptionList()
        .AddAs("aggregator", "ad_aggregator", KernelView.Value(aggregator.Id))
        .AddAs("num_ports", "ad_num_ports", KernelView.Value(aggregator.Ports))
        .AddAs("actor_key", "ad_actor_key", KernelView.Value(aggregator.ActorKey))
        .AddAs("partner_key", "ad_partner_key", KernelView.Value(aggregator.PartnerKey))
        .AddAs("partner_mac", "ad_partner_mac", aggregator.PartnerAddress?.ToString());

    private static void AddTargets(OptionList list, string name, AddressList? targets)
    {
        if (targets is { Addresses.Count: > 0 })
        {
            string[] addresses = [.. targets.Addresses.Select(address => address.ToString())];
            list.AddWith(name, new JsonArray([.. addresses.Select(address => (JsonNode)address)]), $"{name} {string.Join(',', addresses)}");
        }
    }

    private static void AddState(OptionList list, string name, int? state)
    {
        if (state is { } bits)
        {
            string[] words = [.. LacpStates.Where((_, bit) => (bits >> bit & 1) != 0)];
            list.Add(name, bits).AddWith(name + "_str", new JsonArray([.. words.Select(word => (JsonNode)word)]), $"{name}_str <{string.Join(',', words)}>");
        }
    }

    private static string? Word(uint? value, ReadOnlySpan<string> words) => value is { } number ? number < words.Length ? words[(int)number] : $"{number}" : null;
}
