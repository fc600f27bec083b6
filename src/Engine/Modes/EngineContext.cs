using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Kernel;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>What every part of an engine is made with.</summary>
internal sealed record EngineContext(IKernel Kernel, NetworkConfiguration Configuration, EngineOptions Options)
{
    /// <summary>What the engine tells of itself; null where nobody asked for an engine (a test of the doctor's).</summary>
    public EngineInstruments? Instruments { get; init; }

    public ILogger Logger<T>() => Options.LoggerFactory.CreateLogger<T>();

    public DateTimeOffset Now => Kernel.Time.GetUtcNow();
}

/// <summary>Gathers what an operation does, in order.</summary>
internal sealed class ChangeLog
{
    private readonly List<Change> _changes = [];

    public int Count => _changes.Count;

    public void Add(ChangeKind kind, string subject, string detail = "") => _changes.Add(new Change(kind, subject, detail));

    public ChangeSummary ToSummary() => _changes.Count == 0 ? ChangeSummary.Nothing : new ChangeSummary { Changes = [.. _changes] };
}
