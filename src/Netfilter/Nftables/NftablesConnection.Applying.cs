namespace EucaNet.Netfilter.Nftables;

// The wanted state instead of verbs.
public sealed partial class NftablesConnection
{
    /// <summary>
    /// Makes a table what it shall be, by the smallest batch, whatever others do to the rule set meanwhile; null removes the table.
    /// </summary>
    /// <returns>What was done, and the way back.</returns>
    /// <exception cref="NftablesException">The kernel refused it; nothing was changed.</exception>
    public AppliedTable Apply(NftablesFamily family, string name, TableContent? wanted)
    {
        TableContent? before = null;
        int messages = 0;
        SendPlanned(_ =>
        {
            before = ReadTable(family, name);
            var batch = new NftablesBatch();
            NftablesDifference.Compare(batch, wanted, before);
            messages = batch.Count;
            return batch;
        });
        return new AppliedTable(this, family, name, before, messages);
    }
}

/// <summary>A table that was made what it should be.</summary>
public sealed class AppliedTable
{
    private readonly NftablesConnection _connection;
    private readonly NftablesFamily _family;
    private readonly string _name;

    internal AppliedTable(NftablesConnection connection, NftablesFamily family, string name, TableContent? before, int messageCount)
    {
        _connection = connection;
        _family = family;
        _name = name;
        Before = before;
        MessageCount = messageCount;
    }

    /// <summary>The table as it was; null where there was none.</summary>
    public TableContent? Before { get; }

    /// <summary>Messages it took; 0 where everything was right.</summary>
    public int MessageCount { get; }

    /// <summary>Makes the table what it was before, by the smallest batch; rules that were deleted come back with new handles.</summary>
    public AppliedTable Undo() => _connection.Apply(_family, _name, Before);
}
