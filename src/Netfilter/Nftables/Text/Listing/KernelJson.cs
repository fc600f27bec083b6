using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>What the kernel knows, as JSON.</summary>
internal static class KernelJson
{
    internal static JsonObject Routing(RoutingKey key)
    {
        var content = new JsonObject { ["key"] = Last(Keys.Of(key).Name) };
        AddFamily(content, Keys.Of(key).Name);
        return NodeJson.Wrap("rt", content);
    }

    internal static JsonObject Socket(SocketKey key) => NodeJson.Wrap("socket", new JsonObject { ["key"] = Keys.Of(key).Name });

    internal static JsonObject Osf(byte timeToLive, uint flags)
    {
        var content = new JsonObject { ["key"] = (flags & NfTables.NFT_OSF_F_VERSION) != 0 ? "version" : "name" };
        if (timeToLive is 1 or 2)
        {
            content["ttl"] = timeToLive == 1 ? "loose" : "skip";
        }

        return NodeJson.Wrap("osf", content);
    }

    internal static JsonObject Xfrm(XfrmKey key, XfrmDirection? direction, uint? number)
    {
        var content = new JsonObject { ["key"] = Last(Keys.Of(key).Name) };
        AddFamily(content, Keys.Of(key).Name);
        content["dir"] = direction == XfrmDirection.Out ? "out" : "in";
        content["spnum"] = number ?? 0;
        return NodeJson.Wrap("ipsec", content);
    }

    internal static JsonObject Fib(FibResult result, FibFlags flags)
    {
        var content = new JsonObject { ["result"] = BytecodeNames.Of(result) };
        string[] names = [.. BytecodeNames.FibFlagNames.Where(pair => (flags & pair.Flag) != 0).Select(pair => pair.Name)];
        if (names.Length > 0)
        {
            content["flags"] = new JsonArray([.. names.Select(name => (JsonNode)name)]);
        }

        return NodeJson.Wrap("fib", content);
    }

    internal static JsonObject Generator(NumberGeneratorKind? kind, uint? modulus, uint? offset) => NodeJson.Wrap(
        "numgen", new JsonObject { ["mode"] = kind == NumberGeneratorKind.Random ? "random" : "inc", ["mod"] = modulus ?? 0, ["offset"] = offset ?? 0 });

    internal static JsonObject Hash(HashExpression hash)
    {
        var content = new JsonObject { ["mod"] = hash.Modulus ?? 0 };
        if (hash.Seed is { } seed)
        {
            content["seed"] = seed;
        }

        if (hash.Offset is > 0 and var offset)
        {
            content["offset"] = offset;
        }

        return content;
    }

    private static string Last(string name) => name[(name.LastIndexOf(' ') + 1)..];

    private static void AddFamily(JsonObject content, string name)
    {
        if (name.Contains(' ', StringComparison.Ordinal))
        {
            content["family"] = name[..name.IndexOf(' ', StringComparison.Ordinal)];
        }
    }
}
