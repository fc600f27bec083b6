using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What each kind of link does with RTM_NEWLINK: validation, creation and change of its own attributes.</summary>
internal sealed class LinkCreation(SimulatedKernel kernel)
{
    public static PolicyTable DataPolicy(string kind) => kind switch
    {
        "bridge" => BridgeAttributes.Policy,
        "vlan" => LinkPolicy.Vlan,
        "veth" => LinkPolicy.Veth,
        "macvlan" or "macvtap" => LinkPolicy.Macvlan,
        "vrf" => LinkPolicy.Vrf,
        "vxlan" => VxlanState.Policy,
        _ => LinkPolicy.None,
    };

    /// <summary>The kind's validate callback: looks at the request alone.</summary>
    public static Verdict Validate(string kind, AttributeSet attributes, AttributeSet? data)
    {
        if (attributes.Bytes(IFLA_ADDRESS) is { } address && kind is "bridge" or "vlan" or "veth" or "macvlan" or "dummy" or "ifb" or "vxlan" or "bond" or "vrf")
        {
            (LinuxError Error, string? Text) wrongLength = kind == "vlan" ? (LinuxError.EINVAL, "8021q: Invalid link address") : (LinuxError.EINVAL, null);
            (LinuxError Error, string? Text) notUnicast = kind == "vlan" ? (LinuxError.EADDRNOTAVAIL, "8021q: Invalid link address") : (LinuxError.EADDRNOTAVAIL, null);
            if (attributes.Bytes(IFLA_ADDRESS)!.Length != 6)
            {
                return new Verdict(wrongLength.Error, wrongLength.Text);
            }

            byte[] mac = attributes.Bytes(IFLA_ADDRESS)!;
            if ((mac[0] & 1) != 0 || mac.AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                return new Verdict(notUnicast.Error, notUnicast.Text);
            }
        }

        switch (kind)
        {
            case "vlan":
                if (data is null)
                {
                    return new Verdict(LinuxError.EINVAL, "8021q: VLAN properties not specified");
                }

                if (data.U16(IFLA_VLAN_PROTOCOL) is { } protocol && BinaryPrimitives.ReverseEndianness(protocol) is not (0x8100 or 0x88a8))
                {
                    return new Verdict(LinuxError.EPROTONOSUPPORT, "8021q: Invalid VLAN protocol");
                }

                if (data.U16(IFLA_VLAN_ID) is >= 4095)
                {
                    return new Verdict(LinuxError.ERANGE, "8021q: Invalid VLAN id");
                }

                if (data.Bytes(IFLA_VLAN_FLAGS) is { Length: >= 8 } flags
                    && (BinaryPrimitives.ReadUInt32LittleEndian(flags) & BinaryPrimitives.ReadUInt32LittleEndian(flags.AsSpan(4)) & ~0x1fu) != 0)
                {
                    return new Verdict(LinuxError.EINVAL, "8021q: Invalid VLAN flags");
                }

                return Verdict.Success;
            case "veth" when attributes.U32(IFLA_MTU) is < 68 or > 65535:
                return LinuxError.EINVAL;
            case "vrf" when data is null:
                return Verdict.Success;
            case "bridge" when data?.U16(8) is { } vlanProtocol && BinaryPrimitives.ReverseEndianness(vlanProtocol) is not (0x8100 or 0x88a8):
                return LinuxError.EPROTONOSUPPORT;
            case "bridge" when data?.U16(39) is >= 4095:
                return LinuxError.EINVAL;
            default:
                return Verdict.Success;
        }
    }

    /// <summary>rtnl_newlink_create.</summary>
    public Verdict Create(LinkKind kind, LinkRequest request, AttributeSet? data, Requester requester)
    {
        AttributeSet attributes = request.Attributes;
        NetworkDevice? lower = null;
        if (kind.NeedsLower)
        {
            Verdict found = FindLower(kind.Name, attributes, data, out lower);
            if (found.Error != LinuxError.None)
            {
                return found;
            }
        }

        Verdict verdict = Allocate(kind, attributes, request.Index, null, out NetworkDevice? device);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        verdict = kind.Name switch
        {
            "veth" => CreateVeth(device!, attributes, data, requester),
            "bridge" => CreateBridge(device!, attributes, data),
            "vlan" => CreateVlan(device!, attributes, data!, lower!),
            "macvlan" or "macvtap" => CreateMacvlan(device!, attributes, data, lower!),
            "vrf" => CreateVrf(device!, data),
            "vxlan" => CreateVxlan(device!, attributes, data),
            _ => CreatePlain(device!, kind, attributes, lower),
        };
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        verdict = Configure(device!, request.Flags, request.Change, requester);
        if (device!.KindState is VxlanState vxlan && vxlan.DefaultEntry(device, RTM_NEWNEIGH) is { } entry)
        {
            kernel.RouteEvents.Publish(RTNLGRP_NEIGH, entry);
        }

        if (verdict.Error == LinuxError.None && attributes.U32(IFLA_MASTER) is { } master && master != 0)
        {
            verdict = new LinkVerbs(kernel).SetMaster(device!, (int)master);
            if (verdict.Error != LinuxError.None)
            {
                kernel.DeviceControl.Unregister([device!]);
            }
        }

        return verdict;
    }

