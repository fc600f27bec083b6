using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>range: goes on where a register lies between two constants, or outside them.</summary>
internal sealed class RangeExpression : Expression
{
    private int _register;
    private uint _operation;
    private byte[] _from = [], _to = [];

    public static ExpressionType Type { get; } = ExpressionType.Of<RangeExpression>(new AttributePolicy(
        NFTA_RANGE_TO_DATA,
        (NFTA_RANGE_SREG, AttributePolicy.U32),
        (NFTA_RANGE_OP, AttributePolicy.U32ByteSized),
        (NFTA_RANGE_FROM_DATA, AttributePolicy.Nested),
        (NFTA_RANGE_TO_DATA, AttributePolicy.Nested)));

    /// <inheritdoc />
    public override string Name => "range";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_RANGE_SREG) || !table.Has(NFTA_RANGE_OP) || !table.Has(NFTA_RANGE_FROM_DATA) || !table.Has(NFTA_RANGE_TO_DATA))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = RegisterData.ParseValue(table[NFTA_RANGE_FROM_DATA], RegisterData.ConstantSize, 0, out _from);
        if (error == LinuxError.None)
        {
            error = RegisterData.ParseValue(table[NFTA_RANGE_TO_DATA], RegisterData.ConstantSize, 0, out _to);
        }

        if (error != LinuxError.None)
        {
            return error;
        }

        if (_from.Length != _to.Length)
        {
            return LinuxError.EINVAL;
        }

        error = Registers.ParseLoad(context, table[NFTA_RANGE_SREG], _from.Length, out _register);
        _operation = table[NFTA_RANGE_OP].UInt32BigEndian;
        return error != LinuxError.None ? error : _operation > NFT_RANGE_NEQ ? LinuxError.EINVAL : LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_RANGE_SREG, _register);
        writer.WriteUInt32BigEndian(NFTA_RANGE_OP, _operation);
        NftMessage.WriteValue(ref writer, NFTA_RANGE_FROM_DATA, _from);
        NftMessage.WriteValue(ref writer, NFTA_RANGE_TO_DATA, _to);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        ReadOnlySpan<byte> value = evaluation.Data(_register, _from.Length);
        bool inside = value.SequenceCompareTo(_from) >= 0 && value.SequenceCompareTo(_to) <= 0;
        if (inside != (_operation == NFT_RANGE_EQ))
        {
            evaluation.Break();
        }
    }
}
