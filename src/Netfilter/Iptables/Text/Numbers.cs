namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>Numbers as C's strtoul reads them with base 0: decimal, 0x hexadecimal, 0 octal.</summary>
internal static class Numbers
{
    /// <summary>Reads the number at the start of a text; false where there is none, or it does not fit 64 bits.</summary>
    public static bool TryParse(string text, out ulong value, out string rest)
    {
        value = 0;
        rest = text;
        int index = 0;
        while (index < text.Length && char.IsWhiteSpace(text[index]))
        {
            index++;
        }

        if (index < text.Length && text[index] == '+')
        {
            index++;
        }

        uint radix = 10;
        if (index + 2 < text.Length && text[index] == '0' && text[index + 1] is 'x' or 'X' && index + 2 < text.Length && char.IsAsciiHexDigit(text[index + 2]))
        {
            radix = 16;
            index += 2;
        }
        else if (index < text.Length && text[index] == '0')
        {
            radix = 8;
        }

        int start = index;
        for (; index < text.Length; index++)
        {
            char character = text[index];
            uint digit = char.IsAsciiDigit(character) ? (uint)(character - '0')
                : char.IsAsciiHexDigit(character) ? (uint)((character | 0x20) - 'a' + 10)
                : 99;
            if (digit >= radix)
            {
                break;
            }

            UInt128 next = ((UInt128)value * radix) + digit;
            if (next > ulong.MaxValue)
            {
                return false;
            }

            value = (ulong)next;
        }

        rest = text[index..];
        return index > start;
    }

    /// <summary>The whole text as a number up to <paramref name="maximum"/>.</summary>
    public static bool TryWhole(string text, ulong maximum, out ulong value) =>
        TryParse(text, out value, out string rest) && rest.Length == 0 && value <= maximum;
}
