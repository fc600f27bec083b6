using System.Buffers.Binary;
using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>
/// Ethernet frames in UDP packets (drivers/net/vxlan, RFC 7348): where a station's frames go is looked up in the device's forwarding database, which
/// learns from what comes in. The outer packet is this machine's own: it is routed, filtered, tracked and cut like any other.
/// </summary>
internal sealed class VxlanTunnel(NetworkStack stack)
{
    private const int HeaderSize = 8;
    private const byte HasVni = 0x08;
    private const byte CongestionMask = 3, CongestionExperienced = 3, CongestionCapable = 2, CongestionCapableOne = 1;
    private const byte InheritTos = 1;
    private const byte SetDontFragment = 1, InheritDontFragment = 2;

    /// <summary>A frame leaves by a tunnel device (vxlan_xmit).</summary>
    public bool Transmit(NetworkDevice device, VxlanState vxlan, Packet packet)
    {
        if (vxlan.IsExternal)
        {
            return DropSilently(device, packet, "nothing gave it a far end (the device is external)");
        }

        Age(device, vxlan);
        VxlanEntry? entry = vxlan.Database.Find(packet.Destination) ?? vxlan.Database.Find(default);
        if (entry is null)
        {
            return DropSilently(device, packet, $"nobody knows behind which far end {packet.Destination} is");
        }

        entry.Used = stack.Kernel.Clock.GetTimestamp();
        foreach (VxlanRemote remote in entry.Remotes.Skip(1))
        {
            TransmitTo(device, vxlan, remote, packet.Clone());
        }

        TransmitTo(device, vxlan, entry.Remotes[0], packet);
        return true;
    }

