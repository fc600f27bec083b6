using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>The u32 match (struct xt_u32): numbers taken from the packet, shifted, masked and followed, compared with ranges.</summary>
internal static class U32Match
{
    private const int Steps = 11, StepSize = 8, TestSize = 180, TestsEnd = 1980;

    public static bool Matches(ReadOnlySpan<byte> data, Packet packet)
    {
        bool matches = true;
        for (int i = 0; i < data[TestsEnd] && matches; i++)
        {
            matches = Test(data.Slice(i * TestSize, TestSize), packet.Network);
        }

        return matches != (data[TestsEnd + 1] != 0);
    }

    /// <summary>No more tests, steps and ranges than there is room for, and shifts of less than a word.</summary>
    public static bool IsValid(ReadOnlySpan<byte> data)
    {
        const byte LeftShift = 1, RightShift = 2;
        for (int i = 0; i < data[TestsEnd]; i++)
        {
            if (i == Steps || data[i * TestSize + 176] > Steps || data[i * TestSize + 177] > Steps)
            {
                return false;
            }

            for (int step = 1; step < data[i * TestSize + 176]; step++)
            {
                int at = i * TestSize + step * StepSize;
                if (data[at + 4] is LeftShift or RightShift && Number(data, at) >= 32)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool Test(ReadOnlySpan<byte> test, ReadOnlySpan<byte> network)
    {
        int steps = test[176], values = test[177];
        long at = 0;
        uint position = Number(test, 0), value = 0;
        if (position + 4 > network.Length)
        {
            return false;
        }

        value = BinaryPrimitives.ReadUInt32BigEndian(network[(int)position..]);
        for (int i = 1; i < steps; i++)
        {
            uint number = Number(test, i * StepSize);
            switch (test[i * StepSize + 4])
            {
                case 0:
                    value &= number;
                    break;
                case 1:
                    value <<= (int)number;
                    break;
                case 2:
                    value >>= (int)number;
                    break;
                default:
                    at += value;
                    if (at + number + 4 > network.Length)
                    {
                        return false;
                    }

                    value = BinaryPrimitives.ReadUInt32BigEndian(network[(int)(at + number)..]);
                    break;
            }
        }

        for (int i = 0; i < values; i++)
        {
            int offset = Steps * StepSize + i * StepSize;
            if (value >= Number(test, offset) && value <= Number(test, offset + 4))
            {
                return true;
            }
        }

        return false;
    }

    private static uint Number(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(data[offset..]);
}
