using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>numgen: a number that counts up, or one by chance, below a modulus.</summary>
internal sealed class NumberExpression : Expression
{
    private int _register;
    private uint _modulus, _type, _offset, _next;

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_NG_OFFSET, (NFTA_NG_DREG, AttributePolicy.U32), (NFTA_NG_MODULUS, AttributePolicy.U32), (NFTA_NG_TYPE, AttributePolicy.U32), (NFTA_NG_OFFSET, AttributePolicy.U32)),
        (NftContext _, ParsedAttributes table, out Expression? expression) =>
        {
            expression = new NumberExpression();
            return table.Has(NFTA_NG_DREG) && table.Has(NFTA_NG_MODULUS) && table.Has(NFTA_NG_TYPE) && table[NFTA_NG_TYPE].UInt32BigEndian <= NFT_NG_RANDOM
                ? LinuxError.None
                : LinuxError.EINVAL;
        });

    /// <inheritdoc />
    public override string Name => "numgen";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _type = table[NFTA_NG_TYPE].UInt32BigEndian;
        _offset = table.Has(NFTA_NG_OFFSET) ? table[NFTA_NG_OFFSET].UInt32BigEndian : 0;
        _modulus = table[NFTA_NG_MODULUS].UInt32BigEndian;
        if (_modulus == 0)
        {
            return LinuxError.ERANGE;
        }

        if (unchecked(_offset + _modulus - 1) < _offset)
        {
            return LinuxError.EOVERFLOW;
        }

        return Registers.ParseStore(context, table[NFTA_NG_DREG], 4, out _register);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_NG_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_NG_MODULUS, _modulus);
        writer.WriteUInt32BigEndian(NFTA_NG_TYPE, _type);
        writer.WriteUInt32BigEndian(NFTA_NG_OFFSET, _offset);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        uint number = _type == NFT_NG_INCREMENTAL ? _next++ % _modulus : evaluation.Subsystem.Kernel.Random.NextUInt32() % _modulus;
        evaluation.Store32(_register, number + _offset);
    }
}
