using System.Buffers.Binary;
using EucaNet.Engine.Dhcp;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Dhcp;

/// <summary>RFC 2131 §4.3 case by case; offsets of the fixed part are those of RFC 2131 figure 1.</summary>
public class DhcpResponderTests
{
    private static readonly MacAddress Client = MacAddress.Parse("d0:0d:2e:ca:05:2c");
    private static readonly byte[] ServerMac = [2, 0, 0, 0, 0, 1];

    private static DhcpScope Scope()
    {
        var scope = new DhcpScope
        {
            InterfaceName = "eth0.10",
            ServerAddress = Ipv4Address.Parse("192.168.0.1"),
            Network = Ipv4Network.Parse("192.168.0.0/26"),
            Broadcast = Ipv4Address.Parse("192.168.0.63"),
            Router = Ipv4Address.Parse("192.168.0.1"),
            DnsServers = [Ipv4Address.Parse("10.0.0.2")],
            LeaseTime = TimeSpan.FromSeconds(1200),
        };
        scope.Set(Client, Ipv4Address.Parse("192.168.0.2"));
        return scope;
    }

    [Test]
    public void A_client_that_declined_is_left_without_an_answer_until_its_address_has_rested()
    {
        DhcpScope scope = Scope();
        byte[] reply = new byte[DhcpResponder.LongestReply];
        byte[] discover = Request(DhcpMessageType.Discover);
        DhcpOutcome Ask() => DhcpResponder.Respond(scope, ServerMac, discover, reply, out _, out _);
        Assert.That(Ask(), Is.EqualTo(DhcpOutcome.Offered));
        scope.Suspend(Client);
        Assert.That(Ask(), Is.EqualTo(DhcpOutcome.Ignored));
        Assert.That(scope.Hosts().Single().Key, Is.EqualTo(Client), "its mapping stays");
        scope.Resume(Client);
        Assert.That(Ask(), Is.EqualTo(DhcpOutcome.Offered));
    }

    private static byte[] Request(DhcpMessageType type, MacAddress? mac = null, string ciaddr = "0.0.0.0", bool broadcast = false, string giaddr = "0.0.0.0", params (byte Code, byte[] Value)[] options)
    {
        byte[] message = new byte[300];
        message[0] = 1;
        message[1] = 1;
        message[2] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(4), 0x12345678);
        message[10] = (byte)(broadcast ? 0x80 : 0);
        Ipv4Address.Parse(ciaddr).CopyTo(message.AsSpan(12));
        Ipv4Address.Parse(giaddr).CopyTo(message.AsSpan(24));
        (mac ?? Client).CopyTo(message.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(236), 0x63825363);
        int end = 240;
        foreach ((byte code, byte[] value) in options.Prepend(((byte)53, [(byte)type])))
        {
            message[end++] = code;
            message[end++] = (byte)value.Length;
            value.CopyTo(message, end);
            end += value.Length;
        }

