using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>payload: loads bytes of the packet into a register.</summary>
internal sealed class PayloadExpression : Expression
{
    private uint _base;
    private int _offset, _length, _register;

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_PAYLOAD_CSUM_FLAGS,
            (NFTA_PAYLOAD_SREG, AttributePolicy.U32),
            (NFTA_PAYLOAD_DREG, AttributePolicy.U32),
            (NFTA_PAYLOAD_BASE, AttributePolicy.U32),
            (NFTA_PAYLOAD_OFFSET, AttributePolicy.U32),
            (NFTA_PAYLOAD_LEN, AttributePolicy.U32ByteSized),
            (NFTA_PAYLOAD_CSUM_TYPE, AttributePolicy.U32),
            (NFTA_PAYLOAD_CSUM_OFFSET, AttributePolicy.U32ByteSized),
            (NFTA_PAYLOAD_CSUM_FLAGS, AttributePolicy.U32)),
        Select);

    /// <inheritdoc />
    public override string Name => "payload";

    private static LinuxError Select(NftContext context, ParsedAttributes table, out Expression? expression)
    {
        expression = null;
        if (!table.Has(NFTA_PAYLOAD_BASE) || !table.Has(NFTA_PAYLOAD_OFFSET) || !table.Has(NFTA_PAYLOAD_LEN))
        {
            return LinuxError.EINVAL;
        }

        if (table[NFTA_PAYLOAD_BASE].UInt32BigEndian > NFT_PAYLOAD_INNER_HEADER)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (table.Has(NFTA_PAYLOAD_SREG) == table.Has(NFTA_PAYLOAD_DREG))
        {
            return LinuxError.EINVAL;
        }

        if (table.Has(NFTA_PAYLOAD_SREG))
        {
            expression = new PayloadWriteExpression();
            return LinuxError.None;
        }

        expression = new PayloadExpression();
        return table[NFTA_PAYLOAD_OFFSET].UInt32BigEndian > ushort.MaxValue ? LinuxError.ERANGE : LinuxError.None;
    }

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _base = table[NFTA_PAYLOAD_BASE].UInt32BigEndian;
        _offset = (int)table[NFTA_PAYLOAD_OFFSET].UInt32BigEndian;
        _length = (int)table[NFTA_PAYLOAD_LEN].UInt32BigEndian;
        return Registers.ParseStore(context, table[NFTA_PAYLOAD_DREG], _length, out _register);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_PAYLOAD_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_BASE, _base);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_OFFSET, (uint)_offset);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_LEN, (uint)_length);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Span<byte> target = evaluation.Data(_register, _length + 3 & ~3);
        target.Clear();
        if (_base == NFT_PAYLOAD_LL_HEADER)
        {
            if (!evaluation.Packet.CopyLinkHeader(_offset, target[.._length]))
            {
                evaluation.Break();
            }

            return;
        }

        Span<byte> header = IsFast ? QuickHeaderOf(evaluation) : HeaderOf(evaluation, _base);
        if (_offset + _length > header.Length)
        {
            evaluation.Break();
            return;
        }

        header.Slice(_offset, _length).CopyTo(target);
    }

    /// <summary>
    /// An aligned number of the transport header is read the quick way (nft_payload_fast_eval), which doesn't ask whether this is a
    /// later piece of a packet. There it reads what stands in the header's place; of IPv6 pieces where the packet begins, because
    /// ipv6_find_hdr says no other offset: that is the network header, and at egress the link header.
    /// </summary>
    private static Span<byte> QuickHeaderOf(Evaluation evaluation)
    {
        Packet packet = evaluation.Packet;
        if (!evaluation.HasTransportProtocol)
        {
            return default;
        }

        bool beginsAtLink = evaluation.TableFamily == HookFamily.Netdev && evaluation.Hook == Hook.NetdevEgress && packet.MacOffset >= 0;
        return !packet.IsIpv6 || packet.FragmentOffset == 0 ? evaluation.Transport : beginsAtLink ? packet.Frame : packet.Network;
    }

    private bool IsFast => _base == NFT_PAYLOAD_TRANSPORT_HEADER && _length is 1 or 2 or 4 && _offset % _length == 0;

    /// <summary>The packet from a header on; empty where it has none.</summary>
    public static Span<byte> HeaderOf(Evaluation evaluation, uint header)
    {
        Packet packet = evaluation.Packet;
        switch (header)
        {
            case NFT_PAYLOAD_LL_HEADER:
                return packet.MacOffset < 0 ? default : packet.Frame;
            case NFT_PAYLOAD_NETWORK_HEADER:
                return packet.Network;
            case NFT_PAYLOAD_TRANSPORT_HEADER:
                return evaluation.HasTransport ? evaluation.Transport : default;
            default:
                if (!evaluation.HasTransport)
                {
                    return default;
                }

                Span<byte> transport = evaluation.Transport;
                int length = evaluation.TransportProtocol switch
                {
                    IpProtocol.Udp => 8,
                    IpProtocol.Tcp when transport.Length >= 20 => (transport[12] >> 4) * 4,
                    _ => int.MaxValue,
                };
                return length <= transport.Length ? transport[length..] : default;
        }
    }
}

/// <summary>payload with a source register: writes bytes into the packet and mends the checksums asked for.</summary>
internal sealed class PayloadWriteExpression : Expression
{
    private uint _base, _checksumType, _checksumFlags;
    private int _offset, _length, _register, _checksumOffset;

    /// <inheritdoc />
    public override string Name => "payload";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _base = table[NFTA_PAYLOAD_BASE].UInt32BigEndian;
        if (table[NFTA_PAYLOAD_OFFSET].UInt32BigEndian > byte.MaxValue)
        {
            return LinuxError.ERANGE;
        }

