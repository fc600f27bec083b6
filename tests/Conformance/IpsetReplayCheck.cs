using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>
/// Feeds the recorded requests of ipset to a simulated kernel and compares every answer, byte for byte but for sequence, port id and a set's
/// random start value and size in memory. The rows ran one after the other; what rows that the file does not hold had left behind is told by the
/// row's own traffic: a header that is answered shows that the set is there, a listing which sets there are, a refusal to rename that a list holds it.
/// </summary>
public sealed class IpsetReplayCheck : IConformanceCheck
{
    private const byte Rename = 5, List = 7, Header = 12;
    private const ushort Head = 7, Elements = 8, InitialValue = 17, MemorySize = 26;

    /// <inheritdoc />
    public string Name => "replay";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.RouteRequests;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = RecordedNamespace.Profile(file.KernelVersion) });
        return row => IsIpset(row) ? Replay(kernel, row) : null;
    }

    private static bool IsIpset(JsonElement row) =>
        row.Text("cmd").StartsWith("ipset ", StringComparison.Ordinal) && row.TryGetProperty("traffic", out JsonElement traffic) && traffic.GetArrayLength() > 0;

    private static CheckResult Replay(SimulatedKernel kernel, JsonElement row)
    {
        using var socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Netfilter);
        socket.CappedAcknowledgements = false;
        socket.ExtendedAcknowledgements = false;
        List<(bool Sent, byte[] Bytes)> traffic = [.. row.GetProperty("traffic").EnumerateArray().Select(entry => (entry[0].GetString() == ">", Convert.FromHexString(entry[2].GetString()!)))];
        Establish(kernel, socket, traffic);
        var expected = new List<string>();
        var actual = new List<string>();
        foreach ((bool sent, byte[] bytes) in traffic)
        {
            if (!sent)
            {
                expected.AddRange(NftMessageView.Split(bytes).Select(Masked));
                continue;
            }

            socket.Send(bytes);
            while (socket.ReceiveOne() is { } answer)
            {
                actual.AddRange(NftMessageView.Split(answer).Select(Masked));
            }
        }

        return CheckResult.Compare(string.Join('\n', expected), string.Join('\n', actual));
    }

    private static void Establish(SimulatedKernel kernel, SimulatedNetlinkSocket socket, List<(bool Sent, byte[] Bytes)> traffic)
    {
        for (int index = 0; index < traffic.Count; index++)
        {
            byte[] bytes = traffic[index].Bytes;
            foreach (NftMessageView message in NftMessageView.Split(bytes))
            {
                byte verb = (byte)message.Type;
                if (!traffic[index].Sent && message.Type >> 8 == 6 && verb is Header or List && kernel.IpSets.Find(message.Text(2)) is null)
                {
                    // Of a set that only a listing of names shows, the type is not known; any will do.
                    bool isKnown = verb == Header;
                    socket.Send(IpsetRequests.Create(message.Text(2), isKnown ? message.Text(3) : "hash:ip", isKnown ? message.Number(4) : (byte)0, isKnown ? message.Number(5) : (byte)2));
                    while (socket.ReceiveOne() is not null)
                    {
                    }
                }

                if (traffic[index].Sent && message.Type >> 8 == 6 && verb == Rename && index + 1 < traffic.Count && kernel.IpSets.Find(message.Text(2)) is { } set)
                {
                    set.References = NftMessageView.Split(traffic[index + 1].Bytes).First() is { IsError: true, Error: (int)IpSetError.Referenced } ? 1 : 0;
                }
            }
        }
    }

    /// <summary>Type and attributes; of an error its number and the request it is about.</summary>
    private static string Masked(NftMessageView message) =>
        message.IsError ? $"error {message.Error} {message.RequestHex()}"
        : message.Type == NetlinkMessageType.Done ? "done"
        : $"{message.Type:x} {message.Family} {Convert.ToHexStringLower(message.Without(Head, Elements))} {HeadOf(message)} {ElementsOf(message)}";

    /// <summary>What a set was made with, without its random start value and its size in memory.</summary>
    private static string HeadOf(NftMessageView message) =>
        string.Join(' ', message.Within(Head).Where(attribute => (attribute.RawType & 0x3fff) is not (InitialValue or MemorySize)).Select(attribute => $"{attribute.RawType:x}:{Convert.ToHexStringLower(attribute.Value)}"));

    /// <summary>The elements in an order of their own: the kernel's follows its hash.</summary>
    private static string ElementsOf(NftMessageView message) => string.Join(' ', message.Within(Elements).Select(element => Convert.ToHexStringLower(element.Value)).Order(StringComparer.Ordinal));
}

/// <summary>Requests that set the stage.</summary>
internal static class IpsetRequests
{
    /// <summary>A set made with what its type demands, and nothing else.</summary>
    public static byte[] Create(string name, string type, byte revision, byte family)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(6 << 8 | 2, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, 1);
        writer.Append([2, 0, 0, 0]);
        writer.WriteBytes(1, [7]);
        writer.WriteString(2, name);
        writer.WriteString(3, type);
        writer.WriteBytes(4, [revision]);
        writer.WriteBytes(5, [family]);
        WireMark data = writer.BeginAttribute(0x8007);
        if (type.StartsWith("bitmap:port", StringComparison.Ordinal))
        {
            writer.WriteBytes(0x4004, [0, 0]);
            writer.WriteBytes(0x4005, [0xff, 0xff]);
        }
        else if (type.StartsWith("bitmap:", StringComparison.Ordinal))
        {
            WireMark address = writer.BeginAttribute(0x8001);
            writer.WriteBytes(0x4001, [10, 0, 0, 0]);
            writer.EndAttribute(address);
            writer.WriteBytes(3, [16]);
        }

        writer.EndAttribute(data);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
