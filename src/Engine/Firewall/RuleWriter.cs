using System.Net;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// Writes the expressions of one rule in the order in which nft writes them, so that <c>nft list ruleset</c> shows the rule as a person would have typed it.
/// A key of several parts is loaded part by part into neighbouring registers.
/// </summary>
internal sealed class RuleWriter
{
    private const uint Accepted = 0;
    private readonly List<Expression> _expressions = [];
    private int _slot;

    /// <summary>The next part goes into the first register again.</summary>
    public RuleWriter Fresh()
    {
        _slot = 0;
        return this;
    }

    /// <summary>Loads the interface a packet came in by.</summary>
    public RuleWriter LoadInputInterface() => Add(r => new MetaExpression { DestinationRegister = r, Key = MetaKey.InputInterfaceName }, 16);

    /// <summary>Loads the upper protocol's number.</summary>
    public RuleWriter LoadProtocol() => Add(r => new MetaExpression { DestinationRegister = r, Key = MetaKey.Layer4Protocol }, 1);

    /// <summary>Loads the IPv4 source, masked.</summary>
    public RuleWriter LoadSource(uint mask = uint.MaxValue) => LoadNetwork(12, mask);

    /// <summary>Loads the IPv4 destination, masked.</summary>
    public RuleWriter LoadDestination(uint mask = uint.MaxValue) => LoadNetwork(16, mask);

    /// <summary>Loads the destination port, masked to its leading bits.</summary>
    public RuleWriter LoadDestinationPort(int bits = 16)
    {
        uint register = Register(_slot);
        Payload(PayloadBase.TransportHeader, 2, 2);
        return bits == 16 ? this : Mask(register, OctetString.FromUInt16BigEndian((ushort)(0xffff << (16 - bits))), 2);
    }

    /// <summary>Loads bytes of a header.</summary>
    public RuleWriter Payload(PayloadBase @base, uint offset, int length) =>
        Add(r => new PayloadExpression { DestinationRegister = r, Base = @base, Offset = offset, Length = (uint)length }, length);

    /// <summary>Goes on only where the register loaded last equals a value.</summary>
    public RuleWriter Equal(OctetString value, bool not = false)
    {
        _expressions.Add(new CompareExpression { SourceRegister = 1, Operator = not ? CompareOperator.NotEqual : CompareOperator.Equal, Value = value });
        return Fresh();
    }

    /// <summary>Goes on only for one upper protocol.</summary>
    public RuleWriter Protocol(byte protocol) => Fresh().LoadProtocol().Equal(new byte[] { protocol });

    /// <summary>Goes on only for one destination port of an upper protocol.</summary>
    public RuleWriter DestinationPort(byte protocol, ushort port) => Protocol(protocol).LoadDestinationPort().Equal(OctetString.FromUInt16BigEndian(port));

    /// <summary>Goes on only for one source port of an upper protocol.</summary>
    public RuleWriter SourcePort(byte protocol, ushort port) =>
        Protocol(protocol).Payload(PayloadBase.TransportHeader, 0, 2).Equal(OctetString.FromUInt16BigEndian(port));

    /// <summary>Goes on only for one ethernet type.</summary>
    public RuleWriter EtherType(ushort type) => Fresh().Payload(PayloadBase.LinkLayerHeader, 12, 2).Equal(OctetString.FromUInt16BigEndian(type));

    /// <summary>Goes on only where the destination lies in a network, or outside it.</summary>
    public RuleWriter Destination(Ipv4Network network, bool not = false) => Fresh().LoadDestination(network.Mask).Equal(ElementKeys.Address(network.Address), not);

    /// <summary>Goes on only where the source lies in a network.</summary>
    public RuleWriter Source(Ipv4Network network) => Fresh().LoadSource(network.Mask).Equal(ElementKeys.Address(network.Address));

    /// <summary>Goes on only in some states of the flow (1 invalid, 2 established, 4 related, 8 new).</summary>
    public RuleWriter FlowState(uint states) => FlowBits(ConntrackKey.State, states);

    /// <summary>Goes on only where the flow's destination was rewritten.</summary>
    public RuleWriter Rewritten()
    {
        const uint DestinationRewritten = 1 << 5;
        return FlowBits(ConntrackKey.Status, DestinationRewritten);
    }

