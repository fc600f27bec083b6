using EucaNet.Netfilter.Nftables.Expressions;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// Turns what the kernel has into what it shall have by the smallest batch: what is right already keeps its handles, counters, elements and timeouts.
/// <list type="number">
/// <item>Rules and elements that refer to something that has to be made anew go first, then that something.</item>
/// <item>Then comes what is missing: objects, flowtables, sets, chains, elements, rules. Rules go in front of the next rule that stays, by its handle.</item>
/// <item>Last goes what is not wanted any more.</item>
/// </list>
/// The kernel cannot change some things of an existing object; then it is made anew, and what refers to it too. User data of tables,
/// chains, sets and objects (their comments) do not count as a difference.
/// </summary>
public sealed partial class NftablesDifference
{
    private readonly NftablesBatch _batch;
    private readonly TableContent _wanted;
    private readonly TableContent _present;
    private readonly HashSet<string> _anewSets = new(StringComparer.Ordinal);
    private readonly HashSet<string> _anewChains = new(StringComparer.Ordinal);
    private readonly HashSet<(uint, string)> _anewObjects = [];
    private readonly HashSet<string> _anewFlowtables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (List<SetElement> Delete, List<SetElement> Add)> _elements = new(StringComparer.Ordinal);
    private readonly List<(ChainContent Wanted, ChainContent? Present, int[] Kept)> _rules = [];
    private uint _id;

    private NftablesDifference(NftablesBatch batch, TableContent wanted, TableContent present)
    {
        _batch = batch;
        _wanted = wanted;
        _present = present;
    }

    /// <summary>Adds to <paramref name="batch"/> what turns the present table into the wanted one.</summary>
    /// <param name="batch">Where the changes go.</param>
    /// <param name="wanted">The table as it shall be; null for no such table.</param>
    /// <param name="present">The table as the kernel has it; null where there is none.</param>
    /// <exception cref="ArgumentException">They are different tables.</exception>
    public static void Compare(NftablesBatch batch, TableContent? wanted, TableContent? present)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (wanted is null)
        {
            if (present is not null)
            {
                batch.Delete(present.Table);
            }

            return;
        }

        if (present is null)
        {
            batch.Add(wanted.Table);
            present = new TableContent(wanted.Table);
        }
        else if ((present.Table.Family, present.Table.Name) != (wanted.Table.Family, wanted.Table.Name))
        {
            throw new ArgumentException($"{wanted.Table.Describe()} cannot come of {present.Table.Describe()}.", nameof(wanted));
        }
        else if (present.Table.Flags != wanted.Table.Flags)
        {
            batch.Add(wanted.Table);
        }

