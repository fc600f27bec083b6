using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>A network interface as rtnetlink shows and takes it (struct ifinfomsg and IFLA_* attributes).</summary>
public sealed partial record Link : RouteObject
{
    /// <summary>An empty one.</summary>
    public Link()
    {
    }

    /// <summary>Address family: 0 for links as such, AF_BRIDGE for what a bridge knows of its port.</summary>
    public byte Family { get; init; }

    /// <summary>Type of hardware (ARPHRD_*): 1 for ethernet.</summary>
    public ushort HardwareType { get; init; }

    /// <summary>Index; 0 lets the kernel choose, or names none.</summary>
    public int Index { get; init; }

    /// <summary>Flags; in requests the values of those in <see cref="ChangeMask"/>.</summary>
    public LinkFlags Flags { get; init; }

    /// <summary>In requests: the flags to be changed.</summary>
    public LinkFlags ChangeMask { get; init; }

    /// <summary>The kind ("bridge", "veth", "vlan"); null for a device that has none.</summary>
    public string? Kind => Info?.Kind;

    /// <summary>The options of its kind.</summary>
    public LinkData? Data => Info?.Data;

    /// <summary>It is administratively up.</summary>
    public bool IsUp => (Flags & LinkFlags.Up) != 0;

    /// <summary>How it makes its IPv6 addresses (IFLA_INET6_ADDR_GEN_MODE): 0 from its hardware address, 1 not at all, 2 by a secret, 3 at random; null without IPv6.</summary>
    public byte? Inet6AddressGeneration
    {
        get
        {
            foreach (ref readonly WireEntry entry in Layout.Entries)
            {
                if (entry is { Type: IFLA_AF_SPEC, Raw: { } families } && Family == AF_UNSPEC && new AttributeReader(families.Span).TryFind(AF_INET6, out NetlinkAttribute six)
                    && six.Nested().TryFind(IFLA_INET6_ADDR_GEN_MODE, out NetlinkAttribute mode))
                {
                    return mode.Byte;
                }
            }

            return null;
        }
    }

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWLINK;

    /// <summary>A link to be made: a bridge, VLAN, VXLAN and so on.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="data">Its kind and options.</param>
    /// <param name="parent">Index of the link it stands on, for a VLAN or macvlan.</param>
    public static Link Of(string name, LinkData data, int? parent = null) => new() { Name = name, Info = LinkInfo.Of(data), Parent = parent };

    /// <summary>A virtual cable to be made.</summary>
    /// <param name="name">The name of one end.</param>
    /// <param name="peerName">The name of the other.</param>
    public static Link VethPair(string name, string peerName) => Of(name, new VethOptions { Peer = new Link { Name = peerName } });
}
