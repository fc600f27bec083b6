using EucaNet.Engine.State;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.State;

public class StateJournalTests
{
    private string _directory = "";

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("euca").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    private static StateRecord Rule(int port) => StateRecord.OfRule(StateRecord.Authorize, new GroupName("alice", "web"),
        new IngressRule { Protocol = 6, FirstPort = port, LastPort = port, Source = Ipv4Network.Parse("10.0.0.0/8") });

    [Test]
    public void What_was_appended_is_read_again_and_a_rule_survives_the_round()
    {
        using (var journal = new StateJournal(_directory, "j"))
        {
            journal.Open();
            journal.Append(Rule(22), Rule(80));
        }

        using var again = new StateJournal(_directory, "j");
        Assert.That(again.Open().Select(r => r.ToRule()), Is.EqualTo(new[] { Rule(22).ToRule(), Rule(80).ToRule() }));
    }

    [Test]
    public void A_line_cut_anywhere_by_a_crash_is_left_out_and_the_lines_before_stay()
    {
        using (var journal = new StateJournal(_directory, "j"))
        {
            journal.Open();
            journal.Append(Rule(22));
            journal.Append(Rule(80));
        }

        string path = Path.Combine(_directory, "j");
        byte[] whole = File.ReadAllBytes(path);
        int second = Array.IndexOf(whole, (byte)'\n') + 1;
        for (int length = second; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            using var journal = new StateJournal(_directory, "j");
            Assert.That(journal.Open(), Has.Count.EqualTo(1), $"cut at {length}");
            journal.Append(Rule(443));
            journal.Dispose();
            using var again = new StateJournal(_directory, "j");
            Assert.That(again.Open().Select(r => r.FirstPort), Is.EqualTo(new int?[] { 22, 443 }));
        }
    }

    [Test]
    public void Of_facts_that_became_true_together_a_crash_leaves_all_or_none()
    {
        string path = Path.Combine(_directory, "j");
        long before;
        using (var journal = new StateJournal(_directory, "j"))
        {
            journal.Open();
            journal.Append(Rule(22));
            before = new FileInfo(path).Length;
            journal.Append(Rule(80), Rule(443));
        }

        byte[] whole = File.ReadAllBytes(path);
        for (int length = (int)before; length <= whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            using var journal = new StateJournal(_directory, "j");
            Assert.That(journal.Open().Select(r => r.FirstPort), Is.EqualTo(length == whole.Length ? new int?[] { 22, 80, 443 } : new int?[] { 22 }), $"cut at {length}");
        }
    }

    [Test]
    public void A_second_engine_on_the_same_state_is_refused()
    {
        using var journal = new StateJournal(_directory, "j");
        journal.Open();
        using var other = new StateJournal(_directory, "j");
        Assert.That(Assert.Throws<EngineException>(() => other.Open())!.Remedy, Does.Contain("end the other engine"));
    }

    [Test]
    public void Compacting_keeps_what_stands_and_goes_on()
    {
        using var journal = new StateJournal(_directory, "j");
        journal.Open();
        for (int i = 0; i < 1500; i++)
        {
            journal.Append(Rule(i));
        }

        Assert.That(journal.WantsCompacting(1));
        journal.Compact([Rule(7)]);
        journal.Append(Rule(8));
        journal.Dispose();
        using var again = new StateJournal(_directory, "j");
        Assert.That(again.Open().Select(r => r.FirstPort), Is.EqualTo(new int?[] { 7, 8 }));
    }
}
