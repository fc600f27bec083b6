using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>What rules select packets by: what the kernel knows of it, demands of it, and compares.</content>
internal sealed partial class RuleVerbs
{
    private const ushort FRA_DSCP = 25, FRA_FLOWLABEL = 26, FRA_FLOWLABEL_MASK = 27, FRA_SPORT_MASK = 28, FRA_DPORT_MASK = 29, FRA_DSCP_MASK = 30;

    private const uint LargestLabel = 0xfffff;

    private static readonly (ushort, AttributePolicy)[] Known =
    [
        (3, new AttributePolicy(AttributeKind.String, 15)), (17, new AttributePolicy(AttributeKind.String, 15)), (6, new AttributePolicy(AttributeKind.U32)),
        (10, new AttributePolicy(AttributeKind.U32)), (16, new AttributePolicy(AttributeKind.U32)), (11, new AttributePolicy(AttributeKind.U32)),
        (14, new AttributePolicy(AttributeKind.U32)), (13, new AttributePolicy(AttributeKind.U32)), (15, new AttributePolicy(AttributeKind.U32)),
        (4, new AttributePolicy(AttributeKind.U32)), (19, new AttributePolicy(AttributeKind.U8)), (20, AttributePolicy.Any(8)),
        (21, new AttributePolicy(AttributeKind.U8)), (22, new AttributePolicy(AttributeKind.U8)), (23, AttributePolicy.Any(4)), (24, AttributePolicy.Any(4)),
        (12, new AttributePolicy(AttributeKind.U64)),
    ];

    private static readonly (ushort, AttributePolicy) KnownDscp = (FRA_DSCP, new AttributePolicy(AttributeKind.U8, 0, 0, 63));

    private static readonly PolicyTable FirstPolicy = new(24, Known) { StrictFrom = 25 }, DscpPolicy = new(25, [.. Known, KnownDscp]) { StrictFrom = 25 };

    private static readonly PolicyTable LatestPolicy = new(
        30,
        [
            .. Known, KnownDscp, (26, new AttributePolicy(AttributeKind.U32) { IsUntold = true }), (27, new AttributePolicy(AttributeKind.U32) { IsUntold = true }),
            (28, new AttributePolicy(AttributeKind.U16)), (29, new AttributePolicy(AttributeKind.U16)), (30, new AttributePolicy(AttributeKind.U8) { Mask = 63 }),
        ])
    {
        StrictFrom = 25,
    };

    /// <summary>What came after the kernel is not known to it, and passed over: whole services since 6.12; flow labels and masks since 6.15.</summary>
    private PolicyTable Policy => kernel.Profile.IsAtLeast(6, 15) ? LatestPolicy : kernel.Profile.IsAtLeast(6, 12) ? DscpPolicy : FirstPolicy;

    /// <summary>What the families demand of the fields of a packet that a rule looks at (fib4_rule_configure, fib6_rule_configure).</summary>
    private static Verdict CheckSelectors(AttributeSet parsed, byte family, byte typeOfService)
    {
        if (family == AF_INET && (parsed.Has(FRA_FLOWLABEL) || parsed.Has(FRA_FLOWLABEL_MASK)))
        {
            return new Verdict(LinuxError.EINVAL, "Flow label cannot be specified for IPv4 FIB rules");
        }

        if ((typeOfService & 3) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
        }

        if (family == AF_INET && (typeOfService & ~0x1e) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid tos");
        }

        if (parsed.Has(FRA_DSCP) && typeOfService != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Cannot specify both TOS and DSCP");
        }

        if (parsed.U8(FRA_DSCP_MASK) is { } mask)
        {
            if (parsed.U8(FRA_DSCP) is not { } service)
            {
                return new Verdict(LinuxError.EINVAL, "Cannot specify DSCP mask without DSCP value", parsed.Offset(FRA_DSCP_MASK));
            }

            if ((service & ~mask) != 0)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid DSCP mask", parsed.Offset(FRA_DSCP_MASK));
            }
        }

        if (parsed.Has(FRA_FLOWLABEL) != parsed.Has(FRA_FLOWLABEL_MASK))
        {
            return new Verdict(LinuxError.EINVAL, MissingType: parsed.Has(FRA_FLOWLABEL) ? FRA_FLOWLABEL_MASK : FRA_FLOWLABEL);
        }

        if (parsed.U32(FRA_FLOWLABEL) is { } label && parsed.U32(FRA_FLOWLABEL_MASK) is { } labelMask)
        {
            if (BinaryPrimitives.ReverseEndianness(labelMask) > LargestLabel)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid flow label mask", parsed.Offset(FRA_FLOWLABEL_MASK));
            }

