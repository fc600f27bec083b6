using System.Net;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>The options of a VXLAN device, in the order of <c>ip -d link show</c>.</summary>
internal static class VxlanShown
{
    public static OptionList Of(VxlanOptions vxlan, KernelView view)
    {
        IPAddress? peer = vxlan.Group ?? vxlan.Group6;
        string? role = peer is null ? null : IsMulticast(peer) ? "group" : "remote";
        string six = vxlan.Group is null ? "6" : "";
        return new OptionList()
            .AddWith("external", vxlan.CollectMetadata == true ? true : null, "external")
            .Add("id", KernelView.Value(vxlan.Id))
            .AddWith(role + six, peer?.ToString(), $"{role} {peer}")
            .Add("local", vxlan.Local?.ToString())
            .AddAs("local6", "local", vxlan.Local6?.ToString())
            .AddAs("link", "dev", vxlan.Parent is { } parent and not 0 ? view.NameOf(parent) : null)
            .AddWith("port_range", vxlan.SourcePorts is { } range ? new JsonObject { ["low"] = range.Low, ["high"] = range.High } : null, $"srcport {vxlan.SourcePorts?.Low} {vxlan.SourcePorts?.High}")
            .AddAs("port", "dstport", KernelView.Value(vxlan.Port))
            .AddWith("learning", vxlan.Learning, vxlan.Learning == true ? null : "nolearning")
            .AddWith("proxy", vxlan.Proxy == true ? true : null, "proxy")
            .AddWith("rsc", vxlan.RouteShortCircuit == true ? true : null, "rsc")
            .AddWith("l2miss", vxlan.Layer2Miss == true ? true : null, "l2miss")
            .AddWith("l3miss", vxlan.Layer3Miss == true ? true : null, "l3miss")
            .Add("tos", vxlan.Tos switch { null or 0 => null, 1 => "inherit", { } tos => $"0x{tos:x}" })
            .AddWith("ttl", KernelView.Value(vxlan.Ttl), vxlan.TtlInherit == true ? "ttl inherit" : vxlan.Ttl is null or 0 ? "ttl auto" : $"ttl {vxlan.Ttl}")
            .AddWith("df", vxlan.DontFragment switch { null => null, 0 => "unset", 1 => "set", _ => "inherit" }, vxlan.DontFragment switch { null or 0 => null, 1 => "df set", _ => "df inherit" })
            .AddAs("label", "flowlabel", vxlan.FlowLabel is { } label and not 0 ? $"0x{label:x}" : null)
            .Add("ageing", vxlan.AgeingTime is null or 0 ? null : KernelView.Value(vxlan.AgeingTime))
            .AddAs("limit", "maxaddr", vxlan.Limit is null or 0 ? null : KernelView.Value(vxlan.Limit))
            .AddWith("udp_csum", vxlan.UdpChecksum, Switch("udpcsum", vxlan.UdpChecksum))
            .AddWith("udp_zero_csum6_tx", vxlan.UdpZeroChecksum6Transmit, Switch("udp6zerocsumtx", vxlan.UdpZeroChecksum6Transmit))
            .AddWith("udp_zero_csum6_rx", vxlan.UdpZeroChecksum6Receive, Switch("udp6zerocsumrx", vxlan.UdpZeroChecksum6Receive))
            .AddWith("remcsum_tx", vxlan.RemoteChecksumTransmit == true ? true : null, "remcsumtx")
            .AddWith("remcsum_rx", vxlan.RemoteChecksumReceive == true ? true : null, "remcsumrx")
            .AddWith("gbp", vxlan.GroupPolicy ? true : null, "gbp")
            .AddWith("gpe", vxlan.GenericProtocol ? true : null, "gpe");
    }

    private static string Switch(string name, bool? value) => value == true ? name : $"no{name}";

    private static bool IsMulticast(IPAddress address) => address.IsIPv6Multicast || address.GetAddressBytes() is [>= 224 and < 240, _, _, _];
}
