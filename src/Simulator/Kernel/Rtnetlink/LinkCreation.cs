using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What each kind of link does with RTM_NEWLINK: validation, creation and change of its own attributes.</summary>
internal sealed partial class LinkCreation(SimulatedKernel kernel)
{
    /// <summary>rtnl_newlink_create.</summary>
    public Verdict Create(LinkKind kind, LinkRequest request, AttributeSet? data, Requester requester)
    {
        AttributeSet attributes = request.Attributes;
        // What stands on another device is named when that is found (register_netdevice).
        Verdict verdict = Allocate(kind, attributes, request.Index, hasName: kind.Name != "veth" && !kind.NeedsLower, out NetworkDevice? device);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        NetworkDevice? lower = null;
        if (kind.NeedsLower)
        {
            Verdict found = FindLower(kind.Name, attributes, data, out lower);
            if (found.Error != LinuxError.None)
            {
                return found;
            }
        }

        verdict = kind.Name switch
        {
            "veth" => CreateVeth(device!, request.Index > 0, attributes, data, requester),
            "bridge" => CreateBridge(device!, attributes, data),
            "vlan" => CreateVlan(device!, attributes, data!, lower!),
            "macvlan" or "macvtap" => CreateMacvlan(device!, attributes, data, lower!),
            "vrf" => CreateVrf(device!, data),
            "bond" => CreateBond(device!, data),
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
        { KindState: MacvlanState macvlan } => ChangeMacvlan(device, macvlan, data),
        { KindState: BondState bond } => ChangeBond(device, bond, data),
        _ => LinuxError.EOPNOTSUPP,
    };

    /// <summary>The device is there: its flags are set and everybody is told of it (rtnl_configure_link).</summary>
    private Verdict Configure(NetworkDevice device, DeviceFlags flags, DeviceFlags change, Requester requester)
    {
        if (flags != 0 || change != 0)
        {
            DeviceFlags wanted = change == 0 ? flags : flags & change | device.ShownFlags & ~change;
            LinuxError error = kernel.DeviceControl.SetFlags(device, wanted);
            if (error != LinuxError.None)
            {
                kernel.DeviceControl.Unregister([device]);
                return error;
            }

            kernel.DeviceControl.NotifyLink(device, uint.MaxValue, requester);
            if (device.IsUp)
            {
                kernel.DeviceControl.AfterUp(device);
            }

            return Verdict.Success;
        }

        kernel.DeviceControl.NotifyLink(device, uint.MaxValue, requester);
        return Verdict.Success;
    }

    /// <summary>The name that a device gets for the one it asks for (dev_get_valid_name): free, and with a number for "%d".</summary>
    private Verdict ChooseName(ref string name)
    {
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

        return kernel.Devices.Find(name) is not null ? LinuxError.EEXIST : Verdict.Success;
    }

    private Verdict Allocate(LinkKind kind, AttributeSet attributes, int index, bool hasName, out NetworkDevice? device)
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

        if (attributes.Bytes(IFLA_BROADCAST)?.Length < kind.AddressLength)
        {
            return LinuxError.EINVAL;
        }

        string name = attributes.Text(IFLA_IFNAME) ?? kind.Name + "%d";
        if (hasName && ChooseName(ref name) is { Error: not LinuxError.None } refused)
        {
            return refused;
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

        if (attributes.Bytes(IFLA_BROADCAST) is { Length: >= 6 } broadcast)
        {
            device.BroadcastAddress = broadcast[..6];
        }

        return Verdict.Success;
    }

    /// <summary>Gives a device the name that was asked for, if it can have that.</summary>
    private Verdict Name(NetworkDevice device)
    {
        string name = device.Name;
        Verdict verdict = ChooseName(ref name);
        device.Name = name;
        return verdict;
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

        if (lower is not null && Name(device) is { Error: not LinuxError.None } refused)
        {
            return refused;
        }

        Register(device);
        lower?.Uppers.Add(device);
        return Verdict.Success;
    }

    private Verdict CreateVeth(NetworkDevice device, bool hasIndex, AttributeSet attributes, AttributeSet? data, Requester requester)
    {
        byte[]? peerInfo = data?.Bytes(VETH_INFO_PEER);
        AttributeSet peerAttributes = attributes;
        DeviceFlags peerFlags = 0;
        DeviceFlags peerChange = 0;
        int peerIndex = 0;
        if (peerInfo is not null)
        {
            if (!AttributeSet.TryParse(peerInfo.AsSpan(16), data!.Offset(VETH_INFO_PEER) + 20, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.Liberal, out peerAttributes, out Verdict parsed))
            {
                return parsed;
            }

            // A number for the peer is heeded only where the device was given one too.
            peerIndex = hasIndex ? BinaryPrimitives.ReadInt32LittleEndian(peerInfo.AsSpan(4)) : 0;
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
            AttributeSet.TryParse([], 0, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.Liberal, out peerAttributes, out _);
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
        Verdict verdict = new LinkCreation(target).Allocate(kind, peerAttributes, peerIndex, hasName: true, out NetworkDevice? peer);
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

        // The device gets its name when the peer is there, which may have taken it.
        verdict = Name(device);
        if (verdict.Error != LinuxError.None)
        {
            target.DeviceControl.Unregister([peer!]);
            return verdict;
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
        bridge.HasFixedMtu = attributes.Has(IFLA_MTU);
        Register(device);
        kernel.Bridges.BridgeCreated(bridge);
        if (attributes.Has(IFLA_ADDRESS))
        {
            kernel.Bridges.AddressSetByHand(bridge, device.HardwareAddress);
        }

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

    private Verdict CreateBond(NetworkDevice device, AttributeSet? data)
    {
        var bond = new BondState();
        LinuxError error = data is null ? LinuxError.None : bond.Change(data);
        if (error != LinuxError.None)
        {
            return error;
        }

        device.KindState = bond;
        device.HasCarrier = false;
        Register(device);
        return Verdict.Success;
    }

    private Verdict ChangeBond(NetworkDevice device, BondState bond, AttributeSet data)
    {
        LinuxError error = bond.Change(data);
        if (error == LinuxError.None)
        {
            kernel.Bonds.Settle(device, bond);
        }

        return error;
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
