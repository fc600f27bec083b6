using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>
/// Brings the simulated tables to what a recorded dump shows, where the dump came before the row's first change: what is missing is added, what is too much
/// is deleted, each by an ordinary request made of the entry itself. Such a row tests how entries are written, in which order and in which parts.
/// </summary>
internal static class RouteReconciliation
{
    // Addresses, routes, neighbours, rules, next hops, queueing disciplines, filters; added in this way (replace or append).
    private static readonly Dictionary<ushort, ushort> FlagsOfNew = new() { [20] = 0x505, [24] = 0xc05, [28] = 0x505, [32] = 0x605, [104] = 0x505, [36] = 0x505, [44] = 0x405 };

    /// <summary>Makes the answer to a dump request possible.</summary>
    /// <param name="kernel">The simulated kernel.</param>
    /// <param name="request">The dump request.</param>
    /// <param name="recorded">The datagrams of its recorded answer.</param>
    /// <param name="isStrict">The socket has strict checking.</param>
    public static void Reconcile(SimulatedKernel kernel, byte[] request, IEnumerable<byte[]> recorded, bool isStrict)
    {
        ushort type = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(4)) - 2);
        if (!FlagsOfNew.ContainsKey(type))
        {
            return;
        }

        List<byte[]> wanted = Entries(recorded, type);
        if (type == 44 && wanted.Count > 0)
        {
            Prepare(kernel, request);
        }

        if (type == 20)
        {
            wanted.ForEach(entry => AdoptFlags(kernel, entry));
        }

        List<byte[]> present = Entries(Ask(kernel, request, isStrict), type);
        HashSet<string> wantedKeys = [.. wanted.Select(Key)];
        foreach (byte[] extra in present.Where(entry => !wantedKeys.Contains(Key(entry))))
        {
            Send(kernel, Turned(extra, (ushort)(type + 1), 5));
        }

        HashSet<string> presentKeys = [.. Entries(Ask(kernel, request, isStrict), type).Select(Key)];
        IEnumerable<byte[]> missingOnes = wanted.Where(entry => !presentKeys.Contains(Key(entry)));

        // A new IPv6 address goes before the others of its scope.
        foreach (byte[] missing in type == 20 ? missingOnes.OrderBy(static entry => entry[16]).ThenByDescending(entry => entry[16] == 10 ? wanted.IndexOf(entry) : 0).ToArray() : missingOnes.ToArray())
        {
            Send(kernel, AsRequest(missing, type));
            if (type == 20)
            {
                AdoptFlags(kernel, missing);
            }
        }
    }

    /// <summary>Filters that were shown had a place to stand.</summary>
    private static void Prepare(SimulatedKernel kernel, byte[] request)
    {
        byte[] change = Turned(request[..36], 44, 0x405);
        byte[] answer = new byte[36];
        foreach (byte[] needed in TrafficPremises.Needed(change, answer, -22))
        {
            if (Ask(kernel, Turned(request, 46, 0x301), isStrict: false).All(static datagram => datagram[4] == 3))
            {
                Send(kernel, needed);
            }
        }
    }

    /// <summary>The entry as a request that makes it.</summary>
    private static byte[] AsRequest(byte[] entry, ushort type)
    {
        int header = type switch { 20 => 8, 24 => 12, 28 => 12, 32 => 12, 104 => 8, _ => 20 };
        var buffer = new NetlinkBuffer(Math.Max(256, entry.Length * 2));
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, (NetlinkMessageFlags)FlagsOfNew[type], 0);
        byte[] start = entry.AsSpan(16, header).ToArray();
        if (type == 104)
        {
            // Scope and all flags but RTNH_F_ONLINK are the kernel's to say.
            start[1] = 0;
            start[4] &= 4;
        }

        writer.Append(start);
        string kind = "";
        var walk = new AttributeReader(entry.AsSpan(16 + header));
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            kind = type is 36 or 44 && attribute.Type == 1 ? attribute.String : kind;
            byte[] value = attribute.Value.ToArray();
            switch (type, attribute.Type)
            {
                case (24, 12):
                    // What is left of its life is told in the cache information and asked for by an attribute of its own.
                    if (value.Length >= 12 && BinaryPrimitives.ReadInt32LittleEndian(value.AsSpan(8)) is > 0 and int left)
                    {
                        writer.WriteUInt32(23, (uint)(left / 100));
                    }

                    break;
                case (104, 12):
                    WireMark terms = writer.BeginNested(12);
                    writer.Append(WithoutUnbalancedTime(value));
                    writer.EndAttribute(terms);
                    break;
                case (104, 14):
                    break;
                case (28, 3 or 4) or (36 or 44, 3 or 4 or 7 or 12):
                    break;
                case (36, 2) when kind == "htb":
                    value[6] = 0;
                    writer.WriteBytes(2, value);
                    break;
                case (44, 2):
                    WireMark options = writer.BeginNested(2, nestedFlag: false);
                    WriteFilter(ref writer, value, kind);
                    writer.EndAttribute(options);
                    break;
                default:
                    writer.WriteBytes(attribute.IsNested ? (ushort)(attribute.Type | NetlinkWriter.NestedFlag) : attribute.Type, value);
                    break;
            }
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>What is asked of a resilient group, without what the kernel says of it.</summary>
    private static byte[] WithoutUnbalancedTime(byte[] terms)
    {
        var kept = new List<byte>();
        var walk = new AttributeReader(terms);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type != 4)
            {
                byte[] padded = new byte[4 + (attribute.Value.Length + 3 & ~3)];
                BinaryPrimitives.WriteUInt16LittleEndian(padded, (ushort)(4 + attribute.Value.Length));
                BinaryPrimitives.WriteUInt16LittleEndian(padded.AsSpan(2), attribute.Type);
                attribute.Value.CopyTo(padded.AsSpan(4));
                kept.AddRange(padded);
            }
        }

        return [.. kept];
    }

    // The kernel's own flag "not in hardware" can't be asked for.
    private static void WriteFilter(ref NetlinkWriter writer, byte[] options, string kind)
    {
        ushort flags = kind switch { "u32" => 11, "matchall" => 3, "flower" => 22, _ => 0 };
        var walk = new AttributeReader(options);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == flags && attribute.TryGet(out uint value))
            {
                writer.WriteUInt32(flags, value & 3);
            }
            else
            {
                writer.WriteBytes(attribute.Type, attribute.Value);
            }
        }
    }

    /// <summary>Tentative, deprecated and the like come with time, not by request.</summary>
    private static void AdoptFlags(SimulatedKernel kernel, byte[] entry)
    {
        byte family = entry[16];
        var attributes = new AttributeReader(entry.AsSpan(24));
        if (family != 10 || !attributes.TryFind(1, out NetlinkAttribute address) || !attributes.TryFind(8, out NetlinkAttribute flags)
            || kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(entry.AsSpan(20))) is not { } device)
        {
            return;
        }

        if (kernel.Addresses.Find(device, InternetAddress.Read(family, address.Value.ToArray())) is { } known)
        {
            known.Flags = flags.UInt32;
        }
    }

    private static List<byte[]> Entries(IEnumerable<byte[]> datagrams, ushort type)
    {
        var entries = new List<byte[]>();
        foreach (byte[] datagram in datagrams)
        {
            var walk = new MessageReader(datagram);
            while (walk.TryRead(out NetlinkMessage message))
            {
                if (message.Header.Type == type)
                {
                    entries.Add(message.Bytes.ToArray());
                }
            }
        }

        return entries;
    }

    private static string Key(byte[] entry)
    {
        var text = new StringBuilder();
        var walk = new MessageReader(entry);
        if (walk.TryRead(out NetlinkMessage message))
        {
            RouteTranscript.Describe(text, message);
        }

        return text.ToString();
    }

    private static List<byte[]> Ask(SimulatedKernel kernel, byte[] request, bool isStrict)
    {
        using var socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = isStrict });
        socket.Send(request);
        var answers = new List<byte[]>();
        while (socket.ReceiveOne() is { } answer)
        {
            answers.Add(answer);
        }

        return answers;
    }

    private static byte[] Turned(byte[] entry, ushort type, ushort flags)
    {
        byte[] turned = [.. entry];
        BinaryPrimitives.WriteUInt16LittleEndian(turned.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(turned.AsSpan(6), flags);
        return turned;
    }

    private static void Send(SimulatedKernel kernel, byte[] request)
    {
        using INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Send(request);
    }
}
