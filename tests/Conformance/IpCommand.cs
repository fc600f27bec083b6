using System.Globalization;
using System.Net;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>
/// Understands as much of ip's and bridge's command language as the recordings of events use, and sends what those programs send. It stands apart from the
/// product's own encoder on purpose: what is compared here is the simulated kernel.
/// </summary>
internal sealed class IpCommand(SimulatedKernel kernel)
{
    private const ushort Request = 1;
    private const ushort Acknowledge = 4;
    private const ushort Replace = 0x100;
    private const ushort Exclusive = 0x200;
    private const ushort Create = 0x400;

    private delegate void Fill(ref NetlinkWriter writer);

    /// <summary>Runs a command; returns the kernel's errno, or null where the command isn't understood.</summary>
    public int? Run(string command)
    {
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        bool v6 = words.Length > 1 && words[1] == "-6";
        if (words.Length > 1 && words[1] is "-6" or "-4")
        {
            words = [words[0], .. words[2..]];
        }

        return (words[0], words.ElementAtOrDefault(1), words.ElementAtOrDefault(2)) switch
        {
            ("ip", "link", "add") => LinkAdd(words[3..]),
            ("ip", "link", "set") => LinkSet(words[3..]),
            ("ip", "link", "del") => Send(17, Acknowledge, (ref NetlinkWriter w) => Header(ref w, Index(words[3]))),
            ("ip", "link", "property") => LinkProperty(words[3..]),
            ("ip", "addr", "add" or "change" or "del") => Address(words[2], words[3..]),
            ("ip", "addr", "flush") => AddressFlush(words[^1]),
            ("ip", "route", "add" or "replace" or "append" or "del") => RouteChange(words[2], words[3..], v6),
            ("ip", "rule", "add" or "del") => Rule(words[2], words[3..], v6),
            ("ip", "neigh", "add" or "replace" or "del") => NeighbourChange(words[2], words[3..]),
            ("ip", "nexthop", "add") => NextHopAdd(words[3..]),
            ("bridge", "fdb", "add" or "del") => Forwarding(words[2], words[3..]),
            ("bridge", "link", "set") => BridgeLink(words[3..]),
            ("tc", "qdisc", "add") => new TrafficCommand(kernel).AddQdisc(words[3..]),
            ("tc", "class", "add") => new TrafficCommand(kernel).AddClass(words[3..]),
            _ => null,
        };
    }

    private int? LinkAdd(string[] words)
    {
        string? name = null;
        int link = 0;
        int type = Array.IndexOf(words, "type");
        if (type < 0)
        {
            return null;
        }

        for (int at = 0; at < type; at++)
        {
            switch (words[at])
            {
                case "link":
                    link = Index(words[++at]);
                    break;
                case "name":
                    name = words[++at];
                    break;
                default:
                    name ??= words[at];
                    break;
            }
        }

        string kind = words[type + 1];
        string[] options = words[(type + 2)..];
        Fill? data = KindData(kind, options, out bool understood);
        return !understood ? null : Send(16, Acknowledge | Create | Exclusive, (ref NetlinkWriter w) =>
        {
            Header(ref w, 0);
            if (name is not null)
            {
                w.WriteString(3, name);
            }

            if (link != 0)
            {
                w.WriteInt32(5, link);
            }

            WireMark info = w.BeginNested(18, false);
            w.WriteString(1, kind);
            if (data is not null)
            {
                WireMark nest = w.BeginNested(2);
                data(ref w);
                w.EndAttribute(nest);
            }

            w.EndAttribute(info);
        });
    }

