using EucaNet.Simulator.Datapath;

namespace EucaNet.Simulator.Kernel;

/// <summary>The datapath's place in the kernel.</summary>
public sealed partial class SimulatedKernel
{
    private NetworkStack? _stack;

    /// <summary>Carries this kernel's packets.</summary>
    internal NetworkStack Stack => _stack ??= new NetworkStack(this);

    partial void AttachDatapath() => Datapath = Stack;
}
