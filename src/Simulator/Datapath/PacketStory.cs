using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Datapath;

/// <summary>How much of a packet's story is told (as in ovn-trace).</summary>
public enum TraceLevel
{
    /// <summary>Machines, devices, translations, and how it ended; the form to compare in regression tests.</summary>
    Minimal = 0,

    /// <summary>Hooks, chains, routes and bridge decisions too.</summary>
    Summary = 1,

    /// <summary>Every rule that was looked at too.</summary>
    Detailed = 2,
}

/// <summary>What a step of a story is.</summary>
internal enum StoryKind : byte
{
    /// <summary>The packet passes a device.</summary>
    Device,

    /// <summary>The packet was changed (translated, tagged, its TTL lowered).</summary>
    Change,

    /// <summary>A decision on the way: a route, a bridge's choice of ports, a chain, a rule.</summary>
    Decision,

    /// <summary>An answer begins its way back.</summary>
    Answer,

    /// <summary>The packet reached a socket or the kernel's own services.</summary>
    Delivered,

    /// <summary>The packet ended here.</summary>
    Dropped,
}

/// <summary>
/// One step of a packet's way, linked to the step before, so that copies of a packet (flooding) share how they came about.
/// </summary>
internal sealed class PacketStory
{
    private PacketStory(PacketJourney journey, PacketStory? previous, StoryKind kind, TraceLevel level, string host, string text)
    {
        Journey = journey;
        Previous = previous;
        Kind = kind;
        Level = level;
        Host = host;
        Text = text;
        Depth = previous is null ? 0 : previous.Depth + 1;
    }

    public PacketJourney Journey { get; }

    public PacketStory? Previous { get; }

    public StoryKind Kind { get; }

    public TraceLevel Level { get; }

    /// <summary>The machine it happened on.</summary>
    public string Host { get; }

    public string Text { get; }

    public int Depth { get; }

    /// <summary>The first step of a packet that leaves <paramref name="host"/>.</summary>
    public static PacketStory Begin(PacketJourney journey, string host, string text)
    {
        var story = new PacketStory(journey, null, StoryKind.Decision, TraceLevel.Summary, host, text);
        journey.Add(story);
        return story;
    }

    public PacketStory Add(StoryKind kind, TraceLevel level, string host, string text)
    {
        var story = new PacketStory(Journey, this, kind, level, host, text);
        Journey.Add(story);
        return story;
    }

    /// <summary>A hook function dropped the packet.</summary>
    public void Dropped(HookContext context, string by) =>
        Add(StoryKind.Dropped, TraceLevel.Minimal, context.Stack.HostName, $"dropped by {by}");

    /// <summary>The steps from the first to this one.</summary>
    public IReadOnlyList<PacketStory> Steps()
    {
        var steps = new PacketStory[Depth + 1];
        for (PacketStory? step = this; step is not null; step = step.Previous)
        {
            steps[step.Depth] = step;
        }

        return steps;
    }
}

/// <summary>All that came of one packet: its copies, and the answers to it.</summary>
internal sealed class PacketJourney(TraceLevel level)
{
    private readonly List<PacketStory> _steps = [];

    /// <summary>Steps above this level need not be told.</summary>
    public TraceLevel Level { get; } = level;

    /// <summary>Every step in the order of time.</summary>
    public IReadOnlyList<PacketStory> Steps => _steps;

    internal void Add(PacketStory step) => _steps.Add(step);
}