    private static Fill? KindData(string kind, string[] options, out bool understood)
    {
        understood = kind is "bridge" or "veth" or "vlan" or "macvlan" or "ifb" or "dummy" or "vxlan";
        if (kind == "vlan")
        {
            return (ref NetlinkWriter w) =>
            {
                w.WriteUInt16(1, ushort.Parse(options[Array.IndexOf(options, "id") + 1], CultureInfo.InvariantCulture));
                int reorder = Array.IndexOf(options, "reorder_hdr");
                if (reorder >= 0)
                {
                    w.WriteUInt64(2, (options[reorder + 1] == "on" ? 1u : 0u) | 1ul << 32);
                }
            };
        }

        if (kind == "veth" && options.Length >= 3)
        {
            return (ref NetlinkWriter w) =>
            {
                WireMark peer = w.BeginNested(1);
                Header(ref w, 0);
                w.WriteString(3, options[2]);
                w.EndAttribute(peer);
            };
        }

        if (kind == "macvlan" && options is ["mode", "bridge"])
        {
            return static (ref NetlinkWriter w) => w.WriteUInt32(1, 4);
        }

        if (kind == "bridge" && options.Length > 0)
        {
            return (ref NetlinkWriter w) =>
            {
                for (int at = 0; at + 1 < options.Length; at += 2)
                {
                    uint value = uint.Parse(options[at + 1], CultureInfo.InvariantCulture);
                    switch (options[at])
                    {
                        case "forward_delay":
                            w.WriteUInt32(1, value);
                            break;
                        case "hello_time":
                            w.WriteUInt32(2, value);
                            break;
                        case "max_age":
                            w.WriteUInt32(3, value);
                            break;
                        case "ageing_time":
                            w.WriteUInt32(4, value);
                            break;
                        case "stp_state":
                            w.WriteUInt32(5, value);
                            break;
                        case "priority":
                            w.WriteUInt16(6, (ushort)value);
                            break;
                        case "mcast_snooping":
                            w.WriteByte(23, (byte)value);
                            break;
                        default:
                            break;
                    }
                }
            };
        }

        if (kind == "vxlan")
        {
            return (ref NetlinkWriter w) =>
            {
                for (int at = 0; at + 1 < options.Length; at += 2)
                {
                    string value = options[at + 1];
                    switch (options[at])
                    {
                        case "id":
                            w.WriteUInt32(1, uint.Parse(value, CultureInfo.InvariantCulture));
                            break;
                        case "remote":
                            w.WriteBytes(2, IPAddress.Parse(value).GetAddressBytes());
                            break;
                        case "local":
                            w.WriteBytes(4, IPAddress.Parse(value).GetAddressBytes());
                            break;
                        case "dstport":
                            w.WriteUInt16BigEndian(15, ushort.Parse(value, CultureInfo.InvariantCulture));
                            break;
                        case "ttl":
                            w.WriteByte(5, byte.Parse(value, CultureInfo.InvariantCulture));
                            break;
                        default:
                            break;
                    }
                }
            };
        }

        return null;
    }

    private int? LinkSet(string[] words)
    {
        int index = Index(words[0]);
        switch (words[1])
        {
            case "up":
                return Send(16, Acknowledge, (ref NetlinkWriter w) => Header(ref w, index, 1, 1));
            case "down":
                return Send(16, Acknowledge, (ref NetlinkWriter w) => Header(ref w, index, 0, 1));
            case "master":
                int master = Index(words[2]);
                return LinkAttribute(index, (ref NetlinkWriter w) => w.WriteInt32(10, master));
            case "nomaster":
                return LinkAttribute(index, static (ref NetlinkWriter w) => w.WriteInt32(10, 0));
            case "mtu":
                return LinkAttribute(index, (ref NetlinkWriter w) => w.WriteUInt32(4, uint.Parse(words[2], CultureInfo.InvariantCulture)));
            case "name":
                return LinkAttribute(index, (ref NetlinkWriter w) => w.WriteString(3, words[2]));
            case "address":
                return LinkAttribute(index, (ref NetlinkWriter w) => w.WriteBytes(1, Mac(words[2])));
            case "alias":
                return LinkAttribute(index, (ref NetlinkWriter w) => w.WriteBytes(20, Encoding.UTF8.GetBytes(words[2])));
            case "netns":
                return LinkAttribute(index, static (ref NetlinkWriter w) => w.WriteInt32(28, 1));
            case "type" when words[2] == "bridge_slave":
                return LinkAttribute(index, (ref NetlinkWriter w) =>
                {
                    WireMark info = w.BeginNested(18, false);
                    w.WriteString(4, "bridge");
                    WireMark data = w.BeginNested(5);
                    PortOptions(ref w, words[3..]);
                    w.EndAttribute(data);
                    w.EndAttribute(info);
                });
            default:
                return null;
        }
    }

    private int? BridgeLink(string[] words) => Send(19, Acknowledge, (ref NetlinkWriter w) =>
    {
        w.Append([7, 0, 0, 0]);
        w.AppendStruct(Index(words[1]));
        w.AppendStruct(0L);
        WireMark protocol = w.BeginNested(12);
        PortOptions(ref w, words[2..]);
        w.EndAttribute(protocol);
    });

    private static void PortOptions(ref NetlinkWriter w, string[] options)
    {
        for (int at = 0; at + 1 < options.Length; at += 2)
        {
            string value = options[at + 1];
            byte flag = value == "on" ? (byte)1 : (byte)0;
            switch (options[at])
            {
                case "cost":
                    w.WriteUInt32(3, uint.Parse(value, CultureInfo.InvariantCulture));
                    break;
                case "priority":
                    w.WriteUInt16(2, ushort.Parse(value, CultureInfo.InvariantCulture));
                    break;
                case "hairpin":
                    w.WriteByte(4, flag);
                    break;
                case "isolated":
                    w.WriteByte(33, flag);
                    break;
                case "learning":
                    w.WriteByte(8, flag);
                    break;
                case "flood":
                    w.WriteByte(9, flag);
                    break;
                default:
                    break;
            }
        }
    }

