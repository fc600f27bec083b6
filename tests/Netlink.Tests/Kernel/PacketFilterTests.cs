using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netlink.Tests.Kernel;

/// <summary>Classic BPF: what our evaluation lets through is what the kernel's lets through.</summary>
public sealed class PacketFilterTests
{
    [Test]
    public void Only_datagrams_of_the_port_pass()
    {
        byte[] dhcp = Frame(new Random(1), 0x0800, 17, 68, 67, 5, 0);
        Assert.Multiple(() =>
        {
            Assert.That(PacketFilter.UdpTo(67).Accepts(dhcp), Is.True);
            Assert.That(PacketFilter.UdpFrom(67).Accepts(dhcp), Is.False);
            Assert.That(PacketFilter.UdpFrom(68).Accepts(dhcp), Is.True);
            Assert.That(PacketFilter.UdpTo(67).Accepts(Frame(new Random(1), 0x0800, 6, 68, 67, 5, 0)), Is.False, "TCP");
            Assert.That(PacketFilter.UdpTo(67).Accepts(Frame(new Random(1), 0x0806, 17, 68, 67, 5, 0)), Is.False, "ARP");
            Assert.That(PacketFilter.UdpTo(67).Accepts(Frame(new Random(1), 0x0800, 17, 68, 67, 8, 0)), Is.True, "with IP options");
            Assert.That(PacketFilter.UdpTo(67).Accepts(Frame(new Random(1), 0x0800, 17, 68, 67, 5, 185)), Is.False, "a later fragment");
            Assert.That(PacketFilter.UdpTo(67).Accepts(dhcp.AsSpan(0, 30)), Is.False, "cut short");
        });
    }

    [Test]
    [RequiresRoot]
    public async Task The_kernel_lets_the_same_frames_through()
    {
        using NetworkNamespace machine = NetworkNamespace.Create();
        LinuxKernel kernel = LinuxKernel.Open(machine);
        using RouteConnection route = RouteConnection.Open(kernel);
        await route.AddLinkAsync(new Link { Name = "a", Info = LinkInfo.Of(new VethOptions { Peer = new Link { Name = "b" } }) });
        Link a = await route.GetLinkAsync("a"), b = await route.GetLinkAsync("b");
        await route.SetUpAsync(a.Index);
        await route.SetUpAsync(b.Index);
        PacketFilter filter = PacketFilter.UdpTo(67);
        using IPacketSocket sender = kernel.OpenPacket(a.Index, 3);
        using IPacketSocket filtered = kernel.OpenPacket(b.Index, 3, filter);
        var random = new Random(7);
        byte[] end = Frame(random, 0x0800, 17, 1, 67, 5, 0);
        "the end"u8.CopyTo(end.AsSpan(50));
        var expected = new List<string>();
        for (int i = 0; i < 200; i++)
        {
            ushort type = random.Next(4) == 0 ? (ushort)0x0806 : (ushort)0x0800;
            byte protocol = random.Next(3) == 0 ? (byte)6 : (byte)17;
            byte[] frame = Frame(random, type, protocol, (ushort)random.Next(60, 70), (ushort)random.Next(66, 69), random.Next(5, 9), random.Next(3) == 0 ? random.Next(1, 100) : 0);
            sender.Send(frame);
            if (filter.Accepts(frame))
            {
                expected.Add(Convert.ToHexString(frame));
            }
        }

        sender.Send(end);
        var received = new List<string>();
        byte[] buffer = new byte[2048];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            int length = filtered.Receive(buffer);
            if (length < 0)
            {
                await filtered.WaitReadableAsync(patience.Token);
            }
            else if (Encoding.ASCII.GetString(buffer, 50, 7) == "the end")
            {
                break;
            }
            else
            {
                received.Add(Convert.ToHexString(buffer.AsSpan(0, length)));
            }
        }

        Assert.That(received, Is.EqualTo(expected));
        Assert.That(expected, Has.Count.GreaterThan(5).And.Count.LessThan(150));
    }

    private static byte[] Frame(Random random, ushort type, byte protocol, ushort source, ushort destination, int headerWords, int fragmentOffset)
    {
        byte[] frame = new byte[14 + (headerWords * 4) + 40];
        random.NextBytes(frame);
        frame.AsSpan(0, 6).Fill(0xff);
        frame[6] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), type);
        frame[14] = (byte)(0x40 | headerWords);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)(frame.Length - 14));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(20), (ushort)fragmentOffset);
        frame[23] = protocol;
        int ports = 14 + (headerWords * 4);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(ports), source);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(ports + 2), destination);
        return frame;
    }
}
