using System.Runtime.InteropServices;

namespace EucaNet.Cli.Control;

/// <summary>While it lives, files of this process are made with the owner's rights only (umask 0177).</summary>
internal sealed partial class OwnerOnlyFiles : IDisposable
{
    private readonly uint _before = SetMask(0x7F);

    public void Dispose() => _ = SetMask(_before);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);
}
