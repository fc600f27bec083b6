using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What the matches and targets of ebtables ask of their data before they stand in a rule (the checkentry functions of net/bridge/netfilter/ebt_*.c).</summary>
internal static class BridgeChecks
{
    private const uint Prerouting = 1, Output = 8, Brouting = 32;

    /// <summary>EBT_VERDICT_BITS.</summary>
    private const int VerdictBits = 0xf;

    /// <summary>Checks the data, which a module may also set right.</summary>
    public static LinuxError Check(Extension extension, Span<byte> data, ExtensionPlace place) => IsValid(extension, data, place) ? LinuxError.None : LinuxError.EINVAL;

    private static bool IsValid(Extension extension, Span<byte> data, ExtensionPlace place)
    {
        switch (extension.Name)
        {
            case "802_3":
                return data[4] <= 7 && data[5] <= 7;
            case "arp":
                return place.IsForEthernet(0x0806) || place.IsForEthernet(0x8035);
            case "ip":
                return place.IsForEthernet(0x0800) && IsInternet(data[17..], icmp: 1, igmp: 2);
            case "ip6":
                return place.IsForEthernet(0x86dd) && ((data[66] | data[67]) & 0x80) == 0 && IsInternet(data[65..], icmp: 58, igmp: null);
            case "limit":
                return RateCredits.Holds(U32(data, 0), U32(data, 4));
            case "mark_m":
                return data[17] is 1 or 2;
            case "pkttype":
                return data[1] <= 1;
            case "stp":
                return U16(data, 68) is > 0 and <= 0xfff && U16(data, 70) <= 0xfff;
            case "vlan":
                return IsVlan(data, place);
            case "arpreply":
                return place.IsForEthernet(0x0806) && IsVerdict(Number(data, 8));
            case "dnat":
                return IsAt(place, Prerouting | Output) && IsVerdict(Number(data, 8));
            case "redirect":
                return IsAt(place, Prerouting) && IsVerdict(Number(data, 0));
            case "snat":
                int source = Number(data, 8);
                return IsVerdict(source | ~VerdictBits) && (source | VerdictBits | 0x10) == -1;
            case "mark":
                int mark = Number(data, 8);
                return IsVerdict(mark | ~VerdictBits) && (mark & ~VerdictBits) is >= -64 and <= -16;
            case "log":
                data[30] = 0;
                return (U32(data, 32) & ~0xbu) == 0 && data[0] < 8;
            case "nflog":
                data[75] = 0;
                return U16(data, 8) == 0;
            default:
                throw new InvalidOperationException($"'{extension.Name}' is none of the extensions of bridges.");
        }
    }

    private static int Number(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadInt32LittleEndian(data[offset..]);

    private static bool IsVerdict(int verdict) => verdict is >= BridgeTargets.Return and <= BridgeTargets.Accept;

    /// <summary>In the table "nat" at these hooks, or in "broute" at its one.</summary>
    private static bool IsAt(ExtensionPlace place, uint hooks) => (place.Table == "nat" && (place.Hooks & ~hooks) == 0) || (place.Table == "broute" && (place.Hooks & ~Brouting) == 0);

    /// <summary>From the transport protocol on: protocol, what is given, what is inverted, source ports or message types, destination ports or codes.</summary>
    private static bool IsInternet(ReadOnlySpan<byte> data, byte icmp, byte? igmp)
    {
        const byte Protocol = 8, SourcePort = 16, DestinationPort = 32, Icmp = 64, Igmp = 128;
        byte protocol = data[0], given = data[1];
        bool isInverted = (data[2] & Protocol) != 0;
        return ((given & (SourcePort | DestinationPort)) == 0 || (!isInverted && protocol is 6 or 17 or 136 or 132 or 33))
            && ((given & SourcePort) == 0 || U16(data, 3) <= U16(data, 5))
            && ((given & DestinationPort) == 0 || U16(data, 7) <= U16(data, 9))
            && ((given & Icmp) == 0 || (!isInverted && protocol == icmp && data[3] <= data[4] && data[7] <= data[8]))
            && ((given & Igmp) == 0 || (!isInverted && protocol == igmp && data[3] <= data[4]));
    }

    private static bool IsVlan(Span<byte> data, ExtensionPlace place)
    {
        const byte Id = 1, Priority = 2, Encapsulated = 4;
        if (!place.NamesEthernet(0x8100) || data[6] > 7 || data[7] > 7)
        {
            return false;
        }

        if ((data[6] & Id) != 0 && U16(data, 0) != 0)
        {
            if (U16(data, 0) > 4096)
            {
                return false;
            }

            // A tag with an id may carry any priority.
            data[6] &= unchecked((byte)~Priority);
        }

        return ((data[6] & Priority) == 0 || data[2] <= 7) && ((data[6] & Encapsulated) == 0 || BinaryPrimitives.ReadUInt16BigEndian(data[4..]) >= 60);
    }
}
