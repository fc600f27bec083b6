using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// Changes that the kernel makes all together or not at all. The messages are written as they are added, into one buffer that is kept
/// when the batch is cleared: a batch used again allocates nothing for rules made before and for elements.
/// <list type="bullet">
/// <item>Add: fails if the object exists with other properties; a set, chain or table that exists as it is stays.</item>
/// <item>Create: fails if it exists (EEXIST).</item>
/// <item>Delete: fails if it does not exist (ENOENT) or is used (EBUSY).</item>
/// <item>Destroy: deletes it if it exists. Linux 6.3.</item>
/// </list>
/// </summary>
public sealed partial class NftablesBatch
{
    // Room in front for BEGIN with its generation; without one it takes the last 20 of these 28 bytes.
    private const int BeginSize = NetlinkHeader.Size + NfnetlinkHeader.Size;
    private const int GuardSize = 8;
    private readonly NetlinkBuffer _buffer;
    private readonly List<Entry> _entries = [];

    /// <summary>An empty batch with room for <paramref name="capacity"/> bytes before its buffer grows.</summary>
    public NftablesBatch(int capacity = 4096)
    {
        _buffer = new NetlinkBuffer(capacity);
        var writer = new NetlinkWriter(_buffer);
        writer.Append(stackalloc byte[BeginSize + GuardSize]);
        writer.Complete();
    }

    /// <summary>Messages in it.</summary>
    public int Count => _entries.Count;

    /// <summary>Nothing is to be done.</summary>
    public bool IsEmpty => _entries.Count == 0;

    /// <summary>Bytes of the one datagram that carries it. An nf_tables transaction cannot be split over several.</summary>
    public int Length => _buffer.Length - (ExpectedGeneration is null ? GuardSize : 0) + BeginSize;

    /// <summary>
    /// The kernel carries the batch out only while the rule set is still at this generation, else it refuses with ERESTART.
    /// Null: whatever the rule set is.
    /// </summary>
    public uint? ExpectedGeneration { get; set; }

    /// <summary>The next messages are about this; it comes back with their errors. Anything whose ToString names it for a person.</summary>
    public object? Label { get; set; }

    /// <summary>The messages, without BEGIN and END; valid until the next change.</summary>
    public ReadOnlySpan<byte> Messages => _buffer.Written[(BeginSize + GuardSize)..];

    /// <summary>A copy of the one datagram that the kernel would be sent, numbered from 1, with an acknowledgement asked for at its end.</summary>
    public byte[] ToDatagram() => Seal(1, BatchEnding.Acknowledged, out _).ToArray();

    /// <summary>Forgets everything and keeps the memory.</summary>
    public void Clear()
    {
        _buffer.Truncate(BeginSize + GuardSize);
        _entries.Clear();
        ExpectedGeneration = null;
        Label = null;
    }

    /// <summary>Adds a table, chain, rule (at the end of its chain), set, object, flowtable or elements.</summary>
    public void Add(NftablesEntity entity)
    {
        ArgumentNullException.ThrowIfNull(entity);
        switch (entity)
        {
            case SetElementList list:
                AddElements(list, NFT_MSG_NEWSETELEM, NetlinkMessageFlags.Create);
                break;
            case Rule rule:
                WriteRule(rule, NetlinkMessageFlags.Create | NetlinkMessageFlags.Append, null, null);
                break;
            case Table table:
                // nft asks for tables without NLM_F_CREATE; the kernel makes them all the same.
                Write(table, NFT_MSG_NEWTABLE, NetlinkMessageFlags.None);
                break;
            default:
                Write(entity, NewTypeOf(entity), NetlinkMessageFlags.Create);
                break;
        }
    }

    /// <summary>As <see cref="Add"/>, but fails with EEXIST where the object exists.</summary>
    public void Create(NftablesEntity entity)
    {
        ArgumentNullException.ThrowIfNull(entity);
        switch (entity)
        {
            case SetElementList list:
                AddElements(list, NFT_MSG_NEWSETELEM, NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive);
                break;
            case Rule rule:
                WriteRule(rule, NetlinkMessageFlags.Create | NetlinkMessageFlags.Append, null, null);
                break;
            default:
                Write(entity, NewTypeOf(entity), NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive);
                break;
        }
    }

    /// <summary>Puts a rule at the beginning of its chain, or in front of the rule with this handle.</summary>
    public void Insert(Rule rule, ulong? before = null)
    {
        ArgumentNullException.ThrowIfNull(rule);
        WriteRule(rule, NetlinkMessageFlags.Create, null, before);
    }

    /// <summary>Puts a rule behind the rule with this handle.</summary>
    public void AddAfter(Rule rule, ulong handle)
    {
        ArgumentNullException.ThrowIfNull(rule);
        WriteRule(rule, NetlinkMessageFlags.Create | NetlinkMessageFlags.Append, null, handle);
    }

