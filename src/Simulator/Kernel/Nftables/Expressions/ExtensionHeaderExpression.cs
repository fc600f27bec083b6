using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>exthdr: loads from IPv6 extension headers, TCP and IPv4 options, SCTP chunks, DCCP options.</summary>
internal sealed class ExtensionHeaderExpression : Expression
{
    private byte _type;
    private int _register, _offset, _length;
    private uint _flags, _operation;

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_EXTHDR_SREG,
            (NFTA_EXTHDR_DREG, AttributePolicy.U32),
            (NFTA_EXTHDR_TYPE, AttributePolicy.U8),
            (NFTA_EXTHDR_OFFSET, AttributePolicy.U32),
            (NFTA_EXTHDR_LEN, AttributePolicy.U32ByteSized),
            (NFTA_EXTHDR_FLAGS, AttributePolicy.U32),
            (NFTA_EXTHDR_OP, AttributePolicy.U32ByteSized),
            (NFTA_EXTHDR_SREG, AttributePolicy.U32)),
        Select);

    /// <inheritdoc />
    public override string Name => "exthdr";

    private static LinuxError Select(NftContext context, ParsedAttributes table, out Expression? expression)
    {
        expression = null;
        uint operation = table.Has(NFTA_EXTHDR_OP) ? table[NFTA_EXTHDR_OP].UInt32BigEndian : NFT_EXTHDR_OP_IPV6;
        bool reads = table.Has(NFTA_EXTHDR_DREG), writes = table.Has(NFTA_EXTHDR_SREG);
        if (!table.Has(NFTA_EXTHDR_OP))
        {
            expression = new ExtensionHeaderExpression();
            return LinuxError.None;
        }

        if (reads && writes)
        {
            return LinuxError.EOPNOTSUPP;
        }

        expression = operation switch
        {
            NFT_EXTHDR_OP_TCPOPT => writes ? new TcpOptionWriteExpression() : reads ? new ExtensionHeaderExpression() : new TcpOptionStripExpression(),
            NFT_EXTHDR_OP_IPV6 or NFT_EXTHDR_OP_SCTP or NFT_EXTHDR_OP_DCCP when reads => new ExtensionHeaderExpression(),
            NFT_EXTHDR_OP_IPV4 when reads && context.Family != NFPROTO_IPV6 => new ExtensionHeaderExpression(),
            _ => null,
        };
        return expression is null ? LinuxError.EOPNOTSUPP : LinuxError.None;
    }

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_EXTHDR_DREG) || !table.Has(NFTA_EXTHDR_TYPE) || !table.Has(NFTA_EXTHDR_OFFSET) || !table.Has(NFTA_EXTHDR_LEN))
        {
            return LinuxError.EINVAL;
        }

        uint offset = table[NFTA_EXTHDR_OFFSET].UInt32BigEndian;
        if (offset > byte.MaxValue)
        {
            return LinuxError.ERANGE;
        }

        if (table.Has(NFTA_EXTHDR_FLAGS))
        {
            _flags = table[NFTA_EXTHDR_FLAGS].UInt32BigEndian;
            if ((_flags & ~NFT_EXTHDR_F_PRESENT) != 0)
            {
                return LinuxError.EINVAL;
            }
        }

        _operation = table.Has(NFTA_EXTHDR_OP) ? table[NFTA_EXTHDR_OP].UInt32BigEndian : NFT_EXTHDR_OP_IPV6;
        _type = table[NFTA_EXTHDR_TYPE].Byte;
        if (_operation == NFT_EXTHDR_OP_IPV4 && _type is not (0x89 or 0x83 or 7 or 0x94))
        {
            return LinuxError.EOPNOTSUPP;
        }

        _offset = (int)offset;
        _length = (int)table[NFTA_EXTHDR_LEN].UInt32BigEndian;
        return Registers.ParseStore(context, table[NFTA_EXTHDR_DREG], _length, out _register);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_EXTHDR_DREG, _register);
        writer.WriteByte(NFTA_EXTHDR_TYPE, _type);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_OFFSET, (uint)_offset);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_LEN, (uint)_length);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_FLAGS, _flags);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_OP, _operation);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        ReadOnlySpan<byte> option = _operation switch
        {
            NFT_EXTHDR_OP_TCPOPT => FindTcpOption(evaluation, _type, out _),
            NFT_EXTHDR_OP_IPV4 => FindIpv4Option(evaluation, _type),
            NFT_EXTHDR_OP_IPV6 => FindIpv6Header(evaluation, _type),
            NFT_EXTHDR_OP_SCTP => FindChunk(evaluation, _type),
            _ => default,
        };
        if ((_flags & NFT_EXTHDR_F_PRESENT) != 0)
        {
            evaluation.Store8(_register, option.IsEmpty ? (byte)0 : (byte)1);
        }
        else if (_offset + _length > option.Length)
        {
            evaluation.Break();
        }
        else
        {
            evaluation.Store(_register, option.Slice(_offset, _length));
        }
    }

    /// <summary>A TCP option with its type and length octets; empty where it is absent.</summary>
    public static Span<byte> FindTcpOption(Evaluation evaluation, byte type, out Span<byte> header)
    {
        header = default;
        if (!evaluation.HasTransport || evaluation.TransportProtocol != IpProtocol.Tcp)
        {
            return default;
        }

        Span<byte> transport = evaluation.Transport;
        if (transport.Length < 20 || (transport[12] >> 4) * 4 is var length && (length < 20 || length > transport.Length))
        {
            return default;
        }

        header = transport[..((transport[12] >> 4) * 4)];
        int offset = 20;
        while (offset < header.Length)
        {
            byte kind = header[offset];
            int size = kind <= 1 || offset + 1 >= header.Length || header[offset + 1] == 0 ? 1 : header[offset + 1];
            if (kind == type && (kind <= 1 || offset + size <= header.Length))
            {
                return header.Slice(offset, Math.Min(size, header.Length - offset));
            }

            offset += size;
        }

        return default;
    }

    private static ReadOnlySpan<byte> FindIpv4Option(Evaluation evaluation, byte type)
    {
        if (evaluation.Packet.Protocol != EtherType.Ipv4)
        {
            return default;
        }

        ReadOnlySpan<byte> network = evaluation.Packet.Network;
        int end = Math.Min((network[0] & 15) * 4, network.Length), offset = 20;
        while (offset < end && network[offset] != 0)
        {
            int size = network[offset] == 1 ? 1 : offset + 1 < end ? network[offset + 1] : 0;
            if (size == 0 || offset + size > end)
            {
                return default;
            }

            if (network[offset] == type)
            {
                return network.Slice(offset, size);
            }

            offset += size;
        }

        return default;
    }

    private static ReadOnlySpan<byte> FindIpv6Header(Evaluation evaluation, byte type)
    {
        if (evaluation.Packet.Protocol != EtherType.Ipv6)
        {
            return default;
        }

        int at = evaluation.Packet.Ipv6.Find(type, authentication: false, evaluation.Subsystem.Kernel.Profile.ChecksExtensionHeaders, out _, out _);
        return at < 0 ? default : evaluation.Packet.Network[at..];
    }

    private static ReadOnlySpan<byte> FindChunk(Evaluation evaluation, byte type)
    {
        if (!evaluation.HasTransport || evaluation.TransportProtocol != IpProtocol.Sctp)
        {
            return default;
        }

        ReadOnlySpan<byte> transport = evaluation.Transport;
        int offset = 12;
        while (offset + 4 <= transport.Length)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(transport[(offset + 2)..]);
            if (length < 4)
            {
                return default;
            }

            if (transport[offset] == type)
            {
                return transport[offset..Math.Min(offset + length, transport.Length)];
            }

            offset += length + 3 & ~3;
        }

        return default;
    }
}