        new NftablesDifference(batch, wanted, present).Run();
    }

    /// <summary>As <see cref="Compare"/> for one chain's rules, where the caller knows that nothing else changed.</summary>
    public static void CompareRules(NftablesBatch batch, Chain chain, IReadOnlyList<Rule> wanted, IReadOnlyList<Rule> present)
    {
        ArgumentNullException.ThrowIfNull(chain);
        var table = new Table { Family = chain.Family, Name = chain.Table };
        Compare(
            batch,
            new TableContent(table) { Chains = [new ChainContent(chain, [.. wanted])] },
            new TableContent(table) { Chains = [new ChainContent(chain, [.. present])] });
    }

    /// <summary>As <see cref="Compare"/> for some elements of one set, where the caller knows that nothing else changed.</summary>
    /// <param name="batch">Where the changes go.</param>
    /// <param name="set">The set.</param>
    /// <param name="wanted">Of the elements in question, those that shall be there.</param>
    /// <param name="present">Of the elements in question, those that are there.</param>
    public static void CompareElements(NftablesBatch batch, NftablesSet set, IReadOnlyList<SetElement> wanted, IReadOnlyList<SetElement> present)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(set);
        var delete = new List<SetElement>();
        var add = new List<SetElement>();
        ElementDifference.Compare(set, [.. wanted], [.. present], delete, add);
        WriteElements(batch, set, delete, add: false, null);
        WriteElements(batch, set, add, add: true, null);
    }

    private void Run()
    {
        FindWhatIsMadeAnew();
        CompareRulesAndElements();
        DeleteWhatIsMadeAnew();
        AddObjects();
        AddElements();
        AddRules();
        DeleteWhatIsLeft();
    }

    private void FindWhatIsMadeAnew()
    {
        foreach (NftablesObject item in _present.Objects)
        {
            if (FindWantedObject(item) is { } wanted && !SameObject(wanted, item))
            {
                _anewObjects.Add((item.Type, item.Name));
            }
        }

        foreach (Flowtable flowtable in _present.Flowtables)
        {
            if (FindFlowtable(_wanted, flowtable.Name) is { } wanted && !SameFlowtable(wanted, flowtable))
            {
                _anewFlowtables.Add(flowtable.Name);
            }
        }

        foreach (SetContent set in _present.Sets)
        {
            if (!IsAnonymous(set.Set) && _wanted.FindSet(set.Set.Name) is { } wanted && !SameSet(wanted.Set, set.Set))
            {
                _anewSets.Add(set.Set.Name);
            }
        }

        foreach (ChainContent chain in _present.Chains)
        {
            if (_wanted.FindChain(chain.Chain.Name) is { } wanted && !SameChain(wanted.Chain, chain.Chain))
            {
                _anewChains.Add(chain.Chain.Name);
            }
        }
    }

    private void CompareRulesAndElements()
    {
        foreach (SetContent set in _wanted.Sets)
        {
            if (IsAnonymous(set.Set))
            {
                continue;
            }

            List<SetElement> delete = [], add = [];
            SetContent? present = _anewSets.Contains(set.Set.Name) ? null : _present.FindSet(set.Set.Name);
            ElementDifference.Compare(set.Set, set.Elements.Span, present is null ? default : present.Elements.Span, delete, add);
            if (present is not null && (_anewChains.Count > 0 || _anewObjects.Count > 0))
            {
                // What leads to something made anew goes before that and comes after it, though it is right as it is.
                HashSet<SetElement> changing = [.. delete, .. add];
                foreach (SetElement element in present.Elements)
                {
                    if (RefersToAnew(element, set.Set.ObjectType) && !changing.Contains(element))
                    {
                        delete.Add(element);
                        add.Add(element);
                    }
                }
            }

            _elements[set.Set.Name] = (delete, add);
        }

        foreach (ChainContent chain in _wanted.Chains)
        {
            ChainContent? present = _anewChains.Contains(chain.Chain.Name) ? null : _present.FindChain(chain.Chain.Name);
            OctetString[] wantedRules = [.. chain.Rules.Select(rule => RuleContent.Of(rule, name => AnonymousContent(_wanted, name)))];
            OctetString[] presentRules = present is null ? [] : [.. present.Rules.Select(rule => RefersToAnew(rule) ? Unlike(rule) : RuleContent.Of(rule, name => AnonymousContent(_present, name)))];
            _rules.Add((chain, present, RuleDifference.Match(wantedRules, presentRules)));
        }
    }

    // Equal to no wanted rule, so that it goes and comes again.
    private static OctetString Unlike(Rule rule) => OctetString.Own([0xff, .. BitConverter.GetBytes(rule.Handle ?? 0)]);

    private void DeleteWhatIsMadeAnew()
    {
        foreach ((_, ChainContent? present, _) in _rules)
        {
            foreach (Rule rule in present?.Rules ?? [])
            {
                if (RefersToAnew(rule))
                {
                    _batch.Delete(rule);
                }
            }
        }

        foreach (ChainContent chain in _present.Chains)
        {
            if (!chain.Rules.IsEmpty && (_anewChains.Contains(chain.Chain.Name) || IsObsolete(chain.Chain)))
            {
                _batch.FlushChain(chain.Chain.Family, chain.Chain.Table, chain.Chain.Name);
            }
        }

        foreach (SetContent set in _present.Sets)
        {
            if (!IsAnonymous(set.Set) && _wanted.FindSet(set.Set.Name) is null && set.Elements.Any(element => RefersToAnew(element, set.Set.ObjectType)))
            {
                _batch.FlushSet(set.Set.Family, set.Set.Table, set.Set.Name);
            }
        }

        foreach (SetContent set in _present.Sets)
        {
            if (_elements.TryGetValue(set.Set.Name, out var elements))
            {
                WriteElements(_batch, set.Set, elements.Delete, add: false, null);
            }

            if (_anewSets.Contains(set.Set.Name))
            {
                _batch.Delete(set.Set);
            }
        }

        foreach (ChainContent chain in _present.Chains)
        {
            if (_anewChains.Contains(chain.Chain.Name))
            {
                _batch.Delete(chain.Chain);
            }
        }

        foreach (NftablesObject item in _present.Objects)
        {
            if (_anewObjects.Contains((item.Type, item.Name)))
            {
                _batch.Delete(item);
            }
        }

        foreach (Flowtable flowtable in _present.Flowtables)
        {
            if (_anewFlowtables.Contains(flowtable.Name))
            {
                _batch.Delete(flowtable);
            }
        }
    }

    private void AddObjects()
    {
        foreach (NftablesObject item in _wanted.Objects)
        {
            if (_anewObjects.Contains((item.Type, item.Name)) || FindObject(_present, item.Type, item.Name) is null)
            {
                _batch.Add(Restorable(item));
            }
        }

        foreach (Flowtable flowtable in _wanted.Flowtables)
        {
            if (_anewFlowtables.Contains(flowtable.Name) || FindFlowtable(_present, flowtable.Name) is null)
            {
                _batch.Add(flowtable);
            }
        }

        foreach (ChainContent chain in _wanted.Chains)
        {
            if ((chain.Chain.Flags & ChainFlags.Binding) != 0)
            {
                throw new ArgumentException($"{chain.Chain.Describe()} is bound to a rule; a difference works on named chains only.");
            }

            ChainContent? present = _anewChains.Contains(chain.Chain.Name) ? null : _present.FindChain(chain.Chain.Name);
            if (present is null || (chain.Chain.Policy is { } policy && policy != present.Chain.Policy))
            {
                _batch.Add(present is null ? chain.Chain with { Counters = null, Flags = chain.Chain.Flags & ~ChainFlags.Base } : PolicyOf(chain.Chain));
            }
        }

        foreach (SetContent set in _wanted.Sets)
        {
            if (!IsAnonymous(set.Set) && (_anewSets.Contains(set.Set.Name) || _present.FindSet(set.Set.Name) is null))
            {
                _batch.Add(set.Set with { Id = ++_id });
            }
        }
    }

    private static Chain PolicyOf(Chain chain) => new() { Family = chain.Family, Table = chain.Table, Name = chain.Name, Policy = chain.Policy };

    private void AddElements()
    {
        foreach (SetContent set in _wanted.Sets)
        {
            if (_elements.TryGetValue(set.Set.Name, out var elements))
            {
                WriteElements(_batch, set.Set, elements.Add, add: true, null);
            }
        }
    }

    // Between two rules that stay, deleted and added ones make pairs: one message replaces one by the other.
    private void AddRules()
    {
        foreach ((ChainContent wanted, ChainContent? present, int[] kept) in _rules)
        {
            int old = 0;
            for (int index = 0; index < kept.Length;)
            {
                int next = index;
                while (next < kept.Length && kept[next] < 0)
                {
                    next++;
                }

                int limit = next < kept.Length ? kept[next] : present?.Rules.Count ?? 0;
                ulong? before = next < kept.Length ? present!.Rules[limit].Handle : null;
                for (; index < next; index++)
                {
                    while (old < limit && RefersToAnew(present!.Rules[old]))
                    {
                        old++;
                    }

                    Rule rule = WithAnonymousSets(wanted.Rules[index]);
                    if (old < limit)
                    {
                        _batch.Replace(rule, present!.Rules[old++].Handle!.Value);
                    }
                    else if (before is { } handle)
                    {
                        _batch.Insert(rule, handle);
                    }
                    else
                    {
                        _batch.Add(rule);
                    }
                }

                DeleteRules(present, old, limit);
                old = limit + 1;
                index = next + 1;
            }

            DeleteRules(present, old, present?.Rules.Count ?? 0);
        }
    }

    private void DeleteRules(ChainContent? present, int from, int to)
    {
        for (; from < to; from++)
        {
            if (!RefersToAnew(present!.Rules[from]))
            {
                _batch.Delete(present.Rules[from]);
            }
        }
    }

    private void DeleteWhatIsLeft()
    {
        List<Chain> chains = [.. _present.Chains.Select(chain => chain.Chain).Where(IsObsolete)];
        foreach (SetContent set in _present.Sets)
        {
            if (!IsAnonymous(set.Set) && _wanted.FindSet(set.Set.Name) is null)
            {
                _batch.Delete(set.Set);
            }
        }

        foreach (Chain chain in chains)
        {
            _batch.Delete(chain);
        }

        foreach (Flowtable flowtable in _present.Flowtables)
        {
            if (FindFlowtable(_wanted, flowtable.Name) is null)
            {
                _batch.Delete(flowtable);
            }
        }

        foreach (NftablesObject item in _present.Objects)
        {
            if (FindWantedObject(item) is null)
            {
                _batch.Delete(item);
            }
        }
    }

    /// <summary>The rule as it can be sent: with the anonymous sets that it looks things up in made before.</summary>
    private Rule WithAnonymousSets(Rule rule)
    {
        bool changed = false;
        var expressions = new Expression[rule.Expressions.Count];
        for (int index = 0; index < expressions.Length; index++)
        {
            expressions[index] = Restorable(rule.Expressions[index]);
            changed |= !ReferenceEquals(expressions[index], rule.Expressions[index]);
            string? name = expressions[index] switch
            {
                LookupExpression lookup => lookup.SetName,
                ObjectReferenceExpression reference => reference.SetName,
                _ => null,
            };
            if (name is null || _wanted.FindSet(name) is not { } set || !IsAnonymous(set.Set))
            {
                continue;
            }

            uint id = ++_id;
            string pattern = set.Set.ObjectType is not null ? "__objmap%d" : set.Set.IsMap ? "__map%d" : "__set%d";
            _batch.Add(set.Set with { Name = pattern, Id = id });
            WriteElements(_batch, set.Set with { Name = pattern }, set.Elements, add: true, id);
            expressions[index] = expressions[index] switch
            {
                LookupExpression lookup => lookup with { SetName = pattern, SetId = id },
                ObjectReferenceExpression reference => reference with { SetName = pattern, SetId = id },
                var other => other,
            };
            changed = true;
        }

        return changed ? rule with { Expressions = [.. expressions] } : rule;
    }

    // The kernel lists some things in a way that it would not take.
    private static Expression Restorable(Expression expression) => expression switch
    {
        DynamicSetExpression { Timeout: 0 } dynamic => dynamic with { Timeout = null },
        OsFingerprintExpression { Flags: 0 } fingerprint => fingerprint with { Flags = null },
        QuotaExpression { Flags: { } flags } quota when ((uint)flags & ~NFT_QUOTA_F_INV) != 0 => quota with { Flags = (QuotaFlags)((uint)flags & NFT_QUOTA_F_INV) },
        _ => expression,
    };

    private static NftablesObject Restorable(NftablesObject item) =>
        item.Data is QuotaData { Flags: { } flags } quota && (flags & ~NFT_QUOTA_F_INV) != 0 ? item with { Data = quota with { Flags = flags & NFT_QUOTA_F_INV } } : item;

    private static void WriteElements(NftablesBatch batch, NftablesSet set, IReadOnlyList<SetElement> elements, bool add, uint? id)
    {
        if (elements.Count == 0)
        {
            return;
        }

        var list = new SetElementList { Family = set.Family, Table = set.Table, Set = set.Name, SetId = id, Elements = [.. elements] };
        if (add)
        {
            batch.Add(list);
        }
        else
        {
            batch.Delete(list);
        }
    }
}
