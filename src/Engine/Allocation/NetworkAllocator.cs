using System.Globalization;

namespace EucaNet.Engine.Allocation;

/// <summary>The chunk of a network: address 0 is the network's, 1 the router's, the last broadcast, the rest the instances'.</summary>
/// <param name="Index">Which chunk of the subnet, from 0.</param>
/// <param name="Network">Its addresses.</param>
internal readonly record struct Chunk(int Index, Ipv4Network Network)
{
    /// <summary>The VLAN that goes with it: chunk 0 with the first.</summary>
    public int Vlan => NetworkAllocator.LowestVlan + Index;

    /// <summary>The router's address in it.</summary>
    public Ipv4Address Router => new(Network.Address.Value + 1);

    /// <summary>How many instances fit: n-3.</summary>
    public int Capacity => (int)Network.Count - 3;

    /// <summary>The address of instance slot <paramref name="slot"/>, from 0.</summary>
    public Ipv4Address AddressOf(int slot) => new(Network.Address.Value + 2 + (uint)slot);

    /// <summary>The instance slot of an address.</summary>
    public int SlotOf(Ipv4Address address) => (int)(address.Value - Network.Address.Value) - 2;
}

/// <summary>Splits the subnet in chunks and gives each active network one with its VLAN, lowest free first.</summary>
internal sealed class NetworkAllocator
{
    /// <summary>The first VLAN of MANAGED mode.</summary>
    public const int LowestVlan = 10;

    /// <summary>The last VLAN there is.</summary>
    public const int HighestVlan = 4094;

    private readonly Ipv4Network _subnet;
    private readonly int _prefixLength;
    private readonly QuarantinePool _pool;

    public NetworkAllocator(Ipv4Network subnet, int addressesPerNetwork)
    {
        _subnet = subnet;
        AddressesPerNetwork = addressesPerNetwork;
        _prefixLength = 32 - System.Numerics.BitOperations.Log2((uint)addressesPerNetwork);
        _pool = new QuarantinePool((int)Math.Min(subnet.Count / addressesPerNetwork, HighestVlan - LowestVlan + 1));
    }

    /// <summary>Addresses in each chunk.</summary>
    public int AddressesPerNetwork { get; }

    /// <summary>Prefix length of each chunk.</summary>
    public int ChunkPrefixLength => _prefixLength;

    /// <summary>How many networks can be active at once.</summary>
    public int Count => _pool.Count;

    /// <summary>How many are.</summary>
    public int InUse => _pool.InUse;

    /// <summary>Takes the lowest free chunk and VLAN.</summary>
    /// <exception cref="ExhaustedException">None is free.</exception>
    public Chunk Take(GroupName group, DateTimeOffset now)
    {
        int index = _pool.TakeLowest(now);
        if (index >= 0)
        {
            return ChunkAt(index);
        }

        string limit = _pool.Count == HighestVlan - LowestVlan + 1 ? "VLANs 10 to 4094" : $"{_subnet} in chunks of {AddressesPerNetwork}";
        throw new ExhaustedException($"network of group {group}",
            string.Create(CultureInfo.InvariantCulture, $"no network is free: {_pool.Count} in all ({limit}), {_pool.InUse} active, {_pool.Resting} resting after use"),
            _pool.Resting > 0
                ? string.Create(CultureInfo.InvariantCulture, $"try again in {Math.Max(1, (int)(_pool.NextFree!.Value - now).TotalSeconds)} s")
                : "end another group's last instance, or give VNET_SUBNET more room or VNET_ADDRSPERNET a lower value");
    }

    /// <summary>Takes a certain VLAN's chunk again, when the state of a former run is read.</summary>
    public bool TryTake(int vlan, out Chunk chunk)
    {
        chunk = default;
        if (!_pool.TryTake(vlan - LowestVlan))
        {
            return false;
        }

        chunk = ChunkAt(vlan - LowestVlan);
        return true;
    }

    /// <summary>Gives a chunk and its VLAN back to rest.</summary>
    public void Release(Chunk chunk, DateTimeOffset until) => _pool.Release(chunk.Index, until);

    /// <summary>Takes back a <see cref="Take"/> whose network never came to be.</summary>
    public void Undo(Chunk chunk) => _pool.Undo(chunk.Index);

    /// <summary>The VLANs that rest.</summary>
    public IEnumerable<(int Vlan, DateTimeOffset Until)> Resting => _pool.RestingNumbers.Select(r => (r.Index + LowestVlan, r.Until));

    /// <summary>The chunk with an index.</summary>
    public Chunk ChunkAt(int index) => new(index, new Ipv4Network(new Ipv4Address(_subnet.Address.Value + (uint)(index * (long)AddressesPerNetwork)), _prefixLength));
}
