using System.Runtime.InteropServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

// Everything read here is of one generation: each frame of a dump carries the low half of it, and it is asked for before and after.
public sealed partial class NftablesConnection
{
    /// <summary>The whole rule set, or all tables of a family, at one generation; begun again where somebody changes it meanwhile.</summary>
    /// <exception cref="KernelException">EBUSY: it changed every time (<see cref="NftablesConnectionOptions.SnapshotAttempts"/>).</exception>
    public NftablesRuleset ReadRuleset(NftablesFamily family = NftablesFamily.Unspecified) => ReadConsistently(family, null);

    /// <summary>One table at one generation; null where there is none of that name.</summary>
    public TableContent? ReadTable(NftablesFamily family, string name) => ReadConsistently(family, name).Find(family, name);

    /// <summary>All tables, without what is in them.</summary>
    public IReadOnlyList<Table> ListTables(NftablesFamily family = NftablesFamily.Unspecified) => List<Table>(NFT_MSG_GETTABLE, family, null);

    /// <summary>Chains, without their rules.</summary>
    public IReadOnlyList<Chain> ListChains(NftablesFamily family, string table) =>
        [.. List<Chain>(NFT_MSG_GETCHAIN, family, null).Where(chain => chain.Table == table)];

    /// <summary>Rules of a table, or of one of its chains.</summary>
    public IReadOnlyList<Rule> ListRules(NftablesFamily family, string table, string? chain = null) =>
        List<Rule>(NFT_MSG_GETRULE, family, RuleFilter(table, chain));

    /// <summary>Sets and maps of a table, without their elements.</summary>
    public IReadOnlyList<NftablesSet> ListSets(NftablesFamily family, string table) => List<NftablesSet>(NFT_MSG_GETSET, family, TableFilter(NFTA_SET_TABLE, table));

    /// <summary>Elements of a set or map.</summary>
    public IReadOnlyList<SetElement> ListElements(NftablesFamily family, string table, string set) => Elements(NFT_MSG_GETSETELEM, family, table, set);

    /// <summary>Named objects of a table.</summary>
    public IReadOnlyList<NftablesObject> ListObjects(NftablesFamily family, string table) => List<NftablesObject>(NFT_MSG_GETOBJ, family, TableFilter(NFTA_OBJ_TABLE, table));

    /// <summary>Flowtables of a table.</summary>
    public IReadOnlyList<Flowtable> ListFlowtables(NftablesFamily family, string table) =>
        List<Flowtable>(NFT_MSG_GETFLOWTABLE, family, TableFilter(NFTA_FLOWTABLE_TABLE, table));

    /// <summary>One element of a set by its key, or null.</summary>
    public SetElement? FindElement(NftablesFamily family, string table, string set, OctetString key)
    {
        SetElement? found = null;
        lock (_turn)
        {
            try
            {
                Request(
                    NFT_MSG_GETSETELEM,
                    NetlinkMessageFlags.Request,
                    family,
                    (ref NetlinkWriter writer) => new SetElementList { Table = table, Set = set, Elements = [SetElement.Of(key)] }.WriteIdentity(ref writer),
                    (in NetlinkMessage message) => found = SetElementList.Read(family, message.Attributes(NfnetlinkHeader.Size), new DecodeCache()).Elements is { Count: > 0 } elements ? elements[0] : null);
            }
            catch (KernelException exception) when (exception.Error == LinuxError.ENOENT)
            {
                return null;
            }
        }

        return found;
    }

    /// <summary>Named objects of a table with what they have counted; the kernel begins counting anew.</summary>
    public IReadOnlyList<NftablesObject> ResetObjects(NftablesFamily family, string table) =>
        List<NftablesObject>(NFT_MSG_GETOBJ_RESET, family, TableFilter(NFTA_OBJ_TABLE, table));

    /// <summary>Rules of a table or chain with what their counters and quotas hold; the kernel begins anew. Linux 6.2.</summary>
    public IReadOnlyList<Rule> ResetRules(NftablesFamily family, string table, string? chain = null) => List<Rule>(NFT_MSG_GETRULE_RESET, family, RuleFilter(table, chain));

    /// <summary>Elements of a set with what their counters hold; the kernel begins anew. Linux 6.5.</summary>
    public IReadOnlyList<SetElement> ResetElements(NftablesFamily family, string table, string set) => Elements(NFT_MSG_GETSETELEM_RESET, family, table, set);

    private static RequestWriter RuleFilter(string table, string? chain) => (ref NetlinkWriter writer) =>
    {
        writer.WriteString(NFTA_RULE_TABLE, table);
        if (chain is not null)
        {
            writer.WriteString(NFTA_RULE_CHAIN, chain);
        }
    };

