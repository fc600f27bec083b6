using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>One request, in words and as something to be sent.</summary>
internal sealed partial record RouteOperation(string Text, Func<RouteSide, string> Run)
{
    private static readonly string[] Names = ["br0", "br1", "va", "vb", "vc", "vd", "if0", "nosuch"];
    private static readonly string[] Kinds = ["bridge", "veth", "ifb", "bridge", "veth", "nosuchkind"];

    public static RouteOperation Draw(Random random)
    {
        string name = Names[random.Next(Names.Length)];
        string other = Names[random.Next(Names.Length)];
        byte[] mac = [(byte)(random.Next(12) == 0 ? 3 : 2), 0, 0, 0, (byte)random.Next(4), (byte)random.Next(256)];
        byte[] address = [10, (byte)random.Next(2), 0, (byte)random.Next(1, 4)];
        byte length = (byte)(random.Next(10) switch { 0 => 33, 1 => 32, 2 => 31, 3 => 16, _ => 24 });
        if (random.Next(2) == 0)
        {
            return DrawWide(random, name, other, mac, address, length);
        }

        switch (random.Next(16))
        {
            case 0 or 1:
                string kind = Kinds[random.Next(Kinds.Length)];
                return AddLink(name, kind, other, mac, random.Next(3) == 0 ? (ushort)0x405 : (ushort)0x605);
            case 2:
                return new RouteOperation($"link del {name}", side => side.Ask(17, 5, (ref NetlinkWriter w) => Named(ref w, name)));
            case 3 or 4 or 5:
                return SetUp(name, random.Next(4) != 0);
            case 6:
                return SetMaster(name, other);
            case 7:
                return Release(name);
            case 8:
                uint mtu = (uint)random.Next(1280, 1600) - (random.Next(8) == 0 ? 1279u : 0);
                return new RouteOperation($"link set {name} mtu {mtu}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                {
                    Named(ref w, name);
                    w.WriteUInt32(4, mtu);
                }));
            case 9:
                return new RouteOperation($"link set {name} alias/group", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                {
                    Named(ref w, name);
                    w.WriteBytes(20, "hello"u8);
                    w.WriteUInt32(27, 3);
                }));
            case 10 or 11:
                return ChangeAddress(name, address, length, random.Next(3) != 0);
            case 12 or 13:
                ushort verb = random.Next(4) == 0 ? (ushort)25 : (ushort)24;
                ushort flags = verb == 25 ? (ushort)5 : random.Next(3) switch { 0 => (ushort)0x505, 1 => (ushort)0xc05, _ => (ushort)0x605 };
                byte[] destination = [10, (byte)random.Next(20, 23), 0, 0];
                bool viaGateway = random.Next(2) == 0;
                byte type = random.Next(6) == 0 ? (byte)6 : (byte)1;
                return new RouteOperation($"route verb {verb} flags {flags:x} type {type} {string.Join('.', destination)}/16 {(viaGateway ? "via " + string.Join('.', address) : "dev " + name)}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask(verb, flags, (ref NetlinkWriter w) =>
                    {
                        bool isDelete = verb == 25;
                        w.Append([2, 16, 0, 0, 254, isDelete ? (byte)0 : (byte)3, isDelete ? (byte)255 : viaGateway || type == 6 ? (byte)0 : (byte)253, type, 0, 0, 0, 0]);
                        w.WriteBytes(1, destination);
                        if (type == 6)
                        {
                            return;
                        }

                        if (viaGateway)
                        {
                            w.WriteBytes(5, address);
                        }
                        else
                        {
                            w.WriteInt32(4, index);
                        }
                    });
                });
            case 14:
                bool addRule = random.Next(3) != 0;
                uint preference = (uint)random.Next(100, 104);
                return new RouteOperation($"rule {(addRule ? "add" : "del")} pref {preference}", side => side.Ask(addRule ? (ushort)32 : (ushort)33, addRule ? (ushort)0x605 : (ushort)5, (ref NetlinkWriter w) =>
                {
                    w.Append([2, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0]);
                    w.WriteUInt32(6, preference);
                }));
            default:
                bool addNeighbour = random.Next(3) != 0;
                return new RouteOperation($"neigh {(addNeighbour ? "add" : "del")} {string.Join('.', address)} dev {name}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask(addNeighbour ? (ushort)28 : (ushort)29, addNeighbour ? (ushort)0x605 : (ushort)5, (ref NetlinkWriter w) =>
                    {
                        w.Append([2, 0, 0, 0]);
                        w.AppendStruct(index);
                        w.Append([0x80, 0, 0, 0]);
                        w.WriteBytes(1, address);
                        if (addNeighbour)
                        {
                            w.WriteBytes(2, mac);
                        }
                    });
                });
        }
    }

    /// <summary>A bridge with a port, a pair of veths, an ifb, most of them up and with an address: what a program can work on from its first step.</summary>
    public static IEnumerable<RouteOperation> Foundation(Random random)
    {
        byte Number() => (byte)random.Next(256);
        yield return AddLink("br0", "bridge", "", [2, 0, 0, 0, 1, Number()], 0x605);
        yield return AddLink("va", "veth", "vb", [2, 0, 0, 0, 2, Number()], 0x605);
        yield return AddLink("if0", "ifb", "", [2, 0, 0, 0, 3, Number()], 0x605);
        yield return SetMaster("va", random.Next(3) == 0 ? "br1" : "br0");
        foreach (string name in (string[])["br0", "va", "vb", "if0"])
        {
            if (random.Next(4) != 0)
            {
                yield return SetUp(name, up: true);
            }

            if (random.Next(2) == 0)
            {
                yield return ChangeAddress(name, [10, (byte)random.Next(2), 0, (byte)random.Next(1, 4)], 24, isAdded: true);
            }
        }
    }

    /// <summary>RTM_NEWLINK of a kind with a MAC; a veth with its peer, a macvlan with its lower device, a vxlan with an id of its own.</summary>
    public static RouteOperation AddLink(string name, string kind, string other, byte[] mac, ushort flags) =>
        new($"link add {name} type {kind} peer {other} {Convert.ToHexString(mac)} flags {flags:x}", side =>
        {
            int lower = kind == "macvlan" ? side.Index(other) : 0;
            return side.Ask(16, flags, (ref NetlinkWriter w) =>
            {
                w.Append(new byte[16]);
                w.WriteString(3, name);
                w.WriteBytes(1, mac);
                WireMark info = w.BeginNested(18);
                w.WriteString(1, kind);
                if (kind == "veth")
                {
                    WireMark data = w.BeginNested(2);
                    WireMark peer = w.BeginNested(1);
                    w.Append(new byte[16]);
                    w.WriteString(3, other);
                    w.WriteBytes(1, [2, 1, 0, 0, mac[4], mac[5]]);
                    w.EndAttribute(peer);
                    w.EndAttribute(data);
                }
                else if (kind == "vxlan")
                {
                    WireMark data = w.BeginNested(2);
                    w.WriteUInt32(1, (uint)(mac[4] << 8 | mac[5]));
                    w.EndAttribute(data);
                }

                w.EndAttribute(info);
                if (lower != 0)
                {
                    w.WriteInt32(5, lower);
                }
            });
        });

    public static RouteOperation SetUp(string name, bool up) => SetFlags(name, up ? 1u : 0, 1, $"link set {name} {(up ? "up" : "down")}");

    /// <summary>IFF_* of a link, as far as the mask goes.</summary>
    public static RouteOperation SetFlags(string name, uint flags, uint mask, string? text = null) => new(text ?? $"link set {name} flags {flags:x}/{mask:x}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
    {
        w.AppendStruct(0L);
        w.AppendStruct(flags);
        w.AppendStruct(mask);
        w.WriteString(3, name);
    }));

    public static RouteOperation SetAddress(string name, byte[] mac) => new($"link set {name} address {Convert.ToHexString(mac)}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
    {
        Named(ref w, name);
        w.WriteBytes(1, mac);
    }));

    /// <summary>"bridge fdb add MAC dev DEVICE self permanent": to the receive filter of a device without a database.</summary>
    public static RouteOperation AddOwnAddress(string name, byte[] mac) => new($"fdb add {Convert.ToHexString(mac)} dev {name} self permanent", side =>
    {
        int index = side.Index(name);
        return side.Ask(28, Create, (ref NetlinkWriter w) =>
        {
            w.Append([7, 0, 0, 0]);
            w.AppendStruct(index);
            w.Append([0x80, 0, 2, 0]);
            w.WriteBytes(2, mac);
        });
    });

    public static RouteOperation SetMaster(string name, string other) => new($"link set {name} master {other}", side =>
    {
        int master = side.Index(other);
        return side.Ask(16, 5, (ref NetlinkWriter w) =>
        {
            Named(ref w, name);
            w.WriteInt32(10, master);
        });
    });

    public static RouteOperation Release(string name) => new($"link set {name} nomaster", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
    {
        Named(ref w, name);
        w.WriteInt32(10, 0);
    }));

    /// <summary>A route of two next hops of the same weight.</summary>
    public static RouteOperation TwoWays(byte[] destination, string name, string other) => new($"route add {string.Join('.', destination)}/16 nexthop dev {name} nexthop dev {other}", side =>
    {
        int first = side.Index(name), second = side.Index(other);
        return side.Ask(24, Create, (ref NetlinkWriter w) =>
        {
            w.Append([2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
            w.WriteBytes(1, destination);
            w.WriteBytes(9, [8, 0, 0, 0, .. BitConverter.GetBytes(first), 8, 0, 0, 0, .. BitConverter.GetBytes(second)]);
        });
    });

    /// <summary>"ip route get".</summary>
    public static RouteOperation AskWay(byte[] destination) => new($"route get {string.Join('.', destination)}", side => side.Ask(26, 1, (ref NetlinkWriter w) =>
    {
        w.Append([2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        w.WriteBytes(1, destination);
    }));

    public static RouteOperation ChangeAddress(string name, byte[] address, byte length, bool isAdded) =>
        new($"addr {(isAdded ? "add" : "del")} {string.Join('.', address)}/{length} dev {name}", side =>
        {
            int index = side.Index(name);
            return side.Ask(isAdded ? (ushort)20 : (ushort)21, isAdded ? (ushort)0x605 : (ushort)5, (ref NetlinkWriter w) =>
            {
                w.Append([2, length, 0, 0]);
                w.AppendStruct(index);
                w.WriteBytes(2, address);
                w.WriteBytes(1, address);
            });
        });

    private static void Named(ref NetlinkWriter w, string name)
    {
        w.Append(new byte[16]);
        w.WriteString(3, name);
    }
}