        _offset = (int)table[NFTA_PAYLOAD_OFFSET].UInt32BigEndian;
        _length = (int)table[NFTA_PAYLOAD_LEN].UInt32BigEndian;
        if (table.Has(NFTA_PAYLOAD_CSUM_TYPE))
        {
            _checksumType = table[NFTA_PAYLOAD_CSUM_TYPE].UInt32BigEndian;
        }

        if (table.Has(NFTA_PAYLOAD_CSUM_OFFSET))
        {
            _checksumOffset = (int)table[NFTA_PAYLOAD_CSUM_OFFSET].UInt32BigEndian;
        }

        if (table.Has(NFTA_PAYLOAD_CSUM_FLAGS))
        {
            _checksumFlags = table[NFTA_PAYLOAD_CSUM_FLAGS].UInt32BigEndian;
            if ((_checksumFlags & ~NFT_PAYLOAD_L4CSUM_PSEUDOHDR) != 0)
            {
                return LinuxError.EINVAL;
            }
        }

        switch (_checksumType)
        {
            case NFT_PAYLOAD_CSUM_NONE or NFT_PAYLOAD_CSUM_INET:
                break;
            case NFT_PAYLOAD_CSUM_SCTP:
                if (_base != NFT_PAYLOAD_TRANSPORT_HEADER || _checksumOffset != 8)
                {
                    return LinuxError.EINVAL;
                }

                break;
            default:
                return LinuxError.EOPNOTSUPP;
        }

        return Registers.ParseLoad(context, table[NFTA_PAYLOAD_SREG], _length, out _register);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_PAYLOAD_SREG, _register);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_BASE, _base);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_OFFSET, (uint)_offset);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_LEN, (uint)_length);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_CSUM_TYPE, _checksumType);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_CSUM_OFFSET, (uint)_checksumOffset);
        writer.WriteUInt32BigEndian(NFTA_PAYLOAD_CSUM_FLAGS, _checksumFlags);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Span<byte> header = PayloadExpression.HeaderOf(evaluation, _base);
        if (_offset + _length > header.Length || (_checksumType == NFT_PAYLOAD_CSUM_INET && _checksumOffset + 2 > header.Length))
        {
            evaluation.Break();
            return;
        }

        Span<byte> target = header.Slice(_offset, _length);
        ReadOnlySpan<byte> value = evaluation.Data(_register, _length);
        int difference = Difference(target, value, _offset & 1);
        Packet packet = evaluation.Packet;
        if (_checksumType == NFT_PAYLOAD_CSUM_INET)
        {
            Mend(header[_checksumOffset..], difference);
        }

        // Where the transport header is cut before its checksum nothing is written; the network header's checksum is changed by then.
        bool isMended = false;
        if ((_checksumFlags & NFT_PAYLOAD_L4CSUM_PSEUDOHDR) != 0 && evaluation.HasTransport && !MendTransport(evaluation, difference, out isMended))
        {
            evaluation.Break();
            return;
        }

        if (_base == NFT_PAYLOAD_NETWORK_HEADER)
        {
            // The kept sum is of the whole packet; the network header as it is then, and the pseudo header's addresses, are taken from it on delivery.
            bool isAddress = _offset >= (packet.IsIpv6 ? 8 : 12) && _offset + _length <= (packet.IsIpv6 ? 40 : 20);
            bool isHeaderMended = _checksumType == NFT_PAYLOAD_CSUM_INET;
            packet.MissSum((isMended ? difference : 0) + (isHeaderMended ? 0 : difference) - (isAddress ? difference : 0));
        }

        value.CopyTo(target);
        if (_base == NFT_PAYLOAD_NETWORK_HEADER)
        {
            packet.LocateTransport();
        }
    }

    /// <summary>nft_payload_l4csum_update; false: the checksum isn't there.</summary>
    private static bool MendTransport(Evaluation evaluation, int difference, out bool isMended)
    {
        isMended = false;
        Span<byte> transport = evaluation.Transport;
        int at = evaluation.TransportProtocol switch
        {
            IpProtocol.Tcp => 16,
            IpProtocol.Udp or IpProtocol.UdpLite => 6,
            IpProtocol.Icmpv6 => 2,
            _ => -1,
        };
        if (at < 0)
        {
            return true;
        }

        if (transport.Length < at + 2)
        {
            // A UDP header that is cut has no checksum to the kernel.
            return evaluation.TransportProtocol == IpProtocol.Udp;
        }

        if (evaluation.TransportProtocol != IpProtocol.Udp || BinaryPrimitives.ReadUInt16BigEndian(transport[at..]) != 0)
        {
            Mend(transport[at..], difference);
            isMended = true;
        }

        return true;
    }

    /// <summary>How much the sum of the 16-bit words grows.</summary>
    private static int Difference(ReadOnlySpan<byte> old, ReadOnlySpan<byte> value, int parity)
    {
        int difference = 0;
        for (int i = 0; i < old.Length; i++)
        {
            difference += (value[i] - old[i]) << ((i + parity & 1) == 0 ? 8 : 0);
        }

        return difference;
    }

    /// <summary>Changes a ones' complement checksum by a difference of what it sums up (RFC 1624).</summary>
    private static void Mend(Span<byte> checksum, int difference)
    {
        long sum = (ushort)~BinaryPrimitives.ReadUInt16BigEndian(checksum) + (long)difference;
        sum = (sum % 0xffff + 0xffff) % 0xffff;
        BinaryPrimitives.WriteUInt16BigEndian(checksum, (ushort)~(ushort)sum);
    }
}
