using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>IFLA_INET6_CONF: the IPv6 parameters of a device in the order of DEVCONF_*.</summary>
internal static class Inet6Configuration
{
    /// <summary>The sysctl behind each value; "" where there is none.</summary>
    private static readonly string[] Names =
    [
        "forwarding", "hop_limit", "mtu", "accept_ra", "accept_redirects", "autoconf", "dad_transmits", "router_solicitations",
        "router_solicitation_interval", "router_solicitation_delay", "use_tempaddr", "temp_valid_lft", "temp_prefered_lft", "regen_max_retry",
        "max_desync_factor", "max_addresses", "force_mld_version", "accept_ra_defrtr", "accept_ra_pinfo", "accept_ra_rtr_pref",
        "router_probe_interval", "accept_ra_rt_info_max_plen", "proxy_ndp", "optimistic_dad", "accept_source_route", "mc_forwarding", "disable_ipv6",
        "accept_dad", "force_tllao", "ndisc_notify", "mldv1_unsolicited_report_interval", "mldv2_unsolicited_report_interval", "suppress_frag_ndisc",
        "accept_ra_from_local", "use_optimistic", "accept_ra_mtu", "", "use_oif_addrs_only", "accept_ra_min_hop_limit", "ignore_routes_with_linkdown",
        "drop_unicast_in_l2_multicast", "drop_unsolicited_na", "keep_addr_on_down", "router_solicitation_max_interval", "seg6_enabled",
        "seg6_require_hmac", "enhanced_dad", "addr_gen_mode", "disable_policy", "accept_ra_rt_info_min_plen", "ndisc_tclass", "rpl_seg_enabled",
        "ra_defrtr_metric", "ioam6_enabled", "ioam6_id", "ioam6_id_wide", "ndisc_evict_nocarrier", "accept_untracked_na", "accept_ra_min_lft",
        "force_forwarding",
    ];

    /// <summary>Those whose sysctls are in seconds; the message has milliseconds.</summary>
    private static readonly int[] Seconds = [.. new[] { "router_solicitation_interval", "router_solicitation_delay", "router_probe_interval", "router_solicitation_max_interval" }.Select(PlaceOf)];

    private static readonly int Mtu = PlaceOf("mtu"), WideId = PlaceOf("ioam6_id_wide"), TemporaryAddresses = PlaceOf("use_tempaddr"), DuplicateDetection = PlaceOf("accept_dad");

    /// <summary>Writes the attribute.</summary>
    public static void Write(ref NetlinkWriter writer, SimulatedKernel kernel, NetworkDevice device)
    {
        int count = kernel.Profile.IsAtLeast(6, 17) ? 60 : kernel.Profile.IsAtLeast(6, 7) ? 59 : 58;
        Span<int> values = stackalloc int[Names.Length];
        kernel.Parameters.Folder("net/ipv6/conf/", device.Name).Numbers(Names).CopyTo(values);
        foreach (int place in Seconds)
        {
            values[place] *= 1000;
        }

        bool isTunnel = device.HardwareType is 768 or 769 or 776 or 0xfffe;
        values[Mtu] = (int)(device.Inet6?.Mtu ?? device.Mtu);
        values[WideId] = -1;
        if (device.IsLoopback || isTunnel)
        {
            values[TemporaryAddresses] = -1;
        }

        if (device.IsLoopback || isTunnel || ((device.Flags & DeviceFlags.NoArp) != 0 && device.Kind is not "veth"))
        {
            values[DuplicateDetection] = -1;
        }

        writer.WriteBytes(2, MemoryMarshal.AsBytes(values[..count]));
    }

    private static int PlaceOf(string name) => Array.IndexOf(Names, name);
}
