using EucaNet.Cli.Scenarios.Churn;
using EucaNet.Cli.Tests.Commands;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Faults;
using NUnit.Framework;

namespace EucaNet.Cli.Tests.Scenarios;

/// <summary>Clouds under faults, by the hundred, or as many as EUCANET_CHURN_SEEDS says; and the proof that the checks can fail and that a seed is a run.</summary>
public sealed class ChurnTests
{
    private static readonly int Seeds = int.TryParse(Environment.GetEnvironmentVariable("EUCANET_CHURN_SEEDS"), out int seeds) ? seeds : 120;

    [Test]
    public void Clouds_under_faults_keep_their_promises_and_every_kind_of_fault_is_recovered_from()
    {
        using var output = new StringWriter();
        int status = ChurnCommand.RunMany(new ChurnOptions(Seed: 1, Steps: 20), Seeds, Environment.ProcessorCount, output, CancellationToken.None);
        TestContext.Out.WriteLine(output.ToString());
        Assert.That(status, Is.Zero, output.ToString());
        foreach (CloudFault kind in CloudFaults.All)
        {
            Assert.That(output.ToString(), Does.Match($@"(?m)^{kind.Name} +struck +[1-9]\d* times, and +[1-9]\d* clouds recovered"), "too few seeds for every kind");
        }
    }

    [Test]
    public void One_seed_is_one_run_byte_for_byte_in_another_process_too()
    {
        (string transcript, byte[] capture) = Record(11);
        (string again, byte[] captureAgain) = Record(11);
        Assert.That(again, Is.EqualTo(transcript));
        Assert.That(captureAgain, Is.EqualTo(capture));
        Assert.That(Record(12).Transcript, Is.Not.EqualTo(transcript));

        string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "churn-11.txt");
        CommandResult run = CommandLine.Run(null, "sim", "churn", "--seed", "11", "--steps", "12", "--transcript", file);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
        Assert.That(File.ReadAllText(file), Is.EqualTo(transcript));
    }

    [Test]
    public void An_instance_without_guards_is_noticed()
    {
        using ChurnCloud cloud = TwoTenants();
        using var checks = new ChurnChecks(cloud, new ChurnFigures());
        Assert.That(checks.Frames, Throws.Nothing);
        using NftablesConnection netfilter = NftablesConnection.Open(cloud.Nodes[0].Host.Kernel);
        var batch = new NftablesBatch();
        batch.Delete(new Table { Family = NftablesFamily.Bridge, Name = "eucanet" });
        netfilter.Send(batch);
        Assert.That(checks.Frames, Throws.TypeOf<ChurnException>().With.Message.Contains("under a false name"));
    }

    [Test]
    public void Two_tenants_in_one_bridge_are_noticed()
    {
        using ChurnCloud cloud = TwoTenants();
        using var checks = new ChurnChecks(cloud, new ChurnFigures());
        using RouteConnection links = RouteConnection.Open(cloud.Nodes[0].Host.Kernel);
        Link other = links.GetLinkAsync("eucabr10").AsTask().GetAwaiter().GetResult();
        Link port = links.GetLinkAsync(cloud.Instances["i-00000002"].InterfaceName).AsTask().GetAwaiter().GetResult();
        links.SetMasterAsync(port.Index, other.Index).AsTask().GetAwaiter().GetResult();
        Assert.That(checks.Frames, Throws.TypeOf<ChurnException>().With.Message.Contains("came to"));
    }

    [Test]
    public void A_network_that_is_there_by_half_is_noticed()
    {
        using ChurnCloud cloud = TwoTenants();
        using var checks = new ChurnChecks(cloud, new ChurnFigures());
        Assert.That(checks.Groups, Throws.Nothing);
        using NftablesConnection netfilter = NftablesConnection.Open(cloud.Front.Host.Kernel);
        var batch = new NftablesBatch();
        batch.FlushSet(NftablesFamily.Ip, "eucanet", "groups");
        netfilter.Send(batch);
        Assert.That(checks.Groups, Throws.TypeOf<ChurnException>().With.Message.Contains("by half"));
    }

    [Test]
    public void A_foreign_table_that_is_touched_is_noticed()
    {
        using ChurnCloud cloud = TwoTenants();
        using NftablesConnection netfilter = NftablesConnection.Open(cloud.Front.Host.Kernel);
        var batch = new NftablesBatch();
        batch.FlushSet(NftablesFamily.Ip, ForeignWriter.TableName, "addresses");
        netfilter.Send(batch);
        using var checks = new ChurnChecks(cloud, new ChurnFigures());
        Assert.That(checks.ForeignThings, Throws.TypeOf<ChurnException>());
    }

    [Test]
    public void A_mistake_that_an_engine_logs_and_survives_is_noticed()
    {
        using ChurnCloud cloud = TwoTenants();
        using var checks = new ChurnChecks(cloud, new ChurnFigures());
        cloud.Cloud.Advance(TimeSpan.FromSeconds(30));
        Assert.That(checks.Mistakes, Throws.Nothing);
        var planted = new Fault(FaultPoint.Send, FaultKind.Run) { Limit = 1, Action = static () => throw new InvalidOperationException("planted") };
        cloud.Front.Host.Kernel.Faults.Add(planted);
        cloud.Cloud.Advance(TimeSpan.FromSeconds(30));
        Assert.That(checks.Mistakes, Throws.TypeOf<ChurnException>().With.Message.Contains("planted").And.Property("Verdict").EqualTo(ChurnVerdict.Crashed));
    }

    private static ChurnCloud TwoTenants()
    {
        var cloud = new ChurnCloud(seed: 3);
        foreach (ChurnMachine machine in cloud.Machines)
        {
            machine.Start();
        }

        foreach ((string id, string user) in new[] { ("i-00000001", "alice"), ("i-00000002", "bob") })
        {
            var run = cloud.Front.Await(cloud.Front.FrontEnd!.RunInstanceAsync(new Engine.InstanceRequest { InstanceId = id, User = user }));
            ChurnInstance instance = cloud.Adopt(run.Value, cloud.Nodes[0]);
            cloud.Launch(instance);
            cloud.Nodes[0].Await(cloud.Nodes[0].Node!.AttachAsync(instance.Assignment, instance.InterfaceName));
            instance.Machine!.Boot();
        }

        Assert.That(cloud.Cloud.RunUntil(() => cloud.Instances.Values.All(static instance => instance.Machine!.Lease is not null), TimeSpan.FromSeconds(20)));
        return cloud;
    }

    private static (string Transcript, byte[] Capture) Record(ulong seed)
    {
        using var transcript = new StringWriter { NewLine = "\n" };
        using var capture = new MemoryStream();
        ChurnResult result = ChurnRun.Run(new ChurnOptions(seed, Steps: 12) { Transcript = transcript, Capture = capture });
        Assert.That(result.Verdict, Is.EqualTo(ChurnVerdict.Held), result.Reason);
        return (transcript.ToString(), capture.ToArray());
    }
}
