using EucaNet.Netfilter.Iptables.Legacy;
using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Nft;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Netfilter.Iptables;

/// <summary>How live tables are reached.</summary>
public sealed record IptablesTablesOptions
{
    /// <summary>
    /// The names of the legacy tables that are in use (a system has them in /proc/net/ip_tables_names). Asking the kernel for a table makes it
    /// where it was not; null asks for all five.
    /// </summary>
    public Func<IptablesFamily, IReadOnlyList<string>>? LegacyTableNames { get; init; }

    /// <summary>The lock file iptables-legacy takes while it reads and writes ("/run/xtables.lock"); null for none.</summary>
    public string? LockFile { get; init; }

    /// <summary>Turns names into the kernel's numbers and back. Without a way to the sets, the kernel's own is put in.</summary>
    public IptablesNames Names { get; init; } = IptablesNames.None;

    /// <summary>How often a change is planned anew when somebody else writes meanwhile.</summary>
    public int Attempts { get; init; } = 20;
}

/// <summary>
/// The iptables tables of one network namespace, through one of the two interfaces. No program is run. Every write is one transaction of
/// nf_tables over all tables, or one replacement per table on the legacy interface (put back if a later one is refused).
/// </summary>
public sealed class IptablesTables : IDisposable
{
    private readonly IIptablesBackend _backend;

    private IptablesTables(IptablesInterface way, IptablesFamily family, IptablesNames names, IIptablesBackend backend)
    {
        Names = names;
        Interface = way;
        Family = family;
        _backend = backend;
    }

    /// <summary>Turns names in rules for these tables into the kernel's numbers and back.</summary>
    public IptablesNames Names { get; }

    /// <summary>The kernel interface.</summary>
    public IptablesInterface Interface { get; }

    /// <summary>IPv4 or IPv6.</summary>
    public IptablesFamily Family { get; }

    /// <summary>Opens the tables of a family through an interface.</summary>
    /// <exception cref="KernelException">The kernel has no such interface, or the caller may not (CAP_NET_ADMIN).</exception>
    public static IptablesTables Open(IKernel kernel, IptablesInterface way, IptablesFamily family = IptablesFamily.Ip, IptablesTablesOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        options ??= new IptablesTablesOptions();
        options = options with { Names = NamesOf(kernel, options.Names) };
        return new IptablesTables(way, family, options.Names, way == IptablesInterface.Nft ? new NftTables(kernel, family, options) : new LegacyTables(kernel, family, options));
    }

    /// <summary>Names turned into numbers by a kernel, as far as <paramref name="known"/> does not.</summary>
    public static IptablesNames NamesOf(IKernel kernel, IptablesNames? known = null)
    {
        known ??= IptablesNames.None;
        return known with
        {
            Set = known.Set ?? (name => KernelSets.Find(kernel, name)),
            SetName = known.SetName ?? (index => KernelSets.NameOf(kernel, index)),
        };
    }

    /// <summary>Finds the interface whose tables are in use, and says why it is that one.</summary>
    public static IptablesInterfaceChoice Detect(IKernel kernel, IptablesFamily family = IptablesFamily.Ip, IptablesTablesOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return InterfaceDetection.Detect(kernel, family, options ?? new IptablesTablesOptions());
    }

    /// <summary>All tables there are.</summary>
    /// <param name="tables">Only these; null for all.</param>
    /// <exception cref="IptablesTableException">A table holds what is not of iptables (nft interface).</exception>
    public IptablesRuleSet Read(params IReadOnlyList<string>? tables) => _backend.Read(tables is { Count: > 0 } ? tables : null);

    /// <summary>One table; without rules where the kernel has none of that name.</summary>
    public IptablesTable ReadTable(string table) => Read(table)[table] ?? IptablesTable.Empty(table);

