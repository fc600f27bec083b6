using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Ipset.IpSetAttributes;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>Makes keys of what an add, del or test says: one, or as many as its ranges hold.</summary>
internal static class IpSetElementReader
{
    /// <summary>The kernel goes on in a later call; here a range is refused that holds more.</summary>
    private const int MostOfRange = 1 << 20;

    public static LinuxError Read(IpSet set, ParsedAttributes data, Func<string, IpSet?> find, out List<IpSetKey> keys)
    {
        keys = [new IpSetKey()];
        bool isFirst = true;
        foreach (IpSetPart part in set.Type.Parts)
        {
            LinuxError error = part switch
            {
                IpSetPart.Address or IpSetPart.Network => ReadAddresses(set, data, part == IpSetPart.Network, isFirst, ref keys),
                IpSetPart.Port => ReadPorts(set, data, ref keys),
                IpSetPart.Hardware => ReadHardware(set, data, ref keys),
                IpSetPart.Interface => ReadInterface(data, ref keys),
                IpSetPart.Mark => ReadMark(data, ref keys),
                _ => ReadMember(set, data, find, ref keys),
            };
            if (error != LinuxError.None)
            {
                return error;
            }

            isFirst &= part is not (IpSetPart.Address or IpSetPart.Network);
        }

        return LinuxError.None;
    }

    private static LinuxError ReadAddresses(IpSet set, ParsedAttributes data, bool isNetwork, bool isFirst, ref List<IpSetKey> keys)
    {
        KernelAttribute prefixAttribute = data[isFirst ? Prefix : SecondPrefix];
        byte family = set.Family, bits = family == NFPROTO_IPV4 ? (byte)32 : (byte)128;
        LinuxError error = ReadAddress(data[isFirst ? Address : SecondAddress], family, out UInt128 first);
        if (error != LinuxError.None)
        {
            return error;
        }

        byte prefix = prefixAttribute.Exists ? prefixAttribute.Byte : bits;
        if (prefix > bits || prefix == 0)
        {
            return IpSetError.BadPrefix;
        }

        UInt128 last = first;
        KernelAttribute to = data[isFirst ? AddressTo : SecondAddressTo];
        if (to.Exists)
        {
            error = ReadAddress(to, family, out last);
            if (error != LinuxError.None)
            {
                return error;
            }

            (first, last) = last < first ? (last, first) : (first, last);
        }
        else if (!isNetwork && prefixAttribute.Exists)
        {
            first &= InternetAddress.Mask(family, prefix);
            last = first | ~InternetAddress.Mask(family, prefix) & InternetAddress.Mask(family, bits);
        }

        var added = new List<(UInt128 Address, byte Prefix)>();
        if (isNetwork && !to.Exists)
        {
            added.Add((first & InternetAddress.Mask(family, prefix), prefix));
        }
        else if (isNetwork)
        {
            SplitRange(first, last, bits, added);
        }
        else
        {
            byte kept = set.Netmask ?? bits;
            UInt128 mask = InternetAddress.Mask(family, kept), step = UInt128.One << (bits - kept);
            if (set.Type.Storage == IpSetStorage.Bitmap && (first < set.First || last > set.Last))
            {
                return IpSetError.OutsideBitmap;
            }

            for (UInt128 address = first & mask; address <= last; address += step)
            {
                added.Add((address, bits));
                if (added.Count > MostOfRange)
                {
                    return IpSetError.RangeTooLarge;
                }

                if (address + step < address)
                {
                    break;
                }
            }
        }

        keys = [.. keys.SelectMany(key => added.Select(one => isFirst
            ? key with { First = one.Address, FirstPrefix = one.Prefix }
            : key with { Second = one.Address, SecondPrefix = one.Prefix }))];
        return LinuxError.None;
    }

