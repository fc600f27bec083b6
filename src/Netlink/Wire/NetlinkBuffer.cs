namespace EucaNet.Netlink.Wire;

/// <summary>
/// A growable block of memory that messages are written into. One owner at a time; reuse it after <see cref="Clear"/>
/// and nothing is allocated once it has reached its size.
/// </summary>
public sealed class NetlinkBuffer
{
    private byte[] _bytes;

    /// <summary>A buffer with room for <paramref name="capacity"/> bytes before it grows.</summary>
    public NetlinkBuffer(int capacity = 4096) => _bytes = GC.AllocateUninitializedArray<byte>(Math.Max(capacity, 64));

    /// <summary>Bytes written so far.</summary>
    public int Length { get; internal set; }

    /// <summary>The messages written so far; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>The messages written so far, for asynchronous use; valid until the next write.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    /// <summary>Puts a value of fixed layout, in host byte order, over what was written at <paramref name="offset"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond what was written.</exception>
    public void Overwrite<T>(int offset, in T value)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.Write(_bytes.AsSpan(0, Length)[offset..], in value);

    /// <summary>Takes back everything from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length, nameof(length));
        Length = length;
    }

    /// <summary>Bytes there is room for before it grows.</summary>
    public int Capacity => _bytes.Length;

    internal Span<byte> Whole => _bytes;

    /// <summary>Forgets what was written and keeps the memory.</summary>
    public void Clear() => Length = 0;

    internal Span<byte> Grow(int used, int needed)
    {
        byte[] larger = GC.AllocateUninitializedArray<byte>(checked((int)Math.Max(_bytes.Length * 2L, (long)used + needed)));
        _bytes.AsSpan(0, used).CopyTo(larger);
        _bytes = larger;
        return larger;
    }
}
