using System.Buffers.Binary;
using EucaNet.Engine.Discovery;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>What root in an instance may try (M7): nothing of it leaves its node, and the same frame in its own name does.</summary>
public class IsolationTests
{
    private static readonly byte[] Marker = "EUCANET-MARK"u8.ToArray();

    private static byte[] Ipv4Frame(MacAddress to, MacAddress from, string source, string destination, byte protocol = 17, ushort sourcePort = 4000, ushort destinationPort = 4000, int? vlan = null)
    {
        byte[] header = new byte[vlan is null ? 14 : 18];
        to.CopyTo(header);
        from.CopyTo(header.AsSpan(6));
        if (vlan is { } tag)
        {
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(12), 0x8100);
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)tag);
        }

        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(header.Length - 2), 0x0800);
        byte[] packet = new byte[28 + Marker.Length];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet[8] = 64;
        packet[9] = protocol;
        Ipv4Address.Parse(source).CopyTo(packet.AsSpan(12));
        Ipv4Address.Parse(destination).CopyTo(packet.AsSpan(16));
        uint sum = 0;
        for (int i = 0; i < 20; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(i));
        }

        sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~sum);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), (ushort)(8 + Marker.Length));
        Marker.CopyTo(packet, 28);
        return [.. header, .. packet];
    }

    private static bool Arrived(IPacketSocket socket, Func<ReadOnlyMemory<byte>, bool> wanted)
    {
        byte[] frame = new byte[2048];
        bool found = false;
        for (int length; (length = socket.Receive(frame)) >= 0;)
        {
            found |= wanted(frame.AsMemory(0, length));
        }

        return found;
    }

    private static bool IsMarked(ReadOnlyMemory<byte> frame) => frame.Span.IndexOf(Marker) >= 0;

    [Test]
    public async Task A_foreign_MAC_address_sender_VLAN_or_server_role_never_reaches_a_neighbour()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine attacker = await cloud.RunAsync("alice", "web", 0);
        VirtualMachine peer = await cloud.RunAsync("alice", "web", 1);
        VirtualMachine other = await cloud.RunAsync("bob", "default", 1);
        using IPacketSocket send = await ManagedCloud.RawAsync(attacker, "eth0");
        using IPacketSocket atPeer = await ManagedCloud.RawAsync(peer, "eth0");
        using IPacketSocket atOther = await ManagedCloud.RawAsync(other, "eth0");
        MacAddress own = MacAddress.Read(send.HardwareAddress);
        MacAddress peerMac = MacAddress.Read(atPeer.HardwareAddress);
        MacAddress otherMac = MacAddress.Read(atOther.HardwareAddress);
        string ownAddress = ManagedCloud.AddressOf(attacker);
        string peerAddress = ManagedCloud.AddressOf(peer);

        bool Passes(byte[] frame)
        {
            send.Send(frame);
            cloud.Cloud.Settle();
            return Arrived(atPeer, IsMarked) | Arrived(atOther, IsMarked);
        }

        Assert.Multiple(() =>
        {
            Assert.That(Passes(Ipv4Frame(peerMac, own, ownAddress, peerAddress)), Is.True, "in its own name");
            Assert.That(Passes(Ipv4Frame(peerMac, new MacAddress(0x020000000666), ownAddress, peerAddress)), Is.False, "foreign MAC");
            Assert.That(Passes(Ipv4Frame(peerMac, peerMac, peerAddress, peerAddress)), Is.False, "the neighbour's own MAC and address");
            Assert.That(Passes(Ipv4Frame(peerMac, own, "192.168.0.60", peerAddress)), Is.False, "foreign address");
            Assert.That(Passes(Ipv4Frame(peerMac, own, "192.168.0.1", peerAddress)), Is.False, "the router's address");
            Assert.That(Passes(Ipv4Frame(MacAddress.Broadcast, own, ownAddress, "255.255.255.255", 17, 67, 68)), Is.False, "DHCP server");
            Assert.That(Passes(Ipv4Frame(otherMac, own, ownAddress, ManagedCloud.AddressOf(other), vlan: 11)), Is.False, "another VLAN's frame");
            Assert.That(Passes(Ipv4Frame(peerMac, own, ownAddress, peerAddress, vlan: 10)), Is.False, "its own VLAN, tagged");
        });

        // To another group's MAC: the bridge may flood it within the attacker's own VLAN, but never into the other's.
        send.Send(Ipv4Frame(otherMac, own, ownAddress, ManagedCloud.AddressOf(other)));
        cloud.Cloud.Settle();
        Assert.That(Arrived(atOther, IsMarked), Is.False, "another group's MAC");
    }

    [Test]
    public async Task An_ARP_claim_of_another_address_never_reaches_a_neighbour()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine attacker = await cloud.RunAsync("alice", "web", 0);
        VirtualMachine peer = await cloud.RunAsync("alice", "web", 1);
        using IPacketSocket send = await ManagedCloud.RawAsync(attacker, "eth0");
        using IPacketSocket atPeer = await ManagedCloud.RawAsync(peer, "eth0", ArpFrame.EtherType);
        byte[] frame = new byte[ArpFrame.Length];

        bool Passes(Ipv4Address claimed, byte[]? sender = null)
        {
            ArpFrame.WriteRequest(frame, send.HardwareAddress, claimed, claimed);
            sender?.CopyTo(frame, 22);
            send.Send(frame);
            cloud.Cloud.Settle();
            return Arrived(atPeer, f => ArpFrame.TryReadSender(f.Span, out _, out Ipv4Address address) && address == claimed);
        }

        Assert.Multiple(() =>
        {
            Assert.That(Passes(Ipv4Address.Parse(ManagedCloud.AddressOf(attacker))), Is.True, "its own");
            Assert.That(Passes(Ipv4Address.Parse("192.168.0.1")), Is.False, "the router's");
            Assert.That(Passes(Ipv4Address.Parse(ManagedCloud.AddressOf(peer))), Is.False, "the neighbour's");
            Assert.That(Passes(Ipv4Address.Parse(ManagedCloud.AddressOf(attacker)), MacAddress.Parse("02:00:00:00:06:66").ToBytes()), Is.False, "its own address at another MAC");
        });
    }
}
