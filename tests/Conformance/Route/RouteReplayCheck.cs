using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>
/// Feeds the recorded requests of ip, bridge and tc to a simulated kernel and compares every answer. The rows of a file ran one after the other in one namespace
/// in which the recorder had made two veth pairs (v0-v1 up and addressed, v2-v3 down) before the first. Rows that the file doesn't hold had left their
/// traces, which the row's own traffic shows: a look-up before its first change shows the state of links, an outcome what existed (see RoutePremises); a link that an answer shows and the simulation lacks is made from that answer, one that a whole dump lacks is deleted. Index and MAC of a new device are chance and taken from the
/// recording. Sequence numbers, port ids, statistics and timestamps are masked.
/// </summary>
public sealed class RouteReplayCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "replay";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.RouteRequests;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        RecordedNamespace recorded = RecordedNamespace.Prepare(
            RecordedNamespace.Profile(file.KernelVersion),
            file.Rows.Index().Where(static row => IsRouteOnly(row.Item)).SelectMany(static row => Traffic(row.Item).Where(static entry => !entry.Sent).Select(entry => (row.Index, entry.Bytes))));
        int number = -1;
        return row =>
        {
            recorded.Row = ++number;
            return IsRouteOnly(row) ? Replay(recorded.Kernel, row) : null;
        };
    }

    private static CheckResult Replay(SimulatedKernel kernel, JsonElement row)
    {
        var sockets = new Dictionary<int, SimulatedNetlinkSocket>();
        var expected = new List<byte[]>();
        var actual = new List<byte[]>();
        var pending = new Queue<byte[]>();
        List<(bool Sent, int Socket, byte[] Bytes)> traffic = [.. Traffic(row)];
        RemoveWhatIsGone(kernel, traffic);
        bool isBefore = true;
        foreach ((bool sent, _, byte[] bytes) in traffic)
        {
            // What is asked before the first change shows what earlier rows left behind.
            isBefore &= !sent || (bytes[4] & 3) == 2 || (bytes[4] == 16 && bytes.Length == 32);
            if (!sent)
            {
                Adopt(kernel, bytes, isBefore);
            }
        }

        bool isBridge = row.Text("cmd").StartsWith("bridge", StringComparison.Ordinal) || row.Text("cmd").StartsWith("tc", StringComparison.Ordinal);
        bool isProbe = false;
        isBefore = true;
        try
        {
            for (int at = 0; at < traffic.Count; at++)
            {
                (bool sent, int number, byte[] bytes) = traffic[at];
                if (!sockets.TryGetValue(number, out SimulatedNetlinkSocket? socket))
                {
                    socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = !isBridge });
                    socket.CappedAcknowledgements = false;
                    sockets.Add(number, socket);
                }

                if (sent)
                {
                    // ip link begins with an empty RTM_NEWLINK and reads its answer with a buffer of 16 KiB.
                    isProbe = bytes.Length == 32 && bytes[4] == 16;
                    isBefore &= isProbe || (bytes[4] & 3) == 2;
                    if (isBefore && (bytes[7] & 3) == 3)
                    {
                        RouteReconciliation.Reconcile(kernel, bytes, Answer(traffic, at), !isBridge);
                    }

                    socket.Send(bytes);
                    if (!isProbe && (bytes[4] & 3) != 2 && at + 1 < traffic.Count && !traffic[at + 1].Sent)
                    {
                        Settle(kernel, socket, bytes, traffic[at + 1].Bytes, pending);
                    }

                    continue;
                }

                expected.Add(bytes);
                if (pending.TryDequeue(out byte[]? kept))
                {
                    actual.Add(kept);
                    continue;
                }

                if (!isProbe)
                {
                    // ip asks for the datagram's length first.
                    socket.PeekLength();
                }

                if (socket.ReceiveOne(isProbe ? 16384 : 32768) is { } answer)
                {
                    actual.Add(answer);
                }
            }

            actual.AddRange(pending);
            foreach (SimulatedNetlinkSocket socket in sockets.Values)
            {
                while (socket.ReceiveOne() is { } rest)
                {
                    actual.Add(rest);
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

        return RouteTranscript.Compare(expected, actual);
    }

    /// <summary>The datagrams of the answer to the request at this place.</summary>
    private static IEnumerable<byte[]> Answer(List<(bool Sent, int Socket, byte[] Bytes)> traffic, int at) =>
        traffic.Skip(at + 1).TakeWhile(static entry => !entry.Sent).Where(entry => entry.Socket == traffic[at].Socket).Select(static entry => entry.Bytes);

    /// <summary>Takes the answer to a change; where it differs because of what rows kept aside had done, that is done and the change asked for again.</summary>
    private static void Settle(SimulatedKernel kernel, SimulatedNetlinkSocket socket, byte[] request, byte[] recorded, Queue<byte[]> pending)
    {
        List<byte[]> answers = Drain(socket);
        if (answers.Count == 1 && RoutePremises.Establish(kernel, request, recorded, answers[0]))
        {
            socket.Send(request);
            answers = Drain(socket);
        }

        answers.ForEach(pending.Enqueue);
    }

    private static List<byte[]> Drain(SimulatedNetlinkSocket socket)
    {
        var answers = new List<byte[]>();
        while (socket.ReceiveOne() is { } answer)
        {
            answers.Add(answer);
        }

        return answers;
    }

    /// <summary>
    /// Makes the links that the answers show and the simulation lacks, and brings links to the state in which a look-up before any change shows them.
    /// </summary>
    private static void Adopt(SimulatedKernel kernel, byte[] datagram, bool isBefore)
    {
        var walk = new MessageReader(datagram);
        while (walk.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type == 16 && message.Payload.Length >= 16 && message.Payload[0] == 0
                && kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..])) is { } known)
            {
                AttributeReader attributes = message.Attributes(16);
                known.Alias = attributes.TryFind(20, out NetlinkAttribute alias) ? alias.String : null;
                if (attributes.TryFind(6, out NetlinkAttribute qdisc) && qdisc.String != known.Traffic.Root.Kind.Name)
                {
                    known.Traffic.Assume(qdisc.String);
                }

                if (isBefore)
                {
                    known.AlternativeNames.Clear();
                    LinkLoader.Load(kernel, message.Payload);
                }
            }
            else if (message.Header.Type == 16 && message.Payload.Length >= 16 && message.Payload[0] == 0
                && kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..])) is null)
            {
                LinkLoader.Load(kernel, message.Payload);
            }
        }
    }

    /// <summary>A link that a whole dump doesn't show was deleted by a row kept aside.</summary>
    private static void RemoveWhatIsGone(SimulatedKernel kernel, List<(bool Sent, int Socket, byte[] Bytes)> traffic)
    {
        bool isWhole = traffic.Exists(static entry => entry.Sent && entry.Bytes.Length == 40 && entry.Bytes[4] == 18 && entry.Bytes[7] == 3 && entry.Bytes[16] is 0 or 17);
        if (!isWhole)
        {
            return;
        }

        var shown = new HashSet<int>();
        foreach ((bool sent, _, byte[] bytes) in traffic)
        {
            var walk = new MessageReader(bytes);
            while (!sent && walk.TryRead(out NetlinkMessage message))
            {
                if (message.Header.Type == 16 && message.Payload.Length >= 16)
                {
                    shown.Add(BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]));
                }
            }
        }

        foreach (EucaNet.Simulator.Kernel.Devices.NetworkDevice device in kernel.Devices.All.Where(device => !shown.Contains(device.Index)).ToArray())
        {
            kernel.DeviceControl.Unregister([device]);
        }
    }

    private static bool IsRouteOnly(JsonElement row) =>
        row.TryGetProperty("sockets", out JsonElement sockets) && sockets.GetArrayLength() > 0
        && sockets.EnumerateArray().All(static socket => socket[0].GetString() == "NETLINK_ROUTE");

    private static IEnumerable<(bool Sent, int Socket, byte[] Bytes)> Traffic(JsonElement row) => row.GetProperty("traffic").EnumerateArray().Select(static entry =>
        (entry[0].GetString() == ">", entry[1].GetInt32(), Convert.FromHexString(entry[2].GetString()!)));
}
