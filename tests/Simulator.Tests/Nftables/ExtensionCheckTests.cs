using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using EucaNet.Tests;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>
/// Matches and targets of xtables with data made by chance, in every table and at every hook: both kernels refuse the same, with the same error, and show
/// the same of what they take. EUCANET_EXTENSION_TRIES asks for more of each.
/// </summary>
[RequiresRoot]
internal sealed class ExtensionCheckTests
{
    private const byte Inet4 = 2, Arp = 3, Bridge = 7, Inet6 = 10;

    /// <summary>Their checks leave things behind outside of the namespace, or take what this machine does not have.</summary>
    private static readonly string[] LeftOut = ["IDLETIMER", "RATEEST"];

    private static int Tries => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_EXTENSION_TRIES"), CultureInfo.InvariantCulture, out int tries) ? tries : 30;

    [TestCase(Inet4)]
    [TestCase(Inet6)]
    [TestCase(Arp)]
    [TestCase(Bridge)]
    public void The_data_of_matches_and_targets_is_refused_and_shown_as_on_the_real_kernel(byte family)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = NftablesDifferentialTests.ThisKernel() });
        using var real = new NftConversation(LinuxKernel.Open(space));
        using var mine = new NftConversation(simulated);
        byte[] preparation = Preparation(family);
        Assert.That(mine.Send(preparation), Is.EqualTo(real.Send(preparation)), "tables and chains");
        var differences = new List<string>();
        var random = new Random(family);
        int tried = 0, taken = 0;
        foreach ((Extension extension, bool isTarget) in ((Extension, bool)[])[.. ExtensionRegistry.ModelledMatches.Select(static match => (match, false)), .. ExtensionRegistry.ModelledTargets.Select(static target => (target, true))])
        {
            // What is for all families is tried where ip has it; what is for another is refused by its name alone.
            bool isHere = extension.Family == family || (extension.Family == 0 && family is Inet4 or Bridge) || random.Next(8) == 0;
            int differing = 0;
            for (int i = 0; i < (isHere && !LeftOut.Contains(extension.Name) ? Tries : 0) && differing < 3; i++)
            {
                (byte[] batch, string told) = Rule(extension, isTarget, family, random);
                List<string> expected = real.Send(batch), found = mine.Send(batch);
                bool isTaken = expected.All(static answer => answer.Contains("errno 0 ", StringComparison.Ordinal));
                if (isTaken && expected.SequenceEqual(found))
                {
                    (expected, found) = (real.Dump(7, family), mine.Dump(7, family));
                }

                tried++;
                taken += isTaken ? 1 : 0;
                if (!expected.SequenceEqual(found))
                {
                    differing++;
                    differences.Add($"{told}\n  real:      {string.Join("\n             ", expected)}\n  simulated: {string.Join("\n             ", found)}");
                }
            }
        }

        TestContext.Out.WriteLine($"{tried} rules, {taken} taken, {differences.Count} differ");
        Assert.That(differences, Is.Empty, () => string.Join("\n", differences));
        Assert.That(taken, Is.GreaterThan(tried / 20), "rules that were taken");
    }

    private static string[] TablesOf(byte family) => family switch { Bridge => ["filter", "nat", "broute"], Arp => ["filter"], _ => ["filter", "nat", "mangle", "raw"] };

    private static int HooksOf(byte family) => family == Arp ? 2 : 5;

    private static byte[] Preparation(byte family)
    {
        NftBatch batch = new NftBatch().Begin();
        foreach (string table in TablesOf(family))
        {
            batch.Verb(0, NetlinkMessageFlags.Create | NetlinkMessageFlags.Acknowledge, family, Text(1, table));
            batch.Verb(3, NetlinkMessageFlags.Create | NetlinkMessageFlags.Acknowledge, family, Text(1, table), Text(3, "any"));
            for (uint hook = 0; hook < HooksOf(family); hook++)
            {
                bool isNat = table == "nat" && family != Bridge;
                if (!isNat || hook != 2)
                {
                    batch.Verb(3, NetlinkMessageFlags.Create | NetlinkMessageFlags.Acknowledge, family, Text(1, table), Text(3, Chain(hook)), Nest(4, U32(1, hook), U32(2, 10)), Text(7, isNat ? "nat" : "filter"));
                }
            }
        }

        return batch.End().ToArray();
    }

    private static string Chain(uint hook) => $"at{hook}";

    /// <summary>A batch that leaves one rule, in one chain.</summary>
    private static (byte[] Batch, string Told) Rule(Extension extension, bool isTarget, byte family, Random random)
    {
        string[] tables = TablesOf(family);
        string table = extension.Table is { } only && tables.Contains(only) && random.Next(8) != 0 ? only : tables[random.Next(tables.Length)];
        uint hook = (uint)random.Next(HooksOf(family) + 1);
        string chain = hook == HooksOf(family) || (hook == 2 && table == "nat" && family != Bridge) ? "any" : Chain(hook);
        ushort[] protocols = family == Bridge ? [0x0608, 0x0008, 0xdd86, 0x0081, 0x3580, 0] : [extension.Protocol, extension.Protocol, 6, 17, 0];
        uint protocol = protocols[random.Next(protocols.Length)];
        byte[] data = Data(extension, random);
        byte[] body = Expression(isTarget ? "target" : "match", Text(1, extension.Name), U32(2, extension.Revision), A(3, data));
        NftBatch batch = new NftBatch().Begin();
        foreach (string each in tables)
        {
            batch.Verb(8, 0, family, Text(1, each));
        }

        batch.Verb(6, NetlinkMessageFlags.Create | NetlinkMessageFlags.Append | NetlinkMessageFlags.Acknowledge, family, Text(1, table), Text(2, chain), Nest(4, body), Nest(5, U32(1, protocol), U32(2, random.Next(8) == 0 ? 2u : 0)));
        return (batch.End().ToArray(), $"{extension.Name} {extension.Revision} in {table} {chain} for {protocol:x}: {Convert.ToHexStringLower(data)}");
    }

    /// <summary>Mostly zeros, so that some of it is taken.</summary>
    private static byte[] Data(Extension extension, Random random)
    {
        int size = Math.Max(extension.Size, 0) + (random.Next(12) == 0 ? random.Next(-9, 10) : 0);
        byte[] data = new byte[random.Next(3) == 0 ? Math.Max(0, size) : Math.Max(0, size + 7 & ~7)];
        int written = data.Length == 0 ? 0 : random.Next(1 + Math.Min(8, data.Length));
        for (int i = 0; i < written; i++)
        {
            int at = random.Next(3) == 0 ? random.Next(data.Length) : data.Length - 1 - random.Next(Math.Min(data.Length, 20));
            data[at] = (byte)(random.Next(5) switch { 0 => 255, 1 => random.Next(256), 2 => 1 << random.Next(8), _ => random.Next(5) });
        }

        return data;
    }
}
