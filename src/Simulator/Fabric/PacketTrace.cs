using System.Text;
using EucaNet.Simulator.Datapath;

namespace EucaNet.Simulator.Fabric;

/// <summary>
/// What became of a packet, from the machine that sent it to where it ended, and of what came of it. <see cref="Path"/> is
/// the shortest form: machines, devices, translations and the end; stable, so it can be compared in regression tests.
/// </summary>
public sealed class PacketTrace
{
    private readonly PacketJourney _journey;

    internal PacketTrace(PacketJourney journey) => _journey = journey;

    /// <summary>The way of the packet itself, up to its receiver or where it was dropped, on one line.</summary>
    public string Path => Line(RequestSteps());

    /// <summary>The way there and, where an answer came, back.</summary>
    public string RoundTrip => Line(Furthest()?.Steps() ?? []);

    /// <summary>Why the packet did not arrive; null where it did.</summary>
    public string? DropReason => RequestSteps() is [.., { Kind: StoryKind.Dropped } last] ? $"{last.Text} at {last.Host}" : null;

    /// <summary>The steps of the packet itself in order, as many as the probe's level told.</summary>
    public IReadOnlyList<TraceStep> Steps => [.. RequestSteps().Select(step => new TraceStep(step.Host, (TraceStepKind)step.Kind, step.Text))];

    /// <summary>The whole story at a level, a step a line, copies of flooded frames included, in the order it happened.</summary>
    public string ToText(TraceLevel level)
    {
        var text = new StringBuilder();
        var numbers = new Dictionary<PacketStory, int>();
        int branches = 0;
        foreach (PacketStory step in _journey.Steps)
        {
            // A step whose predecessor has a successor already is another copy of the packet.
            if (step.Previous is not { } previous || !numbers.Remove(previous, out int branch))
            {
                branch = ++branches;
            }

            numbers[step] = branch;
            if (step.Level > level)
            {
                continue;
            }

            text.Append('#').Append(branch).Append(' ').Append(step.Host).Append(": ").Append(step.Kind switch
            {
                StoryKind.Device when step.Text.Length == 0 => "passes",
                StoryKind.Device => $"device {step.Text}",
                StoryKind.Delivered => $"delivered: {step.Text}",
                StoryKind.Answer => $"sends {step.Text}",
                _ => step.Text,
            }).Append('\n');
        }

        return text.ToString();
    }

    /// <inheritdoc />
    public override string ToString() => Path;

    private IReadOnlyList<PacketStory> RequestSteps()
    {
        IReadOnlyList<PacketStory> steps = Furthest()?.Steps() ?? [];
        for (int i = 0; i < steps.Count; i++)
        {
            if (steps[i].Level == TraceLevel.Minimal && steps[i].Kind is StoryKind.Delivered or StoryKind.Dropped)
            {
                return [.. steps.Take(i + 1)];
            }
        }

        return steps;
    }

    /// <summary>The end of the copy that mattered: one that arrived before one that was dropped, the longest before the shorter.</summary>
    private PacketStory? Furthest()
    {
        PacketStory? best = null;
        int bestScore = -1;
        foreach (PacketStory step in _journey.Steps)
        {
            if (step.Level != TraceLevel.Minimal)
            {
                continue;
            }

            // A station that isn't meant looks away; that is no end worth telling while there is another.
            int score = step.Depth + (step.Kind == StoryKind.Delivered ? 1_000_000 : 0) - (step.Kind == StoryKind.Dropped && step.Text.StartsWith("frame is for", StringComparison.Ordinal) ? 500_000 : 0);
            if (score > bestScore || best is null)
            {
                best = step;
                bestScore = score;
            }
        }

        return best;
    }

    private static string Line(IReadOnlyList<PacketStory> steps)
    {
        var text = new StringBuilder();
        string host = "";
        foreach (PacketStory step in steps)
        {
            if (step.Level != TraceLevel.Minimal)
            {
                continue;
            }

            if (text.Length > 0)
            {
                text.Append(" > ");
            }

            string told = step.Kind switch
            {
                StoryKind.Delivered => $"({step.Text})",
                StoryKind.Answer => $"[{step.Text}]",
                _ => step.Text,
            };
            if (step.Host != host)
            {
                text.Append(step.Host);
                host = step.Host;
                if (told.Length > 0)
                {
                    text.Append(' ');
                }
            }

            text.Append(told);
        }

        return text.ToString();
    }
}
