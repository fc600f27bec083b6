using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Further names of a link (IFLA_PROP_LIST).</summary>
/// <param name="Names">The names.</param>
public sealed record AlternativeNames(EquatableList<string> Names)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out AlternativeNames? names)
    {
        names = null;
        var list = new List<string>();
        AttributeReader reader = attribute.Nested();
        while (reader.TryRead(out NetlinkAttribute name))
        {
            if (name.RawType != IFLA_ALT_IFNAME || !name.IsText || name.Value.IsEmpty || name.Value[^1] != 0)
            {
                return false;
            }

            list.Add(name.String);
        }

        names = new AlternativeNames([.. list]);
        return !reader.IsTruncated && reader.MissingPadding == 0;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = entry.IsRecorded ? writer.BeginAttribute(entry.RawType) : writer.BeginNested(entry.RawType);
        foreach (string name in Names)
        {
            writer.WriteString(IFLA_ALT_IFNAME, name);
        }

        writer.EndAttribute(mark);
    }
}

/// <summary>Flags of a VLAN device, VLAN_FLAG_*, with the mask of those that count (struct ifla_vlan_flags).</summary>
/// <param name="Flags">The flags' values: 1 reorder header, 2 GVRP, 4 loose binding, 8 MVRP, 16 bridge binding.</param>
/// <param name="Mask">The flags to be set; all bits in the kernel's messages.</param>
public sealed record VlanFlagChange(uint Flags, uint Mask)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out VlanFlagChange? change)
    {
        change = attribute.Value.Length == 8 ? new VlanFlagChange((uint)attribute.UInt64, (uint)(attribute.UInt64 >> 32)) : null;
        return change is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteUInt64(entry.RawType, (ulong)Mask << 32 | Flags);
}

/// <summary>One priority that stands for another (struct ifla_vlan_qos_mapping).</summary>
/// <param name="From">The priority seen.</param>
/// <param name="To">The priority given.</param>
public readonly record struct VlanQosMapping(uint From, uint To)
{
    internal static bool TryReadList(in NetlinkAttribute attribute, [NotNullWhen(true)] out EquatableList<VlanQosMapping>? list)
    {
        list = null;
        var mappings = new List<VlanQosMapping>();
        AttributeReader reader = attribute.Nested();
        while (reader.TryRead(out NetlinkAttribute mapping))
        {
            if (mapping.RawType != IFLA_VLAN_QOS_MAPPING || mapping.Value.Length != 8)
            {
                return false;
            }

            mappings.Add(new VlanQosMapping((uint)mapping.UInt64, (uint)(mapping.UInt64 >> 32)));
        }

        list = [.. mappings];
        return !reader.IsTruncated && reader.MissingPadding == 0;
    }

    internal static void WriteList(ref NetlinkWriter writer, in WireEntry entry, EquatableList<VlanQosMapping>? list)
    {
        if (list is null)
        {
            return;
        }

        WireMark mark = writer.BeginAttribute(entry.RawType);
        foreach (VlanQosMapping mapping in list)
        {
            writer.WriteUInt64(IFLA_VLAN_QOS_MAPPING, (ulong)mapping.To << 32 | mapping.From);
        }

        writer.EndAttribute(mark);
    }
}

/// <summary>Ports from one to another, both included (struct ifla_vxlan_port_range, network byte order).</summary>
/// <param name="Low">The first.</param>
/// <param name="High">The last.</param>
public sealed record PortRange(ushort Low, ushort High)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out PortRange? range)
    {
        range = attribute.Value.Length == 4
            ? new PortRange(BinaryPrimitives.ReadUInt16BigEndian(attribute.Value), BinaryPrimitives.ReadUInt16BigEndian(attribute.Value[2..]))
            : null;
        return range is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteUInt32BigEndian(entry.RawType, (uint)Low << 16 | High);
}

