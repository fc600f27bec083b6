using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What a fresh device of a kind is like.</summary>
internal sealed record LinkKind(string Name)
{
    public ushort HardwareType { get; init; } = 1;

    public int AddressLength { get; init; } = 6;

    public DeviceFlags Flags { get; init; } = DeviceFlags.Broadcast | DeviceFlags.Multicast;

    public uint Mtu { get; init; } = 1500;

    public uint MinimumMtu { get; init; } = 68;

    public uint MaximumMtu { get; init; } = 65535;

    public uint TransmitQueueLength { get; init; } = 1000;

    /// <summary>Number of transmit and receive queues where the request says none; 0: as many as the machine has processors.</summary>
    public uint Queues { get; init; } = 1;

    public bool HasNoQueue { get; init; } = true;

    public uint TsoMaximumSize { get; init; } = 65536;

    /// <summary>The device stands on another one: IFLA_LINK is needed.</summary>
    public bool NeedsLower { get; init; }

    public bool IsBoundToNamespace { get; init; }

    /// <summary>The kind's own attributes are shown as they were asked for; packets through it are not modelled.</summary>
    public bool HasOnlyAppearance { get; init; }

    /// <summary>Packets go through it as through a real one; a dummy and an ifb without a filter that feeds it swallow them, as they shall.</summary>
    public bool CarriesPackets { get; init; }
}

/// <summary>The kinds of link and what they show of themselves in IFLA_LINKINFO.</summary>
internal static class LinkKinds
{
    private static readonly Dictionary<string, LinkKind> All = new LinkKind[]
    {
        new("bridge") { CarriesPackets = true, IsBoundToNamespace = true },
        new("veth") { CarriesPackets = true, TsoMaximumSize = 524280, Queues = 0 },
        new("vlan") { CarriesPackets = true, NeedsLower = true, MinimumMtu = 0 },
        new("dummy") { CarriesPackets = true, Flags = DeviceFlags.Broadcast | DeviceFlags.NoArp, MinimumMtu = 0, MaximumMtu = 0 },
        new("ifb") { CarriesPackets = true, Flags = DeviceFlags.Broadcast | DeviceFlags.NoArp, MinimumMtu = 0, MaximumMtu = 0, TransmitQueueLength = 32, HasNoQueue = false },
        new("macvlan") { CarriesPackets = true, NeedsLower = true },
        new("macvtap") { NeedsLower = true, TransmitQueueLength = 500, HasNoQueue = false },
        new("vrf") { CarriesPackets = true, Flags = DeviceFlags.NoArp | DeviceFlags.Master, Mtu = 65575, MinimumMtu = 1280, MaximumMtu = 65575, IsBoundToNamespace = true },
        new("vxlan") { CarriesPackets = true },
        new("bond") { Flags = DeviceFlags.Broadcast | DeviceFlags.Multicast | DeviceFlags.Master, Queues = 16, CarriesPackets = true },
        new("ipvlan") { NeedsLower = true, HasOnlyAppearance = true },
        new("macsec") { NeedsLower = true, HasOnlyAppearance = true },
        new("geneve") { MinimumMtu = 68, MaximumMtu = 65465, HasOnlyAppearance = true },
        Tunnel("gre", 778, 4, 1476), Tunnel("ipip", 768, 4, 1480), Tunnel("sit", 776, 4, 1480), Tunnel("vti", 768, 4, 1480),
        Tunnel("ip6gre", 823, 16, 1448), Tunnel("ip6tnl", 769, 16, 1452), Tunnel("vti6", 769, 16, 1500),
        new("wireguard") { HardwareType = 65534, AddressLength = 0, Flags = DeviceFlags.PointToPoint | DeviceFlags.NoArp, Mtu = 1420, MinimumMtu = 0, MaximumMtu = 2147483552, Queues = 0 },
        new("xfrm") { HardwareType = 65534, AddressLength = 0, Flags = DeviceFlags.NoArp, HasOnlyAppearance = true },
    }.ToDictionary(kind => kind.Name);

    private static LinkKind Tunnel(string name, ushort hardwareType, int addressLength, uint mtu) => new(name)
    {
        HardwareType = hardwareType, AddressLength = addressLength, Flags = DeviceFlags.NoArp, Mtu = mtu, MinimumMtu = 68, MaximumMtu = 65535, HasOnlyAppearance = true,
    };

    /// <summary>Every kind there is a model of, in the order of names.</summary>
    public static IEnumerable<LinkKind> Modelled => All.Values.OrderBy(static kind => kind.Name, StringComparer.Ordinal);

    /// <summary>Packets through this kind of link are modelled; so are those through loopback devices and network cards, whose kind is empty.</summary>
    public static bool CarriesPackets(string kind) => kind.Length == 0 || All.GetValueOrDefault(kind) is { CarriesPackets: true };

    /// <summary>The kind, or null where it isn't modelled or the kernel lacks it.</summary>
    public static LinkKind? Find(SimulatedKernel kernel, string name) =>
        kernel.Profile.LinkKinds.Contains(name) ? All.GetValueOrDefault(name) : null;

    /// <summary>The device shows IFLA_LINK also where it stands on nothing.</summary>
    public static bool IsTunnelWithLink(NetworkDevice device) => device.KindState is TunnelState { ShowsLink: true };

