using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>The options of a neighbour discovery message (RFC 4861, 4.6): type, length in units of eight octets, value.</summary>
internal readonly ref struct DiscoveryOptions(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Every option has a length, and the last ends with the message.</summary>
    public static bool AreWellFormed(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (bytes.Length < 2 || bytes[1] == 0 || bytes[1] * 8 > bytes.Length)
            {
                return false;
            }

            bytes = bytes[(bytes[1] * 8)..];
        }

        return true;
    }

    public static void WriteLinkAddress(Span<byte> option, byte type, ReadOnlySpan<byte> address)
    {
        option[0] = type;
        option[1] = 1;
        address[..6].CopyTo(option[2..]);
    }

    /// <summary>The value of the first option of a type; empty where there is none.</summary>
    public ReadOnlySpan<byte> Find(byte type)
    {
        foreach (ReadOnlySpan<byte> option in this)
        {
            if (option[0] == type)
            {
                return option[2..];
            }
        }

        return default;
    }

    public MacAddress? LinkAddress(byte type) => Find(type) is { Length: >= 6 } value ? MacAddress.Read(value) : null;

    /// <summary>The options one by one, type and length included.</summary>
    public Enumerator GetEnumerator() => new(_bytes);

    internal ref struct Enumerator(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public ReadOnlySpan<byte> Current { get; private set; }

        public bool MoveNext()
        {
            if (_rest.Length < 8 || _rest[1] == 0 || _rest[1] * 8 > _rest.Length)
            {
                return false;
            }

            Current = _rest[..(_rest[1] * 8)];
            _rest = _rest[Current.Length..];
            return true;
        }
    }
}
