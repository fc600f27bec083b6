namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>Ethernet protocol numbers (linux/if_ether.h).</summary>
internal static class EtherType
{
    /// <summary>A frame with a length whose payload is Novell's, without a header of its own (802.3); else it has one of 802.2.</summary>
    public const ushort Raw8023 = 0x0001;
    public const ushort All = 0x0003;
    public const ushort LogicalLink = 0x0004;
    public const ushort Ipv4 = 0x0800;
    public const ushort Arp = 0x0806;
    public const ushort Vlan = 0x8100;
    public const ushort Ipv6 = 0x86dd;
    public const ushort VlanService = 0x88a8;

    /// <summary>Smaller numbers in an ethernet header are lengths (802.3), not protocols.</summary>
    public const ushort FirstProtocol = 0x0600;

    /// <summary>The protocol of what follows a field of type or length (eth_type_trans, vlan_set_encap_proto).</summary>
    public static ushort Of(ushort field, ReadOnlySpan<byte> payload) =>
        field >= FirstProtocol ? field : payload is [0xff, 0xff, ..] ? Raw8023 : LogicalLink;

    /// <summary>Whether frames of this type begin with a VLAN tag.</summary>
    public static bool IsVlan(ushort type) => type is Vlan or VlanService;
}

/// <summary>Internet protocol numbers (linux/in.h).</summary>
internal static class IpProtocol
{
    public const byte HopByHop = 0;
    public const byte Icmp = 1;
    public const byte Igmp = 2;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Dccp = 33;
    public const byte Ipv6Routing = 43;
    public const byte Ipv6Fragment = 44;
    public const byte Gre = 47;
    public const byte Esp = 50;
    public const byte Ah = 51;
    public const byte Icmpv6 = 58;
    public const byte Ipv6NoNext = 59;
    public const byte Ipv6Destination = 60;
    public const byte Sctp = 132;
    public const byte UdpLite = 136;

    /// <summary>Whether the protocol's header begins with a source and a destination port.</summary>
    public static bool HasPorts(byte protocol) => protocol is Tcp or Udp or UdpLite or Sctp or Dccp;
}
