using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Conformance;

/// <summary>
/// What an outcome says about the objects that rows the file doesn't hold had made or deleted: "exists already" says that the object was there, a deletion that
/// succeeded says so too, a creation that succeeded where the simulation has the object says that it had been deleted.
/// </summary>
internal static class RoutePremises
{
    /// <summary>Makes true what the outcome needed; true if something was done, and the request is to be repeated.</summary>
    public static bool Establish(SimulatedKernel kernel, byte[] request, int recorded, int simulated)
    {
        if (recorded == simulated || request.Length < 20)
        {
            return false;
        }

        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(4));
        int exists = -(int)LinuxError.EEXIST;
        bool isCreation = (type & 3) == 0;
        bool isDeletion = (type & 3) == 1;
        if (isCreation && recorded == exists && simulated == 0)
        {
            // The simulation has just made it.
            return true;
        }

        if (isCreation && recorded == 0 && simulated == exists)
        {
            return Send(kernel, Turned(request, (ushort)(type + 1), 5)) == 0;
        }

        if (isDeletion && recorded == 0)
        {
            byte[] creation = Turned(request, (ushort)(type - 1), 0x605);
            return Send(kernel, type == 105 ? WithDevice(creation) : creation) == 0;
        }

        if (type == 104 && recorded == 0)
        {
            return MakeMembers(kernel, request);
        }

        return type == 16 && recorded is -16 or -22 && simulated == 0 && MakeMacvlan(kernel, request);
    }

    /// <summary>The errno of the acknowledgement among the datagrams, or null.</summary>
    public static int? Outcome(IEnumerable<byte[]> datagrams)
    {
        foreach (byte[] datagram in datagrams)
        {
            var walk = new MessageReader(datagram);
            while (walk.TryRead(out NetlinkMessage message))
            {
                if (message.Header.Type == NetlinkMessageType.Error && message.Payload.Length >= 4)
                {
                    return BinaryPrimitives.ReadInt32LittleEndian(message.Payload);
                }
            }
        }

        return null;
    }

    private static byte[] Turned(byte[] request, ushort type, ushort flags)
    {
        byte[] turned = [.. request];
        BinaryPrimitives.WriteUInt16LittleEndian(turned.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(turned.AsSpan(6), flags);
        return turned;
    }

    /// <summary>A next hop of which only the number is known stands on the first device that is up.</summary>
    private static byte[] WithDevice(byte[] request)
    {
        byte[] longer = [.. request, 8, 0, 5, 0, 2, 0, 0, 0];
        longer[16] = 2;
        BinaryPrimitives.WriteInt32LittleEndian(longer, longer.Length);
        return longer;
    }

    private static bool MakeMembers(SimulatedKernel kernel, byte[] request)
    {
        bool made = false;
        var walk = new AttributeReader(request.AsSpan(24));
        if (walk.TryFind(2, out NetlinkAttribute group))
        {
            for (int at = 0; at + 8 <= group.Value.Length; at += 8)
            {
                byte[] creation = new byte[32];
                BinaryPrimitives.WriteInt32LittleEndian(creation, creation.Length);
                creation[24] = 8;
                creation[26] = 1;
                group.Value.Slice(at, 4).CopyTo(creation.AsSpan(28));
                made |= Send(kernel, WithDevice(Turned(creation, 104, 0x605))) == 0;
            }
        }

        return made;
    }

    /// <summary>A device that is busy or can't be taken whole has a macvlan on it.</summary>
    private static bool MakeMacvlan(SimulatedKernel kernel, byte[] request)
    {
        if (request.Length < 32 || !new AttributeReader(request.AsSpan(32)).TryFind(5, out NetlinkAttribute lower))
        {
            return false;
        }

        if (new AttributeReader(request.AsSpan(32)).TryFind(3, out NetlinkAttribute name) && kernel.Devices.Find(name.String) is { } made)
        {
            byte[] deletion = [32, 0, 0, 0, 17, 0, 5, 0, .. new byte[24]];
            BinaryPrimitives.WriteInt32LittleEndian(deletion.AsSpan(20), made.Index);
            Send(kernel, deletion);
        }

        // IFLA_LINK, IFLA_IFNAME "mvp", IFLA_LINKINFO with IFLA_INFO_KIND "macvlan".
        byte[] creation = [64, 0, 0, 0, 16, 0, 5, 6, .. new byte[24], 8, 0, 5, 0, .. lower.Value, 8, 0, 3, 0, .. "mvp\0"u8, 16, 0, 18, 0, 12, 0, 1, 0, .. "macvlan\0"u8];
        return Send(kernel, creation) == 0;
    }

    private static int Send(SimulatedKernel kernel, byte[] request)
    {
        using INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Send(request);
        return ((EucaNet.Simulator.Kernel.Sockets.SimulatedNetlinkSocket)socket).ReceiveOne() is { } answer ? Outcome([answer]) ?? 0 : 0;
    }
}
