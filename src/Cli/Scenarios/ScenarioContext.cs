using System.Text.Json.Serialization.Metadata;
using EucaNet.Cli.Control;
using Spectre.Console.Rendering;

namespace EucaNet.Cli.Scenarios;

/// <summary>Runtime commands typed in a scenario: they go to the scenario's engines, answers into its story.</summary>
internal sealed class ScenarioContext(ScenarioCloud cloud, string? node, Story story) : IVerbContext
{
    public IControl Control { get; } = new ScenarioControl(cloud, node, story);

    public void Show(ChangeMessage change)
    {
        foreach (string line in change.Changes)
        {
            story.Did(cloud.FrontEndName, line);
        }
    }

    public void Show<T>(T value, JsonTypeInfo<T> type, Func<IRenderable> table) => story.Show(value, type, table);
}
