using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>last: when a packet last came this far.</summary>
internal sealed class LastExpression : StatefulExpression
{
    private const ushort IsSet = 1, Milliseconds = 2;

    private NftablesSubsystem _subsystem = null!;
    private long? _last;

    public static ExpressionType Type { get; } = ExpressionType.Of<LastExpression>(new AttributePolicy(
        Milliseconds, (IsSet, AttributePolicy.U32), (Milliseconds, AttributePolicy.U64)));

    /// <inheritdoc />
    public override string Name => "last";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _subsystem = context.Subsystem;
        bool isSet = table.Has(IsSet) && table[IsSet].UInt32BigEndian != 0;
        if (isSet && table.Has(Milliseconds))
        {
            _last = _subsystem.Now - (long)table[Milliseconds].UInt64BigEndian;
        }

        return LinuxError.None;
    }

    /// <inheritdoc />
    public override Expression Clone() => new LastExpression { _subsystem = _subsystem };

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(IsSet, _last is null ? 0u : 1);
        writer.WriteUInt64BigEndian(Milliseconds, _last is { } last ? (ulong)(_subsystem.Now - last) : 0);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _last = evaluation.Now;
}
