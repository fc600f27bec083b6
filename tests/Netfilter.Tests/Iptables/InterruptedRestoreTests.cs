using System.Diagnostics;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>A restore that goes wrong, dies or is disturbed: nothing lost, nothing half-loaded.</summary>
public sealed class InterruptedRestoreTests
{
    /// <summary>What stands before: several tables, counters, chains.</summary>
    private const string Before =
        "*filter\n:INPUT DROP [3:180]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:old - [0:0]\n[5:300] -A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT\n[7:420] -A INPUT -m mac --mac-source 02:00:00:00:00:01 -j old\n[1:60] -A old -j RETURN\nCOMMIT\n"
        + "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n[2:120] -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n"
        + "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n[9:540] -A PREROUTING -j MARK --set-xmark 0x1/0xffffffff\nCOMMIT\n";

    private const string Preload =
        "*filter\n:INPUT ACCEPT [0:0]\n:new - [0:0]\n-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -i lo -j new\n-A new -m limit --limit 5/sec -j ACCEPT\nCOMMIT\n"
        + "*nat\n-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.9:8080\n-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n";

    private static readonly string[] Filled = ["filter", "nat"];

    [TestCase("-A PREROUTING -m conntrak --ctstate NEW -j ACCEPT", "conntrak", "conntrack", TestName = "A preload whose last line has an unknown match is named by that line, and every byte stays")]
    [TestCase("-A PREROUTING -j nowhere", "nowhere", null, TestName = "A preload whose last line jumps nowhere is named by that line, and every byte stays")]
    [TestCase("-A PREROUTING -p tcp --dport 80x -j ACCEPT", "80x", null, TestName = "A preload whose last line has a wrong number is named by that line, and every byte stays")]
    [TestCase("-A PREROUTING -m set --match-set gone src -j ACCEPT", "gone", null, TestName = "A preload whose last line names a set that is not there is named by that line, and every byte stays")]
    public void A_preload_with_an_error_in_its_last_line_changes_nothing_and_names_the_line(string line, string token, string? suggestion)
    {
        foreach ((KernelKind kind, IptablesInterface way) in Everywhere())
        {
            using KernelUnderTest here = Prepared(kind, way, out IptablesTables tables);
            string before = StateOf(here, tables);
            IptablesParseException error = Assert.Throws<IptablesParseException>(() => tables.FlushAndLoad(Preload + "*mangle\n" + line + "\nCOMMIT\n"), $"{kind} {way}");
            Assert.Multiple(() =>
            {
                Assert.That((error.Line, error.Token, error.Suggestion), Is.EqualTo((13, token, suggestion)), $"{kind} {way}");
                Assert.That(StateOf(here, tables), Is.EqualTo(before), $"{kind} {way}");
            });
        }
    }

    [Test]
    public void A_preload_whose_last_line_only_the_kernel_refuses_is_named_by_that_line_and_every_byte_stays([Values] IptablesInterface way, [Values(KernelKind.Linux, KernelKind.Simulated)] KernelKind kind)
    {
        using KernelUnderTest here = Prepared(kind, way, out IptablesTables tables);
        string before = StateOf(here, tables);

        // No estimator of that name was ever set up: the words are right, the kernel says no.
        IptablesParseException error = Assert.Throws<IptablesParseException>(() =>
            tables.FlushAndLoad(Preload + "*mangle\n-A PREROUTING -m rateest --rateest1 nosuchthing --rateest-lt --rateest-bps 8bit -j ACCEPT\nCOMMIT\n"));
        Assert.Multiple(() =>
        {
            Assert.That(error.Line, Is.EqualTo(13));
            Assert.That(StateOf(here, tables), Is.EqualTo(before));
        });
    }

