using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>Batches by chance: valid, half valid and wrong, over few names so that they meet.</summary>
internal sealed class RandomBatches(int seed)
{
    private const byte Inet = 1, Ipv4 = 2;

    private static readonly string[] Tables = ["a", "b"];
    private static readonly string[] Chains = ["c1", "c2", "c3", "in", "fwd", "nat"];
    private static readonly string[] Sets = ["hash", "range", "map", "wide", "timed", "small"];
    private static readonly string[] Objects = ["n1", "n2"];

    private readonly Random _random = new(seed);
    private uint _setId;

    /// <summary>A batch that makes something to work on.</summary>
    public static byte[] Start()
    {
        var batch = new NftBatch().Begin();
        foreach (byte family in new[] { Ipv4, Inet })
        {
            batch.Verb(0, NetlinkMessageFlags.Create, family, Text(1, "a"));
            foreach (string chain in Chains.Take(3))
            {
                batch.Verb(3, NetlinkMessageFlags.Create, family, Text(1, "a"), Text(3, chain));
            }

            batch.Verb(3, NetlinkMessageFlags.Create, family, Text(1, "a"), Text(3, "in"), Nest(4, U32(1, 1), U32(2, 0)), Text(7, "filter"));
        }

        return batch.End().ToArray();
    }

    public byte[] Next()
    {
        var batch = new NftBatch().Begin(Maybe(10) ? NetlinkMessageFlags.Acknowledge : 0);
        for (int count = _random.Next(1, 7); count > 0; count--)
        {
            Add(batch);
        }

        return (Maybe(15) ? batch : batch.End(Maybe(10) ? NetlinkMessageFlags.Acknowledge : 0)).ToArray();
    }

    private void Add(NftBatch batch)
    {
        NetlinkMessageFlags flags = NetlinkMessageFlags.Acknowledge | (Maybe(85) ? NetlinkMessageFlags.Create : 0) | (Maybe(8) ? NetlinkMessageFlags.Exclusive : 0) | (Maybe(4) ? NetlinkMessageFlags.Replace : 0);
        byte family = Maybe(90) ? Maybe(70) ? Ipv4 : Inet : (byte)_random.Next(12);
        byte[] table = Text(1, Maybe(85) ? "a" : Pick(Tables));
        switch (_random.Next(15))
        {
            case 0:
                batch.Verb(0, flags, family, Some(table, U32(2, (uint)_random.Next(Maybe(80) ? 2 : 9))));
                break;
            case 1 when Maybe(40):
                batch.Verb(2, flags & ~NetlinkMessageFlags.Create & ~NetlinkMessageFlags.Exclusive, family, Some(table));
                break;
            case 1 or 2:
                batch.Verb(3, flags, family, Chain(table));
                break;
            case 3:
                batch.Verb(Maybe(85) ? 5 : 27, NetlinkMessageFlags.Acknowledge | (Maybe(10) ? NetlinkMessageFlags.NonRecursive : 0), family, Some(table, Text(3, Pick(Chains))));
                break;
            case 4 or 5 or 6 or 7:
                batch.Verb(6, flags | (Maybe(60) ? NetlinkMessageFlags.Append : 0), family, Rule(table));
                break;
            case 8:
                batch.Verb(Maybe(85) ? 8 : 28, NetlinkMessageFlags.Acknowledge, family, Some(table, Text(2, Pick(Chains)), U64(3, (ulong)_random.Next(1, 30))));
                break;
            case 9:
                batch.Verb(9, flags, family, Set(table));
                break;
            case 10:
                batch.Verb(Maybe(85) ? 11 : 29, NetlinkMessageFlags.Acknowledge, family, Some(table, Text(2, Pick(Sets))));
                break;
            case 11 or 12:
                batch.Verb(12, flags, family, Elements(table, Pick(Sets)));
                break;
            case 13:
                batch.Verb(Maybe(85) ? 14 : 30, NetlinkMessageFlags.Acknowledge, family, Elements(table, Pick(Sets)));
                break;
            default:
                uint type = Maybe(50) ? 1u : 2;
                byte[] data = type == 1 ? Nest(4) : Nest(4, U64(1, 1000), U32(2, 0));
                if (Maybe(60))
                {
                    batch.Verb(18, flags, family, Some(table, Text(2, Pick(Objects)), U32(3, type), data));
                }
                else
                {
                    batch.Verb(20, NetlinkMessageFlags.Acknowledge, family, Some(table, Text(2, Pick(Objects)), U32(3, type)));
                }

                break;
        }
    }

