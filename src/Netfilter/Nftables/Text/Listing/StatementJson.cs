using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Statements as JSON.</summary>
internal sealed class StatementJson(NodeJson nodes, Func<Statement, string> printText)
{
    public JsonNode? Of(Statement statement) => statement switch
    {
        MatchStatement match => nodes.Of(match.Node),
        VerdictStatement verdict => NodeJson.Verdict(verdict.Verdict),
        AssignmentStatement assignment => NodeJson.Wrap("mangle", new JsonObject { ["key"] = nodes.Of(assignment.Target), ["value"] = nodes.Of(assignment.Value) }),
        RemovalStatement removal => NodeJson.Wrap("reset", Removed(removal.Option)),
        RejectStatement reject => Reject(reject),
        NatStatement nat => Nat(nat),
        ProxyStatement proxy => Proxy(proxy),
        DuplicateStatement duplicate => Duplicate(duplicate),
        ForwardStatement forward => Forward(forward),
        QueueStatement queue => Queue(queue),
        ObjectStatement named => NodeJson.Wrap(NftablesObject.KindName(named.Type), nodes.Of(named.Name)),
        SetStatement { Data: null } set => Set(set),
        PlainStatement plain => PlainJson.Of(plain.Expression, stateless: false),
        _ => printText(statement),
    };

    private static JsonObject Removed(OptionNode option) => NodeJson.Wrap(
        "tcp option",
        option.Header is { } header ? new JsonObject { ["name"] = header.Name } : new JsonObject { ["base"] = option.OptionType, ["offset"] = option.Offset, ["len"] = option.Bits });

    private static void AddFlags(JsonObject content, string name, params ReadOnlySpan<(bool Is, string Name)> flags)
    {
        var names = new List<string>();
        foreach ((bool isSet, string flag) in flags)
        {
            if (isSet)
            {
                names.Add(flag);
            }
        }

        if (names.Count > 0)
        {
            content[name] = NodeJson.OneOrMany([.. names]);
        }
    }

    private static JsonNode? OrNull(JsonObject content) => content.Count == 0 ? null : content;

    private static string FamilyName(uint family) => ((NftablesFamily)family).ToText();

    private JsonObject Reject(RejectStatement reject)
    {
        string? type = reject.Reject.Kind switch
        {
            RejectKind.TcpReset => "tcp reset",
            RejectKind.IcmpxUnreachable => "icmpx",
            _ => reject.Family switch { Nfnetlink.NFPROTO_IPV4 => "icmp", Nfnetlink.NFPROTO_IPV6 => "icmpv6", _ => null },
        };
        if (type is null)
        {
            return NodeJson.Wrap("reject", null);
        }

        var content = new JsonObject { ["type"] = type };
        if (reject.Reject.Kind != RejectKind.TcpReset)
        {
            content["expr"] = nodes.Of(new ValueNode(reject.Reject.IcmpCode ?? 0, 8) { Type = reject.CodeType, Order = ByteOrder.Big });
        }

        return NodeJson.Wrap("reject", content);
    }

    private JsonObject Nat(NatStatement nat)
    {
        var content = new JsonObject();
        if (nat.Family is Nfnetlink.NFPROTO_IPV4 or Nfnetlink.NFPROTO_IPV6)
        {
            content["family"] = FamilyName(nat.Family);
        }

        if (nat.Address is { } address)
        {
            content["addr"] = nodes.Of(address);
        }

        if (nat.Port is { } port)
        {
            content["port"] = nodes.Of(port);
        }

        AddFlags(
            content, "flags", ((nat.Flags & NatFlags.Random) != 0, "random"), ((nat.Flags & NatFlags.FullyRandom) != 0, "fully-random"),
            ((nat.Flags & NatFlags.Persistent) != 0, "persistent"), ((nat.Flags & NatFlags.MapNetwork) != 0, "netmap"));
        if (nat.IsPrefix)
        {
            content["type_flags"] = "prefix";
        }

        return NodeJson.Wrap(nat.Name, OrNull(content));
    }

    private JsonObject Proxy(ProxyStatement proxy)
    {
        var content = new JsonObject();
        if (proxy.TableIsInet && proxy.Family != 0)
        {
            content["family"] = FamilyName(proxy.Family);
        }

        if (proxy.Address is { } address)
        {
            content["addr"] = nodes.Of(address);
        }

        if (proxy.Port is { } port)
        {
            content["port"] = nodes.Of(port);
        }

        return NodeJson.Wrap("tproxy", content);
    }

    private JsonObject Duplicate(DuplicateStatement duplicate)
    {
        if ((duplicate.Address ?? duplicate.Device) is not { } to)
        {
            return NodeJson.Wrap("dup", null);
        }

        var content = new JsonObject { ["addr"] = nodes.Of(to) };
        if (duplicate.Address is not null && duplicate.Device is { } device)
        {
            content["dev"] = nodes.Of(device);
        }

        return NodeJson.Wrap("dup", content);
    }

    private JsonObject Forward(ForwardStatement forward)
    {
        var content = new JsonObject { ["dev"] = forward.Device is { } device ? nodes.Of(device) : null };
        if (forward.Address is { } address)
        {
            content["family"] = FamilyName(forward.Family);
            content["addr"] = nodes.Of(address);
        }

        return NodeJson.Wrap("fwd", content);
    }

    private JsonObject Queue(QueueStatement queue)
    {
        var content = new JsonObject { ["num"] = nodes.Of(queue.Number) };
        AddFlags(content, "flags", ((queue.Flags & QueueFlags.Bypass) != 0, "bypass"), ((queue.Flags & QueueFlags.CpuFanout) != 0, "fanout"));
        return NodeJson.Wrap("queue", content);
    }

    private JsonObject Set(SetStatement set)
    {
        if (set.Set.Set.IsAnonymous && set.Statements is [PlainStatement first, ..])
        {
            return NodeJson.Wrap("meter", new JsonObject
            {
                ["key"] = nodes.Key(set.Key, set.Timeout),
                ["stmt"] = PlainJson.Of(first.Expression, stateless: true),
                ["size"] = set.Set.Set.Declaration.Size ?? 0,
                ["name"] = set.Set.Set.Name,
            });
        }

        var content = new JsonObject
        {
            ["op"] = BytecodeNames.Of(set.Operation),
            ["elem"] = nodes.Key(set.Key, set.Timeout),
            ["set"] = "@" + set.Set.Set.Name,
        };
        if (set.Statements.Count > 0)
        {
            content["stmt"] = new JsonArray([.. set.Statements.Select(statement => statement is PlainStatement plain ? PlainJson.Of(plain.Expression, stateless: true) : Of(statement))]);
        }

        return NodeJson.Wrap("set", content);
    }
}
