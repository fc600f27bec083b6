using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>AF_BRIDGE: forwarding database entries, port options and VLANs (rtnl_fdb_add, rtnl_bridge_setlink and their like).</summary>
internal sealed partial class ForwardingVerbs(SimulatedKernel kernel)
{
    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_BRIDGE, RTM_NEWNEIGH, Add);
        subsystem.Handle(AF_BRIDGE, RTM_DELNEIGH, Delete);
        subsystem.HandleDump(AF_BRIDGE, RTM_GETNEIGH, Dump);
        subsystem.Handle(AF_BRIDGE, RTM_SETLINK, (socket, message) => SetLink(message, add: true));
        subsystem.Handle(AF_BRIDGE, RTM_DELLINK, (socket, message) => SetLink(message, add: false));
    }

    private Verdict Add(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 12)
        {
            return LinuxError.EINVAL;
        }

        if (!AttributeSet.TryParse(message.Payload[12..], 28, LinkPolicy.None, AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        int index = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        ushort state = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        byte flags = header[10];
        if (index == 0)
        {
            return new Verdict(LinuxError.EINVAL, "invalid ifindex");
        }

        if (kernel.Devices.Find(index) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "unknown ifindex");
        }

        if (attributes.Bytes(NDA_LLADDR) is not { Length: 6 } mac)
        {
            return new Verdict(LinuxError.EINVAL, "invalid address");
        }

        if (CheckVlan(attributes) is { Error: not LinuxError.None } wrongVlan)
        {
            return wrongVlan;
        }

        ushort vid = attributes.U16(NDA_VLAN) ?? 0;
        LinuxError error = LinuxError.EOPNOTSUPP;
        if ((flags == 0 || (flags & NTF_MASTER) != 0) && device.Port is { } port)
        {
            verdict = AddToBridge(port.Bridge, port, mac, vid, state, flags, message.Header.Flags);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            error = LinuxError.None;
            flags = (byte)(flags & ~NTF_MASTER);
        }

        if ((flags & NTF_SELF) != 0)
        {
            if (device.Bridge is { } bridge)
            {
                return TellOwn(AddToBridge(bridge, null, mac, vid, state, flags, message.Header.Flags), device, mac, vid, RTM_NEWNEIGH, state);
            }

            if (device.KindState is VxlanState vxlan)
            {
                return new VxlanForwarding(kernel, device, vxlan).Add(MacAddress.Read(mac), attributes, state, flags, message.Header.Flags);
            }

            verdict = AddToFilter(device, mac, vid, state, message.Header.Flags);
            if (verdict.Error == LinuxError.None)
            {
                kernel.RouteEvents.Publish(RTNLGRP_NEIGH, SelfEntry(device, mac, RTM_NEWNEIGH, vid, state));
            }

            return verdict;
        }

        return error;
    }

    /// <summary>fdb_vid_parse.</summary>
    private static Verdict CheckVlan(AttributeSet attributes) => attributes.Bytes(NDA_VLAN) is not { } vlan ? Verdict.Success
        : vlan.Length != 2 ? new Verdict(LinuxError.EINVAL, "invalid vlan attribute size")
        : attributes.U16(NDA_VLAN) is 0 or >= 4095 ? new Verdict(LinuxError.EINVAL, "invalid vlan id")
        : Verdict.Success;

    /// <summary>A bridge's own entry was told once more as that of a device, before 6.13 let bridges say that they had told of it (rtnl_fdb_notify).</summary>
    private Verdict TellOwn(Verdict verdict, NetworkDevice device, byte[] mac, ushort vlan, ushort type, ushort state)
    {
        if (verdict.Error == LinuxError.None && !kernel.Profile.IsAtLeast(6, 13))
        {
            kernel.RouteEvents.Publish(RTNLGRP_NEIGH, SelfEntry(device, mac, type, vlan, state));
        }

        return verdict;
    }

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 12)
        {
            return LinuxError.EINVAL;
        }

        if (!AttributeSet.TryParse(message.Payload[12..], 28, LinkPolicy.None, AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        int index = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        ushort state = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        byte flags = header[10];
        if (index == 0)
        {
            return new Verdict(LinuxError.EINVAL, "invalid ifindex");
        }

        if (kernel.Devices.Find(index) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "unknown ifindex");
        }

        if (attributes.Bytes(NDA_LLADDR) is not { Length: 6 } mac)
        {
            return new Verdict(LinuxError.EINVAL, "invalid address");
        }

        if (CheckVlan(attributes) is { Error: not LinuxError.None } wrongVlan)
        {
            return wrongVlan;
        }

        ushort vid = attributes.U16(NDA_VLAN) ?? 0;
        LinuxError error = LinuxError.EOPNOTSUPP;
        if ((flags == 0 || (flags & NTF_MASTER) != 0) && device.Port is { } port)
        {
            LinuxError removed = RemoveFromBridge(port.Bridge, port, mac, vid);
            if (removed != LinuxError.None)
            {
                return removed;
            }

            error = LinuxError.None;
            flags = (byte)(flags & ~NTF_MASTER);
        }

        if ((flags & NTF_SELF) == 0)
        {
            return error;
        }

        if (device.Bridge is { } bridge)
        {
            return TellOwn(RemoveFromBridge(bridge, null, mac, vid), device, mac, vid, RTM_DELNEIGH, state);
        }

        if (device.KindState is VxlanState vxlan)
        {
            return new VxlanForwarding(kernel, device, vxlan).Delete(MacAddress.Read(mac), attributes);
        }

        error = RemoveFromFilter(device, mac, state);
        if (error == LinuxError.None)
        {
            kernel.RouteEvents.Publish(RTNLGRP_NEIGH, SelfEntry(device, mac, RTM_DELNEIGH, vid, state));
        }

        return error;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        int bridgeIndex = 0;
        int portIndex = 0;
        if (payload.Length >= 12 && AttributeSet.TryParse(payload[12..], 28, LinkPolicy.None, AttributeStrictness.Liberal, out AttributeSet attributes, out _))
        {
            bridgeIndex = (int)(attributes.U32(NDA_MASTER) ?? 0);
            portIndex = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages()));
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            foreach (NetworkDevice device in kernel.Devices.All.ToArray())
            {
                if (device.Bridge is { } bridge && (bridgeIndex == 0 || device.Index == bridgeIndex))
                {
                    foreach (byte[] own in SelfEntries(device))
                    {
                        yield return own;
                    }

                    foreach (ForwardingEntry entry in bridge.Database.Entries.Reverse())
                    {
                        if (portIndex == 0 || (entry.Port?.Device ?? device).Index == portIndex)
                        {
                            yield return NeighbourMessage.BuildForwarding(kernel, bridge, entry, RTM_NEWNEIGH);
                        }
                    }
                }
                else if (bridgeIndex == 0 || device.Master?.Index == bridgeIndex)
                {
                    if (portIndex == 0 || device.Index == portIndex)
                    {
                        if (device.KindState is VxlanState vxlan)
                        {
                            kernel.Stack.Vxlan.Age(device, vxlan);
                            foreach (byte[] entry in vxlan.Database.Entries.SelectMany(entry => vxlan.Entries(device, entry, RTM_NEWNEIGH)))
                            {
                                yield return entry;
                            }
                        }

                        foreach (byte[] own in SelfEntries(device))
                        {
                            yield return own;
                        }
                    }
                }
            }
        }
    }

    private static byte[][] SelfEntries(NetworkDevice device) =>
        (device.ReceivesMore ? device.UnicastFilter.Addresses : []).Concat(device.Kind == "vxlan" ? [] : ReceiveFilter.Multicast(device)).Select(mac => SelfEntry(device, mac, RTM_NEWNEIGH)).ToArray();

    private static byte[] SelfEntry(NetworkDevice device, byte[] mac, ushort type, ushort vlan = 0, ushort state = (ushort)NeighbourState.Permanent)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(type, 0, 0);
        NeighbourMessage.WriteHeader(ref writer, AF_BRIDGE, device.Index, state, NTF_SELF, 0);
        writer.WriteBytes(NDA_LLADDR, mac);
        if (vlan != 0)
        {
            writer.WriteUInt16(NDA_VLAN, vlan);
        }

        writer.EndMessage(mark);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>RTM_SETLINK and RTM_DELLINK of AF_BRIDGE: port options and VLANs (rtnl_bridge_setlink, rtnl_bridge_dellink).</summary>
    private Verdict SetLink(NetlinkMessage message, bool add)
    {
        if (message.Payload.Length < 16)
        {
            return LinuxError.EINVAL;
        }

        ReadOnlySpan<byte> payload = message.Payload;
        int index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        if (kernel.Devices.Find(index) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "unknown ifindex");
        }

        byte[]? protocol = null;
        byte[]? families = null;
        bool isNested = false;
        var walk = new AttributeReader(payload[16..]);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == IFLA_PROTINFO)
            {
                protocol = attribute.Value.ToArray();
                isNested = (attribute.RawType & 0x8000) != 0;
            }
            else if (attribute.Type == IFLA_AF_SPEC)
            {
                families = attribute.Value.ToArray();
            }
        }

        ushort flags = 0;
        if (families is not null && new AttributeReader(families).TryFind(IFLA_BRIDGE_FLAGS, out NetlinkAttribute bridgeFlags))
        {
            if (bridgeFlags.Value.Length < 2)
            {
                return LinuxError.EINVAL;
            }

            flags = bridgeFlags.UInt16;
        }

        Verdict verdict = LinuxError.EOPNOTSUPP;
        if (flags == 0 || (flags & BRIDGE_FLAGS_MASTER) != 0)
        {
            if (device.Port is not { } port)
            {
                return LinuxError.EOPNOTSUPP;
            }

            verdict = ApplyToPort(port, protocol, isNested, families, add);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        if ((flags & BRIDGE_FLAGS_SELF) != 0)
        {
            if (device.Bridge is not { } bridge)
            {
                return LinuxError.EOPNOTSUPP;
            }

            bool changed = false;
            verdict = families is null ? Verdict.Success : BridgeVlans.Apply(kernel, bridge, null, families, add, ref changed);
            if (changed)
            {
                kernel.Bridges.NotifyMembership(bridge, null);
            }
        }

        return verdict;
    }

    private Verdict ApplyToPort(BridgePort port, byte[]? protocol, bool isNested, byte[]? families, bool add)
    {
        bool changed = false;
        Verdict refusal = Verdict.Success;
        if (protocol is not null && add)
        {
            // What the policy refuses has no words here; what is no nest is a state alone, as the first spanning tree daemons sent it.
            if (!isNested && protocol.Length == 0)
            {
                return LinuxError.EINVAL;
            }

            AttributeSet? attributes = null;
            if (isNested && !AttributeSet.TryParse(protocol, 0, BridgePortAttributes.Policy, AttributeStrictness.Liberal, out attributes, out Verdict refused))
            {
                return refused.Error;
            }

            Verdict verdict = attributes is null ? BridgeChanges.SetPortState(kernel, port, protocol[0]) : BridgeChanges.ChangePort(kernel, port, attributes);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            changed = true;
        }

        if (families is not null)
        {
            refusal = BridgeVlans.Apply(kernel, port.Bridge, port, families, add, ref changed);
        }

        if (changed)
        {
            kernel.Bridges.NotifyPort(port, RTM_NEWLINK);
        }

        return refusal;
    }
}
