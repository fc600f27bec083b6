using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Nftables.Sets;

/// <summary>
/// Elements by exact key: the kernel's hash and bitmap sets. A hash set of the kernel lists its elements in an order that depends
/// on a random seed; this one lists them in the order in which they came.
/// </summary>
internal sealed class HashStore(string kernelName) : ElementStore
{
    private readonly LinkedList<SetElement> _order = new();
    private readonly Dictionary<byte[], SetElement> _elements = new(KeyComparer.Instance);

    /// <inheritdoc />
    public override string KernelName { get; } = kernelName;

    /// <summary>Packets can add elements to it.</summary>
    public bool CanUpdate { get; } = kernelName == "nft_set_rhash_type";

    /// <inheritdoc />
    public override IEnumerable<SetElement> Elements => _order;

    /// <inheritdoc />
    public override LinuxError Insert(SetElement element, long now, out SetElement? existing)
    {
        if (_elements.TryGetValue(element.Key, out existing))
        {
            if (!existing.IsExpired(now))
            {
                return LinuxError.EEXIST;
            }

            Remove(existing);
            existing = null;
        }

        Restore(element);
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Restore(SetElement element)
    {
        _elements[element.Key] = element;
        element.Node = _order.AddLast(element);
    }

    /// <inheritdoc />
    public override SetElement? FindForDelete(SetElement element, long now) => Lookup(element.Key, now);

    /// <inheritdoc />
    public override void Remove(SetElement element)
    {
        if (element.Node is { List: not null } node)
        {
            _order.Remove(node);
            _elements.Remove(element.Key);
        }
    }

    /// <inheritdoc />
    public override SetElement? Get(ReadOnlySpan<byte> key, uint flags, long now) => Lookup(key, now);

    /// <inheritdoc />
    public override SetElement? Lookup(ReadOnlySpan<byte> key, long now) =>
        _elements.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out SetElement? element) && !element.IsExpired(now) ? element : null;
}

/// <summary>Compares keys by their bytes, also those that still lie in a packet's registers.</summary>
internal sealed class KeyComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static KeyComparer Instance { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        // FNV-1a: the same on every run, which HashCode is not.
        uint hash = 2166136261;
        foreach (byte octet in alternate)
        {
            hash = (hash ^ octet) * 16777619;
        }

        return (int)hash;
    }

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
