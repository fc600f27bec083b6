using System.Runtime.CompilerServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Netfilter.Conntrack;

/// <summary>What became of a connection.</summary>
public enum ConntrackEventKind
{
    /// <summary>It is new.</summary>
    New,

    /// <summary>It changed.</summary>
    Updated,

    /// <summary>It is over, or was forgotten.</summary>
    Destroyed,

    /// <summary>Announcements were lost: list the connections to know.</summary>
    Lost,
}

/// <summary>An announcement of connection tracking.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Entry">The connection; null where announcements were lost.</param>
public sealed record ConntrackEvent(ConntrackEventKind Kind, ConntrackEntry? Entry);

/// <summary>Announces connections as they begin, change and end.</summary>
public sealed class ConntrackWatcher : IDisposable
{
    private readonly INetlinkSocket _socket;
    private readonly NetlinkReceiveBuffer _received = new();
    private readonly Queue<ConntrackEvent> _ready = new();

    private ConntrackWatcher(INetlinkSocket socket) => _socket = socket;

    /// <summary>Begins to watch.</summary>
    /// <exception cref="KernelException">EPERM: it needs CAP_NET_ADMIN.</exception>
    public static ConntrackWatcher Open(IKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return new ConntrackWatcher(kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions
        {
            StrictChecking = false,
            Groups = [Nfnetlink.NFNLGRP_CONNTRACK_NEW, Nfnetlink.NFNLGRP_CONNTRACK_UPDATE, Nfnetlink.NFNLGRP_CONNTRACK_DESTROY],
        }));
    }

    /// <summary>The next announcement, where one waits.</summary>
    public bool TryRead(out ConntrackEvent? announcement)
    {
        while (!_ready.TryDequeue(out announcement))
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
                _ready.Enqueue(new ConntrackEvent(ConntrackEventKind.Lost, null));
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

    /// <summary>Announcements as they come.</summary>
    public async IAsyncEnumerable<ConntrackEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            while (TryRead(out ConntrackEvent? announcement))
            {
                yield return announcement!;
            }

            await _socket.WaitReadableAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Stops watching.</summary>
    public void Dispose() => _socket.Dispose();

    private void Take(ReadOnlySpan<byte> datagram)
    {
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            if (ConntrackEntry.TryRead(message, out ConntrackEntry? entry))
            {
                ConntrackEventKind kind = (message.Header.Type & 0xff) switch
                {
                    IPCTNL_MSG_CT_DELETE => ConntrackEventKind.Destroyed,
                    _ when (message.Header.Flags & NetlinkMessageFlags.Create) != 0 => ConntrackEventKind.New,
                    _ => ConntrackEventKind.Updated,
                };
                _ready.Enqueue(new ConntrackEvent(kind, entry));
            }
        }
    }
}
