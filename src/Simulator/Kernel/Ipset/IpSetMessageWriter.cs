using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Ipset.IpSetAttributes;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>Writes a set as a listing shows it: its head, then its elements.</summary>
internal static class IpSetMessageWriter
{
    private const byte Version = 7, DefaultBucketSize = 12;

    public static void WriteName(ref NetlinkWriter writer, IpSet set)
    {
        WriteByte(ref writer, IpSetAttributes.Version, Version);
        NftMessage.WriteName(ref writer, Name, set.Name);
    }

    /// <summary>Name, type, revision and family, as GET_HEADER answers.</summary>
    public static void WriteHeader(ref NetlinkWriter writer, IpSet set)
    {
        WriteName(ref writer, set);
        NftMessage.WriteName(ref writer, TypeName, set.Type.Name);
        WriteByte(ref writer, Family, set.Family);
        WriteByte(ref writer, Revision, set.Revision);
    }

    /// <summary>What the set was made with, and its size.</summary>
    public static void WriteHead(ref NetlinkWriter writer, IpSet set)
    {
        WriteShort(ref writer, IpSetAttributes.Index, set.Index);
        WireMark mark = Begin(ref writer, Data);
        switch (set.Type.Storage)
        {
            case IpSetStorage.Hash:
                WriteNumber(ref writer, HashSize, set.HashSize);
                WriteNumber(ref writer, MaximumElements, set.MaximumElements);
                if (set.Netmask is { } netmask)
                {
                    WriteByte(ref writer, Netmask, netmask);
                }

                WriteByte(ref writer, BucketSize, DefaultBucketSize);
                WriteNumber(ref writer, InitialValue, (uint)(set.Index + 1) * 0x9e3779b9);
                break;
            case IpSetStorage.Bitmap when set.Type.Parts[0] == IpSetPart.Port:
                WriteShort(ref writer, Port, (ushort)set.First);
                WriteShort(ref writer, PortTo, (ushort)set.Last);
                break;
            case IpSetStorage.Bitmap:
                WriteAddress(ref writer, Address, NFPROTO_IPV4, set.First);
                WriteAddress(ref writer, AddressTo, NFPROTO_IPV4, set.Last);
                if (set.Netmask is { } kept)
                {
                    WriteByte(ref writer, Netmask, kept);
                }

                break;
            default:
                WriteNumber(ref writer, Size, set.MaximumElements);
                break;
        }

        WriteNumber(ref writer, References, (uint)set.References);
        WriteNumber(ref writer, MemorySize, (uint)(256 + (set.Elements.Count * 64)));
        WriteNumber(ref writer, Elements, (uint)set.Elements.Count);
        if (set.Timeout is { } timeout)
        {
            WriteNumber(ref writer, Lifetime, timeout);
        }

        if (set.Flags != 0)
        {
            WriteNumber(ref writer, Flags, set.Flags);
        }

        writer.EndAttribute(mark);
    }

    public static void WriteElements(ref NetlinkWriter writer, IpSet set, IEnumerable<KeyValuePair<IpSetKey, IpSetElement>> elements, DateTimeOffset now, Func<ushort, string> nameOf)
    {
        WireMark all = Begin(ref writer, Many);
        foreach ((IpSetKey key, IpSetElement element) in elements)
        {
            WireMark mark = Begin(ref writer, Data);
            WriteKey(ref writer, set, key, nameOf);
            if (element.Flags != 0)
            {
                WriteNumber(ref writer, Flags, element.Flags);
            }

            if (set.Timeout is not null)
            {
                WriteNumber(ref writer, Lifetime, element.Expires is { } expires ? (uint)Math.Max(1, (expires - now).TotalSeconds) : 0);
            }

            if ((set.Flags & IpSet.WithCounters) != 0)
            {
                WriteLong(ref writer, IpSetAttributes.Bytes, element.Bytes);
                WriteLong(ref writer, Packets, element.Packets);
            }

            if (element.Comment is { } comment)
            {
                NftMessage.WriteName(ref writer, Comment, comment);
            }

            writer.EndAttribute(mark);
        }

        writer.EndAttribute(all);
    }

    /// <summary>Addresses first, then ports, prefixes and the rest, as the modules write them.</summary>
    private static void WriteKey(ref NetlinkWriter writer, IpSet set, IpSetKey key, Func<ushort, string> nameOf)
    {
        IReadOnlyList<IpSetPart> parts = set.Type.Parts;
        int addresses = parts.Count(part => part is IpSetPart.Address or IpSetPart.Network);
        byte bits = set.Family == NFPROTO_IPV6 ? (byte)128 : (byte)32;
        if (addresses > 0)
        {
            WriteAddress(ref writer, Address, set.Family, key.First);
        }

        if (addresses > 1)
        {
            WriteAddress(ref writer, SecondAddress, set.Family, key.Second);
        }

        if (parts.Contains(IpSetPart.Port))
        {
            WriteShort(ref writer, Port, key.Port);
        }

        if (parts[0] == IpSetPart.Network && key.FirstPrefix != bits)
        {
            WriteByte(ref writer, Prefix, key.FirstPrefix);
        }

        if (addresses > 1 && parts[^1] == IpSetPart.Network && key.SecondPrefix != bits)
        {
            WriteByte(ref writer, SecondPrefix, key.SecondPrefix);
        }

        if (parts.Contains(IpSetPart.Port) && set.Type.Storage == IpSetStorage.Hash)
        {
            WriteByte(ref writer, Protocol, key.Protocol);
        }

        if (parts.Contains(IpSetPart.Mark))
        {
            WriteNumber(ref writer, Mark, key.Mark);
        }

        if (parts.Contains(IpSetPart.Hardware) && (set.Type.Storage == IpSetStorage.Hash || key.Hardware != 0))
        {
            Span<byte> octets = stackalloc byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(octets, key.Hardware);
            writer.WriteBytes(Hardware, octets[2..]);
        }

        if (parts.Contains(IpSetPart.Interface))
        {
            NftMessage.WriteName(ref writer, Interface, key.Interface);
        }

        if (key.Member is { } member)
        {
            NftMessage.WriteName(ref writer, MemberName, nameOf(member));
        }
    }
}