    [Test]
    [RequiresRoot]
    [RequiresProgram("iptables-nft-save", "iptables-legacy-save")]
    public void A_program_killed_before_any_of_its_writes_leaves_each_table_as_it_was_or_as_it_shall_be([Values] IptablesInterface way)
    {
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            string file = Path.Combine(directory, "preload"), locked = Path.Combine(directory, "lock");
            File.WriteAllText(file, Preload);
            string after = WantedAfter(KernelKind.Linux, way);
            int killed = 0;
            for (int write = 1; ; write++)
            {
                using KernelUnderTest here = Prepared(KernelKind.Linux, way, out IptablesTables tables);
                string before = StateOf(here, tables);
                if (!StopBefore(here, way, file, locked, write, out Process process))
                {
                    Assert.That(WithoutCounters(StateOf(here, tables)), Is.EqualTo(after), "it came to its end");
                    break;
                }

                using (process)
                {
                    process.Kill();
                    process.WaitForExit();
                }

                killed++;
                string found = StateOf(here, tables);
                if (write == 1)
                {
                    Assert.That(found, Is.EqualTo(before), "nothing was written yet, so not a byte differs");
                }

                AssertWhole(found, before, after, way, $"killed before write {write}");

                // The lock went with the process, and its successor does the work.
                using IptablesTables successor = IptablesTables.Open(here.Kernel, way, options: new IptablesTablesOptions { LockFile = locked });
                successor.FlushAndLoad(Preload);
                Assert.That(WithoutCounters(StateOf(here, tables)), Is.EqualTo(after), $"after the successor of the one killed before write {write}");
            }

            Assert.That(killed, Is.GreaterThanOrEqualTo(way == IptablesInterface.Nft ? 1 : 3));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public void A_simulated_program_killed_at_any_system_call_leaves_each_table_as_it_was_or_as_it_shall_be([Values] IptablesInterface way)
    {
        string after = WantedAfter(KernelKind.Simulated, way);
        foreach (bool afterwards in (bool[])[false, true])
        {
            for (long call = 1; ; call++)
            {
                using KernelUnderTest here = Prepared(KernelKind.Simulated, way, out IptablesTables tables);
                string before = StateOf(here, tables);
                SimulatedProcess process = ((SimulatedKernel)here.Kernel).StartProcess("preload");
                (process.KillAt, process.KillAfterwards) = (call, afterwards);
                try
                {
                    using IptablesTables dying = IptablesTables.Open(process, way);
                    dying.FlushAndLoad(Preload);
                }
                catch (ProcessKilledException)
                {
                }

                if (!process.IsDead)
                {
                    Assert.That(call, Is.GreaterThan(6));
                    break;
                }

                string found = StateOf(here, tables);
                if (process.Writes == 0)
                {
                    Assert.That(found, Is.EqualTo(before), $"nothing was written before system call {call}");
                }

                AssertWhole(found, before, after, way, $"killed at system call {call}");
                tables.FlushAndLoad(Preload);
                Assert.That(WithoutCounters(StateOf(here, tables)), Is.EqualTo(after), $"after the successor of the one killed at system call {call}");
            }
        }
    }

    [Test]
    public void What_somebody_else_writes_right_before_a_write_of_ours_is_kept_and_ours_is_written_too([Values] IptablesInterface way, [Values(KernelKind.Linux, KernelKind.Simulated)] KernelKind kind)
    {
        for (int write = 1; ; write++)
        {
            using KernelUnderTest here = Prepared(kind, way, out IptablesTables foreign);
            var observed = new ObservedKernel(here.Kernel);
            int left = write, plans = 0;
            observed.BeforeWrite = () =>
            {
                if (--left == 0)
                {
                    // Each table grows by a rule, as an administrator's "iptables -A" has it.
                    foreign.Change(present => Filled.Aggregate(present, (ruleSet, table) => ruleSet.With(Grown(ruleSet[table]!, "OUTPUT", "-p udp -m udp --dport 53 -j ACCEPT"))), Filled);
                }
            };
            using IptablesTables ours = IptablesTables.Open(observed, way);
            ours.Change(
                present =>
                {
                    plans++;
                    return Filled.Aggregate(present, (ruleSet, table) => ruleSet.With(Grown(ruleSet[table]!, table == "nat" ? "PREROUTING" : "FORWARD", "-s 10.9.9.9/32 -j ACCEPT")));
                },
                Filled);
            string state = StateOf(here, foreign);
            foreach (string rule in (string[])["OUTPUT -p udp -m udp --dport 53 -j ACCEPT", "-s 10.9.9.9/32 -j ACCEPT"])
            {
                int found = state.Split(rule).Length - 1;
                Assert.That(found, Is.EqualTo(left > 0 && rule[0] == 'O' ? 0 : 2), $"'{rule}' in both tables, written before write {write}:\n{state}");
            }

            if (left > 0)
            {
                Assert.That(write, Is.GreaterThan(way == IptablesInterface.Nft ? 1 : 3), "there was something to disturb");
                return;
            }

            Assert.That(plans, Is.EqualTo(2).Or.EqualTo(way == IptablesInterface.Legacy ? 1 : 2), $"plans when write {write} was disturbed");
            Assert.That(state, Does.Contain("[7:420] -A INPUT -m mac"), "counters of the rules that stay");
        }
    }

    private static IEnumerable<(KernelKind Kind, IptablesInterface Way)> Everywhere() =>
        from kind in (KernelKind[])[KernelKind.Simulated, KernelKind.Linux] from way in Enum.GetValues<IptablesInterface>() select (kind, way);

    private static KernelUnderTest Prepared(KernelKind kind, IptablesInterface way, out IptablesTables tables)
    {
        KernelUnderTest here = KernelUnderTest.Open(kind);
        tables = IptablesTables.Open(here.Kernel, way);
        tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, Before, way), counters: true);
        return here;
    }

    /// <summary>The tables with their counters; on the real kernel as the real program shows them.</summary>
    private static string StateOf(KernelUnderTest here, IptablesTables tables) => RecordedFiles.WithoutComments(
        here.Namespace is null
            ? tables.Read("filter", "nat", "mangle").ToText(counters: true, tables.Interface)
            : here.Run(tables.Interface == IptablesInterface.Nft ? "iptables-nft-save" : "iptables-legacy-save", "-c"));

    private static string WantedAfter(KernelKind kind, IptablesInterface way)
    {
        using KernelUnderTest here = Prepared(kind, way, out IptablesTables tables);
        tables.FlushAndLoad(Preload);
        return WithoutCounters(StateOf(here, tables));
    }

    /// <summary>Each table is whole, before or after; on the nft interface all are the same.</summary>
    private static void AssertWhole(string found, string before, string after, IptablesInterface way, string when)
    {
        string[] tables = Tables(WithoutCounters(found)), old = Tables(WithoutCounters(before)), wanted = Tables(after);
        Assert.That(tables, Has.Length.EqualTo(old.Length), when);
        bool[] isOld = [.. tables.Select(old.Contains)], isNew = [.. tables.Select(wanted.Contains)];
        Assert.Multiple(() =>
        {
            Assert.That(isOld.Zip(isNew, (one, other) => one || other), Is.All.True, $"{when}: each table as it was or as it shall be\n{found}");
            Assert.That(way == IptablesInterface.Legacy || isOld.All(one => one) || isNew.All(one => one), Is.True, $"{when}: all tables the same\n{found}");
            Assert.That(found, Does.Contain("[9:540] -A PREROUTING -j MARK"), $"{when}: a table that was not meant");
        });
    }

    private static string[] Tables(string text) => text.Split("COMMIT\n", StringSplitOptions.RemoveEmptyEntries);

    private static string WithoutCounters(string text) => System.Text.RegularExpressions.Regex.Replace(text, @"\[\d+:\d+\] ?", "");

    private static IptablesTable Grown(IptablesTable table, string chain, string rule) =>
        table.With(chain, [.. table[chain]!.Rules, IptablesRule.Parse(IptablesFamily.Ip, table.Name, chain, rule)]);

    /// <summary>Starts the program that stands still before a write; false where it came to its end first.</summary>
    private static bool StopBefore(KernelUnderTest here, IptablesInterface way, string file, string locked, int write, out Process process)
    {
        Process started = here.Namespace!.Run(() => Process.Start(new ProcessStartInfo("dotnet", [typeof(InterruptedRestoreTests).Assembly.Location, way.ToString(), file, locked, $"{write}"])
        {
            RedirectStandardOutput = true,
        })!);
        process = started;
        string? said = started.StandardOutput.ReadLine();
        if (said == "stopped")
        {
            return true;
        }

        started.WaitForExit();
        Assert.That((said, started.ExitCode), Is.EqualTo(("done", 0)));
        started.Dispose();
        return false;
    }
}
