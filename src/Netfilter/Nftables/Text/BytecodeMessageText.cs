using System.Text;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>The text of whole rules, sets and elements as <c>nft --debug=netlink</c> prints them.</summary>
public static class BytecodeMessageText
{
    /// <summary>A rule: family, table, chain, what numbers it has, then a line for each expression.</summary>
    public static void Append(StringBuilder text, Rule rule)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(rule);
        text.Append(rule.Family.ToText());
        text.Append(rule.Table.Length > 0 ? " " + rule.Table : "");
        text.Append(rule.Chain.Length > 0 ? " " + rule.Chain : "");
        foreach (ulong? number in (ReadOnlySpan<ulong?>)[rule.Handle, rule.Position, rule.Id, rule.PositionId])
        {
            if (number is { } value)
            {
                text.Add($" {value}");
            }
        }

        text.Append('\n');
        BytecodeText.AppendLines(text, rule.Expressions);
        if (rule.UserData is { Length: > 0 } userData)
        {
            BytecodeText.AppendUserData(text, userData);
        }
    }

    /// <summary>A set's declaration: name, table, flags, what else is said of it.</summary>
    public static void Append(StringBuilder text, NftablesSet set)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(set);
        text.Add($"{set.Name} {set.Table} {(uint)set.Flags:x}");
        if (set.Timeout is { } timeout)
        {
            text.Add($" timeout {timeout}ms");
        }

        if (set.GarbageCollectionInterval is { } interval)
        {
            text.Add($" gc_interval {interval}ms");
        }

        if (set.Policy is { } policy)
        {
            text.Add($" policy {policy}");
        }

        if (set.Size is { } size)
        {
            text.Add($" size {size}");
        }
    }

    /// <summary>Elements of a set.</summary>
    public static void Append(StringBuilder text, SetElementList list)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(list);
        text.Add($"{list.Set} {list.Table} 0");
        if (list.Elements is not { Count: > 0 } elements)
        {
            return;
        }

        text.Append('\n');
        foreach (SetElement element in elements)
        {
            text.Append('\t');
            Append(text, element);
        }
    }

    /// <summary>One element: key, data, flags.</summary>
    public static void Append(StringBuilder text, SetElement element)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(element);
        text.Append("element ");
        BytecodeText.AppendWords(text, element.Key, "");
        if (element.KeyEnd is { } end)
        {
            text.Append(" - ");
            BytecodeText.AppendWords(text, end, "");
        }

        text.Append(" : ");
        if (element.Verdict is { } verdict)
        {
            BytecodeText.AppendVerdict(text, verdict);
        }
        else
        {
            BytecodeText.AppendWords(text, element.Data, "");
        }

        text.Add($"{(uint)element.Flags} [end]");
        if (element.UserData is { Length: > 0 } userData)
        {
            BytecodeText.AppendUserData(text, userData);
        }
    }

    /// <summary>What <c>nft --debug=netlink list</c> prints ahead of its listing: of each table the elements of its sets, then its rules.</summary>
    public static string OfListing(IEnumerable<NftablesEntity> entities)
    {
        ArgumentNullException.ThrowIfNull(entities);
        var text = new StringBuilder();
        List<NftablesEntity> all = [.. entities];
        ILookup<(NftablesFamily, string, string), SetElementList> elements = all.OfType<SetElementList>().ToLookup(list => (list.Family, list.Table, list.Set));
        foreach (IGrouping<(NftablesFamily, string), NftablesEntity> table in all.Where(entity => entity is NftablesSet or Rule).GroupBy(Place))
        {
            foreach (NftablesSet set in table.OfType<NftablesSet>())
            {
                text.Append(set.Family.ToText()).Append(' ').Append(set.Table).Append(" @").Append(set.Name).Append('\n');
                foreach (SetElement element in elements[(set.Family, set.Table, set.Name)].SelectMany(list => list.Elements ?? []))
                {
                    text.Append('\t');
                    Append(text, element);
                    text.Append('\n');
                }
            }

            foreach (Rule rule in table.OfType<Rule>())
            {
                Append(text, rule);
                text.Append('\n');
            }
        }

        return text.ToString();

        static (NftablesFamily Family, string Table) Place(NftablesEntity entity) =>
            entity is Rule rule ? (rule.Family, rule.Table) : (entity.Family, ((NftablesSet)entity).Table);
    }

    /// <summary>What a batch adds, in its order: sets, elements and rules, each on lines of its own; other objects have no bytecode.</summary>
    public static string Of(IEnumerable<NftablesEntity> batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var text = new StringBuilder();
        foreach (NftablesEntity entity in batch)
        {
            switch (entity)
            {
                case Rule rule:
                    Append(text, rule);
                    break;
                case NftablesSet set:
                    Append(text, set);
                    break;
                case SetElementList elements:
                    Append(text, elements);
                    break;
                default:
                    continue;
            }

            text.Append('\n');
        }

        return text.ToString();
    }
}
