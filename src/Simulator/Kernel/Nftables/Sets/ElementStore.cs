using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Sets;

/// <summary>How a set keeps its elements (struct nft_set_ops): what clashes with what, what a key finds, in which order they are listed.</summary>
internal abstract class ElementStore
{
    /// <summary>What the kernel calls it since 6.16 (NFTA_SET_TYPE): the symbol of its operations.</summary>
    public abstract string KernelName { get; }

    /// <summary>Elements in the order of a dump. The store may not change while they are walked.</summary>
    public abstract IEnumerable<SetElement> Elements { get; }

    /// <summary>
    /// Adds an element. EEXIST: it is there already (<paramref name="existing"/>); ENOTEMPTY: it overlaps another.
    /// </summary>
    public abstract LinuxError Insert(SetElement element, long now, out SetElement? existing);

    /// <summary>Puts an element back that was removed; nothing is checked.</summary>
    public abstract void Restore(SetElement element);

    /// <summary>The element that a request to delete this one means; null where there is none.</summary>
    public abstract SetElement? FindForDelete(SetElement element, long now);

    public abstract void Remove(SetElement element);

    /// <summary>The element that a request for one means.</summary>
    public abstract SetElement? Get(ReadOnlySpan<byte> key, uint flags, long now);

    /// <summary>The element that a packet's key finds.</summary>
    public abstract SetElement? Lookup(ReadOnlySpan<byte> key, long now);

    /// <summary>How much of <see cref="Set.Size"/> the store has, where intervals take two elements each.</summary>
    public virtual uint Capacity(uint size) => size;

    /// <summary>Chooses as the kernel does (nft_select_set_ops): what can do it, then what is fastest or smallest.</summary>
    public static LinuxError Select(SetDescription description, out ElementStore? store)
    {
        uint flags = description.Flags;
        store = null;
        if ((flags & NFT_SET_INTERVAL) != 0)
        {
            if ((flags & NFT_SET_EVAL) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            store = description.Fields.Length > 0 ? new RangeStore(description) : new IntervalStore { IsAnonymous = (flags & NFT_SET_ANONYMOUS) != 0 };
            return LinuxError.None;
        }

        bool plain = (flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_MAP | NFT_SET_OBJECT)) == 0;
        string name = plain && description.KeyLength <= 2 && !description.HasExpressions ? "nft_set_bitmap_type"
            : (flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL)) != 0 || description.Size == 0 ? "nft_set_rhash_type"
            : description.KeyLength == 4 ? "nft_set_hash_fast_type"
            : "nft_set_hash_type";
        store = new HashStore(name);
        return LinuxError.None;
    }
}
