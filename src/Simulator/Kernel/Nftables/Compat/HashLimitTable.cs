using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>What a rule with a hashlimit says of its table (struct hashlimit_cfg1 to 3), in units that do not depend on its layout.</summary>
/// <param name="Name">The table's; rules of one name share it.</param>
/// <param name="Mode">XT_HASHLIMIT_*.</param>
/// <param name="Average">What a packet, or a chunk of bytes, costs.</param>
/// <param name="Burst">How many fit.</param>
/// <param name="Size">Buckets of the kernel's table; 0 lets it choose.</param>
/// <param name="Most">Entries; 0 lets it choose.</param>
/// <param name="Collects">Every how many milliseconds old entries are looked for.</param>
/// <param name="Lifetime">Milliseconds after which an entry that nobody asked for is old.</param>
/// <param name="Interval">Seconds over which a rate is measured.</param>
/// <param name="SourceLength">Bits of the source that make the key.</param>
/// <param name="DestinationLength">Bits of the destination.</param>
/// <param name="Revision">The layout it was said in.</param>
internal sealed record HashLimitConfiguration(
    string Name, uint Mode, ulong Average, ulong Burst, uint Size, uint Most, uint Collects, uint Lifetime, uint Interval, byte SourceLength, byte DestinationLength, byte Revision)
{
    public const uint Destination = 1, DestinationPort = 2, Source = 4, SourcePort = 8, Invert = 16, Bytes = 32, Rate = 64, Known = 127;

    public bool Has(uint mode) => (Mode & mode) != 0;

    public static HashLimitConfiguration Read(Extension extension, ReadOnlySpan<byte> data)
    {
        if (extension.Revision == 1)
        {
            ReadOnlySpan<byte> first = data[16..];
            return new(NameOf(data[..16]), U32(first, 0), U32(first, 4), U32(first, 8), U32(first, 12), U32(first, 16), U32(first, 20), U32(first, 24), 0, first[28], first[29], 1);
        }

        ReadOnlySpan<byte> later = data[256..];
        int masks = extension.Revision == 2 ? 36 : 40;
        return new(
            NameOf(data[..255]), U32(later, 16), U64(later, 0), U64(later, 8), U32(later, 20), U32(later, 24), U32(later, 28), U32(later, 32),
            extension.Revision == 2 ? 0 : U32(later, 36), later[masks], later[masks + 1], extension.Revision);
    }

    /// <summary>Credits that so many packets cost (user2credits of xt_hashlimit.c): the average is in ten-thousandths of a second at first, later in millionths, and a part of a credit is lost.</summary>
    public ulong CreditsOf(ulong packets) => unchecked(Average * packets * (Revision == 1
        ? RateCredits.TicksPerSecond * RateCredits.PerTick / 10_000
        : RateCredits.TicksPerSecond * RateCredits.PerTickOfLater / 1_000_000));

    /// <summary>Credits that sixteen bytes cost (user2credits_byte).</summary>
    public uint ByteCredits => (uint)((uint)Average * HashLimitTable.ByteCreditsPerSecond >> 32);

    private static string NameOf(ReadOnlySpan<byte> name) => System.Text.Encoding.Latin1.GetString(name.IndexOf((byte)0) is >= 0 and var end ? name[..end] : name);
}

/// <summary>A table of hashlimit: what each key has left. It is as the rule that made it says, and goes with the last rule of its name.</summary>
/// <param name="configuration">What the rule that made it says.</param>
/// <param name="made">When, in milliseconds.</param>
internal sealed class HashLimitTable(HashLimitConfiguration configuration, long made)
{
    /// <summary>Credits for bytes that a second gives, which is all that fits.</summary>
    public const ulong ByteCreditsPerSecond = (1ul << 24) * RateCredits.TicksPerSecond;

    private readonly Dictionary<string, Entry> _entries = [];

    public HashLimitConfiguration Configuration { get; } = configuration;

    /// <summary>Rules that hold it.</summary>
    public int References { get; set; }

