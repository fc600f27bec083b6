using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>Writes requests of nf_tables by their bytes, right or wrong.</summary>
internal sealed class NftBatch
{
    private readonly NetlinkBuffer _buffer = new(4096);
    private uint _sequence;

    /// <summary>An attribute as bytes.</summary>
    public static byte[] A(ushort type, params byte[] value)
    {
        var buffer = new NetlinkBuffer(value.Length + 64);
        var writer = new NetlinkWriter(buffer);
        writer.WriteBytes(type, value);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    public static byte[] Nest(ushort type, params byte[][] attributes) => A((ushort)(type | 0x8000), [.. attributes.SelectMany(a => a)]);

    public static byte[] Text(ushort type, string text) => A(type, [.. Encoding.ASCII.GetBytes(text), 0]);

    public static byte[] U32(ushort type, uint value) => A(type, (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value);

    public static byte[] U64(ushort type, ulong value) =>
        A(type, (byte)(value >> 56), (byte)(value >> 48), (byte)(value >> 40), (byte)(value >> 32), (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value);

    /// <summary>An expression of a rule (NFTA_LIST_ELEM).</summary>
    public static byte[] Expression(string name, params byte[][] attributes) => Nest(1, Text(1, name), Nest(2, attributes));

    public NftBatch Begin(NetlinkMessageFlags flags = 0, uint? generation = null) =>
        Message(0x10, flags, 0, 10, generation is { } value ? U32(1, value) : []);

    public NftBatch End(NetlinkMessageFlags flags = 0) => Message(0x11, flags, 0, 10);

    public NftBatch Verb(int verb, NetlinkMessageFlags flags, byte family, params byte[][] attributes) =>
        Message((ushort)(0xa00 | verb), flags, family, 0, attributes);

    public NftBatch Message(ushort type, NetlinkMessageFlags flags, byte family, byte resource, params byte[][] attributes) =>
        Raw(type, NetlinkMessageFlags.Request | flags, family, resource, attributes);

    public NftBatch Raw(ushort type, NetlinkMessageFlags flags, byte family, byte resource, params byte[][] attributes)
    {
        var writer = new NetlinkWriter(_buffer);
        WireMark mark = writer.BeginMessage(type, flags, ++_sequence);
        writer.Append([family, 0, 0, resource]);
        foreach (byte[] attribute in attributes)
        {
            writer.Append(attribute);
        }

        writer.EndMessage(mark);
        writer.Complete();
        return this;
    }

    public byte[] ToArray() => _buffer.Written.ToArray();
}
