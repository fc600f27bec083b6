using System.Diagnostics.CodeAnalysis;
using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Netlink.Route;

/// <summary>A rule that chooses a routing table (struct fib_rule_hdr and FRA_* attributes).</summary>
public sealed record RoutingRule : RouteObject
{
    private static readonly ushort[] Order =
    [
        FRA_PRIORITY, FRA_SRC, FRA_DST, FRA_IIFNAME, FRA_OIFNAME, FRA_FWMARK, FRA_FWMASK, FRA_TABLE, FRA_GOTO, FRA_FLOW, FRA_TUN_ID,
        FRA_SUPPRESS_IFGROUP, FRA_SUPPRESS_PREFIXLEN, FRA_L3MDEV, FRA_UID_RANGE, FRA_PROTOCOL, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE,
        FRA_DSCP,
    ];

    /// <summary>An empty one.</summary>
    public RoutingRule()
    {
    }

    internal RoutingRule(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case FRA_PRIORITY when attribute.Value.Length == 4:
                    Priority = attribute.UInt32;
                    break;
                case FRA_SRC when attribute.Value.Length is 4 or 16:
                    Source = new IPAddress(attribute.Value);
                    break;
                case FRA_DST when attribute.Value.Length is 4 or 16:
                    Destination = new IPAddress(attribute.Value);
                    break;
                case FRA_IIFNAME when attribute.IsText:
                    InputInterface = attribute.String;
                    break;
                case FRA_OIFNAME when attribute.IsText:
                    OutputInterface = attribute.String;
                    break;
                case FRA_FWMARK when attribute.Value.Length == 4:
                    Mark = attribute.UInt32;
                    break;
                case FRA_FWMASK when attribute.Value.Length == 4:
                    MarkMask = attribute.UInt32;
                    break;
                case FRA_TABLE when attribute.Value.Length == 4:
                    TableId = attribute.UInt32;
                    break;
                case FRA_GOTO when attribute.Value.Length == 4:
                    Goto = attribute.UInt32;
                    break;
                case FRA_FLOW when attribute.Value.Length == 4:
                    Realms = attribute.UInt32;
                    break;
                case FRA_TUN_ID when attribute.Value.Length == 8:
                    TunnelId = attribute.UInt64;
                    break;
                case FRA_SUPPRESS_IFGROUP when attribute.Value.Length == 4:
                    SuppressInterfaceGroup = attribute.UInt32;
                    break;
                case FRA_SUPPRESS_PREFIXLEN when attribute.Value.Length == 4:
                    SuppressPrefixLength = attribute.UInt32;
                    break;
                case FRA_L3MDEV when attribute.IsBoolean:
                    L3MasterDevice = attribute.Byte != 0;
                    break;
                case FRA_UID_RANGE when UserRange.TryRead(attribute, out UserRange? usersValue):
                    Users = usersValue;
                    break;
                case FRA_PROTOCOL when attribute.Value.Length == 1:
                    Protocol = attribute.Byte;
                    break;
                case FRA_IP_PROTO when attribute.Value.Length == 1:
                    IpProtocol = attribute.Byte;
                    break;
                case FRA_SPORT_RANGE when HostPortRange.TryRead(attribute, out HostPortRange? sourcePortsValue):
                    SourcePorts = sourcePortsValue;
                    break;
                case FRA_DPORT_RANGE when HostPortRange.TryRead(attribute, out HostPortRange? destinationPortsValue):
                    DestinationPorts = destinationPortsValue;
                    break;
                case FRA_DSCP when attribute.Value.Length == 1:
                    Dscp = attribute.Byte;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 12;

    /// <summary>AF_INET or AF_INET6.</summary>
    public byte Family { get; init; }

    /// <summary>Length of the destination's prefix in bits.</summary>
    public byte DestinationLength { get; init; }

    /// <summary>Length of the source's prefix in bits.</summary>
    public byte SourceLength { get; init; }

    /// <summary>Type of service.</summary>
    public byte Tos { get; init; }

    /// <summary>Table as eight bits, RT_TABLE_*.</summary>
    public byte HeaderTable { get; init; }

    /// <summary>What to do, FR_ACT_*.</summary>
    public byte Action { get; init; }

    /// <summary>Flags, FIB_RULE_*.</summary>
    public uint Flags { get; init; }

    /// <summary>The table.</summary>
    public uint Table => TableId ?? HeaderTable;

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWRULE;

    /// <summary>Reads a rule message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out RoutingRule? rule)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        rule = payload.Length < HeaderSize ? null : new RoutingRule(new AttributeReader(payload[HeaderSize..]))
        {
            Family = payload[0],
            DestinationLength = payload[1],
            SourceLength = payload[2],
            Tos = payload[3],
            HeaderTable = payload[4],
            Action = payload[7],
            Flags = BitConverter.ToUInt32(payload[8..]),
        };
        return rule is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.Append([Family, DestinationLength, SourceLength, Tos, HeaderTable, 0, 0, Action]);
        writer.AppendStruct(Flags);
        WriteAttributes(ref writer);
    }

