using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a bond.</summary>
public sealed record BondOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_BOND_MODE, IFLA_BOND_ACTIVE_SLAVE, IFLA_BOND_MIIMON, IFLA_BOND_UPDELAY, IFLA_BOND_DOWNDELAY, IFLA_BOND_PEER_NOTIF_DELAY,
        IFLA_BOND_USE_CARRIER, IFLA_BOND_ARP_INTERVAL, IFLA_BOND_ARP_VALIDATE, IFLA_BOND_ARP_ALL_TARGETS, IFLA_BOND_ARP_IP_TARGET,
        IFLA_BOND_NS_IP6_TARGET, IFLA_BOND_PRIMARY, IFLA_BOND_PRIMARY_RESELECT, IFLA_BOND_FAIL_OVER_MAC, IFLA_BOND_XMIT_HASH_POLICY,
        IFLA_BOND_RESEND_IGMP, IFLA_BOND_NUM_PEER_NOTIF, IFLA_BOND_ALL_SLAVES_ACTIVE, IFLA_BOND_MIN_LINKS, IFLA_BOND_LP_INTERVAL,
        IFLA_BOND_PACKETS_PER_SLAVE, IFLA_BOND_TLB_DYNAMIC_LB, IFLA_BOND_AD_LACP_RATE, IFLA_BOND_AD_LACP_ACTIVE, IFLA_BOND_AD_SELECT,
        IFLA_BOND_AD_INFO, IFLA_BOND_AD_ACTOR_SYS_PRIO, IFLA_BOND_AD_USER_PORT_KEY, IFLA_BOND_AD_ACTOR_SYSTEM, IFLA_BOND_MISSED_MAX,
        IFLA_BOND_COUPLED_CONTROL,
    ];

    /// <summary>An empty one.</summary>
    public BondOptions()
    {
    }

    internal BondOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_BOND_MODE when attribute.Value.Length == 1:
                    Mode = (BondMode)attribute.Byte;
                    break;
                case IFLA_BOND_ACTIVE_SLAVE when attribute.Value.Length == 4:
                    ActivePort = attribute.UInt32;
                    break;
                case IFLA_BOND_MIIMON when attribute.Value.Length == 4:
                    MiiMonitor = attribute.UInt32;
                    break;
                case IFLA_BOND_UPDELAY when attribute.Value.Length == 4:
                    UpDelay = attribute.UInt32;
                    break;
                case IFLA_BOND_DOWNDELAY when attribute.Value.Length == 4:
                    DownDelay = attribute.UInt32;
                    break;
                case IFLA_BOND_PEER_NOTIF_DELAY when attribute.Value.Length == 4:
                    PeerNotificationDelay = attribute.UInt32;
                    break;
                case IFLA_BOND_USE_CARRIER when attribute.Value.Length == 1:
                    UseCarrier = attribute.Byte;
                    break;
                case IFLA_BOND_ARP_INTERVAL when attribute.Value.Length == 4:
                    ArpInterval = attribute.UInt32;
                    break;
                case IFLA_BOND_ARP_VALIDATE when attribute.Value.Length == 4:
                    ArpValidate = attribute.UInt32;
                    break;
                case IFLA_BOND_ARP_ALL_TARGETS when attribute.Value.Length == 4:
                    ArpAllTargets = attribute.UInt32;
                    break;
                case IFLA_BOND_ARP_IP_TARGET when AddressList.TryRead(attribute, out AddressList? arpTargetsValue):
                    ArpTargets = arpTargetsValue;
                    break;
                case IFLA_BOND_NS_IP6_TARGET when AddressList.TryRead(attribute, out AddressList? neighbourTargetsValue):
                    NeighbourTargets = neighbourTargetsValue;
                    break;
                case IFLA_BOND_PRIMARY when attribute.Value.Length == 4:
                    Primary = attribute.UInt32;
                    break;
                case IFLA_BOND_PRIMARY_RESELECT when attribute.Value.Length == 1:
                    PrimaryReselect = attribute.Byte;
                    break;
                case IFLA_BOND_FAIL_OVER_MAC when attribute.Value.Length == 1:
                    FailOverMac = attribute.Byte;
                    break;
                case IFLA_BOND_XMIT_HASH_POLICY when attribute.Value.Length == 1:
                    TransmitHashPolicy = attribute.Byte;
                    break;
                case IFLA_BOND_RESEND_IGMP when attribute.Value.Length == 4:
                    ResendIgmp = attribute.UInt32;
                    break;
                case IFLA_BOND_NUM_PEER_NOTIF when attribute.Value.Length == 1:
                    PeerNotifications = attribute.Byte;
                    break;
                case IFLA_BOND_ALL_SLAVES_ACTIVE when attribute.Value.Length == 1:
                    AllPortsActive = attribute.Byte;
                    break;
                case IFLA_BOND_MIN_LINKS when attribute.Value.Length == 4:
                    MinimumLinks = attribute.UInt32;
                    break;
                case IFLA_BOND_LP_INTERVAL when attribute.Value.Length == 4:
                    LearningPacketInterval = attribute.UInt32;
                    break;
                case IFLA_BOND_PACKETS_PER_SLAVE when attribute.Value.Length == 4:
                    PacketsPerPort = attribute.UInt32;
                    break;
                case IFLA_BOND_TLB_DYNAMIC_LB when attribute.Value.Length == 1:
                    DynamicLoadBalancing = attribute.Byte;
                    break;
                case IFLA_BOND_AD_LACP_RATE when attribute.Value.Length == 1:
                    LacpRate = attribute.Byte;
                    break;
                case IFLA_BOND_AD_LACP_ACTIVE when attribute.Value.Length == 1:
                    LacpActive = attribute.Byte;
                    break;
                case IFLA_BOND_AD_SELECT when attribute.Value.Length == 1:
                    AggregatorSelection = attribute.Byte;
                    break;
                case IFLA_BOND_AD_INFO:
                    Aggregator = new BondAggregator(attribute.Nested());
                    break;
                case IFLA_BOND_AD_ACTOR_SYS_PRIO when attribute.Value.Length == 2:
                    ActorSystemPriority = attribute.UInt16;
                    break;
                case IFLA_BOND_AD_USER_PORT_KEY when attribute.Value.Length == 2:
                    UserPortKey = attribute.UInt16;
                    break;
                case IFLA_BOND_AD_ACTOR_SYSTEM when attribute.Value.Length <= 32:
                    ActorSystem = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_BOND_MISSED_MAX when attribute.Value.Length == 1:
                    MissedMaximum = attribute.Byte;
                    break;
                case IFLA_BOND_COUPLED_CONTROL when attribute.Value.Length == 1:
                    CoupledControl = attribute.Byte;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <inheritdoc />
    public override string Kind => "bond";

    /// <summary>How the ports are used (IFLA_BOND_MODE).</summary>
    public BondMode? Mode { get; init; }

    /// <summary>Index of the port in use (IFLA_BOND_ACTIVE_SLAVE).</summary>
    public uint? ActivePort { get; init; }

    /// <summary>Milliseconds between looks at the carrier (IFLA_BOND_MIIMON).</summary>
    public uint? MiiMonitor { get; init; }

    /// <summary>Milliseconds before a port with carrier is used (IFLA_BOND_UPDELAY).</summary>
    public uint? UpDelay { get; init; }

    /// <summary>Milliseconds before a port without carrier is given up (IFLA_BOND_DOWNDELAY).</summary>
    public uint? DownDelay { get; init; }

    /// <summary>Milliseconds between notifications of peers (IFLA_BOND_PEER_NOTIF_DELAY).</summary>
    public uint? PeerNotificationDelay { get; init; }

    /// <summary>1 asks the driver for the carrier, 0 the MII registers (IFLA_BOND_USE_CARRIER).</summary>
    public byte? UseCarrier { get; init; }

    /// <summary>Milliseconds between ARP probes (IFLA_BOND_ARP_INTERVAL).</summary>
    public uint? ArpInterval { get; init; }

    /// <summary>Which ports' ARP answers are checked (IFLA_BOND_ARP_VALIDATE).</summary>
    public uint? ArpValidate { get; init; }

    /// <summary>0 any target suffices, 1 all must answer (IFLA_BOND_ARP_ALL_TARGETS).</summary>
    public uint? ArpAllTargets { get; init; }

    /// <summary>IPv4 addresses probed (IFLA_BOND_ARP_IP_TARGET).</summary>
    public AddressList? ArpTargets { get; init; }

    /// <summary>IPv6 addresses probed (IFLA_BOND_NS_IP6_TARGET).</summary>
    public AddressList? NeighbourTargets { get; init; }

    /// <summary>Index of the preferred port (IFLA_BOND_PRIMARY).</summary>
    public uint? Primary { get; init; }

    /// <summary>When the preferred port is taken again (IFLA_BOND_PRIMARY_RESELECT).</summary>
    public byte? PrimaryReselect { get; init; }

    /// <summary>What becomes of the address when ports change (IFLA_BOND_FAIL_OVER_MAC).</summary>
    public byte? FailOverMac { get; init; }

    /// <summary>What chooses the port for a packet (IFLA_BOND_XMIT_HASH_POLICY).</summary>
    public byte? TransmitHashPolicy { get; init; }

    /// <summary>Membership reports after a change (IFLA_BOND_RESEND_IGMP).</summary>
    public uint? ResendIgmp { get; init; }

    /// <summary>Notifications after a change (IFLA_BOND_NUM_PEER_NOTIF).</summary>
    public byte? PeerNotifications { get; init; }

    /// <summary>Frames on unused ports are taken too (IFLA_BOND_ALL_SLAVES_ACTIVE).</summary>
    public byte? AllPortsActive { get; init; }

    /// <summary>Ports needed for a carrier (IFLA_BOND_MIN_LINKS).</summary>
    public uint? MinimumLinks { get; init; }

    /// <summary>Seconds between learning packets (IFLA_BOND_LP_INTERVAL).</summary>
    public uint? LearningPacketInterval { get; init; }

    /// <summary>Packets before the next port (IFLA_BOND_PACKETS_PER_SLAVE).</summary>
    public uint? PacketsPerPort { get; init; }

    /// <summary>Flows move with the load (IFLA_BOND_TLB_DYNAMIC_LB).</summary>
    public byte? DynamicLoadBalancing { get; init; }

    /// <summary>0 slow, 1 fast (IFLA_BOND_AD_LACP_RATE).</summary>
    public byte? LacpRate { get; init; }

    /// <summary>Sends LACP messages unasked (IFLA_BOND_AD_LACP_ACTIVE).</summary>
    public byte? LacpActive { get; init; }

    /// <summary>0 stable, 1 bandwidth, 2 count (IFLA_BOND_AD_SELECT).</summary>
    public byte? AggregatorSelection { get; init; }

    /// <summary>The active aggregator of 802.3ad (IFLA_BOND_AD_INFO).</summary>
    public BondAggregator? Aggregator { get; init; }

    /// <summary>System priority of 802.3ad (IFLA_BOND_AD_ACTOR_SYS_PRIO).</summary>
    public ushort? ActorSystemPriority { get; init; }

    /// <summary>Port key of 802.3ad (IFLA_BOND_AD_USER_PORT_KEY).</summary>
    public ushort? UserPortKey { get; init; }

    /// <summary>System address of 802.3ad (IFLA_BOND_AD_ACTOR_SYSTEM).</summary>
    public HardwareAddress? ActorSystem { get; init; }

    /// <summary>Probes missed before a port is given up (IFLA_BOND_MISSED_MAX).</summary>
    public byte? MissedMaximum { get; init; }

    /// <summary>Collecting and distributing change together (IFLA_BOND_COUPLED_CONTROL).</summary>
    public byte? CoupledControl { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_BOND_MODE:
                Write(ref writer, entry, (byte?)Mode);
                break;
            case IFLA_BOND_ACTIVE_SLAVE:
                Write(ref writer, entry, ActivePort);
                break;
            case IFLA_BOND_MIIMON:
                Write(ref writer, entry, MiiMonitor);
                break;
            case IFLA_BOND_UPDELAY:
                Write(ref writer, entry, UpDelay);
                break;
            case IFLA_BOND_DOWNDELAY:
                Write(ref writer, entry, DownDelay);
                break;
            case IFLA_BOND_PEER_NOTIF_DELAY:
                Write(ref writer, entry, PeerNotificationDelay);
                break;
            case IFLA_BOND_USE_CARRIER:
                Write(ref writer, entry, UseCarrier);
                break;
            case IFLA_BOND_ARP_INTERVAL:
                Write(ref writer, entry, ArpInterval);
                break;
            case IFLA_BOND_ARP_VALIDATE:
                Write(ref writer, entry, ArpValidate);
                break;
            case IFLA_BOND_ARP_ALL_TARGETS:
                Write(ref writer, entry, ArpAllTargets);
                break;
            case IFLA_BOND_ARP_IP_TARGET:
                ArpTargets?.Write(ref writer, entry);
                break;
            case IFLA_BOND_NS_IP6_TARGET:
                NeighbourTargets?.Write(ref writer, entry);
                break;
            case IFLA_BOND_PRIMARY:
                Write(ref writer, entry, Primary);
                break;
            case IFLA_BOND_PRIMARY_RESELECT:
                Write(ref writer, entry, PrimaryReselect);
                break;
            case IFLA_BOND_FAIL_OVER_MAC:
                Write(ref writer, entry, FailOverMac);
                break;
            case IFLA_BOND_XMIT_HASH_POLICY:
                Write(ref writer, entry, TransmitHashPolicy);
                break;
            case IFLA_BOND_RESEND_IGMP:
                Write(ref writer, entry, ResendIgmp);
                break;
            case IFLA_BOND_NUM_PEER_NOTIF:
                Write(ref writer, entry, PeerNotifications);
                break;
            case IFLA_BOND_ALL_SLAVES_ACTIVE:
                Write(ref writer, entry, AllPortsActive);
                break;
            case IFLA_BOND_MIN_LINKS:
                Write(ref writer, entry, MinimumLinks);
                break;
            case IFLA_BOND_LP_INTERVAL:
                Write(ref writer, entry, LearningPacketInterval);
                break;
            case IFLA_BOND_PACKETS_PER_SLAVE:
                Write(ref writer, entry, PacketsPerPort);
                break;
            case IFLA_BOND_TLB_DYNAMIC_LB:
                Write(ref writer, entry, DynamicLoadBalancing);
                break;
            case IFLA_BOND_AD_LACP_RATE:
                Write(ref writer, entry, LacpRate);
                break;
            case IFLA_BOND_AD_LACP_ACTIVE:
                Write(ref writer, entry, LacpActive);
                break;
            case IFLA_BOND_AD_SELECT:
                Write(ref writer, entry, AggregatorSelection);
                break;
            case IFLA_BOND_AD_INFO:
                WriteNested(ref writer, entry, Aggregator, nestedFlag: false);
                break;
            case IFLA_BOND_AD_ACTOR_SYS_PRIO:
                Write(ref writer, entry, ActorSystemPriority);
                break;
            case IFLA_BOND_AD_USER_PORT_KEY:
                Write(ref writer, entry, UserPortKey);
                break;
            case IFLA_BOND_AD_ACTOR_SYSTEM:
                Write(ref writer, entry, ActorSystem);
                break;
            case IFLA_BOND_MISSED_MAX:
                Write(ref writer, entry, MissedMaximum);
                break;
            case IFLA_BOND_COUPLED_CONTROL:
                Write(ref writer, entry, CoupledControl);
                break;
        }
    }
}
