using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Rules.</summary>
internal sealed partial class NftablesSubsystem
{
    /// <summary>NFT_RULE_MAXEXPRS.</summary>
    private const int MaximumExpressions = 128;

    private static readonly AttributePolicy RulePolicy = new(
        NFTA_RULE_CHAIN_ID,
        (NFTA_RULE_TABLE, AttributePolicy.ObjectName),
        (NFTA_RULE_CHAIN, AttributePolicy.ObjectName),
        (NFTA_RULE_HANDLE, AttributePolicy.U64),
        (NFTA_RULE_EXPRESSIONS, AttributePolicy.Nested),
        (NFTA_RULE_COMPAT, AttributePolicy.Nested),
        (NFTA_RULE_POSITION, AttributePolicy.U64),
        (NFTA_RULE_USERDATA, AttributePolicy.UserData),
        (NFTA_RULE_ID, AttributePolicy.U32),
        (NFTA_RULE_POSITION_ID, AttributePolicy.U32),
        (NFTA_RULE_CHAIN_ID, AttributePolicy.U32));

    private LinuxError NewRule(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_RULE_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_RULE_TABLE], error);
        }

        Chain? chain;
        if (attributes[NFTA_RULE_CHAIN] is { Exists: true } chainName)
        {
            chain = table.Chains.Find(chainName.Name);
            if (chain is null)
            {
                return context.Blame(chainName, LinuxError.ENOENT);
            }
        }
        else if (attributes[NFTA_RULE_CHAIN_ID] is { Exists: true } chainId)
        {
            chain = FindChainById(table, chainId.UInt32BigEndian);
            if (chain is null)
            {
                return context.Blame(chainId, LinuxError.ENOENT);
            }
        }
        else
        {
            return LinuxError.EINVAL;
        }

        if (chain.IsBound)
        {
            return LinuxError.EOPNOTSUPP;
        }

        Rule? old = null;
        ulong handle;
        bool replaces = false;
        if (attributes[NFTA_RULE_HANDLE] is { Exists: true } handleAttribute)
        {
            handle = handleAttribute.UInt64BigEndian;
            old = chain.FindRule(handle);
            if (old is null)
            {
                return context.Blame(handleAttribute, LinuxError.ENOENT);
            }

            if (context.Has(NetlinkMessageFlags.Exclusive))
            {
                return context.Blame(handleAttribute, LinuxError.EEXIST);
            }

            if (!context.Has(NetlinkMessageFlags.Replace))
            {
                return LinuxError.EOPNOTSUPP;
            }

            replaces = true;
        }
        else
        {
            if (!context.Has(NetlinkMessageFlags.Create) || context.Has(NetlinkMessageFlags.Replace))
            {
                return LinuxError.EINVAL;
            }

            handle = table.AllocateHandle();
            if (attributes[NFTA_RULE_POSITION] is { Exists: true } position)
            {
                old = chain.FindRule(position.UInt64BigEndian);
                if (old is null)
                {
                    return context.Blame(position, LinuxError.ENOENT);
                }
            }
            else if (attributes[NFTA_RULE_POSITION_ID] is { Exists: true } positionId)
            {
                old = FindRuleById(chain, positionId.UInt32BigEndian);
                if (old is null)
                {
                    return context.Blame(positionId, LinuxError.ENOENT);
                }
            }
        }

        context = context.With(table, chain);
        error = ParseExpressions(context, attributes[NFTA_RULE_EXPRESSIONS], out List<(KernelAttribute Attribute, Expression Expression, ParsedAttributes Table)> parsed);
        if (error != LinuxError.None)
        {
            return error;
        }

        var expressions = new Expression[parsed.Count];
        for (int i = 0; i < parsed.Count; i++)
        {
            error = parsed[i].Expression.Init(context, parsed[i].Table);
            if (error != LinuxError.None)
            {
                for (int undo = i - 1; undo >= 0; undo--)
                {
                    expressions[undo].Deactivate(context, DeactivatePhase.Error);
                }

                return context.Blame(parsed[i].Attribute, error);
            }

            expressions[i] = parsed[i].Expression;
            _transaction.NeedsValidation |= expressions[i].NeedsValidation;
        }

        if ((chain.Flags & NFT_CHAIN_HW_OFFLOAD) != 0 && !CanBeOffloaded(expressions))
        {
            for (int undo = expressions.Length - 1; undo >= 0; undo--)
            {
                expressions[undo].Deactivate(context, DeactivatePhase.Error);
            }

            return LinuxError.EOPNOTSUPP;
        }

        _transaction.Touch(table);
        _transaction.TouchedChains.Add(chain);
        var rule = new Rule(handle, expressions, UserData(attributes[NFTA_RULE_USERDATA]));
        if (replaces)
        {
            error = old!.IsDeleted ? LinuxError.ENOENT : LinuxError.None;
            if (error != LinuxError.None)
            {
                for (int undo = expressions.Length - 1; undo >= 0; undo--)
                {
                    expressions[undo].Deactivate(context, DeactivatePhase.Error);
                }

                return error;
            }

            DeleteRuleStep(context, old);
            chain.Rules.AddBefore(chain.Rules.Find(old)!, rule);
        }
        else if (context.Has(NetlinkMessageFlags.Append))
        {
            _ = old is null ? chain.Rules.AddLast(rule) : chain.Rules.AddAfter(chain.Rules.Find(old)!, rule);
        }
        else
        {
            _ = old is null ? chain.Rules.AddFirst(rule) : chain.Rules.AddBefore(chain.Rules.Find(old)!, rule);
        }

        chain.Use++;
        if (attributes[NFTA_RULE_ID] is { Exists: true } id)
        {
            _transaction.RuleIds.Add((id.UInt32BigEndian, chain, rule));
        }

        _transaction.Add(
            () =>
            {
                rule.IsDeleted = true;
                chain.Rules.Remove(rule);
                chain.Use--;
                for (int undo = expressions.Length - 1; undo >= 0; undo--)
                {
                    expressions[undo].Deactivate(context, DeactivatePhase.Abort);
                }
            },
            () => NotifyRule(context, rule, NFT_MSG_NEWRULE));
        return LinuxError.None;
    }

    private Rule? FindRuleById(Chain chain, uint id)
    {
        foreach ((uint known, Chain owner, Rule rule) in _transaction.RuleIds)
        {
            if (known == id && owner == chain && !rule.IsDeleted)
            {
                return rule;
            }
        }

        return null;
    }

    // Hardware is told verdicts and nothing else here. A real driver takes some matches too; the simulated devices have no such driver, so only chains without
    // devices come this far.
    private static bool CanBeOffloaded(Expression[] expressions) =>
        Array.Exists(expressions, static expression => expression is ImmediateExpression { Verdict: not null })
        && Array.TrueForAll(expressions, static expression => expression is CounterExpression or ImmediateExpression { Verdict: null or { Code: NF_ACCEPT or NF_DROP } });

    private static LinuxError ParseExpressions(NftContext context, KernelAttribute list, out List<(KernelAttribute, Expression, ParsedAttributes)> parsed)
    {
        parsed = [];
        if (!list.Exists)
        {
            return LinuxError.None;
        }

        foreach (KernelAttribute attribute in list.Children())
        {
            if (attribute.Type != NFTA_LIST_ELEM || parsed.Count == MaximumExpressions)
            {
                return LinuxError.EINVAL;
            }

            LinuxError error = ExpressionRegistry.Parse(context, attribute, out Expression? expression, out ParsedAttributes table);
            if (error != LinuxError.None)
            {
                return context.Blame(attribute, error);
            }

            parsed.Add((attribute, expression!, table));
        }

        return LinuxError.None;
    }

    private LinuxError DeleteRule(NftContext context)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_RULE_TABLE], out Table table);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_RULE_TABLE], error);
        }

        bool destroys = context.Verb == NFT_MSG_DESTROYRULE;
        if (attributes[NFTA_RULE_CHAIN] is not { Exists: true } chainName)
        {
            foreach (Chain each in table.Chains.Active)
            {
                if (!each.IsBinding)
                {
                    DeleteRules(context.With(table, each));
                }
            }

            return LinuxError.None;
        }

        if (table.Chains.Find(chainName.Name) is not { } chain)
        {
            return destroys ? LinuxError.None : context.Blame(chainName, LinuxError.ENOENT);
        }

        if (chain.IsBinding)
        {
            return LinuxError.EOPNOTSUPP;
        }

        context = context.With(table, chain);
        Rule? rule;
        if (attributes[NFTA_RULE_HANDLE] is { Exists: true } handle)
        {
            rule = chain.FindRule(handle.UInt64BigEndian);
            if (rule is null)
            {
                return destroys ? LinuxError.None : context.Blame(handle, LinuxError.ENOENT);
            }
        }
        else if (attributes[NFTA_RULE_ID] is { Exists: true } id)
        {
            rule = FindRuleById(chain, id.UInt32BigEndian);
            if (rule is null)
            {
                return context.Blame(id, LinuxError.ENOENT);
            }
        }
        else
        {
            DeleteRules(context);
            return LinuxError.None;
        }

        if (rule.IsDeleted)
        {
            return LinuxError.ENOENT;
        }

        DeleteRuleStep(context, rule);
        return LinuxError.None;
    }

    private void DeleteRules(NftContext context)
    {
        foreach (Rule rule in context.Chain!.ActiveRules)
        {
            DeleteRuleStep(context, rule);
        }
    }

    private void DeleteRuleStep(NftContext context, Rule rule)
    {
        Chain chain = context.Chain!;
        rule.IsDeleted = true;
        chain.Use--;
        foreach (Expression expression in rule.Expressions)
        {
            expression.Deactivate(context, DeactivatePhase.Prepare);
        }

        _transaction.TouchedChains.Add(chain);
        _transaction.Add(
            () =>
            {
                foreach (Expression expression in rule.Expressions)
                {
                    expression.Activate(context);
                }

                chain.Use++;
                rule.IsDeleted = false;
            },
            () =>
            {
                chain.Rules.Remove(rule);
                NotifyRule(context, rule, NFT_MSG_DELRULE);
                foreach (Expression expression in rule.Expressions)
                {
                    expression.Deactivate(context, DeactivatePhase.Commit);
                }
            });
    }

    private LinuxError GetRule(NftContext context, bool reset)
    {
        ParsedAttributes attributes = context.Attributes;
        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            return Dump(context, NFT_MSG_NEWRULE, NetlinkMessageFlags.Append, RulesToDump(context, reset));
        }

        LinuxError error = FindTable(context, attributes[NFTA_RULE_TABLE], out Table table, anyOwner: !reset);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_RULE_TABLE], error);
        }

        KernelAttribute chainName = attributes[NFTA_RULE_CHAIN], handle = attributes[NFTA_RULE_HANDLE];
        if (!chainName.Exists)
        {
            return context.Blame(chainName, LinuxError.EINVAL);
        }

        if (table.Chains.Find(chainName.Name) is not { } chain)
        {
            return context.Blame(chainName, LinuxError.ENOENT);
        }

        if (!handle.Exists)
        {
            return LinuxError.EINVAL;
        }

        return chain.FindRule(handle.UInt64BigEndian) is { } rule
            ? Reply(context, NFT_MSG_NEWRULE, table.Family, (ref NetlinkWriter writer) => FillRule(ref writer, chain, rule, 0, reset))
            : context.Blame(handle, LinuxError.ENOENT);
    }

    private IEnumerable<(byte, NftMessage.Filler)> RulesToDump(NftContext context, bool reset)
    {
        string? tableName = context.Attributes[NFTA_RULE_TABLE] is { Exists: true } t ? t.Name : null;
        string? chainName = context.Attributes[NFTA_RULE_CHAIN] is { Exists: true } c ? c.Name : null;
        foreach (Table table in Tables)
        {
            if (context.Family != NFPROTO_UNSPEC && table.Family != context.Family || tableName is not null && table.Name != tableName)
            {
                continue;
            }

            foreach (Chain chain in table.Chains.Active)
            {
                if (tableName is not null && chainName is not null && chain.Name != chainName)
                {
                    continue;
                }

                ulong previous = 0;
                foreach (Rule rule in chain.ActiveRules)
                {
                    ulong position = previous;
                    yield return (table.Family, (ref NetlinkWriter writer) => FillRule(ref writer, chain, rule, position, reset));
                    previous = rule.Handle;
                }
            }
        }
    }

    private void NotifyRule(NftContext context, Rule rule, int verb)
    {
        Chain chain = context.Chain!;

        // A rule between others tells behind which it stands; the last one need not.
        ulong position = verb == NFT_MSG_NEWRULE && chain.Rules.Find(rule) is { Previous: { } before, Next: not null } ? before.Value.Handle : 0;

        NetlinkMessageFlags flags = (context.Flags & (NetlinkMessageFlags.Append | NetlinkMessageFlags.Replace)) != 0 ? NetlinkMessageFlags.Append : 0;
        Notify(context, verb, chain.Table.Family, flags, (ref NetlinkWriter writer) => FillRule(ref writer, chain, rule, position, reset: false));
    }

    private static void FillRule(ref NetlinkWriter writer, Chain chain, Rule rule, ulong position, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_RULE_TABLE, chain.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_RULE_CHAIN, chain.Name);
        writer.WriteUInt64BigEndian(NFTA_RULE_HANDLE, rule.Handle);
        if (position != 0)
        {
            writer.WriteUInt64BigEndian(NFTA_RULE_POSITION, position);
        }

        WireMark list = writer.BeginAttribute(NFTA_RULE_EXPRESSIONS);
        foreach (Expression expression in rule.Expressions)
        {
            expression.Write(ref writer, NFTA_LIST_ELEM, reset);
        }

        writer.EndAttribute(list);
        if (rule.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_RULE_USERDATA, userData);
        }
    }
}
