using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>cmp: goes on where a register compares as asked with a constant.</summary>
internal sealed class CompareExpression : Expression
{
    private int _register;
    private uint _operation;
    private byte[] _data = [];

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(NFTA_CMP_DATA, (NFTA_CMP_SREG, AttributePolicy.U32), (NFTA_CMP_OP, AttributePolicy.U32), (NFTA_CMP_DATA, AttributePolicy.Nested)),
        Select);

    /// <inheritdoc />
    public override string Name => "cmp";

    /// <summary>The constant's length chooses the form, so it is read before any expression of the rule is initialised.</summary>
    private static LinuxError Select(NftContext context, ParsedAttributes table, out Expression? expression)
    {
        expression = null;
        if (!table.Has(NFTA_CMP_SREG) || !table.Has(NFTA_CMP_OP) || !table.Has(NFTA_CMP_DATA))
        {
            return LinuxError.EINVAL;
        }

        var compare = new CompareExpression { _operation = table[NFTA_CMP_OP].UInt32BigEndian };
        expression = compare;
        return compare._operation > NFT_CMP_GTE ? LinuxError.EINVAL : RegisterData.ParseValue(table[NFTA_CMP_DATA], RegisterData.ConstantSize, 0, out compare._data);
    }

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) =>
        Registers.ParseLoad(context, table[NFTA_CMP_SREG], _data.Length, out _register);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_CMP_SREG, _register);
        writer.WriteUInt32BigEndian(NFTA_CMP_OP, _operation);
        NftMessage.WriteValue(ref writer, NFTA_CMP_DATA, _data);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        int order = evaluation.Data(_register, _data.Length).SequenceCompareTo(_data);
        bool matches = _operation switch
        {
            NFT_CMP_EQ => order == 0,
            NFT_CMP_NEQ => order != 0,
            NFT_CMP_LT => order < 0,
            NFT_CMP_LTE => order <= 0,
            NFT_CMP_GT => order > 0,
            _ => order >= 0,
        };
        if (!matches)
        {
            evaluation.Break();
        }
    }
}