    /// <summary>Goes on only where the loaded key is in a set, or is not.</summary>
    public RuleWriter In(string set, bool not = false)
    {
        _expressions.Add(new LookupExpression { SetName = set, SourceRegister = 1, Flags = not ? 1u : 0u });
        return Fresh();
    }

    /// <summary>Puts what a map leads to into the first register; goes on only where the loaded key is in it.</summary>
    public RuleWriter Map(string map)
    {
        _expressions.Add(new LookupExpression { SetName = map, SourceRegister = 1, DestinationRegister = 1, Flags = 0 });
        return Fresh();
    }

    /// <summary>Rewrites source or destination to the address in the first register.</summary>
    public RuleWriter Rewrite(NatKind kind)
    {
        _expressions.Add(new NatExpression { Kind = kind, Family = Nfproto.Ipv4, AddressRegister = 1, LastAddressRegister = 1, Flags = NatFlags.MapAddresses });
        return this;
    }

    /// <summary>Rewrites the destination to a fixed address and port.</summary>
    public RuleWriter RewriteDestination(IPEndPoint target)
    {
        _expressions.Add(new ImmediateExpression { DestinationRegister = 1, Value = target.Address.GetAddressBytes() });
        _expressions.Add(new ImmediateExpression { DestinationRegister = 2, Value = OctetString.FromUInt16BigEndian((ushort)target.Port) });
        _expressions.Add(new NatExpression
        {
            Kind = NatKind.Destination,
            Family = Nfproto.Ipv4,
            AddressRegister = 1,
            LastAddressRegister = 1,
            PortRegister = 2,
            LastPortRegister = 2,
            Flags = NatFlags.MapAddresses | NatFlags.ProtocolSpecified,
        });
        return this;
    }

    /// <summary>Rewrites the source to the outgoing interface's address.</summary>
    public RuleWriter Masquerade()
    {
        _expressions.Add(new MasqueradeExpression());
        return this;
    }

    /// <summary>Counts what came so far.</summary>
    public RuleWriter Count()
    {
        _expressions.Add(new CounterExpression { Bytes = Accepted, Packets = Accepted });
        return this;
    }

    /// <summary>Ends with a verdict.</summary>
    public RuleWriter Verdict(Verdict verdict)
    {
        _expressions.Add(new ImmediateExpression { DestinationRegister = 0, Verdict = verdict });
        return this;
    }

    /// <summary>Lets the packet on.</summary>
    public RuleWriter Accept() => Verdict(Netfilter.Nftables.Verdict.Accept);

    /// <summary>Ends the packet.</summary>
    public RuleWriter Drop() => Verdict(Netfilter.Nftables.Verdict.Drop);

    /// <summary>The rule.</summary>
    public Rule ToRule(NftablesFamily family, string table, string chain, string comment) =>
        Rule.Of(family, table, chain, ValueList.Create<Expression>(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_expressions)), comment);

    private RuleWriter LoadNetwork(uint offset, uint mask)
    {
        uint register = Register(_slot);
        Payload(PayloadBase.NetworkHeader, offset, 4);
        return mask == uint.MaxValue ? this : Mask(register, OctetString.FromUInt32BigEndian(mask), 4);
    }

    private RuleWriter FlowBits(ConntrackKey key, uint bits)
    {
        Fresh();
        _expressions.Add(new ConntrackExpression { DestinationRegister = 1, Key = key });
        Mask(1, OctetString.FromUInt32(bits), 4);
        return Equal(new byte[4], not: true);
    }

    private RuleWriter Mask(uint register, OctetString mask, int length)
    {
        _expressions.Add(new BitwiseExpression
        {
            SourceRegister = register,
            DestinationRegister = register,
            Length = (uint)length,
            Mask = mask,
            Xor = new byte[length],
            Operation = BitwiseOperation.MaskAndXor,
        });
        return this;
    }

    private RuleWriter Add(Func<uint, Expression> make, int length)
    {
        _expressions.Add(make(Register(_slot)));
        _slot += (length + 3) / 4;
        return this;
    }

    // The kernel counts registers of four bytes; every fourth also has the old name of a sixteen-byte one, which it prefers.
    private static uint Register(int slot) => slot % 4 == 0 ? 1u + (uint)(slot / 4) : 8u + (uint)slot;
}

/// <summary>Protocol families as nf_tables numbers them.</summary>
internal static class Nfproto
{
    public const uint Ipv4 = 2;
}
