namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>
/// Real machines for a list of programs, some of them made ahead: a link's carrier takes a second to be noticed, in which another machine's is, too.
/// </summary>
internal sealed class LabSupply(IEnumerable<Topology> topologies) : IDisposable
{
    private const int Ahead = 6;

    private readonly IEnumerator<Topology> _topologies = topologies.GetEnumerator();
    private readonly Queue<Task<RealLab>> _labs = new();

    /// <summary>The machine of the next program; the caller disposes it.</summary>
    public RealLab Next()
    {
        while (_labs.Count < Ahead && _topologies.MoveNext())
        {
            Topology topology = _topologies.Current;
            _labs.Enqueue(Task.Run(() => new RealLab(topology)));
        }

        return _labs.Dequeue().GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        _topologies.Dispose();
        foreach (Task<RealLab> lab in _labs)
        {
            lab.GetAwaiter().GetResult().Dispose();
        }
    }
}
