using System.CommandLine;
using EucaNet.Engine.Configuration;

namespace EucaNet.Cli;

/// <summary>--role front-end|node</summary>
internal static class RoleOption
{
    public static Option<EngineRole> Build()
    {
        var option = new Option<EngineRole>("--role")
        {
            Description = "The machine it is for: front-end or node.",
            HelpName = "front-end|node",
            DefaultValueFactory = _ => EngineRole.FrontEnd,
            CustomParser = result =>
            {
                switch (result.Tokens[0].Value)
                {
                    case "front-end":
                        return EngineRole.FrontEnd;
                    case "node":
                        return EngineRole.Node;
                    case var other:
                        result.AddError($"'{other}' is no role; write front-end or node");
                        return default;
                }
            },
        };
        option.CompletionSources.Add("front-end", "node");
        return option;
    }
}
