using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>The options of a link's kind as <c>ip -d link show</c> shows them.</summary>
internal static class LinkOptions
{
    /// <summary>The options; null where there are none to show.</summary>
    public static OptionList? Of(LinkData? data, KernelView view) => data switch
    {
        BridgeOptions bridge => BridgeShown.Of(bridge),
        BridgePortOptions port => BridgeShown.Of(port),
        VlanOptions vlan => VlanShown.Of(vlan),
        VxlanOptions vxlan => VxlanShown.Of(vxlan, view),
        BondOptions bond => BondShown.Of(bond, view),
        BondPortOptions port => BondShown.Of(port),
        MacvlanOptions macvlan => MacvlanShown.Of(macvlan),
        VrfOptions vrf => new OptionList().Add("table", KernelView.Value(vrf.Table)),
        VrfPortOptions vrf => new OptionList().Add("table", KernelView.Value(vrf.Table)),
        TunOptions tun => TunShown.Of(tun),
        _ => null,
    };
}
