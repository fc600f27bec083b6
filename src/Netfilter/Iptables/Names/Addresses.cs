using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Names;

/// <summary>Addresses and masks as iptables reads and prints them (inet_pton, inet_ntop).</summary>
internal static class Addresses
{
    /// <summary>An address of this family in its usual form; short forms like "10.1" are not taken.</summary>
    public static bool TryParse(string text, IptablesFamily family, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (family == IptablesFamily.Ip)
        {
            Span<byte> bytes = stackalloc byte[4];
            if (TryParseDecimal(text, bytes))
            {
                address = new IPAddress(bytes);
                return true;
            }

            string[] parts = text.Split('.');
            if (parts.Length != 4)
            {
                return false;
            }

            for (int index = 0; index < 4; index++)
            {
                // A leading zero makes a part octal and 0x hexadecimal, as in every C program; 010 is 8.
                if (parts[index].Length == 0 || !char.IsAsciiDigit(parts[index][0]) || !Numbers.TryWhole(parts[index], byte.MaxValue, out ulong part))
                {
                    return false;
                }

                bytes[index] = (byte)part;
            }

            address = new IPAddress(bytes);
            return true;
        }

        return !text.Contains('%', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal) && !text.Contains('/', StringComparison.Ordinal)
            && text.Contains(':', StringComparison.Ordinal)
            && IPAddress.TryParse(text, out address) && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    /// <summary>Four decimal numbers without leading zeros, as nearly every address is written.</summary>
    private static bool TryParseDecimal(ReadOnlySpan<char> text, Span<byte> address)
    {
        int part = 0, value = -1;
        foreach (char character in text)
        {
            if (character == '.')
            {
                if (value < 0 || part == 3)
                {
                    return false;
                }

                address[part++] = (byte)value;
                value = -1;
            }
            else if (!char.IsAsciiDigit(character) || value == 0 || (value = Math.Max(value, 0) * 10 + character - '0') > byte.MaxValue)
            {
                return false;
            }
        }

        if (part != 3 || value < 0)
        {
            return false;
        }

        address[3] = (byte)value;
        return true;
    }

    private static readonly IPAddress[] Prefixes = [.. Enumerable.Range(0, 33).Select(length => MakePrefix(IptablesFamily.Ip, length))];
    private static readonly IPAddress[] Prefixes6 = [.. Enumerable.Range(0, 129).Select(length => MakePrefix(IptablesFamily.Ip6, length))];

    /// <summary>The mask of this many leading ones.</summary>
    public static IPAddress Prefix(IptablesFamily family, int length) => (family == IptablesFamily.Ip ? Prefixes : Prefixes6)[length];

    private static IPAddress MakePrefix(IptablesFamily family, int length)
    {
        Span<byte> mask = stackalloc byte[family == IptablesFamily.Ip ? 4 : 16];
        mask.Clear();
        for (int index = 0; index < mask.Length; index++)
        {
            int bits = Math.Clamp(length - (index * 8), 0, 8);
            mask[index] = (byte)(0xff << (8 - bits));
        }

        return new IPAddress(mask);
    }

    /// <summary>How many leading ones a mask has, or null where ones follow a zero.</summary>
    public static int? PrefixLength(IPAddress mask)
    {
        Span<byte> bytes = stackalloc byte[16];
        mask.TryWriteBytes(bytes, out int length);
        return PrefixLength(bytes[..length]);
    }

    /// <summary>How many leading ones a mask has, or null where ones follow a zero.</summary>
    public static int? PrefixLength(ReadOnlySpan<byte> mask)
    {
        int length = 0;
        while (length < mask.Length * 8 && (mask[length / 8] & (0x80 >> (length % 8))) != 0)
        {
            length++;
        }

        for (int bit = length; bit < mask.Length * 8; bit++)
        {
            if ((mask[bit / 8] & (0x80 >> (bit % 8))) != 0)
            {
                return null;
            }
        }

        return length;
    }

    /// <summary>The address with the bits outside the mask cleared.</summary>
    public static IPAddress And(IPAddress address, IPAddress mask)
    {
        Span<byte> bytes = stackalloc byte[16], ones = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        mask.TryWriteBytes(ones, out _);
        for (int index = 0; index < length; index++)
        {
            bytes[index] &= ones[index];
        }

        return new IPAddress(bytes[..length]);
    }

    public static bool IsZero(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out int length) && !bytes[..length].ContainsAnyExcept((byte)0);
    }

    /// <summary>"/24", "/255.0.255.0", or nothing for a full mask.</summary>
    public static string MaskSuffix(IPAddress mask)
    {
        byte[] bytes = mask.GetAddressBytes();
        return PrefixLength(bytes) is { } length
            ? length == bytes.Length * 8 ? "" : $"/{length}"
            : "/" + Text(mask);
    }

    /// <summary>The address as inet_ntop prints it.</summary>
    public static string Text(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        Span<ushort> groups = stackalloc ushort[8];
        for (int index = 0; index < 8; index++)
        {
            groups[index] = (ushort)((bytes[index * 2] << 8) | bytes[(index * 2) + 1]);
        }

        (int start, int length) = LongestZeros(groups);
        var text = new StringBuilder();
        for (int index = 0; index < 8; index++)
        {
            if (index == start)
            {
                text.Append("::");
                index += length - 1;
                continue;
            }

            if (index > 0 && index != start + length)
            {
                text.Append(':');
            }
            else if (index > 0 && length == 0)
            {
                text.Append(':');
            }

            if (index == 6 && start == 0 && (length == 6 || (length == 5 && groups[5] == 0xffff)))
            {
                return text.Append(new IPAddress(bytes[12..]).ToString()).ToString();
            }

            text.Append(groups[index].ToString("x", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    private static (int Start, int Length) LongestZeros(ReadOnlySpan<ushort> groups)
    {
        (int start, int length) = (-1, 0);
        for (int index = 0; index < 8; index++)
        {
            int end = index;
            while (end < 8 && groups[end] == 0)
            {
                end++;
            }

            if (end - index > length)
            {
                (start, length) = (index, end - index);
            }

            index = end;
        }

        return length >= 2 ? (start, length) : (-1, 0);
    }
}
