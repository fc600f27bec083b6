using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// Gives the same object for the same expression again: of the expressions of a large rule set most are said many times over (load the protocol, compare
/// it with tcp, accept), and they are immutable. So 50,000 rules make a fraction of 500,000 objects. Belongs to one reader.
/// </summary>
internal sealed class ExpressionCache
{
    private const int Slots = 512;
    private readonly Entry[] _entries = new Entry[Slots];

    /// <summary>The expression that <paramref name="element"/> holds.</summary>
    public Expression Read(in NetlinkAttribute element)
    {
        ulong hash = Hash(element.RawType, element.Value);
        ref Entry entry = ref _entries[(int)(hash >> 32) & Slots - 1];
        if (entry.Hash == hash && entry.Expression is { } known && element.RawType == entry.RawType && element.Value.SequenceEqual(entry.Bytes))
        {
            return known;
        }

        Expression expression = ExpressionCodec.Read(element);

        // What comes for the first time may never come again: its bytes are kept from the second time on.
        bool again = entry.Hash == hash;
        entry = again ? new Entry(hash, element.RawType, element.Value.ToArray(), expression) : new Entry(hash, 0, null, null);
        return expression;
    }

    private static ulong Hash(ushort type, ReadOnlySpan<byte> bytes)
    {
        ulong hash = type + (ulong)bytes.Length * 0x9e3779b97f4a7c15;
        while (bytes.Length >= 8)
        {
            hash = (hash ^ BitConverter.ToUInt64(bytes)) * 0xff51afd7ed558ccd;
            hash ^= hash >> 32;
            bytes = bytes[8..];
        }

        foreach (byte value in bytes)
        {
            hash = (hash ^ value) * 0xff51afd7ed558ccd;
        }

        return hash ^ hash >> 29;
    }

    private readonly record struct Entry(ulong Hash, ushort RawType, byte[]? Bytes, Expression? Expression);
}