    /// <summary>The fewest networks that make up a range.</summary>
    private static void SplitRange(UInt128 first, UInt128 last, byte bits, List<(UInt128 Address, byte Prefix)> networks)
    {
        while (first <= last)
        {
            byte prefix = bits;
            while (prefix > 1)
            {
                UInt128 size = UInt128.One << (bits - prefix + 1);
                if ((first & (size - 1)) != 0 || first + size - 1 > last)
                {
                    break;
                }

                prefix--;
            }

            networks.Add((first, prefix));
            UInt128 next = first + (UInt128.One << (bits - prefix));
            if (next < first)
            {
                return;
            }

            first = next;
        }
    }

    private static LinuxError ReadPorts(IpSet set, ParsedAttributes data, ref List<IpSetKey> keys)
    {
        if (!data.Has(Port))
        {
            return IpSetError.Protocol;
        }

        ushort first = data[Port].UInt16BigEndian, last = data.Has(PortTo) ? data[PortTo].UInt16BigEndian : first;
        (first, last) = last < first ? (last, first) : (first, last);
        byte protocol = 0;
        if (set.Type.Storage == IpSetStorage.Bitmap)
        {
            if (first < set.First || last > set.Last)
            {
                return IpSetError.OutsideBitmap;
            }
        }
        else if (!data.Has(Protocol))
        {
            return IpSetError.NoProtocol;
        }
        else
        {
            protocol = data[Protocol].Byte;
            if (protocol == 0)
            {
                return IpSetError.BadProtocol;
            }

            // Of protocols without ports and types the port says nothing.
            (first, last) = protocol is 6 or 17 or 132 or 136 or 1 or 58 ? (first, last) : ((ushort)0, (ushort)0);
        }

        keys = [.. keys.SelectMany(key => Enumerable.Range(first, last - first + 1).Select(port => key with { Port = (ushort)port, Protocol = protocol }))];
        return LinuxError.None;
    }

    private static LinuxError ReadHardware(IpSet set, ParsedAttributes data, ref List<IpSetKey> keys)
    {
        KernelAttribute hardware = data[Hardware];
        if (!hardware.Exists && set.Type.Storage == IpSetStorage.Bitmap)
        {
            return LinuxError.None;
        }

        if (!hardware.Exists || hardware.Length != 6)
        {
            return IpSetError.Protocol;
        }

        ulong address = HardwareAddress(hardware.Value);
        keys = [.. keys.Select(key => key with { Hardware = address })];
        return LinuxError.None;
    }

    /// <summary>Six octets as a number.</summary>
    public static ulong HardwareAddress(ReadOnlySpan<byte> octets) => (ulong)BinaryPrimitives.ReadUInt16BigEndian(octets) << 32 | BinaryPrimitives.ReadUInt32BigEndian(octets[2..]);

    private static LinuxError ReadInterface(ParsedAttributes data, ref List<IpSetKey> keys)
    {
        if (!data.Has(Interface))
        {
            return IpSetError.Protocol;
        }

        string name = data[Interface].Name;
        keys = [.. keys.Select(key => key with { Interface = name })];
        return LinuxError.None;
    }

    private static LinuxError ReadMark(ParsedAttributes data, ref List<IpSetKey> keys)
    {
        if (!data.Has(Mark))
        {
            return IpSetError.Protocol;
        }

        uint mark = data[Mark].UInt32BigEndian;
        keys = [.. keys.Select(key => key with { Mark = mark })];
        return LinuxError.None;
    }

    private static LinuxError ReadMember(IpSet set, ParsedAttributes data, Func<string, IpSet?> find, ref List<IpSetKey> keys)
    {
        if (!data.Has(MemberName))
        {
            return IpSetError.Protocol;
        }

        if (find(data[MemberName].Name) is not { } member)
        {
            return IpSetError.NoSuchMember;
        }

        keys = [new IpSetKey { Member = member.Index }];
        return member.Type.Storage == IpSetStorage.List || member == set ? IpSetError.Loop : LinuxError.None;
    }
}
