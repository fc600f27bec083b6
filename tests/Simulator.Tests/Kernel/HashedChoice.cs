using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>
/// Which of several next hops a packet takes is the kernel's secret: a hash of the addresses with a key that each boot draws (fib_select_multipath, flow_hash_from_keys). What can be compared is
/// the route that was matched, which a kernel tells when it is asked for that (RTM_F_FIB_MATCH), and that the hop is one of its own that lives.
/// </summary>
internal static class HashedChoice
{
    private const ushort GetRoute = 26;
    private const uint FibMatch = 0x2000;
    private const string Device = "4", Gateway = "5", Source = "7", Hops = "9";

    /// <summary>Two answers to the last request differ in nothing but that choice.</summary>
    public static bool Explains(RouteSide one, RouteSide other, string answer, string otherAnswer) =>
        Matched(one) is { } matched && matched == Matched(other) && IsChoice(matched, answer, otherAnswer);

    /// <summary>Both answers name a hop of the matched route, and are the same apart from the hop and the source address that goes with its device.</summary>
    public static bool IsChoice(string matched, string answer, string otherAnswer)
    {
        if (!Parse(matched).TryGetValue(Hops, out string? hops))
        {
            return false;
        }

        HashSet<(string, string)> living = [.. Living(Convert.FromHexString(hops))];
        Dictionary<string, string> one = Parse(answer), other = Parse(otherAnswer);
        return living.Count > 1 && living.Contains(HopOf(one)) && living.Contains(HopOf(other)) && Rest(one).SequenceEqual(Rest(other));

        static (string, string) HopOf(Dictionary<string, string> attributes) => (attributes.GetValueOrDefault(Device, ""), attributes.GetValueOrDefault(Gateway, ""));

        static IEnumerable<string> Rest(Dictionary<string, string> attributes) =>
            attributes.Where(static attribute => attribute.Key is not (Device or Gateway or Source)).Select(static attribute => $"{attribute.Key}={attribute.Value}");
    }

    /// <summary>The route that the last request matches, without what comes with the carrier; null where it asked for no way.</summary>
    private static string? Matched(RouteSide side)
    {
        byte[] request = [.. side.LastRequest];
        if (BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(4)) != GetRoute)
        {
            return null;
        }

        Span<byte> flags = request.AsSpan(16 + 8);
        BinaryPrimitives.WriteUInt32LittleEndian(flags, BinaryPrimitives.ReadUInt32LittleEndian(flags) | FibMatch);
        string route = side.Ask(request);
        return Parse(route).TryGetValue(Hops, out string? hops) ? route.Replace(hops, RouteText.Hops(Convert.FromHexString(hops)), StringComparison.Ordinal) : route;
    }

    /// <summary>"route HEADER 15=FE000000 1=0A180001 …": the header stands under no number.</summary>
    private static Dictionary<string, string> Parse(string answer)
    {
        var attributes = new Dictionary<string, string>();
        foreach (string word in answer.Split(' '))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            attributes[equals < 0 ? $"header {attributes.Count}" : word[..equals]] = word[(equals + 1)..];
        }

        return attributes;
    }

    /// <summary>Device and gateway of each struct rtnexthop that is not dead.</summary>
    private static List<(string, string)> Living(byte[] hops)
    {
        var living = new List<(string, string)>();
        for (int at = 0; at + 8 <= hops.Length; at += Math.Max(8, BinaryPrimitives.ReadUInt16LittleEndian(hops.AsSpan(at)) + 3 & ~3))
        {
            bool hasGateway = new AttributeReader(hops.AsSpan(at + 8, BinaryPrimitives.ReadUInt16LittleEndian(hops.AsSpan(at)) - 8)).TryFind(5, out NetlinkAttribute gateway);
            if ((hops[at + 2] & 1) == 0)
            {
                living.Add((Convert.ToHexString(hops.AsSpan(at + 4, 4)), hasGateway ? Convert.ToHexString(gateway.Value) : ""));
            }
        }

        return living;
    }
}
