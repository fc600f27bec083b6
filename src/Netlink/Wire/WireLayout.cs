namespace EucaNet.Netlink.Wire;

/// <summary>
/// How the attributes of an object lay on the wire when it was read: their order, their flag bits, and the bytes of those that the model does
/// not know or whose form it does not expect. An object that carries it writes itself back byte for byte; one without it writes
/// the order of iproute2. It is no part of the object's value: all layouts are equal.
/// </summary>
public readonly struct WireLayout : IEquatable<WireLayout>
{
    private readonly WireEntry[]? _entries;
    private readonly byte[]? _trailing;

    private WireLayout(WireEntry[] entries, byte[]? trailing, int missingPadding = 0)
    {
        _entries = entries;
        _trailing = trailing;
        MissingPadding = missingPadding;
    }

    /// <summary>Nothing was read: the canonical order applies.</summary>
    public bool IsNone => _entries is null;

    /// <summary>The attributes in their order.</summary>
    public ReadOnlySpan<WireEntry> Entries => _entries;

    /// <summary>Bytes behind the last attribute that are none.</summary>
    public ReadOnlySpan<byte> Trailing => _trailing;

    /// <summary>Bytes of padding that the last attribute lacked.</summary>
    public int MissingPadding { get; }

    /// <summary>The number of attributes whose bytes are kept because the model does not hold them.</summary>
    public int UnknownCount => _entries?.Count(entry => entry.Raw is not null) ?? 0;

    /// <summary>An order chosen by the caller, for a model that is built: these types first, the others behind them in canonical order.</summary>
    public static WireLayout InOrder(params ReadOnlySpan<ushort> types)
    {
        var entries = new WireEntry[types.Length];
        for (int index = 0; index < types.Length; index++)
        {
            entries[index] = new WireEntry(types[index], IsRecorded: false);
        }

        return new WireLayout(entries, null);
    }

    /// <summary>All layouts are equal.</summary>
    public static bool operator ==(WireLayout left, WireLayout right) => true;

    /// <summary>No layouts differ.</summary>
    public static bool operator !=(WireLayout left, WireLayout right) => false;

    /// <inheritdoc />
    public bool Equals(WireLayout other) => true;

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is WireLayout;

    /// <inheritdoc />
    public override int GetHashCode() => 0;

    /// <inheritdoc />
    public override string ToString() => IsNone ? "canonical" : $"{_entries!.Length} attributes as read, {UnknownCount} of them unknown";

    /// <summary>This layout with one more attribute at its end, kept as bytes.</summary>
    public WireLayout WithRaw(ushort rawType, ReadOnlySpan<byte> value) =>
        new([.. _entries ?? [], new WireEntry(rawType, IsRecorded: true, Raw: value.ToArray())], _trailing);

    /// <summary>Notes the layout while an object is read.</summary>
    internal struct Recorder()
    {
        private WireEntry[] _entries = [];
        private int _count;
        private UInt128 _seen;

        /// <summary>The attribute's type was not seen before: the model may take it. A second one is kept as bytes.</summary>
        public readonly bool IsNew(in NetlinkAttribute attribute) => attribute.Type >= 128 || (_seen >> attribute.Type & UInt128.One) == 0;

        /// <summary>Notes an attribute: held by the model, or to be kept as bytes.</summary>
        public void Note(in NetlinkAttribute attribute, bool known)
        {
            if (_count == _entries.Length)
            {
                Array.Resize(ref _entries, Math.Max(8, _count * 2));
            }

            if (known)
            {
                _seen |= attribute.Type < 128 ? UInt128.One << attribute.Type : 0;
                bool unterminated = attribute.Value.Length == 0 || attribute.Value[^1] != 0;
                _entries[_count++] = new WireEntry(attribute.RawType, IsRecorded: true, unterminated);
            }
            else
            {
                _entries[_count++] = new WireEntry(attribute.RawType, IsRecorded: true, Raw: attribute.Value.ToArray());
            }
        }

        /// <summary>The layout; <paramref name="rest"/> is the reader at its end.</summary>
        public readonly WireLayout Finish(in AttributeReader rest)
        {
            WireEntry[] entries = _entries;
            Array.Resize(ref entries, _count);
            return new WireLayout(entries, rest.Rest.IsEmpty ? null : rest.Rest.ToArray(), rest.MissingPadding);
        }
    }
}

/// <summary>One attribute of a layout.</summary>
/// <param name="RawType">Its type with the flag bits.</param>
/// <param name="IsRecorded">It was read from the wire; otherwise its flag bits are the model's choice.</param>
/// <param name="IsUnterminated">Text without a NUL at its end.</param>
/// <param name="Raw">Its bytes where the model does not hold them.</param>
public readonly record struct WireEntry(ushort RawType, bool IsRecorded, bool IsUnterminated = false, ReadOnlyMemory<byte>? Raw = null)
{
    /// <summary>The type without flags.</summary>
    public ushort Type => (ushort)(RawType & 0x3fff);
}
