namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Which protocol's header lies at each layer, as far as the matches before say it.</summary>
internal sealed class ProtocolContext
{
    private readonly HeaderProtocol?[] _protocols = new HeaderProtocol?[5];
    private readonly List<HeaderProtocol> _stacked = [];

    public ProtocolContext(byte family)
    {
        Family = family;
        Start = Headers.Start(family);
        if (Start is not null)
        {
            _protocols[(int)Start.Base] = Start;
        }
    }

    public byte Family { get; }

    /// <summary>The header that packets of the family begin with.</summary>
    public HeaderProtocol? Start { get; }

    /// <summary>The ICMP type that was matched, an echo reply counting as an echo; 0 for none.</summary>
    public byte IcmpType { get; set; }

    public HeaderProtocol? this[HeaderBase @base] => _protocols[(int)@base];

    public void Set(HeaderBase @base, HeaderProtocol protocol) => _protocols[(int)@base] = protocol;

    /// <summary>Takes in what a match on a protocol field says.</summary>
    public void Update(Node left, ValueNode right)
    {
        if (!left.IsProtocol)
        {
            return;
        }

        uint number = (uint)(right.Value & uint.MaxValue);
        switch (left)
        {
            case PayloadNode payload:
                UpdateFromPayload(payload, number);
                break;
            case MetaNode meta:
                UpdateFromMeta(meta, number);
                break;
            case ConntrackNode conntrack:
                if (this[conntrack.Base]?.Find(number) is { } upper)
                {
                    Set(conntrack.Base + 1, upper);
                }

                break;
        }
    }

    /// <summary>The protocol that a link layer field belongs to, and the bits of headers in front of it.</summary>
    public (HeaderProtocol Protocol, int Skip) Stacked(HeaderProtocol top, HeaderBase @base, int offset)
    {
        if (@base != HeaderBase.Link || offset < top.Length)
        {
            return (top, 0);
        }

        int skip = 0;
        foreach (HeaderProtocol stacked in _stacked)
        {
            if (offset - skip < stacked.Length)
            {
                return (stacked, skip);
            }

            skip += stacked.Length;
        }

        return (top, skip);
    }

    private void UpdateFromPayload(PayloadNode payload, uint number)
    {
        HeaderProtocol? lower = this[payload.Base];
        if (lower?.Find(number) is not { } upper)
        {
            if (lower == Headers.Icmp)
            {
                IcmpType = number == 0 ? (byte)IcmpDependency.Echo : (byte)number;
            }
            else if (lower == Headers.Icmp6)
            {
                IcmpType = number == 129 ? (byte)IcmpDependency.Echo6 : (byte)number;
            }

            return;
        }

        if (upper.Base == lower.Base && upper.Base == HeaderBase.Link)
        {
            _stacked.Add(lower);
        }

        Set(upper.Base, upper);
    }

    private void UpdateFromMeta(MetaNode meta, uint number)
    {
        switch (meta.Key)
        {
            case Expressions.MetaKey.InputInterfaceType:
                if (Start is null || Start.Base >= HeaderBase.Network || Family is Nfnetlink.NFPROTO_INET or Nfnetlink.NFPROTO_NETDEV)
                {
                    Set(HeaderBase.Link, number == 1 ? Headers.Ethernet : Headers.Unknown);
                }

                break;
            case Expressions.MetaKey.NetfilterProtocol:
                HeaderProtocol? network = Start?.Find(number) ?? (number == Family && Start is { Base: HeaderBase.Network } ? Start : null);
                Set(HeaderBase.Network, network ?? Headers.Unknown);
                break;
            case Expressions.MetaKey.Layer4Protocol:
                Set(HeaderBase.Transport, Headers.Layer4.Find(number) ?? Headers.Unknown);
                break;
            case Expressions.MetaKey.Protocol when Family is Nfnetlink.NFPROTO_NETDEV or Nfnetlink.NFPROTO_BRIDGE:
                Set(HeaderBase.Network, Start?.Find(number) ?? Headers.Unknown);
                break;
        }
    }
}
