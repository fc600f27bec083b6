using System.Text;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// What nft keeps in user data: a run of typed values (type u8, length u8, value). The kernel stores the bytes and does not look inside; at most 256 for a rule.
/// Numbers of the types as in libnftnl's udata.h.
/// </summary>
public static class UserData
{
    /// <summary>The comment of a table, chain, rule, object or element (text with a terminating NUL).</summary>
    public const byte Comment = 0;

    /// <summary>The byte order of a set's key: 1 host, 2 big endian (u32 in host byte order).</summary>
    public const byte SetKeyByteOrder = 0;

    /// <summary>The byte order of a map's data.</summary>
    public const byte SetDataByteOrder = 1;

    /// <summary>Adjacent intervals of the set are merged (u32).</summary>
    public const byte SetMergeElements = 2;

    /// <summary>The expression that the key's type was taken from.</summary>
    public const byte SetKeyTypeof = 3;

    /// <summary>The expression that the data's type was taken from.</summary>
    public const byte SetDataTypeof = 4;

    /// <summary>The data of the map is an interval (u32).</summary>
    public const byte SetDataInterval = 6;

    /// <summary>The comment of a set.</summary>
    public const byte SetComment = 7;

    /// <summary>The first value of <paramref name="type"/>, or false.</summary>
    public static bool TryGet(OctetString? userData, byte type, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> rest = userData is { } data ? data.Span : default;
        while (rest.Length >= 2 && rest.Length >= 2 + rest[1])
        {
            if (rest[0] == type)
            {
                value = rest.Slice(2, rest[1]);
                return true;
            }

            rest = rest[(2 + rest[1])..];
        }

        value = default;
        return false;
    }

    /// <summary>The first value of <paramref name="type"/> as text, or null.</summary>
    public static string? GetText(OctetString? userData, byte type)
    {
        if (!TryGet(userData, type, out ReadOnlySpan<byte> value))
        {
            return null;
        }

        int end = value.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
    }

    /// <summary>User data that holds a comment, as nft writes it.</summary>
    /// <exception cref="ArgumentException">More than 128 bytes: nft refuses to print or load it.</exception>
    public static OctetString OfComment(string comment, byte type = Comment)
    {
        int length = Encoding.UTF8.GetByteCount(comment);
        if (length > 128)
        {
            throw new ArgumentException($"A comment takes at most 128 bytes; this one takes {length}.", nameof(comment));
        }

        byte[] bytes = new byte[length + 3];
        bytes[0] = type;
        bytes[1] = (byte)(length + 1);
        Encoding.UTF8.GetBytes(comment, bytes.AsSpan(2));
        return OctetString.Own(bytes);
    }

    /// <summary><paramref name="userData"/> with one more value at its end.</summary>
    public static OctetString With(OctetString? userData, byte type, ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> before = userData is { } data ? data.Span : default;
        return OctetString.Own([.. before, type, checked((byte)value.Length), .. value]);
    }
}
