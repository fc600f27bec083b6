using EucaNet.Netfilter.Iptables.Extensions;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>A table as two answers of the kernel give it.</summary>
internal static class LegacyTable
{
    /// <summary>Reads what GET_INFO and GET_ENTRIES gave.</summary>
    public static IptablesTable Read(IptablesFamily family, ReadOnlySpan<byte> info, ReadOnlyMemory<byte> entries) => LegacyTableReader.Read(
        family,
        info.Text(0, LegacyLayout.NameSize),
        info.UInt32(LegacyLayout.InfoValidHooks),
        LegacyTableReader.Hooks(info, LegacyLayout.InfoHookEntry),
        LegacyTableReader.Hooks(info, LegacyLayout.InfoUnderflow),
        entries[LegacyLayout.GetEntriesTable..]);

    /// <summary>How many entries GET_INFO counts.</summary>
    public static uint NumberOfEntries(ReadOnlySpan<byte> info) => info.UInt32(LegacyLayout.InfoNumEntries);
}
