using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>bitwise: (register &amp; mask) ^ constant, a shift, or since 6.13 and, or, xor with another register or a constant.</summary>
internal sealed class BitwiseExpression : Expression
{
    private int _source, _source2 = -1, _destination, _length;
    private uint _operation, _shift;
    private byte[] _mask = [], _xor = [], _data = [];

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_BITWISE_SREG2,
            (NFTA_BITWISE_SREG, AttributePolicy.U32),
            (NFTA_BITWISE_DREG, AttributePolicy.U32),
            (NFTA_BITWISE_LEN, AttributePolicy.U32),
            (NFTA_BITWISE_MASK, AttributePolicy.Nested),
            (NFTA_BITWISE_XOR, AttributePolicy.Nested),
            (NFTA_BITWISE_OP, AttributePolicy.U32ByteSized),
            (NFTA_BITWISE_DATA, AttributePolicy.Nested),
            (NFTA_BITWISE_SREG2, AttributePolicy.U32)),
        Select);

    /// <inheritdoc />
    public override string Name => "bitwise";

    /// <summary>The length chooses the form, so it is read before any expression of the rule is initialised.</summary>
    private static LinuxError Select(NftContext context, ParsedAttributes table, out Expression? expression)
    {
        expression = null;
        if (!table.Has(NFTA_BITWISE_SREG) || !table.Has(NFTA_BITWISE_DREG) || !table.Has(NFTA_BITWISE_LEN))
        {
            return LinuxError.EINVAL;
        }

        uint length = table[NFTA_BITWISE_LEN].UInt32BigEndian;
        if (length > byte.MaxValue)
        {
            return LinuxError.ERANGE;
        }

        expression = new BitwiseExpression { _length = (int)length };
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = Registers.ParseLoad(context, table[NFTA_BITWISE_SREG], _length, out _source);
        if (error == LinuxError.None)
        {
            error = Registers.ParseStore(context, table[NFTA_BITWISE_DREG], _length, out _destination);
        }

        if (error != LinuxError.None)
        {
            return error;
        }

        _operation = table.Has(NFTA_BITWISE_OP) ? table[NFTA_BITWISE_OP].UInt32BigEndian : NFT_BITWISE_MASK_XOR;
        return _operation switch
        {
            NFT_BITWISE_MASK_XOR => InitMask(table),
            NFT_BITWISE_LSHIFT or NFT_BITWISE_RSHIFT => InitShift(table),
            NFT_BITWISE_AND or NFT_BITWISE_OR or NFT_BITWISE_XOR when context.Profile.IsAtLeast(6, 13) => InitLogic(context, table),
            _ => LinuxError.EOPNOTSUPP,
        };
    }

    private LinuxError InitMask(ParsedAttributes table)
    {
        if (table.Has(NFTA_BITWISE_DATA) || table.Has(NFTA_BITWISE_SREG2) || !table.Has(NFTA_BITWISE_MASK) || !table.Has(NFTA_BITWISE_XOR))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = RegisterData.ParseValue(table[NFTA_BITWISE_MASK], RegisterData.ConstantSize, _length, out _mask);
        return error != LinuxError.None ? error : RegisterData.ParseValue(table[NFTA_BITWISE_XOR], RegisterData.ConstantSize, _length, out _xor);
    }

    private LinuxError InitShift(ParsedAttributes table)
    {
        if (table.Has(NFTA_BITWISE_MASK) || table.Has(NFTA_BITWISE_XOR) || table.Has(NFTA_BITWISE_SREG2) || !table.Has(NFTA_BITWISE_DATA))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = RegisterData.ParseValue(table[NFTA_BITWISE_DATA], RegisterData.ConstantSize, 4, out _data);
        if (error != LinuxError.None)
        {
            return error;
        }

        _shift = BitConverter.ToUInt32(_data);
        return _shift >= 32 ? LinuxError.EINVAL : LinuxError.None;
    }

    private LinuxError InitLogic(NftContext context, ParsedAttributes table)
    {
        if (table.Has(NFTA_BITWISE_MASK) || table.Has(NFTA_BITWISE_XOR) || table.Has(NFTA_BITWISE_DATA) == table.Has(NFTA_BITWISE_SREG2))
        {
            return LinuxError.EINVAL;
        }

        return table.Has(NFTA_BITWISE_DATA)
            ? RegisterData.ParseValue(table[NFTA_BITWISE_DATA], RegisterData.ConstantSize, _length, out _data)
            : Registers.ParseLoad(context, table[NFTA_BITWISE_SREG2], _length, out _source2);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_BITWISE_SREG, _source);
        NftMessage.WriteRegister(ref writer, NFTA_BITWISE_DREG, _destination);
        writer.WriteUInt32BigEndian(NFTA_BITWISE_LEN, (uint)_length);
        writer.WriteUInt32BigEndian(NFTA_BITWISE_OP, _operation);
        if (_operation == NFT_BITWISE_MASK_XOR)
        {
            NftMessage.WriteValue(ref writer, NFTA_BITWISE_MASK, _mask);
            NftMessage.WriteValue(ref writer, NFTA_BITWISE_XOR, _xor);
        }
        else if (_source2 >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_BITWISE_SREG2, _source2);
        }
        else
        {
            NftMessage.WriteValue(ref writer, NFTA_BITWISE_DATA, _data);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Span<byte> source = evaluation.Data(_source, _length);
        Span<byte> result = stackalloc byte[80];
        switch (_operation)
        {
            case NFT_BITWISE_MASK_XOR:
                for (int i = 0; i < _length; i++)
                {
                    result[i] = (byte)(source[i] & _mask[i] ^ _xor[i]);
                }

                break;
            case NFT_BITWISE_LSHIFT or NFT_BITWISE_RSHIFT:
                Shift(evaluation.Data(_source, _length + 3 & ~3), result);
                evaluation.Store(_destination, result[..(_length + 3 & ~3)]);
                return;
            default:
                ReadOnlySpan<byte> other = _source2 >= 0 ? evaluation.Data(_source2, _length) : _data;
                for (int i = 0; i < _length; i++)
                {
                    result[i] = _operation switch
                    {
                        NFT_BITWISE_AND => (byte)(source[i] & other[i]),
                        NFT_BITWISE_OR => (byte)(source[i] | other[i]),
                        _ => (byte)(source[i] ^ other[i]),
                    };
                }

                break;
        }

        evaluation.Store(_destination, result[.._length]);
    }

    /// <summary>Words in host order, the first the most significant, with the carry between them.</summary>
    private void Shift(ReadOnlySpan<byte> source, Span<byte> result)
    {
        int words = source.Length / 4;
        uint carry = 0;
        for (int i = 0; i < words; i++)
        {
            int word = _operation == NFT_BITWISE_LSHIFT ? words - 1 - i : i;
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(source[(word * 4)..]);
            uint shifted = (_operation == NFT_BITWISE_LSHIFT ? value << (int)_shift : value >> (int)_shift) | carry;
            carry = _shift == 0 ? 0 : _operation == NFT_BITWISE_LSHIFT ? value >> (int)(32 - _shift) : value << (int)(32 - _shift);
            BinaryPrimitives.WriteUInt32LittleEndian(result[(word * 4)..], shifted);
        }
    }
}
