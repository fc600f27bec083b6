using System.Text.Json;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>
/// The command's text is read as iproute2 reads it and the requests are built through the public models; they equal the recorded ones but for
/// sequence and port. Interface indexes come from the kernel's recorded answers. Look-ups that iproute2 makes to learn an index
/// or to print one, and its zero filling behind a request, are left out on both sides.
/// </summary>
public sealed class RouteEncodeCheck : IConformanceCheck
{
    // The family that ip link show asks with.
    private const byte AF_PACKET = 17;

    public string Name => "encode";

    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.RouteRequests;

    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        var indexes = new Dictionary<string, int>(StringComparer.Ordinal);
        return row => Check(row, indexes);
    }

    private static CheckResult? Check(JsonElement row, Dictionary<string, int> indexes)
    {
        if (!RouteTraffic.IsRoute(row))
        {
            return null;
        }

        List<byte[]> recorded = [];
        foreach (RouteTraffic part in RouteTraffic.Of(row))
        {
            if (part.IsRequest)
            {
                Collect(part.Datagram, recorded);
            }
            else
            {
                Learn(part.Datagram, indexes);
            }
        }

        var interpreter = new IpRequests(indexes);
        if (recorded.Count == 0 || !interpreter.Claims(row.Text("cmd")))
        {
            return null;
        }

        IReadOnlyList<byte[]> built = interpreter.Build(row.Text("cmd"));
        if (built.Count == 0)
        {
            return new CheckResult(false, "the command was not understood");
        }

        for (int index = 0; index < built.Count; index++)
        {
            if (index >= recorded.Count)
            {
                return new CheckResult(false, $"built {built.Count} requests, recorded are {recorded.Count}");
            }

            CheckResult result = CheckResult.Compare(recorded[index], built[index]);
            if (!result.Identical)
            {
                return result;
            }
        }

        return CheckResult.Same;
    }

    // The requests that act or list, with sequence and port masked.
    private static void Collect(byte[] datagram, List<byte[]> requests)
    {
        var reader = new MessageReader(datagram);
        if (!reader.TryRead(out NetlinkMessage message) || IsLookUp(message))
        {
            return;
        }

        byte[] bytes = message.Bytes.ToArray();
        bytes.AsSpan(8, 8).Clear();
        requests.Add(bytes);
    }

    // ip's probe of the kernel (an empty RTM_NEWLINK), its question for one link by name or index, and the list it learns all indexes from.
    private static bool IsLookUp(in NetlinkMessage message)
    {
        if (message.Header.Type == RouteConstants.RTM_NEWLINK && message.Payload.Length == 16 && message.Payload.IndexOfAnyExcept((byte)0) < 0)
        {
            return true;
        }

        if (message.Header.Type != RouteConstants.RTM_GETLINK || !Link.TryRead(message, out Link? link) || link.Family is RouteConstants.AF_BRIDGE or AF_PACKET)
        {
            return false;
        }

        return link.ExtendedMask is null || link.ExtendedMask == (LinkConstants.RTEXT_FILTER_VF | LinkConstants.RTEXT_FILTER_SKIP_STATS) || link.ExtendedMask == LinkConstants.RTEXT_FILTER_VF;
    }

    private static void Learn(byte[] datagram, Dictionary<string, int> indexes)
    {
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type == RouteConstants.RTM_NEWLINK && Link.TryRead(message, out Link? link) && link.Name is { } name && link.Family != RouteConstants.AF_BRIDGE)
            {
                indexes[name] = link.Index;
            }
        }
    }
}
