#if DEBUG
using System.Collections.Concurrent;
#endif
using Microsoft.Extensions.ObjectPool;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// Buffers to write messages into, used again and again. Each has one owner at a time, who gives it back by disposing the lease. Debug
/// builds remember who holds which, and <see cref="Dispose"/> fails loudly when one was not given back.
/// </summary>
public sealed class NetlinkBufferPool : IDisposable
{
    private const int Kept = 16;

    private readonly DefaultObjectPool<NetlinkBuffer> _free = new(new Policy(), Kept);
#if DEBUG
    private readonly ConcurrentDictionary<NetlinkBuffer, string> _held = [];
#endif

    /// <summary>Takes a buffer.</summary>
    /// <param name="purpose">What for; named in the report of a leak.</param>
    public Lease Rent(string purpose)
    {
        NetlinkBuffer buffer = _free.Get();
#if DEBUG
        _held[buffer] = purpose;
#else
        _ = purpose;
#endif
        return new Lease(this, buffer);
    }

    /// <summary>Ends the pool.</summary>
    /// <exception cref="InvalidOperationException">In debug builds: a buffer was not given back.</exception>
    public void Dispose()
    {
#if DEBUG
        if (!_held.IsEmpty)
        {
            throw new InvalidOperationException($"Buffers not given back: {string.Join(", ", _held.Values)}.");
        }
#endif
    }

    private void Return(NetlinkBuffer buffer)
    {
#if DEBUG
        if (!_held.TryRemove(buffer, out _))
        {
            throw new InvalidOperationException("A buffer was given back twice.");
        }
#endif
        _free.Return(buffer);
    }

    private sealed class Policy : PooledObjectPolicy<NetlinkBuffer>
    {
        public override NetlinkBuffer Create() => new();

        // One very large batch is no reason to hold that much for ever.
        public override bool Return(NetlinkBuffer obj)
        {
            obj.Clear();
            return obj.Capacity <= 1024 * 1024;
        }
    }

    /// <summary>A buffer on loan.</summary>
    public readonly struct Lease : IDisposable
    {
        private readonly NetlinkBufferPool _pool;

        internal Lease(NetlinkBufferPool pool, NetlinkBuffer buffer)
        {
            _pool = pool;
            Buffer = buffer;
        }

        /// <summary>The buffer; not to be used after <see cref="Dispose"/>.</summary>
        public NetlinkBuffer Buffer { get; }

        /// <summary>Gives the buffer back.</summary>
        public void Dispose() => _pool.Return(Buffer);
    }
}
