using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>A table as two answers of the kernel give it.</summary>
internal sealed class LegacyTable
{
    private readonly LegacyLayout _layout;
    private readonly ReadOnlyMemory<byte> _blob;

    private LegacyTable(IptablesFamily family, IptablesTable table, IReadOnlyList<LegacyEntry> entries, ReadOnlyMemory<byte> blob)
    {
        _layout = LegacyLayout.Of(family);
        _blob = blob;
        Table = table;
        Entries = entries;
    }

    /// <summary>The table in the model.</summary>
    public IptablesTable Table { get; }

    /// <summary>What stands behind each entry of the blob.</summary>
    public IReadOnlyList<LegacyEntry> Entries { get; }

    /// <summary>Reads what GET_INFO and GET_ENTRIES gave.</summary>
    public static LegacyTable Read(IptablesFamily family, ReadOnlySpan<byte> info, ReadOnlyMemory<byte> entries)
    {
        ReadOnlyMemory<byte> blob = entries[LegacyLayout.GetEntriesTable..];
        IptablesTable table = LegacyTableReader.Read(
            family,
            info.Text(0, LegacyLayout.NameSize),
            info.UInt32(LegacyLayout.InfoValidHooks),
            LegacyTableReader.Hooks(info, LegacyLayout.InfoHookEntry),
            LegacyTableReader.Hooks(info, LegacyLayout.InfoUnderflow),
            blob,
            out IReadOnlyList<LegacyEntry> list);
        return new LegacyTable(family, table, list, blob);
    }

    /// <summary>Asks the kernel for a table; null where it has none of that name. A table it knows is made when it is asked for the first time.</summary>
    /// <param name="socket">The kernel.</param>
    /// <param name="family">The socket's family.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="attempts">How often to ask again where the table changes its size between the two questions.</param>
    public static LegacyTable? Ask(IXtablesSocket socket, IptablesFamily family, string table, int attempts)
    {
        for (int attempt = 1; ; attempt++)
        {
            byte[] info = new byte[LegacyLayout.InfoLength];
            if (!TryGetInfo(socket, table, info))
            {
                return null;
            }

            byte[] entries = new byte[LegacyLayout.GetEntriesTable + ((ReadOnlySpan<byte>)info).UInt32(LegacyLayout.InfoSize)];
            entries.AsSpan().PutText(0, LegacyLayout.NameSize - 1, table);
            entries.AsSpan().Put32(LegacyLayout.GetEntriesSize, (uint)(entries.Length - LegacyLayout.GetEntriesTable));
            try
            {
                socket.GetOption(LegacyLayout.GetEntries, entries);
                return Read(family, info, entries);
            }
            catch (KernelException exception) when (exception.Error is LinuxError.EAGAIN or LinuxError.EINVAL && attempt < attempts)
            {
                // The other size is read.
            }
        }
    }

    /// <summary>Asks for a table's sizes; false where there is none.</summary>
    public static bool TryGetInfo(IXtablesSocket socket, string table, Span<byte> info)
    {
        info.PutText(0, LegacyLayout.NameSize - 1, table);
        try
        {
            socket.GetOption(LegacyLayout.GetInfo, info);
            return true;
        }
        catch (KernelException exception) when (exception.Error is LinuxError.ENOENT or LinuxError.ENOPROTOOPT)
        {
            return false;
        }
    }

    /// <summary>How many entries GET_INFO counts.</summary>
    public static uint NumberOfEntries(ReadOnlySpan<byte> info) => info.UInt32(LegacyLayout.InfoNumEntries);

    /// <summary>Whether two readings hold the same entries, counters left out.</summary>
    public bool IsSame(LegacyTable other)
    {
        ReadOnlySpan<byte> ours = _blob.Span, theirs = other._blob.Span;
        if (ours.Length != theirs.Length || Entries.Count != other.Entries.Count)
        {
            return false;
        }

        int counters = _layout.Counters, behind = counters + LegacyLayout.CounterSize;
        for (int offset = 0; offset < ours.Length;)
        {
            int size = ours[offset..].UInt16(_layout.NextOffset);
            if (!ours.Slice(offset, counters).SequenceEqual(theirs.Slice(offset, counters))
                || !ours[(offset + behind)..(offset + size)].SequenceEqual(theirs[(offset + behind)..(offset + size)]))
            {
                return false;
            }

            offset += size;
        }

        return true;
    }
}
