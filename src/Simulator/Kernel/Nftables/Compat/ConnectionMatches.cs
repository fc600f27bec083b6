using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Nftables.Expressions;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Matches on what is known of a packet's connection (xt_connbytes.c, xt_connlabel.c, xt_connlimit.c, xt_cluster.c).</summary>
internal static class ConnectionMatches
{
    /// <summary>connbytes: packets, octets, or octets a packet so far, of one direction or both.</summary>
    public static bool Counted(ReadOnlySpan<byte> data, Packet packet)
    {
        if (packet.Connection is not { Packets: { } packets, Bytes: { } bytes })
        {
            return false;
        }

        ulong from = BinaryPrimitives.ReadUInt64LittleEndian(data), to = BinaryPrimitives.ReadUInt64LittleEndian(data[8..]);
        ulong seenPackets = data[17] switch { 0 => packets[0], 1 => packets[1], _ => packets[0] + packets[1] };
        ulong seenBytes = data[17] switch { 0 => bytes[0], 1 => bytes[1], _ => bytes[0] + bytes[1] };
        ulong seen = data[16] switch { 0 => seenPackets, 1 => seenBytes, _ => seenPackets == 0 ? 0 : seenBytes / seenPackets };
        return to >= from ? seen >= from && seen <= to : seen < to || seen > from;
    }

    /// <summary>connlabel: a bit of the connection's label, which the match may also set.</summary>
    public static bool Labelled(ReadOnlySpan<byte> data, HookContext context)
    {
        int bit = BinaryPrimitives.ReadUInt16LittleEndian(data), options = BinaryPrimitives.ReadUInt16LittleEndian(data[2..]);
        bool inverted = (options & 1) != 0;
        if (context.Packet.Connection is not { HasLabels: true } connection)
        {
            return inverted;
        }

        UInt128 label = UInt128.One << bit;
        if ((connection.Labels & label) != 0)
        {
            return !inverted;
        }

        if ((options & 2) == 0)
        {
            return inverted;
        }

        connection.Labels |= label;
        connection.Note(ConnectionEvents.Label);
        return !inverted;
    }

    /// <summary>connlimit: how many connections an address, or a network of addresses, has at the same time.</summary>
    public static bool Limited(ReadOnlySpan<byte> data, MatchState state, SimulatedKernel kernel, HookContext context)
    {
        uint limit = BinaryPrimitives.ReadUInt32LittleEndian(data[16..]), flags = BinaryPrimitives.ReadUInt32LittleEndian(data[20..]);
        Packet packet = context.Packet;
        if (packet.Connection is not { } current)
        {
            return false;
        }

        int length = packet.Protocol == EtherType.Ipv6 ? 16 : 4, at = (length == 4 ? 12 : 8) + ((flags & 2) != 0 ? length : 0);
        byte[] address = packet.Network.Slice(at, length).ToArray();
        for (int index = 0; index < length; index++)
        {
            address[index] &= data[index];
        }

        string key = $"{Convert.ToHexString(address)} {current.Zone.Id}";
        if (!state.Connections.TryGetValue(key, out HashSet<Connection>? connections))
        {
            state.Connections[key] = connections = [];
        }

        DateTimeOffset now = kernel.Clock.Steady.GetUtcNow();
        connections.RemoveWhere(one => one != current
            && (one.IsDying || !one.IsConfirmed || one.Expires <= now || one.Tcp is { State: TcpState.TimeWait or TcpState.Close }));
        connections.Add(current);
        return connections.Count > limit != ((flags & 1) != 0);
    }

    /// <summary>helper: whether the connection was expected by one that a helper of that name, or any, looks after.</summary>
    public static bool IsHelped(ReadOnlySpan<byte> data, Packet packet)
    {
        ReadOnlySpan<byte> name = data.Slice(4, 30);
        name = name[..(name.IndexOf((byte)0) is >= 0 and var end ? end : name.Length)];
        bool matches = packet.Connection?.Master?.Helper is { } helper && System.Text.Encoding.Latin1.GetBytes(helper.Name).AsSpan().SequenceEqual(name[..Math.Min(name.Length, helper.Name.Length)]);
        return (matches || name.IsEmpty && packet.Connection?.Master?.Helper is not null) != (BinaryPrimitives.ReadUInt32LittleEndian(data) != 0);
    }

    /// <summary>cluster: whether a connection is this node's, by a hash of who began it.</summary>
    public static bool IsOurs(ReadOnlySpan<byte> data, Packet packet)
    {
        uint nodes = BinaryPrimitives.ReadUInt32LittleEndian(data), mask = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
        if (packet.Connection is not { } connection)
        {
            return false;
        }

        Span<byte> source = stackalloc byte[16];
        int length = connection.Original.Family == InternetAddress.V6 ? 16 : 4;
        connection.Original.Source.Write(source);
        uint hash = JenkinsHash.Compute(source[..length], BinaryPrimitives.ReadUInt32LittleEndian(data[8..]));
        return (mask & 1u << (int)((ulong)hash * nodes >> 32)) != 0 != ((BinaryPrimitives.ReadUInt32LittleEndian(data[12..]) & 1) != 0);
    }
}
