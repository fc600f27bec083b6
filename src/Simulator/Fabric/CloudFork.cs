using System.Diagnostics.CodeAnalysis;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;

namespace EucaNet.Simulator.Fabric;

/// <summary>
/// A second cloud, begun as an exact copy of the first with everything that goes on in it: kernels, packets under way, timers, sources of chance, fault plans, DHCP
/// clients, and the programs that wait on its sockets. From here on each goes its own way, and neither sees what happens in the other; the same
/// inputs give the same run in both. A machine is copied when something first happens to it, here or in the first cloud. Made by <see cref="SimulatedCloud.Fork"/>.
/// </summary>
public sealed class CloudFork
{
    private readonly ObjectGraphCopy _copy;

    [RequiresUnreferencedCode("A fork copies objects field by field."), RequiresDynamicCode("A fork makes code for each type it copies.")]
    internal CloudFork(SimulatedCloud cloud, object[] programs)
    {
        _copy = new ObjectGraphCopy();
        Cloud = (SimulatedCloud)_copy.Copy(cloud)!;
        foreach (object program in programs)
        {
            _copy.Copy(program);
        }
    }

    /// <summary>The copy.</summary>
    public SimulatedCloud Cloud { get; }

    /// <summary>Objects that have been copied: what the fork has cost so far.</summary>
    public int Objects => _copy.Count;

    internal ObjectGraphCopy Copy => _copy;

    /// <summary>What stands in the copy for an object of the first cloud: a host, a cable, a socket, or a program that was given to <see cref="SimulatedCloud.Fork"/>.</summary>
    /// <exception cref="ArgumentException">It is not part of the first cloud.</exception>
    public T Twin<T>(T original)
        where T : class
    {
        object? twin = _copy.Find(original);
        if (twin is null)
        {
            // Something within a machine that has not been copied.
            if (original is SimulatedKernel kernel)
            {
                _copy.Open(kernel.Identity);
            }
            else
            {
                _copy.OpenAll();
            }

            twin = _copy.Find(original);
        }

        return twin as T ?? throw new ArgumentException("This is not part of the cloud that was forked; give programs beside it to Fork.", nameof(original));
    }
}