    private static RequestWriter? TableFilter(ushort type, string? table) => table is null ? null : (ref NetlinkWriter writer) => writer.WriteString(type, table);

    // The kernel answers a reset by dumping; so every list here is a dump.
    private List<T> List<T>(ushort type, NftablesFamily family, RequestWriter? filter)
        where T : NftablesEntity
    {
        lock (_turn)
        {
            for (int attempt = 1; ; attempt++)
            {
                var list = new List<T>();
                uint? generation = null;
                if (Dump(type, family, filter, new DecodeCache(), list, ref generation) || attempt >= Options.SnapshotAttempts || IsReset(type))
                {
                    return list;
                }
            }
        }
    }

    // A reset that was interrupted has taken what it had listed: what it returned is all there is.
    private static bool IsReset(ushort type) => type is NFT_MSG_GETOBJ_RESET or NFT_MSG_GETRULE_RESET or NFT_MSG_GETSETELEM_RESET;

    private List<SetElement> Elements(ushort type, NftablesFamily family, string table, string set)
    {
        lock (_turn)
        {
            for (int attempt = 1; ; attempt++)
            {
                uint? generation = null;
                var lists = new List<SetElementList>();
                if (Dump(type, family, ElementFilter(table, set), new DecodeCache(), lists, ref generation) || attempt >= Options.SnapshotAttempts || IsReset(type))
                {
                    return Joined(lists);
                }
            }
        }
    }

    private static List<SetElement> Joined(List<SetElementList> lists)
    {
        var all = new List<SetElement>(lists.Sum(static list => list.Elements?.Count ?? 0));
        foreach (SetElementList list in lists)
        {
            all.AddRange(list.Elements.GetValueOrDefault().Span);
        }

        return all;
    }

    private static RequestWriter ElementFilter(string table, string set) => (ref NetlinkWriter writer) =>
    {
        writer.WriteString(NFTA_SET_ELEM_LIST_TABLE, table);
        writer.WriteString(NFTA_SET_ELEM_LIST_SET, set);
    };

    /// <summary>
    /// Reads a dump; false where not all of it is of one generation, that of <paramref name="generation"/> where it says one, or where something is in it twice:
    /// who took the second for a copy and deleted it would delete the only one there is.
    /// </summary>
    private bool Dump<T>(ushort type, NftablesFamily family, RequestWriter? filter, DecodeCache names, List<T> list, ref uint? generation)
        where T : NftablesEntity
    {
        ushort? resource = (ushort?)generation;
        bool same = true;
        bool interrupted = Request(type, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, family, filter, (in NetlinkMessage message) =>
        {
            var header = MemoryMarshal.Read<NfnetlinkHeader>(message.Payload);
            resource ??= header.ResourceId;
            same &= resource == header.ResourceId;
            if (NftablesMessage.ReadEntity((ushort)(message.Header.Type & 0xff), (NftablesFamily)header.Family, message.Attributes(NfnetlinkHeader.Size), names) is T entity)
            {
                list.Add(entity);
            }
        });
        return same && !interrupted && !HasRepetition(list);
    }

    // Elements of a set that packets fill may come twice while it grows; a whole part of the dump that comes again is seen where it is received.
    private static bool HasRepetition<T>(List<T> list)
        where T : NftablesEntity
    {
        if (list is List<SetElementList> || (list is List<Rule> rules && AreAscending(rules)))
        {
            return false;
        }

        var seen = new HashSet<(NftablesFamily, string, string, ulong)>(list.Count);
        return list.Exists(entity => !seen.Add(IdentityOf(entity)));
    }

    // A dump goes chain by chain, and the handles of a chain ascend unless rules were inserted in front of others.
    private static bool AreAscending(List<Rule> rules)
    {
        var chains = new HashSet<(NftablesFamily, string, string)>();
        Rule? last = null;
        foreach (Rule rule in rules)
        {
            bool isNext = last is not null && rule.Chain == last.Chain && rule.Table == last.Table && rule.Family == last.Family
                ? rule.Handle > last.Handle
                : chains.Add((rule.Family, rule.Table, rule.Chain));
            if (!isNext)
            {
                return false;
            }

            last = rule;
        }

        return true;
    }

