using System.Diagnostics.CodeAnalysis;
using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>A neighbour, or an entry of a bridge's or VXLAN's forwarding table (struct ndmsg and NDA_* attributes).</summary>
public sealed record Neighbour : RouteObject
{
    private static readonly ushort[] Order =
    [
        NDA_LLADDR, NDA_DST, NDA_VLAN, NDA_PORT, NDA_VNI, NDA_SRC_VNI, NDA_IFINDEX, NDA_MASTER, NDA_NH_ID, NDA_PROTOCOL, NDA_FLAGS_EXT,
        NDA_FDB_EXT_ATTRS, NDA_LINK_NETNSID, NDA_PROBES, NDA_CACHEINFO, NDA_NDM_STATE_MASK, NDA_NDM_FLAGS_MASK,
    ];

    /// <summary>An empty one.</summary>
    public Neighbour()
    {
    }

    internal Neighbour(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case NDA_LLADDR when attribute.Value.Length <= 32:
                    HardwareAddress = new HardwareAddress(attribute.Value);
                    break;
                case NDA_DST when attribute.Value.Length is 4 or 16:
                    Destination = new IPAddress(attribute.Value);
                    break;
                case NDA_VLAN when attribute.Value.Length == 2:
                    Vlan = attribute.UInt16;
                    break;
                case NDA_PORT when attribute.Value.Length == 2:
                    Port = attribute.UInt16BigEndian;
                    break;
                case NDA_VNI when attribute.Value.Length == 4:
                    Vni = attribute.UInt32;
                    break;
                case NDA_SRC_VNI when attribute.Value.Length == 4:
                    SourceVni = attribute.UInt32;
                    break;
                case NDA_IFINDEX when attribute.Value.Length == 4:
                    OutputInterface = attribute.Int32;
                    break;
                case NDA_MASTER when attribute.Value.Length == 4:
                    Master = attribute.Int32;
                    break;
                case NDA_NH_ID when attribute.Value.Length == 4:
                    NextHopId = attribute.UInt32;
                    break;
                case NDA_PROTOCOL when attribute.Value.Length == 1:
                    Protocol = attribute.Byte;
                    break;
                case NDA_FLAGS_EXT when attribute.Value.Length == 4:
                    ExtendedFlags = attribute.UInt32;
                    break;
                case NDA_FDB_EXT_ATTRS:
                    ForwardingExtensions = new Octets(attribute.Value);
                    break;
                case NDA_LINK_NETNSID when attribute.Value.Length == 4:
                    ParentNamespace = attribute.Int32;
                    break;
                case NDA_PROBES when attribute.Value.Length == 4:
                    Probes = attribute.UInt32;
                    break;
                case NDA_CACHEINFO when NeighbourCacheInfo.TryRead(attribute, out NeighbourCacheInfo? cacheInfoValue):
                    CacheInfo = cacheInfoValue;
                    break;
                case NDA_NDM_STATE_MASK when attribute.Value.Length == 2:
                    StateMask = attribute.UInt16;
                    break;
                case NDA_NDM_FLAGS_MASK when attribute.Value.Length == 1:
                    FlagsMask = attribute.Byte;
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

    /// <summary>AF_INET, AF_INET6; AF_BRIDGE for forwarding entries.</summary>
    public byte Family { get; init; }

    /// <summary>Index of the link.</summary>
    public int Index { get; init; }

    /// <summary>State.</summary>
    public NeighbourState State { get; init; }

    /// <summary>Flags, NTF_*.</summary>
    public byte Flags { get; init; }

    /// <summary>Type of destination, RTN_*.</summary>
    public byte Type { get; init; }

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWNEIGH;

    /// <summary>An entry that stays until it is deleted.</summary>
    public static Neighbour Permanent(int index, IPAddress destination, HardwareAddress hardwareAddress) => new()
    {
        Family = FamilyOf(destination),
        Index = index,
        State = NeighbourState.Permanent,
        Destination = destination,
        HardwareAddress = hardwareAddress,
    };

    /// <summary>Reads a neighbour message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out Neighbour? neighbour)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        neighbour = payload.Length < HeaderSize ? null : new Neighbour(new AttributeReader(payload[HeaderSize..]))
        {
            Family = payload[0],
            Index = BitConverter.ToInt32(payload[4..]),
            State = (NeighbourState)BitConverter.ToUInt16(payload[8..]),
            Flags = payload[10],
            Type = payload[11],
        };
        return neighbour is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.AppendStruct((uint)Family);
        writer.AppendStruct(Index);
        writer.AppendStruct((ushort)State);
        writer.Append([Flags, Type]);
        WriteAttributes(ref writer);
    }