    private byte[][] Chain(byte[] table)
    {
        string name = Pick(Chains);
        var attributes = new List<byte[]> { table, Text(3, name) };
        if (name is "in" or "fwd" or "nat" && Maybe(85))
        {
            uint hook = name switch { "in" => 1u, "fwd" => 2, _ => 4 };
            attributes.Add(Nest(4, U32(1, Maybe(90) ? hook : (uint)_random.Next(7)), U32(2, name == "nat" ? 100u : 0)));
            attributes.Add(Text(7, Maybe(92) ? name == "nat" ? "nat" : "filter" : "none"));
        }

        if (Maybe(15))
        {
            attributes.Add(U32(5, (uint)_random.Next(3)));
        }

        if (Maybe(5))
        {
            attributes.Add(U32(10, (uint)_random.Next(9)));
        }

        return Some([.. attributes]);
    }

    private byte[][] Rule(byte[] table)
    {
        var expressions = new List<byte[]>();
        for (int count = _random.Next(4); count > 0; count--)
        {
            expressions.Add(RandomExpression());
        }

        var attributes = new List<byte[]> { table, Text(2, Pick(Chains)), Nest(4, [.. expressions]) };
        if (Maybe(15))
        {
            attributes.Add(U64(6, (ulong)_random.Next(1, 20)));
        }

        if (Maybe(6))
        {
            attributes.Add(U64(3, (ulong)_random.Next(1, 20)));
        }

        if (Maybe(10))
        {
            attributes.Add(A(7, [1, 2, 3, 4]));
        }

        return Some([.. attributes]);
    }

    private byte[] RandomExpression()
    {
        uint register = Maybe(92) ? (uint)_random.Next(1, 3) : (uint)_random.Next(26);
        byte[] value = new byte[Maybe(80) ? 4 : _random.Next(0, 20)];
        _random.NextBytes(value);
        return _random.Next(17) switch
        {
            0 => Expression("payload", Some(U32(1, register), U32(2, (uint)_random.Next(Maybe(90) ? 3 : 7)), U32(3, (uint)_random.Next(40)), U32(4, Maybe(80) ? 4u : (uint)_random.Next(300)))),
            1 => Expression("cmp", Some(U32(1, register), U32(2, (uint)_random.Next(Maybe(90) ? 6 : 8)), Nest(3, A(1, value)))),
            2 => Expression("meta", Some(U32(2, (uint)_random.Next(Maybe(85) ? 12 : 45)), U32(Maybe(85) ? (ushort)1 : (ushort)3, register))),
            3 => Expression("counter"),
            4 => Expression("immediate", U32(1, 0), Nest(2, Nest(2, Some(U32(1, unchecked((uint)Pick([0, 1, -1, -2, -5, 3, 4, 9])))) ))),
            5 or 6 => Expression("immediate", U32(1, 0), Nest(2, Nest(2, U32(1, unchecked((uint)Pick([-3, -4]))), Text(2, Pick(Chains))))),
            7 => Expression("immediate", Some(U32(1, register), Nest(2, A(1, value)))),
            8 => Expression("bitwise", Some(U32(1, register), U32(2, register), U32(3, (uint)value.Length), Nest(4, A(1, value)), Nest(5, A(1, value)))),
            9 => Expression("lookup", Some(Text(1, Pick(Sets)), U32(2, register), U32(5, (uint)_random.Next(Maybe(90) ? 2 : 4)))),
            10 => Expression("lookup", Text(1, "map"), U32(2, 1), U32(3, 0)),
            11 => Expression("limit", Some(U64(1, (ulong)_random.Next(0, 50)), U64(2, 1), U32(3, (uint)_random.Next(10)), U32(4, (uint)_random.Next(Maybe(90) ? 2 : 4)), U32(5, (uint)_random.Next(Maybe(90) ? 2 : 4)))),
            12 => Expression("objref", Some(U32(1, Maybe(50) ? 1u : 2), Text(2, Pick(Objects)))),
            13 => Expression("ct", Some(U32(2, (uint)_random.Next(Maybe(90) ? 6 : 30)), U32(1, register))),
            14 => Expression(Maybe(50) ? "masq" : "reject", Maybe(50) ? [] : [U32(1, (uint)_random.Next(3))]),
            15 => Expression("range", Some(U32(1, register), U32(2, (uint)_random.Next(3)), Nest(3, A(1, value)), Nest(4, A(1, value)))),
            _ => Expression(Pick(["nothing", "quota", "notrack", "last"]), Some(U64(1, 500))),
        };
    }

