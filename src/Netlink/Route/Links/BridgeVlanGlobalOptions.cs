using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options that one VLAN, or a range of them, has on the whole bridge (BRIDGE_VLANDB_GLOBAL_OPTIONS, Linux 5.15).</summary>
public sealed record BridgeVlanGlobalOptions : AttributeSet
{
    private static readonly ushort[] Order =
    [
        BRIDGE_VLANDB_GOPTS_ID, BRIDGE_VLANDB_GOPTS_RANGE, BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING, BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION,
        BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION, BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT, BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT,
        BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL, BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL, BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL,
        BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL, BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL, BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL,
        BRIDGE_VLANDB_GOPTS_MCAST_QUERIER, BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS, BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE, BRIDGE_VLANDB_GOPTS_MSTI,
    ];

    /// <summary>An empty one.</summary>
    public BridgeVlanGlobalOptions()
    {
    }

    internal BridgeVlanGlobalOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case BRIDGE_VLANDB_GOPTS_ID when attribute.Value.Length == 2:
                    Id = attribute.UInt16;
                    break;
                case BRIDGE_VLANDB_GOPTS_RANGE when attribute.Value.Length == 2:
                    RangeEnd = attribute.UInt16;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING when attribute.IsBoolean:
                    MulticastSnooping = attribute.Byte != 0;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION when attribute.Value.Length == 1:
                    IgmpVersion = attribute.Byte;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION when attribute.Value.Length == 1:
                    MldVersion = attribute.Byte;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT when attribute.Value.Length == 4:
                    LastMemberCount = attribute.UInt32;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT when attribute.Value.Length == 4:
                    StartupQueryCount = attribute.UInt32;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL when attribute.Value.Length == 8:
                    LastMemberInterval = attribute.UInt64;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL when attribute.Value.Length == 8:
                    MembershipInterval = attribute.UInt64;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL when attribute.Value.Length == 8:
                    QuerierInterval = attribute.UInt64;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL when attribute.Value.Length == 8:
                    QueryInterval = attribute.UInt64;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL when attribute.Value.Length == 8:
                    QueryResponseInterval = attribute.UInt64;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL when attribute.Value.Length == 8:
                    StartupQueryInterval = attribute.UInt64;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_QUERIER when attribute.IsBoolean:
                    MulticastQuerier = attribute.Byte != 0;
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS:
                    MulticastRouterPorts = new Octets(attribute.Value);
                    break;
                case BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE:
                    QuerierState = new Octets(attribute.Value);
                    break;
                case BRIDGE_VLANDB_GOPTS_MSTI when attribute.Value.Length == 2:
                    SpanningTreeInstance = attribute.UInt16;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>The VLAN, or the first of a range (BRIDGE_VLANDB_GOPTS_ID).</summary>
    public ushort? Id { get; init; }

    /// <summary>Last VLAN of a range (BRIDGE_VLANDB_GOPTS_RANGE).</summary>
    public ushort? RangeEnd { get; init; }

    /// <summary>Multicast is sent to those alone who joined (BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING).</summary>
    public bool? MulticastSnooping { get; init; }

    /// <summary>IGMP version, 2 or 3 (BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION).</summary>
    public byte? IgmpVersion { get; init; }

    /// <summary>MLD version, 1 or 2 (BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION).</summary>
    public byte? MldVersion { get; init; }

    /// <summary>Queries before a group is given up (BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT).</summary>
    public uint? LastMemberCount { get; init; }

    /// <summary>Queries at start (BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT).</summary>
    public uint? StartupQueryCount { get; init; }

    /// <summary>Hundredths of a second between the last queries of a group (BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL).</summary>
    public ulong? LastMemberInterval { get; init; }

    /// <summary>Hundredths of a second a membership lasts (BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL).</summary>
    public ulong? MembershipInterval { get; init; }

    /// <summary>Hundredths of a second until another querier counts as gone (BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL).</summary>
    public ulong? QuerierInterval { get; init; }

    /// <summary>Hundredths of a second between queries (BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL).</summary>
    public ulong? QueryInterval { get; init; }

    /// <summary>Hundredths of a second an answer may take (BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL).</summary>
    public ulong? QueryResponseInterval { get; init; }

    /// <summary>Hundredths of a second between queries at start (BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL).</summary>
    public ulong? StartupQueryInterval { get; init; }

    /// <summary>The bridge asks who listens (BRIDGE_VLANDB_GOPTS_MCAST_QUERIER).</summary>
    public bool? MulticastQuerier { get; init; }

    /// <summary>Ports to multicast routers, as nested attributes (BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS).</summary>
    public Octets? MulticastRouterPorts { get; init; }

    /// <summary>The querier elected, as nested attributes (BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE).</summary>
    public Octets? QuerierState { get; init; }

    /// <summary>Spanning tree instance it belongs to (MST) (BRIDGE_VLANDB_GOPTS_MSTI).</summary>
    public ushort? SpanningTreeInstance { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case BRIDGE_VLANDB_GOPTS_ID:
                Write(ref writer, entry, Id);
                break;
            case BRIDGE_VLANDB_GOPTS_RANGE:
                Write(ref writer, entry, RangeEnd);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING:
                Write(ref writer, entry, MulticastSnooping);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION:
                Write(ref writer, entry, IgmpVersion);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION:
                Write(ref writer, entry, MldVersion);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT:
                Write(ref writer, entry, LastMemberCount);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT:
                Write(ref writer, entry, StartupQueryCount);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL:
                Write(ref writer, entry, LastMemberInterval);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL:
                Write(ref writer, entry, MembershipInterval);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL:
                Write(ref writer, entry, QuerierInterval);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL:
                Write(ref writer, entry, QueryInterval);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL:
                Write(ref writer, entry, QueryResponseInterval);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL:
                Write(ref writer, entry, StartupQueryInterval);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_QUERIER:
                Write(ref writer, entry, MulticastQuerier);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS:
                Write(ref writer, entry, MulticastRouterPorts);
                break;
            case BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE:
                Write(ref writer, entry, QuerierState);
                break;
            case BRIDGE_VLANDB_GOPTS_MSTI:
                Write(ref writer, entry, SpanningTreeInstance);
                break;
        }
    }
}
