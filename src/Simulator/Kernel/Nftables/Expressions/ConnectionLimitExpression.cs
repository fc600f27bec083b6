using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>How many connections come this far at the same time.</summary>
internal sealed class ConnectionLimitState
{
    private readonly HashSet<Connection> _connections = [];
    private uint _limit, _flags;

    public static AttributePolicy Policy { get; } = new(2, (1, AttributePolicy.U32), (2, AttributePolicy.U32));

    public LinuxError Init(ParsedAttributes table)
    {
        if (!table.Has(1))
        {
            return LinuxError.EINVAL;
        }

        _limit = table[1].UInt32BigEndian;
        _flags = table.Has(2) ? table[2].UInt32BigEndian : 0;
        return (_flags & ~1u) != 0 ? LinuxError.EOPNOTSUPP : LinuxError.None;
    }

    public void Dump(ref NetlinkWriter writer)
    {
        writer.WriteUInt32BigEndian(1, _limit);
        if (_flags != 0)
        {
            writer.WriteUInt32BigEndian(2, _flags);
        }
    }

    public void Evaluate(Evaluation evaluation)
    {
        DateTimeOffset now = evaluation.Subsystem.Kernel.Clock.Steady.GetUtcNow();
        _connections.RemoveWhere(connection => connection.IsDying || connection.IsConfirmed && connection.Expires <= now);
        if (evaluation.Packet.Connection is { } current)
        {
            _connections.Add(current);
        }

        bool isOver = _connections.Count > _limit;
        if (isOver != ((_flags & 1) != 0))
        {
            evaluation.Break();
        }
    }

    public ConnectionLimitState Copy() => new() { _limit = _limit, _flags = _flags };
}

/// <summary>connlimit: goes on while not more than a number of connections come this far.</summary>
internal sealed class ConnectionLimitExpression : StatefulExpression
{
    private ConnectionLimitState _state = new();
    private bool _uses;

    public static ExpressionType Type { get; } = ExpressionType.Of<ConnectionLimitExpression>(ConnectionLimitState.Policy);

    /// <inheritdoc />
    public override string Name => "connlimit";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = _state.Init(table);
        if (error == LinuxError.None && context.Chain is not null)
        {
            _uses = true;
            context.Subsystem.Kernel.Stack.Netfilter.UseConntrack(context.Family);
        }

        return error;
    }

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (phase != DeactivatePhase.Prepare && _uses)
        {
            _uses = false;
            context.Subsystem.Kernel.Stack.Netfilter.ReleaseConntrack(context.Family);
        }
    }

    /// <inheritdoc />
    public override Expression Clone() => new ConnectionLimitExpression { _state = _state.Copy() };

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}

/// <summary>A limit of connections under a name.</summary>
internal sealed class ConnectionLimitObject : StatefulObject
{
    private readonly ConnectionLimitState _state = new();

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CONNLIMIT;

    /// <inheritdoc />
    public override AttributePolicy Policy => ConnectionLimitState.Policy;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => _state.Init(table);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}
