using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>A token bucket over packets or bytes, on the virtual clock.</summary>
internal sealed class LimitState
{
    private const ulong NanosecondsPerSecond = 1000000000;

    public static AttributePolicy Policy { get; } = new(
        NFTA_LIMIT_FLAGS,
        (NFTA_LIMIT_RATE, AttributePolicy.U64),
        (NFTA_LIMIT_UNIT, AttributePolicy.U64),
        (NFTA_LIMIT_BURST, AttributePolicy.U32),
        (NFTA_LIMIT_TYPE, AttributePolicy.U32),
        (NFTA_LIMIT_FLAGS, AttributePolicy.U32));

    private ulong _rate, _nanoseconds, _tokens, _maximum, _last;
    private uint _burst, _type, _flags;

    public LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_LIMIT_RATE) || !table.Has(NFTA_LIMIT_UNIT))
        {
            return LinuxError.EINVAL;
        }

        _type = table.Has(NFTA_LIMIT_TYPE) ? table[NFTA_LIMIT_TYPE].UInt32BigEndian : NFT_LIMIT_PKTS;
        if (_type > NFT_LIMIT_PKT_BYTES)
        {
            return LinuxError.EOPNOTSUPP;
        }

        _rate = table[NFTA_LIMIT_RATE].UInt64BigEndian;
        ulong unit = table[NFTA_LIMIT_UNIT].UInt64BigEndian;
        if (_rate == 0)
        {
            return LinuxError.EINVAL;
        }

        if (unit > ulong.MaxValue / NanosecondsPerSecond)
        {
            return LinuxError.EOVERFLOW;
        }

        _nanoseconds = unit * NanosecondsPerSecond;
        _burst = table.Has(NFTA_LIMIT_BURST) ? table[NFTA_LIMIT_BURST].UInt32BigEndian : 0;
        if (_type == NFT_LIMIT_PKTS && _burst == 0)
        {
            _burst = 5;
        }

        if (_rate + _burst < _rate)
        {
            return LinuxError.EOVERFLOW;
        }

        UInt128 tokens = _type == NFT_LIMIT_PKTS
            ? (UInt128)(_nanoseconds / _rate) * _burst
            : (UInt128)_nanoseconds * (_rate + _burst) / _rate;
        if (tokens > ulong.MaxValue)
        {
            return LinuxError.EOVERFLOW;
        }

        _tokens = _maximum = (ulong)tokens;
        _last = Nanoseconds(context.Subsystem);
        if (table.Has(NFTA_LIMIT_FLAGS))
        {
            _flags = table[NFTA_LIMIT_FLAGS].UInt32BigEndian;
            if ((_flags & ~NFT_LIMIT_F_INV) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }

        return LinuxError.None;
    }

    public void Dump(ref NetlinkWriter writer)
    {
        writer.WriteUInt64BigEndian(NFTA_LIMIT_RATE, _rate);
        writer.WriteUInt64BigEndian(NFTA_LIMIT_UNIT, _nanoseconds / NanosecondsPerSecond);
        writer.WriteUInt32BigEndian(NFTA_LIMIT_BURST, _burst);
        writer.WriteUInt32BigEndian(NFTA_LIMIT_TYPE, _type);
        writer.WriteUInt32BigEndian(NFTA_LIMIT_FLAGS, _flags);
    }

    public void Evaluate(Evaluation evaluation)
    {
        ulong now = Nanoseconds(evaluation.Subsystem);
        ulong tokens = Math.Min(_tokens + (now - _last), _maximum);
        _last = now;
        ulong cost = _type == NFT_LIMIT_PKTS ? _nanoseconds / _rate : (ulong)((UInt128)_nanoseconds * (uint)evaluation.Context.PacketLength / _rate);
        bool isOver = tokens < cost;
        _tokens = isOver ? tokens : tokens - cost;
        if (isOver != (_flags & NFT_LIMIT_F_INV) > 0)
        {
            evaluation.Break();
        }
    }

    public LimitState Copy()
    {
        var copy = (LimitState)MemberwiseClone();
        copy._tokens = _maximum;
        return copy;
    }

    private static ulong Nanoseconds(NftablesSubsystem subsystem) => (ulong)subsystem.Kernel.Clock.Elapsed.Ticks * 100;
}

/// <summary>limit: goes on as long as a rate is kept, or only where it is exceeded.</summary>
internal sealed class LimitExpression : StatefulExpression
{
    private LimitState _state = new();

    public static ExpressionType Type { get; } = new(
        LimitState.Policy,
        (NftContext _, ParsedAttributes table, out Expression? expression) =>
        {
            expression = new LimitExpression();
            return table.Has(NFTA_LIMIT_TYPE) && table[NFTA_LIMIT_TYPE].UInt32BigEndian > NFT_LIMIT_PKT_BYTES ? LinuxError.EOPNOTSUPP : LinuxError.None;
        });

    /// <inheritdoc />
    public override string Name => "limit";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => _state.Init(context, table);

    /// <inheritdoc />
    public override Expression Clone() => new LimitExpression { _state = _state.Copy() };

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}

/// <summary>A limit under a name.</summary>
internal sealed class LimitObject : StatefulObject
{
    private readonly LimitState _state = new();

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_LIMIT;

    /// <inheritdoc />
    public override AttributePolicy Policy => LimitState.Policy;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => _state.Init(context, table);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}
