using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Conformance;

/// <summary>
/// The simulated kernel's nf_tables: each recorded batch is sent to a fresh kernel that was set up as the row tells; what it refuses
/// and what it then dumps must be what the real kernel refused and dumped.
/// </summary>
public sealed class NftablesReplayCheck : IConformanceCheck
{
    private const byte Ipv4 = 2, Arp = 3, Bridge = 7, Ipv6 = 10;

    /// <inheritdoc />
    public string Name => "replay";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format is CorpusFormat.NftRules or CorpusFormat.NftRulesets or CorpusFormat.IptablesNft;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        KernelProfile profile = file.KernelVersion switch
        {
            "6.1" => KernelProfile.Linux61,
            "6.12" => KernelProfile.Linux612,
            _ => KernelProfile.Linux618Minimal,
        };
        return file.Format switch
        {
            CorpusFormat.NftRules => row => ReplayRule(row, profile),
            CorpusFormat.NftRulesets => row => ReplayRuleset(row, profile),
            _ => row => ReplayIptables(row, profile),
        };
    }

    private static CheckResult? ReplayRule(JsonElement row, KernelProfile profile)
    {
        IReadOnlyList<byte[]> sent = row.Datagrams("sent");
        if (!sent.Any(IsBatch))
        {
            return null;
        }

        using var kernel = new NftablesConversation(profile);
        foreach (NftMessageView message in row.Datagrams("recv").SelectMany(NftMessageView.Split))
        {
            kernel.Create(message);
        }

        string expected = string.Join("; ", row.Datagrams("recv").SelectMany(NftMessageView.Split).Where(message => message.IsError && message.Error != 0).Select(message => message.DescribeError()));
        string actual = Send(kernel, sent);
        if (expected != actual)
        {
            return CheckResult.Compare("errors " + expected, "errors " + actual);
        }

        return row.ExitStatus() == 0 ? CompareRules(row, kernel) : CheckResult.Same;
    }

    private static CheckResult? ReplayIptables(JsonElement row, KernelProfile profile)
    {
        IReadOnlyList<byte[]> sent = row.Datagrams("sent");
        if (!sent.Any(IsBatch))
        {
            return null;
        }

        using var kernel = new NftablesConversation(profile);
        byte family = row.Text("prog") switch
        {
            "ip6tables-nft" => Ipv6,
            "arptables-nft" => Arp,
            "ebtables-nft" => Bridge,
            _ => Ipv4,
        };
        List<NftMessageView> messages = [.. sent.SelectMany(NftMessageView.Split)];
        string table = row.Text("table"), chain = row.Text("chain");
        kernel.CreateTable(family, table);
        if (!messages.Any(message => message.Verb == NftMessageView.NewChain && message.Text(3) == chain))
        {
            kernel.CreateBaseChain(family, table, chain);
        }

        foreach (string target in messages.Where(message => message.Verb == NftMessageView.NewRule).SelectMany(message => message.JumpTargets()))
        {
            if (target != chain && !messages.Any(message => message.Verb == NftMessageView.NewChain && message.Text(3) == target))
            {
                kernel.CreateChain(family, table, target);
            }
        }

        string error = row.Text("err");
        int expected = row.ExitStatus() == 0 ? 0
            : error.Contains("Invalid argument", StringComparison.Ordinal) ? 22
            : error.Contains("No such file or directory", StringComparison.Ordinal) ? 2
            : error.Contains("Operation not supported", StringComparison.Ordinal) ? 95
            : error.Contains("Numerical result out of range", StringComparison.Ordinal) ? 34
            : -1;
        int actual = SendForError(kernel, sent);
        if (expected != actual)
        {
            return CheckResult.Compare($"errno {expected}", $"errno {actual}");
        }

        return expected == 0 ? CompareRules(row, kernel) : CheckResult.Same;
    }

    private static CheckResult CompareRules(JsonElement row, NftablesConversation kernel)
    {
        List<NftMessageView> expected = [.. row.Datagrams("kernel_dump").SelectMany(NftMessageView.Split).Where(message => message.Verb == NftMessageView.NewRule)];
        List<NftMessageView> actual = [.. kernel.Dump(NftMessageView.GetRule, 0).Where(message => message.Verb == NftMessageView.NewRule)];
        return CheckResult.Compare(
            string.Join('\n', expected.Select(message => message.Masked(handles: true))),
            string.Join('\n', actual.TakeLast(expected.Count).Select(message => message.Masked(handles: true))));
    }

    private static CheckResult? ReplayRuleset(JsonElement row, KernelProfile profile)
    {
        IReadOnlyList<byte[]> sent = row.Datagrams("sent");
        if (!sent.Any(IsBatch))
        {
            return null;
        }

        using var kernel = new NftablesConversation(profile);
        int error = SendForError(kernel, sent);
        if (row.ExitStatus() != 0)
        {
            return error != 0 ? CheckResult.Same : new CheckResult(false, $"refused by the kernel ({row.Text("err")}), taken here");
        }

        if (error != 0)
        {
            return new CheckResult(false, $"taken by the kernel, refused here with errno {error}");
        }

        JsonElement dumps = row.GetProperty("kernel");
        foreach ((string field, int get) in new[] { ("table", 1), ("chain", 4), ("rule", 7), ("set", 10), ("obj", 19), ("flowtable", 23) })
        {
            CheckResult result = CompareDump(dumps.Datagrams(field), kernel.Dump(get, 0), field);
            if (!result.Identical)
            {
                return result;
            }
        }

        foreach (JsonProperty elements in dumps.GetProperty("setelem").EnumerateObject())
        {
            string[] path = elements.Name.Split('/');
            IEnumerable<NftMessageView> actual = kernel.DumpElements(byte.Parse(path[0], System.Globalization.CultureInfo.InvariantCulture), path[1], path[2]);
            IEnumerable<NftMessageView> expected = elements.Value.EnumerateArray().SelectMany(item => NftMessageView.Split(Convert.FromHexString(item.GetString()!)));
            string want = string.Join('\n', expected.SelectMany(message => message.Elements()).Order(StringComparer.Ordinal));
            string have = string.Join('\n', actual.SelectMany(message => message.Elements()).Order(StringComparer.Ordinal));
            if (want != have)
            {
                return CheckResult.Compare($"elements {elements.Name} {want}", $"elements {elements.Name} {have}");
            }
        }

        return CheckResult.Same;
    }

    private static CheckResult CompareDump(IReadOnlyList<byte[]> expected, IEnumerable<NftMessageView> actual, string field)
    {
        string want = string.Join('\n', expected.SelectMany(NftMessageView.Split).Where(message => message.Type >= 16).Select(message => message.Masked(handles: false)));
        string have = string.Join('\n', actual.Where(message => message.Type >= 16).Select(message => message.Masked(handles: false)));
        return want == have ? CheckResult.Same : CheckResult.Compare($"{field} {want}", $"{field} {have}");
    }

    private static string Send(NftablesConversation kernel, IReadOnlyList<byte[]> sent) =>
        string.Join("; ", sent.Where(IsBatch).SelectMany(kernel.Send).Where(message => message.IsError && message.Error != 0).Select(message => message.DescribeError()));

    private static int SendForError(NftablesConversation kernel, IReadOnlyList<byte[]> sent) =>
        sent.Where(IsBatch).SelectMany(kernel.Send).Where(message => message.IsError && message.Error != 0).Select(message => message.Error).FirstOrDefault();

    private static bool IsBatch(byte[] datagram) => datagram.Length > 20 && BinaryPrimitives.ReadUInt16LittleEndian(datagram.AsSpan(4)) == 0x10;
}
