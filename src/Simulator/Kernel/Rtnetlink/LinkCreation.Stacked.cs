using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>Links that stand on others: VLAN devices, macvlans, VXLAN tunnels.</content>
internal sealed partial class LinkCreation
{
    private Verdict FindLower(string kind, AttributeSet attributes, AttributeSet? data, out NetworkDevice? lower)
    {
        lower = null;
        bool isVlan = kind == "vlan";
        if (isVlan && data?.Has(IFLA_VLAN_ID) != true)
        {
            return new Verdict(LinuxError.EINVAL, "8021q: VLAN id not specified");
        }

        if (attributes.U32(IFLA_LINK) is not { } index)
        {
            return isVlan ? new Verdict(LinuxError.EINVAL, "8021q: link not specified") : LinuxError.EINVAL;
        }

        lower = kernel.Devices.Find((int)index);
        if (lower is null)
        {
            return isVlan ? new Verdict(LinuxError.ENODEV, "8021q: link does not exist") : LinuxError.ENODEV;
        }

        // A macvlan of a macvlan stands beside it.
        lower = kind is "macvlan" or "macvtap" && lower is { KindState: MacvlanState, Lower: { } real } ? real : lower;
        return Verdict.Success;
    }

    private Verdict CreateVlan(NetworkDevice device, AttributeSet attributes, AttributeSet data, NetworkDevice lower)
    {
        ushort id = data.U16(IFLA_VLAN_ID)!.Value;
        ushort protocol = data.U16(IFLA_VLAN_PROTOCOL) is { } given ? BinaryPrimitives.ReverseEndianness(given) : (ushort)0x8100;
        if (lower.IsLoopback || lower.HardwareAddress.Length != 6)
        {
            return new Verdict(LinuxError.EOPNOTSUPP, "8021q: VLANs not supported on device");
        }

        if (lower.Uppers.Exists(upper => upper.Vlan is { } other && other.Id == id && other.Protocol == protocol))
        {
            return new Verdict(LinuxError.EEXIST, "8021q: VLAN device already exists");
        }

        if (!attributes.Has(IFLA_MTU))
        {
            device.Mtu = lower.Mtu;
        }
        else if (device.Mtu > lower.Mtu)
        {
            return LinuxError.EINVAL;
        }

        var vlan = new VlanOptions { Id = id, Protocol = protocol };
        device.Vlan = vlan;
        device.Lower = lower;
        if (!attributes.Has(IFLA_ADDRESS))
        {
            device.HardwareAddress = [.. lower.HardwareAddress];
            device.AddressAssignType = 2;
        }

        device.Flags = lower.Flags & ~(DeviceFlags.Up | DeviceFlags.Promiscuous | DeviceFlags.AllMulticast | DeviceFlags.Master | DeviceFlags.Slave);
        device.TsoMaximumSize = lower.TsoMaximumSize;
        device.HasCarrier = false;
        Verdict verdict = ChangeVlan(vlan, data);
        verdict = verdict.Error == LinuxError.None ? Name(device) : verdict;
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        Register(device);
        lower.Uppers.Add(device);
        if ((vlan.Flags & (VlanOptions.Gvrp | VlanOptions.Mvrp)) != 0)
        {
            ReceiveFilter.Join(lower, ReceiveFilter.VlanRegistration);
        }

        lower.Kernel.DeviceControl.NotifyLink(lower);
        kernel.DeviceControl.SetCarrier(device, lower.HasCarrier, count: false);
        DeviceControl.UpdateOperationalState(device);
        return Verdict.Success;
    }

    private static Verdict ChangeVlan(VlanOptions vlan, AttributeSet data)
    {
        if (data.Bytes(IFLA_VLAN_FLAGS) is { Length: >= 8 } flags)
        {
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(flags);
            uint mask = BinaryPrimitives.ReadUInt32LittleEndian(flags.AsSpan(4));
            if ((mask & ~0x1fu) != 0)
            {
                return LinuxError.EINVAL;
            }

            vlan.Flags = vlan.Flags & ~mask | value & mask;
        }

        foreach ((uint from, uint to) in Mappings(data.Bytes(IFLA_VLAN_INGRESS_QOS)))
        {
            vlan.IngressMap[from & 7] = to;
        }

        foreach ((uint from, uint to) in Mappings(data.Bytes(IFLA_VLAN_EGRESS_QOS)))
        {
            // Three bits of the tag; none is the same as no mapping.
            vlan.EgressMap.RemoveAll(entry => entry.From == from);
            if ((to & 7) != 0)
            {
                vlan.EgressMap.Add((from, to & 7));
            }
        }

        return Verdict.Success;
    }

