using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Statements that stand in one expression, as JSON.</summary>
internal static class PlainJson
{
    private const uint DefaultLogLevel = 4;

    public static JsonNode? Of(Expression expression, bool stateless) => expression switch
    {
        CounterExpression when stateless => NodeJson.Wrap("counter", null),
        CounterExpression counter => NodeJson.Wrap("counter", new JsonObject { ["packets"] = counter.Packets ?? 0, ["bytes"] = counter.Bytes ?? 0 }),
        LimitExpression limit => NodeJson.Wrap("limit", Limit(limit)),
        ConnectionLimitExpression limit => NodeJson.Wrap("ct count", WithInverse(new JsonObject { ["val"] = limit.Count ?? 0 }, limit.Flags is > 0)),
        QuotaExpression quota => NodeJson.Wrap("quota", Quota(quota, stateless)),
        LogExpression log => NodeJson.Wrap("log", Log(log)),
        NoTrackExpression => NodeJson.Wrap("notrack", null),
        FlowOffloadExpression offload => NodeJson.Wrap("flow", new JsonObject { ["op"] = "add", ["flowtable"] = "@" + offload.FlowtableName }),
        SynproxyExpression synproxy => NodeJson.Wrap("synproxy", Synproxy(synproxy)),
        MatchExpression match => NodeJson.Wrap("xt", new JsonObject { ["type"] = "match", ["name"] = match.MatchName }),
        TargetExpression target => NodeJson.Wrap("xt", new JsonObject { ["type"] = "target", ["name"] = target.TargetName }),
        _ => Text(expression, stateless),
    };

    /// <summary>Bytes in the largest of three units that holds them without a fraction.</summary>
    internal static (ulong Value, string Unit) Bytes(ulong bytes)
    {
        string[] units = ["bytes", "kbytes", "mbytes"];
        int unit = 0;
        while (bytes != 0 && unit < units.Length - 1 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            unit++;
        }

        return (bytes, units[unit]);
    }

    private static JsonValue Text(Expression expression, bool stateless)
    {
        var text = new System.Text.StringBuilder();
        PlainPrinter.Print(text, expression, stateless);
        return JsonValue.Create(text.ToString());
    }

    private static JsonObject WithInverse(JsonObject content, bool inverted)
    {
        if (inverted)
        {
            content["inv"] = true;
        }

        return content;
    }

    private static JsonObject Limit(LimitExpression limit)
    {
        bool bytes = limit.Kind == LimitKind.Bytes;
        (ulong rate, string rateUnit) = bytes ? Bytes(limit.Rate ?? 0) : (limit.Rate ?? 0, "");
        (ulong burst, string burstUnit) = bytes ? Bytes(limit.Burst ?? 0) : (limit.Burst ?? 0, "");
        JsonObject content = WithInverse(
            new JsonObject { ["rate"] = rate, ["burst"] = burst, ["per"] = BytecodeNames.OfUnit(limit.Unit ?? 0) }, ((limit.Flags ?? 0) & NfTables.NFT_LIMIT_F_INV) != 0);
        if (bytes)
        {
            content["rate_unit"] = rateUnit;
            content["burst_unit"] = burstUnit;
        }

        return content;
    }

    private static JsonObject Quota(QuotaExpression quota, bool stateless)
    {
        (ulong value, string unit) = Bytes(quota.Bytes ?? 0);
        JsonObject content = WithInverse(new JsonObject { ["val"] = value, ["val_unit"] = unit }, (quota.Flags & QuotaFlags.Over) is > 0);
        if (!stateless && quota.Consumed is > 0 and var consumed)
        {
            (ulong used, string usedUnit) = Bytes(consumed);
            content["used"] = used;
            content["used_unit"] = usedUnit;
        }

        return content;
    }

    private static JsonObject? Log(LogExpression log)
    {
        var content = new JsonObject();
        if (log.Prefix is { Length: > 0 } prefix)
        {
            content["prefix"] = prefix;
        }

        if (log.Group is { } group)
        {
            content["group"] = group;
        }

        if (log.SnapLength is { } length)
        {
            content["snaplen"] = length;
        }

        if (log.QueueThreshold is { } threshold)
        {
            content["queue-threshold"] = threshold;
        }

        if (log.Level is { } level && level != DefaultLogLevel)
        {
            content["level"] = PlainPrinter.LogLevel(level);
        }

        LogFlags flags = log.Flags ?? 0;
        (LogFlags Flag, string Name)[] known =
            [(LogFlags.TcpSequence, "tcp sequence"), (LogFlags.TcpOptions, "tcp options"), (LogFlags.IpOptions, "ip options"), (LogFlags.SocketUser, "skuid"), (LogFlags.LinkLayer, "ether")];
        string[] names = [.. known.Where(pair => (flags & pair.Flag) != 0).Select(pair => pair.Name)];
        if (names.Length > 0)
        {
            content["flags"] = names.Length == known.Length ? "all" : NodeJson.OneOrMany(names);
        }

        return content.Count == 0 ? null : content;
    }

    private static JsonObject? Synproxy(SynproxyExpression synproxy)
    {
        SynproxyFlags flags = synproxy.Flags ?? 0;
        var content = new JsonObject();
        if ((flags & SynproxyFlags.MaximumSegmentSize) != 0)
        {
            content["mss"] = synproxy.MaximumSegmentSize ?? 0;
        }

        if ((flags & SynproxyFlags.WindowScale) != 0)
        {
            content["wscale"] = synproxy.WindowScale ?? 0;
        }

        ObjectJson.AddSynproxyFlags(content, flags);
        return content.Count == 0 ? null : content;
    }
}
