using System.Diagnostics.CodeAnalysis;
using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.NextHopConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>A next hop, or a group of them, that routes name by its id (struct nhmsg and NHA_* attributes, Linux 5.3).</summary>
public sealed record NextHopObject : RouteObject
{
    private static readonly ushort[] Order =
    [
        NHA_ID, NHA_GROUP, NHA_GROUP_TYPE, NHA_BLACKHOLE, NHA_OIF, NHA_GATEWAY, NHA_ENCAP_TYPE, NHA_ENCAP, NHA_GROUPS, NHA_MASTER, NHA_FDB, NHA_RES_GROUP, NHA_OP_FLAGS,
        NHA_HW_STATS_ENABLE, NHA_HW_STATS_USED,
    ];

    /// <summary>An empty one.</summary>
    public NextHopObject()
    {
    }

    private NextHopObject(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case NHA_ID when attribute.Value.Length == 4:
                    Id = attribute.UInt32;
                    break;
                case NHA_GROUP when NextHopGroupMember.TryReadList(attribute, out EquatableList<NextHopGroupMember>? membersValue):
                    Group = membersValue;
                    break;
                case NHA_GROUP_TYPE when attribute.Value.Length == 2:
                    GroupType = attribute.UInt16;
                    break;
                case NHA_BLACKHOLE when attribute.Value.IsEmpty:
                    IsBlackhole = true;
                    break;
                case NHA_OIF when attribute.Value.Length == 4:
                    OutputInterface = attribute.Int32;
                    break;
                case NHA_GATEWAY when attribute.Value.Length is 4 or 16:
                    Gateway = new IPAddress(attribute.Value);
                    break;
                case NHA_ENCAP_TYPE when attribute.Value.Length == 2:
                    EncapsulationType = attribute.UInt16;
                    break;
                case NHA_ENCAP:
                    Encapsulation = new Octets(attribute.Value);
                    break;
                case NHA_GROUPS when attribute.Value.IsEmpty:
                    OnlyGroups = true;
                    break;
                case NHA_MASTER when attribute.Value.Length == 4:
                    Master = attribute.Int32;
                    break;
                case NHA_FDB when attribute.Value.IsEmpty:
                    IsForForwarding = true;
                    break;
                case NHA_RES_GROUP:
                    Resilience = new ResilientGroupOptions(attribute.Nested());
                    break;
                case NHA_OP_FLAGS when attribute.Value.Length == 4:
                    OperationFlags = attribute.UInt32;
                    break;
                case NHA_HW_STATS_ENABLE when attribute.Value.Length == 4:
                    HardwareStatistics = attribute.UInt32;
                    break;
                case NHA_HW_STATS_USED when attribute.Value.Length == 4:
                    HardwareStatisticsUsed = attribute.UInt32;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 8;

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWNEXTHOP;

    /// <summary>AF_INET or AF_INET6; 0 of a group.</summary>
    public byte Family { get; init; }

    /// <summary>How far it is, RT_SCOPE_*; the kernel fills it in, requests have 0.</summary>
    public byte Scope { get; init; }

    /// <summary>Who made it, RTPROT_*.</summary>
    public byte Protocol { get; init; }

    /// <summary>Flags, RTNH_F_*.</summary>
    public uint Flags { get; init; }

    /// <summary>Its id, by which routes and groups name it; the kernel chooses one where it is not given (NHA_ID).</summary>
    public uint? Id { get; init; }

    /// <summary>The next hops of a group (NHA_GROUP).</summary>
    public EquatableList<NextHopGroupMember>? Group { get; init; }

    /// <summary>NEXTHOP_GRP_TYPE_MPATH (0, by hash) or NEXTHOP_GRP_TYPE_RES (1, resilient) (NHA_GROUP_TYPE).</summary>
    public ushort? GroupType { get; init; }

    /// <summary>Packets are dropped without a word (NHA_BLACKHOLE).</summary>
    public bool IsBlackhole { get; init; }

    /// <summary>Index of the link (NHA_OIF).</summary>
    public int? OutputInterface { get; init; }

    /// <summary>Gateway (NHA_GATEWAY).</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Kind of encapsulation, LWTUNNEL_ENCAP_* (NHA_ENCAP_TYPE).</summary>
    public ushort? EncapsulationType { get; init; }

    /// <summary>Encapsulation, as attributes (NHA_ENCAP).</summary>
    public Octets? Encapsulation { get; init; }

    /// <summary>In dump requests: groups only (NHA_GROUPS).</summary>
    public bool OnlyGroups { get; init; }

    /// <summary>In dump requests: those of links with this master only (NHA_MASTER).</summary>
    public int? Master { get; init; }

    /// <summary>For forwarding entries of a VXLAN, not for routes (NHA_FDB).</summary>
    public bool IsForForwarding { get; init; }

    /// <summary>How a resilient group spreads its traffic (NHA_RES_GROUP).</summary>
    public ResilientGroupOptions? Resilience { get; init; }

    /// <summary>What a dump shall tell beside, NHA_OP_FLAG_*; in answers what the kernel can (Linux 6.9) (NHA_OP_FLAGS).</summary>
    public uint? OperationFlags { get; init; }

    /// <summary>1 where hardware shall count (NHA_HW_STATS_ENABLE).</summary>
    public uint? HardwareStatistics { get; init; }

    /// <summary>1 where hardware counts (NHA_HW_STATS_USED).</summary>
    public uint? HardwareStatisticsUsed { get; init; }

    /// <summary>A next hop by a gateway.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="gateway">The gateway.</param>
    /// <param name="outputInterface">Index of the link.</param>
    public static NextHopObject By(uint id, IPAddress gateway, int outputInterface) =>
        new() { Id = id, Gateway = gateway, OutputInterface = outputInterface, Family = FamilyOf(gateway) };

    /// <summary>A group of next hops that share the traffic by their weights.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="members">The next hops.</param>
    public static NextHopObject GroupOf(uint id, params ReadOnlySpan<NextHopGroupMember> members) => new() { Id = id, Group = EquatableList.Create(members) };

    /// <summary>Reads a next hop message; false where the payload is shorter than its header, or has a value in its reserved byte.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out NextHopObject? value)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        value = payload.Length < HeaderSize || payload[3] != 0 ? null : new NextHopObject(new AttributeReader(payload[HeaderSize..]))
        {
            Family = payload[0],
            Scope = payload[1],
            Protocol = payload[2],
            Flags = BitConverter.ToUInt32(payload[4..]),
        };
        return value is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.Append([Family, Scope, Protocol, 0]);
        writer.AppendStruct(Flags);
        WriteAttributes(ref writer);
    }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case NHA_ID:
                Write(ref writer, entry, Id);
                break;
            case NHA_GROUP:
                NextHopGroupMember.WriteList(ref writer, entry, Group);
                break;
            case NHA_GROUP_TYPE:
                Write(ref writer, entry, GroupType);
                break;
            case NHA_BLACKHOLE:
                WriteFlag(ref writer, entry, IsBlackhole);
                break;
            case NHA_OIF:
                Write(ref writer, entry, OutputInterface);
                break;
            case NHA_GATEWAY:
                Write(ref writer, entry, Gateway);
                break;
            case NHA_ENCAP_TYPE:
                Write(ref writer, entry, EncapsulationType);
                break;
            case NHA_ENCAP:
                Write(ref writer, entry, Encapsulation);
                break;
            case NHA_GROUPS:
                WriteFlag(ref writer, entry, OnlyGroups);
                break;
            case NHA_MASTER:
                Write(ref writer, entry, Master);
                break;
            case NHA_FDB:
                WriteFlag(ref writer, entry, IsForForwarding);
                break;
            case NHA_RES_GROUP:
                WriteNested(ref writer, entry, Resilience, nestedFlag: true);
                break;
            case NHA_OP_FLAGS:
                Write(ref writer, entry, OperationFlags);
                break;
            case NHA_HW_STATS_ENABLE:
                Write(ref writer, entry, HardwareStatistics);
                break;
            case NHA_HW_STATS_USED:
                Write(ref writer, entry, HardwareStatisticsUsed);
                break;
        }
    }
}