    private static List<(uint From, uint To)> Mappings(byte[]? nest)
    {
        var mappings = new List<(uint, uint)>();
        var walk = new AttributeReader(nest);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == IFLA_VLAN_QOS_MAPPING && attribute.TryGet(out ulong pair))
            {
                mappings.Add(((uint)pair, (uint)(pair >> 32)));
            }
        }

        return mappings;
    }

    private Verdict CreateMacvlan(NetworkDevice device, AttributeSet attributes, AttributeSet? data, NetworkDevice lower)
    {
        if ((attributes.Has(IFLA_MTU) && device.Mtu > lower.Mtu) || lower.IsLoopback || lower.HardwareType != 1)
        {
            return LinuxError.EINVAL;
        }

        var macvlan = new MacvlanState { Mode = data?.U32(1) ?? 2, BroadcastQueueLength = data?.U32(7) ?? 1000, Flags = data?.U16(2) ?? 0 };
        NetworkDevice[] siblings = [.. lower.Uppers.Where(static upper => upper.KindState is MacvlanState)];
        if (lower.Port is not null || lower.Master?.KindState is BondState)
        {
            return LinuxError.EBUSY;
        }

        if (Array.Exists(siblings, static sibling => sibling.KindState is MacvlanState { Mode: MacvlanState.Passthrough }) || (macvlan.Mode == MacvlanState.Passthrough && siblings.Length > 0))
        {
            return LinuxError.EINVAL;
        }

        LinuxError listed = ChangeSources(macvlan, data);
        if (listed != LinuxError.None)
        {
            return listed;
        }

        device.KindState = macvlan;
        device.Lower = lower;
        device.Mtu = attributes.Has(IFLA_MTU) ? device.Mtu : lower.Mtu;
        device.MaximumMtu = lower.MaximumMtu;
        if (macvlan.Mode == MacvlanState.Passthrough)
        {
            device.HardwareAddress = [.. lower.HardwareAddress];
            macvlan.LowerAddress = [.. lower.HardwareAddress];
        }

        device.TsoMaximumSize = lower.TsoMaximumSize;
        device.HasCarrier = false;
        Verdict named = Name(device);
        if (named.Error != LinuxError.None)
        {
            return named;
        }

        Register(device);
        lower.Uppers.Add(device);
        lower.Kernel.DeviceControl.NotifyLink(lower);
        kernel.DeviceControl.SetCarrier(device, lower.HasCarrier, count: false);
        DeviceControl.UpdateOperationalState(device);
        return Verdict.Success;
    }

    private static Verdict ChangeMacvlan(NetworkDevice device, MacvlanState macvlan, AttributeSet data)
    {
        uint mode = data.U32(1) ?? macvlan.Mode;
        if ((mode == MacvlanState.Passthrough) != (macvlan.Mode == MacvlanState.Passthrough))
        {
            return LinuxError.EINVAL;
        }

        if (mode != macvlan.Mode)
        {
            macvlan.Sources.Clear();
        }

        if (data.U16(2) is { } flags)
        {
            DeviceControl.SetHearsAll(device, macvlan, flags);
        }

        macvlan.BroadcastQueueLength = data.U32(7) ?? macvlan.BroadcastQueueLength;
        macvlan.Mode = mode;
        return ChangeSources(macvlan, data);
    }

    private static LinuxError ChangeSources(MacvlanState macvlan, AttributeSet? data) =>
        data?.U32(3) is not { } mode ? LinuxError.None
        : macvlan.Mode != MacvlanState.Source ? LinuxError.EINVAL
        : macvlan.ChangeSources(mode, data.Bytes(4), data.Bytes(5));

    private Verdict CreateVxlan(NetworkDevice device, AttributeSet attributes, AttributeSet? data)
    {
        if (data is null)
        {
            return new Verdict(LinuxError.EINVAL, "vxlan: Required attributes not provided to perform the operation");
        }

        if (data.U32(1) is >= 1 << 24)
        {
            return new Verdict(LinuxError.ERANGE, "vxlan: VXLAN ID out of range");
        }

        if (data.U32(1) is null && data.U8(25) is not > 0)
        {
            return LinuxError.EINVAL;
        }

        var vxlan = new VxlanState { Options = data };
        NetworkDevice? lower = null;
        if (data.U32(3) is { } link and not 0)
        {
            lower = kernel.Devices.Find((int)link);
            if (lower is null)
            {
                return new Verdict(LinuxError.ENODEV, "vxlan: Invalid local interface, device not found");
            }
        }

        if (vxlan.Remote is { } group && IsMulticast(group) && lower is null)
        {
            return new Verdict(LinuxError.EINVAL, "vxlan: Local interface required for multicast remote destination");
        }

        device.KindState = vxlan;
        device.Headroom = kernel.Profile.IsAtLeast(6, 17) ? data.U8(25) is > 0 || data.Has(16) ? (ushort)84 : (ushort)64 : (ushort)0;
        if (lower is not null)
        {
            device.TsoMaximumSize = lower.TsoMaximumSize;
            if (!attributes.Has(IFLA_MTU))
            {
                device.Mtu = lower.Mtu - (data.Has(16) ? 70u : 50u);
            }
        }

        Register(device);
        return Verdict.Success;

        static bool IsMulticast(byte[] address) => address.Length == 4 ? address[0] >> 4 == 14 : address[0] == 0xff;
    }
}
