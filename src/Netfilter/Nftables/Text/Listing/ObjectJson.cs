using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Named objects as JSON.</summary>
internal static class ObjectJson
{
    public static JsonObject Of(NftablesObject named)
    {
        var content = new JsonObject { ["family"] = named.Family.ToText(), ["name"] = named.Name, ["table"] = named.Table, ["handle"] = named.Handle ?? 0 };
        if (named.Comment is { } comment)
        {
            content["comment"] = comment;
        }

        switch (named.Data)
        {
            case CounterData counter:
                content["packets"] = counter.Packets ?? 0;
                content["bytes"] = counter.Bytes ?? 0;
                break;
            case QuotaData quota:
                content["bytes"] = quota.Bytes ?? 0;
                content["used"] = quota.Consumed ?? 0;
                content["inv"] = ((quota.Flags ?? 0) & NfTables.NFT_QUOTA_F_INV) != 0;
                break;
            case SecurityMarkData mark:
                content["context"] = mark.Context;
                break;
            case ConntrackHelperData helper:
                content["type"] = helper.Helper;
                content["protocol"] = Protocol(helper.Layer4);
                content["l3proto"] = Family(helper.Layer3);
                break;
            case ConntrackTimeoutData timeout:
                content["protocol"] = Protocol(timeout.Layer4);
                content["l3proto"] = Family(timeout.Layer3);
                var policy = new JsonObject();
                foreach ((string name, uint seconds) in ObjectPrinter.ChangedTimeouts(timeout))
                {
                    policy[name] = seconds;
                }

                content["policy"] = policy.Count == 0 ? null : policy;
                break;
            case ConntrackExpectationData expectation:
                content["protocol"] = Protocol(expectation.Layer4);
                content["dport"] = expectation.DestinationPort ?? 0;
                content["timeout"] = expectation.Timeout ?? 0;
                content["size"] = expectation.Size ?? 0;
                content["l3proto"] = Family(expectation.Layer3);
                break;
            case LimitData limit:
                AddLimit(content, limit);
                break;
            case SynproxyData synproxy:
                content["mss"] = synproxy.MaximumSegmentSize ?? 0;
                content["wscale"] = synproxy.WindowScale ?? 0;
                AddSynproxyFlags(content, (SynproxyFlags)(synproxy.Flags ?? 0));
                break;
        }

        return content;
    }

    internal static void AddSynproxyFlags(JsonObject content, SynproxyFlags flags)
    {
        var names = new JsonArray();
        if ((flags & SynproxyFlags.Timestamp) != 0)
        {
            names.Add((JsonNode)"timestamp");
        }

        if ((flags & SynproxyFlags.SackPermitted) != 0)
        {
            names.Add((JsonNode)"sack-perm");
        }

        if (names.Count > 0)
        {
            content["flags"] = names;
        }
    }

    private static void AddLimit(JsonObject content, LimitData limit)
    {
        bool bytes = limit.LimitType == NfTables.NFT_LIMIT_PKT_BYTES;
        (ulong rate, string rateUnit) = bytes ? PlainJson.Bytes(limit.Rate ?? 0) : (limit.Rate ?? 0, "");
        (ulong burst, string burstUnit) = bytes ? PlainJson.Bytes(limit.Burst ?? 0) : (limit.Burst ?? 0, "");
        content["rate"] = rate;
        content["per"] = BytecodeNames.OfUnit(limit.Unit ?? 0);
        if (((limit.Flags ?? 0) & NfTables.NFT_LIMIT_F_INV) != 0)
        {
            content["inv"] = true;
        }

        if (bytes)
        {
            content["rate_unit"] = rateUnit;
        }

        if (burst > 0)
        {
            content["burst"] = burst;
            if (bytes)
            {
                content["burst_unit"] = burstUnit;
            }
        }
    }

    private static JsonNode? Protocol(byte? number) => Symbols.Protocols.TryGetValue(number ?? 0, out string? name) ? name : number ?? 0;

    private static string Family(ushort? family) => ((NftablesFamily)(family ?? 0)).ToText();
}