/// <summary>Addresses, each an attribute whose type is its place.</summary>
/// <param name="Addresses">The addresses.</param>
public sealed record AddressList(EquatableList<IPAddress> Addresses)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out AddressList? addresses)
    {
        addresses = null;
        var list = new List<IPAddress>();
        AttributeReader reader = attribute.Nested();
        while (reader.TryRead(out NetlinkAttribute address))
        {
            if (address.RawType != list.Count || address.Value.Length is not (4 or 16))
            {
                return false;
            }

            list.Add(new IPAddress(address.Value));
        }

        addresses = new AddressList([.. list]);
        return !reader.IsTruncated && reader.MissingPadding == 0;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        Span<byte> octets = stackalloc byte[16];
        for (int index = 0; index < Addresses.Count; index++)
        {
            Addresses[index].TryWriteBytes(octets, out int length);
            writer.WriteBytes((ushort)index, octets[..length]);
        }

        writer.EndAttribute(mark);
    }
}

/// <summary>A bridge's identity in the spanning tree: priority, then address (struct ifla_bridge_id).</summary>
/// <param name="Priority">The priority.</param>
/// <param name="Address">The address.</param>
public sealed record BridgeId(ushort Priority, HardwareAddress Address)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out BridgeId? id)
    {
        id = attribute.Value.Length == 8 ? new BridgeId(BinaryPrimitives.ReadUInt16BigEndian(attribute.Value), new HardwareAddress(attribute.Value[2..])) : null;
        return id is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        writer.AppendStruct(BinaryPrimitives.ReverseEndianness(Priority));
        writer.Append(Address.Octets);
        writer.EndAttribute(mark);
    }

    /// <summary>As iproute2 prints it: "8000.2:11:22:33:44:55".</summary>
    public override string ToString() => $"{Priority:x4}.{string.Join(':', Address.Octets.ToArray().Select(octet => octet.ToString("x", System.Globalization.CultureInfo.InvariantCulture)))}";
}

/// <summary>Further switches of a bridge (struct br_boolopt_multi).</summary>
/// <param name="Values">Values: 1 no link-local learning, 2 multicast snooping per VLAN, 4 MST.</param>
/// <param name="Mask">The switches that count.</param>
public sealed record BridgeBooleanOptions(uint Values, uint Mask)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out BridgeBooleanOptions? options)
    {
        options = attribute.Value.Length == 8 ? new BridgeBooleanOptions((uint)attribute.UInt64, (uint)(attribute.UInt64 >> 32)) : null;
        return options is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteUInt64(entry.RawType, (ulong)Mask << 32 | Values);
}

/// <summary>Counters of a link (struct rtnl_link_stats64; later kernels append to it).</summary>
public sealed record LinkStatistics
{
    private readonly Octets _counters;

    private LinkStatistics(Octets counters) => _counters = counters;

    /// <summary>Packets received.</summary>
    public ulong ReceivedPackets => this[0];

    /// <summary>Packets sent.</summary>
    public ulong SentPackets => this[1];

    /// <summary>Bytes received.</summary>
    public ulong ReceivedBytes => this[2];

    /// <summary>Bytes sent.</summary>
    public ulong SentBytes => this[3];

    /// <summary>Bad packets received.</summary>
    public ulong ReceiveErrors => this[4];

    /// <summary>Packets that could not be sent.</summary>
    public ulong SendErrors => this[5];

    /// <summary>Received packets dropped for want of room.</summary>
    public ulong ReceiveDropped => this[6];

    /// <summary>Packets to be sent dropped for want of room.</summary>
    public ulong SendDropped => this[7];

    /// <summary>Multicast packets received.</summary>
    public ulong Multicast => this[8];

    /// <summary>Collisions.</summary>
    public ulong Collisions => this[9];

    /// <summary>Receive overruns (missed packets).</summary>
    public ulong ReceiveOverruns => this[11];

    /// <summary>Carrier losses while sending.</summary>
    public ulong CarrierErrors => this[17];

    /// <summary>Counter by its place in the kernel's structure; 0 beyond its end.</summary>
    public ulong this[int index] => index * 8 + 8 <= _counters.Length ? BitConverter.ToUInt64(_counters.Span[(index * 8)..]) : 0;

    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out LinkStatistics? statistics)
    {
        statistics = attribute.Value.Length >= 23 * 8 ? new LinkStatistics(new Octets(attribute.Value)) : null;
        return statistics is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteBytes(entry.RawType, _counters.Span);
}
