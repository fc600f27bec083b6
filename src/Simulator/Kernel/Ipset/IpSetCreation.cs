using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Ipset.IpSetAttributes;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>Makes a set of what a create message says (the create functions of the types).</summary>
internal static class IpSetCreation
{
    private const uint KnownFlags = IpSet.WithCounters | IpSet.WithComments, BitmapLimit = 65536, DefaultListSize = 8, LeastListSize = 4;

    public static LinuxError Read(IpSetType type, byte revision, byte family, string name, ushort index, KernelAttribute data, out IpSet? set)
    {
        set = null;
        if (data.Parse(DataPolicy, out ParsedAttributes table) != LinuxError.None)
        {
            return IpSetError.Protocol;
        }

        if (type.Family is null && family is not (NFPROTO_IPV4 or NFPROTO_IPV6))
        {
            return IpSetError.BadFamily;
        }

        byte? netmask = null;
        if (table.Has(Netmask))
        {
            netmask = table[Netmask].Byte;
            if (netmask == 0 || netmask > (family == NFPROTO_IPV6 ? 128 : 32))
            {
                return IpSetError.BadNetmask;
            }
        }

        uint first = 0, last = 0;
        LinuxError error = type.Storage == IpSetStorage.Bitmap ? ReadRange(type, table, netmask, out first, out last) : LinuxError.None;
        if (error != LinuxError.None)
        {
            return error;
        }

        uint? size = type.Storage == IpSetStorage.List ? table.Has(Size) ? table[Size].UInt32BigEndian : DefaultListSize : null;
        set = new IpSet
        {
            Index = index,
            Name = name,
            Type = type,
            Revision = revision,
            Family = type.Family ?? family,
            Timeout = table.Has(Lifetime) ? table[Lifetime].UInt32BigEndian : null,
            Flags = table.Has(Flags) ? table[Flags].UInt32BigEndian & KnownFlags : 0,
            MaximumElements = size is { } listed ? Math.Max(listed, LeastListSize) : table.Has(MaximumElements) ? table[MaximumElements].UInt32BigEndian : 65536,
            HashSize = table.Has(HashSize) ? System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(64, table[HashSize].UInt32BigEndian)) : 1024,
            Netmask = netmask,
            First = first,
            Last = last,
        };
        return LinuxError.None;
    }

    private static LinuxError ReadRange(IpSetType type, ParsedAttributes table, byte? netmask, out uint first, out uint last)
    {
        first = last = 0;
        if (type.Parts[0] == IpSetPart.Port)
        {
            if (!table.Has(Port) || !table.Has(PortTo))
            {
                return IpSetError.Protocol;
            }

            (first, last) = (table[Port].UInt16BigEndian, table[PortTo].UInt16BigEndian);
            (first, last) = last < first ? (last, first) : (first, last);
            return LinuxError.None;
        }

        LinuxError error = ReadAddress(table[Address], NFPROTO_IPV4, out UInt128 from);
        if (error != LinuxError.None)
        {
            return error;
        }

        UInt128 to;
        if (table.Has(AddressTo))
        {
            error = ReadAddress(table[AddressTo], NFPROTO_IPV4, out to);
            (from, to) = to < from ? (to, from) : (from, to);
        }
        else if (table.Has(Prefix))
        {
            if (table[Prefix].Byte >= 32)
            {
                return IpSetError.BadPrefix;
            }

            UInt128 mask = InternetAddress.Mask(NFPROTO_IPV4, table[Prefix].Byte);
            (from, to) = (from & mask, from | ~mask & uint.MaxValue);
        }
        else
        {
            return IpSetError.Protocol;
        }

        (first, last) = ((uint)from, (uint)to);
        ulong elements = ((ulong)last - first + 1) >> (32 - (netmask ?? 32));
        return error != LinuxError.None ? error : elements > BitmapLimit ? IpSetError.BitmapTooLarge : LinuxError.None;
    }
}
