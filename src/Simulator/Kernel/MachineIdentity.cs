namespace EucaNet.Simulator.Kernel;

/// <summary>Stands for one machine in a cloud and in all forks of it: what belongs to the machine names it.</summary>
internal sealed class MachineIdentity;
