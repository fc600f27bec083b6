using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Nat;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>What nat, masq and redir share: they need a nat chain at the right hook, and a range of ports.</summary>
internal abstract class TranslationExpression : ConntrackUser
{
    /// <summary>NF_NAT_RANGE_MASK.</summary>
    protected const uint KnownFlags = 0x7f;

    protected int MinimumPortRegister { get; set; } = -1;

    protected int MaximumPortRegister { get; set; } = -1;

    protected uint Flags { get; set; }

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <summary>The hooks it can work at, a bit each.</summary>
    protected abstract uint Hooks { get; }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) =>
        validation.IsType(ChainType.Nat) && validation.IsHook(Hooks) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <summary>Reads the registers of first and last port.</summary>
    protected LinuxError InitPorts(NftContext context, ParsedAttributes table, int minimum, int maximum)
    {
        if (!table.Has(minimum))
        {
            return LinuxError.None;
        }

        LinuxError error = Registers.ParseLoad(context, table[minimum], 2, out int first);
        int last = first;
        if (error == LinuxError.None && table.Has(maximum))
        {
            error = Registers.ParseLoad(context, table[maximum], 2, out last);
        }

        MinimumPortRegister = first;
        MaximumPortRegister = last;
        return error;
    }

    protected void DumpPorts(ref NetlinkWriter writer, ushort minimum, ushort maximum)
    {
        if (MinimumPortRegister >= 0)
        {
            NftMessage.WriteRegister(ref writer, minimum, MinimumPortRegister);
            NftMessage.WriteRegister(ref writer, maximum, MaximumPortRegister);
        }
    }

    /// <summary>The range that the registers hold now.</summary>
    protected NatRange Range(Evaluation evaluation, InternetAddress minimum, InternetAddress maximum)
    {
        var flags = (NatRangeFlags)Flags;
        ushort first = 0, last = 0;
        if (MinimumPortRegister >= 0)
        {
            flags |= NatRangeFlags.PortsSpecified;
            first = evaluation.LoadBigEndian16(MinimumPortRegister);
            last = evaluation.LoadBigEndian16(MaximumPortRegister);
        }

        return new NatRange(flags, minimum, maximum, first, last);
    }
}

/// <summary>nat: source or destination translation to addresses and ports in registers.</summary>
internal sealed class NatExpression : TranslationExpression
{
    private const uint AddressesMapped = 1, PortsSpecified = 2;

    private uint _type, _family;
    private int _minimum = -1, _maximum = -1;

    public static ExpressionType Type { get; } = ExpressionType.Of<NatExpression>(new AttributePolicy(
        NFTA_NAT_FLAGS,
        (NFTA_NAT_TYPE, AttributePolicy.U32),
        (NFTA_NAT_FAMILY, AttributePolicy.U32),
        (NFTA_NAT_REG_ADDR_MIN, AttributePolicy.U32),
        (NFTA_NAT_REG_ADDR_MAX, AttributePolicy.U32),
        (NFTA_NAT_REG_PROTO_MIN, AttributePolicy.U32),
        (NFTA_NAT_REG_PROTO_MAX, AttributePolicy.U32),
        (NFTA_NAT_FLAGS, AttributePolicy.Flags32(KnownFlags))));

    /// <inheritdoc />
    public override string Name => "nat";