    /// <summary>An error quotes a packet of a tunnel of this machine, its network included (vxlan_err_lookup).</summary>
    public bool Knows(byte family, ReadOnlySpan<byte> udp)
    {
        if (udp.Length < UdpHeader.Size + HeaderSize || (udp[UdpHeader.Size] & HasVni) == 0)
        {
            return false;
        }

        ushort port = BinaryPrimitives.ReadUInt16BigEndian(udp[2..]);
        uint vni = BinaryPrimitives.ReadUInt32BigEndian(udp[(UdpHeader.Size + 4)..]) >> 8;
        foreach (NetworkDevice device in stack.Kernel.Devices.Tunnels)
        {
            if (device is { IsUp: true, KindState: VxlanState vxlan } && vxlan.Port == port && ((vxlan.Vni == vni && vxlan.Family == family) || vxlan.IsExternal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A UDP packet came for this machine (vxlan_rcv). False: no tunnel device listens on its port.</summary>
    public bool Receive(NetworkDevice input, Packet packet)
    {
        if (stack.Kernel.Devices.Tunnels.Count == 0)
        {
            return false;
        }

        var udp = new UdpHeader(packet.Transport);
        ushort port = udp.DestinationPort;
        Span<byte> payload = udp.Payload;
        bool isListening = false;
        bool isWhole = payload.Length >= HeaderSize + Packet.EthernetSize && payload[0] == HasVni && payload[1..4].IndexOfAnyExcept((byte)0) < 0 && payload[7] == 0;
        uint vni = isWhole ? BinaryPrimitives.ReadUInt32BigEndian(payload[4..]) >> 8 : 0;
        foreach (NetworkDevice device in stack.Kernel.Devices.Tunnels)
        {
            if (device is not { IsUp: true, KindState: VxlanState vxlan } || vxlan.Port != port || (vxlan.Family != packet.Family && !vxlan.IsExternal))
            {
                continue;
            }

            isListening = true;
            if (isWhole && (vxlan.Vni == vni || vxlan.IsExternal))
            {
                Take(device, vxlan, input, packet, payload[HeaderSize..]);
                return true;
            }
        }

        if (isListening)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, isWhole ? string.Create(CultureInfo.InvariantCulture, $"no VXLAN device has network {vni}") : "malformed VXLAN header");
        }

        return isListening;
    }

    /// <summary>A tunnel device's default far end is this group, on this interface: the machine listens to it.</summary>
    public bool IsInGroup(NetworkDevice input, InternetAddress group) =>
        stack.Kernel.Devices.Tunnels.Any(device => device is { IsUp: true, KindState: VxlanState { Default.Remotes: [{ } remote, ..] } vxlan } && remote.Address == group && vxlan.Link == input.Index);

    /// <summary>Forgets stations that were not heard for as long as the device keeps them (vxlan_cleanup, which looks every ten seconds).</summary>
    public void Age(NetworkDevice device, VxlanState vxlan)
    {
        if (vxlan.AgeingTime == 0)
        {
            return;
        }

        long now = stack.Kernel.Clock.GetTimestamp(), limit = vxlan.AgeingTime * TimeSpan.TicksPerSecond;

        // Since 6.15 sending to a station no longer keeps its entry.
        bool ageByUse = !stack.Kernel.Profile.IsAtLeast(6, 15);
        foreach (VxlanEntry entry in vxlan.Database.Entries.Where(entry => !entry.IsStatic && now - (ageByUse ? Math.Max(entry.Used, entry.Updated) : entry.Updated) >= limit).ToArray())
        {
            entry.State = NeighbourState.Stale;
            new VxlanForwarding(stack.Kernel, device, vxlan).Remove(entry);
        }
    }

    private void Take(NetworkDevice device, VxlanState vxlan, NetworkDevice input, Packet outer, ReadOnlySpan<byte> frame)
    {
        Packet inner = Packet.FromFrame(frame);
        inner.Mark = outer.Mark;
        inner.Story = outer.Story;
        if (inner.Tells(TraceLevel.Minimal))
        {
            inner.Tell(StoryKind.Change, TraceLevel.Minimal, stack.HostName, string.Create(CultureInfo.InvariantCulture, $"out of VXLAN {vxlan.Vni} from {outer.SourceAddress}"));
        }

        if (inner.Source == MacAddress.Read(device.HardwareAddress))
        {
            Drop(device, inner, "its sender has the device's own address", receiving: true);
            return;
        }

        if (vxlan.Learns && !new VxlanForwarding(stack.Kernel, device, vxlan).Learn(inner.Source, outer.SourceAddress, input.Index))
        {
            Drop(device, inner, $"{inner.Source} is set to be behind another far end", receiving: true);
            return;
        }

        if (!PassCongestionOn((byte)(outer.TrafficClass & CongestionMask), inner))
        {
            device.Statistics.ReceiveErrors++;
            Drop(device, inner, "congestion was marked on a packet that knows none", receiving: true);
            return;
        }

        DeviceLayer.ClassifyFor(device, inner);
        DeviceLayer.Count(device, inner);
        stack.Link.Enqueue(device, inner);
    }

    private void TransmitTo(NetworkDevice device, VxlanState vxlan, VxlanRemote remote, Packet packet)
    {
        if (remote.Address.IsAny)
        {
            Drop(device, packet, "its far end has no address");
            return;
        }

        NetworkDevice? output = remote.Interface == 0 ? null : stack.Kernel.Devices.Find(remote.Interface);
        InternetLayer layer = stack.Internet(remote.Address.Family);
        if ((vxlan.Local ?? layer.SourceFor(remote.Address, output)) is not { } source)
        {
            device.Statistics.TransmitErrors++;
            Drop(device, packet, $"no route to {remote.Address}");
            return;
        }

        ushort sourcePort = SourcePort(vxlan, packet);
        (byte tos, byte? innerTtl, bool innerIsWhole) = Inner(packet);
        byte wanted = vxlan.Options.U8(6) ?? 0;
        byte outerTos = wanted == InheritTos ? tos : wanted;
        outerTos = (byte)(outerTos & ~CongestionMask | ((tos & CongestionMask) == CongestionExperienced ? CongestionCapable : tos & CongestionMask));
        bool inheritsTtl = vxlan.Options.Bytes(28) is { } inherits && (inherits.Length == 0 || inherits[0] != 0);
        byte ttl = inheritsTtl ? innerTtl ?? 0 : vxlan.Options.U8(5) is { } given and not 0 ? given : remote.Address.IsMulticast ? (byte)1 : (byte)0;
        bool dontFragment = remote.Address.Family == InternetAddress.V4 && (vxlan.Options.U8(29) ?? 0) switch { SetDontFragment => true, InheritDontFragment => innerIsWhole, _ => false };

        byte[] frame = packet.ToWire();
        Packet outer = Packet.OfInternet(source, remote.Address, IpProtocol.Udp, UdpHeader.Size + HeaderSize + frame.Length, ttl == 0 ? DefaultHopLimit(remote.Address) : ttl, outerTos, dontFragment);
        Span<byte> payload = outer.Transport[UdpHeader.Size..];
        payload[0] = HasVni;
        BinaryPrimitives.WriteUInt32BigEndian(payload[4..], remote.Vni << 8);
        frame.CopyTo(payload[HeaderSize..]);
        new UdpHeader(outer.Transport).Write(sourcePort, remote.Port);
        if (remote.Address.Family == InternetAddress.V4 ? vxlan.Options.U8(18) is not 0 : vxlan.Options.U8(19) is null or 0)
        {
            outer.UpdateTransportChecksum();
        }

        outer.Mark = packet.Mark;
        outer.Priority = packet.Priority;
        outer.Hops = packet.Hops;
        outer.Story = packet.Story;
        if (outer.Tells(TraceLevel.Minimal))
        {
            outer.Tell(StoryKind.Change, TraceLevel.Minimal, stack.HostName, string.Create(CultureInfo.InvariantCulture, $"into VXLAN {remote.Vni} to {remote.Address}:{remote.Port}"));
        }

        layer.SendLocal(outer, output);
    }

    private byte DefaultHopLimit(InternetAddress remote) => remote.Family == InternetAddress.V4
        ? (byte)stack.Kernel.Parameters.Number("net/ipv4/ip_default_ttl")
        : (byte)stack.Kernel.Parameters.Number("net/ipv6/conf/all/hop_limit");

    /// <summary>A flow keeps its port, so that machines between the ends that share load by ports do not reorder it (udp_flow_src_port); the kernel's hash is drawn anew at each start.</summary>
    private ushort SourcePort(VxlanState vxlan, Packet packet)
    {
        uint low = 0, high = 0;
        if (vxlan.Options.Bytes(10) is { Length: 4 } range)
        {
            (low, high) = (BinaryPrimitives.ReadUInt16BigEndian(range), BinaryPrimitives.ReadUInt16BigEndian(range.AsSpan(2)));
        }

        if (low >= high)
        {
            uint[] local = [.. stack.Kernel.Parameters.Read("net/ipv4/ip_local_port_range")!.Split((char[])[' ', '\t']).Select(static port => uint.Parse(port, CultureInfo.InvariantCulture))];
            (low, high) = (local[0], local[1]);
        }

        uint hash = Fold(2166136261, packet.LinkHeader);
        if (packet.LocateTransport())
        {
            hash = Fold(2166136261, packet.IsIpv6 ? packet.Network.Slice(8, 32) : packet.Network.Slice(12, 8));
            hash = Fold(hash, [packet.TransportProtocol]);
            if (IpProtocol.HasPorts(packet.TransportProtocol) && packet.FragmentOffset == 0 && packet.Transport.Length >= 4)
            {
                hash = Fold(hash, packet.Transport[..4]);
            }
        }

        return (ushort)(low + (uint)((ulong)hash * (high - low) >> 32));
    }

    private static uint Fold(uint hash, ReadOnlySpan<byte> bytes)
    {
        foreach (byte octet in bytes)
        {
            hash = (hash ^ octet) * 16777619;
        }

        return hash;
    }

    /// <summary>What the inner packet says for the outer one: type of service, hop limit, and that it must not be cut.</summary>
    private static (byte Tos, byte? Ttl, bool DontFragment) Inner(Packet packet) => packet.Protocol switch
    {
        EtherType.Ipv4 when packet.NetworkLength >= Ipv4Header.MinimumSize => (packet.Ipv4.TypeOfService, packet.Ipv4.TimeToLive, packet.Ipv4.DontFragment),
        EtherType.Ipv6 when packet.NetworkLength >= Ipv6Header.Size => (packet.Ipv6.TrafficClass, packet.HopLimit, true),
        _ => (0, null, false),
    };

    /// <summary>What was marked on the way is told to the inner packet (RFC 6040, __INET_ECN_decapsulate); false where its ends would not understand.</summary>
    private static bool PassCongestionOn(byte outer, Packet inner)
    {
        if (inner.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            return true;
        }

        int known = Inner(inner).Tos & CongestionMask;
        if (outer == CongestionExperienced && known == 0)
        {
            return false;
        }

        bool isTold = outer == CongestionExperienced || (outer == CongestionCapableOne && known == CongestionCapable);
        if (isTold && inner.IsIpv6)
        {
            inner.Network[1] = (byte)(inner.Network[1] & ~(CongestionMask << 4) | outer << 4);
        }
        else if (isTold)
        {
            inner.Network[1] = (byte)(inner.Network[1] & ~CongestionMask | outer);
            inner.Ipv4.UpdateChecksum();
        }

        return true;
    }

    // Who sends does not learn of it (vxlan_xmit).
    private bool DropSilently(NetworkDevice device, Packet packet, string reason) => !Drop(device, packet, reason);

    private bool Drop(NetworkDevice device, Packet packet, string reason, bool receiving = false)
    {
        if (receiving)
        {
            device.Statistics.ReceiveDropped++;
        }
        else
        {
            device.Statistics.TransmitDropped++;
        }

        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{device.Name}: {reason}");
        return false;
    }
}
