using System.Buffers.Binary;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>IFLA_INET6_CONF: the IPv6 parameters of a device in the order of DEVCONF_*.</summary>
internal static class Inet6Configuration
{
    /// <summary>The sysctl behind each value; a trailing "s" after the slash says that the sysctl is in seconds and the message in milliseconds.</summary>
    private static readonly string[] Names =
    [
        "forwarding", "hop_limit", "mtu", "accept_ra", "accept_redirects", "autoconf", "dad_transmits", "router_solicitations",
        "router_solicitation_interval/s", "router_solicitation_delay/s", "use_tempaddr", "temp_valid_lft", "temp_prefered_lft", "regen_max_retry",
        "max_desync_factor", "max_addresses", "force_mld_version", "accept_ra_defrtr", "accept_ra_pinfo", "accept_ra_rtr_pref",
        "router_probe_interval/s", "accept_ra_rt_info_max_plen", "proxy_ndp", "optimistic_dad", "accept_source_route", "mc_forwarding", "disable_ipv6",
        "accept_dad", "force_tllao", "ndisc_notify", "mldv1_unsolicited_report_interval", "mldv2_unsolicited_report_interval", "suppress_frag_ndisc",
        "accept_ra_from_local", "use_optimistic", "accept_ra_mtu", "", "use_oif_addrs_only", "accept_ra_min_hop_limit", "ignore_routes_with_linkdown",
        "drop_unicast_in_l2_multicast", "drop_unsolicited_na", "keep_addr_on_down", "router_solicitation_max_interval/s", "seg6_enabled",
        "seg6_require_hmac", "enhanced_dad", "addr_gen_mode", "disable_policy", "accept_ra_rt_info_min_plen", "ndisc_tclass", "rpl_seg_enabled",
        "ra_defrtr_metric", "ioam6_enabled", "ioam6_id", "ioam6_id_wide", "ndisc_evict_nocarrier", "accept_untracked_na", "accept_ra_min_lft",
        "force_forwarding",
    ];

    public static byte[] Of(SimulatedKernel kernel, NetworkDevice device)
    {
        int count = kernel.Profile.IsAtLeast(6, 17) ? 60 : kernel.Profile.IsAtLeast(6, 7) ? 59 : 58;
        byte[] values = new byte[count * 4];
        for (int index = 0; index < count; index++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(values.AsSpan(index * 4), Value(kernel, device, Names[index]));
        }

        return values;
    }

    private static bool IsTunnel(NetworkDevice device) => device.HardwareType is 768 or 769 or 776 or 0xfffe;

    private static int Value(SimulatedKernel kernel, NetworkDevice device, string name)
    {
        switch (name)
        {
            case "":
                return 0;
            case "mtu":
                return (int)(device.Inet6?.Mtu ?? device.Mtu);
            case "ioam6_id_wide":
                return -1;
            case "use_tempaddr" when device.IsLoopback || IsTunnel(device):
            case "accept_dad" when device.IsLoopback || (device.Flags & DeviceFlags.NoArp) != 0 && device.Kind is not "veth" || IsTunnel(device):
                return -1;
            default:
                int scale = name.EndsWith("/s", StringComparison.Ordinal) ? 1000 : 1;
                string parameter = scale == 1 ? name : name[..^2];
                return kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/{parameter}") * scale;
        }
    }
}