    /// <summary>Puts a rule in the place of the rule with this handle, which it inherits where the kernel does so.</summary>
    public void Replace(Rule rule, ulong handle)
    {
        ArgumentNullException.ThrowIfNull(rule);
        WriteRule(rule, NetlinkMessageFlags.Replace, handle, null);
    }

    /// <summary>Deletes a table (with all in it), an empty chain, a rule by its handle, a set, an object, a flowtable or elements. Names suffice.</summary>
    /// <exception cref="ArgumentException">A rule without handle and id: the kernel would delete the whole chain's rules.</exception>
    public void Delete(NftablesEntity entity)
    {
        ArgumentNullException.ThrowIfNull(entity);
        WriteIdentity(entity, (ushort)(NewTypeOf(entity) + 2));
    }

    /// <summary>As <see cref="Delete"/>, but no error where the object does not exist. Linux 6.3.</summary>
    public void Destroy(NftablesEntity entity)
    {
        ArgumentNullException.ThrowIfNull(entity);
        NewTypeOf(entity);
        WriteIdentity(entity, entity.DestroyType);
    }

    /// <summary>Deletes all rules of a chain; of all chains of the table where <paramref name="chain"/> is null.</summary>
    public void FlushChain(NftablesFamily family, string table, string? chain = null)
    {
        NetlinkWriter writer = Begin(NFT_MSG_DELRULE, NetlinkMessageFlags.None, family, out WireMark mark);
        writer.WriteString(NFTA_RULE_TABLE, table);
        if (chain is not null)
        {
            writer.WriteString(NFTA_RULE_CHAIN, chain);
        }

        End(ref writer, mark);
    }

    /// <summary>Deletes all elements of a set or map.</summary>
    public void FlushSet(NftablesFamily family, string table, string set)
    {
        NetlinkWriter writer = Begin(NFT_MSG_DELSETELEM, NetlinkMessageFlags.None, family, out WireMark mark);
        writer.WriteString(NFTA_SET_ELEM_LIST_TABLE, table);
        writer.WriteString(NFTA_SET_ELEM_LIST_SET, set);
        End(ref writer, mark);
    }

    /// <summary>Deletes all tables of a family, or of all families. Tables that another process owns stay.</summary>
    public void FlushRuleset(NftablesFamily family = NftablesFamily.Unspecified)
    {
        NetlinkWriter writer = Begin(NFT_MSG_DELTABLE, NetlinkMessageFlags.None, family, out WireMark mark);
        End(ref writer, mark);
    }

    /// <summary>Adds a message as it is, with its own type and flags.</summary>
    public void Append(NftablesMessage message) => Append(message, WireOrder.AsRead);

    internal void Append(NftablesMessage message, WireOrder order)
    {
        ArgumentNullException.ThrowIfNull(message);
        NetlinkWriter writer = Begin(message.Type, message.Flags, message.Entity.Family, out WireMark mark);
        message.Entity.WriteAttributes(ref writer, order, creating: message.IsNew);
        End(ref writer, mark);
    }

    private static ushort NewTypeOf(NftablesEntity entity) => entity is Generation or NftablesTrace
        ? throw new ArgumentException($"Only the kernel says a {entity.Describe()}.", nameof(entity))
        : entity.NewType;

    private void Write(NftablesEntity entity, ushort type, NetlinkMessageFlags flags)
    {
        NetlinkWriter writer = Begin(type, flags, entity.Family, out WireMark mark);
        entity.WriteAttributes(ref writer, WireOrder.Nft, withAssigned: false);
        End(ref writer, mark);
    }

    private void WriteRule(Rule rule, NetlinkMessageFlags flags, ulong? handle, ulong? position)
    {
        NetlinkWriter writer = Begin(NFT_MSG_NEWRULE, flags, rule.Family, out WireMark mark);
        rule.WritePlaced(ref writer, handle, position);
        End(ref writer, mark);
    }

    private void WriteIdentity(NftablesEntity entity, ushort type)
    {
        switch (entity)
        {
            case Rule { Handle: null, Id: null }:
                throw new ArgumentException($"To delete a {entity.Describe()} takes its handle; without one the kernel would delete all rules of the chain (see {nameof(FlushChain)}).", nameof(entity));
            case SetElementList { Elements: null }:
                throw new ArgumentException($"No elements are given; without any the kernel would delete all of them (see {nameof(FlushSet)}).", nameof(entity));
            case SetElementList list:
                DeleteElements(list, type);
                return;
        }

        NetlinkWriter writer = Begin(type, NetlinkMessageFlags.None, entity.Family, out WireMark mark);
        entity.WriteIdentity(ref writer);
        End(ref writer, mark);
    }