    /// <summary>Makes these tables what they are in <paramref name="wanted"/>; tables it does not hold stay.</summary>
    public void Apply(IptablesRuleSet wanted, IptablesCounterUse counters = IptablesCounterUse.Keep)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        _backend.Change(_ => wanted, [.. wanted.Tables.Select(table => table.Name)], counters, force: true, test: false);
    }

    /// <summary>
    /// Reads the tables, has <paramref name="plan"/> say what they shall be, and writes the difference if nobody wrote meanwhile; else reads and
    /// plans again. A table the plan leaves out stays.
    /// </summary>
    /// <param name="plan">Wanted tables from present ones; called again where somebody else was faster. A table that is not there yet is missing in
    /// its argument; <see cref="IptablesTable.Empty"/> makes one.</param>
    /// <param name="tables">The tables to read; null for all there are.</param>
    public void Change(Func<IptablesRuleSet, IptablesRuleSet> plan, params IReadOnlyList<string>? tables)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _backend.Change(plan, tables is { Count: > 0 } ? tables : null, IptablesCounterUse.Keep, force: false, test: false);
    }

    /// <summary>
    /// Writes single chains: on the nft interface one transaction whose cost follows these chains only, on the legacy interface one
    /// replacement of each table concerned.
    /// </summary>
    public void ChangeChains(IReadOnlyList<IptablesChainChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        _backend.ChangeChains(changes);
    }

    /// <summary>What iptables-restore does with a file.</summary>
    /// <param name="file">The file, already read.</param>
    /// <param name="flush">Empty the file's tables first. Policies the file does not name stay on the legacy interface and become ACCEPT on the nft one.</param>
    /// <param name="counters">Take the file's counters.</param>
    /// <param name="test">Find out whether it would work; change nothing.</param>
    /// <exception cref="IptablesParseException">The kernel refuses a rule; it says which line.</exception>
    /// <exception cref="ArgumentException">The file was read as one of the other family.</exception>
    public void Restore(IptablesSaveFile file, bool flush = true, bool counters = false, bool test = false)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Family != Family)
        {
            throw new ArgumentException($"The file was read as one of {file.Family}, and these are the tables of {Family}: open them for the file's family.", nameof(file));
        }

        Load(
            file,
            present => Interface == IptablesInterface.Nft && flush
                ? AfterFlush(present, file, file.Tables, null, counters)
                : file.ApplyTo(present, flush, counters),
            file.Tables,
            counters ? IptablesCounterUse.FromModel : IptablesCounterUse.Keep,
            force: flush,
            test);
    }

    /// <summary>
    /// The start of a MANAGED front-end as one atomic change: the tables named are emptied (policies ACCEPT), the administrator's preload file is
    /// loaded, and <paramref name="then"/> adds what is the engine's. What cannot be loaded changes nothing.
    /// </summary>
    /// <param name="preload">The text of the preload file in iptables-save's format; null or empty for none.</param>
    /// <param name="then">Adds policies, chains and rules to what the preload left; null for nothing.</param>
    /// <param name="tables">The tables that are emptied; null for filter and nat.</param>
    /// <exception cref="IptablesParseException">The preload cannot be loaded; it says which line.</exception>
    public void FlushAndLoad(string? preload, Func<IptablesRuleSet, IptablesRuleSet>? then = null, IReadOnlyList<string>? tables = null)
    {
        IReadOnlyList<string> emptied = tables ?? ["filter", "nat"];
        IptablesSaveFile file = IptablesSaveFile.Parse(Family, preload ?? "", Interface, Names);
        Load(
            file,
            present => AfterFlush(present, file, emptied, then),
            [.. emptied.Union(file.Tables)],
            IptablesCounterUse.Keep,
            force: true,
            test: false);
    }

    /// <summary>What <see cref="FlushAndLoad"/> would make of <paramref name="present"/>: the same without a kernel.</summary>
    public static IptablesRuleSet AfterFlush(IptablesRuleSet present, IptablesSaveFile preload, IReadOnlyList<string> tables, Func<IptablesRuleSet, IptablesRuleSet>? then = null, bool counters = false)
    {
        ArgumentNullException.ThrowIfNull(present);
        ArgumentNullException.ThrowIfNull(preload);
        IptablesRuleSet wanted = tables.Aggregate(present, (ruleSet, table) => ruleSet.With(IptablesTable.Empty(table)));
        wanted = preload.ApplyTo(wanted, counters: counters);
        return then is null ? wanted : then(wanted);
    }

    /// <inheritdoc />
    public void Dispose() => _backend.Dispose();

    /// <summary>A rule that only the kernel refuses is traced back to its line.</summary>
    private void Load(IptablesSaveFile file, Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string> tables, IptablesCounterUse counters, bool force, bool test)
    {
        try
        {
            _backend.Change(plan, tables, counters, force, test);
        }
        catch (Nftables.NftablesException exception) when (file.RefusedLine(exception) is { } line)
        {
            throw line;
        }
        catch (IptablesTableException exception) when (exception.Guilty is { } guilty && file.RefusedLine(guilty, exception.Error, null) is { } line)
        {
            throw line;
        }
    }
}

/// <summary>An interface, and why it was chosen.</summary>
/// <param name="Interface">The interface.</param>
/// <param name="Reason">A sentence for the log.</param>
public sealed record IptablesInterfaceChoice(IptablesInterface Interface, string Reason);
