using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// Builds a rule's expressions from header fields by nft's names for them ("tcp dport", "ip saddr", "ether type") and puts in front the matches that
/// nft would put there: that the packet is IPv4, that it is TCP. What is added by hand comes out as it is.
/// </summary>
/// <example><code>
/// ValueList&lt;Expression&gt; rule = new RuleBuilder(NftablesFamily.Inet)
///     .Match("ip saddr", Expr.Address(IPAddress.Parse("10.1.0.0")), prefix: 16)
///     .Match("tcp dport", Expr.Port(22))
///     .Add(Expr.Counter())
///     .Accept();
/// </code></example>
public sealed class RuleBuilder(NftablesFamily family)
{
    private readonly List<Expression> _expressions = [];
    private HeaderProtocol? _network = family switch { NftablesFamily.Ip => Headers.Ip, NftablesFamily.Ip6 => Headers.Ip6, NftablesFamily.Arp => Headers.Arp, _ => null };
    private HeaderProtocol? _transport;

    /// <summary>Goes on where a header field compares with a value (network byte order, as long as the field).</summary>
    /// <param name="field">Protocol and field as nft names them.</param>
    /// <param name="value">The value.</param>
    /// <param name="operator">How it is compared.</param>
    /// <param name="prefix">Compare only so many bits from the front; the rest of the value must be zero.</param>
    /// <exception cref="ArgumentException">There is no such field, it is only a part of a byte, or the value's length is not the field's.</exception>
    /// <exception cref="InvalidOperationException">The field's protocol cannot follow those matched before.</exception>
    public RuleBuilder Match(string field, OctetString value, CompareOperator @operator = CompareOperator.Equal, int? prefix = null)
    {
        HeaderField header = Load(field);
        if (value.Length * 8 != header.Bits)
        {
            throw new ArgumentException($"'{field}' has {header.Bits / 8} bytes; the value has {value.Length}.", nameof(value));
        }

        if (prefix is not { } length || length == header.Bits)
        {
            return Add(Expr.Compare(@operator, value));
        }

        OctetString mask = Expr.PrefixMask(length, value.Length);
        return Add(Expr.Mask(mask)).Add(Expr.Compare(@operator, value));
    }

    /// <summary>Goes on where a header field lies in a range, both ends included; outside of it where <paramref name="inverted"/>.</summary>
    /// <exception cref="ArgumentException">There is no such field, or it is only a part of a byte.</exception>
    public RuleBuilder MatchRange(string field, OctetString from, OctetString to, bool inverted = false)
    {
        Load(field);
        return inverted ? Add(Expr.Range(from, to, RangeOperator.NotEqual)) : Add(Expr.Compare(CompareOperator.GreaterOrEqual, from)).Add(Expr.Compare(CompareOperator.LessOrEqual, to));
    }

    /// <summary>Goes on where a header field's value is in a set.</summary>
    /// <exception cref="ArgumentException">There is no such field, or it is only a part of a byte.</exception>
    public RuleBuilder MatchSet(string field, string set, bool inverted = false, uint? setId = null)
    {
        Load(field);
        return Add(Expr.Lookup(set, inverted: inverted, setId: setId));
    }

    /// <summary>Goes on where a key of the packet's meta data equals a value, in the key's own byte order.</summary>
    public RuleBuilder Match(MetaKey key, OctetString value, CompareOperator @operator = CompareOperator.Equal) => Add(Expr.Meta(key)).Add(Expr.Compare(@operator, value));

    /// <summary>Goes on where a connection is in one of these states (bits: 1 invalid, 2 established, 4 related, 8 new, 64 untracked).</summary>
    public RuleBuilder MatchState(uint states) => Add(Expr.Conntrack(ConntrackKey.State))
        .Add(Expr.Mask(OctetString.FromUInt32(states)) with { Operation = null })
        .Add(Expr.NotEqual(OctetString.FromUInt32(0)));

    /// <summary>Adds an expression as it is.</summary>
    public RuleBuilder Add(Expression expression)
    {
        _expressions.Add(expression);
        return this;
    }

