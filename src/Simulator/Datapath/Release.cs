using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Datapath;

/// <summary>Takes something of a kernel back once, when disposed.</summary>
internal sealed class Release(SimulatedKernel kernel, Action action) : IDisposable
{
    private Action? _action = action;

    public void Dispose()
    {
        using SimulationQueue.Call call = kernel.Enter();
        _action?.Invoke();
        _action = null;
    }
}
