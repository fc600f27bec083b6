using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace EucaNet.Cli.Scenarios;

/// <summary>Tells a run as it happens: each step, what it did to which kernel, each expectation. Text for people, JSON lines for programs.</summary>
internal sealed class Story(IAnsiConsole console, bool json)
{
    private const int MachineColumn = 10;

    /// <summary>Expectations that held.</summary>
    public int Held { get; private set; }

    /// <summary>Expectations that did not.</summary>
    public int Failed { get; private set; }

    /// <summary>The first line: what runs on what.</summary>
    public void Begin(string file, string world)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "begin", Text = file, World = world });
            return;
        }

        console.MarkupLineInterpolated($"[bold]{file}[/] on {world}");
        console.WriteLine();
    }

    /// <summary>A line between steps.</summary>
    public void Say(string text)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "say", Text = text });
            return;
        }

        console.WriteLine();
        console.MarkupLineInterpolated($"[bold yellow]{text}[/]");
    }

    /// <summary>A step begins.</summary>
    public void Step(int line, string text)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "step", Line = line, Text = text });
            return;
        }

        console.MarkupLineInterpolated($"[grey]{line,4}[/]  [bold]{text}[/]");
    }

    /// <summary>What a step did on a machine.</summary>
    public void Did(string machine, string what)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "did", Machine = machine, Text = what });
            return;
        }

        console.MarkupLineInterpolated($"        [blue]{machine.PadRight(MachineColumn)}[/] {what}");
    }

    /// <summary>A list or an object that a command answered with.</summary>
    public void Show<T>(T value, JsonTypeInfo<T> type, Func<IRenderable> table)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "answer", Answer = JsonSerializer.SerializeToElement(value, type) });
            return;
        }

        console.Write(new Padder(table(), new Padding(8, 0, 0, 0)));
    }

    /// <summary>What a program printed.</summary>
    public void Print(string output)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "output", Text = output });
            return;
        }

        console.WriteLine(output);
    }

    /// <summary>An expectation and what came of it.</summary>
    public void Expectation(int line, string text, bool held, string detail)
    {
        Held += held ? 1 : 0;
        Failed += held ? 0 : 1;
        if (json)
        {
            Write(new StoryEvent { Event = "expect", Line = line, Text = text, Held = held, Detail = detail });
            return;
        }

        string colour = held ? "green" : "red";
        string word = held ? "held  " : "FAILED";
        console.MarkupLine($"[grey]{line,4}[/]  [{colour}]{word}[/] {Markup.Escape(text)}");
        if (detail.Length > 0)
        {
            console.MarkupLineInterpolated($"        [grey]{"".PadRight(MachineColumn)} {detail}[/]");
        }
    }

    /// <summary>Settlements that did not come about in time.</summary>
    public int NotConverged { get; private set; }

    /// <summary>Whether all engines came to rest in time.</summary>
    public void Settlement(int line, string text, bool settled, string detail)
    {
        NotConverged += settled ? 0 : 1;
        Expectation(line, text, settled, detail);
    }

    /// <summary>The exit status: 0 all held, 1 an expectation failed, 3 none but the cloud did not come to rest.</summary>
    public int Status => Failed == 0 ? 0 : Failed == NotConverged ? 3 : 1;

    /// <summary>The last line.</summary>
    public void End(int steps, TimeSpan time)
    {
        if (json)
        {
            Write(new StoryEvent { Event = "end", Steps = steps, ExpectationsHeld = Held, ExpectationsFailed = Failed });
            return;
        }

        console.WriteLine();
        string colour = Failed == 0 ? "green" : "red";
        console.MarkupLine($"[{colour}]{steps} steps, {Held} expectations held, {Failed} failed[/] [grey]({time.TotalSeconds:0.0} s)[/]");
    }

    private void Write(StoryEvent value) => console.Profile.Out.Writer.WriteLine(JsonLines.Of(value, StoryJson.Default.StoryEvent));
}

/// <summary>One line of a story for programs; what does not apply is left out.</summary>
internal sealed record StoryEvent
{
    public required string Event { get; init; }

    public int? Line { get; init; }

    public string? Machine { get; init; }

    public string? Text { get; init; }

    public string? World { get; init; }

    public bool? Held { get; init; }

    public string? Detail { get; init; }

    public JsonElement? Answer { get; init; }

    public int? Steps { get; init; }

    public int? ExpectationsHeld { get; init; }

    public int? ExpectationsFailed { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoryEvent))]
internal sealed partial class StoryJson : JsonSerializerContext;
