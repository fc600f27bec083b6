using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>The conntrack match (struct xt_conntrack_mtinfo1 to 3): the first has states and statuses of one octet, and only the last has ranges of ports.</summary>
internal static class ConntrackMatch
{
    private const ushort State = 1, Protocol = 2, OriginalSource = 4, OriginalDestination = 8, ReplySource = 16, ReplyDestination = 32, Status = 64, Expires = 128;
    private const ushort OriginalSourcePort = 256, OriginalDestinationPort = 512, ReplySourcePort = 1024, ReplyDestinationPort = 2048, Direction = 4096;

    private const uint SourceTranslated = 1 << 6, DestinationTranslated = 1 << 7, Untracked = 1 << 8;

    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(data[146..]);
        var inverted = BinaryPrimitives.ReadUInt16LittleEndian(data[148..]);
        uint states = extension.Revision == 1 ? data[150] : BinaryPrimitives.ReadUInt16LittleEndian(data[150..]);
        uint statuses = extension.Revision == 1 ? data[151] : BinaryPrimitives.ReadUInt16LittleEndian(data[152..]);
        Connection? connection = context.Packet.Connection;
        uint state = connection is null && context.Packet.Untracked ? Untracked : MatchEvaluation.StateBit(context.Packet);
        if ((flags & State) != 0)
        {
            if (connection is not null)
            {
                state |= (connection.Status & ConnectionStatus.SourceNat) != 0 ? SourceTranslated : 0;
                state |= (connection.Status & ConnectionStatus.DestinationNat) != 0 ? DestinationTranslated : 0;
            }

            if ((states & state) != 0 == ((inverted & State) != 0))
            {
                return false;
            }
        }

        if (connection is null)
        {
            return (flags & State) != 0;
        }

        if ((flags & Direction) != 0 && (Connection.DirectionOf(context.Packet.ConnectionInfo) == ConnectionDirection.Original) == ((inverted & Direction) != 0))
        {
            return false;
        }

        ConnectionTuple original = connection.Original, reply = connection.Reply;
        if (!Address(data, flags, inverted, OriginalSource, 0, original.Source)
            || !Address(data, flags, inverted, OriginalDestination, 32, original.Destination)
            || !Address(data, flags, inverted, ReplySource, 64, reply.Source)
            || !Address(data, flags, inverted, ReplyDestination, 96, reply.Destination)
            || !Port(extension, data, flags, inverted, OriginalSourcePort, 138, 154, original.SourcePort)
            || !Port(extension, data, flags, inverted, OriginalDestinationPort, 140, 156, original.DestinationPort)
            || !Port(extension, data, flags, inverted, ReplySourcePort, 142, 158, reply.SourcePort)
            || !Port(extension, data, flags, inverted, ReplyDestinationPort, 144, 160, reply.DestinationPort))
        {
            return false;
        }

        if ((flags & Protocol) != 0 && (original.Protocol == BinaryPrimitives.ReadUInt16LittleEndian(data[136..])) == ((inverted & Protocol) != 0))
        {
            return false;
        }

        if ((flags & Status) != 0 && ((statuses & (uint)connection.Status) != 0) == ((inverted & Status) != 0))
        {
            return false;
        }

        if ((flags & Expires) != 0)
        {
            double left = (connection.Expires - context.Stack.Kernel.Clock.Steady.GetUtcNow()).TotalSeconds;
            bool inside = left >= BinaryPrimitives.ReadUInt32LittleEndian(data[128..]) && left <= BinaryPrimitives.ReadUInt32LittleEndian(data[132..]);
            return inside != ((inverted & Expires) != 0);
        }

        return true;
    }

    private static bool Address(ReadOnlySpan<byte> data, ushort flags, ushort inverted, ushort flag, int offset, InternetAddress address)
    {
        if ((flags & flag) == 0)
        {
            return true;
        }

        byte[] bytes = address.ToBytes();
        bool same = true;
        for (int i = 0; i < bytes.Length && same; i++)
        {
            same = ((bytes[i] ^ data[offset + i]) & data[offset + 16 + i]) == 0;
        }

        return same != ((inverted & flag) != 0);
    }

    private static bool Port(Extension extension, ReadOnlySpan<byte> data, ushort flags, ushort inverted, ushort flag, int first, int last, ushort port)
    {
        if ((flags & flag) == 0)
        {
            return true;
        }

        bool inside = extension.Revision == 3
            ? port >= BinaryPrimitives.ReadUInt16LittleEndian(data[first..]) && port <= BinaryPrimitives.ReadUInt16LittleEndian(data[last..])
            : port == BinaryPrimitives.ReadUInt16BigEndian(data[first..]);
        return inside != ((inverted & flag) != 0);
    }
}