            if ((label & ~labelMask) != 0)
            {
                return new Verdict(LinuxError.EINVAL, "Flow label and mask do not match");
            }
        }

        return Verdict.Success;
    }

    /// <summary>Why a mask of a port is refused, or null (fib_nl2rule_port_mask).</summary>
    private static string? CheckPortMask(ushort mask, (ushort Start, ushort End)? ports) =>
        ports is not { Start: not 0 } range ? "Cannot specify port mask without port value"
        : range.Start != range.End ? "Cannot specify port mask for port range"
        : (range.Start & ~mask) != 0 ? "Invalid port mask"
        : null;

    /// <summary>A single port has a mask, a range has none.</summary>
    private static ushort MaskOf(AttributeSet parsed, ushort mask, ushort ports) =>
        parsed.U16(mask) ?? (Ports(parsed.Bytes(ports)) is { } range && range.Start == range.End ? ushort.MaxValue : (ushort)0);

    /// <summary>Rule <paramref name="one"/> stands where <paramref name="other"/> is asked for; what isn't asked for of addresses and service counts for nothing (rule_exists, fib4_rule_compare).</summary>
    private static bool Same(RoutingRule one, RoutingRule other, AttributeSet given) =>
        one.Action == other.Action && one.Table == other.Table && one.Priority == other.Priority && one.InputInterface == other.InputInterface
        && one.OutputInterface == other.OutputInterface && one.Mark == other.Mark && one.MarkMask == other.MarkMask && one.TunnelId == other.TunnelId
        && one.LayerThreeMaster == other.LayerThreeMaster && one.UserRange == other.UserRange && one.TransportProtocol == other.TransportProtocol
        && one.SourcePorts == other.SourcePorts && one.DestinationPorts == other.DestinationPorts && (other.SourceLength == 0 || (one.Source == other.Source && one.SourceLength == other.SourceLength))
        && (other.DestinationLength == 0 || (one.Destination == other.Destination && one.DestinationLength == other.DestinationLength))
        && (other.TypeOfService == 0 || one.TypeOfService == other.TypeOfService) && (other.Realms == 0 || one.Realms == other.Realms)
        && one.SourcePortMask == other.SourcePortMask && one.DestinationPortMask == other.DestinationPortMask
        && SameFields(one, other, given)
        && one.SuppressPrefixLength == other.SuppressPrefixLength && one.SuppressGroup == other.SuppressGroup && one.Protocol == other.Protocol;

    private static bool Matches(RoutingRule rule, RoutingRule wanted, AttributeSet given) =>
        (wanted.Action == 0 || rule.Action == wanted.Action)
        && (wanted.Table == 0 || rule.Table == wanted.Table)
        && (!given.Has(6) || rule.Priority == wanted.Priority)
        && (!given.Has(3) || rule.InputInterface == wanted.InputInterface)
        && (!given.Has(17) || rule.OutputInterface == wanted.OutputInterface)
        && (wanted.Mark == 0 || rule.Mark == wanted.Mark)
        && (wanted.MarkMask == 0 || rule.MarkMask == wanted.MarkMask)
        && (wanted.SuppressPrefixLength is null || rule.SuppressPrefixLength == wanted.SuppressPrefixLength)
        && (wanted.SuppressGroup is null || rule.SuppressGroup == wanted.SuppressGroup)
        && (wanted.Protocol == 0 || rule.Protocol == wanted.Protocol)
        && (!given.Has(19) || rule.LayerThreeMaster == wanted.LayerThreeMaster)
        && (!given.Has(22) || rule.TransportProtocol == wanted.TransportProtocol)
        && (!given.Has(23) || rule.SourcePorts == wanted.SourcePorts)
        && (!given.Has(24) || rule.DestinationPorts == wanted.DestinationPorts)
        && (wanted.SourceLength == 0 || (rule.SourceLength == wanted.SourceLength && rule.Source == wanted.Source))
        && (wanted.DestinationLength == 0 || (rule.DestinationLength == wanted.DestinationLength && rule.Destination == wanted.Destination))
        && (wanted.TypeOfService == 0 || rule.TypeOfService == wanted.TypeOfService)
        && (wanted.SourcePortMask == 0 || rule.SourcePortMask == wanted.SourcePortMask)
        && (wanted.DestinationPortMask == 0 || rule.DestinationPortMask == wanted.DestinationPortMask)
        && SameFields(rule, wanted, given)
        && (wanted.Realms == 0 || rule.Realms == wanted.Realms);

    private static bool SameFields(RoutingRule rule, RoutingRule wanted, AttributeSet given) =>
        (!given.Has(FRA_DSCP) || rule.Dscp == wanted.Dscp)
        && (!given.Has(FRA_DSCP_MASK) || (rule.Dscp is not null && rule.DscpMask == wanted.DscpMask))
        && (wanted.Family == AF_INET || !given.Has(FRA_FLOWLABEL) || rule.FlowLabel == wanted.FlowLabel)
        && (wanted.Family == AF_INET || !given.Has(FRA_FLOWLABEL_MASK) || rule.FlowLabelMask == wanted.FlowLabelMask);
}
