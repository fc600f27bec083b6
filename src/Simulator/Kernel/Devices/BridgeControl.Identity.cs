using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Devices;

/// <content>What a bridge is called: its address, taken from a port or set by hand, its identifier and its priority.</content>
internal sealed partial class BridgeControl
{
    /// <summary>User space gave the bridge a MAC (br_set_mac_address); a bridge that comes with one is given it once more when it is there. Without ports that forward it loses its carrier by that.</summary>
    public void AddressSetByHand(BridgeState bridge, byte[] old)
    {
        bridge.HasFixedAddress = true;
        ChangeBridgeAddress(bridge, old);
        UpdateIdentifier(bridge);
        SelectPortStates(bridge);
    }

    public void SetPriority(BridgeState bridge, ushort priority)
    {
        bridge.Priority = priority;
        BinaryPrimitives.WriteUInt16BigEndian(bridge.Identifier, priority);
        foreach (BridgePort port in bridge.Ports)
        {
            InitialisePort(port);
        }

        SelectPortStates(bridge);
    }

    private static void UpdateIdentifier(BridgeState bridge)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bridge.Identifier, bridge.Priority);
        bridge.Device.HardwareAddress.CopyTo(bridge.Identifier, 2);
        foreach (BridgePort port in bridge.Ports)
        {
            InitialisePort(port);
        }
    }

    /// <summary>br_stp_recalculate_bridge_id: the lowest MAC of the ports, unless one was set by hand.</summary>
    private bool RecalculateIdentifier(BridgeState bridge)
    {
        if (bridge.HasFixedAddress)
        {
            return false;
        }

        byte[] lowest = bridge.Ports.Count == 0
            ? new byte[6]
            : bridge.Ports.Select(port => port.Device.HardwareAddress).MinBy(static mac => Convert.ToHexString(mac), StringComparer.Ordinal)!;
        byte[] old = bridge.Device.HardwareAddress;
        if (old.AsSpan().SequenceEqual(lowest))
        {
            return false;
        }

        bridge.Device.HardwareAddress = [.. lowest];
        bridge.Device.AddressAssignType = 2;
        ChangeBridgeAddress(bridge, old);
        UpdateIdentifier(bridge);
        SelectPortStates(bridge);
        return true;
    }

    /// <summary>The bridge's own entries follow its address, VLAN by VLAN (br_fdb_change_mac_address).</summary>
    private void ChangeBridgeAddress(BridgeState bridge, byte[]? old)
    {
        byte[] address = bridge.Device.HardwareAddress;
        bool hasAddress = address.AsSpan().IndexOfAnyExcept((byte)0) >= 0;
        foreach (ushort vlan in bridge.Vlans.Keys.Prepend((ushort)0).ToArray())
        {
            if (old is not null && bridge.Database.Find(old, vlan) is { IsLocal: true, IsAddedByUser: false, Port: null } entry)
            {
                RemoveLocal(bridge, entry);
            }

            if (hasAddress)
            {
                AddLocal(bridge, null, address, vlan);
            }
        }
    }

    private void AddLocal(BridgeState bridge, BridgePort? port, byte[] mac, ushort vlan)
    {
        if (bridge.Database.Find(mac, vlan) is { } known)
        {
            if (known.IsLocal)
            {
                return;
            }

            RemoveEntry(bridge, known);
        }

        AddEntry(bridge, new ForwardingEntry([.. mac], vlan, port) { IsLocal = true, IsStatic = true });
    }
}
