using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Sets the options of bridges (br_changelink) and ports (br_setport) from a request's attributes.</summary>
internal static class BridgeChanges
{
    public static Verdict ChangeBridge(SimulatedKernel kernel, BridgeState bridge, AttributeSet data)
    {
        if (data.U32(1) is { } forwardDelay)
        {
            if (bridge.SpanningTree != 0 && forwardDelay is < 200 or > 3000 && bridge.SpanningTree != 0)
            {
                return LinuxError.ERANGE;
            }

            bridge.ForwardDelay = InJiffies(forwardDelay);
        }

        if (data.U32(2) is { } hello)
        {
            if (hello is < 100 or > 1000)
            {
                return LinuxError.ERANGE;
            }

            bridge.HelloTime = InJiffies(hello);
        }

        if (data.U32(3) is { } maximumAge)
        {
            if (maximumAge is < 600 or > 4000)
            {
                return LinuxError.ERANGE;
            }

            bridge.MaximumAge = InJiffies(maximumAge);
        }

        bridge.AgeingTime = data.U32(4) is { } ageing ? InJiffies(ageing) : bridge.AgeingTime;
        bridge.SpanningTree = data.U32(5) is { } spanning ? spanning == 0 ? 0 : 1u : bridge.SpanningTree;
        if (data.U16(6) is { } priority)
        {
            kernel.Bridges.SetPriority(bridge, priority);
        }

        if (!kernel.Profile.HasVlanFiltering && data.Has(7))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (kernel.Profile.HasVlanFiltering)
        {
            if (data.U8(7) is { } filtering && filtering != 0 != bridge.VlanFiltering)
            {
                bridge.VlanFiltering = filtering != 0;
                kernel.Bridges.ManagePromiscuity(bridge);
            }

            bridge.VlanProtocol = data.U16(8) is { } protocol ? BinaryPrimitives.ReverseEndianness(protocol) : bridge.VlanProtocol;
            bridge.ChooseGroupAddress();
            if (data.U16(39) is { } pvid)
            {
                kernel.Bridges.SetDefaultVlan(bridge, pvid);
            }

            if (data.U8(41) is > 1)
            {
                return LinuxError.EINVAL;
            }

            bridge.VlanStatistics = data.U8(41) is { } statistics ? statistics != 0 : bridge.VlanStatistics;
            if (data.Has(45) && bridge.Ports.Exists(static port => port.Vlans.Count > 0))
            {
                return LinuxError.EBUSY;
            }

            if (data.U8(45) is > 1)
            {
                return LinuxError.EINVAL;
            }

            bridge.VlanStatisticsPerPort = data.U8(45) is { } perPort ? perPort != 0 : bridge.VlanStatisticsPerPort;
        }

        if (data.U16(9) is { } mask)
        {
            if ((mask & 7) != 0)
            {
                return LinuxError.EINVAL;
            }

            bridge.GroupForwardMask = mask;
        }

        if (data.Bytes(20) is { } group)
        {
            if (group.Length != 6 || !group.AsSpan(0, 5).SequenceEqual<byte>([1, 0x80, 0xc2, 0, 0]) || (group[5] & 0xf0) != 0)
            {
                return LinuxError.EINVAL;
            }

            if (group[5] is 1 or 2 or 3)
            {
                return LinuxError.EINVAL;
            }

            bridge.GroupAddress = group;
            bridge.HasFixedGroupAddress = true;
        }

        if (data.U8(22) is > 2)
        {
            // MDB_RTR_TYPE_TEMP is of ports only.
            return LinuxError.EINVAL;
        }

        if (data.Has(21))
        {
            foreach (ForwardingEntry entry in bridge.Database.Entries.Where(static entry => !entry.IsStatic).ToArray())
            {
                kernel.Bridges.RemoveEntry(bridge, entry);
            }
        }

        bridge.MulticastRouter = data.U8(22) ?? bridge.MulticastRouter;
        bridge.MulticastSnooping = data.U8(23) is { } snooping ? snooping != 0 : bridge.MulticastSnooping;
        bridge.MulticastUsesInterfaceAddress = data.U8(24) is { } useAddress ? useAddress != 0 : bridge.MulticastUsesInterfaceAddress;
        bridge.MulticastQuerier = data.U8(25) is { } querier ? querier != 0 : bridge.MulticastQuerier;
        bridge.MulticastHashMaximum = data.U32(27) ?? bridge.MulticastHashMaximum;
        bridge.MulticastLastMemberCount = data.U32(28) ?? bridge.MulticastLastMemberCount;
        bridge.MulticastStartupQueryCount = data.U32(29) ?? bridge.MulticastStartupQueryCount;
        for (int index = 0; index < bridge.MulticastIntervals.Length; index++)
        {
            bridge.MulticastIntervals[index] = data.U64((ushort)(30 + index)) is { } interval ? interval & ~1UL : bridge.MulticastIntervals[index];
        }

        bridge.MulticastStatistics = data.U8(42) is { } counts ? counts != 0 : bridge.MulticastStatistics;
        if (data.U8(43) is { } igmp)
        {
            if (igmp is not (2 or 3))
            {
                return LinuxError.EINVAL;
            }

            bridge.MulticastIgmpVersion = igmp;
        }

        if (data.U8(44) is { } mld)
        {
            if (mld is not (1 or 2))
            {
                return LinuxError.EINVAL;
            }

            bridge.MulticastMldVersion = mld;
        }

        bridge.CallsIptables = data.U8(36) is { } iptables ? iptables != 0 : bridge.CallsIptables;
        bridge.CallsIp6tables = data.U8(37) is { } ip6tables ? ip6tables != 0 : bridge.CallsIp6tables;
        bridge.CallsArptables = data.U8(38) is { } arptables ? arptables != 0 : bridge.CallsArptables;
        if (data.Bytes(46) is { Length: 8 } options)
        {
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(options);
            uint selected = BinaryPrimitives.ReadUInt32LittleEndian(options.AsSpan(4));
            bridge.BooleanOptions = bridge.BooleanOptions & ~selected | value & selected;
        }

        bridge.MaximumLearned = data.U32(49) ?? bridge.MaximumLearned;
        kernel.Datapath?.DeviceChanged(bridge.Device);
        return Verdict.Success;
    }

