using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>byteorder: turns numbers between the host's and the network's order.</summary>
internal sealed class ByteorderExpression : Expression
{
    private int _source, _destination;
    private uint _operation, _length, _size;

    public static ExpressionType Type { get; } = ExpressionType.Of<ByteorderExpression>(new AttributePolicy(
        NFTA_BYTEORDER_SIZE,
        (NFTA_BYTEORDER_SREG, AttributePolicy.U32),
        (NFTA_BYTEORDER_DREG, AttributePolicy.U32),
        (NFTA_BYTEORDER_OP, AttributePolicy.U32ByteSized),
        (NFTA_BYTEORDER_LEN, AttributePolicy.U32ByteSized),
        (NFTA_BYTEORDER_SIZE, AttributePolicy.U32ByteSized)));

    /// <inheritdoc />
    public override string Name => "byteorder";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        for (int type = NFTA_BYTEORDER_SREG; type <= NFTA_BYTEORDER_SIZE; type++)
        {
            if (!table.Has(type))
            {
                return LinuxError.EINVAL;
            }
        }

        _operation = table[NFTA_BYTEORDER_OP].UInt32BigEndian;
        _size = table[NFTA_BYTEORDER_SIZE].UInt32BigEndian;
        _length = table[NFTA_BYTEORDER_LEN].UInt32BigEndian;
        if (_operation > NFT_BYTEORDER_HTON || _size is not (2 or 4 or 8))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = Registers.ParseLoad(context, table[NFTA_BYTEORDER_SREG], (int)_length, out _source);
        return error != LinuxError.None ? error : Registers.ParseStore(context, table[NFTA_BYTEORDER_DREG], (int)_length, out _destination);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_BYTEORDER_SREG, _source);
        NftMessage.WriteRegister(ref writer, NFTA_BYTEORDER_DREG, _destination);
        writer.WriteUInt32BigEndian(NFTA_BYTEORDER_OP, _operation);
        writer.WriteUInt32BigEndian(NFTA_BYTEORDER_LEN, _length);
        writer.WriteUInt32BigEndian(NFTA_BYTEORDER_SIZE, _size);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        int size = (int)_size;
        Span<byte> result = stackalloc byte[256];
        evaluation.Data(_source, (int)_length).CopyTo(result);
        for (int offset = 0; offset + size <= _length; offset += size)
        {
            if (BitConverter.IsLittleEndian)
            {
                result.Slice(offset, size).Reverse();
            }
        }

        result[..(int)_length].CopyTo(evaluation.Data(_destination));
    }
}
