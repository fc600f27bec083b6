using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>By which of its ports a bond sends, and from which it takes frames (bond_start_xmit, bond_handle_frame).</summary>
internal sealed class BondForwarding(NetworkStack stack)
{
    private const byte Layer34 = 1, Layer23 = 2;

    /// <summary>A frame leaves by a bond.</summary>
    public bool Transmit(NetworkDevice device, BondState bond, Packet packet)
    {
        if (bond.Mode == BondMode.Broadcast)
        {
            BondPort[] all = [.. bond.Ports.Where(static port => port is { IsUp: true, IsLinkUp: true })];
            foreach (BondPort port in all.SkipLast(1))
            {
                stack.Link.Transmit(port.Device, packet.Clone());
            }

            return all.Length > 0 ? stack.Link.Transmit(all[^1].Device, packet) : Drop(device, packet, "no port has a signal");
        }

        if (Choose(bond, packet, out string? reason) is { } chosen)
        {
            return stack.Link.Transmit(chosen.Device, packet);
        }

        return Drop(device, packet, reason ?? "no port may send");
    }

    /// <summary>A frame came in by a port. The bond, which has it now; the port itself, where only what listens on the port may have it; null: nobody.</summary>
    public NetworkDevice? Receive(NetworkDevice device, NetworkDevice master, BondState bond, Packet packet)
    {
        if (bond.Ports.Find(port => port.Device == device) is { IsActive: true } || bond.Mode is BondMode.AdaptiveLoadBalancing && packet.Type is not (PacketType.Broadcast or PacketType.Multicast))
        {
            return master;
        }

        if (packet.Destination.IsLinkLocal)
        {
            return device;
        }

        stack.PacketSockets.Deliver(device, packet, outgoing: false);
        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{device.Name} is a backup of {master.Name}");
        return null;
    }

    private static BondPort? Choose(BondState bond, Packet packet, out string? reason)
    {
        reason = null;
        switch (bond.Mode)
        {
            case BondMode.ActiveBackup:
                return bond.Active;

            case BondMode.RoundRobin when packet is { Protocol: EtherType.Ipv4, NetworkLength: >= Ipv4Header.MinimumSize } && packet.Ipv4.Protocol == IpProtocol.Igmp:
                // Who asks for groups asks by one port, so that switches send them there.
                return bond.Active is { MaySend: true } ? bond.Active : Next(bond, 0);

            case BondMode.RoundRobin when bond.Ports.Count > 0:
                uint number = ++bond.Sent;
                return Next(bond, (int)((bond.PacketsEach > 1 ? number / bond.PacketsEach : number) % (uint)bond.Ports.Count));

            case BondMode.Xor:
                BondPort[] usable = [.. bond.Ports.Where(static port => port.MaySend)];
                return usable.Length == 0 ? null : Hash(bond, packet) is { } hash ? usable[hash % usable.Length] : Unknown(out reason);

            case BondMode.RoundRobin:
                return null;

            default:
                reason = $"sending in mode {bond.Mode} is not modelled";
                return null;
        }
    }

    private static BondPort? Unknown(out string reason)
    {
        reason = "this hash policy is not modelled";
        return null;
    }

    /// <summary>The port of a number, or the next one that may send (bond_get_slave_by_id).</summary>
    private static BondPort? Next(BondState bond, int number)
    {
        for (int i = 0; i < bond.Ports.Count; i++)
        {
            BondPort port = bond.Ports[(number + i) % bond.Ports.Count];
            if (port.MaySend)
            {
                return port;
            }
        }

        return null;
    }

    /// <summary>Null for the policies that look into tunnels or at VLANs (bond_xmit_hash).</summary>
    private static uint? Hash(BondState bond, Packet packet)
    {
        ReadOnlySpan<byte> header = packet.LinkHeader;
        uint link = (uint)(header[5] ^ header[11] ^ BinaryPrimitives.ReadUInt16BigEndian(header[12..]));
        if (bond.TransmitHashPolicy == 0)
        {
            return link;
        }

        if (bond.TransmitHashPolicy is not (Layer23 or Layer34))
        {
            return null;
        }

        if (packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6) || !packet.LocateTransport())
        {
            return link;
        }

        uint hash = bond.TransmitHashPolicy == Layer23 ? link : PortsOf(packet);
        ReadOnlySpan<byte> addresses = packet.IsIpv6 ? packet.Network.Slice(8, 32) : packet.Network.Slice(12, 8);
        for (int at = 0; at < addresses.Length; at += 4)
        {
            hash ^= BinaryPrimitives.ReadUInt32LittleEndian(addresses[at..]);
        }

        hash ^= hash >> 16;
        hash ^= hash >> 8;

        // Ports are often even: their lowest bit tells little.
        return bond.TransmitHashPolicy == Layer34 ? hash >> 1 : hash;
    }

    private static uint PortsOf(Packet packet)
    {
        ReadOnlySpan<byte> transport = packet.Transport;
        if (packet.IsIpv6 ? packet.Ipv6.NextHeader != packet.TransportProtocol : packet.Ipv4.IsFragment)
        {
            return 0;
        }

        // Of echoes the identifier, behind type and code, stands for the ports; 0 would mean that there is none.
        bool isEcho = packet.TransportProtocol switch
        {
            IpProtocol.Icmp => transport.Length >= 8 && transport[0] is IcmpType.EchoRequest or IcmpType.EchoReply,
            IpProtocol.Icmpv6 => transport.Length >= 8 && transport[0] is 128 or 129,
            _ => false,
        };
        return isEcho ? (uint)(transport[0] | transport[1] << 8 | Math.Max((ushort)1, BinaryPrimitives.ReadUInt16BigEndian(transport[4..])) << 16)
            : IpProtocol.HasPorts(packet.TransportProtocol) && transport.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(transport)
            : 0;
    }

    private bool Drop(NetworkDevice device, Packet packet, string reason)
    {
        device.Statistics.TransmitDropped++;
        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{device.Name}: {reason}");
        return false;
    }
}
