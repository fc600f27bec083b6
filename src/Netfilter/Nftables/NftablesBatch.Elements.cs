using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

// An attribute holds at most 65,535 bytes, so many elements take several messages.
public sealed partial class NftablesBatch
{
    /// <summary>
    /// Writes elements straight into the batch; nothing is allocated. Nothing else may be added until the writer is disposed:
    /// <code>
    /// using (var elements = batch.AddElements(NftablesFamily.Ip, "cloud", "members"))
    /// {
    ///     elements.Add(address);
    /// }
    /// </code>
    /// </summary>
    public ElementWriter AddElements(NftablesFamily family, string table, string set) =>
        new(this, family, table, set, NFT_MSG_NEWSETELEM, NetlinkMessageFlags.Create);

    /// <summary>As <see cref="AddElements(NftablesFamily, string, string)"/>, but fails with EEXIST where an element exists.</summary>
    public ElementWriter CreateElements(NftablesFamily family, string table, string set) =>
        new(this, family, table, set, NFT_MSG_NEWSETELEM, NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive);

    /// <summary>Deletes elements by their keys; ENOENT where one does not exist.</summary>
    public ElementWriter DeleteElements(NftablesFamily family, string table, string set) =>
        new(this, family, table, set, NFT_MSG_DELSETELEM, NetlinkMessageFlags.None);

    /// <summary>Deletes those of the elements that exist. Linux 6.3.</summary>
    public ElementWriter DestroyElements(NftablesFamily family, string table, string set) =>
        new(this, family, table, set, NFT_MSG_DESTROYSETELEM, NetlinkMessageFlags.None);

    private void AddElements(SetElementList list, ushort type, NetlinkMessageFlags flags)
    {
        using var writer = new ElementWriter(this, list.Family, list.Table, list.Set, type, flags, list.SetId);
        foreach (SetElement element in list.Elements ?? [])
        {
            writer.Add(element);
        }
    }

    private void DeleteElements(SetElementList list, ushort type)
    {
        using var writer = new ElementWriter(this, list.Family, list.Table, list.Set, type, NetlinkMessageFlags.None, list.SetId);
        foreach (SetElement element in list.Elements ?? [])
        {
            writer.Remove(element);
        }
    }

    /// <summary>Writes elements of one set, beginning a new message where one is full.</summary>
    public ref struct ElementWriter : IDisposable
    {
        private readonly NftablesBatch _batch;
        private readonly NftablesFamily _family;
        private readonly string _table;
        private readonly string _set;
        private readonly uint? _setId;
        private readonly ushort _type;
        private readonly NetlinkMessageFlags _flags;
        private NetlinkWriter _writer;
        private WireMark _message;
        private WireMark _list;
        private ushort _number;
        private bool _open;

        internal ElementWriter(NftablesBatch batch, NftablesFamily family, string table, string set, ushort type, NetlinkMessageFlags flags, uint? setId = null)
        {
            _batch = batch;
            _family = family;
            _table = table;
            _set = set;
            _setId = setId;
            _type = type;
            _flags = flags;
        }

        /// <summary>A key.</summary>
        public void Add(scoped ReadOnlySpan<byte> key)
        {
            WireMark mark = Begin(20 + key.Length);
            WriteValue(NFTA_SET_ELEM_KEY, key);
            _writer.EndAttribute(mark);
        }

        /// <summary>A key that leads to data.</summary>
        public void Add(scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> data)
        {
            WireMark mark = Begin(36 + key.Length + data.Length);
            WriteValue(NFTA_SET_ELEM_KEY, key);
            WriteValue(NFTA_SET_ELEM_DATA, data);
            _writer.EndAttribute(mark);
        }

        /// <summary>A key that leads to a verdict.</summary>
        public void Add(scoped ReadOnlySpan<byte> key, Verdict verdict)
        {
            ArgumentNullException.ThrowIfNull(verdict);
            WireMark mark = Begin(64 + key.Length + (verdict.Chain?.Length ?? 0) * 3);
            WriteValue(NFTA_SET_ELEM_KEY, key);
            _writer.PutVerdict(NFTA_SET_ELEM_DATA, AttributeForm.Canonical | AttributeForm.Nested, verdict);
            _writer.EndAttribute(mark);
        }

        /// <summary>A concatenated range from <paramref name="key"/> to <paramref name="keyEnd"/>, both within it. Linux 5.6.</summary>
        public void AddRange(scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> keyEnd)
        {
            WireMark mark = Begin(36 + key.Length + keyEnd.Length);
            WriteValue(NFTA_SET_ELEM_KEY, key);
            WriteValue(NFTA_SET_ELEM_KEY_END, keyEnd);
            _writer.EndAttribute(mark);
        }

        /// <summary>A key that goes after <paramref name="timeout"/>, rounded to milliseconds.</summary>
        public void Add(scoped ReadOnlySpan<byte> key, TimeSpan timeout)
        {
            WireMark mark = Begin(32 + key.Length);
            _writer.WriteUInt64BigEndian(NFTA_SET_ELEM_TIMEOUT, (ulong)timeout.TotalMilliseconds);
            WriteValue(NFTA_SET_ELEM_KEY, key);
            _writer.EndAttribute(mark);
        }

        /// <summary>An element with all it has.</summary>
        public void Add(SetElement element)
        {
            ArgumentNullException.ThrowIfNull(element);
            Write(element, keyOnly: false);
        }

        /// <summary>An element by its key, for deletion.</summary>
        internal void Remove(SetElement element) => Write(element, keyOnly: true);

        /// <summary>Ends the last message.</summary>
        public void Dispose()
        {
            if (_open)
            {
                _open = false;
                _writer.EndAttribute(_list);
                _batch.End(ref _writer, _message);
            }
        }

        // The size is not known before: write it, and where it does not fit any more take it back and begin anew.
        private void Write(SetElement element, bool keyOnly)
        {
            for (bool again = true; again;)
            {
                WireMark mark = Begin(4);
                _writer.Truncate(mark);
                if (keyOnly)
                {
                    element.WriteKey(ref _writer, _number);
                }
                else
                {
                    element.Write(ref _writer, _number, nested: true, asRead: false);
                }

                again = _writer.Position - _list.Offset > ushort.MaxValue && _number > 1;
                if (again)
                {
                    _writer.Truncate(mark);
                    Dispose();
                }
            }
        }

        private WireMark Begin(int size)
        {
            if (_open && _writer.Position - _list.Offset + size > ushort.MaxValue)
            {
                Dispose();
            }

            if (!_open)
            {
                _writer = _batch.Begin(_type, _flags, _family, out _message);
                _writer.WriteString(NFTA_SET_ELEM_LIST_TABLE, _table);
                _writer.WriteString(NFTA_SET_ELEM_LIST_SET, _set);
                if (_setId is { } id)
                {
                    _writer.WriteUInt32BigEndian(NFTA_SET_ELEM_LIST_SET_ID, id);
                }

                _list = _writer.BeginNested(NFTA_SET_ELEM_LIST_ELEMENTS);
                _number = 0;
                _open = true;
            }

            return _writer.BeginNested(++_number);
        }

        private void WriteValue(ushort type, scoped ReadOnlySpan<byte> value)
        {
            WireMark mark = _writer.BeginNested(type);
            _writer.WriteBytes(NFTA_DATA_VALUE, value);
            _writer.EndAttribute(mark);
        }
    }
}
