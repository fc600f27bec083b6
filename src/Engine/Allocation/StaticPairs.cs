using System.Globalization;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Allocation;

/// <summary>STATIC: the pairs of <c>VNET_MACMAP</c>, first come first served in list order; a pair returns when its instance ends.</summary>
internal sealed class StaticPairs(IReadOnlyList<MacMapping> map)
{
    private readonly QuarantinePool _pool = new(map.Count);
    private readonly Dictionary<MacAddress, int> _indices = Enumerable.Range(0, map.Count).ToDictionary(i => map[i].Mac);

    /// <summary>Takes the next free pair.</summary>
    /// <exception cref="ExhaustedException">All pairs are given.</exception>
    public MacMapping Take(string instanceId, DateTimeOffset now)
    {
        int index = _pool.TakeLowest(now);
        return index >= 0
            ? map[index]
            : throw new ExhaustedException($"address for instance {instanceId}",
                string.Create(CultureInfo.InvariantCulture, $"all {map.Count} pairs of VNET_MACMAP are given to instances"), "end an instance, or add pairs to VNET_MACMAP");
    }

    /// <summary>Takes a certain pair again, when the state of a former run is read.</summary>
    public bool TryTake(MacMapping pair) => _indices.TryGetValue(pair.Mac, out int index) && map[index] == pair && _pool.TryTake(index);

    /// <summary>Gives a pair back; it is the next one again if it stands first.</summary>
    public void Release(MacAddress mac) => _pool.Undo(_indices[mac]);
}
