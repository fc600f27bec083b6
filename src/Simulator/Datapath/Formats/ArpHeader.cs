using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>The 28 octets of ARP for IPv4 over ethernet (RFC 826), in place.</summary>
internal readonly ref struct ArpHeader(Span<byte> bytes)
{
    public const int Size = 28;
    public const ushort Request = 1;
    public const ushort Reply = 2;

    public Span<byte> Bytes { get; } = bytes;

    /// <summary>The lengths of its addresses are those of IPv4 over ethernet: what is asked before rules see it.</summary>
    public bool HasLengths => Bytes.Length >= Size && BinaryPrimitives.ReadUInt16BigEndian(Bytes[4..]) == 0x0604;

    /// <summary>Hardware and protocol types and lengths are those of IPv4 over ethernet, or over another link of IEEE 802, which is taken for it.</summary>
    public bool IsValid => HasLengths && BinaryPrimitives.ReadUInt32BigEndian(Bytes) is 0x0001_0800 or 0x0006_0800;

    public ushort Operation => BinaryPrimitives.ReadUInt16BigEndian(Bytes[6..]);

    public MacAddress SenderHardware => MacAddress.Read(Bytes[8..]);

    public uint SenderAddress => BinaryPrimitives.ReadUInt32BigEndian(Bytes[14..]);

    public MacAddress TargetHardware => MacAddress.Read(Bytes[18..]);

    public uint TargetAddress => BinaryPrimitives.ReadUInt32BigEndian(Bytes[24..]);

    public void Write(ushort operation, MacAddress senderHardware, uint sender, MacAddress targetHardware, uint target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Bytes, 0x0001_0800_0604_0000UL | operation);
        senderHardware.CopyTo(Bytes[8..]);
        BinaryPrimitives.WriteUInt32BigEndian(Bytes[14..], sender);
        targetHardware.CopyTo(Bytes[18..]);
        BinaryPrimitives.WriteUInt32BigEndian(Bytes[24..], target);
    }
}