/// <summary>exthdr with a source register: writes into a TCP option.</summary>
internal sealed class TcpOptionWriteExpression : Expression
{
    private byte _type;
    private int _register, _offset, _length;

    /// <inheritdoc />
    public override string Name => "exthdr";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_EXTHDR_TYPE) || !table.Has(NFTA_EXTHDR_OFFSET) || !table.Has(NFTA_EXTHDR_LEN) || table.Has(NFTA_EXTHDR_FLAGS))
        {
            return LinuxError.EINVAL;
        }

        uint offset = table[NFTA_EXTHDR_OFFSET].UInt32BigEndian;
        if (offset > byte.MaxValue)
        {
            return LinuxError.ERANGE;
        }

        _offset = (int)offset;
        _length = (int)table[NFTA_EXTHDR_LEN].UInt32BigEndian;
        _type = table[NFTA_EXTHDR_TYPE].Byte;
        if (_offset < 2 || _length is not (2 or 4))
        {
            return LinuxError.EOPNOTSUPP;
        }

        return Registers.ParseLoad(context, table[NFTA_EXTHDR_SREG], _length, out _register);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_EXTHDR_SREG, _register);
        writer.WriteByte(NFTA_EXTHDR_TYPE, _type);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_OFFSET, (uint)_offset);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_LEN, (uint)_length);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_FLAGS, 0);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Span<byte> option = ExtensionHeaderExpression.FindTcpOption(evaluation, _type, out Span<byte> header);
        if (option.IsEmpty)
        {
            if (header.IsEmpty)
            {
                evaluation.Break();
            }

            return;
        }

        if (_offset + _length > option.Length)
        {
            evaluation.Break();
            return;
        }

        ReadOnlySpan<byte> value = evaluation.Data(_register, _length);
        Span<byte> target = option.Slice(_offset, _length);

        // A maximum segment size is only ever lowered.
        if (_type == 2 && _offset == 2 && _length == 2 && BinaryPrimitives.ReadUInt16BigEndian(target) <= BinaryPrimitives.ReadUInt16BigEndian(value))
        {
            return;
        }

        Span<byte> before = stackalloc byte[header.Length];
        header.CopyTo(before);
        value.CopyTo(target);
        TcpChecksum.Mend(header, before);
    }
}

/// <summary>exthdr without registers: overwrites a TCP option with no-operations.</summary>
internal sealed class TcpOptionStripExpression : Expression
{
    private byte _type;

    /// <inheritdoc />
    public override string Name => "exthdr";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (table.Has(NFTA_EXTHDR_FLAGS) || table.Has(NFTA_EXTHDR_OFFSET) || table.Has(NFTA_EXTHDR_LEN) || !table.Has(NFTA_EXTHDR_TYPE))
        {
            return LinuxError.EINVAL;
        }

        _type = table[NFTA_EXTHDR_TYPE].Byte;
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteByte(NFTA_EXTHDR_TYPE, _type);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_OFFSET, 0);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_LEN, 0);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_FLAGS, 0);
        writer.WriteUInt32BigEndian(NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Span<byte> option = ExtensionHeaderExpression.FindTcpOption(evaluation, _type, out Span<byte> header);
        if (header.IsEmpty)
        {
            evaluation.Break();
        }
        else if (!option.IsEmpty)
        {
            Span<byte> before = stackalloc byte[header.Length];
            header.CopyTo(before);
            option.Fill(1);
            TcpChecksum.Mend(header, before);
        }
    }
}