    private int? LinkProperty(string[] words) => Send(words[0] == "add" ? (ushort)108 : (ushort)109, Acknowledge | Create | Exclusive, (ref NetlinkWriter w) =>
    {
        Header(ref w, Index(words[2]));
        WireMark list = w.BeginNested(52);
        w.WriteString(53, words[4]);
        w.EndAttribute(list);
    });

    private int? LinkAttribute(int index, Fill attribute) => Send(16, Acknowledge, (ref NetlinkWriter w) =>
    {
        Header(ref w, index);
        attribute(ref w);
    });

    private int? Address(string verb, string[] words)
    {
        string[] parts = words[0].Split('/');
        IPAddress address = IPAddress.Parse(parts[0]);
        byte[] bytes = address.GetAddressBytes();
        byte length = parts.Length > 1 ? byte.Parse(parts[1], CultureInfo.InvariantCulture) : (byte)(bytes.Length * 8);
        uint flags = words.Contains("nodad") ? 2u : 0;
        ushort type = verb == "del" ? (ushort)21 : (ushort)20;
        ushort messageFlags = verb switch { "add" => (ushort)(Acknowledge | Create | Exclusive), "change" => (ushort)(Acknowledge | Replace), _ => Acknowledge };
        return Send(type, messageFlags, (ref NetlinkWriter w) =>
        {
            w.Append([bytes.Length == 4 ? (byte)2 : (byte)10, length, (byte)flags, 0]);
            w.AppendStruct(Index(After(words, "dev")!));
            w.WriteBytes(2, bytes);
            w.WriteBytes(1, bytes);
            if (After(words, "brd") is { } broadcast)
            {
                w.WriteBytes(4, IPAddress.Parse(broadcast).GetAddressBytes());
            }

            if (flags != 0)
            {
                w.WriteUInt32(8, flags);
            }

            if (After(words, "valid_lft") is { } valid)
            {
                uint preferred = uint.Parse(After(words, "preferred_lft")!, CultureInfo.InvariantCulture);
                byte[] cache = new byte[16];
                BitConverter.TryWriteBytes(cache, preferred);
                BitConverter.TryWriteBytes(cache.AsSpan(4), uint.Parse(valid, CultureInfo.InvariantCulture));
                w.WriteBytes(6, cache);
            }
        });
    }

    /// <summary>ip deletes the addresses of a device one by one, secondary ones before their primary one, as it finds them in a dump.</summary>
    private int? AddressFlush(string device)
    {
        int index = Index(device);
        foreach (InterfaceAddress address in kernel.Addresses.Of(kernel.Devices.Find(index)!, 2).OrderByDescending(static address => address.Flags & 1)
            .Concat(kernel.Addresses.Of(kernel.Devices.Find(index)!, 10)).ToArray())
        {
            Send(21, Acknowledge, (ref NetlinkWriter w) =>
            {
                w.Append([address.Local.Family, address.PrefixLength, 0, 0]);
                w.AppendStruct(index);
                w.WriteBytes(2, address.Local.ToBytes());
                w.WriteBytes(1, address.Address.ToBytes());
            });
        }

        return 0;
    }

    private int? RouteChange(string verb, string[] words, bool v6)
    {
        string[] parts = words[0] == "default" ? [v6 ? "::" : "0.0.0.0", "0"] : words[0].Split('/');
        byte[] bytes = IPAddress.Parse(parts[0]).GetAddressBytes();
        byte family = bytes.Length == 4 ? (byte)2 : (byte)10;
        byte length = parts.Length > 1 ? byte.Parse(parts[1], CultureInfo.InvariantCulture) : (byte)(bytes.Length * 8);
        string? via = After(words, "via");
        string? device = After(words, "dev");
        bool isDelete = verb == "del";
        byte scope = isDelete ? (byte)255 : via is null && family == 2 && !words.Contains("nhid") ? (byte)253 : (byte)0;
        ushort flags = verb switch { "add" => (ushort)(Acknowledge | Create | Exclusive), "replace" => (ushort)(Acknowledge | Create | Replace), "append" => (ushort)(Acknowledge | Create | 0x800), _ => Acknowledge };
        return Send(isDelete ? (ushort)25 : (ushort)24, flags, (ref NetlinkWriter w) =>
        {
            w.Append([family, length, 0, 0, 254, isDelete ? (byte)0 : (byte)3, scope, isDelete ? (byte)0 : (byte)1]);
            w.AppendStruct(0);
            if (length > 0)
            {
                w.WriteBytes(1, bytes);
            }

            if (via is not null)
            {
                w.WriteBytes(5, IPAddress.Parse(via).GetAddressBytes());
            }

            if (device is not null)
            {
                w.WriteInt32(4, Index(device));
            }

            if (After(words, "nhid") is { } id)
            {
                w.WriteUInt32(30, uint.Parse(id, CultureInfo.InvariantCulture));
            }
        });
    }