    private NetlinkWriter Begin(ushort type, NetlinkMessageFlags flags, NftablesFamily family, out WireMark mark)
    {
        _entries.Add(new Entry(_buffer.Length, Label));
        var writer = new NetlinkWriter(_buffer);
        mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | type), flags | NetlinkMessageFlags.Request, (uint)_entries.Count);
        writer.AppendStruct(NfnetlinkHeader.Create((byte)family));
        return writer;
    }

    private void End(ref NetlinkWriter writer, WireMark mark)
    {
        writer.EndMessage(mark);
        if (writer.Error is not null)
        {
            _entries.RemoveAt(_entries.Count - 1);
        }

        writer.Complete();
    }

    /// <summary>
    /// The whole batch from BEGIN to END, numbered from <paramref name="sequence"/> on (BEGIN has it); without END for a dry run. Valid until the next change.
    /// </summary>
    internal ReadOnlySpan<byte> Seal(uint sequence, BatchEnding ending, out int messages)
    {
        messages = _entries.Count + 2;
        ReadOnlySpan<Entry> entries = CollectionsMarshal.AsSpan(_entries);
        for (int index = 0; index < entries.Length; index++)
        {
            _buffer.Overwrite(entries[index].Offset + 8, sequence + 1 + (uint)index);
        }

        if (entries.Length > 0)
        {
            var flags = MemoryMarshal.Read<NetlinkMessageFlags>(_buffer.Written[(entries[0].Offset + 6)..]);
            flags = ending == BatchEnding.Echoed ? flags | NetlinkMessageFlags.Echo : flags & ~NetlinkMessageFlags.Echo;
            _buffer.Overwrite(entries[0].Offset + 6, flags);
        }

        int begin = ExpectedGeneration is null ? GuardSize : 0;
        _buffer.Overwrite(begin, new NetlinkHeader((uint)(BeginSize + GuardSize - begin), Nfnetlink.NFNL_MSG_BATCH_BEGIN, NetlinkMessageFlags.Request, sequence, 0));
        _buffer.Overwrite(begin + NetlinkHeader.Size, NfnetlinkHeader.Create(0, Nfnetlink.NFNL_SUBSYS_NFTABLES));
        if (ExpectedGeneration is { } generation)
        {
            _buffer.Overwrite(begin + BeginSize, 8 | Nfnetlink.NFNL_BATCH_GENID << 16);
            _buffer.Overwrite(begin + BeginSize + 4, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(generation));
        }

        if (ending != BatchEnding.None)
        {
            var writer = new NetlinkWriter(_buffer);
            WireMark mark = writer.BeginMessage(
                Nfnetlink.NFNL_MSG_BATCH_END,
                NetlinkMessageFlags.Request | (ending == BatchEnding.Acknowledged ? NetlinkMessageFlags.Acknowledge : 0),
                sequence + 1 + (uint)entries.Length);
            writer.AppendStruct(NfnetlinkHeader.Create(0, Nfnetlink.NFNL_SUBSYS_NFTABLES));
            writer.EndMessage(mark);
            writer.Complete();
        }

        ReadOnlySpan<byte> datagram = _buffer.Written[begin..];
        if (ending != BatchEnding.None)
        {
            // END's bytes stay where they are; it is no longer part of the batch, so that more can be added.
            _buffer.Truncate(_buffer.Length - BeginSize);
        }

        return datagram;
    }

    /// <summary>The bytes of message <paramref name="index"/>, and what it is about.</summary>
    internal ReadOnlySpan<byte> MessageAt(int index, out object? label)
    {
        Entry entry = _entries[index];
        label = entry.Label;
        ReadOnlySpan<byte> rest = _buffer.Written[entry.Offset..];
        return rest[..(int)MemoryMarshal.Read<uint>(rest)];
    }

    /// <summary>NFT_MSG_* of a message.</summary>
    internal ushort TypeAt(int index) => (ushort)(MemoryMarshal.Read<NetlinkHeader>(_buffer.Written[_entries[index].Offset..]).Type & 0xff);

    /// <summary>A batch of the first <paramref name="count"/> messages.</summary>
    internal NftablesBatch Prefix(int count)
    {
        int length = count < _entries.Count ? _entries[count].Offset : _buffer.Length;
        var prefix = new NftablesBatch(length + 64) { ExpectedGeneration = ExpectedGeneration };
        prefix._entries.AddRange(_entries.Take(count));
        var writer = new NetlinkWriter(prefix._buffer);
        writer.Append(_buffer.Written[(BeginSize + GuardSize)..length]);
        writer.Complete();
        return prefix;
    }

    private readonly record struct Entry(int Offset, object? Label);
}

/// <summary>How a batch ends.</summary>
internal enum BatchEnding
{
    /// <summary>Without END: the kernel only tries it.</summary>
    None,

    /// <summary>END asks for an acknowledgement. Linux 6.10.</summary>
    Acknowledged,

    /// <summary>The first message asks for its echo, which the kernel sends with NEWGEN when it has committed.</summary>
    Echoed,
}