    /// <summary>Hundredths of a second as they come back from a kernel that counts 250 ticks in a second.</summary>
    private static uint InJiffies(uint hundredths) => hundredths & ~1u;

    public static Verdict ChangePort(SimulatedKernel kernel, BridgePort port, AttributeSet data)
    {
        BridgePortFlags flags = port.Flags;
        foreach ((ushort type, BridgePortFlags flag) in BridgePortAttributes.FlagAttributes)
        {
            if (data.U8(type) is { } on)
            {
                flags = on != 0 ? flags | flag : flags & ~flag;
            }
        }

        const BridgePortFlags NeededByBypass = BridgePortFlags.Locked | BridgePortFlags.Learning;
        if ((flags & BridgePortFlags.MacAuthenticationBypass) != 0 && (flags & NeededByBypass) != NeededByBypass)
        {
            return new Verdict(LinuxError.EINVAL, "Bridge port must be locked and have learning enabled when MAB is enabled");
        }

        port.Flags = flags;
        kernel.Bridges.CountAutomaticPorts(port.Bridge);
        if (data.U32(BridgePortAttributes.IFLA_BRPORT_COST) is { } cost)
        {
            if (cost is < 1 or > 65535)
            {
                return LinuxError.ERANGE;
            }

            port.PathCost = cost;
        }

        if (data.U16(BridgePortAttributes.IFLA_BRPORT_PRIORITY) is { } priority)
        {
            if (priority > 63)
            {
                return LinuxError.ERANGE;
            }

            port.Priority = (byte)priority;
            port.DesignatedPort = (ushort)(port.Priority << 10 | port.Number);
        }

        if (data.U8(BridgePortAttributes.IFLA_BRPORT_STATE) is { } state && SetPortState(kernel, port, state) is { Error: not LinuxError.None } refused)
        {
            return refused;
        }

        if (data.Has(BridgePortAttributes.IFLA_BRPORT_FLUSH))
        {
            kernel.Bridges.ForgetLearned(port.Bridge, port);
        }

        if (data.U8(BridgePortAttributes.IFLA_BRPORT_MULTICAST_ROUTER) is { } router)
        {
            if (router > 3)
            {
                return LinuxError.EINVAL;
            }

            port.MulticastRouter = router;
        }

        if (kernel.Profile.IsAtLeast(6, 6))
        {
            port.BackupNextHop = data.U32(BridgePortAttributes.IFLA_BRPORT_BACKUP_NHID) ?? port.BackupNextHop;
        }

        port.HostsLimit = data.U32(BridgePortAttributes.IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT) ?? port.HostsLimit;
        port.MaximumMulticastGroups = data.U32(BridgePortAttributes.IFLA_BRPORT_MCAST_MAX_GROUPS) ?? port.MaximumMulticastGroups;
        if (data.U16(BridgePortAttributes.IFLA_BRPORT_GROUP_FWD_MASK) is { } mask)
        {
            // Pause frames (BR_GROUPFWD_MACPAUSE) are for the card alone.
            if ((mask & 2) != 0)
            {
                return LinuxError.EINVAL;
            }

            port.GroupForwardMask = mask;
        }

        if (data.U32(BridgePortAttributes.IFLA_BRPORT_BACKUP_PORT) is { } backup)
        {
            if (backup == 0)
            {
                port.BackupPort = null;
            }
            else if (kernel.Devices.Find((int)backup) is not { } other)
            {
                return LinuxError.ENOENT;
            }
            else if (other.Port?.Bridge != port.Bridge || other == port.Device)
            {
                return LinuxError.EINVAL;
            }
            else
            {
                port.BackupPort = other;
            }
        }

        kernel.Datapath?.DeviceChanged(port.Device);
        return Verdict.Success;
    }

    /// <summary>A port's state is user space's where no spanning tree is, or one of user space (br_set_port_state).</summary>
    public static Verdict SetPortState(SimulatedKernel kernel, BridgePort port, byte state)
    {
        if (state > (byte)BridgePortState.Blocking)
        {
            return LinuxError.EINVAL;
        }

        if (port.Bridge.SpanningTree == 1)
        {
            return LinuxError.EBUSY;
        }

        bool hasLink = port.Device.OperationalState is OperationalState.Up or OperationalState.Unknown;
        if (!port.Device.IsUp || (!hasLink && state != (byte)BridgePortState.Disabled))
        {
            return LinuxError.ENETDOWN;
        }

        kernel.Bridges.SetState(port, (BridgePortState)state);
        kernel.Bridges.SelectPortStates(port.Bridge);
        return Verdict.Success;
    }
}
