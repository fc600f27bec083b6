using EucaNet.Netlink.Kernel;

namespace EucaNet.Netfilter.Nftables;

// The kernel makes a dump inside the receiving call, so receiving keeps a processor busy: another can decode meanwhile what came before.
public sealed partial class NftablesConnection
{
    /// <summary>
    /// Receives the next part of a dump on a thread of the pool. Whoever comes first does it: where no thread of the pool is free by the time the part is needed,
    /// the caller receives it itself and has lost nothing.
    /// </summary>
    private sealed class ReceiverAhead(NftablesConnection connection) : IThreadPoolWorkItem, IDisposable
    {
        private readonly ManualResetEventSlim _done = new();
        private NetlinkReceiveBuffer? _second;
        private NetlinkReceiveBuffer _target = connection._received;
        private Exception? _failure;
        private int _isTaken = 1;

        /// <summary>Begins to receive into the buffer that is not <paramref name="inUse"/>, and returns it. Each begin needs its <see cref="End"/>.</summary>
        public NetlinkReceiveBuffer Begin(NetlinkReceiveBuffer inUse)
        {
            _second ??= new NetlinkReceiveBuffer(inUse.Slots, inUse.SlotSize);
            _target = ReferenceEquals(inUse, _second) ? connection._received : _second;
            _failure = null;
            _done.Reset();
            Volatile.Write(ref _isTaken, 0);
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return _target;
        }

        /// <summary>Waits until it is received.</summary>
        /// <exception cref="KernelException">The receiving failed.</exception>
        public void End()
        {
            Execute();
            _done.Wait();
            if (_failure is not null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
            }
        }

        public void Execute()
        {
            if (Interlocked.Exchange(ref _isTaken, 1) != 0)
            {
                return;
            }

            try
            {
                // Of a lost message nothing is left but that what comes is incomplete, which its sequence tells.
                connection.TryReceive(_target, out _);
            }
            catch (Exception exception) when (exception is KernelException or ObjectDisposedException)
            {
                _failure = exception;
            }
            finally
            {
                _done.Set();
            }
        }

        public void GrowSlots(int bytes) => _second?.GrowSlots(bytes);

        public void Dispose() => _done.Dispose();
    }
}