    private byte[][] Set(byte[] table)
    {
        string name = Pick(Sets);
        uint flags = name switch { "range" => 4u, "map" => 8, "wide" => 0x84, "timed" => 16, _ => 0 };
        var attributes = new List<byte[]>
        {
            table, Text(2, name), U32(3, Maybe(94) ? flags : (uint)_random.Next(512)), U32(4, 7), U32(5, name == "wide" ? 8u : Maybe(96) ? 4u : (uint)_random.Next(70)), U32(10, ++_setId),
        };
        if (name == "map")
        {
            attributes.Add(U32(6, 0xffffff00));
        }

        if (name == "timed" && Maybe(60))
        {
            attributes.Add(U64(11, 3600000));
        }

        if (name == "small")
        {
            attributes.Add(Nest(9, U32(1, 3)));
        }

        if (name == "wide")
        {
            attributes.Add(Nest(9, Nest(2, Nest(1, U32(1, 4)), Nest(1, U32(1, 4)))));
        }

        return Some([.. attributes]);
    }

    private byte[][] Elements(byte[] table, string set)
    {
        var elements = new List<byte[]>();
        for (int count = _random.Next(1, 5); count > 0; count--)
        {
            byte number = (byte)_random.Next(12);
            var attributes = new List<byte[]>();
            if (set == "wide")
            {
                byte width = (byte)_random.Next(3);
                attributes.Add(Nest(1, A(1, 0, 0, 0, number, 0, 0, 0, number)));
                attributes.Add(Nest(10, A(1, 0, 0, 0, (byte)(number + width), 0, 0, 0, (byte)(number + width))));
            }
            else
            {
                attributes.Add(Nest(1, A(1, 0, 0, 0, number)));
            }

            if (set == "range" && Maybe(50))
            {
                attributes.Add(U32(3, 1));
            }
            else if (Maybe(3))
            {
                attributes.Add(U32(3, (uint)_random.Next(4)));
            }

            if (set == "map")
            {
                attributes.Add(Maybe(60)
                    ? Nest(2, Nest(2, U32(1, unchecked((uint)Pick([0, 1, -5])))))
                    : Nest(2, Nest(2, U32(1, unchecked((uint)-3)), Text(2, Pick(Chains)))));
            }

            if (set == "timed" && Maybe(20))
            {
                attributes.Add(U64(4, 7200000));
            }

            elements.Add(Nest(1, Some([.. attributes])));
        }

        return Some(table, Text(2, set), Nest(3, [.. elements]));
    }

    /// <summary>All of them, mostly; now and then one is left out.</summary>
    private byte[][] Some(params byte[][] attributes)
    {
        if (attributes.Length > 0 && Maybe(3))
        {
            int missing = _random.Next(attributes.Length);
            return [.. attributes.Where((_, index) => index != missing)];
        }

        return attributes;
    }

    private bool Maybe(int percent) => _random.Next(100) < percent;

    private T Pick<T>(T[] all) => all[_random.Next(all.Length)];
}