    /// <summary>A packet of a key comes: whether it is within the limit; null where there is no room for the key.</summary>
    /// <param name="key">What the entry is of.</param>
    /// <param name="rule">What the rule itself says, of how to count.</param>
    /// <param name="length">The packet's.</param>
    /// <param name="milliseconds">Now.</param>
    public bool? Admit(string key, HashLimitConfiguration rule, int length, long milliseconds)
    {
        long now = milliseconds * RateCredits.TicksPerSecond / 1000;
        foreach (string old in _entries.Where(other => IsCollected(other.Value, milliseconds)).Select(static other => other.Key).ToArray())
        {
            _entries.Remove(old);
        }

        if (_entries.TryGetValue(key, out Entry? entry))
        {
            Refill(entry, now);
        }
        else
        {
            if ((ulong)_entries.Count >= MostEntries)
            {
                return null;
            }

            _entries[key] = entry = Make(now);
        }

        entry.Asked = milliseconds;
        if (rule.Has(HashLimitConfiguration.Rate))
        {
            entry.Counted += rule.Has(HashLimitConfiguration.Bytes) ? (ulong)length : 1;
            return !entry.WasOver && entry.Counted <= entry.Most;
        }

        ulong cost = rule.Has(HashLimitConfiguration.Bytes) ? CostOfBytes(entry, length) : entry.Cost;
        bool fits = entry.Credit >= cost;
        entry.Credit -= fits ? cost : 0;
        return fits;
    }

    /// <summary>Old entries go when they are looked for the next time (htable_gc); until then they are as good as others.</summary>
    private bool IsCollected(Entry entry, long milliseconds)
    {
        long old = entry.Asked + Configuration.Lifetime, every = Math.Max(1, Configuration.Collects);
        return made + ((old - made + every - 1) / every * every) <= milliseconds;
    }

    private ulong MostEntries => Configuration.Size == 0 && Configuration.Most == 0 ? ulong.MaxValue
        : Configuration.Most == 0 ? 8ul * Configuration.Size
        : Math.Max(Configuration.Most, Configuration.Size);

    private Entry Make(long now)
    {
        const ulong Scale = 1_000_000;
        bool ofBytes = Configuration.Has(HashLimitConfiguration.Bytes);
        if (Configuration.Has(HashLimitConfiguration.Rate))
        {
            ulong rate = ofBytes ? (uint.MaxValue / (uint)Configuration.Average - 1ul) << 4 : Scale / Configuration.Average;
            ulong most = !ofBytes ? Configuration.Burst + rate : Configuration.Burst != 0 ? Configuration.Burst * rate : rate;
            return new Entry { Refilled = now, Cost = rate, Most = most };
        }

        return ofBytes
            ? new Entry { Refilled = now, Credit = ByteCreditsPerSecond, Cost = Configuration.ByteCredits, Most = Configuration.Burst }
            : new Entry { Refilled = now, Credit = Configuration.CreditsOf(Configuration.Burst), Cost = Configuration.CreditsOf(1), Most = Configuration.CreditsOf(Configuration.Burst) };
    }

    private void Refill(Entry entry, long now)
    {
        var passed = (ulong)(now - entry.Refilled);
        if (passed == 0)
        {
            return;
        }

        if (Configuration.Has(HashLimitConfiguration.Rate))
        {
            ulong interval = Configuration.Interval * (ulong)RateCredits.TicksPerSecond;
            if (passed >= interval)
            {
                entry.Refilled = now;
                entry.WasOver = entry.Counted * interval > passed * entry.Cost;
                entry.Counted = 0;
            }

            return;
        }

        entry.Refilled = now;
        ulong perTick = Configuration.Has(HashLimitConfiguration.Bytes) ? ByteCreditsPerSecond / RateCredits.TicksPerSecond : Configuration.Revision == 1 ? RateCredits.PerTick : RateCredits.PerTickOfLater;
        ulong most = Configuration.Has(HashLimitConfiguration.Bytes) ? ByteCreditsPerSecond : entry.Most;
        entry.Credit = (ulong)UInt128.Min(most, entry.Credit + (UInt128)passed * perTick);
    }

    /// <summary>Sixteen bytes at a time; one of the bursts fills the bucket again where it is empty.</summary>
    private static ulong CostOfBytes(Entry entry, int length)
    {
        ulong cost = Math.Min(((uint)length / 16 + 1ul) * entry.Cost, ByteCreditsPerSecond);
        if (entry.Credit < cost && entry.Most != 0)
        {
            entry.Most--;
            entry.Credit = ByteCreditsPerSecond;
        }

        return cost;
    }

    private sealed class Entry
    {
        /// <summary>Ticks when credit was last added, or a rate's interval began.</summary>
        public long Refilled { get; set; }

        /// <summary>Milliseconds when it was last asked for.</summary>
        public long Asked { get; set; }

        public ulong Credit { get; set; }

        /// <summary>Credit that a packet or a chunk costs; of a rate, how many are in it.</summary>
        public ulong Cost { get; set; }

        /// <summary>Credit that fits; of bytes, bursts left; of a rate, how many an interval may have.</summary>
        public ulong Most { get; set; }

        /// <summary>Packets or bytes in this interval.</summary>
        public ulong Counted { get; set; }

        /// <summary>The last interval had too many.</summary>
        public bool WasOver { get; set; }
    }
}
