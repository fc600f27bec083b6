using System.Runtime.CompilerServices;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// Watches traced packets, as <c>nft monitor trace</c> does: on which rules do <c>meta nftrace set 1</c> is the rule set's affair. Steps that came while the reader was
/// too slow are lost; their number is not known, <see cref="Losses"/> says how often that happened.
/// </summary>
public sealed class NftablesTraceWatcher : IDisposable
{
    private readonly INetlinkSocket _socket;
    private readonly NftablesConnection _connection;
    private readonly NetlinkReceiveBuffer _received = new();
    private readonly DecodeCache _names = new();
    private readonly Queue<NftablesTrace> _ready = new();
    private readonly ListingOptions _options;
    private NftablesTraceText? _text;

    private NftablesTraceWatcher(INetlinkSocket socket, NftablesConnection connection, ListingOptions options)
    {
        _socket = socket;
        _connection = connection;
        _options = options;
    }

    /// <summary>How often steps were lost.</summary>
    public int Losses { get; private set; }

    /// <summary>Begins to watch.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="options">How <see cref="Describe"/> prints; null for nft's own defaults.</param>
    /// <param name="receiveBufferSize">How many bytes of steps may wait; a packet takes about 200 bytes a rule.</param>
    public static NftablesTraceWatcher Open(IKernel kernel, ListingOptions? options = null, int receiveBufferSize = 1 << 21)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        NftablesConnection connection = NftablesConnection.Open(kernel);
        try
        {
            INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions
            {
                StrictChecking = false,
                Groups = [Nfnetlink.NFNLGRP_NFTRACE],
                ReceiveBufferSize = receiveBufferSize,
            });
            return new NftablesTraceWatcher(socket, connection, options ?? ListingOptions.Default);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The next step, where it is told already.</summary>
    public bool TryRead(out NftablesTrace? step)
    {
        while (!_ready.TryDequeue(out step))
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
                Losses++;
                continue;
            }

            for (int index = 0; index < _received.Count; index++)
            {
                if (_received[index].SenderPortId == 0)
                {
                    Take(_received.Bytes(index));
                }
            }
        }

        return true;
    }

    /// <summary>Steps as they come.</summary>
    public async IAsyncEnumerable<NftablesTrace> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            while (TryRead(out NftablesTrace? step))
            {
                yield return step!;
            }

            await _socket.WaitReadableAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// A step in the words of <c>nft monitor trace</c>, one line each; empty for a step that nft passes over in silence. A rule that is not known yet is read from the kernel.
    /// </summary>
    public string Describe(NftablesTrace step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (_text is null || (step.RuleHandle is not null && !_text.Knows(step)))
        {
            _text = new NftablesTraceText(_connection.ReadRuleset(), _options);
        }

        return _text.Of(step);
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
            if (NftablesMessage.TryRead(message, _names, out NftablesMessage? read) && read?.Entity is NftablesTrace step)
            {
                _ready.Enqueue(step);
            }
        }
    }
}
