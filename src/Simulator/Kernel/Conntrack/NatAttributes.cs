using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>How an end of a new connection is translated, in the byte form of ctnetlink (nfnetlink_parse_nat).</summary>
internal static class NatAttributes
{
    private static readonly AttributePolicy Policy = new(
        CTA_NAT_V6_MAXIP,
        (CTA_NAT_V4_MINIP, AttributePolicy.U32),
        (CTA_NAT_V4_MAXIP, AttributePolicy.U32),
        (CTA_NAT_PROTO, AttributePolicy.Nested),
        (CTA_NAT_V6_MINIP, AttributePolicy.Data),
        (CTA_NAT_V6_MAXIP, AttributePolicy.Data));

    private static readonly AttributePolicy PortPolicy = new(CTA_PROTONAT_PORT_MAX, (CTA_PROTONAT_PORT_MIN, AttributePolicy.U16), (CTA_PROTONAT_PORT_MAX, AttributePolicy.U16));

    public static LinuxError Read(KernelAttribute attribute, byte family, out NatRange range)
    {
        range = new NatRange(NatRangeFlags.None, InternetAddress.Any(family), InternetAddress.Any(family));
        LinuxError error = attribute.Parse(Policy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        bool isV4 = family == InternetAddress.V4;
        KernelAttribute first = table[isV4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP], last = table[isV4 ? CTA_NAT_V4_MAXIP : CTA_NAT_V6_MAXIP];
        if (table.Has(CTA_NAT_V6_MINIP) && table[CTA_NAT_V6_MINIP].Length < 16 || table.Has(CTA_NAT_V6_MAXIP) && table[CTA_NAT_V6_MAXIP].Length < 16)
        {
            return LinuxError.ERANGE;
        }

        if (first.Exists)
        {
            range = range with { Flags = NatRangeFlags.MapAddresses, MinimumAddress = InternetAddress.Read(family, first.Value) };
        }

        range = range with { MaximumAddress = last.Exists ? InternetAddress.Read(family, last.Value) : range.MinimumAddress };
        if (!table.Has(CTA_NAT_PROTO))
        {
            return LinuxError.None;
        }

        error = table[CTA_NAT_PROTO].Parse(PortPolicy, out ParsedAttributes ports);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (ports.Has(CTA_PROTONAT_PORT_MIN))
        {
            ushort port = ports[CTA_PROTONAT_PORT_MIN].UInt16BigEndian;
            range = range with { Flags = range.Flags | NatRangeFlags.PortsSpecified, MinimumPort = port, MaximumPort = port };
        }

        if (ports.Has(CTA_PROTONAT_PORT_MAX))
        {
            range = range with { Flags = range.Flags | NatRangeFlags.PortsSpecified, MaximumPort = ports[CTA_PROTONAT_PORT_MAX].UInt16BigEndian };
        }

        return LinuxError.None;
    }
}
