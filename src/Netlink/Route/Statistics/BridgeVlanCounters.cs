using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Traffic of a VLAN.</summary>
/// <param name="ReceivedBytes">Bytes received.</param>
/// <param name="ReceivedPackets">Packets received.</param>
/// <param name="SentBytes">Bytes sent.</param>
/// <param name="SentPackets">Packets sent.</param>
public sealed record BridgeVlanTraffic(ulong ReceivedBytes, ulong ReceivedPackets, ulong SentBytes, ulong SentPackets)
{
    /// <summary>Reads the nested attributes of BRIDGE_VLANDB_ENTRY_STATS.</summary>
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out BridgeVlanTraffic? traffic)
    {
        AttributeReader reader = attribute.Nested();
        bool whole = TryReadNext(ref reader, BRIDGE_VLANDB_STATS_RX_BYTES, out ulong receivedBytes)
            & TryReadNext(ref reader, BRIDGE_VLANDB_STATS_RX_PACKETS, out ulong receivedPackets)
            & TryReadNext(ref reader, BRIDGE_VLANDB_STATS_TX_BYTES, out ulong sentBytes)
            & TryReadNext(ref reader, BRIDGE_VLANDB_STATS_TX_PACKETS, out ulong sentPackets)
            & reader.Rest.IsEmpty;
        traffic = whole ? new BridgeVlanTraffic(receivedBytes, receivedPackets, sentBytes, sentPackets) : null;
        return whole;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        writer.WriteUInt64(BRIDGE_VLANDB_STATS_RX_BYTES, ReceivedBytes);
        writer.WriteUInt64(BRIDGE_VLANDB_STATS_RX_PACKETS, ReceivedPackets);
        writer.WriteUInt64(BRIDGE_VLANDB_STATS_TX_BYTES, SentBytes);
        writer.WriteUInt64(BRIDGE_VLANDB_STATS_TX_PACKETS, SentPackets);
        writer.EndAttribute(mark);
    }

    private static bool TryReadNext(ref AttributeReader reader, ushort type, out ulong value)
    {
        bool right = reader.TryRead(out NetlinkAttribute attribute) && attribute.RawType == type && attribute.Value.Length == 8;
        value = right ? attribute.UInt64 : 0;
        return right;
    }
}

/// <summary>Traffic of one VLAN of a bridge or port (struct bridge_vlan_xstats).</summary>
/// <param name="Vlan">The VLAN.</param>
/// <param name="Traffic">Its traffic.</param>
public sealed record BridgeVlanCounters(BridgeVlan Vlan, BridgeVlanTraffic Traffic)
{
    /// <summary>Reads LINK_XSTATS_TYPE_BRIDGE within the statistics of a link's kind.</summary>
    internal static List<BridgeVlanCounters> ReadList(ReadOnlySpan<byte> statistics)
    {
        var list = new List<BridgeVlanCounters>();
        if (new AttributeReader(statistics).TryFind(LINK_XSTATS_TYPE_BRIDGE, out NetlinkAttribute bridge))
        {
            AttributeReader reader = bridge.Nested();
            while (reader.TryRead(out NetlinkAttribute attribute))
            {
                if (attribute.Type == BRIDGE_XSTATS_VLAN && attribute.Value.Length >= 36)
                {
                    ReadOnlySpan<ulong> counters = MemoryMarshal.Cast<byte, ulong>(attribute.Value[..32]);
                    uint vlan = MemoryMarshal.Read<uint>(attribute.Value[32..]);
                    list.Add(new BridgeVlanCounters(
                        new BridgeVlan((BridgeVlanFlags)(vlan >> 16), (ushort)vlan), new BridgeVlanTraffic(counters[0], counters[1], counters[2], counters[3])));
                }
            }
        }

        return list;
    }
}
