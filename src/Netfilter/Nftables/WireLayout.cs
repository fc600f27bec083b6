using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// How a set of attributes lay on the wire when it was read: their order, which had NLA_F_NESTED, and the bytes of those the model does
/// not know or whose form it does not expect. A model that carries it writes itself back byte for byte; one without it writes the order
/// nft uses. It is no part of the model's value: all layouts are equal.
/// </summary>
internal readonly struct WireLayout : IEquatable<WireLayout>
{
    private readonly Entry[]? _entries;

    private WireLayout(Entry[] entries) => _entries = entries;

    /// <summary>Nothing was read: the canonical order applies.</summary>
    public bool IsNone => _entries is null;

    /// <summary>The attributes in their order.</summary>
    public ReadOnlySpan<Entry> Entries => _entries;

    public bool Equals(WireLayout other) => true;

    public override bool Equals(object? obj) => obj is WireLayout;

    public override int GetHashCode() => 0;

    /// <summary>One attribute: its type with flags, and its bytes where the model does not hold them.</summary>
    internal readonly record struct Entry(ushort RawType, bool IsUnterminated, byte[]? Raw)
    {
        public ushort Type => (ushort)(RawType & 0x3fff);

        public bool IsNested => (RawType & NetlinkWriter.NestedFlag) != 0;
    }

    /// <summary>Notes the layout while a model is read.</summary>
    internal ref struct Recorder
    {
        private Entries16 _first;
        private List<Entry>? _more;
        private int _count;
        private ulong _seen;
        private bool _plain;

        public Recorder() => _plain = true;

        /// <summary>The attribute was not seen before: the model may take it.</summary>
        public readonly bool IsNew(in NetlinkAttribute attribute) => attribute.Type >= 64 || (_seen & 1ul << attribute.Type) == 0;

        /// <summary>The model holds the attribute's content.</summary>
        public void Typed(in NetlinkAttribute attribute, bool unterminated = false)
        {
            _seen |= 1ul << attribute.Type;
            Add(new Entry(attribute.RawType, unterminated, null));
        }

        /// <summary>The model does not hold it: keep the bytes.</summary>
        public void Raw(in NetlinkAttribute attribute)
        {
            _plain = false;
            Add(new Entry(attribute.RawType, false, attribute.Value.ToArray()));
        }

        private void Add(Entry entry)
        {
            _plain &= !entry.IsUnterminated;
            if (_count < 16)
            {
                _first[_count] = entry;
            }
            else
            {
                (_more ??= []).Add(entry);
            }

            _count++;
        }

        /// <summary>The layout; the very one of <paramref name="known"/> where it is the same, so that a dump's thousands share it.</summary>
        public readonly WireLayout Finish(WireLayout known = default)
        {
            if (_plain && _more is null && known._entries is { } entries && entries.Length == _count)
            {
                int index = 0;
                while (index < _count && entries[index] == _first[index])
                {
                    index++;
                }

                if (index == _count)
                {
                    return known;
                }
            }

            var all = new Entry[_count];
            for (int index = 0; index < _count; index++)
            {
                all[index] = index < 16 ? _first[index] : _more![index - 16];
            }

            return new WireLayout(all);
        }
    }

    [System.Runtime.CompilerServices.InlineArray(16)]
    private struct Entries16
    {
        private Entry _entry;
    }
}
