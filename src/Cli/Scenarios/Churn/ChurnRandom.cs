namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>A seeded source of chance (splitmix64): the same numbers on every machine and runtime.</summary>
internal sealed class ChurnRandom(ulong seed)
{
    // Mixed first: neighbouring seeds would otherwise draw one and the same row of numbers, a few places apart.
    private ulong _state = Mix(seed + 0x632be59bd9b4e019);

    /// <summary>A number from 0 up to but not <paramref name="limit"/>.</summary>
    public int Next(int limit)
    {
        ulong value = Mix(_state += 0x9e3779b97f4a7c15);
        return (int)((UInt128)value * (ulong)limit >> 64);
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
        value = (value ^ value >> 27) * 0x94d049bb133111eb;
        return value ^ value >> 31;
    }

    public bool OneIn(int count) => Next(count) == 0;

    public T Pick<T>(IReadOnlyList<T> list) => list[Next(list.Count)];
}
