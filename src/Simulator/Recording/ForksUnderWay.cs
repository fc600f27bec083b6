using System.Diagnostics.CodeAnalysis;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Recording;

/// <summary>The forks of a cloud that have not copied all of it. It belongs to no state: neither copies nor texts have it.</summary>
internal sealed class ForksUnderWay
{
    private readonly Lock _lock = new();
    private volatile WeakReference<ObjectGraphCopy>[] _forks = [];

    /// <summary>Some fork may still want what the cloud holds.</summary>
    public bool Any => _forks.Length > 0;

    public void Add(ObjectGraphCopy fork) => Update(new WeakReference<ObjectGraphCopy>(fork));

    /// <summary>A machine of the cloud is about to change: forks that have not copied it do so now.</summary>
    public void Changing(MachineIdentity machine)
    {
        bool over = false;
        foreach (WeakReference<ObjectGraphCopy> fork in _forks)
        {
            if (IsUnderWay(fork, out ObjectGraphCopy? copy))
            {
                copy.LetGo(machine);
            }
            else
            {
                over = true;
            }
        }

        if (over)
        {
            Update();
        }
    }

    private void Update(params WeakReference<ObjectGraphCopy>[] added)
    {
        lock (_lock)
        {
            _forks = [.. _forks.Where(static fork => IsUnderWay(fork, out _)), .. added];
        }
    }

    private static bool IsUnderWay(WeakReference<ObjectGraphCopy> fork, [NotNullWhen(true)] out ObjectGraphCopy? copy) => fork.TryGetTarget(out copy) && !copy.IsComplete;
}
