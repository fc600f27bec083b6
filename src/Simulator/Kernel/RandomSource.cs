namespace EucaNet.Simulator.Kernel;

/// <summary>A seeded source of chance (splitmix64): the same numbers on every machine and runtime.</summary>
internal sealed class RandomSource(ulong seed)
{
    /// <summary>All there is to remember.</summary>
    public ulong State { get; set; } = seed;

    public ulong NextUInt64()
    {
        ulong value = State += 0x9e3779b97f4a7c15;
        value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
        value = (value ^ value >> 27) * 0x94d049bb133111eb;
        return value ^ value >> 31;
    }

    public uint NextUInt32() => (uint)(NextUInt64() >> 32);

    /// <summary>A number from 0 up to but not <paramref name="limit"/>.</summary>
    public int Next(int limit) => (int)((UInt128)NextUInt64() * (ulong)limit >> 64);

    public void Fill(Span<byte> bytes)
    {
        foreach (ref byte octet in bytes)
        {
            octet = (byte)(NextUInt64() >> 56);
        }
    }

    /// <summary>A locally administered unicast MAC address.</summary>
    public byte[] NextMac()
    {
        byte[] mac = new byte[6];
        Fill(mac);
        mac[0] = (byte)(mac[0] & 0xfe | 0x02);
        return mac;
    }
}
