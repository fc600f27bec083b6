using System.Diagnostics.CodeAnalysis;
using EucaNet.Simulator.Recording;

namespace EucaNet.Simulator.Kernel;

// A kernel that stands for itself, written down and made again.
public sealed partial class SimulatedKernel
{
    /// <summary>Makes a kernel again from the text that <see cref="Save"/> wrote: it answers as the first would have, handles and indices included.</summary>
    /// <exception cref="FormatException">It is no such text, or was written by another version of the program.</exception>
    [RequiresUnreferencedCode("A state names types and fields."), RequiresDynamicCode("A state names types and fields.")]
    public static SimulatedKernel Load(TextReader input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ObjectGraphReader().Read(input) as SimulatedKernel ?? throw new FormatException("The text holds no kernel.");
    }

    /// <summary>
    /// Writes everything that the kernel holds as text, its clock with it, and with that all kernels that share it: save a cloud as a whole. Loaded and saved again it is the same text. It
    /// names types and their fields, so it is read by the same version of the program only; for people there is <see cref="KernelSnapshot"/>.
    /// </summary>
    /// <exception cref="NotSupportedException">Something that hangs on the kernel has no text.</exception>
    [RequiresUnreferencedCode("A state names types and fields."), RequiresDynamicCode("A state names types and fields.")]
    public void Save(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        new ObjectGraphWriter(output).Write(this);
    }
}
