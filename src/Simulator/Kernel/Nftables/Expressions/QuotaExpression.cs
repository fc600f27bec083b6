using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>A volume and how much of it is used up.</summary>
internal sealed class QuotaState
{
    private const uint Inverted = 1, Depleted = 2;

    public static AttributePolicy Policy { get; } = new(
        NFTA_QUOTA_CONSUMED, (NFTA_QUOTA_BYTES, AttributePolicy.U64), (NFTA_QUOTA_FLAGS, AttributePolicy.U32), (NFTA_QUOTA_CONSUMED, AttributePolicy.U64));

    private ulong _quota, _consumed;
    private uint _flags;

    public LinuxError Init(ParsedAttributes table)
    {
        if (!table.Has(NFTA_QUOTA_BYTES))
        {
            return LinuxError.EINVAL;
        }

        _quota = table[NFTA_QUOTA_BYTES].UInt64BigEndian;
        if (_quota > long.MaxValue)
        {
            return LinuxError.EOVERFLOW;
        }

        if (table.Has(NFTA_QUOTA_CONSUMED))
        {
            _consumed = table[NFTA_QUOTA_CONSUMED].UInt64BigEndian;
            if (_consumed > _quota)
            {
                return LinuxError.EINVAL;
            }
        }

        if (table.Has(NFTA_QUOTA_FLAGS))
        {
            _flags = table[NFTA_QUOTA_FLAGS].UInt32BigEndian;
            if ((_flags & ~(Inverted | Depleted)) != 0)
            {
                return LinuxError.EINVAL;
            }

            if ((_flags & Depleted) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }

        return LinuxError.None;
    }

    public void Dump(ref NetlinkWriter writer, bool reset)
    {
        ulong consumed = Math.Min(_consumed, _quota);
        writer.WriteUInt64BigEndian(NFTA_QUOTA_BYTES, _quota);
        writer.WriteUInt64BigEndian(NFTA_QUOTA_CONSUMED, consumed);
        writer.WriteUInt32BigEndian(NFTA_QUOTA_FLAGS, _flags | (_consumed >= _quota ? Depleted : 0));
        if (reset)
        {
            _consumed = 0;
        }
    }

    public void Evaluate(Evaluation evaluation)
    {
        _consumed += (ulong)evaluation.Context.PacketLength;
        bool over = _consumed > _quota;
        if (over != ((_flags & Inverted) != 0))
        {
            evaluation.Break();
        }
    }

    public void Update(QuotaState other)
    {
        _quota = other._quota;
        _flags = other._flags;
    }

    public QuotaState Copy() => new() { _quota = _quota, _flags = _flags };
}

/// <summary>quota: goes on until a volume is used up, or only after.</summary>
internal sealed class QuotaExpression : StatefulExpression
{
    private QuotaState _state = new();

    public static ExpressionType Type { get; } = ExpressionType.Of<QuotaExpression>(QuotaState.Policy);

    /// <inheritdoc />
    public override string Name => "quota";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => _state.Init(table);

    /// <inheritdoc />
    public override Expression Clone() => new QuotaExpression { _state = _state.Copy() };

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer, reset);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}

/// <summary>A quota under a name.</summary>
internal sealed class QuotaObject : StatefulObject
{
    private readonly QuotaState _state = new();

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_QUOTA;

    /// <inheritdoc />
    public override AttributePolicy Policy => QuotaState.Policy;

    /// <inheritdoc />
    public override bool CanUpdate => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => _state.Init(table);

    /// <inheritdoc />
    public override void Update(StatefulObject other) => _state.Update(((QuotaObject)other)._state);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer, reset);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}