    /// <summary>Hardware address (NDA_LLADDR).</summary>
    public HardwareAddress? HardwareAddress { get; init; }

    /// <summary>IP address of the neighbour; of a forwarding entry: the remote end of the tunnel (NDA_DST).</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>VLAN of a forwarding entry (NDA_VLAN).</summary>
    public ushort? Vlan { get; init; }

    /// <summary>UDP port of the remote end (NDA_PORT).</summary>
    public ushort? Port { get; init; }

    /// <summary>Network identifier of the remote end (NDA_VNI).</summary>
    public uint? Vni { get; init; }

    /// <summary>Network identifier of the entry (NDA_SRC_VNI).</summary>
    public uint? SourceVni { get; init; }

    /// <summary>Index of the link to the remote end (NDA_IFINDEX).</summary>
    public int? OutputInterface { get; init; }

    /// <summary>Index of the bridge (NDA_MASTER).</summary>
    public int? Master { get; init; }

    /// <summary>Id of a next hop object (NDA_NH_ID).</summary>
    public uint? NextHopId { get; init; }

    /// <summary>Who made it, RTPROT_* (NDA_PROTOCOL).</summary>
    public byte? Protocol { get; init; }

    /// <summary>Flags, NTF_EXT_* (NDA_FLAGS_EXT).</summary>
    public uint? ExtendedFlags { get; init; }

    /// <summary>Further properties of a forwarding entry, as attributes (NDA_FDB_EXT_ATTRS).</summary>
    public Octets? ForwardingExtensions { get; init; }

    /// <summary>Id of the namespace of the link (NDA_LINK_NETNSID).</summary>
    public int? ParentNamespace { get; init; }

    /// <summary>Probes sent and not answered (NDA_PROBES).</summary>
    public uint? Probes { get; init; }

    /// <summary>When it was used and confirmed (NDA_CACHEINFO).</summary>
    public NeighbourCacheInfo? CacheInfo { get; init; }

    /// <summary>In bulk deletions: the states meant (NDA_NDM_STATE_MASK).</summary>
    public ushort? StateMask { get; init; }

    /// <summary>In bulk deletions: the flags meant (NDA_NDM_FLAGS_MASK).</summary>
    public byte? FlagsMask { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case NDA_LLADDR:
                Write(ref writer, entry, HardwareAddress);
                break;
            case NDA_DST:
                Write(ref writer, entry, Destination);
                break;
            case NDA_VLAN:
                Write(ref writer, entry, Vlan);
                break;
            case NDA_PORT:
                WriteBigEndian(ref writer, entry, Port);
                break;
            case NDA_VNI:
                Write(ref writer, entry, Vni);
                break;
            case NDA_SRC_VNI:
                Write(ref writer, entry, SourceVni);
                break;
            case NDA_IFINDEX:
                Write(ref writer, entry, OutputInterface);
                break;
            case NDA_MASTER:
                Write(ref writer, entry, Master);
                break;
            case NDA_NH_ID:
                Write(ref writer, entry, NextHopId);
                break;
            case NDA_PROTOCOL:
                Write(ref writer, entry, Protocol);
                break;
            case NDA_FLAGS_EXT:
                Write(ref writer, entry, ExtendedFlags);
                break;
            case NDA_FDB_EXT_ATTRS:
                Write(ref writer, entry, ForwardingExtensions);
                break;
            case NDA_LINK_NETNSID:
                Write(ref writer, entry, ParentNamespace);
                break;
            case NDA_PROBES:
                Write(ref writer, entry, Probes);
                break;
            case NDA_CACHEINFO:
                CacheInfo?.Write(ref writer, entry);
                break;
            case NDA_NDM_STATE_MASK:
                Write(ref writer, entry, StateMask);
                break;
            case NDA_NDM_FLAGS_MASK:
                Write(ref writer, entry, FlagsMask);
                break;
        }
    }
}