    /// <summary>Rules are tried from the least on (FRA_PRIORITY).</summary>
    public uint? Priority { get; init; }

    /// <summary>Source prefix (FRA_SRC).</summary>
    public IPAddress? Source { get; init; }

    /// <summary>Destination prefix (FRA_DST).</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>Link packets come in by (FRA_IIFNAME).</summary>
    public string? InputInterface { get; init; }

    /// <summary>Link packets are bound to (FRA_OIFNAME).</summary>
    public string? OutputInterface { get; init; }

    /// <summary>Firewall mark (FRA_FWMARK).</summary>
    public uint? Mark { get; init; }

    /// <summary>Bits of the mark that count (FRA_FWMASK).</summary>
    public uint? MarkMask { get; init; }

    /// <summary>Table, where it does not fit eight bits (FRA_TABLE).</summary>
    public uint? TableId { get; init; }

    /// <summary>Priority of the rule to go on with (FRA_GOTO).</summary>
    public uint? Goto { get; init; }

    /// <summary>Realms (FRA_FLOW).</summary>
    public uint? Realms { get; init; }

    /// <summary>Tunnel id, in network byte order (FRA_TUN_ID).</summary>
    public ulong? TunnelId { get; init; }

    /// <summary>Refuse routes out of that group of links (FRA_SUPPRESS_IFGROUP).</summary>
    public uint? SuppressInterfaceGroup { get; init; }

    /// <summary>Refuse routes with at most that prefix length (FRA_SUPPRESS_PREFIXLEN).</summary>
    public uint? SuppressPrefixLength { get; init; }

    /// <summary>Take the table of the packet's VRF (FRA_L3MDEV).</summary>
    public bool? L3MasterDevice { get; init; }

    /// <summary>Users (FRA_UID_RANGE).</summary>
    public UserRange? Users { get; init; }

    /// <summary>Who made it, RTPROT_* (FRA_PROTOCOL).</summary>
    public byte? Protocol { get; init; }

    /// <summary>IP protocol (FRA_IP_PROTO).</summary>
    public byte? IpProtocol { get; init; }

    /// <summary>Source ports (FRA_SPORT_RANGE).</summary>
    public HostPortRange? SourcePorts { get; init; }

    /// <summary>Destination ports (FRA_DPORT_RANGE).</summary>
    public HostPortRange? DestinationPorts { get; init; }

    /// <summary>Differentiated services code point (FRA_DSCP).</summary>
    public byte? Dscp { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case FRA_PRIORITY:
                Write(ref writer, entry, Priority);
                break;
            case FRA_SRC:
                Write(ref writer, entry, Source);
                break;
            case FRA_DST:
                Write(ref writer, entry, Destination);
                break;
            case FRA_IIFNAME:
                Write(ref writer, entry, InputInterface);
                break;
            case FRA_OIFNAME:
                Write(ref writer, entry, OutputInterface);
                break;
            case FRA_FWMARK:
                Write(ref writer, entry, Mark);
                break;
            case FRA_FWMASK:
                Write(ref writer, entry, MarkMask);
                break;
            case FRA_TABLE:
                Write(ref writer, entry, TableId);
                break;
            case FRA_GOTO:
                Write(ref writer, entry, Goto);
                break;
            case FRA_FLOW:
                Write(ref writer, entry, Realms);
                break;
            case FRA_TUN_ID:
                Write(ref writer, entry, TunnelId);
                break;
            case FRA_SUPPRESS_IFGROUP:
                Write(ref writer, entry, SuppressInterfaceGroup);
                break;
            case FRA_SUPPRESS_PREFIXLEN:
                Write(ref writer, entry, SuppressPrefixLength);
                break;
            case FRA_L3MDEV:
                Write(ref writer, entry, L3MasterDevice);
                break;
            case FRA_UID_RANGE:
                Users?.Write(ref writer, entry);
                break;
            case FRA_PROTOCOL:
                Write(ref writer, entry, Protocol);
                break;
            case FRA_IP_PROTO:
                Write(ref writer, entry, IpProtocol);
                break;
            case FRA_SPORT_RANGE:
                SourcePorts?.Write(ref writer, entry);
                break;
            case FRA_DPORT_RANGE:
                DestinationPorts?.Write(ref writer, entry);
                break;
            case FRA_DSCP:
                Write(ref writer, entry, Dscp);
                break;
        }
    }
}
