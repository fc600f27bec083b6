using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <content>The rarer attributes: options of bridges and ports, lifetimes, multipath, metrics, selectors of rules, proxies, alternative names, the FDB; and damage.</content>
internal sealed partial record RouteOperation
{
    private const ushort Request = 5, Create = 0x605, Replace = 0x505;

    /// <summary>Spoils one attribute: its length or a bit of its value. (Another type would ask for features at random; those are looked at one by one.)</summary>
    public static void Damage(byte[] request, int dice)
    {
        int header = BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(4)) switch
        {
            16 or 17 or 18 or 19 or 108 or 109 => 16,
            20 or 21 or 112 or 113 => 8,
            _ => 12,
        };
        var places = new List<int>();
        for (int at = 16 + header; at + 4 <= request.Length;)
        {
            places.Add(at);
            at += Math.Max(4, BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(at)) + 3 & ~3);
        }

        if (places.Count == 0)
        {
            return;
        }

        int place = places[dice / 7 % places.Count];
        Span<byte> attribute = request.AsSpan(place);
        ushort length = BinaryPrimitives.ReadUInt16LittleEndian(attribute);
        switch (dice % 3)
        {
            case 0:
                BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)Math.Max(4, length - 1 - dice / 5 % 4));
                break;
            case 1:
                BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(length + 1 + dice / 5 % 3));
                break;
            default:
                if (length > 4)
                {
                    attribute[4 + dice / 5 % (length - 4)] ^= (byte)(1 << dice / 11 % 7);
                }

                break;
        }
    }

    private static RouteOperation DrawWide(Random random, string name, string other, byte[] mac, byte[] address, byte length)
    {
        byte[] number = BitConverter.GetBytes(random.Next(5) == 0 ? random.Next() : random.Next(300));
        switch (random.Next(15))
        {
            case 0 or 1:
                ushort option = (ushort)random.Next(1, 46);
                byte[] value = number[..(random.Next(8) == 0 ? random.Next(5) : PortOptionSize(option))];
                return new RouteOperation($"bridge port {name} option {option} = {Convert.ToHexString(value)}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask(19, Request, (ref NetlinkWriter w) =>
                    {
                        w.Append([7, 0, 0, 0]);
                        w.AppendStruct(index);
                        w.AppendStruct(0L);
                        WireMark options = w.BeginNested(12);
                        w.WriteBytes(option, value);
                        w.EndAttribute(options);
                    });
                });
            case 2:
                ushort setting = (ushort)new[] { 1, 2, 3, 4, 5, 6, 7, 9, 10, 22, 23, 24, 25, 36, 37, 38, 41, 42, 43, 44, 45 }[random.Next(21)];
                byte[] set = number[..(random.Next(8) == 0 ? random.Next(5) : setting is 1 or 2 or 3 or 4 or 27 or 28 ? 4 : setting is 6 or 9 ? 2 : 1)];
                return new RouteOperation($"link set {name} type bridge {setting} = {Convert.ToHexString(set)}", side => side.Ask(16, Request, (ref NetlinkWriter w) =>
                {
                    Named(ref w, name);
                    WireMark info = w.BeginNested(18);
                    w.WriteString(1, "bridge");
                    WireMark data = w.BeginNested(2);
                    w.WriteBytes(setting, set);
                    w.EndAttribute(data);
                    w.EndAttribute(info);
                }));
            case 3:
                uint valid = (uint)(random.Next(4) == 0 ? -1 : random.Next(0, 5000)), preferred = random.Next(4) == 0 ? uint.MaxValue : (uint)random.Next(0, 6000);
                ushort how = random.Next(2) == 0 ? Replace : Create;
                byte scope = (byte)(random.Next(3) * 127);
                bool withLabel = random.Next(3) == 0, withBroadcast = random.Next(2) == 0, withPeer = random.Next(4) == 0;
                return new RouteOperation($"addr {how:x} {string.Join('.', address)}/{length} dev {name} valid {valid} preferred {preferred} scope {scope}{(withLabel ? " label" : "")}{(withPeer ? " peer" : "")}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask(20, how, (ref NetlinkWriter w) =>
                    {
                        w.Append([2, length, 0, scope]);
                        w.AppendStruct(index);
                        w.WriteBytes(2, address);
                        w.WriteBytes(1, withPeer ? [10, 9, 0, address[3]] : address);
                        if (withBroadcast)
                        {
                            w.WriteBytes(4, [10, 0, 0, 255]);
                        }

                        if (withLabel)
                        {
                            w.WriteString(3, name + ":x");
                        }

                        w.WriteBytes(6, [.. BitConverter.GetBytes(preferred), .. BitConverter.GetBytes(valid), 0, 0, 0, 0, 0, 0, 0, 0]);
                        w.WriteUInt32(9, 77);
                    });
                });
            case 4 or 5:
                return Multipath(random, name, other, address);
            case 6 or 7:
                return WideRoute(random, name, address);
            case 8 or 9:
                return WideRule(random, name, address);
            case 10:
                // Those of other states end with the carrier, which comes and goes with time (NeighbourStateTests has them).
                const ushort state = 0x80;
                byte neighbourFlags = (byte)(random.Next(3) == 0 ? 8 : 0);
                bool remove = random.Next(4) == 0, withMac = random.Next(5) != 0;
                return new RouteOperation($"neigh {(remove ? "del" : "replace")} {string.Join('.', address)} dev {name} flags {neighbourFlags}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask((ushort)(remove ? 29 : 28), remove ? Request : Replace, (ref NetlinkWriter w) =>
                    {
                        w.Append([2, 0, 0, 0]);
                        w.AppendStruct(index);
                        w.AppendStruct(state);
                        w.Append([neighbourFlags, 0]);
                        w.WriteBytes(1, address);
                        if (withMac)
                        {
                            w.WriteBytes(2, mac);
                        }
                    });
                });
            case 11:
                bool adds = random.Next(3) != 0;
                string alternative = $"alt{random.Next(3)}";
                return new RouteOperation($"altname {(adds ? "add" : "del")} {alternative} of {name}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask((ushort)(adds ? 108 : 109), adds ? (ushort)0xe05 : Request, (ref NetlinkWriter w) =>
                    {
                        w.AppendStruct(0);
                        w.AppendStruct(index);
                        w.AppendStruct(0L);
                        WireMark list = w.BeginNested(52);
                        w.WriteString(53, alternative);
                        w.EndAttribute(list);
                    });
                });
            case 12:
                bool forget = random.Next(3) == 0;
                byte where = (byte)new[] { 2, 4, 6, 0 }[random.Next(4)];
                ushort entry = (ushort)new[] { 0x80, 0x40, 0x80, 4 }[random.Next(4)];
                return new RouteOperation($"fdb {(forget ? "del" : "add")} {Convert.ToHexString(mac)} dev {name} flags {where} state {entry:x}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask((ushort)(forget ? 29 : 28), forget ? Request : Create, (ref NetlinkWriter w) =>
                    {
                        w.Append([7, 0, 0, 0]);
                        w.AppendStruct(index);
                        w.AppendStruct(entry);
                        w.Append([where, 0]);
                        w.WriteBytes(2, mac);
                    });
                });
            case 13:
                return new RouteOperation($"link set {name} address {Convert.ToHexString(mac)} queue length", side => side.Ask(16, Request, (ref NetlinkWriter w) =>
                {
                    Named(ref w, name);
                    w.WriteBytes(1, mac);
                    w.WriteUInt32(13, number[0]);
                }));
            default:
                uint mark = (uint)random.Next(3);
                bool fromAddress = random.Next(3) == 0, byDevice = random.Next(4) == 0;
                byte[] asked = random.Next(2) == 0 ? address : [10, (byte)random.Next(20, 23), 0, 1];
                return new RouteOperation($"route get {string.Join('.', asked)} mark {mark}{(fromAddress ? " from " + string.Join('.', address) : "")}{(byDevice ? " oif " + name : "")}", side =>
                {
                    int index = side.Index(name);
                    return side.Ask(26, 1, (ref NetlinkWriter w) =>
                    {
                        w.Append([2, 32, (byte)(fromAddress ? 32 : 0), 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                        w.WriteBytes(1, asked);
                        if (fromAddress)
                        {
                            w.WriteBytes(2, address);
                        }

                        if (byDevice)
                        {
                            w.WriteInt32(4, index);
                        }

                        if (mark != 0)
                        {
                            w.WriteUInt32(16, mark);
                        }
                    });
                });
        }
    }

    private static int PortOptionSize(ushort option) => option switch
    {
        3 or 37 or 41 or 42 or 43 => 4,
        2 or 31 => 2,
        _ => 1,
    };

    private static RouteOperation Multipath(Random random, string name, string other, byte[] address)
    {
        byte weight = (byte)random.Next(5), hopFlags = (byte)(random.Next(4) == 0 ? 4 : 0);
        bool withGateway = random.Next(2) == 0;
        byte[] destination = [10, (byte)random.Next(23, 25), 0, 0];
        int cut = random.Next(10) == 0 ? random.Next(8) : 0;
        return new RouteOperation($"route add {string.Join('.', destination)}/16 nexthop dev {name} weight {weight} flags {hopFlags} nexthop dev {other}{(withGateway ? " via " + string.Join('.', address) : "")}{(cut > 0 ? $" cut {cut}" : "")}", side =>
        {
            int first = side.Index(name), second = side.Index(other);
            return side.Ask(24, Create, (ref NetlinkWriter w) =>
            {
                w.Append([2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
                w.WriteBytes(1, destination);
                byte[] gateway = withGateway ? [8, 0, 5, 0, .. address] : [];
                byte[] hops = [8, 0, hopFlags, weight, .. BitConverter.GetBytes(first), (byte)(8 + gateway.Length), 0, 0, 0, .. BitConverter.GetBytes(second), .. gateway];
                w.WriteBytes(9, hops.AsSpan(0, hops.Length - cut));
            });
        });
    }

    private static RouteOperation WideRoute(Random random, string name, byte[] address)
    {
        byte[] destination = [10, (byte)random.Next(20, 23), 0, 0];
        byte table = (byte)(random.Next(3) == 0 ? 100 : 254), scope = (byte)new[] { 0, 200, 253, 254, 255 }[random.Next(5)], service = (byte)(random.Next(6) == 0 ? 4 : 0);
        byte kind = (byte)new[] { 1, 1, 1, 2, 3, 5, 6, 7, 8, 9, 11 }[random.Next(11)];
        uint priority = (uint)random.Next(3), metric = (uint)random.Next(1, 19), amount = (uint)(random.Next(4) == 0 ? random.Next() : random.Next(2000));
        ushort flags = (ushort)new[] { 0x505, 0xc05, 0x605, 0x405, 0x105 }[random.Next(5)];
        bool withMetric = random.Next(2) == 0, withSource = random.Next(3) == 0, withGateway = random.Next(2) == 0, remove = random.Next(5) == 0, withOnLink = random.Next(5) == 0;
        return new RouteOperation(
            $"route {(remove ? "del" : "add")} {flags:x} type {kind} scope {scope} table {table} tos {service} {string.Join('.', destination)}/16 dev {name}{(withGateway ? " via " + string.Join('.', address) : "")} prio {priority} metric {metric}={amount} {withMetric} src {withSource} onlink {withOnLink}",
            side =>
            {
                int index = side.Index(name);
                return side.Ask((ushort)(remove ? 25 : 24), remove ? Request : flags, (ref NetlinkWriter w) =>
                {
                    w.Append([2, 16, 0, service, table, (byte)(remove ? 0 : 3), scope, kind, (byte)(withOnLink ? 4 : 0), 0, 0, 0]);
                    w.WriteBytes(1, destination);
                    w.WriteInt32(4, index);
                    if (withGateway)
                    {
                        w.WriteBytes(5, address);
                    }

                    if (priority != 0)
                    {
                        w.WriteUInt32(6, priority);
                    }

                    if (withSource)
                    {
                        w.WriteBytes(7, address);
                    }

                    if (withMetric)
                    {
                        WireMark metrics = w.BeginNested(8);
                        w.WriteUInt32((ushort)metric, amount);
                        w.EndAttribute(metrics);
                    }
                });
            });
    }

    private static RouteOperation WideRule(Random random, string name, byte[] address)
    {
        bool remove = random.Next(3) == 0;
        byte action = (byte)random.Next(9), service = (byte)(random.Next(8) == 0 ? 4 : 0), table = (byte)new[] { 0, 100, 254, 255 }[random.Next(4)];
        int chosen = random.Next(1 << 10) & random.Next(1 << 10);
        uint preference = (uint)random.Next(100, 104);
        return new RouteOperation($"rule {(remove ? "del" : "add")} pref {preference} action {action} table {table} tos {service} with {chosen:x} {name} {string.Join('.', address)}", side => side.Ask((ushort)(remove ? 33 : 32), remove ? Request : Create, (ref NetlinkWriter w) =>
        {
            w.Append([2, (byte)((chosen & 1) != 0 ? 24 : 0), (byte)((chosen & 2) != 0 ? 32 : 0), service, table, 0, 0, action, 0, 0, 0, 0]);
            w.WriteUInt32(6, preference);
            if ((chosen & 1) != 0)
            {
                w.WriteBytes(1, [address[0], address[1], address[2], 0]);
            }

            if ((chosen & 2) != 0)
            {
                w.WriteBytes(2, address);
            }

            if ((chosen & 4) != 0)
            {
                w.WriteString(3, name);
            }

            if ((chosen & 8) != 0)
            {
                w.WriteUInt32(10, 1);
            }

            if ((chosen & 16) != 0)
            {
                w.WriteUInt32(16, 0xff);
            }

            if ((chosen & 32) != 0)
            {
                w.WriteUInt32(4, 103);
            }

            if ((chosen & 64) != 0)
            {
                w.WriteUInt32(14, 16);
            }

            if ((chosen & 128) != 0)
            {
                w.WriteString(17, name);
            }

            if ((chosen & 256) != 0)
            {
                w.WriteBytes(22, [6]);
            }

            if ((chosen & 512) != 0)
            {
                w.WriteBytes(24, [10, 0, 20, 0]);
            }
        }));
    }
}
