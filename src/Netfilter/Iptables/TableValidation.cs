using EucaNet.Netfilter.Iptables.Extensions;

namespace EucaNet.Netfilter.Iptables;

/// <summary>Looks at a table as a whole: names, jumps that lead somewhere, no jumps in a circle.</summary>
internal static class TableValidation
{
    /// <summary>Throws where the kernel would refuse the table.</summary>
    /// <exception cref="IptablesParseException">A chain's name cannot be, a jump leads nowhere or in a circle.</exception>
    public static void Check(IptablesTable table)
    {
        var chains = new Dictionary<string, IptablesChain>();
        foreach (IptablesChain chain in table.Chains)
        {
            if (!chains.TryAdd(chain.Name, chain))
            {
                throw Fail($"chain '{chain.Name}' stands twice in table {table.Name}", chain.Name);
            }

            if (chain.Policy is null)
            {
                CheckName(chain.Name);
            }
        }

        foreach (IptablesChain chain in table.Chains)
        {
            foreach (ChainTarget jump in chain.Rules.Select(rule => rule.Target).OfType<ChainTarget>())
            {
                CheckJump(table, chains, chain, jump);
            }
        }

        CheckCircles(table, chains);
    }

    /// <summary>A user's chain has 1 to 28 characters, no blanks, does not begin with '-' or '!' and is no target's name.</summary>
    public static void CheckName(string name)
    {
        if (name.Length is 0 or > 28 || name.Any(char.IsWhiteSpace) || name[0] is '-' or '!')
        {
            throw Fail($"'{name}' cannot be a chain's name: 1 to 28 characters, no blanks, not '-' or '!' at the start", name);
        }

        if (name is "ACCEPT" or "DROP" or "RETURN" or "QUEUE" || XtRegistry.FindByWord(true, name, IptablesFamily.Ip) is not null
            || XtRegistry.FindByWord(true, name, IptablesFamily.Ip6) is not null)
        {
            throw Fail($"'{name}' is a target's name and cannot be a chain's", name);
        }
    }

    private static void CheckJump(IptablesTable table, Dictionary<string, IptablesChain> chains, IptablesChain chain, ChainTarget jump)
    {
        if (!chains.TryGetValue(jump.Name, out IptablesChain? target))
        {
            IEnumerable<string> known = chains.Values.Where(one => one.Policy is null).Select(one => one.Name)
                .Concat(XtRegistry.Words(true, IptablesFamily.Ip)).Concat(["ACCEPT", "DROP", "RETURN"]);
            throw Fail($"chain {chain.Name} of table {table.Name}: '{jump.Name}' is neither a chain of this table nor a known target", jump.Name,
                Text.NearestWord.Find(jump.Name, known));
        }

        if (target.Policy is not null)
        {
            throw Fail($"chain {chain.Name} of table {table.Name}: a rule cannot jump to the built-in chain {jump.Name}", jump.Name);
        }
    }

    private static void CheckCircles(IptablesTable table, Dictionary<string, IptablesChain> chains)
    {
        var done = new HashSet<string>();
        var open = new HashSet<string>();
        foreach (IptablesChain chain in table.Chains)
        {
            Visit(chain);
        }

        void Visit(IptablesChain chain)
        {
            if (done.Contains(chain.Name))
            {
                return;
            }

            if (!open.Add(chain.Name))
            {
                throw Fail($"table {table.Name}: the jumps from chain {chain.Name} lead back to it", chain.Name);
            }

            foreach (string next in chain.Rules.Select(rule => rule.Target).OfType<ChainTarget>().Select(jump => jump.Name).Distinct())
            {
                Visit(chains[next]);
            }

            open.Remove(chain.Name);
            done.Add(chain.Name);
        }
    }

    private static IptablesParseException Fail(string reason, string token, string? suggestion = null) => new(reason, 0, 1, token, suggestion);
}
