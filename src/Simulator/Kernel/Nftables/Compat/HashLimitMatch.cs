using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>hashlimit: a limit for each source, destination, port or several of them (xt_hashlimit.c), by packets, by bytes, or as a rate that is measured.</summary>
internal static class HashLimitMatch
{
    /// <summary>What the module asks of the data.</summary>
    public static LinuxError Check(Extension extension, ReadOnlySpan<byte> data, byte family)
    {
        ReadOnlySpan<byte> name = data[..(extension.Revision == 1 ? 16 : 255)];
        HashLimitConfiguration asked = HashLimitConfiguration.Read(extension, data);
        if (asked.Name.Length == 0)
        {
            return LinuxError.EINVAL;
        }

        if (name.IndexOf((byte)0) < 0)
        {
            return LinuxError.ENAMETOOLONG;
        }

        byte most = family == NFPROTO_IPV4 ? (byte)32 : (byte)128;
        if (asked.Name is "." or ".." || asked.Name.Contains('/', StringComparison.Ordinal)
            || asked.Collects == 0 || asked.Lifetime == 0
            || asked.SourceLength > most || asked.DestinationLength > most || (asked.Mode & ~HashLimitConfiguration.Known) != 0)
        {
            return LinuxError.EINVAL;
        }

        if (asked.Has(HashLimitConfiguration.Rate))
        {
            return asked.Revision < 3 ? LinuxError.EINVAL
                : asked.Average is 0 or > uint.MaxValue ? LinuxError.ERANGE
                : asked.Interval == 0 ? LinuxError.EINVAL
                : LinuxError.None;
        }

        return asked.Has(HashLimitConfiguration.Bytes) ? asked.ByteCredits == 0 ? LinuxError.EINVAL : LinuxError.None
            : asked.Burst == 0 || asked.CreditsOf(asked.Burst) < asked.CreditsOf(1) ? LinuxError.ERANGE
            : LinuxError.None;
    }

    /// <summary>A rule comes or goes; its table is made with the first of its name and goes with the last. False where the table measures rates and the rule does not, or the other way round.</summary>
    public static bool Hold(Extension extension, ReadOnlySpan<byte> data, NftablesSubsystem owner, int change)
    {
        HashLimitConfiguration asked = HashLimitConfiguration.Read(extension, data);
        (byte, string) key = (extension.Family, asked.Name);
        if (!owner.HashLimits.TryGetValue(key, out HashLimitTable? table))
        {
            if (change <= 0)
            {
                return true;
            }

            owner.HashLimits[key] = table = new HashLimitTable(asked, owner.Now);
        }

        if (change > 0 && table.Configuration.Has(HashLimitConfiguration.Rate) != asked.Has(HashLimitConfiguration.Rate))
        {
            return false;
        }

        table.References += change;
        if (table.References <= 0)
        {
            owner.HashLimits.Remove(key);
        }

        return true;
    }

    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, SimulatedKernel kernel, HookContext context)
    {
        HashLimitConfiguration asked = HashLimitConfiguration.Read(extension, data);
        HashLimitTable table = kernel.Nftables.HashLimits[(extension.Family, asked.Name)];
        if (KeyOf(table.Configuration, context.Packet) is not { } key || table.Admit(key, asked, context.Packet.NetworkLength, kernel.Nftables.Now) is not { } admitted)
        {
            context.MustDrop = true;
            return false;
        }

        return admitted != asked.Has(HashLimitConfiguration.Invert);
    }

    /// <summary>What the entry is of; null where the ports asked for are cut off.</summary>
    private static string? KeyOf(HashLimitConfiguration table, Packet packet)
    {
        bool isV6 = packet.Protocol == EtherType.Ipv6;
        int length = isV6 ? 16 : 4, first = isV6 ? 8 : 12;
        var key = new StringBuilder();
        if (table.Has(HashLimitConfiguration.Destination))
        {
            key.Append(Masked(packet.Network.Slice(first + length, length), table.DestinationLength)).Append(' ');
        }

        if (table.Has(HashLimitConfiguration.Source))
        {
            key.Append(Masked(packet.Network.Slice(first, length), table.SourceLength)).Append(' ');
        }

        if (!table.Has(HashLimitConfiguration.DestinationPort | HashLimitConfiguration.SourcePort))
        {
            return key.ToString();
        }

        // Two ports, or the index of ESP and AH in their place (proto_ports_offset), of later fragments too; any other protocol has a bucket of port 0.
        int? at = packet.HasTransportProtocol
            ? packet.TransportProtocol switch { IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.UdpLite or IpProtocol.Sctp or IpProtocol.Dccp or IpProtocol.Esp => 0, IpProtocol.Ah => 4, _ => null }
            : null;
        if (at is { } offset && packet.Transport.Length < offset + 4)
        {
            return null;
        }

        if (table.Has(HashLimitConfiguration.SourcePort))
        {
            key.Append(at is { } source ? BinaryPrimitives.ReadUInt16BigEndian(packet.Transport[source..]) : 0).Append(' ');
        }

        if (table.Has(HashLimitConfiguration.DestinationPort))
        {
            key.Append(at is { } destination ? BinaryPrimitives.ReadUInt16BigEndian(packet.Transport[(destination + 2)..]) : 0);
        }

        return key.ToString();
    }

    private static string Masked(ReadOnlySpan<byte> address, int prefixLength)
    {
        byte[] masked = address.ToArray();
        for (int index = 0; index < masked.Length; index++)
        {
            int bits = Math.Clamp(prefixLength - index * 8, 0, 8);
            masked[index] &= (byte)(0xff << 8 - bits);
        }

        return Convert.ToHexString(masked);
    }
}
