using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>What a counter counts.</summary>
internal sealed class CounterState
{
    public static AttributePolicy Policy { get; } = new(2, (NFTA_COUNTER_PACKETS, AttributePolicy.U64), (NFTA_COUNTER_BYTES, AttributePolicy.U64));

    private ulong _packets, _bytes;

    public void Init(ParsedAttributes table)
    {
        _packets = table.Has(NFTA_COUNTER_PACKETS) ? table[NFTA_COUNTER_PACKETS].UInt64BigEndian : 0;
        _bytes = table.Has(NFTA_COUNTER_BYTES) ? table[NFTA_COUNTER_BYTES].UInt64BigEndian : 0;
    }

    public void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt64BigEndian(NFTA_COUNTER_BYTES, _bytes);
        writer.WriteUInt64BigEndian(NFTA_COUNTER_PACKETS, _packets);
        if (reset)
        {
            _packets = _bytes = 0;
        }
    }

    public void Count(Evaluation evaluation)
    {
        _packets++;
        _bytes += (ulong)evaluation.Context.PacketLength;
    }

    public CounterState Copy() => (CounterState)MemberwiseClone();
}

/// <summary>counter: counts packets and bytes that come this far.</summary>
internal sealed class CounterExpression : StatefulExpression
{
    private CounterState _state = new();

    public static ExpressionType Type { get; } = ExpressionType.Of<CounterExpression>(CounterState.Policy);

    /// <inheritdoc />
    public override string Name => "counter";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _state.Init(table);
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override Expression Clone() => new CounterExpression { _state = _state.Copy() };

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer, reset);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Count(evaluation);
}

/// <summary>A counter under a name.</summary>
internal sealed class CounterObject : StatefulObject
{
    private readonly CounterState _state = new();

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_COUNTER;

    /// <inheritdoc />
    public override AttributePolicy Policy => CounterState.Policy;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _state.Init(table);
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer, reset);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Count(evaluation);
}
