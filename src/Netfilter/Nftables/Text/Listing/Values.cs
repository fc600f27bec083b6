using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Bits of numbers that may be longer than a machine word.</summary>
internal static class Values
{
    /// <summary>A number whose lowest <paramref name="bits"/> bits are ones.</summary>
    internal static BigInteger Ones(int bits) => (BigInteger.One << Math.Max(bits, 0)) - 1;

    /// <summary>Bits rounded up to a register.</summary>
    internal static int Padded(int bits) => (bits + 31) / 32 * 32;

    internal static byte[] ToBytes(BigInteger value, int bits)
    {
        byte[] bytes = new byte[(bits + 7) / 8];
        byte[] raw = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        if (raw.Length <= bytes.Length)
        {
            raw.CopyTo(bytes.AsSpan(bytes.Length - raw.Length));
        }
        else
        {
            raw.AsSpan(raw.Length - bytes.Length).CopyTo(bytes);
        }

        return bytes;
    }

    /// <summary>The same bytes in the other order.</summary>
    internal static BigInteger Reverse(BigInteger value, int bits)
    {
        byte[] bytes = ToBytes(value, bits);
        return new BigInteger(bytes, isUnsigned: true, isBigEndian: false);
    }

    /// <summary>The place of the lowest one at or above <paramref name="start"/>; -1 where there is none.</summary>
    internal static int FirstOne(BigInteger value, int start = 0)
    {
        BigInteger rest = value >> start;
        if (rest.IsZero)
        {
            return -1;
        }

        return start + (int)BigInteger.TrailingZeroCount(rest);
    }

    /// <summary>The place of the lowest zero at or above <paramref name="start"/>.</summary>
    internal static int FirstZero(BigInteger value, int start = 0)
    {
        BigInteger rest = value >> start;
        int place = start;
        while (!rest.IsEven)
        {
            rest >>= 1;
            place++;
        }

        return place;
    }

    /// <summary>How many ones there are.</summary>
    internal static int CountOnes(BigInteger value) => (int)BigInteger.PopCount(value);

    /// <summary>The mask is a run of ones down from its highest bit.</summary>
    internal static bool IsPrefix(BigInteger mask, int bits)
    {
        int first = FirstOne(mask);
        return first < 0 || FirstZero(mask, first + 1) >= bits;
    }

    /// <summary>How many ones the lowest run holds.</summary>
    internal static int PrefixLength(BigInteger mask)
    {
        int first = FirstOne(mask);
        return first < 0 ? 0 : FirstZero(mask, first + 1) - first;
    }

    /// <summary>The length of the prefix that covers exactly first to last, or -1.</summary>
    internal static int RangeToPrefix(BigInteger first, BigInteger last, int bits)
    {
        while (first <= last && first.IsEven && !last.IsEven && bits > 0)
        {
            first >>= 1;
            last >>= 1;
            bits--;
        }

        return first == last ? bits : -1;
    }
}
