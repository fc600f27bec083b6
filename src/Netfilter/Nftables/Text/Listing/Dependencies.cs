namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// Matches that nft put in by itself so that a field can be trusted (<c>meta l4proto tcp</c> in front of <c>tcp dport</c>). One is remembered for each
/// layer and taken out again when a match on a field of that layer says the same.
/// </summary>
internal sealed class Dependencies(List<Statement> statements, byte family)
{
    private readonly MatchStatement?[] _pending = new MatchStatement?[6];
    private byte _icmpType;

    /// <summary>The statement before the present one, where it may still be merged.</summary>
    public Statement? Previous { get; set; }

    public bool Exists(HeaderBase @base) => Slot(@base) is not null;

    public BinaryNode? Get(HeaderBase @base) => Slot(@base) is { } index ? _pending[index]!.Node as BinaryNode : null;

    public void Store(MatchStatement statement, HeaderBase @base)
    {
        if (!NotesEcho(statement))
        {
            _pending[(int)@base + 1] = statement;
        }
    }

    public void Release(HeaderBase @base)
    {
        if (Slot(@base) is { } index)
        {
            MatchStatement statement = _pending[index]!;
            statements.Remove(statement);
            if (Previous == statement)
            {
                Previous = null;
            }

            _pending[index] = null;
        }
    }

    /// <summary>Forgets them all; they stay in the rule.</summary>
    public void Reset()
    {
        Array.Clear(_pending);
        Previous = null;
    }

    /// <summary>Takes out the match that a field makes redundant.</summary>
    public void Kill(PayloadNode payload)
    {
        if (payload.Protocol is not null && Exists(payload.Base) && MayKill(payload, Get(payload.Base)!))
        {
            Release(payload.Base);
        }
    }

    /// <summary>Takes out the match that an option or extension header makes redundant.</summary>
    public void Kill(OptionNode option)
    {
        switch (option.Kind)
        {
            case Expressions.ExtensionHeaderKind.TcpOption:
                Release(HeaderBase.Transport);
                break;
            case Expressions.ExtensionHeaderKind.Ip6 or Expressions.ExtensionHeaderKind.Ip4Option:
                Release(HeaderBase.Network);
                break;
        }
    }

    private int? Slot(HeaderBase @base)
    {
        if (_pending[(int)@base] is not null)
        {
            return (int)@base;
        }

        return @base == HeaderBase.Transport && _pending[(int)HeaderBase.Inner] is not null ? (int)HeaderBase.Inner : null;
    }

    /// <summary>A match on the type of an echo is not one that nft would have put in alone.</summary>
    private bool NotesEcho(MatchStatement statement)
    {
        if (statement.Node is not BinaryNode { Left: PayloadNode payload, Right: ValueNode { Bits: 8 } value })
        {
            return false;
        }

        byte type = (byte)(value.Value & 0xff);
        if (payload.Protocol == Headers.Icmp)
        {
            _icmpType = type == 0 ? (byte)IcmpDependency.Echo : type;
            return _icmpType == (byte)IcmpDependency.Echo;
        }

        if (payload.Protocol == Headers.Icmp6)
        {
            _icmpType = type;
            return type is (byte)IcmpDependency.Echo6 or 129;
        }

        return false;
    }

    private bool MayKill(PayloadNode payload, BinaryNode dependency)
    {
        var known = dependency.Left as PayloadNode;
        if (family is Nfnetlink.NFPROTO_BRIDGE or Nfnetlink.NFPROTO_NETDEV or Nfnetlink.NFPROTO_INET && known is not null)
        {
            // ip protocol and ip6 nexthdr also say which IP it is; that must stay in families that see both.
            if (known.Base == HeaderBase.Network && (known.Protocol == Headers.Ip || known.Protocol == Headers.Ip6) && payload.Base == HeaderBase.Transport)
            {
                return false;
            }

            if (dependency.Operator == Operator.Equal && payload.Base == known.Base)
            {
                if (payload.IsProtocol)
                {
                    return false;
                }

                if (payload.Base == HeaderBase.Link)
                {
                    // vlan type is never put in by itself; ether type only says vlan in front of a vlan field.
                    return known.Protocol != Headers.Vlan
                        && (known.Protocol != Headers.Ethernet || dependency.Right is not ValueNode { Bits: 16 } value || value.Value == 0x8100);
                }
            }
        }

        if (payload.Base != HeaderBase.Transport || known is null || known.Base != HeaderBase.Transport)
        {
            return true;
        }

        if (known.Protocol == Headers.Icmp || known.Protocol == Headers.Icmp6)
        {
            IcmpDependency needed = payload.Field?.Dependency ?? IcmpDependency.Any;
            return needed != IcmpDependency.Any && known.Protocol == payload.Protocol && _icmpType == (byte)needed;
        }

        return true;
    }
}
