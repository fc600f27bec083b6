using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>queue: hands the packet to a program. None listens here: bypass lets it pass, else it is dropped.</summary>
internal sealed class QueueExpression : Expression
{
    private ushort _number, _total = 1, _flags;
    private int _register = -1;

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_QUEUE_SREG_QNUM,
            (NFTA_QUEUE_NUM, AttributePolicy.U16),
            (NFTA_QUEUE_TOTAL, AttributePolicy.U16),
            (NFTA_QUEUE_FLAGS, AttributePolicy.U16),
            (NFTA_QUEUE_SREG_QNUM, AttributePolicy.U32)),
        (NftContext _, ParsedAttributes table, out Expression? expression) =>
        {
            expression = null;
            if (table.Has(NFTA_QUEUE_NUM) == table.Has(NFTA_QUEUE_SREG_QNUM))
            {
                return LinuxError.EINVAL;
            }

            expression = new QueueExpression();
            return LinuxError.None;
        });

    /// <inheritdoc />
    public override string Name => "queue";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (table.Has(NFTA_QUEUE_SREG_QNUM))
        {
            LinuxError error = Registers.ParseLoad(context, table[NFTA_QUEUE_SREG_QNUM], 4, out _register);
            if (error != LinuxError.None)
            {
                return error;
            }
        }
        else
        {
            _number = table[NFTA_QUEUE_NUM].UInt16BigEndian;
            _total = table.Has(NFTA_QUEUE_TOTAL) ? table[NFTA_QUEUE_TOTAL].UInt16BigEndian : (ushort)1;
            if (_total == 0 || _number + _total - 1 > ushort.MaxValue)
            {
                return LinuxError.EINVAL;
            }
        }

        if (table.Has(NFTA_QUEUE_FLAGS))
        {
            _flags = table[NFTA_QUEUE_FLAGS].UInt16BigEndian;
            if ((_flags & ~NFT_QUEUE_FLAG_MASK) != 0 || _register >= 0 && (_flags & NFT_QUEUE_FLAG_CPU_FANOUT) != 0)
            {
                return _register >= 0 && (_flags & ~NFT_QUEUE_FLAG_MASK) == 0 ? LinuxError.EOPNOTSUPP : LinuxError.EINVAL;
            }
        }

        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        if (_register >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_QUEUE_SREG_QNUM, _register);
        }
        else
        {
            writer.WriteUInt16BigEndian(NFTA_QUEUE_NUM, _number);
            writer.WriteUInt16BigEndian(NFTA_QUEUE_TOTAL, _total);
        }

        writer.WriteUInt16BigEndian(NFTA_QUEUE_FLAGS, _flags);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => evaluation.Decide((_flags & NFT_QUEUE_FLAG_BYPASS) != 0 ? NF_ACCEPT : NF_DROP);
}
