namespace EucaNet.Simulator.Kernel.Devices;

/// <content>
/// Which ports receive everything (br_manage_promisc). A bridge that knows VLANs and on which at most one port floods and learns knows what may come in elsewhere; ports that can filter by
/// address then receive only what the database has for good.
/// </content>
internal sealed partial class BridgeControl
{
    /// <summary>VLAN filtering, the bridge's own promiscuity, or how many ports flood and learn, has changed.</summary>
    public void ManagePromiscuity(BridgeState bridge)
    {
        bool all = (bridge.Device.Flags & DeviceFlags.Promiscuous) != 0 || !bridge.VlanFiltering;
        foreach (BridgePort port in bridge.Ports.AsEnumerable().Reverse().ToArray())
        {
            bool filters = !all && port.Device.FiltersUnicast && (bridge.AutomaticPorts == 0 || (bridge.AutomaticPorts == 1 && port.IsAutomatic));
            if (filters == !port.IsPromiscuous)
            {
                continue;
            }

            port.IsPromiscuous = !filters;
            if (filters)
            {
                ReceiveStatic(port);
                kernel.DeviceControl.AddPromiscuity(port.Device, -1);
            }
            else
            {
                kernel.DeviceControl.AddPromiscuity(port.Device, 1);
                ReceiveStaticNoMore(port);
            }
        }
    }

    /// <summary>Ports came, went, or flood and learn now or no more (nbp_update_port_count).</summary>
    public void CountAutomaticPorts(BridgeState bridge)
    {
        int count = bridge.Ports.Count(static port => port.IsAutomatic);
        if (count != bridge.AutomaticPorts)
        {
            bridge.AutomaticPorts = count;
            ManagePromiscuity(bridge);
        }
    }

    /// <summary>An entry of the database has become one that stays: ports that filter receive its address (fdb_add_hw_addr).</summary>
    public static void BecameStatic(BridgeState bridge, ForwardingEntry entry)
    {
        foreach (BridgePort port in Filtering(bridge))
        {
            DeviceControl.AddUnicast(port.Device, entry.Mac);
        }
    }

    /// <summary>It stays no longer (fdb_del_hw_addr).</summary>
    public static void IsStaticNoMore(BridgeState bridge, ForwardingEntry entry)
    {
        foreach (BridgePort port in Filtering(bridge))
        {
            DeviceControl.RemoveUnicast(port.Device, entry.Mac);
        }
    }

    private static BridgePort[] Filtering(BridgeState bridge) => [.. bridge.Ports.AsEnumerable().Reverse().Where(static port => !port.IsPromiscuous)];

    private static void ReceiveStatic(BridgePort port)
    {
        foreach (ForwardingEntry entry in Static(port.Bridge))
        {
            DeviceControl.AddUnicast(port.Device, entry.Mac);
        }
    }

    private static void ReceiveStaticNoMore(BridgePort port)
    {
        foreach (ForwardingEntry entry in Static(port.Bridge))
        {
            DeviceControl.RemoveUnicast(port.Device, entry.Mac);
        }
    }

    /// <summary>A port that came does not hear everything: it receives what is known for good (br_add_if).</summary>
    private static void StartFilter(BridgePort port)
    {
        if (!port.IsPromiscuous && port.Device.FiltersUnicast)
        {
            ReceiveStatic(port);
        }
    }

    /// <summary>A port leaves (nbp_delete_promisc).</summary>
    private void EndPromiscuity(BridgePort port)
    {
        DeviceControl.AddAllMulticast(port.Device, -1);
        if (port.IsPromiscuous)
        {
            kernel.DeviceControl.AddPromiscuity(port.Device, -1);
        }
        else
        {
            ReceiveStaticNoMore(port);
        }
    }

    private static ForwardingEntry[] Static(BridgeState bridge) => [.. bridge.Database.Entries.Where(static entry => entry.IsStatic).Reverse()];
}
