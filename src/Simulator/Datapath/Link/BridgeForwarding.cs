using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>
/// The learning bridge (br_input.c, br_forward.c): learns where senders are, sends to the one port behind which the receiver
/// is, or to all, keeps VLANs and isolated ports apart, and runs the hooks of the bridge family.
/// </summary>
internal sealed class BridgeForwarding(NetworkStack stack)
{
    /// <summary>A frame arrives at a port (br_handle_frame).</summary>
    public void Receive(BridgePort port, Packet packet)
    {
        BridgeState bridge = port.Bridge;
        if (!packet.Source.IsUnicast)
        {
            Drop(packet, bridge, "its source address is no station's");
            return;
        }

        MacAddress destination = packet.Destination;
        if (destination.IsLinkLocal)
        {
            int group = (int)(destination.Value & 0xf);
            bool forwards = group == 0 ? bridge.SpanningTree == 0 : (bridge.GroupForwardMask >> group & 1) != 0;
            if (!forwards)
            {
                if (group == 1)
                {
                    Drop(packet, bridge, "pause frames are not forwarded");
                }
                else if (RunHook(Hook.Input, packet, port.Device, null))
                {
                    stack.Link.DeliverUp(port.Device, packet);
                }

                return;
            }
        }

        if (port.State is not (BridgePortState.Forwarding or BridgePortState.Learning))
        {
            Drop(packet, bridge, $"port {port.Device.Name} is {Name(port.State)}");
            return;
        }

        if (destination == MacAddress.Read(bridge.Device.HardwareAddress))
        {
            packet.Type = PacketType.Host;
        }

        if (!RunHook(Hook.Prerouting, packet, port.Device, null))
        {
            return;
        }

        if (packet.Bridged?.Redirected is { } route)
        {
            // To the next hop's MAC, which may have to be asked for; it comes back to TransmitFromHost.
            stack.Neighbours.Send(bridge.Device, route.NextHop(packet.DestinationAddress), packet);
            return;
        }

        Forward(port, packet);
    }

    /// <summary>The machine itself sends by the bridge device (br_dev_xmit).</summary>
    public void TransmitFromHost(BridgeState bridge, Packet packet)
    {
        if (packet.Bridged is { Redirected: not null, Input.Port: { } origin } redirected)
        {
            packet.Source = redirected.Sender;
            packet.Bridged = redirected with { Redirected = null };
            Forward(origin, packet);
            return;
        }

        ushort vlan = 0;
        if (bridge.VlanFiltering && !AdmitVlan(bridge, bridge.Vlans, packet, out vlan))
        {
            Drop(packet, bridge, "VLAN not allowed on the bridge itself");
            return;
        }

        if (!packet.Destination.IsMulticast && Find(bridge, packet.Destination, vlan) is { } entry)
        {
            if (entry.Port is { } port)
            {
                if (ShouldDeliver(port, null, packet, vlan))
                {
                    Send(port, packet, null, vlan);
                }
            }

            return;
        }

        GroupTargets targets = JudgeGroup(bridge, null, packet, vlan);
        if (targets.IsMalformed)
        {
            Drop(packet, bridge, "a malformed message about groups");
            return;
        }

        Flood(bridge, null, packet, vlan, targets.Ports);
    }

    private GroupTargets JudgeGroup(BridgeState bridge, BridgePort? from, Packet packet, ushort vlan) => packet.Destination is { IsMulticast: true, IsBroadcast: false }
        ? stack.Snooping.Judge(bridge, from, packet, vlan)
        : new GroupTargets(false, null, true);

