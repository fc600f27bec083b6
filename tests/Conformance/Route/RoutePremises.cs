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
    private const int Exists = -(int)LinuxError.EEXIST;
    private static readonly int[] Absent = [-(int)LinuxError.ENOENT, -(int)LinuxError.ESRCH, -(int)LinuxError.ENODEV, -(int)LinuxError.EADDRNOTAVAIL];

    /// <summary>Makes true what the outcome needed; true if something was done, and the request is to be repeated.</summary>
    public static bool Establish(SimulatedKernel kernel, byte[] request, byte[] answer, byte[] got)
    {
        if (request.Length < 20 || Outcome([answer]) is not { } recorded || Outcome([got]) is not { } simulated)
        {
            return false;
        }

        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(4));
        if (type is >= 36 and <= 46 && request.Length >= 36 && (recorded != simulated || answer.Length != got.Length))
        {
            byte[][] needed = [.. TrafficPremises.Needed(request, answer, simulated)];
            Array.ForEach(needed, one => Send(kernel, one));
            return needed.Length > 0 || recorded == Exists;
        }

        if (recorded == simulated)
        {
            return false;
        }

        bool isCreation = (type & 3) == 0;
        bool isDeletion = (type & 3) == 1;
        if (isCreation && recorded == Exists && simulated == 0)
        {
            // The simulation has just made it. What it looks like, this request that failed doesn't tell.
            if (type == 16)
            {
                Send(kernel, Turned(request, 17, 5));
                Send(kernel, WithoutOptions(request));
            }

            return true;
        }

        if (isCreation && recorded == 0 && simulated == Exists)
        {
            return Send(kernel, Turned(request, (ushort)(type + 1), 5)) == 0;
        }

        if (isDeletion && recorded == 0)
        {
            byte[] creation = Turned(request, (ushort)(type - 1), 0x605);
            return Send(kernel, type switch
            {
                17 => WithKind(creation),
                25 => WithPlace(creation),
                29 => WithAddress(creation),
                33 => WithTable(creation),
                105 => WithDevice(creation),
                _ => creation,
            }) == 0;
        }

        if (isDeletion && simulated == 0 && Array.IndexOf(Absent, recorded) >= 0)
        {
            // It is gone now, as it was then.
            return true;
        }

        if (type == 104 && recorded == 0)
        {
            return MakeMembers(kernel, request);
        }

        if (type == 24 && recorded == 0)
        {
            return MakeNextHop(kernel, request) || MakeNetwork(kernel, request);
        }

        if (isCreation && recorded == 0 && Array.IndexOf(Absent, simulated) >= 0 && (request[7] & 4) == 0 && type != 16)
        {
            // A change of what is there.
            return Send(kernel, Turned(request, type, 0x605)) == 0;
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

    /// <summary>The creation of a link with its name and kind alone.</summary>
    private static byte[] WithoutOptions(byte[] request)
    {
        var attributes = new AttributeReader(request.AsSpan(32));
        if (!attributes.TryFind(3, out NetlinkAttribute name) || !attributes.TryFind(18, out NetlinkAttribute info) || !info.Nested().TryFind(1, out NetlinkAttribute kind))
        {
            return request;
        }

        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(16, (NetlinkMessageFlags)0x605, 0, 0);
        writer.Append(new byte[16]);
        foreach (ushort needed in (ushort[])[5, 3])
        {
            if (attributes.TryFind(needed, out NetlinkAttribute attribute))
            {
                writer.WriteBytes(needed, attribute.Value);
            }
        }

        WireMark nest = writer.BeginNested(18, nestedFlag: false);
        writer.WriteBytes(1, kind.Value);
        writer.EndAttribute(nest);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>A next hop of which only the number is known stands on the first device that is up.</summary>
    private static byte[] WithDevice(byte[] request)
    {
        byte[] longer = [.. request, 8, 0, 5, 0, 2, 0, 0, 0];
        longer[16] = 2;
        BinaryPrimitives.WriteInt32LittleEndian(longer, longer.Length);
        return longer;
    }

    /// <summary>A link of which only the name is known.</summary>
    private static byte[] WithKind(byte[] request) => Longer(request, [12, 0, 18, 0, 8, 0, 1, 0, .. "ifb"u8, 0]);

    /// <summary>A deletion names the destination at least; the route went over the first device that is up.</summary>
    private static byte[] WithPlace(byte[] request)
    {
        byte[] made = [.. request];
        bool hasDevice = new AttributeReader(request.AsSpan(28)).TryFind(4, out _);
        bool hasGateway = new AttributeReader(request.AsSpan(28)).TryFind(5, out _);
        bool hasGroup = new AttributeReader(request.AsSpan(28)).TryFind(9, out _);
        made[23] = made[23] == 0 ? (byte)1 : made[23];
        bool needsDevice = made[23] == 1 && !hasDevice && !hasGateway && !hasGroup;
        made[22] = made[22] == 255 ? (byte)(hasGateway || hasGroup || made[23] != 1 ? 0 : 253) : made[22];
        made[21] = made[21] == 0 ? (byte)3 : made[21];
        return needsDevice ? Longer(made, [8, 0, 4, 0, 3, 0, 0, 0]) : made;
    }

    /// <summary>A neighbour that stays.</summary>
    private static byte[] WithAddress(byte[] request)
    {
        byte[] made = [.. request];
        bool isKnown = new AttributeReader(request.AsSpan(28)).TryFind(2, out _) || (made[26] & 8) != 0;
        made[24] = made[24] == 0 ? (byte)0x80 : made[24];
        return isKnown ? made : Longer(made, [10, 0, 2, 0, 2, 0, 0, 0, 0, 9, 0, 0]);
    }

    /// <summary>A rule without a table of its own looks into the main one.</summary>
    private static byte[] WithTable(byte[] request)
    {
        byte[] made = [.. request];
        made[23] = made[23] == 0 ? (byte)1 : made[23];
        made[20] = made[20] == 0 ? (byte)254 : made[20];
        return made;
    }

    private static byte[] Longer(byte[] request, byte[] attribute)
    {
        byte[] longer = [.. request, .. attribute];
        BinaryPrimitives.WriteInt32LittleEndian(longer, longer.Length);
        return longer;
    }

    /// <summary>The next hop object a route refers to.</summary>
    private static bool MakeNextHop(SimulatedKernel kernel, byte[] request)
    {
        if (!new AttributeReader(request.AsSpan(28)).TryFind(30, out NetlinkAttribute id))
        {
            return false;
        }

        byte[] creation = new byte[32];
        BinaryPrimitives.WriteInt32LittleEndian(creation, creation.Length);
        creation[24] = 8;
        creation[26] = 1;
        id.Value.CopyTo(creation.AsSpan(28));
        byte[] made = WithDevice(Turned(creation, 104, 0x605));
        made[16] = request[16];
        return Send(kernel, made) == 0;
    }

    /// <summary>A gateway that was reached stood in a network of some device: of the one named, or of the first.</summary>
    private static bool MakeNetwork(SimulatedKernel kernel, byte[] request)
    {
        var attributes = new AttributeReader(request.AsSpan(28));
        if (!attributes.TryFind(5, out NetlinkAttribute gateway))
        {
            return false;
        }

        byte length = (byte)(gateway.Value.Length == 4 ? 24 : 64);
        byte[] network = gateway.Value.ToArray();
        network.AsSpan(length / 8).Clear();
        byte[] device = attributes.TryFind(4, out NetlinkAttribute output) ? output.Value.ToArray() : [3, 0, 0, 0];
        byte[] route = [0, 0, 0, 0, 24, 0, 5, 6, .. new byte[8], request[16], length, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0,
            (byte)(4 + network.Length), 0, 1, 0, .. network, 8, 0, 4, 0, .. device];
        BinaryPrimitives.WriteInt32LittleEndian(route, route.Length);
        return Send(kernel, route) == 0;
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
