namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>Addresses that a device receives beside its own, each for as long as somebody wants it (net/core/dev_addr_lists.c).</summary>
internal sealed class AddressFilter
{
    private readonly List<Entry> _entries = [];

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>The addresses, in the order in which they came.</summary>
    public IEnumerable<byte[]> Addresses => _entries.Select(static entry => entry.Mac);

    public bool Contains(ReadOnlySpan<byte> mac) => Find(mac) is not null;

    /// <summary>One more wants the address.</summary>
    public void Add(ReadOnlySpan<byte> mac)
    {
        if (Find(mac) is { } known)
        {
            known.Users++;
        }
        else
        {
            _entries.Add(new Entry(mac.ToArray()));
        }
    }

    /// <summary>One less wants the address. False: nobody did.</summary>
    public bool Remove(ReadOnlySpan<byte> mac)
    {
        if (Find(mac) is not { } known)
        {
            return false;
        }

        Release(known);
        return true;
    }

    /// <summary>Brings what came and went here since the last time to the device below (__hw_addr_sync).</summary>
    public void Synchronise(AddressFilter below)
    {
        foreach (Entry entry in _entries.ToArray())
        {
            if (entry.Copies == 0)
            {
                below.AddCopy(entry.Mac);
                entry.Copies++;
                entry.Users++;
            }
            else if (entry.Users == 1)
            {
                TakeBack(below, entry);
            }
        }
    }

    /// <summary>Takes back from the device below what was brought there (__hw_addr_unsync).</summary>
    public void TakeBack(AddressFilter below)
    {
        foreach (Entry entry in _entries.Where(static entry => entry.Copies > 0).ToArray())
        {
            TakeBack(below, entry);
        }
    }

    private void TakeBack(AddressFilter below, Entry entry)
    {
        if (below.Find(entry.Mac) is { IsCopy: true } copy)
        {
            copy.Copied--;
            below.Release(copy);
            entry.Copies--;
            Release(entry);
        }
    }

    private void AddCopy(byte[] mac)
    {
        Add(mac);
        Find(mac)!.Copied++;
    }

    private void Release(Entry entry)
    {
        entry.Users--;
        if (entry.Users == 0)
        {
            _entries.Remove(entry);
        }
    }

    private Entry? Find(ReadOnlySpan<byte> mac)
    {
        foreach (Entry entry in _entries)
        {
            if (mac.SequenceEqual(entry.Mac))
            {
                return entry;
            }
        }

        return null;
    }

    private sealed class Entry(byte[] mac)
    {
        public byte[] Mac { get; } = mac;

        /// <summary>How many want it; the copy on the device below counts as one.</summary>
        public int Users { get; set; } = 1;

        /// <summary>How often it was brought to the device below.</summary>
        public int Copies { get; set; }

        /// <summary>How often it was brought here from devices above.</summary>
        public int Copied { get; set; }

        public bool IsCopy => Copied > 0;
    }
}
