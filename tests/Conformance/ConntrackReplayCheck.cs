using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>
/// Feeds the recorded requests of conntrack to a simulated kernel, one after the other, and compares every answer. Connections that a dump or look-up shows and
/// the simulation lacks were made by rows the file doesn't hold, and are made first. Timeouts are masked to within ten seconds, and the numbers of connections.
/// </summary>
public sealed class ConntrackReplayCheck : IConformanceCheck
{
    private const ushort IPCTNL_MSG_CT_NEW = 0x100;
    private static readonly byte[] Flush = [20, 0, 0, 0, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <inheritdoc />
    public string Name => "replay";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.RouteRequests;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = RecordedNamespace.Profile(file.KernelVersion) });
        return row => row.Text("cmd").StartsWith("conntrack ", StringComparison.Ordinal) ? Replay(kernel, row) : null;
    }

    private static CheckResult Replay(SimulatedKernel kernel, JsonElement row)
    {
        var traffic = row.GetProperty("traffic").EnumerateArray()
            .Select(static entry => (Sent: entry[0].GetString() == ">", Socket: entry[1].GetInt32(), Bytes: Convert.FromHexString(entry[2].GetString()!))).ToList();
        Reconcile(kernel, traffic);
        var sockets = new Dictionary<int, SimulatedNetlinkSocket>();
        var expected = new List<byte[]>();
        var actual = new List<byte[]>();
        try
        {
            foreach ((bool sent, int number, byte[] bytes) in traffic)
            {
                if (!sockets.TryGetValue(number, out SimulatedNetlinkSocket? socket))
                {
                    socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Netfilter);
                    socket.CappedAcknowledgements = false;
                    socket.ExtendedAcknowledgements = false;
                    sockets.Add(number, socket);
                }

                if (sent)
                {
                    socket.Send(bytes);
                }
                else
                {
                    expected.Add(bytes);
                    if (socket.ReceiveOne() is { } answer)
                    {
                        actual.Add(answer);
                    }
                }
            }
        }
        finally
        {
            foreach (SimulatedNetlinkSocket socket in sockets.Values)
            {
                socket.Dispose();
            }
        }

        return TextDifference.Of(Describe(expected), Describe(actual));
    }

    /// <summary>Connections that the row shows before its first change are there, and no others where it dumps all.</summary>
    private static void Reconcile(SimulatedKernel kernel, List<(bool Sent, int Socket, byte[] Bytes)> traffic)
    {
        int change = traffic.FindIndex(static entry => entry.Sent && (BinaryPrimitives.ReadUInt16LittleEndian(entry.Bytes.AsSpan(4)) & 0xff) is 0 or 2);
        var shown = new List<byte[]>();
        foreach ((bool sent, _, byte[] bytes) in traffic.Take(change < 0 ? traffic.Count : change))
        {
            var walk = new MessageReader(bytes);
            while (!sent && walk.TryRead(out NetlinkMessage message))
            {
                if (message.Header.Type == IPCTNL_MSG_CT_NEW)
                {
                    shown.Add(message.Bytes.ToArray());
                }
            }
        }

        using var socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Netfilter);
        if (traffic.Exists(static entry => entry.Sent && BinaryPrimitives.ReadUInt16LittleEndian(entry.Bytes.AsSpan(4)) == 0x101 && (entry.Bytes[7] & 3) == 3))
        {
            socket.Send(Flush);
        }

        if (traffic.Find(static entry => !entry.Sent).Bytes is { Length: >= 28 } count && BinaryPrimitives.ReadUInt16LittleEndian(count.AsSpan(4)) == 0x105)
        {
            // How many there are is all that is known of them.
            socket.Send(Flush);
            for (uint number = BinaryPrimitives.ReadUInt32BigEndian(count.AsSpan(24)); number > 0; number--)
            {
                socket.Send(Unknown((ushort)number));
            }
        }

        foreach (byte[] connection in shown)
        {
            byte[] asShown = [.. connection];
            AllowFlags(connection.AsSpan(20));
            BinaryPrimitives.WriteUInt16LittleEndian(connection.AsSpan(6), 0x605);
            socket.Send(connection);
            AdoptStatus(kernel, asShown.AsSpan(20), connection[16]);
        }
    }

    /// <summary>That a connection's addresses were translated can't be told of one that is made as it is now.</summary>
    private static void AdoptStatus(SimulatedKernel kernel, ReadOnlySpan<byte> attributes, byte family)
    {
        var walk = new AttributeReader(attributes);
        if (walk.TryFind(1, out NetlinkAttribute original) && original.Nested().TryFind(1, out NetlinkAttribute addresses)
            && addresses.Nested().TryFind(family == 2 ? (ushort)1 : (ushort)3, out NetlinkAttribute source) && walk.TryFind(3, out NetlinkAttribute status))
        {
            byte[] from = source.Value.ToArray();
            byte[] shown = original.Value.ToArray();
            foreach (Connection connection in kernel.Stack.Conntrack.Connections.Where(one => one.Original.Source.ToBytes().AsSpan().SequenceEqual(from)))
            {
                if (shown.AsSpan().IndexOf((ReadOnlySpan<byte>)[(byte)(connection.Original.SourcePort >> 8), (byte)connection.Original.SourcePort]) >= 0 && shown.AsSpan().IndexOf((ReadOnlySpan<byte>)[5, 0, 1, 0, connection.Original.Protocol]) >= 0)
                {
                    connection.Status = (ConnectionStatus)BinaryPrimitives.ReadUInt32BigEndian(status.Value);
                }
            }
        }
    }

    /// <summary>The flags of TCP are shown without saying which are meant; all of them.</summary>
    private static void AllowFlags(Span<byte> attributes) => RouteTranscript.ForEach(attributes, static (type, value) =>
    {
        if (type == 4)
        {
            RouteTranscript.ForEach(value, static (protocol, content) =>
            {
                if (protocol == 1)
                {
                    RouteTranscript.ForEach(content, static (field, flags) =>
                    {
                        if (field is 4 or 5 && flags.Length == 2)
                        {
                            flags[1] = 0xff;
                        }
                    });
                }
            });
        }
    });

    /// <summary>A UDP connection between two addresses, told apart by a port.</summary>
    private static byte[] Unknown(ushort port)
    {
        byte[] tuple(ushort type, byte from, byte to, ushort source, ushort destination) =>
        [
            52, 0, (byte)type, 0x80, 20, 0, 1, 0x80, 8, 0, 1, 0, 10, 0, 0, from, 8, 0, 2, 0, 10, 0, 0, to,
            28, 0, 2, 0x80, 5, 0, 1, 0, 17, 0, 0, 0, 6, 0, 2, 0, (byte)(source >> 8), (byte)source, 0, 0, 6, 0, 3, 0, (byte)(destination >> 8), (byte)destination, 0, 0,
        ];
        byte[] request = [0, 0, 0, 0, 0, 1, 5, 6, .. new byte[8], 2, 0, 0, 0, .. tuple(1, 1, 2, port, 9), .. tuple(2, 2, 1, 9, port), 8, 0, 7, 0, 0, 0, 0, 100];
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        return request;
    }

    private static string Describe(List<byte[]> datagrams)
    {
        var text = new StringBuilder();
        foreach (byte[] datagram in datagrams)
        {
            var lines = new List<string>();
            var walk = new MessageReader(datagram);
            while (walk.TryRead(out NetlinkMessage message))
            {
                byte[] payload = message.Payload.ToArray();
                ushort type = message.Header.Type;
                if (type == NetlinkMessageType.Error && payload.Length >= 20)
                {
                    payload.AsSpan(12, 8).Clear();
                }
                else if (type >> 8 == 1 && payload.Length > 4)
                {
                    Mask((byte)type, payload.AsSpan(4));
                }

                lines.Add($"type {type} flags {(ushort)message.Header.Flags:x} {Convert.ToHexStringLower(payload)}\n");
            }

            // A table is dumped in the order of a hash that is another with each boot; a count for each processor, of which there may be more or fewer.
            text.Append(string.Concat(lines.Order(StringComparer.Ordinal).Distinct())).Append("--\n");
        }

        return text.ToString();
    }

    private static void Mask(byte type, Span<byte> attributes) => RouteTranscript.ForEach(attributes, (attribute, value) =>
    {
        switch (type, attribute)
        {
            case (0 or 1 or 2, 7):
                BinaryPrimitives.WriteUInt32BigEndian(value, (BinaryPrimitives.ReadUInt32BigEndian(value) + 9) / 10);
                break;
            case (0 or 1 or 2, 12):
            case (5, 2):
                // How many there may be: by the machine's memory.
            case (4, _):
                value.Clear();
                break;
            default:
                break;
        }
    });
}