    /// <inheritdoc />
    protected override uint Hooks => _type == NFT_NAT_SNAT ? 1u << Hook.Postrouting | 1u << Hook.Input : 1u << Hook.Prerouting | 1u << Hook.Output;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_NAT_TYPE) || !table.Has(NFTA_NAT_REG_ADDR_MIN) && !table.Has(NFTA_NAT_REG_PROTO_MIN))
        {
            return LinuxError.EINVAL;
        }

        _type = table[NFTA_NAT_TYPE].UInt32BigEndian;
        if (_type > NFT_NAT_DNAT)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (!table.Has(NFTA_NAT_FAMILY))
        {
            return LinuxError.EINVAL;
        }

        _family = table[NFTA_NAT_FAMILY].UInt32BigEndian;
        if (context.Family != NFPROTO_INET && context.Family != _family)
        {
            return LinuxError.EOPNOTSUPP;
        }

        int length = _family switch
        {
            NFPROTO_IPV4 => 4,
            NFPROTO_IPV6 => 16,
            _ => 0,
        };
        if (table.Has(NFTA_NAT_REG_ADDR_MIN))
        {
            if (length == 0)
            {
                return LinuxError.EAFNOSUPPORT;
            }

            LinuxError error = Registers.ParseLoad(context, table[NFTA_NAT_REG_ADDR_MIN], length, out _minimum);
            _maximum = _minimum;
            if (error == LinuxError.None && table.Has(NFTA_NAT_REG_ADDR_MAX))
            {
                error = Registers.ParseLoad(context, table[NFTA_NAT_REG_ADDR_MAX], length, out _maximum);
            }

            if (error != LinuxError.None)
            {
                return error;
            }

            Flags |= AddressesMapped;
        }

        LinuxError ports = InitPorts(context, table, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX);
        if (ports != LinuxError.None)
        {
            return ports;
        }

        Flags |= MinimumPortRegister >= 0 ? PortsSpecified : 0;
        if (table.Has(NFTA_NAT_FLAGS))
        {
            Flags |= table[NFTA_NAT_FLAGS].UInt32BigEndian;
        }

        // Of both families where the rule translates ports of either.
        return Use(context, _family is NFPROTO_IPV4 or NFPROTO_IPV6 ? (byte)_family : null);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_NAT_TYPE, _type);
        writer.WriteUInt32BigEndian(NFTA_NAT_FAMILY, _family);
        if (_minimum >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_NAT_REG_ADDR_MIN, _minimum);
            NftMessage.WriteRegister(ref writer, NFTA_NAT_REG_ADDR_MAX, _maximum);
        }

        DumpPorts(ref writer, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX);
        if (Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_NAT_FLAGS, Flags);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (evaluation.Packet.Connection is not { } connection || _family != evaluation.Family && _minimum >= 0)
        {
            evaluation.Break();
            return;
        }

        byte family = evaluation.Family == NFPROTO_IPV6 ? InternetAddress.V6 : InternetAddress.V4;
        InternetAddress minimum = InternetAddress.Any(family), maximum = minimum;
        if (_minimum >= 0)
        {
            minimum = InternetAddress.Read(family, evaluation.Data(_minimum));
            maximum = InternetAddress.Read(family, evaluation.Data(_maximum));
        }

        NatManipulation manipulation = _type == NFT_NAT_SNAT ? NatManipulation.Source : NatManipulation.Destination;
        NatRange range = Range(evaluation, minimum, maximum);
        if ((range.Flags & NatRangeFlags.NetMap) != 0)
        {
            range = MapNetwork(connection.Original, range, manipulation);
        }

        evaluation.Decide((int)evaluation.Stack.Nat.Setup(connection, range, manipulation));
    }

    /// <summary>A network is mapped onto another of the same size: the host part stays.</summary>
    private static NatRange MapNetwork(Datapath.Conntrack.ConnectionTuple tuple, NatRange range, NatManipulation manipulation)
    {
        UInt128 mask = ~(range.MinimumAddress.Value ^ range.MaximumAddress.Value);
        InternetAddress old = manipulation == NatManipulation.Source ? tuple.Source : tuple.Destination;
        var address = new InternetAddress(old.Family, old.Value & ~mask | range.MinimumAddress.Value & mask & InternetAddress.Mask(old.Family, old.Bits));
        return range with { MinimumAddress = address, MaximumAddress = address };
    }
}

/// <summary>masq: source translation to the address of the interface that the packet leaves by.</summary>
internal sealed class MasqueradeExpression : TranslationExpression
{
    private const ushort LastPort = 3;

    public static ExpressionType Type { get; } = ExpressionType.Of<MasqueradeExpression>(new AttributePolicy(
        LastPort,
        (NFTA_MASQ_FLAGS, AttributePolicy.Flags32(KnownFlags)),
        (NFTA_MASQ_REG_PROTO_MIN, AttributePolicy.U32),
        (LastPort, AttributePolicy.U32)));

    /// <inheritdoc />
    public override string Name => "masq";

    /// <inheritdoc />
    protected override uint Hooks => 1u << Hook.Postrouting;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (table.Has(NFTA_MASQ_FLAGS))
        {
            Flags = table[NFTA_MASQ_FLAGS].UInt32BigEndian;
        }

        LinuxError error = InitPorts(context, table, NFTA_MASQ_REG_PROTO_MIN, LastPort);
        return error != LinuxError.None ? error : Use(context);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        if (Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_MASQ_FLAGS, Flags);
        }

        DumpPorts(ref writer, NFTA_MASQ_REG_PROTO_MIN, LastPort);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        InternetAddress any = InternetAddress.Any(evaluation.Family == NFPROTO_IPV6 ? InternetAddress.V6 : InternetAddress.V4);
        evaluation.Decide((int)evaluation.Stack.Nat.Masquerade(evaluation.Context, Range(evaluation, any, any)));
    }
}

/// <summary>redir: destination translation to this machine.</summary>
internal sealed class RedirectExpression : TranslationExpression
{
    private const ushort LastPort = 2;
    private const uint PortsSpecified = 2;

    public static ExpressionType Type { get; } = ExpressionType.Of<RedirectExpression>(new AttributePolicy(
        NFTA_REDIR_FLAGS,
        (NFTA_REDIR_REG_PROTO_MIN, AttributePolicy.U32),
        (LastPort, AttributePolicy.U32),
        (NFTA_REDIR_FLAGS, AttributePolicy.Flags32(KnownFlags))));

    /// <inheritdoc />
    public override string Name => "redir";

    /// <inheritdoc />
    protected override uint Hooks => 1u << Hook.Prerouting | 1u << Hook.Output;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = InitPorts(context, table, NFTA_REDIR_REG_PROTO_MIN, LastPort);
        if (error != LinuxError.None)
        {
            return error;
        }

        Flags |= MinimumPortRegister >= 0 ? PortsSpecified : 0;
        if (table.Has(NFTA_REDIR_FLAGS))
        {
            Flags |= table[NFTA_REDIR_FLAGS].UInt32BigEndian;
        }

        return Use(context);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        DumpPorts(ref writer, NFTA_REDIR_REG_PROTO_MIN, LastPort);
        if (Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_REDIR_FLAGS, Flags);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        InternetAddress any = InternetAddress.Any(evaluation.Family == NFPROTO_IPV6 ? InternetAddress.V6 : InternetAddress.V4);
        evaluation.Decide((int)evaluation.Stack.Nat.Redirect(evaluation.Context, Range(evaluation, any, any)));
    }
}
