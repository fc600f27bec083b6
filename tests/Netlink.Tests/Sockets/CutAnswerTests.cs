using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;

namespace EucaNet.Netlink.Tests.Sockets;

/// <summary>A datagram that ends within a message is no list: what it held is not known.</summary>
public sealed class CutAnswerTests
{
    [TestCase(0)]
    [TestCase(1)]
    public async Task A_dump_of_which_a_part_was_cut_is_read_again(int part)
    {
        using var cloud = new SimulatedCloud(seed: 1);
        SimulatedHost host = cloud.AddHost("a");
        using RouteConnection connection = RouteConnection.Open(host.Kernel);
        for (int number = 0; number < 100; number++)
        {
            await connection.AddLinkAsync(new Link { Name = $"dummy{number}", Info = new LinkInfo { Kind = "dummy" } });
        }

        int answers = 0;
        host.Kernel.Faults.Add(new Fault(FaultPoint.Answer, FaultKind.Truncate) { When = _ => answers++ == part });
        Assert.That(await connection.GetLinksAsync(), Has.Count.EqualTo(101));
        Assert.That(answers, Is.GreaterThan(part + 1));
    }
}
