using System.Runtime.CompilerServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>One commit, as the kernel announces it.</summary>
/// <param name="Generation">The generation it made.</param>
/// <param name="ProcessId">Who made it; null after a loss.</param>
/// <param name="ProcessName">That process's name; null after a loss.</param>
/// <param name="Messages">What it changed, in order; none after a loss.</param>
/// <param name="Resynchronized">Announcements were lost before this: the whole rule set as it stands at <paramref name="Generation"/>, in place of them; else null.</param>
public sealed record NftablesChange(uint Generation, uint? ProcessId, string? ProcessName, IReadOnlyList<NftablesMessage> Messages, NftablesRuleset? Resynchronized = null);

/// <summary>
/// Watches the rule set: one change set a commit, with who made it. Where the reader was too slow and the kernel dropped announcements (ENOBUFS), the
/// next change carries the whole rule set instead, and goes on from there without a gap.
/// </summary>
public sealed class NftablesWatcher : IDisposable
{
    private readonly INetlinkSocket _socket;
    private readonly NftablesConnection _connection;
    private readonly NetlinkReceiveBuffer _received = new();
    private readonly DecodeCache _names = new();
    private readonly Queue<NftablesChange> _ready = new();
    private List<NftablesMessage> _messages = [];
    private uint? _resynchronizedAt;

    private NftablesWatcher(INetlinkSocket socket, NftablesConnection connection)
    {
        _socket = socket;
        _connection = connection;
    }

    /// <summary>Begins to watch: what is committed from here on is announced.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="receiveBufferSize">How many bytes of announcements may wait; null for the system's default.</param>
    public static NftablesWatcher Open(IKernel kernel, int? receiveBufferSize = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        NftablesConnection connection = NftablesConnection.Open(kernel);
        try
        {
            INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions
            {
                StrictChecking = false,
                Groups = [Nfnetlink.NFNLGRP_NFTABLES],
                ReceiveBufferSize = receiveBufferSize,
            });
            return new NftablesWatcher(socket, connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The next commit, where it is announced already.</summary>
    public bool TryRead(out NftablesChange? change)
    {
        while (!_ready.TryDequeue(out change))
        {
            try
            {
                if (_socket.Receive(_received) == 0)
                {
                    return false;
                }
            }
            catch (KernelException exception) when (exception.Error == LinuxError.ENOBUFS)
            {
                Resynchronize();
                continue;
            }

            bool truncated = false;
            for (int index = 0; index < _received.Count && !truncated; index++)
            {
                if (_received[index].SenderPortId != 0)
                {
                    continue;
                }

                truncated = _received[index].IsTruncated;
                if (!truncated)
                {
                    Take(_received.Bytes(index));
                }
                else
                {
                    _received.GrowSlots(_received[index].FullLength);
                }
            }

            if (truncated)
            {
                Resynchronize();
            }
        }

        return true;
    }

    /// <summary>Commits as they come.</summary>
    public async IAsyncEnumerable<NftablesChange> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            while (TryRead(out NftablesChange? change))
            {
                yield return change!;
            }

            await _socket.WaitReadableAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Stops watching.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _connection.Dispose();
    }

    private void Take(ReadOnlySpan<byte> datagram)
    {
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            if (!NftablesMessage.TryRead(message, _names, out NftablesMessage? read) || read is null)
            {
                continue;
            }

            if (read.Entity is not Generation generation)
            {
                _messages.Add(read);
                continue;
            }

            // What the snapshot after a loss holds already is not told again.
            if (_resynchronizedAt is not { } known || (int)(generation.Id - known) > 0)
            {
                _ready.Enqueue(new NftablesChange(generation.Id, generation.ProcessId, generation.ProcessName, _messages));
                _resynchronizedAt = null;
            }

            _messages = [];
        }
    }

    // All that was lost was committed before this, so the rule set read now has it.
    private void Resynchronize()
    {
        _messages = [];
        NftablesRuleset ruleset = _connection.ReadRuleset();
        _resynchronizedAt = ruleset.Generation;
        _ready.Enqueue(new NftablesChange(ruleset.Generation, null, null, [], ruleset));
    }
}
