using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;

namespace EucaNet.Netlink.Route;

/// <summary>One VLAN of a bridge or port (struct bridge_vlan_info); a range is two of them, its begin and its end.</summary>
/// <param name="Flags">What it is (BRIDGE_VLAN_INFO_*).</param>
/// <param name="Id">The VLAN.</param>
public readonly record struct BridgeVlan(BridgeVlanFlags Flags, ushort Id)
{
    internal static BridgeVlan FromNumber(uint number) => new((BridgeVlanFlags)(number & 0xffff), (ushort)(number >> 16));

    internal uint ToNumber() => (uint)Id << 16 | (ushort)Flags;
}

/// <summary>What a VLAN is to a port (BRIDGE_VLAN_INFO_*).</summary>
[Flags]
public enum BridgeVlanFlags : ushort
{
    /// <summary>A VLAN that is tagged on its way out.</summary>
    None = 0,

    /// <summary>Of the bridge itself.</summary>
    Master = 1,

    /// <summary>Untagged frames that come in belong to it.</summary>
    Pvid = 2,

    /// <summary>The tag is taken off on the way out.</summary>
    Untagged = 4,

    /// <summary>Begin of a range.</summary>
    RangeBegin = 8,

    /// <summary>End of a range.</summary>
    RangeEnd = 16,

    /// <summary>The bridge holds it as a context only.</summary>
    Brentry = 32,

    /// <summary>Options only.</summary>
    OnlyOptions = 64,
}

/// <summary>VLANs of a bridge or port and where a request goes (IFLA_AF_SPEC of the bridge family).</summary>
/// <param name="Flags">BRIDGE_FLAGS_MASTER (1): to the bridge, BRIDGE_FLAGS_SELF (2): to the device; null where not said.</param>
/// <param name="Mode">BRIDGE_MODE_VEB or BRIDGE_MODE_VEPA; null where not said.</param>
/// <param name="Vlans">The VLANs.</param>
/// <param name="Tunnels">VLANs that map to tunnel ids.</param>
public sealed record BridgeSpecification(ushort? Flags, ushort? Mode, EquatableList<BridgeVlan> Vlans, EquatableList<BridgeVlanTunnel> Tunnels)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out BridgeSpecification? specification)
    {
        specification = null;
        ushort? flags = null;
        ushort? mode = null;
        var vlans = new List<BridgeVlan>();
        var tunnels = new List<BridgeVlanTunnel>();
        AttributeReader reader = attribute.Nested();
        while (reader.TryRead(out NetlinkAttribute part))
        {
            // Written in this order; anything else is kept as bytes by the caller.
            switch (part.RawType & ~NetlinkWriter.NestedFlag)
            {
                case IFLA_BRIDGE_FLAGS when part.Value.Length == 2 && flags is null && mode is null && vlans.Count == 0 && tunnels.Count == 0:
                    flags = part.UInt16;
                    break;
                case IFLA_BRIDGE_MODE when part.Value.Length == 2 && mode is null && vlans.Count == 0 && tunnels.Count == 0:
                    mode = part.UInt16;
                    break;
                case IFLA_BRIDGE_VLAN_INFO when part.Value.Length == 4 && tunnels.Count == 0 && !part.IsNested:
                    vlans.Add(BridgeVlan.FromNumber(part.UInt32));
                    break;
                case IFLA_BRIDGE_VLAN_TUNNEL_INFO when BridgeVlanTunnel.TryRead(part, out BridgeVlanTunnel tunnel):
                    tunnels.Add(tunnel);
                    break;
                default:
                    return false;
            }
        }

        specification = new BridgeSpecification(flags, mode, [.. vlans], [.. tunnels]);
        return !reader.IsTruncated && reader.MissingPadding == 0;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        if (Flags is { } flags)
        {
            writer.WriteUInt16(IFLA_BRIDGE_FLAGS, flags);
        }

        if (Mode is { } mode)
        {
            writer.WriteUInt16(IFLA_BRIDGE_MODE, mode);
        }

        foreach (BridgeVlan vlan in Vlans)
        {
            writer.WriteUInt32(IFLA_BRIDGE_VLAN_INFO, vlan.ToNumber());
        }

        foreach (BridgeVlanTunnel tunnel in Tunnels)
        {
            tunnel.Write(ref writer);
        }

        writer.EndAttribute(mark);
    }
}

/// <summary>A VLAN that maps to a tunnel id (IFLA_BRIDGE_VLAN_TUNNEL_INFO).</summary>
/// <param name="TunnelId">The tunnel id.</param>
/// <param name="Vlan">The VLAN.</param>
/// <param name="Flags">BRIDGE_VLAN_INFO_* of a range.</param>
/// <param name="IsFlagged">The attribute carries NLA_F_NESTED.</param>
public readonly record struct BridgeVlanTunnel(uint TunnelId, ushort Vlan, ushort Flags, bool IsFlagged = false)
{
    internal static bool TryRead(in NetlinkAttribute attribute, out BridgeVlanTunnel tunnel)
    {
        AttributeReader reader = attribute.Nested();
        bool whole = reader.TryRead(out NetlinkAttribute id) & reader.TryRead(out NetlinkAttribute vlan) & reader.TryRead(out NetlinkAttribute flags)
            && id.RawType == IFLA_BRIDGE_VLAN_TUNNEL_ID && id.Value.Length == 4
            && vlan.RawType == IFLA_BRIDGE_VLAN_TUNNEL_VID && vlan.Value.Length == 2
            && flags.RawType == IFLA_BRIDGE_VLAN_TUNNEL_FLAGS && flags.Value.Length == 2
            && reader.Rest.IsEmpty && reader.MissingPadding == 0;
        tunnel = whole ? new BridgeVlanTunnel(id.UInt32, vlan.UInt16, flags.UInt16, attribute.IsNested) : default;
        return whole;
    }

    internal void Write(ref NetlinkWriter writer)
    {
        WireMark mark = writer.BeginNested(IFLA_BRIDGE_VLAN_TUNNEL_INFO, IsFlagged);
        writer.WriteUInt32(IFLA_BRIDGE_VLAN_TUNNEL_ID, TunnelId);
        writer.WriteUInt16(IFLA_BRIDGE_VLAN_TUNNEL_VID, Vlan);
        writer.WriteUInt16(IFLA_BRIDGE_VLAN_TUNNEL_FLAGS, Flags);
        writer.EndAttribute(mark);
    }
}