    /// <summary>Which entry a MAC has, unless it aged; MACs of the bridge and its ports are the machine's own.</summary>
    public ForwardingEntry? Find(BridgeState bridge, MacAddress mac, ushort vlan)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Size];
        mac.CopyTo(bytes);
        if (bridge.Database.Find(bytes, vlan) is not { } entry)
        {
            return null;
        }

        if (!entry.IsStatic && !entry.IsLocal && !entry.IsExternallyLearned && HasAged(bridge, entry))
        {
            bridge.Database.Remove(entry);
            stack.OnForwardingEntryChanged(bridge, entry, removed: true);
            return null;
        }

        return entry;
    }

    /// <summary>Removes what has aged; called before the database is shown.</summary>
    public void Age(BridgeState bridge)
    {
        foreach (ForwardingEntry entry in bridge.Database.Entries.ToArray())
        {
            if (!entry.IsStatic && !entry.IsLocal && !entry.IsExternallyLearned && HasAged(bridge, entry))
            {
                bridge.Database.Remove(entry);
                stack.OnForwardingEntryChanged(bridge, entry, removed: true);
            }
        }
    }

    private bool HasAged(BridgeState bridge, ForwardingEntry entry) =>
        stack.Kernel.Clock.GetTimestamp() - entry.Updated >= bridge.AgeingTime * (TimeSpan.TicksPerSecond / 100);

    /// <summary>Learns, then decides whom the frame is for (br_handle_frame_finish).</summary>
    private void Forward(BridgePort port, Packet packet)
    {
        BridgeState bridge = port.Bridge;
        ushort vlan = 0;
        if (bridge.VlanFiltering && !AdmitVlan(bridge, port.Vlans, packet, out vlan))
        {
            Drop(packet, bridge, $"VLAN not allowed on port {port.Device.Name}");
            return;
        }

        if ((port.Flags & BridgePortFlags.Learning) != 0)
        {
            Learn(port, packet.Source, vlan);
        }

        if (port.State == BridgePortState.Learning)
        {
            Drop(packet, bridge, $"port {port.Device.Name} is learning");
            return;
        }

        MacAddress destination = packet.Destination;
        if (destination.IsMulticast)
        {
            GroupTargets targets = JudgeGroup(bridge, port, packet, vlan);
            if (targets.IsMalformed)
            {
                Drop(packet, bridge, "a malformed message about groups");
                return;
            }

            Packet forHost = packet.Clone();
            Flood(bridge, port, packet, vlan, targets.Ports, targets.ForHost);
            if (targets.ForHost)
            {
                PassUp(port, forHost, vlan);
            }

            return;
        }

        ForwardingEntry? entry = Find(bridge, destination, vlan);
        if (entry is { IsLocal: true } || entry is { Port: null } || IsOwn(bridge, destination))
        {
            PassUp(port, packet, vlan);
            return;
        }

        if (entry is { Port: { } target })
        {
            entry.Used = stack.Kernel.Clock.GetTimestamp();
            if (ShouldDeliver(target, port, packet, vlan))
            {
                Send(target, packet, port, vlan);
            }
            else
            {
                Drop(packet, bridge, target == port ? $"receiver is behind the same port {port.Device.Name}" : $"not let out by port {target.Device.Name}");
            }

            return;
        }

        Flood(bridge, port, packet, vlan);
    }

    private void Learn(BridgePort port, MacAddress source, ushort vlan)
    {
        BridgeState bridge = port.Bridge;
        if (bridge.AgeingTime == 0)
        {
            return;
        }

        long now = stack.Kernel.Clock.GetTimestamp();
        Span<byte> bytes = stackalloc byte[MacAddress.Size];
        source.CopyTo(bytes);
        if (bridge.Database.Find(bytes, vlan) is not { } entry)
        {
            if (IsOwn(bridge, source))
            {
                return;
            }

            entry = new ForwardingEntry(bytes.ToArray(), vlan, port) { Updated = now, Used = now };
            bridge.Database.Set(entry);
            stack.OnForwardingEntryChanged(bridge, entry, removed: false);
            return;
        }

        if (entry.IsLocal)
        {
            // Somebody sends with an address of ours; the kernel logs and learns nothing.
            return;
        }

        if (entry.Port != port && !entry.IsSticky)
        {
            entry.Port = port;
            entry.Updated = now;
            stack.OnForwardingEntryChanged(bridge, entry, removed: false);
        }

        entry.Updated = now;
    }

    /// <param name="bridge">The bridge.</param>
    /// <param name="from">Where the frame came in; null for the machine's own.</param>
    /// <param name="packet">The frame.</param>
    /// <param name="vlan">The VLAN it is in.</param>
    /// <param name="members">The ports it is for; null for all.</param>
    /// <param name="isKept">The machine takes it too, afterwards.</param>
    private void Flood(BridgeState bridge, BridgePort? from, Packet packet, ushort vlan, HashSet<BridgePort>? members = null, bool isKept = false)
    {
        MacAddress destination = packet.Destination;
        BridgePortFlags needed = destination.IsBroadcast ? BridgePortFlags.BroadcastFlood
            : destination.IsMulticast ? BridgePortFlags.MulticastFlood
            : BridgePortFlags.Flood;
        BridgePort? last = null;
        for (int i = bridge.Ports.Count - 1; i >= 0; i--)
        {
            BridgePort port = bridge.Ports[i];

            // What the machine sends itself to groups goes out in any case.
            if (members is not null ? !members.Contains(port) : (port.Flags & needed) == 0 && !(from is null && destination.IsMulticast))
            {
                continue;
            }

            if (ShouldDeliver(port, from, packet, vlan))
            {
                SendCopy(last);
                last = port;
            }
        }

        if (isKept)
        {
            SendCopy(last);
        }
        else if (last is not null)
        {
            // The others are gone by now: the last one has what it was put together from for itself.
            Send(last, packet, from, vlan);
        }
        else if (!destination.IsMulticast)
        {
            Drop(packet, bridge, "no port to flood to");
        }

        void SendCopy(BridgePort? port)
        {
            if (port is not null)
            {
                Packet copy = packet.Clone();
                copy.SharesPieces = true;
                Send(port, copy, from, vlan);
            }
        }
    }

    private static bool ShouldDeliver(BridgePort port, BridgePort? from, Packet packet, ushort vlan)
    {
        if (port == from && (port.Flags & BridgePortFlags.Hairpin) == 0)
        {
            return false;
        }

        if (!port.IsForwarding)
        {
            return false;
        }

        if (port.Bridge.VlanFiltering && !port.Vlans.ContainsKey(vlan))
        {
            return false;
        }

        return from is null || (from.Flags & port.Flags & BridgePortFlags.Isolated) == 0;
    }

    private void Send(BridgePort port, Packet packet, BridgePort? from, ushort vlan)
    {
        BridgeState bridge = port.Bridge;
        if (bridge.VlanFiltering)
        {
            Dress(packet, bridge, port.Vlans.GetValueOrDefault(vlan), vlan);
        }

        if (from is not null)
        {
            packet.Tell(StoryKind.Device, TraceLevel.Minimal, stack.HostName, bridge.Device.Name);

            // skb_forward_csum
            packet.IsSummed = false;
        }

        if (!RunHook(from is null ? Hook.Output : Hook.Forward, packet, from?.Device, port.Device)
            || !RunHook(Hook.Postrouting, packet, null, port.Device))
        {
            return;
        }

        if (packet.LargestFragment > 0)
        {
            // Connection tracking of the bridge put it together; it leaves as it came.
            foreach (Packet fragment in Fragmenter.CutAgain(packet, port.Device.Mtu, stack.Kernel.Random))
            {
                stack.Link.Transmit(port.Device, fragment);
            }

            return;
        }

        if (packet.WireLength - (packet.Tag is null ? 0 : VlanTag.Size) > port.Device.Mtu + Packet.EthernetSize + VlanTag.Size)
        {
            Drop(packet, bridge, $"larger than the MTU {port.Device.Mtu} of port {port.Device.Name}");
            return;
        }

        stack.Link.Transmit(port.Device, packet);
    }

    /// <summary>To the machine itself, by the bridge device (br_pass_frame_up).</summary>
    private void PassUp(BridgePort port, Packet packet, ushort vlan)
    {
        BridgeState bridge = port.Bridge;
        if (!bridge.Device.IsUp)
        {
            return;
        }

        if (bridge.VlanFiltering)
        {
            if (!bridge.Vlans.TryGetValue(vlan, out BridgeVlan? own))
            {
                return;
            }

            Dress(packet, bridge, own, vlan);
        }

        if (RunHook(Hook.Input, packet, port.Device, null))
        {
            stack.Link.PassUp(bridge.Device, packet);
        }
    }

    /// <summary>Which VLAN a frame is in, by its tag or the port's PVID; false where the port isn't a member (br_allowed_ingress).</summary>
    private static bool AdmitVlan(BridgeState bridge, SortedDictionary<ushort, BridgeVlan> vlans, Packet packet, out ushort vlan)
    {
        vlan = 0;
        if (packet.Tag is { } tag && tag.Protocol != bridge.VlanProtocol)
        {
            packet.StoreTag();
        }

        if (packet.Tag is { Id: not 0 } known)
        {
            vlan = known.Id;
            return vlans.ContainsKey(vlan);
        }

        foreach (BridgeVlan candidate in vlans.Values)
        {
            if (candidate.IsPvid)
            {
                vlan = candidate.Id;
                packet.Tag = packet.Tag is { } priority ? priority.WithId(vlan) : new VlanTag(bridge.VlanProtocol, vlan);
                return true;
            }
        }

        return false;
    }

    private static void Dress(Packet packet, BridgeState bridge, BridgeVlan? membership, ushort vlan) =>
        packet.Tag = membership is { IsUntagged: true } ? null : packet.Tag is { } tag ? tag.WithId(vlan) : new VlanTag(bridge.VlanProtocol, vlan);

    private static bool IsOwn(BridgeState bridge, MacAddress mac)
    {
        if (MacAddress.Read(bridge.Device.HardwareAddress) == mac)
        {
            return true;
        }

        foreach (BridgePort port in bridge.Ports)
        {
            if (MacAddress.Read(port.Device.HardwareAddress) == mac)
            {
                return true;
            }
        }

        return false;
    }

    private bool RunHook(byte hook, Packet packet, NetworkDevice? input, NetworkDevice? output) =>
        stack.Hooks.IsEmpty(HookFamily.Bridge, hook)
        || stack.Hooks.Run(new HookContext(stack, HookFamily.Bridge, hook, packet, input, output)) == HookVerdict.Accept;

    private void Drop(Packet packet, BridgeState bridge, string reason) =>
        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{bridge.Device.Name}: {reason}");

    private static string Name(BridgePortState state) => state switch
    {
        BridgePortState.Disabled => "disabled",
        BridgePortState.Listening => "listening",
        BridgePortState.Learning => "learning",
        BridgePortState.Blocking => "blocking",
        _ => "forwarding",
    };
}
