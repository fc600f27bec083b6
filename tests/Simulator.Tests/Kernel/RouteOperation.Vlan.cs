using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <content>VLAN devices, and bridges that know VLANs.</content>
internal sealed partial record RouteOperation
{
    private static readonly string[] VlanNames = ["va.1", "va.2", "br0.1", "va.1.3", "if0.1"];

    /// <summary>A request about VLANs.</summary>
    public static RouteOperation DrawVlan(Random random)
    {
        string name = VlanNames[random.Next(VlanNames.Length)];
        string device = Names[random.Next(4)], any = random.Next(2) == 0 ? name : Names[random.Next(Names.Length)];
        byte[] mac = [2, 0, 0, 0, (byte)random.Next(4), (byte)random.Next(256)];
        ushort id = (ushort)(random.Next(12) switch { 0 => 0, 1 => 4094, 2 => 4095, 3 => 4096, _ => random.Next(1, 5) });
        switch (random.Next(17))
        {
            case 0 or 1:
                string lower = random.Next(6) == 0 ? any : random.Next(5) == 0 ? "va.1" : device;
                return AddVlan(name, lower, id, random);
            case 2:
                return new RouteOperation($"link set {name} type vlan", ChangeVlan(name, random));
            case 3:
                return new RouteOperation($"link del {any}", side => side.Ask(17, Request, (ref NetlinkWriter w) => Named(ref w, any)));
            case 4:
                return SetUp(any, random.Next(3) != 0);
            case 5:
                return SetMaster(any, random.Next(3) == 0 ? "br1" : "br0");
            case 6 or 7:
                return BridgeVlan(device, id, random);
            case 8:
                return BridgeSetting(random);
            case 9:
                bool isAdded = random.Next(3) != 0;
                ushort state = random.Next(2) == 0 ? (ushort)0x80 : (ushort)0x40;
                byte where = random.Next(2) == 0 ? (byte)4 : (byte)2;
                return new RouteOperation($"fdb {(isAdded ? "add" : "del")} {Convert.ToHexString(mac)} dev {any} vlan {id} state {state:x} flags {where}", side =>
                {
                    int index = side.Index(any);
                    return side.Ask(isAdded ? (ushort)28 : (ushort)29, isAdded ? Create : Request, (ref NetlinkWriter w) =>
                    {
                        w.Append([7, 0, 0, 0]);
                        w.AppendStruct(index);
                        w.AppendStruct(state);
                        w.Append([where, 0]);
                        w.WriteBytes(2, mac);
                        w.WriteUInt16(5, id);
                    });
                });
            case 10:
                return new RouteOperation("bridge vlan show", static side => side.Show(18, [7, .. new byte[15], 8, 0, 29, 0, 2, 0, 0, 0]));
            case 11:
                byte scope = (byte)(random.Next(2) * 2);
                return new RouteOperation($"bridge vlan {(scope == 2 ? "global " : "")}show", side => side.Show(114, [7, .. new byte[7], 8, 0, 1, 0, scope, 0, 0, 0]));
            case 12:
                return VlanVerb(random.Next(4) == 0 ? any : device, id, random);
            case 13:
                return random.Next(2) == 0 ? SetAddress(any, mac) : SetFlags(any, random.Next(2) == 0 ? 0x100u : 0, 0x100);
            case 14:
                return AddOwnAddress(any, mac);
            case 15:
                // What a port learns and what it gets that nobody asked for: by these a bridge judges which ports must hear everything.
                byte on = (byte)random.Next(2);
                return new RouteOperation($"bridge link set {any} learning and flood {on}", side =>
                {
                    int index = side.Index(any);
                    return side.Ask(19, Request, (ref NetlinkWriter w) =>
                    {
                        w.Append([7, 0, 0, 0]);
                        w.AppendStruct(index);
                        w.AppendStruct(0L);
                        WireMark options = w.BeginNested(12);
                        w.WriteByte(8, on);
                        w.WriteByte(9, 1);
                        w.EndAttribute(options);
                    });
                });
            default:
                return ChangeAddress(any, [10, (byte)random.Next(2), 0, (byte)random.Next(1, 4)], 24, random.Next(3) != 0);
        }
    }

    private static RouteOperation AddVlan(string name, string lower, ushort id, Random random)
    {
        bool hasId = random.Next(10) != 0, isService = random.Next(5) == 0, isUnknown = random.Next(20) == 0;
        (uint Flags, uint Mask)? flags = random.Next(3) == 0 ? ((uint)random.Next(64), (uint)random.Next(64)) : null;
        byte[]? ingress = Mapping(random), egress = Mapping(random);
        return new RouteOperation($"link add {name} link {lower} type vlan id {(hasId ? id : "none")}{(isService ? " 802.1ad" : "")} flags {flags}", side =>
        {
            int below = side.Index(lower);
            return side.Ask(16, Create, (ref NetlinkWriter w) =>
            {
                w.Append(new byte[16]);
                w.WriteString(3, name);
                w.WriteInt32(5, below);
                WireMark info = w.BeginNested(18);
                w.WriteString(1, "vlan");
                WireMark data = w.BeginNested(2);
                if (hasId)
                {
                    w.WriteUInt16(1, id);
                }

                if (isService || isUnknown)
                {
                    w.WriteUInt16(5, BinaryPrimitives.ReverseEndianness((ushort)(isUnknown ? 0x9100 : 0x88a8)));
                }

                WriteSettings(ref w, flags, ingress, egress);
                w.EndAttribute(data);
                w.EndAttribute(info);
            });
        });
    }

