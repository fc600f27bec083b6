using System.Runtime.InteropServices;

namespace EucaNet.Netlink.Tests.Fuzz;

/// <summary>Memory that ends where the process may not read on: one byte beyond a message ends the process, and so the test.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int PageSize = 4096;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly int _length;
    private readonly byte* _memory;

    /// <summary>Room for messages of up to <paramref name="capacity"/> bytes.</summary>
    public GuardedMemory(int capacity)
    {
        _length = (capacity + PageSize - 1) & ~(PageSize - 1);
        _memory = (byte*)Map(null, (nuint)(_length + PageSize), ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)_memory == -1 || Protect(_memory + _length, PageSize, 0) != 0)
        {
            throw new InvalidOperationException($"no guarded memory: error {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>A copy of the message that ends at the guard.</summary>
    public ReadOnlySpan<byte> Place(ReadOnlySpan<byte> message)
    {
        var place = new Span<byte>(_memory + _length - message.Length, message.Length);
        message.CopyTo(place);
        return place;
    }

    public void Dispose() => Unmap(_memory, (nuint)(_length + PageSize));

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
