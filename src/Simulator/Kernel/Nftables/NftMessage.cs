using System.Runtime.InteropServices;
using System.Text;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Writes what the kernel says: messages with their family header, names and numbers in its byte form.</summary>
internal static class NftMessage
{
    /// <summary>Fills the payload of a message.</summary>
    public delegate void Filler(ref NetlinkWriter writer);

    /// <summary>A message of a subsystem, complete with headers.</summary>
    public static byte[] Make(int subsystem, int verb, NetlinkMessageFlags flags, uint sequence, uint portId, byte family, ushort resourceId, Filler fill)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage((ushort)(subsystem << 8 | verb), flags, sequence, portId);
        writer.AppendStruct(NfnetlinkHeader.Create(family, resourceId));
        fill(ref writer);
        writer.EndMessage(mark);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>A name, each character a byte, with its NUL.</summary>
    public static void WriteName(ref NetlinkWriter writer, ushort type, string name)
    {
        WireMark mark = writer.BeginAttribute(type);
        writer.Append(Encoding.Latin1.GetBytes(name));
        writer.Append([0]);
        writer.EndAttribute(mark);
    }

    /// <summary>A register under the number that user space knows it by: the old 16-byte registers where one begins.</summary>
    public static void WriteRegister(ref NetlinkWriter writer, ushort type, int register) =>
        writer.WriteUInt32BigEndian(type, register % 4 == 0 ? (uint)register / 4 : (uint)register - 4 + NFT_REG32_00);

    /// <summary>A value (NFTA_DATA_VALUE) within an attribute.</summary>
    public static void WriteValue(ref NetlinkWriter writer, ushort type, ReadOnlySpan<byte> value)
    {
        WireMark mark = writer.BeginAttribute(type);
        writer.WriteBytes(NFTA_DATA_VALUE, value);
        writer.EndAttribute(mark);
    }

    /// <summary>A value or a verdict within an attribute (nft_data_dump).</summary>
    public static void WriteData(ref NetlinkWriter writer, ushort type, RegisterData data)
    {
        if (data.Verdict is not { } verdict)
        {
            WriteValue(ref writer, type, data.Value);
            return;
        }

        WireMark mark = writer.BeginAttribute(type);
        WireMark inner = writer.BeginAttribute(NFTA_DATA_VERDICT);
        writer.WriteUInt32BigEndian(NFTA_VERDICT_CODE, (uint)verdict.Code);
        if (verdict.Chain is { } chain)
        {
            WriteName(ref writer, NFTA_VERDICT_CHAIN, chain.Name);
        }

        writer.EndAttribute(inner);
        writer.EndAttribute(mark);
    }

    /// <summary>Puts sequence and port id into a message made before.</summary>
    public static byte[] Stamp(byte[] message, NetlinkMessageFlags flags, uint sequence, uint portId)
    {
        var header = MemoryMarshal.Read<NetlinkHeader>(message);
        MemoryMarshal.Write(message, header with { Flags = flags, Sequence = sequence, PortId = portId });
        return message;
    }
}
