using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>log: writes the packet to the log, or hands it to a program that listens to a group.</summary>
internal sealed class LogExpression : Expression
{
    private const uint Warning = 4, Audit = 8, KnownFlags = 0x2f;

    private string? _prefix;
    private ushort? _group;
    private uint? _snapLength;
    private ushort _threshold;
    private uint _level, _flags;

    public static ExpressionType Type { get; } = ExpressionType.Of<LogExpression>(new AttributePolicy(
        NFTA_LOG_FLAGS,
        (NFTA_LOG_GROUP, AttributePolicy.U16),
        (NFTA_LOG_PREFIX, AttributePolicy.Text(127)),
        (NFTA_LOG_SNAPLEN, AttributePolicy.U32),
        (NFTA_LOG_QTHRESHOLD, AttributePolicy.U16),
        (NFTA_LOG_LEVEL, AttributePolicy.U32),
        (NFTA_LOG_FLAGS, AttributePolicy.U32)));

    /// <inheritdoc />
    public override string Name => "log";

    /// <summary>What is written before each line.</summary>
    public string Prefix => _prefix ?? "";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (table.Has(NFTA_LOG_LEVEL) && table.Has(NFTA_LOG_GROUP))
        {
            return LinuxError.EINVAL;
        }

        _prefix = table.Has(NFTA_LOG_PREFIX) ? table[NFTA_LOG_PREFIX].Name : null;
        if (table.Has(NFTA_LOG_GROUP))
        {
            _group = table[NFTA_LOG_GROUP].UInt16BigEndian;
            _snapLength = table.Has(NFTA_LOG_SNAPLEN) ? table[NFTA_LOG_SNAPLEN].UInt32BigEndian : null;
            _threshold = table.Has(NFTA_LOG_QTHRESHOLD) ? table[NFTA_LOG_QTHRESHOLD].UInt16BigEndian : (ushort)0;
            return LinuxError.None;
        }

        _level = table.Has(NFTA_LOG_LEVEL) ? table[NFTA_LOG_LEVEL].UInt32BigEndian : Warning;
        if (_level > Audit)
        {
            return LinuxError.EINVAL;
        }

        if (table.Has(NFTA_LOG_FLAGS))
        {
            _flags = table[NFTA_LOG_FLAGS].UInt32BigEndian;
            if ((_flags & ~KnownFlags) != 0)
            {
                return LinuxError.EINVAL;
            }
        }

        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        if (_prefix is { } prefix)
        {
            NftMessage.WriteName(ref writer, NFTA_LOG_PREFIX, prefix);
        }

        if (_group is { } group)
        {
            writer.WriteUInt16BigEndian(NFTA_LOG_GROUP, group);
            if (_snapLength is { } length)
            {
                writer.WriteUInt32BigEndian(NFTA_LOG_SNAPLEN, length);
            }

            if (_threshold != 0)
            {
                writer.WriteUInt16BigEndian(NFTA_LOG_QTHRESHOLD, _threshold);
            }

            return;
        }

        writer.WriteUInt32BigEndian(NFTA_LOG_LEVEL, _level);
        if (_flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_LOG_FLAGS, _flags);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) =>
        evaluation.Packet.Tell(Datapath.StoryKind.Decision, Datapath.TraceLevel.Summary, evaluation.Stack.HostName, $"log \"{Prefix}\"");
}