    /// <summary>The kind's changelink callback.</summary>
    public Verdict Change(NetworkDevice device, AttributeSet attributes, AttributeSet data) => device switch
    {
        { Bridge: { } bridge } => BridgeChanges.ChangeBridge(kernel, bridge, data),
        { Vlan: { } vlan } => ChangeVlan(vlan, data),
        { KindState: MacvlanState macvlan } => ChangeMacvlan(macvlan, data),
        _ => LinuxError.EOPNOTSUPP,
    };

    /// <summary>The device is there: its flags are set and everybody is told of it (rtnl_configure_link).</summary>
    private Verdict Configure(NetworkDevice device, DeviceFlags flags, DeviceFlags change, Requester requester)
    {
        if (flags != 0 || change != 0)
        {
            DeviceFlags wanted = change == 0 ? flags : flags & change | device.ShownFlags & ~change;
            bool up = (wanted & DeviceFlags.Up) != 0;
            if (up)
            {
                LinuxError error = kernel.DeviceControl.Open(device, notify: false);
                if (error != LinuxError.None)
                {
                    kernel.DeviceControl.Unregister([device]);
                    return error;
                }
            }

            kernel.DeviceControl.NotifyLink(device, uint.MaxValue, requester);
            if (up)
            {
                kernel.DeviceControl.AfterUp(device);
            }

            return Verdict.Success;
        }

        kernel.DeviceControl.NotifyLink(device, uint.MaxValue, requester);
        return Verdict.Success;
    }

    private Verdict Allocate(LinkKind kind, AttributeSet attributes, int index, string? defaultName, out NetworkDevice? device)
    {
        device = null;
        uint transmitQueues = attributes.U32(IFLA_NUM_TX_QUEUES) ?? (kind.Queues == 0 ? kernel.Profile.Processors : kind.Queues);
        uint receiveQueues = attributes.U32(IFLA_NUM_RX_QUEUES) ?? (kind.Queues == 0 ? kernel.Profile.Processors : kind.Queues);
        if (transmitQueues is < 1 or > 4096)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid number of transmit queues");
        }

