using System.CommandLine;
using EucaNet.Engine.Configuration;

namespace EucaNet.Cli;

/// <summary>--role front-end|node|both</summary>
internal static class RoleOption
{
    public static Option<EngineRole> Build()
    {
        var option = new Option<EngineRole>("--role")
        {
            Description = "The machine it is for: front-end, node, or both on one machine.",
            HelpName = "front-end|node|both",
            DefaultValueFactory = _ => EngineRole.FrontEnd,
            CustomParser = result =>
            {
                switch (result.Tokens[0].Value)
                {
                    case "front-end":
                        return EngineRole.FrontEnd;
                    case "node":
                        return EngineRole.Node;
                    case "both":
                        return EngineRole.Both;
                    case var other:
                        result.AddError($"'{other}' is no role; write front-end, node or both");
                        return default;
                }
            },
        };
        option.CompletionSources.Add("front-end", "node", "both");
        return option;
    }

    /// <summary>A role as people write it.</summary>
    public static string NameOf(EngineRole role) => role switch { EngineRole.FrontEnd => "front-end", EngineRole.Node => "node", _ => "front-end and node" };
}
