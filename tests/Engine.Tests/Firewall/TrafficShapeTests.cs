using EucaNet.Engine.Firewall;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Firewall;

public class TrafficShapeTests
{
    [Test]
    public void The_blocks_of_a_port_range_hold_exactly_its_ports_and_are_at_most_30()
    {
        var random = new Random(3);
        foreach ((int first, int last) in Enumerable.Range(0, 300).Select(_ => (random.Next(65536), random.Next(65536))).Append((1, 65534)).Append((0, 0)).Append((0, 22)).Append((65535, 65535)))
        {
            (int from, int to) = first <= last ? (first, last) : (last, first);
            var blocks = TrafficShape.PortBlocks(from, to).ToList();
            Assert.That(blocks, Has.Count.LessThanOrEqualTo(30));
            int next = from;
            foreach ((int port, int bits) in blocks)
            {
                int size = 1 << (16 - bits);
                Assert.That((port, port % size), Is.EqualTo((next, 0)));
                next += size;
            }

            Assert.That(next, Is.EqualTo(to + 1));
        }
    }

    [Test]
    public void A_shapes_set_name_leads_back_to_it()
    {
        foreach (TrafficShape shape in new[]
        {
            new TrafficShape(24, TrafficDetail.Any, 0), new TrafficShape(0, TrafficDetail.Protocol, 0), new TrafficShape(32, TrafficDetail.Port, 16),
            new TrafficShape(8, TrafficDetail.IcmpType, 0), new TrafficShape(8, TrafficDetail.IcmpCode, 0),
        })
        {
            Assert.That(TrafficShape.FromSetName(shape.SetName), Is.EqualTo(shape));
        }

        Assert.That(TrafficShape.FromSetName("groups"), Is.Null);
    }

    [Test]
    public void A_rule_of_one_port_from_one_network_is_one_element()
    {
        var rule = new IngressRule { Protocol = 6, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("192.0.2.0/24") };
        (TrafficShape shape, var key) = TrafficShape.ElementsOf(rule, Ipv4Network.Parse("192.168.0.0/26"), rule.Source.Value).Single();
        Assert.That((shape.SetName, key.ToString()), Is.EqualTo(("from24_port16", "c0a80000c00002000600000000160000")));
    }
}
