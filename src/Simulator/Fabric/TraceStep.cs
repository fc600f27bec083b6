namespace EucaNet.Simulator.Fabric;

/// <summary>What a step of a packet's way is.</summary>
public enum TraceStepKind
{
    /// <summary>It passes a device, whose name is the text.</summary>
    Device,

    /// <summary>It was changed: translated, tagged.</summary>
    Change,

    /// <summary>A decision: a route, a rule that matched, a chain's policy.</summary>
    Decision,

    /// <summary>An answer begins its way back.</summary>
    Answer,

    /// <summary>It reached a socket or the kernel's own services.</summary>
    Delivered,

    /// <summary>It ended here.</summary>
    Dropped,
}

/// <summary>One step of a packet's way.</summary>
/// <param name="Machine">The machine it happened on.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">In words: a device's name, "DNAT 203.0.113.10→192.168.0.2", "rule ip eucanet forward handle 12: accept".</param>
public sealed record TraceStep(string Machine, TraceStepKind Kind, string Text);
