using System.Buffers.Binary;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Requests about numbered next hops by chance: valid, half valid and wrong, over few numbers so that they meet.</summary>
internal sealed class RandomNextHops(int seed)
{
    private const ushort New = 104, Delete = 105, Get = 106, GetBucket = 118, NewRoute = 24, DeleteRoute = 25, SetLink = 19;

    private readonly Random _random = new(seed);

    /// <summary>A dump of everything of a kind.</summary>
    public static byte[] Dump(ushort type, int header) => Message(type, 0x301, header == 12 ? [2, .. new byte[11]] : new byte[header]);

    public byte[] Next()
    {
        byte[] request = _random.Next(20) switch
        {
            < 6 => Single(),
            < 11 => Group(),
            11 => Message(Delete, 5, [0, 0, 0, 0, 0, 0, 0, 0, .. Maybe(95) ? U32(1, Number()) : []]),
            12 => Message(Get, 5, [.. Header(), .. Maybe(95) ? U32(1, Number()) : [], .. Maybe(20) ? U32(14, (uint)_random.Next(5)) : []]),
            13 => Message(Get, 0x305, [.. Header(), .. Maybe(40) ? U32(5, (uint)_random.Next(1, 5)) : [], .. Maybe(20) ? Attribute(9) : [], .. Maybe(10) ? U32(10, (uint)_random.Next(5)) : []]),
            14 => Message(GetBucket, 5, [.. Header(), .. Maybe(95) ? U32(1, Number()) : [], .. Maybe(95) ? Attribute(0x800d, Maybe(95) ? Attribute(1, [(byte)_random.Next(10), 0]) : U32(3, 1)) : []]),
            15 => Message(GetBucket, 0x305, [.. Header(), .. Maybe(60) ? U32(1, Number()) : [], .. Maybe(40) ? Attribute(0x800d, U32(3, Number())) : []]),
            < 18 => Route(),
            18 => Message(SetLink, 5, [.. new byte[4], .. Host(4), .. new byte[4], .. new byte[4], .. Attribute(27, [0, 0, 0, 0])]),
            _ => Message(SetLink, 5, [.. new byte[4], .. Host(4), (byte)_random.Next(2), 0, 0, 0, 1, 0, 0, 0]),
        };
        if (Maybe(4))
        {
            request[_random.Next(16, request.Length)] ^= (byte)(1 << _random.Next(8));
        }

        return request;
    }

    private byte[] Single()
    {
        byte family = (byte)(Maybe(80) ? 2 : Maybe(70) ? 10 : _random.Next(2) * 5);
        bool isHole = Maybe(8), isFdb = Maybe(8), reaches = Maybe(85);
        uint device = (uint)(Maybe(92) ? _random.Next(3, 5) : _random.Next(8));
        byte near = device == 4 ? (byte)1 : (byte)0;
        List<byte> body = [family, 0, (byte)(Maybe(70) ? 0 : 3), 0, (byte)(Maybe(10) ? 4 : 0), 0, 0, 0];
        body.AddRange(Maybe(93) ? U32(1, Number()) : []);
        body.AddRange(isHole ? Attribute(4) : []);
        body.AddRange(isFdb ? Attribute(11) : []);
        body.AddRange((isHole || isFdb) != Maybe(95) ? U32(5, device) : []);
        body.AddRange(!isHole && Maybe(family == 10 ? 5 : 75) ? Attribute(6, [10, reaches ? near : (byte)9, 0, (byte)_random.Next(1, 5)]) : []);
        return Message(New, Flags(), [.. body]);
    }

    private byte[] Group()
    {
        List<byte> members = [];
        for (int count = _random.Next(1, 4); count > 0; count--)
        {
            members.AddRange(Host(Number()));
            members.AddRange([(byte)(Maybe(70) ? 0 : _random.Next(1, 6)), (byte)(Maybe(96) ? 0 : 1), 0, 0]);
        }

        bool isResilient = Maybe(50);
        List<byte> body = [(byte)(Maybe(96) ? 0 : 2), 0, (byte)(Maybe(70) ? 0 : 4), 0, 0, 0, 0, 0];
        body.AddRange(Maybe(95) ? U32(1, (uint)_random.Next(6, 10)) : []);
        body.AddRange(Attribute(2, [.. members]));
        body.AddRange(isResilient ? Attribute(3, [(byte)(Maybe(97) ? 1 : 2), 0]) : []);
        body.AddRange(isResilient != Maybe(6) ? Attribute(0x800c, [.. Maybe(80) ? Attribute(1, [(byte)(Maybe(85) ? 8 : _random.Next(12)), 0]) : [], .. Maybe(30) ? U32(2, 1000) : [], .. Maybe(30) ? U32(3, 500) : []]) : []);
        body.AddRange(Maybe(6) ? Attribute(11) : []);
        body.AddRange(Maybe(3) ? U32(16, 1) : []);
        return Message(New, Flags(), [.. body]);
    }

    private byte[] Route()
    {
        bool adds = Maybe(75);
        if (Maybe(30))
        {
            return Message(adds ? NewRoute : DeleteRoute, adds ? Flags() : (ushort)5, [10, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0, .. Attribute(1, [0xfd, (byte)_random.Next(5, 8), .. new byte[14]]), .. U32(30, Number())]);
        }

        return Message(adds ? NewRoute : DeleteRoute, adds ? Flags() : (ushort)5, [2, 24, 0, 0, 254, 3, (byte)(Maybe(92) ? 0 : 254), 1, 0, 0, 0, 0, .. Attribute(1, [10, (byte)_random.Next(5, 8), 0, 0]), .. U32(30, Number())]);
    }

    private byte[] Header() => Maybe(95) ? new byte[8] : [0, 0, (byte)_random.Next(2), 0, (byte)_random.Next(2), 0, 0, 0];

    private ushort Flags() => (ushort)(5 | (Maybe(85) ? 0x400 : 0) | (Maybe(30) ? 0x100 : 0) | (Maybe(10) ? 0x200 : 0) | (Maybe(6) ? 8 : 0));

    private uint Number() => (uint)(Maybe(96) ? _random.Next(1, 10) : 0);

    private bool Maybe(int percent) => _random.Next(100) < percent;

    private static byte[] Host(uint value) => BitConverter.GetBytes(value);

    private static byte[] U32(ushort type, uint value) => Attribute(type, Host(value));

    private static byte[] Attribute(ushort type, params byte[] value)
    {
        byte[] attribute = new byte[4 + (value.Length + 3 & ~3)];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), type);
        value.CopyTo(attribute, 4);
        return attribute;
    }

    private static byte[] Message(ushort type, ushort flags, byte[] body)
    {
        byte[] message = [0, 0, 0, 0, (byte)type, (byte)(type >> 8), (byte)flags, (byte)(flags >> 8), 1, 0, 0, 0, 0, 0, 0, 0, .. body];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        return message;
    }
}