        message[end] = 255;
        byte[] frame = new byte[42 + message.Length];
        frame.AsSpan(0, 6).Fill(0xff);
        (mac ?? Client).CopyTo(frame.AsSpan(6));
        frame[12] = 8;
        frame[14] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)(28 + message.Length));
        frame[22] = 64;
        frame[23] = 17;
        frame.AsSpan(30, 4).Fill(0xff);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34), 68);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), 67);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(38), (ushort)(8 + message.Length));
        message.CopyTo(frame, 42);
        return frame;
    }

    private static (DhcpOutcome Outcome, byte[] Reply) Answer(byte[] frame)
    {
        byte[] reply = new byte[DhcpResponder.LongestReply];
        DhcpOutcome outcome = DhcpResponder.Respond(Scope(), ServerMac, frame, reply, out int length, out _);
        return (outcome, reply[..length]);
    }

    private static byte[]? Option(byte[] reply, byte code)
    {
        for (int i = 42 + 240; reply[i] != 255; i += 2 + reply[i + 1])
        {
            if (reply[i] == code)
            {
                return reply[(i + 2)..(i + 2 + reply[i + 1])];
            }
        }

        return null;
    }

    private static byte[] Quad(string address) => Ipv4Address.Parse(address).ToBytes();

    private static string Destination(byte[] reply) => $"{MacAddress.Read(reply)} {Ipv4Address.Read(reply.AsSpan(30))}";

    [Test]
    public void A_discover_is_offered_the_mapped_address_with_the_networks_parameters()
    {
        (DhcpOutcome outcome, byte[] reply) = Answer(Request(DhcpMessageType.Discover));
        Assert.Multiple(() =>
        {
            Assert.That(outcome, Is.EqualTo(DhcpOutcome.Offered));
            Assert.That(Destination(reply), Is.EqualTo("d0:0d:2e:ca:05:2c 192.168.0.2"));
            Assert.That(reply[(42 + 16)..(42 + 20)], Is.EqualTo(Quad("192.168.0.2")));
            Assert.That(Option(reply, 53), Is.EqualTo(new byte[] { 2 }));
            Assert.That(Option(reply, 54), Is.EqualTo(Quad("192.168.0.1")));
            Assert.That(Option(reply, 1), Is.EqualTo(Quad("255.255.255.192")));
            Assert.That(Option(reply, 3), Is.EqualTo(Quad("192.168.0.1")));
            Assert.That(Option(reply, 6), Is.EqualTo(Quad("10.0.0.2")));
            Assert.That(Option(reply, 28), Is.EqualTo(Quad("192.168.0.63")));
            Assert.That(Option(reply, 51), Is.EqualTo(new byte[] { 0, 0, 4, 0xb0 }));
            Assert.That(Option(reply, 58), Is.EqualTo(new byte[] { 0, 0, 2, 0x58 }));
            Assert.That(Option(reply, 59), Is.EqualTo(new byte[] { 0, 0, 4, 0x1a }));
        });
    }

    [Test]
    public void The_broadcast_flag_brings_the_answer_by_broadcast()
    {
        Assert.That(Destination(Answer(Request(DhcpMessageType.Discover, broadcast: true)).Reply), Is.EqualTo("ff:ff:ff:ff:ff:ff 255.255.255.255"));
    }

    [Test]
    public void A_request_for_another_address_is_refused_by_broadcast_and_one_for_another_server_is_left_to_it()
    {
        (DhcpOutcome refused, byte[] nak) = Answer(Request(DhcpMessageType.Request, options: [(50, Quad("192.168.0.9")), (54, Quad("192.168.0.1"))]));
        Assert.That((refused, Option(nak, 53)![0], Destination(nak)), Is.EqualTo((DhcpOutcome.Refused, (byte)6, "ff:ff:ff:ff:ff:ff 255.255.255.255")));
        Assert.That(Answer(Request(DhcpMessageType.Request, options: [(50, Quad("192.168.0.2")), (54, Quad("192.168.0.77"))])).Outcome, Is.EqualTo(DhcpOutcome.Ignored));
    }

    [Test]
    public void Selecting_init_reboot_renewing_and_rebinding_are_confirmed()
    {
        foreach (byte[] request in new[]
        {
            Request(DhcpMessageType.Request, options: [(50, Quad("192.168.0.2")), (54, Quad("192.168.0.1"))]),
            Request(DhcpMessageType.Request, options: [(50, Quad("192.168.0.2"))]),
            Request(DhcpMessageType.Request, ciaddr: "192.168.0.2"),
        })
        {
            (DhcpOutcome outcome, byte[] ack) = Answer(request);
            Assert.That((outcome, Option(ack, 53)![0]), Is.EqualTo((DhcpOutcome.Confirmed, (byte)5)));
        }
    }

    [Test]
    public void Inform_gets_parameters_without_address_and_lease()
    {
        (DhcpOutcome outcome, byte[] ack) = Answer(Request(DhcpMessageType.Inform, ciaddr: "192.168.0.2"));
        Assert.That(outcome, Is.EqualTo(DhcpOutcome.Informed));
        Assert.That((ack[(42 + 16)..(42 + 20)], Option(ack, 51), Option(ack, 1)), Is.EqualTo((new byte[4], (byte[]?)null, Quad("255.255.255.192"))).Using<(byte[], byte[]?, byte[]?)>((a, b) =>
            a.Item1.SequenceEqual(b.Item1) && a.Item2 is null == b.Item2 is null && a.Item3!.SequenceEqual(b.Item3!)));
    }

    [Test]
    public void Strangers_get_no_answer_and_decline_and_release_are_noted()
    {
        Assert.That(Answer(Request(DhcpMessageType.Discover, MacAddress.Parse("02:00:00:00:00:99"))), Is.EqualTo((DhcpOutcome.Ignored, Array.Empty<byte>())).Using<(DhcpOutcome, byte[])>((a, b) => a.Item1 == b.Item1 && a.Item2.Length == b.Item2.Length));
        Assert.That(Answer(Request(DhcpMessageType.Decline, options: [(50, Quad("192.168.0.2")), (54, Quad("192.168.0.1"))])).Outcome, Is.EqualTo(DhcpOutcome.Declined));
        Assert.That(Answer(Request(DhcpMessageType.Release, ciaddr: "192.168.0.2", options: [(54, Quad("192.168.0.1"))])).Outcome, Is.EqualTo(DhcpOutcome.Released));
    }

    [Test]
    public void The_client_identifier_comes_back_and_a_relay_is_answered_on_its_own_port()
    {
        Assert.That(Option(Answer(Request(DhcpMessageType.Discover, options: [(61, [1, 2, 3])])).Reply, 61), Is.EqualTo(new byte[] { 1, 2, 3 }));
        byte[] relayed = Answer(Request(DhcpMessageType.Discover, giaddr: "192.168.0.5")).Reply;
        Assert.That((Ipv4Address.Read(relayed.AsSpan(30)).ToString(), BinaryPrimitives.ReadUInt16BigEndian(relayed.AsSpan(36))), Is.EqualTo(("192.168.0.5", (ushort)67)));
    }

    [Test]
    public void Malformed_frames_are_ignored_whatever_is_cut_or_changed()
    {
        byte[] good = Request(DhcpMessageType.Discover);
        for (int length = 0; length < good.Length; length++)
        {
            Assert.That(Answer(good[..length]).Reply, Is.Empty);
        }

        var random = new Random(5);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bad = (byte[])good.Clone();
            bad[random.Next(bad.Length)] = (byte)random.Next(256);
            bad[random.Next(bad.Length)] = (byte)random.Next(256);
            Assert.DoesNotThrow(() => Answer(bad));
        }
    }
}
