using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints statements that stand in one expression: counter, limit, quota, log and so on.</summary>
internal static class PlainPrinter
{
    private const uint DefaultLogLevel = 4;
    private const uint DefaultPacketBurst = 5;
    private const LogFlags AllLogFlags = LogFlags.TcpSequence | LogFlags.TcpOptions | LogFlags.IpOptions | LogFlags.SocketUser | LogFlags.LinkLayer;

    private static readonly string[] LogLevels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];

    public static void Print(StringBuilder text, Expression expression, bool stateless)
    {
        switch (expression)
        {
            case CounterExpression counter:
                text.Append("counter");
                if (!stateless)
                {
                    text.Append(CultureInfo.InvariantCulture, $" packets {counter.Packets ?? 0} bytes {counter.Bytes ?? 0}");
                }

                break;
            case LastExpression last:
                text.Append("last used ");
                if (last.IsSet is > 0)
                {
                    ValuePrinter.PrintTime(text, last.Milliseconds ?? 0, numeric: false);
                    text.Append(" ago");
                }
                else
                {
                    text.Append("never");
                }

                break;
            case LimitExpression limit:
                text.Append("limit ");
                PrintLimit(text, limit.Rate ?? 0, limit.Unit ?? 0, limit.Burst ?? 0, limit.Kind == LimitKind.Bytes, ((limit.Flags ?? 0) & NfTables.NFT_LIMIT_F_INV) != 0);
                break;
            case ConnectionLimitExpression limit:
                text.Append(CultureInfo.InvariantCulture, $"ct count {(limit.Flags is > 0 ? "over " : "")}{limit.Count ?? 0}");
                break;
            case QuotaExpression quota:
                text.Append("quota ");
                PrintQuota(text, quota.Bytes ?? 0, stateless ? 0 : quota.Consumed ?? 0, (quota.Flags & QuotaFlags.Over) is > 0);
                break;
            case LogExpression log:
                PrintLog(text, log);
                break;
            case NoTrackExpression:
                text.Append("notrack");
                break;
            case FlowOffloadExpression offload:
                text.Append("flow add @").Append(offload.FlowtableName);
                break;
            case SynproxyExpression synproxy:
                PrintSynproxy(text, synproxy);
                break;
            case MatchExpression match:
                text.Append("xt match ").Append(match.MatchName);
                break;
            case TargetExpression target:
                text.Append("xt target ").Append(target.TargetName);
                break;
            default:
                text.Append("# unknown expression ").Append(expression.Name);
                break;
        }
    }

    public static string LogLevel(uint level) => level < LogLevels.Length ? LogLevels[level] : "unknown";

    /// <summary>A rate and a burst, without the word in front.</summary>
    public static void PrintLimit(StringBuilder text, ulong rate, ulong unit, uint burst, bool bytes, bool over)
    {
        text.Append("rate ").Append(over ? "over " : "");
        if (bytes)
        {
            PrintBytes(text, rate);
        }
        else
        {
            text.Append(CultureInfo.InvariantCulture, $"{rate}");
        }

        text.Append('/').Append(BytecodeNames.OfUnit(unit));
        if (bytes && burst != 0)
        {
            text.Append(" burst ");
            PrintBytes(text, burst);
        }
        else if (!bytes && burst != 0 && burst != DefaultPacketBurst)
        {
            text.Append(CultureInfo.InvariantCulture, $" burst {burst} packets");
        }
    }

    /// <summary>A quota without the word in front.</summary>
    public static void PrintQuota(StringBuilder text, ulong bytes, ulong used, bool over)
    {
        text.Append(over ? "over " : "");
        PrintBytes(text, bytes);
        if (used != 0)
        {
            text.Append(" used ");
            PrintBytes(text, used);
        }
    }

    /// <summary>Bytes in the largest of three units that holds them without a fraction.</summary>
    private static void PrintBytes(StringBuilder text, ulong bytes)
    {
        string[] units = ["bytes", "kbytes", "mbytes"];
        int unit = 0;
        while (bytes != 0 && unit < units.Length - 1 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            unit++;
        }

        text.Append(CultureInfo.InvariantCulture, $"{bytes} {units[unit]}");
    }

    private static void PrintLog(StringBuilder text, LogExpression log)
    {
        text.Append("log");
        text.Append(log.Prefix is { Length: > 0 } prefix ? $" prefix \"{prefix}\"" : "");
        Append(text, " group ", log.Group);
        Append(text, " snaplen ", log.SnapLength);
        Append(text, " queue-threshold ", log.QueueThreshold);
        if (log.Level is { } level && level != DefaultLogLevel)
        {
            text.Append(" level ").Append(LogLevel(level));
        }

        LogFlags flags = log.Flags ?? 0;
        if ((flags & AllLogFlags) == AllLogFlags)
        {
            text.Append(" flags all");
            return;
        }

        if ((flags & (LogFlags.TcpSequence | LogFlags.TcpOptions)) != 0)
        {
            text.Append(" flags tcp");
            bool sequence = (flags & LogFlags.TcpSequence) != 0;
            text.Append(sequence ? " sequence" : "");
            text.Append((flags & LogFlags.TcpOptions) != 0 ? (sequence ? ",options" : " options") : "");
        }

        text.Append((flags & LogFlags.IpOptions) != 0 ? " flags ip options" : "");
        text.Append((flags & LogFlags.SocketUser) != 0 ? " flags skuid" : "");
        text.Append((flags & LogFlags.LinkLayer) != 0 ? " flags ether" : "");
    }

    private static void Append(StringBuilder text, string name, uint? value)
    {
        if (value is { } number)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{number}");
        }
    }

    private static void PrintSynproxy(StringBuilder text, SynproxyExpression synproxy)
    {
        SynproxyFlags flags = synproxy.Flags ?? 0;
        text.Append("synproxy");
        if ((flags & (SynproxyFlags.MaximumSegmentSize | SynproxyFlags.WindowScale)) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" mss {synproxy.MaximumSegmentSize ?? 0} wscale {synproxy.WindowScale ?? 0}");
        }

        text.Append((flags & SynproxyFlags.Timestamp) != 0 ? " timestamp" : "");
        text.Append((flags & SynproxyFlags.SackPermitted) != 0 ? " sack-perm" : "");
    }
}
