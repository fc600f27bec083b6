using System.Diagnostics.CodeAnalysis;
using EucaNet.Simulator.Recording;

namespace EucaNet.Simulator.Fabric;

// A cloud as it is at one moment: copied, written down, and made again.
public sealed partial class SimulatedCloud
{
    // What has not been copied yet comes from here; null where the cloud was made otherwise.
    private ObjectGraphCopy? _origin;

    /// <summary>Makes a cloud again from the text that <see cref="Save"/> wrote: it goes on as the first would have.</summary>
    /// <exception cref="FormatException">It is no such text, or was written by another version of the program.</exception>
    [RequiresUnreferencedCode("A state names types and fields."), RequiresDynamicCode("A state names types and fields.")]
    public static SimulatedCloud Load(TextReader input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ObjectGraphReader().Read(input) as SimulatedCloud ?? throw new FormatException("The text holds no cloud.");
    }

    /// <summary>
    /// Writes everything that the cloud holds as text, what is under way included: a line for each object. Loaded and saved again it is the same text. It names types and
    /// their fields, so it is read by the same version of the program only.
    /// </summary>
    /// <exception cref="NotSupportedException">Something that hangs on the cloud has no text, as a recording into a file.</exception>
    [RequiresUnreferencedCode("A state names types and fields."), RequiresDynamicCode("A state names types and fields.")]
    public void Save(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        new ObjectGraphWriter(output).Write(this);
    }

    /// <summary>
    /// Makes a second cloud that is as this one is now; both go on from here, each for itself. A machine is copied, with the programs that wait on it, when something first happens to it on
    /// either side: a frame, a timer, a system call, a program that looks at the machine's clock. At once are copied the cables and switches, a little for each machine, machines on which faults
    /// are planned, and the programs that are named here: name those of yours that change without asking their machine for anything.
    /// </summary>
    /// <param name="programs">Objects outside the cloud that belong to it, an engine on one of its kernels: they get twins that work on the second cloud.</param>
    /// <exception cref="NotSupportedException">Something that hangs on the cloud cannot be copied, as a recording into a file. What hangs on one machine only is met when the fork first comes to it, and said there.</exception>
    [RequiresUnreferencedCode("A fork copies objects field by field."), RequiresDynamicCode("A fork makes code for each type it copies.")]
    public CloudFork Fork(params object[] programs)
    {
        ArgumentNullException.ThrowIfNull(programs);
        var fork = new CloudFork(this, programs);
        fork.Cloud._origin = fork.Copy;
        if (Clock.Queue.IsBusy)
        {
            fork.Copy.OpenAll();
        }

        foreach (SimulatedHost host in _hosts.Where(static host => host.HasFaults))
        {
            fork.Copy.Open(host.Identity);
        }

        if (!fork.Copy.IsComplete)
        {
            Clock.Queue.Add(fork.Copy);
        }

        return fork;
    }
}