    /// <summary>Ends the rule by letting the packet go on.</summary>
    public ValueList<Expression> Accept() => End(Verdict.Accept);

    /// <summary>Ends the rule by dropping the packet.</summary>
    public ValueList<Expression> Drop() => End(Verdict.Drop);

    /// <summary>Ends the rule with a verdict.</summary>
    public ValueList<Expression> End(Verdict verdict) => Add(Expr.Verdict(verdict)).Build();

    /// <summary>The expressions so far.</summary>
    public ValueList<Expression> Build() => [.. _expressions];

    private HeaderField Load(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        (HeaderProtocol protocol, HeaderField header) = Find(field) ?? throw new ArgumentException($"There is no header field '{field}'.", nameof(field));
        if (header.Offset % 8 != 0 || header.Bits % 8 != 0)
        {
            throw new ArgumentException($"'{field}' is only a part of a byte: load and mask it with Expr.", nameof(field));
        }

        Require(protocol, field);
        PayloadBase @base = protocol.Base switch { HeaderBase.Link => PayloadBase.LinkLayerHeader, HeaderBase.Network => PayloadBase.NetworkHeader, _ => PayloadBase.TransportHeader };
        Add(Expr.Payload(@base, (uint)header.Offset / 8, (uint)header.Bits / 8));
        return header;
    }

    private static (HeaderProtocol Protocol, HeaderField Field)? Find(string field)
    {
        for (uint id = 1; Headers.ById(id) is { } protocol; id++)
        {
            foreach (HeaderField? candidate in protocol.Fields)
            {
                if (candidate is not null && field == $"{protocol.Name} {candidate.Name}")
                {
                    return (protocol, candidate);
                }
            }
        }

        return null;
    }

    private void Require(HeaderProtocol protocol, string field)
    {
        switch (protocol.Base)
        {
            case HeaderBase.Network when _network != protocol:
                Refuse(_network, field);
                AddNetwork(protocol);
                _network = protocol;
                break;
            case HeaderBase.Transport when protocol != Headers.AnyTransport && _transport != protocol:
                Refuse(_transport, field);
                if (protocol == Headers.Icmp || protocol == Headers.Icmp6)
                {
                    HeaderProtocol needed = protocol == Headers.Icmp ? Headers.Ip : Headers.Ip6;
                    if (_network is null)
                    {
                        AddNetwork(needed);
                        _network = needed;
                    }
                }

                uint number = Headers.Layer4.Upper.First(pair => pair.Value == protocol).Key;
                Add(Expr.Meta(MetaKey.Layer4Protocol)).Add(Expr.Equal(new[] { (byte)number }));
                _transport = protocol;
                break;
            case HeaderBase.Link when protocol != Headers.Ethernet:
                throw new ArgumentException($"'{field}' lies behind a tag: load it with Expr.", nameof(field));
            case HeaderBase.Link when family is NftablesFamily.Ip or NftablesFamily.Ip6 or NftablesFamily.Inet or NftablesFamily.Netdev:
                Add(Expr.Meta(MetaKey.InputInterfaceType)).Add(Expr.Equal(BitConverter.GetBytes((ushort)1)));
                break;
        }
    }

    private static void Refuse(HeaderProtocol? known, string field)
    {
        if (known is not null)
        {
            throw new InvalidOperationException($"'{field}' cannot be matched here: the packet is {known.Name} already.");
        }
    }

    private void AddNetwork(HeaderProtocol protocol)
    {
        if (family == NftablesFamily.Inet)
        {
            Add(Expr.Meta(MetaKey.NetfilterProtocol)).Add(Expr.Equal(new[] { protocol == Headers.Ip ? Nfnetlink.NFPROTO_IPV4 : Nfnetlink.NFPROTO_IPV6 }));
            return;
        }

        uint type = Headers.Ethernet.Upper.First(pair => pair.Value == protocol).Key;
        Add(Expr.Meta(MetaKey.Protocol)).Add(Expr.Equal(Expr.Port((ushort)type)));
    }
}
