using EucaNet.Engine;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>A range of ports that no other rule touches, and the aligned blocks it comes to: what of it is in the kernel can be counted.</summary>
internal sealed record PortRange(int First, int Last)
{
    /// <summary>First port and leading bits of each block.</summary>
    public IReadOnlyList<(int Port, int Bits)> Blocks { get; } = [.. BlocksOf(First, Last)];

    private static IEnumerable<(int Port, int Bits)> BlocksOf(int first, int last)
    {
        for (int port = first; port <= last;)
        {
            int size = port & -port;
            while (port + size - 1 > last)
            {
                size >>= 1;
            }

            yield return (port, 16 - System.Numerics.BitOperations.Log2((uint)size));
            port += size;
        }
    }
}

/// <summary>The ingress rules that a churn's users add and take away. None lets ICMP in from the inside.</summary>
internal static class ChurnRules
{
    public static readonly PortRange[] Ranges = [new(1001, 1006), new(2000, 2009), new(3003, 3012), new(4001, 4014)];

    private static readonly Ipv4Network Outside = Ipv4Network.Parse("203.0.113.0/24");
    private static readonly Ipv4Network Everybody = Ipv4Network.Parse("0.0.0.0/0");

    /// <summary>The rule of ping from the outside.</summary>
    public static IngressRule Ping { get; } = new() { Protocol = IngressRule.Icmp, Source = Outside };

    /// <summary>A rule that a group may be given.</summary>
    public static IngressRule Any(ChurnRandom random, IReadOnlyList<GroupName> groups)
    {
        PortRange range = random.Pick(Ranges);
        var rule = new IngressRule { Protocol = IngressRule.Tcp, FirstPort = range.First, LastPort = range.Last };
        return random.Next(5) switch
        {
            0 => Ping,
            1 => rule with { Source = Outside },
            2 => rule with { Source = Everybody },
            3 => rule with { SourceGroup = random.Pick(groups) },
            _ => new IngressRule { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = Outside },
        };
    }
}
