using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>dynset: adds, refreshes or deletes an element of a set as packets come.</summary>
internal sealed class DynamicSetExpression : Expression
{
    private Set _set = null!;
    private SetBinding _binding = null!;
    private int _key, _data = -1;
    private uint _operation;
    private ulong _timeout;
    private bool _inverts;
    private Expression[] _expressions = [];

    public static ExpressionType Type { get; } = ExpressionType.Of<DynamicSetExpression>(new AttributePolicy(
        NFTA_DYNSET_EXPRESSIONS,
        (NFTA_DYNSET_SET_NAME, AttributePolicy.ObjectName),
        (NFTA_DYNSET_SET_ID, AttributePolicy.U32),
        (NFTA_DYNSET_OP, AttributePolicy.U32ByteSized),
        (NFTA_DYNSET_SREG_KEY, AttributePolicy.U32),
        (NFTA_DYNSET_SREG_DATA, AttributePolicy.U32),
        (NFTA_DYNSET_TIMEOUT, AttributePolicy.U64),
        (NFTA_DYNSET_EXPR, AttributePolicy.Nested),
        (NFTA_DYNSET_FLAGS, AttributePolicy.U32),
        (NFTA_DYNSET_EXPRESSIONS, AttributePolicy.Nested)));

    /// <inheritdoc />
    public override string Name => "dynset";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_DYNSET_SET_NAME) || !table.Has(NFTA_DYNSET_OP) || !table.Has(NFTA_DYNSET_SREG_KEY))
        {
            return LinuxError.EINVAL;
        }

        uint flags = table.Has(NFTA_DYNSET_FLAGS) ? table[NFTA_DYNSET_FLAGS].UInt32BigEndian : 0;
        if ((flags & ~(NFT_DYNSET_F_INV | NFT_DYNSET_F_EXPR)) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        _inverts = (flags & NFT_DYNSET_F_INV) != 0;
        if (context.Subsystem.FindSet(context.Table!, table[NFTA_DYNSET_SET_NAME], table[NFTA_DYNSET_SET_ID]) is not { } set)
        {
            return LinuxError.ENOENT;
        }

        _set = set;
        if ((set.Flags & NFT_SET_OBJECT) != 0 || set.Store is not Sets.HashStore { CanUpdate: true })
        {
            return LinuxError.EOPNOTSUPP;
        }

        if ((set.Flags & NFT_SET_CONSTANT) != 0)
        {
            return LinuxError.EBUSY;
        }

        _operation = table[NFTA_DYNSET_OP].UInt32BigEndian;
        if (_operation > NFT_DYNSET_OP_DELETE)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (table.Has(NFTA_DYNSET_TIMEOUT))
        {
            if (!set.HasTimeouts)
            {
                return LinuxError.EOPNOTSUPP;
            }

            _timeout = table[NFTA_DYNSET_TIMEOUT].UInt64BigEndian;
        }

        LinuxError error = Registers.ParseLoad(context, table[NFTA_DYNSET_SREG_KEY], set.Description.KeyLength, out _key);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (table.Has(NFTA_DYNSET_SREG_DATA))
        {
            if (!set.IsMap || set.IsVerdictMap)
            {
                return LinuxError.EOPNOTSUPP;
            }

            error = Registers.ParseLoad(context, table[NFTA_DYNSET_SREG_DATA], set.Description.DataLength, out _data);
            if (error != LinuxError.None)
            {
                return error;
            }
        }
        else if (set.IsMap)
        {
            return LinuxError.EINVAL;
        }

        error = InitExpressions(context, table, flags);
        if (error != LinuxError.None)
        {
            return error;
        }

        _binding = new SetBinding(context.Chain, 0);
        return context.Subsystem.Bind(context, set, _binding);
    }

    private LinuxError InitExpressions(NftContext context, ParsedAttributes table, uint flags)
    {
        KernelAttribute single = table[NFTA_DYNSET_EXPR], several = table[NFTA_DYNSET_EXPRESSIONS];
        if ((single.Exists || several.Exists) && (_set.Flags & NFT_SET_EVAL) == 0)
        {
            return LinuxError.EINVAL;
        }

        var list = new List<Expression>();
        if (single.Exists)
        {
            LinuxError error = ExpressionRegistry.ParseStateful(context, single, _set.Flags, out Expression? expression);
            if (error != LinuxError.None)
            {
                return error;
            }

            list.Add(expression!);
            if (_set.Expressions.Length > 1 || _set.Expressions.Length == 1 && _set.Expressions[0].Name != expression!.Name)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }
        else if (several.Exists)
        {
            if ((flags & NFT_DYNSET_F_EXPR) == 0)
            {
                return LinuxError.EINVAL;
            }

            foreach (KernelAttribute child in several.Children())
            {
                if (list.Count == 2)
                {
                    return LinuxError.E2BIG;
                }

                if (child.Type != NFTA_LIST_ELEM)
                {
                    return LinuxError.EINVAL;
                }

                LinuxError error = ExpressionRegistry.ParseStateful(context, child, _set.Flags, out Expression? expression);
                if (error != LinuxError.None)
                {
                    return error;
                }

                if (_set.Expressions.Length > 0 && (list.Count >= _set.Expressions.Length || _set.Expressions[list.Count].Name != expression!.Name))
                {
                    return LinuxError.EOPNOTSUPP;
                }

                list.Add(expression!);
            }

            if (_set.Expressions.Length > 0 && _set.Expressions.Length != list.Count)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }
        else
        {
            list.AddRange(_set.Expressions.Select(expression => expression.Clone()));
        }

        _expressions = [.. list];
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Activate(NftContext context) => NftablesSubsystem.ActivateSet(_set);

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase) => context.Subsystem.DeactivateSet(context, _set, _binding, phase);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_DYNSET_SREG_KEY, _key);
        if (_data >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_DYNSET_SREG_DATA, _data);
        }

        writer.WriteUInt32BigEndian(NFTA_DYNSET_OP, _operation);
        NftMessage.WriteName(ref writer, NFTA_DYNSET_SET_NAME, _set.Name);
        writer.WriteUInt64BigEndian(NFTA_DYNSET_TIMEOUT, _timeout);
        if (_set.Expressions.Length == 0)
        {
            if (_expressions.Length == 1)
            {
                _expressions[0].Write(ref writer, NFTA_DYNSET_EXPR, reset);
            }
            else if (_expressions.Length > 1)
            {
                WireMark list = writer.BeginAttribute(NFTA_DYNSET_EXPRESSIONS);
                foreach (Expression expression in _expressions)
                {
                    expression.Write(ref writer, NFTA_LIST_ELEM, reset);
                }

                writer.EndAttribute(list);
            }
        }

        writer.WriteUInt32BigEndian(NFTA_DYNSET_FLAGS, _inverts ? NFT_DYNSET_F_INV : 0);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        ReadOnlySpan<byte> key = evaluation.Data(_key, _set.Description.KeyLength);
        SetElement? element = _set.Store.Lookup(key, evaluation.Now);
        if (_operation == NFT_DYNSET_OP_DELETE)
        {
            // The rule goes on whether there was one or not.
            if (element is not null)
            {
                _set.Store.Remove(element);
                _set.ElementCount--;
            }

            return;
        }

        ulong timeout = _timeout != 0 ? _timeout : _set.Timeout;
        if (element is null)
        {
            DropExpired(evaluation.Now);
            if (_set.Size != 0 && _set.ElementCount >= _set.Size)
            {
                Decide(evaluation, false);
                return;
            }

            element = new SetElement(key.ToArray())
            {
                Data = _data >= 0 ? new RegisterData(evaluation.Data(_data, _set.Description.DataLength).ToArray()) : null,
                Expressions = Array.ConvertAll(_expressions, expression => expression.Clone()),
                Timeout = _set.HasTimeouts ? timeout : null,
                Expires = evaluation.Now + (long)timeout,
            };
            _set.Store.Restore(element);
            _set.ElementCount++;
        }
        else if (_operation == NFT_DYNSET_OP_UPDATE && element.Timeout is > 0)
        {
            element.Timeout = timeout;
            element.Expires = evaluation.Now + (long)timeout;
        }

        foreach (Expression expression in element.Expressions)
        {
            expression.Evaluate(evaluation);
            if (evaluation.Verdict.Code == NFT_BREAK)
            {
                return;
            }
        }

        Decide(evaluation, true);
    }

    private void Decide(Evaluation evaluation, bool succeeded)
    {
        if (succeeded == _inverts)
        {
            evaluation.Break();
        }
    }

    private void DropExpired(long now)
    {
        if (_set.Size == 0 || _set.ElementCount < _set.Size)
        {
            return;
        }

        foreach (SetElement element in _set.Store.Elements.Where(element => element.IsExpired(now)).ToArray())
        {
            _set.Store.Remove(element);
            _set.ElementCount--;
        }
    }
}
