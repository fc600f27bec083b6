using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Makes the devices of a simulated kernel from the link messages of another kernel, without telling anybody.</summary>
internal static class LinkLoader
{
    /// <summary>Makes the device of an RTM_NEWLINK message (its payload, header included), or brings an existing one to the message's state.</summary>
    public static NetworkDevice? Load(SimulatedKernel kernel, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 16 || payload[0] != AF_UNSPEC)
        {
            return null;
        }

        var walk = new AttributeReader(payload[16..]);
        var values = new Dictionary<ushort, byte[]>();
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            values[attribute.Type] = attribute.Value.ToArray();
        }

        if (!values.TryGetValue(IFLA_IFNAME, out byte[]? rawName))
        {
            return null;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        string name = Text(rawName);
        if (kernel.Devices.Find(name) is { } other && other.Index != index)
        {
            // Another one had the name before.
            kernel.DeviceControl.Unregister([other]);
        }

        NetworkDevice? device = kernel.Devices.Find(index);
        bool isNew = device is null;
        device ??= Make(kernel, payload, values, index, name);
        if (device.Name != name)
        {
            string old = device.Name;
            kernel.Devices.Rename(device, name);
            kernel.Parameters.RenameDevice(old, name);
        }

        if (isNew)
        {
            device.HardwareAddress = values.GetValueOrDefault(IFLA_ADDRESS) ?? [];
            device.Mtu = 65535;
            kernel.Devices.Add(device);
            kernel.Parameters.AddDevice(device.Name);
            kernel.Inet6.DeviceRegistered(device);
            Connect(kernel, device, values);
            if (device.Bridge is { } bridge)
            {
                kernel.Bridges.BridgeCreated(bridge);
            }

            if (device.KindState is VrfState)
            {
                RuleVerbs.AddMasterRules(kernel);
            }
        }

        Apply(device, payload, values);

        return device;
    }

    private static NetworkDevice Make(SimulatedKernel kernel, ReadOnlySpan<byte> payload, Dictionary<ushort, byte[]> values, int index, string name)
    {
        (string kind, byte[] data) = Info(values);
        LinkKind? known = LinkKinds.Find(kernel, kind);
        var device = new NetworkDevice(kernel, index, name, kind)
        {
            HardwareType = BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]),
            HasNoQueue = known?.HasNoQueue ?? true,
            IsBoundToNamespace = values.TryGetValue(IFLA_NETNS_IMMUTABLE, out byte[]? bound) && bound[0] != 0,
        };
        switch (kind)
        {
            case "bridge":
                device.Bridge = new BridgeState(device);
                break;
            case "vlan":
                var vlan = new AttributeReader(data);
                device.Vlan = new VlanOptions
                {
                    Id = vlan.TryFind(IFLA_VLAN_ID, out NetlinkAttribute id) ? id.UInt16 : (ushort)0,
                    Protocol = vlan.TryFind(IFLA_VLAN_PROTOCOL, out NetlinkAttribute protocol) ? protocol.UInt16BigEndian : (ushort)0x8100,
                    Flags = vlan.TryFind(IFLA_VLAN_FLAGS, out NetlinkAttribute flags) ? flags.UInt32 : 0,
                };
                break;
            case "" or "veth" or "dummy" or "ifb":
                break;
            case "macvlan" or "macvtap":
                device.KindState = new MacvlanState();
                break;
            case "vxlan":
                AttributeSet.TryParse(data, 0, VxlanState.Shown, AttributeStrictness.Liberal, out AttributeSet vxlan, out _);
                device.KindState = new VxlanState { Options = vxlan };
                break;
            case "vrf":
                device.KindState = new VrfState { Table = new AttributeReader(data).TryFind(1, out NetlinkAttribute table) ? table.UInt32 : 0 };
                break;
            default:
                device.KindState = new TunnelState { Attributes = data, ShowsLink = values.ContainsKey(IFLA_LINK), HasData = HasData(values), IsFallback = name.EndsWith('0') };
                break;
        }

        return device;
    }

    /// <summary>The mappings of priorities; each is a pair of 32-bit numbers.</summary>
    private static void LoadMaps(VlanOptions vlan, byte[] data)
    {
        if (new AttributeReader(data).TryFind(IFLA_VLAN_INGRESS_QOS, out NetlinkAttribute ingress))
        {
            AttributeReader walk = ingress.Nested();
            while (walk.TryRead(out NetlinkAttribute pair))
            {
                vlan.IngressMap[BinaryPrimitives.ReadUInt32LittleEndian(pair.Value) & 7] = BinaryPrimitives.ReadUInt32LittleEndian(pair.Value[4..]);
            }
        }

        if (new AttributeReader(data).TryFind(IFLA_VLAN_EGRESS_QOS, out NetlinkAttribute egress))
        {
            AttributeReader walk = egress.Nested();
            while (walk.TryRead(out NetlinkAttribute pair))
            {
                (uint From, uint To) mapping = (BinaryPrimitives.ReadUInt32LittleEndian(pair.Value), BinaryPrimitives.ReadUInt32LittleEndian(pair.Value[4..]));
                if (!vlan.EgressMap.Contains(mapping))
                {
                    vlan.EgressMap.Add(mapping);
                }
            }
        }
    }

    private static void Apply(NetworkDevice device, ReadOnlySpan<byte> payload, Dictionary<ushort, byte[]> values)
    {
        if (device.Bridge is { } bridge)
        {
            AttributeSet.TryParse(device.Kernel.Profile.HasVlanFiltering ? Info(values).Data : WithoutVlans(Info(values).Data), 0, BridgeAttributes.Shown, AttributeStrictness.Liberal, out AttributeSet options, out _);
            // Refused while VLANs are filtered, and made of several options: set by themselves.
            bridge.VlanFiltering = false;
            BridgeChanges.ChangeBridge(device.Kernel, bridge, options);
            bridge.TopologyChanged = options.U8(14) is > 0;
        }

        device.RequestedFlags = (DeviceFlags)BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]) & (DeviceFlags.Promiscuous | DeviceFlags.AllMulticast);
        const DeviceFlags Volatile = DeviceFlags.Running | DeviceFlags.LowerUp | DeviceFlags.Dormant;
        device.Flags = (DeviceFlags)BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]) & ~Volatile;
        device.HardwareAddress = values.GetValueOrDefault(IFLA_ADDRESS) ?? [];
        device.BroadcastAddress = values.GetValueOrDefault(IFLA_BROADCAST) ?? [];
        device.PermanentAddress = values.GetValueOrDefault(IFLA_PERM_ADDRESS);
        device.Mtu = Number(values, IFLA_MTU, device.Mtu);
        device.MinimumMtu = Number(values, IFLA_MIN_MTU, device.MinimumMtu);
        device.MaximumMtu = Number(values, IFLA_MAX_MTU, device.MaximumMtu);
        device.TransmitQueueLength = Number(values, IFLA_TXQLEN, device.TransmitQueueLength);
        device.TransmitQueues = Number(values, IFLA_NUM_TX_QUEUES, device.TransmitQueues);
        device.ReceiveQueues = Number(values, IFLA_NUM_RX_QUEUES, device.ReceiveQueues);
        device.Group = Number(values, IFLA_GROUP, device.Group);
        device.Promiscuity = (int)Number(values, IFLA_PROMISCUITY, 0);
        device.AllMulticast = (int)Number(values, IFLA_ALLMULTI, 0);
        device.GsoMaximumSegments = Number(values, IFLA_GSO_MAX_SEGS, 65535);
        device.MaximumSegments = Number(values, IFLA_TSO_MAX_SEGS, 65535);
        device.GroMaximumSize = Number(values, IFLA_GRO_MAX_SIZE, 65536);
        device.GsoMaximumSize = Number(values, IFLA_GSO_MAX_SIZE, 65536);
        device.TsoMaximumSize = Number(values, IFLA_TSO_MAX_SIZE, 65536);
        device.CarrierUpCount = Number(values, IFLA_CARRIER_UP_COUNT, 0);
        device.CarrierDownCount = Number(values, IFLA_CARRIER_DOWN_COUNT, 0);
        device.HasCarrier = !values.TryGetValue(IFLA_CARRIER, out byte[]? carrier) || carrier[0] != 0;
        if (device.IsUp && values.TryGetValue(IFLA_OPERSTATE, out byte[]? state))
        {
            device.OperationalState = (OperationalState)state[0];
        }
        else if (!device.IsUp && !device.HasCarrier)
        {
            DeviceControl.UpdateOperationalState(device);
        }

        device.LinkMode = values.TryGetValue(IFLA_LINKMODE, out byte[]? mode) ? mode[0] : (byte)0;
        if (values.TryGetValue(IFLA_QDISC, out byte[]? qdisc) && Text(qdisc) is { } discipline && discipline != device.Traffic.Root.Kind.Name)
        {
            device.Traffic.Assume(discipline);
        }

        device.Alias = values.TryGetValue(IFLA_IFALIAS, out byte[]? alias) ? Text(alias) : null;
        device.Headroom = values.TryGetValue(IFLA_HEADROOM, out byte[]? headroom) ? BinaryPrimitives.ReadUInt16LittleEndian(headroom) : (ushort)0;
        if (device.Vlan is { } vlan)
        {
            LoadMaps(vlan, Info(values).Data);
        }

        if (device.KindState is MacvlanState macvlan)
        {
            AttributeSet.TryParse(Info(values).Data, 0, MacvlanState.Shown, AttributeStrictness.Liberal, out AttributeSet options, out _);
            macvlan.Mode = options.U32(1) ?? macvlan.Mode;
            macvlan.Flags = options.U16(2) ?? macvlan.Flags;
            macvlan.AddSources(options.Bytes(5));
            macvlan.BroadcastQueueLength = options.U32(7) ?? macvlan.BroadcastQueueLength;
            macvlan.BroadcastQueueUsed = options.U32(8) ?? macvlan.BroadcastQueueUsed;
        }

        if (device.KindState is TunnelState tunnel)
        {
            device.KindState = new TunnelState { Attributes = Info(values).Data, ShowsLink = values.ContainsKey(IFLA_LINK), HasData = HasData(values), IsFallback = tunnel.IsFallback };
        }

        if (values.TryGetValue(IFLA_PROP_LIST, out byte[]? properties))
        {
            var walk = new AttributeReader(properties);
            while (walk.TryRead(out NetlinkAttribute attribute))
            {
                if (attribute.Type == IFLA_ALT_IFNAME && !device.AlternativeNames.Contains(attribute.String))
                {
                    device.AlternativeNames.Add(attribute.String);
                }
            }
        }

        if (values.TryGetValue(IFLA_AF_SPEC, out byte[]? families))
        {
            var walk = new AttributeReader(families);
            if (!walk.TryFind(AF_INET6, out NetlinkAttribute inet6))
            {
                device.Inet6 = null;
            }
            else
            {
                Inet6State inet6State = device.Inet6 ??= new Inet6State { Mtu = device.Mtu };
                inet6State.Flags = inet6.Nested().TryFind(1, out NetlinkAttribute flags) ? flags.UInt32 : 0;
                inet6State.Token = inet6.Nested().TryFind(7, out NetlinkAttribute token) && token.Value.Length == 16 ? token.Value.ToArray() : inet6State.Token;
                inet6State.Mtu = inet6.Nested().TryFind(2, out NetlinkAttribute conf) && conf.Value.Length >= 12
                    ? BinaryPrimitives.ReadUInt32LittleEndian(conf.Value[8..])
                    : inet6State.Mtu;
            }
        }

    }

    /// <summary>A kernel that can't filter VLANs shows that it doesn't, and refuses to be told so.</summary>
    private static byte[] WithoutVlans(byte[] data)
    {
        byte[] other = [.. data];
        for (int at = 0; at + 4 <= other.Length && BinaryPrimitives.ReadUInt16LittleEndian(other.AsSpan(at)) is >= 4 and ushort length; at += (length + 3) & ~3)
        {
            if (BinaryPrimitives.ReadUInt16LittleEndian(other.AsSpan(at + 2)) == 7)
            {
                other[at + 2] = 0;
            }
        }

        return other;
    }

    private static void Connect(SimulatedKernel kernel, NetworkDevice device, Dictionary<ushort, byte[]> values)
    {
        if (values.TryGetValue(IFLA_LINK, out byte[]? link) && kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(link)) is { } other)
        {
            if (device.Kind == "veth")
            {
                device.Peer = other;
                other.Peer = device;
            }
            else
            {
                device.Lower = other;
                other.Uppers.Add(device);
            }
        }
    }

    private static (string Kind, byte[] Data) Info(Dictionary<ushort, byte[]> values)
    {
        var info = new AttributeReader(values.GetValueOrDefault(IFLA_LINKINFO));
        return (info.TryFind(IFLA_INFO_KIND, out NetlinkAttribute kind) ? kind.String : "", info.TryFind(IFLA_INFO_DATA, out NetlinkAttribute data) ? data.Value.ToArray() : []);
    }

    private static bool HasData(Dictionary<ushort, byte[]> values) =>
        new AttributeReader(values.GetValueOrDefault(IFLA_LINKINFO)).TryFind(IFLA_INFO_DATA, out _);

    private static uint Number(Dictionary<ushort, byte[]> values, ushort type, uint otherwise) =>
        values.TryGetValue(type, out byte[]? bytes) && bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : otherwise;

    private static string Text(byte[] bytes)
    {
        int end = Array.IndexOf(bytes, (byte)0);
        return Encoding.UTF8.GetString(bytes, 0, end < 0 ? bytes.Length : end);
    }
}
