using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Transport;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Matches on the socket of a packet, on who holds it and in which control group (xt_socket.c, xt_owner.c, xt_cgroup.c).</summary>
internal static class SocketMatches
{
    /// <summary>There is a socket for the packet; one that takes packets to any address only where the rule says so, and none that is transparent.</summary>
    public static bool Socket(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        const byte Transparent = 1, Wildcard = 2, RestoreMark = 4;
        byte flags = extension.Revision == 0 ? (byte)0 : data[0];
        if (SocketLookup.Of(context) is not { } socket || (flags & Transparent) != 0 || ((flags & Wildcard) == 0 && socket is { IsFull: true, IsWildcard: true }))
        {
            return false;
        }

        if ((flags & RestoreMark) != 0 && socket.IsFull)
        {
            context.Packet.Mark = LocalSocket.Mark;
        }

        return true;
    }

    /// <summary>Who holds the socket that sent the packet, or whether there is one.</summary>
    public static bool Owner(ReadOnlySpan<byte> data, LocalSocket? socket)
    {
        const byte User = 1, Group = 2, Exists = 4;
        byte asked = data[16], inverted = data[17];
        if (socket is null)
        {
            return asked == inverted;
        }

        if ((asked & inverted & Exists) != 0)
        {
            return false;
        }

        if (!socket.HasProgram)
        {
            return ((asked ^ inverted) & (User | Group)) == 0;
        }

        return ((asked & User) == 0 || InRange(LocalSocket.Owner, U32(data, 0), U32(data, 4)) != ((inverted & User) != 0))
            && ((asked & Group) == 0 || InRange(LocalSocket.Group, U32(data, 8), U32(data, 12)) != ((inverted & Group) != 0));
    }

    /// <summary>The class of net_cls, or the path of the group, which can only be the root's: all are below it.</summary>
    public static bool ControlGroup(Extension extension, ReadOnlySpan<byte> data, LocalSocket? socket)
    {
        if (socket is not { IsFull: true })
        {
            return false;
        }

        if (extension.Revision == 0)
        {
            return U32(data, 0) == LocalSocket.Class != (U32(data, 4) != 0);
        }

        bool byPath = data[0] != 0;
        return byPath ? data[2] == 0 : U32(data, extension.Revision == 1 ? 4100 : 4) == LocalSocket.Class != (data[3] != 0);
    }
}
