using System.Buffers.Binary;
using System.Text;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// hashlimit: a token bucket for each source, destination, port or several of them (xt_hashlimit.c). Buckets belong to the table of the match's name, so that rules of one name
/// share them.
/// </summary>
internal static class HashLimitMatch
{
    private const uint Destination = 1, DestinationPort = 2, Source = 4, SourcePort = 8, Invert = 16, Bytes = 32, RateMatch = 64;

    /// <summary>Whether limits of this kind are judged here: packets, of the two newer layouts.</summary>
    public static bool IsModelled(Extension extension, ReadOnlySpan<byte> data) => extension.Revision >= 2 && (Mode(extension, data) & (Bytes | RateMatch)) == 0;

    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, SimulatedKernel kernel, HookContext context)
    {
        ReadOnlySpan<byte> configuration = data[256..];
        uint mode = Mode(extension, data);
        if (KeyOf(extension, data, mode, context.Packet) is not { } key)
        {
            context.MustDrop = true;
            return false;
        }

        // Both layouts: the cost of a packet in millionths of a second, how many fit, then mode, sizes, times.
        double cost = BinaryPrimitives.ReadUInt64LittleEndian(configuration) / 1_000_000.0, most = cost * BinaryPrimitives.ReadUInt64LittleEndian(configuration[8..]);
        double lifetime = BinaryPrimitives.ReadUInt32LittleEndian(configuration[32..]) / 1000.0;
        Dictionary<string, (double Amount, DateTimeOffset Since)> table = Table(kernel, extension, data);
        DateTimeOffset now = kernel.Clock.Steady.GetUtcNow();
        double credit = table.TryGetValue(key, out (double Amount, DateTimeOffset Since) known) && (now - known.Since).TotalSeconds < lifetime
            ? Math.Min(most, known.Amount + (now - known.Since).TotalSeconds)
            : most;
        bool fits = credit >= cost;
        table[key] = (fits ? credit - cost : credit, now);
        return fits != ((mode & Invert) != 0);
    }

    private static uint Mode(Extension extension, ReadOnlySpan<byte> data) => extension.Revision >= 2 ? BinaryPrimitives.ReadUInt32LittleEndian(data[272..]) : 0;

    private static Dictionary<string, (double Amount, DateTimeOffset Since)> Table(SimulatedKernel kernel, Extension extension, ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> name = data[..255];
        string key = $"{extension.Family} {Encoding.Latin1.GetString(name[..Math.Max(0, name.IndexOf((byte)0))])}";
        if (!kernel.Nftables.HashLimits.TryGetValue(key, out Dictionary<string, (double Amount, DateTimeOffset Since)>? table))
        {
            kernel.Nftables.HashLimits[key] = table = [];
        }

        return table;
    }

    /// <summary>What the bucket is of; null where the ports asked for are cut off.</summary>
    private static string? KeyOf(Extension extension, ReadOnlySpan<byte> data, uint mode, Packet packet)
    {
        bool isV6 = packet.Protocol == EtherType.Ipv6;
        int length = isV6 ? 16 : 4, first = isV6 ? 8 : 12, masks = extension.Revision == 2 ? 292 : 296;
        var key = new StringBuilder();
        if ((mode & Destination) != 0)
        {
            key.Append(Masked(packet.Network.Slice(first + length, length), data[masks + 1])).Append(' ');
        }

        if ((mode & Source) != 0)
        {
            key.Append(Masked(packet.Network.Slice(first, length), data[masks])).Append(' ');
        }

        if ((mode & (DestinationPort | SourcePort)) == 0)
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

        if ((mode & SourcePort) != 0)
        {
            key.Append(at is { } source ? BinaryPrimitives.ReadUInt16BigEndian(packet.Transport[source..]) : 0).Append(' ');
        }

        if ((mode & DestinationPort) != 0)
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
