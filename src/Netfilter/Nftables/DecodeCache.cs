using System.Text;
using System.Text.Unicode;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// Gives the names in a dump as strings and the same string for the same name again, so that 50,000 rules of one chain do not
/// make 100,000 strings; likewise their expressions. Belongs to one reader.
/// </summary>
internal sealed class DecodeCache
{
    // Below this many lists sharing expressions would cost more than it saves.
    private const int ListsUntilShared = 16;
    private readonly (byte[] Bytes, string Name)[]? _recent;
    private int _lists;
    private ExpressionCache? _expressions;

    /// <summary>A cache for a whole dump; one that remembers no names for a single message, where they would cost more than they save.</summary>
    public DecodeCache(bool remembersNames = true) => _recent = remembersNames ? new (byte[], string)[64] : null;

    /// <summary>Takes a NUL-terminated name; false for anything a writer would not give back.</summary>
    public bool Read(in NetlinkAttribute attribute, ref string? field)
    {
        ReadOnlySpan<byte> value = attribute.Value;
        if (field is not null || attribute.RawType != attribute.Type || value.IndexOf((byte)0) != value.Length - 1)
        {
            return false;
        }

        value = value[..^1];
        if (_recent is null)
        {
            return Take(value, ref field);
        }

        int slot = value.IsEmpty ? 0 : (value.Length * 31 + value[^1] * 7 + value[0]) & 63;
        ref (byte[] Bytes, string Name) recent = ref _recent[slot];
        if (recent.Bytes is not null && value.SequenceEqual(recent.Bytes))
        {
            field = recent.Name;
            return true;
        }

        if (!Take(value, ref field))
        {
            return false;
        }

        recent = (value.ToArray(), field!);
        return true;
    }

    private static bool Take(ReadOnlySpan<byte> name, ref string? field)
    {
        if (!Utf8.IsValid(name))
        {
            return false;
        }

        field = Encoding.UTF8.GetString(name);
        return true;
    }

    /// <summary>Takes a list of expressions; false for one that a writer would not give back.</summary>
    public bool Read(in NetlinkAttribute attribute, ref ValueList<Expression>? field)
    {
        if (_lists < ListsUntilShared)
        {
            _lists++;
        }
        else
        {
            _expressions ??= new ExpressionCache();
        }

        return attribute.ReadExpressions(ref field, _expressions);
    }
}