    private static Func<RouteSide, string> ChangeVlan(string name, Random random)
    {
        (uint Flags, uint Mask)? flags = random.Next(2) == 0 ? ((uint)random.Next(32), (uint)random.Next(32)) : null;
        byte[]? ingress = Mapping(random), egress = Mapping(random);
        return side => side.Ask(16, Request, (ref NetlinkWriter w) =>
        {
            Named(ref w, name);
            WireMark info = w.BeginNested(18);
            w.WriteString(1, "vlan");
            WireMark data = w.BeginNested(2);
            WriteSettings(ref w, flags, ingress, egress);
            w.EndAttribute(data);
            w.EndAttribute(info);
        });
    }

    /// <summary>IFLA_VLAN_FLAGS, IFLA_VLAN_INGRESS_QOS, IFLA_VLAN_EGRESS_QOS.</summary>
    private static void WriteSettings(ref NetlinkWriter w, (uint Flags, uint Mask)? flags, byte[]? ingress, byte[]? egress)
    {
        if (flags is (uint value, uint mask))
        {
            w.WriteUInt64(2, value | (ulong)mask << 32);
        }

        foreach ((ushort type, byte[]? mapping) in ((ushort, byte[]?)[])[(4, ingress), (3, egress)])
        {
            if (mapping is not null)
            {
                WireMark map = w.BeginNested(type);
                w.WriteBytes(1, mapping);
                w.EndAttribute(map);
            }
        }
    }

    private static byte[]? Mapping(Random random) => random.Next(4) == 0 ? [(byte)random.Next(9), 0, 0, 0, (byte)random.Next(9), 0, 0, 0] : null;

    /// <summary>"bridge vlan add|del", of one VLAN or a range, of a port or the bridge itself.</summary>
    private static RouteOperation BridgeVlan(string device, ushort id, Random random)
    {
        bool isAdded = random.Next(3) != 0, isRange = random.Next(4) == 0;
        ushort kind = (ushort)(random.Next(3) == 0 ? random.Next(8) : new[] { 0, 2, 4, 6 }[random.Next(4)]);
        ushort end = (ushort)(id + random.Next(4) - (random.Next(8) == 0 ? 2 : 0));
        uint? where = random.Next(3) switch { 0 => 2u, 1 => null, _ => random.Next(2) == 0 ? 1u : null };
        return new RouteOperation($"bridge vlan {(isAdded ? "add" : "del")} {id}{(isRange ? $"-{end}" : "")} dev {device} flags {kind} on {where}", side =>
        {
            int index = side.Index(device);
            return side.Ask(isAdded ? (ushort)19 : (ushort)17, Request, (ref NetlinkWriter w) =>
            {
                w.Append([7, 0, 0, 0]);
                w.AppendStruct(index);
                w.AppendStruct(0L);
                WireMark spec = w.BeginNested(26);
                if (where is { } at)
                {
                    w.WriteUInt16(0, (ushort)at);
                }

                w.WriteUInt32(2, (uint)(kind | (isRange ? 8 : 0)) | (uint)id << 16);
                if (isRange)
                {
                    w.WriteUInt32(2, (uint)(kind | 16) | (uint)end << 16);
                }

                w.EndAttribute(spec);
            });
        });
    }

    /// <summary>RTM_NEWVLAN and RTM_DELVLAN.</summary>
    private static RouteOperation VlanVerb(string device, ushort id, Random random)
    {
        bool isAdded = random.Next(3) != 0, hasInfo = random.Next(10) != 0;
        ushort kind = (ushort)(random.Next(4) == 0 ? random.Next(128) : new[] { 0, 2, 4, 6, 64 }[random.Next(5)]);
        ushort? end = random.Next(3) == 0 ? (ushort)(id + random.Next(4) - (random.Next(8) == 0 ? 2 : 0)) : null;
        return new RouteOperation($"vlan {(isAdded ? "new" : "del")} {id}{(end is null ? "" : $"-{end}")} dev {device} flags {kind}", side =>
        {
            int index = side.Index(device);
            return side.Ask(isAdded ? (ushort)112 : (ushort)113, Request, (ref NetlinkWriter w) =>
            {
                w.Append([7, 0, 0, 0]);
                w.AppendStruct(index);
                WireMark entry = w.BeginNested(1);
                if (hasInfo)
                {
                    w.WriteUInt32(1, kind | (uint)id << 16);
                }

                if (end is { } last)
                {
                    w.WriteUInt16(2, last);
                }

                w.EndAttribute(entry);
            });
        });
    }

    private static RouteOperation BridgeSetting(Random random)
    {
        (ushort setting, byte[] value) = random.Next(6) switch
        {
            0 or 1 => ((ushort)7, new[] { (byte)random.Next(3) }),
            2 or 3 => ((ushort)39, [(byte)random.Next(4), (byte)(random.Next(6) == 0 ? 16 : 0)]),
            4 => ((ushort)8, random.Next(3) switch { 0 => [0x88, 0xa8], 1 => [0x81, 0], _ => [0x91, 0] }),
            _ => ((ushort)(40 + random.Next(2)), new[] { (byte)random.Next(2) }),
        };
        string name = random.Next(4) == 0 ? "br1" : "br0";
        return new RouteOperation($"link set {name} type bridge {setting} = {Convert.ToHexString(value)}", side => side.Ask(16, Request, (ref NetlinkWriter w) =>
        {
            Named(ref w, name);
            WireMark info = w.BeginNested(18);
            w.WriteString(1, "bridge");
            WireMark data = w.BeginNested(2);
            w.WriteBytes(setting, value);
            w.EndAttribute(data);
            w.EndAttribute(info);
        }));
    }
}
