using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Groups behind the ports of a bridge, on this machine's kernel and on the simulated one: where frames come out, and the groups and routers that RTM_GETMDB shows.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class MulticastSnoopingTests
{
    private const ushort GetGroups = 86, Members = 1;
    private const string Group = "239.1.2.3", Other = "239.9.9.9", Group6 = "ff0e::1:3", Other6 = "ff0e::9:9";
    private static readonly string[] Macs = [.. Enumerable.Range(0, 3).Select(static port => DifferenceLab.OuterMac(port).ToString())];

    [Test]
    public void Frames_to_a_group_go_to_members_and_routers_once_somebody_has_asked()
    {
        using Scene scene = Bridge();
        Assert.That(scene.Receive(1, Igmp(1, 0x16, 0, Group)), Is.EqualTo((string[])["a1", "br0", "c1"]), "nobody asks yet: all is flooded");
        Assert.That(scene.Receive(0, To(0, Group)), Is.EqualTo((string[])["b1", "br0", "c1"]));
        Assert.That(scene.Ask(Database), Does.Contain("ef010203"));

        // Somebody asks behind c0; members have a tenth of a second.
        Assert.That(scene.Receive(2, Igmp(2, 0x11, 1, null)), Is.EqualTo((string[])["a1", "b1", "br0"]));
        scene.Pass(TimeSpan.FromMilliseconds(200));
        Assert.That(scene.Receive(0, To(0, Group)), Is.EqualTo((string[])["b1", "c1"]), "the member, and the router");
        Assert.That(scene.Receive(0, To(0, Other)), Is.EqualTo((string[])["c1"]), "no member: the router only");
        Assert.That(scene.Receive(0, To(0, "224.0.0.5")), Is.EqualTo((string[])["b1", "br0", "c1"]), "a group of the link is everybody's");
        Assert.That(scene.Receive(0, Igmp(0, 0x16, 0, Other)), Is.EqualTo((string[])["c1"]), "reports go where they are asked for");
        Assert.That(scene.Receive(1, To(1, Other)), Is.EqualTo((string[])["a1", "c1"]));
        Assert.That(scene.Send("br0", To(9, Group)), Is.EqualTo((string[])["b1", "c1"]), "the machine's own frames too");
        scene.Ask(Database);

        // Reports of the third version name several groups; those who leave are asked for by the querier, not by the bridge.
        scene.Receive(0, Igmp3(0, (4, Group), (3, Other), (2, "239.5.5.5")));
        Assert.That(scene.Receive(2, To(2, Group)), Is.EqualTo((string[])["a1", "b1"]));
        Assert.That(scene.Receive(1, Igmp(1, 0x17, 0, Group)), Is.EqualTo((string[])["a1", "br0", "c1"]));
        Assert.That(scene.Receive(2, To(2, Group)), Is.EqualTo((string[])["a1", "b1"]));
        scene.Receive(2, Igmp(2, 0x11, 1, Group));
        scene.Receive(0, Igmp(0, 0x16, 0, Group));
        scene.Pass(TimeSpan.FromMilliseconds(400));
        Assert.That(scene.Receive(2, To(2, Group)), Is.EqualTo((string[])["a1"]), "who did not answer is gone");
        scene.Ask(Database);

        // Broken messages go nowhere, unknown ones everywhere they may.
        byte[] broken = Igmp(1, 0x16, 0, Group);
        broken[^1] ^= 1;
        Assert.That(scene.Receive(1, broken), Is.Empty);
        scene.Receive(1, Igmp(1, 0x30, 0, Group));
        scene.Receive(1, Igmp(1, 0x11, 0, Group));
        scene.Ask(Database);
    }

    [Test]
    public void Listeners_of_IPv6_are_heard_and_ports_may_be_set_to_lead_to_routers()
    {
        using Scene scene = Bridge();
        Assert.That(scene.Receive(2, Mld(2, 130, 100, null)), Is.EqualTo((string[])["a1", "b1", "br0"]));
        scene.Receive(1, Mld(1, 131, 0, Group6));
        scene.Pass(TimeSpan.FromMilliseconds(200));
        Assert.That(scene.Receive(0, To(0, Group6)), Is.EqualTo((string[])["b1", "c1"]));
        Assert.That(scene.Receive(0, To(0, Other6)), Is.EqualTo((string[])["c1"]));
        Assert.That(scene.Receive(0, To(0, "ff02::1")), Is.EqualTo((string[])["b1", "br0", "c1"]));
        Assert.That(scene.Receive(0, To(0, Group)), Is.EqualTo((string[])["b1", "br0", "c1"]), "of IPv4 nobody has asked");
        scene.Ask(Database);
        scene.Do(static machine =>
        {
            SceneMachine.Wait(machine.Route.SetBridgePortAsync(machine.Index("a0"), new BridgePortOptions { MulticastRouter = 2 }));
            SceneMachine.Wait(machine.Route.SetBridgePortAsync(machine.Index("b0"), new BridgePortOptions { FastLeave = true }));
        });
        Assert.That(scene.Receive(2, To(2, Other6)), Is.EqualTo((string[])["a1"]));
        scene.Receive(1, Mld(1, 132, 0, Group6));
        Assert.That(scene.Receive(2, To(2, Group6)), Is.EqualTo((string[])["a1"]), "it left at once");
        scene.Ask(Database);
        scene.Do(static machine => machine.Change("br0", new BridgeOptions { MulticastSnooping = false }));
        Assert.That(scene.Receive(2, To(2, Other6)), Is.EqualTo((string[])["a1", "b1", "br0"]));
    }

    private static Scene Bridge()
    {
        var scene = new Scene(
            static machine =>
            {
                // No reports and queries of the machine's own.
                machine.Parameter("net/ipv6/conf/default/disable_ipv6", "1");
                machine.Add("br0", new BridgeOptions { MulticastSnooping = true }, mac: "02:00:00:00:03:01");
                foreach (string port in (string[])["a0", "b0", "c0"])
                {
                    machine.Enslave(port, "br0");
                }
            },
            "br0");
        scene.ShowGroups();
        return scene;
    }

    private static string GroupMac(string group)
    {
        byte[] bytes = System.Net.IPAddress.Parse(group).GetAddressBytes();
        return bytes.Length == 4 ? $"01:00:5e:{bytes[1] & 0x7f:x2}:{bytes[2]:x2}:{bytes[3]:x2}" : $"33:33:{bytes[12]:x2}:{bytes[13]:x2}:{bytes[14]:x2}:{bytes[15]:x2}";
    }

    private static string Mac(int port) => port < 3 ? Macs[port] : "02:00:00:00:03:01";

    private static byte[] To(int port, string group) =>
        group.Contains(':', StringComparison.Ordinal) ? Frames.Udp(Mac(port), GroupMac(group), "2001:db8::2", group) : Frames.Udp(Mac(port), GroupMac(group), "10.9.0.2", group);

    private static byte[] Igmp(int port, byte type, byte code, string? group)
    {
        byte[] message = new byte[8];
        (message[0], message[1]) = (type, code);
        if (group is not null)
        {
            System.Net.IPAddress.Parse(group).GetAddressBytes().CopyTo(message, 4);
        }

        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        string destination = type switch { 0x17 => "224.0.0.2", 0x11 when group is null => "224.0.0.1", _ => group ?? "224.0.0.1" };
        return Frames.Of(Mac(port), GroupMac(destination), $"10.9.0.{port + 2}", destination, IpProtocol.Igmp, message, 1);
    }

    private static byte[] Igmp3(int port, params (byte Type, string Group)[] records)
    {
        byte[] message = new byte[8 + 8 * records.Length];
        message[0] = 0x22;
        message[7] = (byte)records.Length;
        for (int i = 0; i < records.Length; i++)
        {
            message[8 + 8 * i] = records[i].Type;
            System.Net.IPAddress.Parse(records[i].Group).GetAddressBytes().CopyTo(message, 12 + 8 * i);
        }

        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return Frames.Of(Mac(port), GroupMac("224.0.0.22"), $"10.9.0.{port + 2}", "224.0.0.22", IpProtocol.Igmp, message, 1);
    }

    /// <summary>With the hop-by-hop router alert that such messages have.</summary>
    private static byte[] Mld(int port, byte type, ushort delay, string? group)
    {
        string destination = group ?? "ff02::1", source = $"fe80::{port + 2}";
        byte[] payload = [IpProtocol.Icmpv6, 0, 5, 2, 0, 0, 1, 0, .. new byte[24]];
        Span<byte> message = payload.AsSpan(8);
        message[0] = type;
        BinaryPrimitives.WriteUInt16BigEndian(message[4..], delay);
        if (group is not null)
        {
            System.Net.IPAddress.Parse(group).GetAddressBytes().CopyTo(message[8..]);
        }

        ushort sum = InternetChecksum.Fold(InternetChecksum.Add(
            InternetChecksum.PseudoHeader(System.Net.IPAddress.Parse(source).GetAddressBytes(), System.Net.IPAddress.Parse(destination).GetAddressBytes(), IpProtocol.Icmpv6, message.Length), message));
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], sum);
        return Frames.Of(Mac(port), GroupMac(destination), source, destination, IpProtocol.HopByHop, payload, 1);
    }

    /// <summary>RTM_GETMDB of AF_BRIDGE: members and routers, without what is left of their time.</summary>
    private static string Database(SceneMachine machine)
    {
        var lines = new List<string>();
        foreach (byte[] bridge in machine.Dump(NetlinkProtocol.Route, GetGroups, 7, 0, 0, 0, 0, 0, 0, 0))
        {
            var parts = new AttributeReader(bridge);
            while (parts.TryRead(out NetlinkAttribute part))
            {
                AttributeReader entries = part.Nested();
                while (entries.TryRead(out NetlinkAttribute entry))
                {
                    if (part.Type != Members)
                    {
                        lines.Add($"router {BinaryPrimitives.ReadInt32LittleEndian(entry.Value)} {entry.Value.Length} kind {entry.Value[16]}");
                        continue;
                    }

                    AttributeReader members = entry.Nested();
                    while (members.TryRead(out NetlinkAttribute member))
                    {
                        lines.Add($"member {Convert.ToHexStringLower(member.Value[..28])} {Convert.ToHexStringLower(member.Value[36..])}");
                    }
                }
            }
        }

        lines.Sort(StringComparer.Ordinal);
        return string.Join('\n', lines);
    }
}