    /// <summary>IFLA_INFO_KIND and IFLA_INFO_DATA.</summary>
    public static void WriteInfo(ref NetlinkWriter writer, NetworkDevice device, SimulatedKernel kernel)
    {
        if (device.Kind.Length == 0)
        {
            return;
        }

        writer.WriteString(IFLA_INFO_KIND, device.Kind);
        switch (device)
        {
            case { Bridge: { } bridge }:
                WireMark bridgeData = writer.BeginNested(IFLA_INFO_DATA, nestedFlag: false);
                BridgeAttributes.Write(ref writer, bridge, kernel.Profile);
                writer.EndAttribute(bridgeData);
                break;
            case { Vlan: { } vlan }:
                WireMark vlanData = writer.BeginNested(IFLA_INFO_DATA, nestedFlag: false);
                WriteVlan(ref writer, vlan);
                writer.EndAttribute(vlanData);
                break;
            case { KindState: MacvlanState macvlan }:
                WireMark macvlanData = writer.BeginNested(IFLA_INFO_DATA, nestedFlag: false);
                writer.WriteUInt32(1, macvlan.Mode);
                writer.WriteUInt16(2, macvlan.Flags);
                macvlan.WriteSources(ref writer);
                writer.WriteUInt32(7, macvlan.BroadcastQueueLength);
                writer.WriteUInt32(8, macvlan.BroadcastQueueUsed);
                writer.EndAttribute(macvlanData);
                break;
            case { KindState: VxlanState vxlan }:
                WireMark vxlanData = writer.BeginNested(IFLA_INFO_DATA, nestedFlag: false);
                vxlan.Write(ref writer, kernel.Profile);
                writer.EndAttribute(vxlanData);
                break;
            case { KindState: VrfState vrf }:
                WireMark vrfData = writer.BeginNested(IFLA_INFO_DATA, nestedFlag: false);
                writer.WriteUInt32(1, vrf.Table);
                writer.EndAttribute(vrfData);
                break;
            case { KindState: BondState bond }:
                WireMark bondData = writer.BeginNested(IFLA_INFO_DATA, nestedFlag: false);
                bond.Write(ref writer, kernel.Profile);
                writer.EndAttribute(bondData);
                break;
            case { KindState: TunnelState { HasData: true } tunnel }:
                writer.WriteBytes(IFLA_INFO_DATA, tunnel.Attributes);
                break;
            default:
                break;
        }
    }

    /// <summary>IFLA_INFO_SLAVE_KIND and IFLA_INFO_SLAVE_DATA of what is in a VRF or a bond.</summary>
    public static void WritePortInfo(ref NetlinkWriter writer, NetworkDevice device)
    {
        switch (device.Master?.KindState)
        {
            case VrfState vrf:
                writer.WriteString(IFLA_INFO_SLAVE_KIND, "vrf");
                WireMark table = writer.BeginNested(IFLA_INFO_SLAVE_DATA, nestedFlag: false);
                writer.WriteUInt32(1, vrf.Table);
                writer.EndAttribute(table);
                break;
            case BondState bond when bond.Ports.Find(port => port.Device == device) is { } port:
                writer.WriteString(IFLA_INFO_SLAVE_KIND, "bond");
                WireMark state = writer.BeginNested(IFLA_INFO_SLAVE_DATA, nestedFlag: false);
                BondState.WritePort(ref writer, port);
                writer.EndAttribute(state);
                break;
            default:
                break;
        }
    }

    private static void WriteVlan(ref NetlinkWriter writer, VlanOptions vlan)
    {
        writer.WriteUInt16BigEndian(IFLA_VLAN_PROTOCOL, vlan.Protocol);
        writer.WriteUInt16(IFLA_VLAN_ID, vlan.Id);
        if (vlan.Flags != 0)
        {
            Span<byte> flags = stackalloc byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(flags, vlan.Flags);
            flags[4..].Fill(0xff);
            writer.WriteBytes(IFLA_VLAN_FLAGS, flags);
        }

        if (vlan.IngressMap.Any(static to => to != 0))
        {
            WireMark ingress = writer.BeginNested(IFLA_VLAN_INGRESS_QOS, nestedFlag: false);
            for (uint from = 0; from < vlan.IngressMap.Length; from++)
            {
                if (vlan.IngressMap[from] != 0)
                {
                    WriteMapping(ref writer, from, vlan.IngressMap[from]);
                }
            }

            writer.EndAttribute(ingress);
        }

        if (vlan.EgressMap.Count > 0)
        {
            WireMark egress = writer.BeginNested(IFLA_VLAN_EGRESS_QOS, nestedFlag: false);
            foreach ((uint from, uint to) in vlan.EgressMap.OrderBy(static entry => entry.From & 15))
            {
                WriteMapping(ref writer, from, to);
            }

            writer.EndAttribute(egress);
        }
    }

    private static void WriteMapping(ref NetlinkWriter writer, uint from, uint to) => writer.WriteUInt64(1, from | (ulong)to << 32);
}

/// <summary>The table a VRF's packets are routed by.</summary>
internal sealed class VrfState
{
    public uint Table { get; set; }
}

/// <summary>A tunnel of which only the appearance is modelled: its attributes as the kernel shows them.</summary>
internal sealed class TunnelState
{
    public byte[] Attributes { get; set; } = [];

    public bool ShowsLink { get; set; }

    /// <summary>IFLA_INFO_DATA is there at all.</summary>
    public bool HasData { get; init; } = true;

    /// <summary>It came with its module and stays.</summary>
    public bool IsFallback { get; init; }
}