    private static (NftablesFamily Family, string Table, string Name, ulong Number) IdentityOf(NftablesEntity entity) => entity switch
    {
        Table table => (table.Family, table.Name, "", 0),
        Chain chain => (chain.Family, chain.Table, chain.Name, 0),
        Rule rule => (rule.Family, rule.Table, "", rule.Handle ?? 0),
        NftablesSet set => (set.Family, set.Table, set.Name, 0),
        NftablesObject item => (item.Family, item.Table, item.Name, item.Type),
        Flowtable flowtable => (flowtable.Family, flowtable.Table, flowtable.Name, 0),
        _ => throw new ArgumentException($"{entity.Describe()} is nothing that a table lists.", nameof(entity)),
    };

    private NftablesRuleset ReadConsistently(NftablesFamily family, string? table)
    {
        lock (_turn)
        {
            for (int attempt = 1; attempt <= Options.SnapshotAttempts; attempt++)
            {
                uint generation = ReadGeneration().Id;
                try
                {
                    if (TryReadAll(generation, family, table) is { } ruleset && ReadGeneration().Id == generation)
                    {
                        return ruleset;
                    }
                }
                catch (KernelException exception) when (exception.Error == LinuxError.ENOENT && ReadGeneration().Id != generation)
                {
                    // A table or set went while we read.
                }

                Thread.Yield();
            }
        }

        throw new KernelException(
            "read the nf_tables rule set", LinuxError.EBUSY, $"Others changed it during each of {Options.SnapshotAttempts} tries to read it as one; ask again when they rest.");
    }

    private NftablesRuleset? TryReadAll(uint generation, NftablesFamily family, string? table)
    {
        var names = new DecodeCache();
        uint? expected = generation;
        var tables = new List<Table>();
        var chains = new List<Chain>();
        var rules = new List<Rule>();
        var sets = new List<NftablesSet>();
        var objects = new List<NftablesObject>();
        var flowtables = new List<Flowtable>();
        if (!Dump(NFT_MSG_GETTABLE, family, null, names, tables, ref expected))
        {
            return null;
        }

        if (table is not null && !tables.Exists(item => item.Name == table))
        {
            // The kernel refuses to list the sets of a table that is not there.
            return new NftablesRuleset(generation, []);
        }

        if (!Dump(NFT_MSG_GETCHAIN, family, null, names, chains, ref expected)
            || !Dump(NFT_MSG_GETRULE, family, TableFilter(NFTA_RULE_TABLE, table), names, rules, ref expected)
            || !Dump(NFT_MSG_GETSET, family, TableFilter(NFTA_SET_TABLE, table), names, sets, ref expected)
            || !Dump(NFT_MSG_GETOBJ, family, TableFilter(NFTA_OBJ_TABLE, table), names, objects, ref expected)
            || !Dump(NFT_MSG_GETFLOWTABLE, family, TableFilter(NFTA_FLOWTABLE_TABLE, table), names, flowtables, ref expected))
        {
            return null;
        }

        var elements = new Dictionary<(NftablesFamily, string, string), ValueList<SetElement>>();
        foreach (NftablesSet set in sets)
        {
            var lists = new List<SetElementList>();
            if (!Dump(NFT_MSG_GETSETELEM, set.Family, ElementFilter(set.Table, set.Name), names, lists, ref expected))
            {
                return null;
            }

            elements[(set.Family, set.Table, set.Name)] = lists.Count == 1 ? lists[0].Elements ?? [] : [.. Joined(lists)];
        }

        ILookup<(NftablesFamily, string), Chain> chainsByTable = chains.ToLookup(chain => (chain.Family, chain.Table));
        ILookup<(NftablesFamily, string, string), Rule> rulesByChain = rules.ToLookup(rule => (rule.Family, rule.Table, rule.Chain));
        ILookup<(NftablesFamily, string), NftablesSet> setsByTable = sets.ToLookup(set => (set.Family, set.Table));
        ILookup<(NftablesFamily, string), NftablesObject> objectsByTable = objects.ToLookup(item => (item.Family, item.Table));
        ILookup<(NftablesFamily, string), Flowtable> flowtablesByTable = flowtables.ToLookup(item => (item.Family, item.Table));
        IEnumerable<TableContent> contents = tables.Where(item => table is null || item.Name == table).Select(item =>
        {
            (NftablesFamily, string) key = (item.Family, item.Name);
            return new TableContent(item)
            {
                Chains = [.. chainsByTable[key].Select(chain => new ChainContent(chain, [.. rulesByChain[(chain.Family, chain.Table, chain.Name)]]))],
                Sets = [.. setsByTable[key].Select(set => new SetContent(set, elements[(set.Family, set.Table, set.Name)]))],
                Objects = [.. objectsByTable[key]],
                Flowtables = [.. flowtablesByTable[key]],
            };
        });
        return new NftablesRuleset(generation, [.. contents]);
    }
}
