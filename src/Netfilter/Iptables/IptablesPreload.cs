using EucaNet.Netfilter.Iptables.Nft;
using EucaNet.Netfilter.Nftables;

namespace EucaNet.Netfilter.Iptables;

/// <summary>
/// Flush and preload of iptables' tables in iptables-nft's form, as part of a larger change of nf_tables: the messages go into the caller's
/// batch, so that they and what the caller adds to it are one transaction.
/// </summary>
public sealed class IptablesPreload
{
    private readonly IptablesSaveFile _file;
    private readonly IReadOnlyList<string> _emptied;
    private readonly IptablesNames _names;

    private IptablesPreload(IptablesSaveFile file, IReadOnlyList<string> emptied, IptablesNames names)
    {
        _file = file;
        _emptied = emptied;
        _names = names;
    }

    /// <summary>Reads a preload file.</summary>
    /// <param name="family">The family whose tables it fills.</param>
    /// <param name="text">Its text in iptables-save's format; empty for a flush alone.</param>
    /// <param name="emptied">Tables that are emptied (policies ACCEPT) whether the file speaks of them or not.</param>
    /// <param name="names">Turns names in rules into the kernel's numbers.</param>
    /// <exception cref="IptablesParseException">The file cannot be loaded; it says which line.</exception>
    public static IptablesPreload Parse(IptablesFamily family, string text, IReadOnlyList<string> emptied, IptablesNames? names = null) =>
        new(IptablesSaveFile.Parse(family, text, IptablesInterface.Nft, names), emptied, names ?? IptablesNames.None);

    /// <summary>Adds to a batch what makes the live tables those of the file; nothing where they are so already.</summary>
    /// <exception cref="IptablesParseException">A jump leads nowhere, or a command cannot be carried out; with its line.</exception>
    /// <exception cref="Netlink.Kernel.KernelException">The live tables cannot be read.</exception>
    public void WriteTo(NftablesBatch batch, NftablesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(connection);
        NftTablePlan.Write(
            batch,
            connection,
            new IptablesRuleSet { Family = _file.Family, Names = _names },
            present => IptablesTables.AfterFlush(present, _file, _emptied),
            [.. _emptied.Union(_file.Tables)],
            IptablesCounterUse.Keep,
            force: true);
    }

    /// <summary>The line of the file that the kernel refused; null where the refusal is about something else in the batch.</summary>
    public IptablesParseException? RefusedLine(NftablesException refused) => _file.RefusedLine(refused);
}