        if (receiveQueues is < 1 or > 4096)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid number of receive queues");
        }

        string name = attributes.Text(IFLA_IFNAME) ?? defaultName ?? kind.Name + "%d";
        if (!LinkVerbs.IsValidName(name))
        {
            return LinuxError.EINVAL;
        }

        if (name.Contains('%', StringComparison.Ordinal))
        {
            if (name.Split("%d").Length != 2 || name.Replace("%d", "", StringComparison.Ordinal).Contains('%', StringComparison.Ordinal))
            {
                return LinuxError.EINVAL;
            }

            name = kernel.Devices.NameFor(name);
        }

        if (kernel.Devices.Find(name) is not null)
        {
            return LinuxError.EEXIST;
        }

        if (index > 0 && kernel.Devices.Find(index) is not null)
        {
            return LinuxError.EBUSY;
        }

        device = new NetworkDevice(kernel, index, name, kind.Name)
        {
            HardwareType = kind.HardwareType,
            Flags = kind.Flags,
            Mtu = kind.Mtu,
            MinimumMtu = kind.MinimumMtu,
            MaximumMtu = kind.MaximumMtu,
            TransmitQueueLength = attributes.U32(IFLA_TXQLEN) ?? kind.TransmitQueueLength,
            TransmitQueues = transmitQueues,
            ReceiveQueues = receiveQueues,
            HasNoQueue = kind.HasNoQueue,
            TsoMaximumSize = kind.Name is "ifb" or "dummy" && kernel.Profile.IsAtLeast(6, 17) ? 524280 : kind.TsoMaximumSize,
            IsBoundToNamespace = kind.IsBoundToNamespace,
            Group = attributes.U32(IFLA_GROUP) ?? 0,
            LinkMode = attributes.U8(IFLA_LINKMODE) ?? 0,
        };
        if (attributes.U32(IFLA_MTU) is { } mtu)
        {
            Verdict verdict = LinkVerbs.CheckMtu(device, mtu);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            device.Mtu = mtu;
        }

        if (attributes.Bytes(IFLA_ADDRESS) is { } address)
        {
            device.HardwareAddress = address;
            device.AddressAssignType = 3;
        }
        else if (kind.AddressLength == 6)
        {
            device.HardwareAddress = kernel.NewDeviceHint?.Invoke(name)?.Mac ?? kernel.Random.NextMac();
        }

        if (attributes.Bytes(IFLA_BROADCAST) is { Length: 6 } broadcast)
        {
            device.BroadcastAddress = broadcast;
        }

        return Verdict.Success;
    }

    private void Register(NetworkDevice device)
    {
        if (device.Index == 0)
        {
            device.Index = kernel.NewDeviceHint?.Invoke(device.Name) is { } hint && kernel.Devices.Find(hint.Index) is null ? hint.Index : kernel.Devices.AllocateIndex();
        }

        kernel.DeviceControl.Register(device);
    }

    private Verdict CreatePlain(NetworkDevice device, LinkKind kind, AttributeSet attributes, NetworkDevice? lower)
    {
        if (lower is not null)
        {
            // A device hands its packets to one receiver only.
            if (lower.Port is not null || lower.Uppers.Exists(static upper => upper.KindState is MacvlanState))
            {
                return LinuxError.EBUSY;
            }

            device.Lower = lower;
            device.Mtu = lower.Mtu;
        }

        if (kind.HasOnlyAppearance)
        {
            byte[]? data = attributes.Nest(IFLA_LINKINFO, LinkPolicy.Info, out _)?.Bytes(IFLA_INFO_DATA);
            device.KindState = new TunnelState { Attributes = data ?? [], HasData = data is not null };
        }

        if (kind.AddressLength is 0 or 4 or 16)
        {
            device.HardwareAddress = new byte[kind.AddressLength];
            device.BroadcastAddress = new byte[kind.AddressLength];
        }

        Register(device);
        lower?.Uppers.Add(device);
        return Verdict.Success;
    }

    private Verdict CreateVeth(NetworkDevice device, AttributeSet attributes, AttributeSet? data, Requester requester)
    {
        byte[]? peerInfo = data?.Bytes(VETH_INFO_PEER);
        AttributeSet peerAttributes = attributes;
        DeviceFlags peerFlags = 0;
        DeviceFlags peerChange = 0;
        int peerIndex = 0;
        if (peerInfo is not null)
        {
            if (!AttributeSet.TryParse(peerInfo.AsSpan(16), data!.Offset(VETH_INFO_PEER) + 20, LinkPolicy.Link, AttributeStrictness.Liberal, out peerAttributes, out Verdict parsed))
            {
                return parsed;
            }

            peerIndex = BinaryPrimitives.ReadInt32LittleEndian(peerInfo.AsSpan(4));
            peerFlags = (DeviceFlags)BinaryPrimitives.ReadUInt32LittleEndian(peerInfo.AsSpan(8));
            peerChange = (DeviceFlags)BinaryPrimitives.ReadUInt32LittleEndian(peerInfo.AsSpan(12));
            if (peerAttributes.Bytes(IFLA_ADDRESS) is { } mac)
            {
                if (mac.Length != 6)
                {
                    return LinuxError.EINVAL;
                }

                if ((mac[0] & 1) != 0 || mac.AsSpan().IndexOfAnyExcept((byte)0) < 0)
                {
                    return LinuxError.EADDRNOTAVAIL;
                }
            }
        }
        else
        {
            AttributeSet.TryParse([], 0, LinkPolicy.Link, AttributeStrictness.Liberal, out peerAttributes, out _);
        }

        SimulatedKernel target = kernel;
        if (peerAttributes.U32(IFLA_NET_NS_PID) is { } pid)
        {
            if (kernel.NamespaceResolver?.Invoke(false, (int)pid) is not { } other)
            {
                return LinuxError.ESRCH;
            }

            target = other;
        }
        else if (peerAttributes.U32(IFLA_NET_NS_FD) is { } descriptor)
        {
            if (kernel.NamespaceResolver?.Invoke(true, (int)descriptor) is not { } other)
            {
                return LinuxError.EINVAL;
            }

            target = other;
        }

        LinkKind kind = LinkKinds.Find(kernel, "veth")!;
        Verdict verdict = new LinkCreation(target).Allocate(kind, peerAttributes, peerIndex, "veth%d", out NetworkDevice? peer);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        if ((peerFlags & (peerChange == 0 ? (DeviceFlags)uint.MaxValue : peerChange) & DeviceFlags.Up) != 0)
        {
            // A peer can't be set up before it has one itself.
            return LinuxError.ENOTCONN;
        }

        new LinkCreation(target).Register(peer!);
        target.DeviceControl.SetCarrier(peer!, false);
        verdict = new LinkCreation(target).Configure(peer!, peerFlags, peerChange, requester);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        if (attributes.Text(IFLA_IFNAME) is not { Length: > 0 } asked || asked.Contains('%', StringComparison.Ordinal))
        {
            // The peer may have taken the name.
            device.Name = kernel.Devices.NameFor(attributes.Text(IFLA_IFNAME) ?? "veth%d");
        }

        if (kernel.Devices.Find(device.Name) is not null)
        {
            target.DeviceControl.Unregister([peer!]);
            return LinuxError.EEXIST;
        }

        Register(device);
        kernel.DeviceControl.SetCarrier(device, false);
        device.Peer = peer;
        peer!.Peer = device;
        if (peer.IsUp)
        {
            kernel.Datapath?.DeviceChanged(peer);
        }

        return Verdict.Success;
    }

    private Verdict CreateBridge(NetworkDevice device, AttributeSet attributes, AttributeSet? data)
    {
        var bridge = new BridgeState(device);
        device.Bridge = bridge;
        bridge.HasFixedAddress = attributes.Has(IFLA_ADDRESS);
        bridge.HasFixedMtu = attributes.Has(IFLA_MTU);
        Register(device);
        kernel.Bridges.BridgeCreated(bridge);
        if (data is not null)
        {
            Verdict verdict = BridgeChanges.ChangeBridge(kernel, bridge, data);
            if (verdict.Error != LinuxError.None)
            {
                kernel.Bridges.BridgeGoes(bridge);
                kernel.DeviceControl.Unregister([device]);
                return verdict;
            }
        }

        return Verdict.Success;
    }

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
            vlan.EgressMap.RemoveAll(entry => entry.From == from);
            vlan.EgressMap.Add((from, to));
        }

        return Verdict.Success;
    }

    private static List<(uint From, uint To)> Mappings(byte[]? nest)
    {
        var mappings = new List<(uint, uint)>();
        var walk = new AttributeReader(nest);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.TryGet(out ulong pair))
            {
                mappings.Add(((uint)pair, (uint)(pair >> 32)));
            }
        }

        return mappings;
    }

    private Verdict CreateMacvlan(NetworkDevice device, AttributeSet attributes, AttributeSet? data, NetworkDevice lower)
    {
        if (lower.IsLoopback || lower.HardwareType != 1)
        {
            return LinuxError.EINVAL;
        }

        var macvlan = new MacvlanState { Mode = data?.U32(1) ?? 2, BroadcastQueueLength = data?.U32(7) ?? 1000, Flags = data?.U16(2) ?? 0 };
        NetworkDevice[] siblings = [.. lower.Uppers.Where(static upper => upper.KindState is MacvlanState)];
        if (macvlan.Mode is not (1 or 2 or 4 or 8 or 16))
        {
            return LinuxError.EINVAL;
        }

        if (Array.Exists(siblings, static sibling => sibling.KindState is MacvlanState { Mode: 8 }) || (macvlan.Mode == 8 && siblings.Length > 0))
        {
            return LinuxError.EINVAL;
        }

        if (lower.Port is not null)
        {
            return LinuxError.EBUSY;
        }

        device.KindState = macvlan;
        device.Lower = lower;
        if (!attributes.Has(IFLA_MTU))
        {
            device.Mtu = lower.Mtu;
        }
        else if (device.Mtu > lower.Mtu)
        {
            device.Mtu = lower.Mtu;
        }

        if (macvlan.Mode == 8)
        {
            device.HardwareAddress = [.. lower.HardwareAddress];
        }

        device.TsoMaximumSize = lower.TsoMaximumSize;
        device.HasCarrier = false;
        Register(device);
        lower.Uppers.Add(device);
        lower.Kernel.DeviceControl.NotifyLink(lower);
        kernel.DeviceControl.SetCarrier(device, lower.HasCarrier, count: false);
        DeviceControl.UpdateOperationalState(device);
        return Verdict.Success;
    }

    private static Verdict ChangeMacvlan(MacvlanState macvlan, AttributeSet data)
    {
        macvlan.Mode = data.U32(1) ?? macvlan.Mode;
        macvlan.Flags = data.U16(2) ?? macvlan.Flags;
        macvlan.BroadcastQueueLength = data.U32(7) ?? macvlan.BroadcastQueueLength;
        return Verdict.Success;
    }

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

    private Verdict CreateVrf(NetworkDevice device, AttributeSet? data)
    {
        if (data?.U32(1) is not { } table)
        {
            return new Verdict(LinuxError.EINVAL, "VRF table id is missing");
        }

        if (table == 0)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid VRF table id");
        }

        device.KindState = new VrfState { Table = table };
        Register(device);
        RuleVerbs.AddMasterRules(kernel);
        return Verdict.Success;
    }
}
