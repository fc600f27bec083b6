using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <content>Macvlans in all modes, and what changes about the devices on which they stand.</content>
internal sealed partial record RouteOperation
{
    private static readonly string[] MacvlanNames = ["mv0", "mv1", "mv2"];

    /// <summary>A request about macvlans.</summary>
    public static RouteOperation DrawMacvlan(Random random)
    {
        string name = MacvlanNames[random.Next(MacvlanNames.Length)], any = random.Next(2) == 0 ? name : Names[random.Next(Names.Length)];
        byte[] mac = [(byte)(random.Next(16) == 0 ? 3 : 2), 0, 0, 0, (byte)random.Next(3), (byte)random.Next(3)];
        uint mode = random.Next(12) == 0 ? (uint)random.Next(20) : 1u << random.Next(5);
        ushort? flags = random.Next(4) == 0 ? (ushort)random.Next(5) : null;
        switch (random.Next(14))
        {
            case 0 or 1 or 2:
                string lower = random.Next(6) == 0 ? any : Names[random.Next(Names.Length - 1)];
                uint? mtu = random.Next(5) == 0 ? (uint)random.Next(1400, 1600) : null;
                return new RouteOperation($"link add {name} link {lower} type macvlan mode {mode} flags {flags} mtu {mtu}", side =>
                {
                    int below = side.Index(lower);
                    return side.Ask(16, Create, (ref NetlinkWriter w) =>
                    {
                        w.Append(new byte[16]);
                        w.WriteString(3, name);
                        w.WriteBytes(1, mac);
                        w.WriteInt32(5, below);
                        if (mtu is { } size)
                        {
                            w.WriteUInt32(4, size);
                        }

                        WriteMacvlan(ref w, mode, flags);
                    });
                });
            case 3:
                return new RouteOperation($"link set {name} type macvlan mode {mode} flags {flags}", side => side.Ask(16, Request, (ref NetlinkWriter w) =>
                {
                    Named(ref w, name);
                    WriteMacvlan(ref w, mode, flags);
                }));
            case 4:
                return new RouteOperation($"link del {any}", side => side.Ask(17, Request, (ref NetlinkWriter w) => Named(ref w, any)));
            case 5 or 6 or 7:
                return SetUp(any, random.Next(4) != 0);
            case 8:
                return SetMaster(any, random.Next(3) == 0 ? "br1" : "br0");
            case 9:
                return Release(any);
            case 10:
                return SetAddress(any, mac);
            case 11:
                uint bit = random.Next(2) == 0 ? 0x100u : 0x200;
                return SetFlags(any, random.Next(2) == 0 ? bit : 0, bit);
            case 12:
                return AddOwnAddress(any, mac);
            default:
                uint changed = (uint)random.Next(1280, 1600);
                return new RouteOperation($"link set {any} mtu {changed}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                {
                    Named(ref w, any);
                    w.WriteUInt32(4, changed);
                }));
        }
    }

    /// <summary>IFLA_MACVLAN_MODE and IFLA_MACVLAN_FLAGS.</summary>
    private static void WriteMacvlan(ref NetlinkWriter w, uint mode, ushort? flags)
    {
        WireMark info = w.BeginNested(18);
        w.WriteString(1, "macvlan");
        WireMark data = w.BeginNested(2);
        w.WriteUInt32(1, mode);
        if (flags is { } given)
        {
            w.WriteUInt16(2, given);
        }

        w.EndAttribute(data);
        w.EndAttribute(info);
    }
}
