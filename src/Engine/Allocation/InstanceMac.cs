using System.Globalization;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Allocation;

/// <summary>The MACs of the three modes.</summary>
internal static class InstanceMac
{
    /// <summary>MANAGED: <c>d0:0d:</c> and the eight hexadecimal digits of the instance id.</summary>
    /// <exception cref="InvalidRequestException">The id is not <c>i-</c> and eight hexadecimal digits.</exception>
    public static MacAddress FromInstanceId(string instanceId)
    {
        if (instanceId.Length == 10 && instanceId[0] is 'i' or 'I' && instanceId[1] == '-'
            && uint.TryParse(instanceId.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number))
        {
            return new MacAddress(0xd00d_0000_0000UL | number);
        }

        throw new InvalidRequestException("instance id", instanceId, "not 'i-' and eight hexadecimal digits, which the instance's MAC is made of", "give an id as i-2ECA052C");
    }

    /// <summary>SYSTEM: random, locally administered, one station's, and none of those in use.</summary>
    public static MacAddress Random(RandomSource random, Func<MacAddress, bool> inUse)
    {
        while (true)
        {
            var mac = new MacAddress(((random.Next() & 0xffff_ffff_ffff) | 0x0200_0000_0000) & ~0x0100_0000_0000UL);
            if (!inUse(mac))
            {
                return mac;
            }
        }
    }
}

/// <summary>Numbers from a seed: the same seed gives the same numbers (SplitMix64).</summary>
internal sealed class RandomSource(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A source of its own seed.</summary>
    public static RandomSource Create(ulong? seed)
    {
        if (seed is { } given)
        {
            return new RandomSource(given);
        }

        Span<byte> bytes = stackalloc byte[8];
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        return new RandomSource(BitConverter.ToUInt64(bytes));
    }

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
