using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>Attributes of ipset's messages: numbers, and how addresses are read and written (linux/netfilter/ipset/ip_set.h).</summary>
internal static class IpSetAttributes
{
    // At command level.
    public const ushort Version = 1, Name = 2, TypeName = 3, SecondName = 3, Revision = 4, Family = 5, CommandFlags = 6, Data = 7, Many = 8, LineNumber = 9,
        MinimumVersion = 10, Index = 11;

    // Within data.
    public const ushort Address = 1, AddressTo = 2, Prefix = 3, Port = 4, PortTo = 5, Lifetime = 6, Protocol = 7, Flags = 8, Mark = 10,
        InitialValue = 17, HashSize = 18, MaximumElements = 19, Netmask = 20, BucketSize = 21, Size = 23, Elements = 24, References = 25, MemorySize = 26,
        Hardware = 17, MemberName = 18, SecondAddress = 20, SecondPrefix = 21, SecondAddressTo = 22, Interface = 23, Bytes = 24, Packets = 25, Comment = 26;

    private const ushort NestedFlag = 0x8000, BigEndianFlag = 0x4000;

    public static readonly AttributePolicy CommandPolicy = new(
        Index, (Version, AttributePolicy.U8), (Name, AttributePolicy.Text(31)), (TypeName, AttributePolicy.Text(31)), (Revision, AttributePolicy.U8),
        (Family, AttributePolicy.U8), (CommandFlags, AttributePolicy.U32), (Data, AttributePolicy.Nested), (Many, AttributePolicy.Nested), (Index, AttributePolicy.U16));

    public static readonly AttributePolicy DataPolicy = new(
        29, (Address, AttributePolicy.Nested), (AddressTo, AttributePolicy.Nested), (Prefix, AttributePolicy.U8), (Port, AttributePolicy.U16), (PortTo, AttributePolicy.U16),
        (Lifetime, AttributePolicy.U32), (Protocol, AttributePolicy.U8), (Flags, AttributePolicy.U32), (Mark, AttributePolicy.U32));

    private static readonly AttributePolicy AddressPolicy = new(2, (1, AttributePolicy.Data), (2, AttributePolicy.Data));

    /// <summary>Reads an address of a family.</summary>
    public static LinuxError ReadAddress(KernelAttribute attribute, byte family, out UInt128 address)
    {
        address = 0;
        if (!attribute.Exists)
        {
            return IpSetError.Protocol;
        }

        if (attribute.Parse(AddressPolicy, out ParsedAttributes inner) != LinuxError.None)
        {
            return IpSetError.Protocol;
        }

        KernelAttribute value = inner[family == NFPROTO_IPV4 ? 1 : 2];
        if (!value.Exists || value.Length < (family == NFPROTO_IPV4 ? 4 : 16))
        {
            return family == NFPROTO_IPV4 ? IpSetError.NotIpv4 : IpSetError.NotIpv6;
        }

        address = InternetAddress.Read(family, value.Value).Value;
        return LinuxError.None;
    }

    /// <summary>Writes an address as a nest with the attribute of its family.</summary>
    public static void WriteAddress(ref NetlinkWriter writer, ushort type, byte family, UInt128 address)
    {
        WireMark mark = writer.BeginAttribute((ushort)(type | NestedFlag));
        writer.WriteBytes(family == NFPROTO_IPV4 ? (ushort)1 : (ushort)2, new InternetAddress(family, address).ToBytes());
        writer.EndAttribute(mark);
    }

    public static WireMark Begin(ref NetlinkWriter writer, ushort type) => writer.BeginAttribute((ushort)(type | NestedFlag));

    public static void WriteNumber(ref NetlinkWriter writer, ushort type, uint value) => writer.WriteUInt32BigEndian((ushort)(type | BigEndianFlag), value);

    public static void WriteShort(ref NetlinkWriter writer, ushort type, ushort value) => writer.WriteBytes((ushort)(type | BigEndianFlag), [(byte)(value >> 8), (byte)value]);

    public static void WriteLong(ref NetlinkWriter writer, ushort type, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        writer.WriteBytes((ushort)(type | BigEndianFlag), bytes);
    }

    public static void WriteByte(ref NetlinkWriter writer, ushort type, byte value) => writer.WriteBytes(type, [value]);
}