    private int? NextHopAdd(string[] words) => Send(104, Acknowledge | Create | Exclusive, (ref NetlinkWriter w) =>
    {
        w.Append([2, 0, 0, 0, 0, 0, 0, 0]);
        w.WriteUInt32(1, uint.Parse(After(words, "id")!, CultureInfo.InvariantCulture));
        w.WriteBytes(6, IPAddress.Parse(After(words, "via")!).GetAddressBytes());
        w.WriteInt32(5, Index(After(words, "dev")!));
    });

    private int? Rule(string verb, string[] words, bool v6) => Send(verb == "add" ? (ushort)32 : (ushort)33, verb == "add" ? (ushort)(Acknowledge | Create | Exclusive) : Acknowledge, (ref NetlinkWriter w) =>
    {
        uint table = After(words, "table") is { } given ? uint.Parse(given, CultureInfo.InvariantCulture) : verb == "add" ? 254u : 0;
        w.Append([v6 ? (byte)10 : (byte)2, 0, 0, 0, (byte)table, 0, 0, verb == "add" ? (byte)1 : (byte)0]);
        w.AppendStruct(0);
        if (After(words, "pref") is { } preference)
        {
            w.WriteUInt32(6, uint.Parse(preference, CultureInfo.InvariantCulture));
        }

        if (After(words, "fwmark") is { } mark)
        {
            w.WriteUInt32(10, uint.Parse(mark, CultureInfo.InvariantCulture));
        }
    });

    private int? NeighbourChange(string verb, string[] words) => Send(verb == "del" ? (ushort)29 : (ushort)28, verb == "add" ? (ushort)(Acknowledge | Create | Exclusive) : verb == "replace" ? (ushort)(Acknowledge | Create | Replace) : Acknowledge, (ref NetlinkWriter w) =>
    {
        byte[] address = IPAddress.Parse(words[0]).GetAddressBytes();
        w.Append([address.Length == 4 ? (byte)2 : (byte)10, 0, 0, 0]);
        w.AppendStruct(Index(After(words, "dev")!));
        w.Append([After(words, "nud") == "reachable" ? (byte)2 : (byte)0x80, 0, 0, 0]);
        w.WriteBytes(1, address);
        if (After(words, "lladdr") is { } mac)
        {
            w.WriteBytes(2, Mac(mac));
        }
    });

    private int? Forwarding(string verb, string[] words) => Send(verb == "del" ? (ushort)29 : (ushort)28, verb == "add" ? (ushort)(Acknowledge | Create | Exclusive) : Acknowledge, (ref NetlinkWriter w) =>
    {
        w.Append([7, 0, 0, 0]);
        w.AppendStruct(Index(After(words, "dev")!));
        byte flags = (byte)((words.Contains("master") ? 4 : 0) | (words.Contains("self") ? 2 : 0));
        w.Append([words.Contains("static") ? (byte)0x40 : (byte)0x80, 0, flags, 0]);
        w.WriteBytes(2, Mac(words[0]));
    });

    private static void Header(ref NetlinkWriter w, int index, uint flags = 0, uint change = 0)
    {
        w.Append([0, 0, 0, 0]);
        w.AppendStruct(index);
        w.AppendStruct(flags);
        w.AppendStruct(change);
    }

    private int Index(string name) => kernel.Devices.Find(name)?.Index ?? 0;

    private static string? After(string[] words, string word)
    {
        int at = Array.IndexOf(words, word);
        return at >= 0 && at + 1 < words.Length ? words[at + 1] : null;
    }

    private static byte[] Mac(string text) => [.. text.Split(':').Select(static octet => byte.Parse(octet, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    private int? Send(ushort type, ushort flags, Fill fill)
    {
        using var socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Route);
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, (NetlinkMessageFlags)(Request | flags), 1);
        fill(ref writer);
        writer.EndMessage(message);
        writer.Complete();
        socket.Send(buffer.Written);
        byte[] answer = socket.ReceiveOne() ?? [];
        return answer.Length >= 20 ? -BitConverter.ToInt32(answer, 16) : 0;
    }
}
