using System.Diagnostics.CodeAnalysis;
using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>An address of a link (struct ifaddrmsg and IFA_* attributes).</summary>
public sealed record InterfaceAddress : RouteObject
{
    private static readonly ushort[] Order =
    [
        IFA_FLAGS, IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_ANYCAST, IFA_MULTICAST, IFA_LABEL, IFA_RT_PRIORITY, IFA_CACHEINFO, IFA_PROTO,
        IFA_TARGET_NETNSID,
    ];

    /// <summary>An empty one.</summary>
    public InterfaceAddress()
    {
    }

    internal InterfaceAddress(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFA_FLAGS when attribute.Value.Length == 4:
                    ExtendedFlags = attribute.UInt32;
                    break;
                case IFA_LOCAL when attribute.Value.Length is 4 or 16:
                    Local = new IPAddress(attribute.Value);
                    break;
                case IFA_ADDRESS when attribute.Value.Length is 4 or 16:
                    Address = new IPAddress(attribute.Value);
                    break;
                case IFA_BROADCAST when attribute.Value.Length is 4 or 16:
                    Broadcast = new IPAddress(attribute.Value);
                    break;
                case IFA_ANYCAST when attribute.Value.Length is 4 or 16:
                    Anycast = new IPAddress(attribute.Value);
                    break;
                case IFA_MULTICAST when attribute.Value.Length is 4 or 16:
                    Multicast = new IPAddress(attribute.Value);
                    break;
                case IFA_LABEL when attribute.IsText:
                    Label = attribute.String;
                    break;
                case IFA_RT_PRIORITY when attribute.Value.Length == 4:
                    RoutePriority = attribute.UInt32;
                    break;
                case IFA_CACHEINFO when AddressLifetime.TryRead(attribute, out AddressLifetime? lifetimeValue):
                    Lifetime = lifetimeValue;
                    break;
                case IFA_PROTO when attribute.Value.Length == 1:
                    Protocol = attribute.Byte;
                    break;
                case IFA_TARGET_NETNSID when attribute.Value.Length == 4:
                    TargetNamespace = attribute.Int32;
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

    /// <summary>AF_INET or AF_INET6.</summary>
    public byte Family { get; init; }

    /// <summary>Length of the prefix in bits.</summary>
    public byte PrefixLength { get; init; }

    /// <summary>The lower eight flags, IFA_F_*.</summary>
    public byte HeaderFlags { get; init; }

    /// <summary>Where the address is valid, RT_SCOPE_*.</summary>
    public byte Scope { get; init; }

    /// <summary>Index of the link.</summary>
    public int Index { get; init; }

    /// <summary>All flags, IFA_F_*.</summary>
    public uint Flags => ExtendedFlags ?? HeaderFlags;

    /// <summary>The address the host answers to.</summary>
    public IPAddress? Host => Local ?? Address;

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWADDR;

    /// <summary>An address with its prefix on a link; IPv4 also says the local half, as iproute2 does.</summary>
    public static InterfaceAddress Of(int index, IPAddress address, int prefixLength)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new InterfaceAddress
        {
            Family = FamilyOf(address),
            PrefixLength = checked((byte)prefixLength),
            Index = index,
            Local = address,
            Address = address,
            Scope = IPAddress.IsLoopback(address) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
        };
    }

    /// <summary>Reads an address message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out InterfaceAddress? address)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        address = payload.Length < HeaderSize ? null : new InterfaceAddress(new AttributeReader(payload[HeaderSize..]))
        {
            Family = payload[0],
            PrefixLength = payload[1],
            HeaderFlags = payload[2],
            Scope = payload[3],
            Index = BitConverter.ToInt32(payload[4..]),
        };
        return address is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.Append([Family, PrefixLength, HeaderFlags, Scope]);
        writer.AppendStruct(Index);
        WriteAttributes(ref writer);
    }

    /// <summary>All flags, IFA_F_*, where they do not fit eight bits (IFA_FLAGS).</summary>
    public uint? ExtendedFlags { get; init; }

    /// <summary>The address itself (IFA_LOCAL).</summary>
    public IPAddress? Local { get; init; }

    /// <summary>The prefix's address: the same, or the peer of a point-to-point link; IPv6 knows this one only (IFA_ADDRESS).</summary>
    public IPAddress? Address { get; init; }

    /// <summary>IPv4 broadcast address (IFA_BROADCAST).</summary>
    public IPAddress? Broadcast { get; init; }

    /// <summary>IPv6 anycast address (IFA_ANYCAST).</summary>
    public IPAddress? Anycast { get; init; }

    /// <summary>IPv6 multicast address (IFA_MULTICAST).</summary>
    public IPAddress? Multicast { get; init; }

    /// <summary>IPv4 label: the link's name, or it and a suffix behind a colon (IFA_LABEL).</summary>
    public string? Label { get; init; }

    /// <summary>Metric of the prefix's route (IFA_RT_PRIORITY).</summary>
    public uint? RoutePriority { get; init; }

    /// <summary>Lifetimes (IFA_CACHEINFO).</summary>
    public AddressLifetime? Lifetime { get; init; }

    /// <summary>Who made it, IFAPROT_* (IFA_PROTO).</summary>
    public byte? Protocol { get; init; }

    /// <summary>Id of the namespace meant (IFA_TARGET_NETNSID).</summary>
    public int? TargetNamespace { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFA_FLAGS:
                Write(ref writer, entry, ExtendedFlags);
                break;
            case IFA_LOCAL:
                Write(ref writer, entry, Local);
                break;
            case IFA_ADDRESS:
                Write(ref writer, entry, Address);
                break;
            case IFA_BROADCAST:
                Write(ref writer, entry, Broadcast);
                break;
            case IFA_ANYCAST:
                Write(ref writer, entry, Anycast);
                break;
            case IFA_MULTICAST:
                Write(ref writer, entry, Multicast);
                break;
            case IFA_LABEL:
                Write(ref writer, entry, Label);
                break;
            case IFA_RT_PRIORITY:
                Write(ref writer, entry, RoutePriority);
                break;
            case IFA_CACHEINFO:
                Lifetime?.Write(ref writer, entry);
                break;
            case IFA_PROTO:
                Write(ref writer, entry, Protocol);
                break;
            case IFA_TARGET_NETNSID:
                Write(ref writer, entry, TargetNamespace);
                break;
        }
    }
}
