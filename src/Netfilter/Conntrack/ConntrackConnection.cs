using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Netfilter.Conntrack;

/// <summary>The connections that a network namespace tracks (ctnetlink): list, make, change, forget.</summary>
public sealed class ConntrackConnection : IDisposable
{
    private readonly NetlinkConnection _connection;

    private ConntrackConnection(NetlinkConnection connection) => _connection = connection;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="KernelException">The kernel refused the socket.</exception>
    public static ConntrackConnection Open(IKernel kernel) =>
        new(NetlinkConnection.Open(kernel, NetlinkProtocol.Netfilter, new NetlinkConnectionOptions { Socket = new NetlinkSocketOptions { StrictChecking = false } }));

    /// <summary>The connections that <paramref name="filter"/> means; all without one. Addresses and the protocol are filtered by the kernel where it can.</summary>
    public IReadOnlyList<ConntrackEntry> List(ConntrackFilter? filter = null)
    {
        NetlinkParser<ConntrackEntry> parser = (in NetlinkMessage message, [MaybeNullWhen(false)] out ConntrackEntry entry) =>
            ConntrackEntry.TryRead(message, out entry) && (filter?.Matches(entry) ?? true);
        if (filter is not null && DumpRequest(filter, out NetlinkBuffer narrow))
        {
            try
            {
                return _connection.Dump(narrow, parser);
            }
            catch (KernelException exception) when (exception.Error is LinuxError.EOPNOTSUPP or LinuxError.EINVAL)
            {
                // A kernel before 5.8: it lists all, and the filter works here.
            }
        }

        DumpRequest(null, out NetlinkBuffer wide);
        return _connection.Dump(wide, parser);
    }

    /// <summary>Makes a connection known.</summary>
    /// <exception cref="NetlinkException">EEXIST: it is known.</exception>
    public void Create(ConntrackEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        entry.WriteNew(ref writer, create: true);
        writer.Complete();
        _connection.Execute(buffer);
    }

    /// <summary>Changes the mark, timeout and status of a known connection.</summary>
    /// <exception cref="NetlinkException">ENOENT: it is not known.</exception>
    public void Update(ConntrackEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        entry.WriteNew(ref writer, create: false);
        writer.Complete();
        _connection.Execute(buffer);
    }

    /// <summary>Forgets a connection; false where it is not known (any more).</summary>
    public bool Delete(ConntrackEntry entry) => Delete([entry]) == 1;

    /// <summary>Forgets the connections that <paramref name="filter"/> means; returns how many there were.</summary>
    public int Delete(ConntrackFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return Delete(List(filter));
    }

    /// <summary>Forgets connections, many in one send; those that ended meanwhile are no error. Returns how many were known.</summary>
    /// <exception cref="NetlinkException">The kernel refused one for another reason.</exception>
    public int Delete(IReadOnlyList<ConntrackEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        int deleted = 0;
        var buffer = new NetlinkBuffer(16 * 1024);
        for (int next = 0; next < entries.Count;)
        {
            buffer.Clear();
            var writer = new NetlinkWriter(buffer);
            int first = next;
            for (; next < entries.Count && next - first < 100; next++)
            {
                entries[next].WriteDelete(ref writer);
            }

            writer.Complete();
            IReadOnlyList<NetlinkException> failures = Run(buffer);
            if (failures.FirstOrDefault(failure => !failure.IsNotFound) is { } refused)
            {
                throw refused;
            }

            deleted += next - first - failures.Count;
        }

        return deleted;
    }

    /// <summary>Forgets all connections of a family (NFPROTO_IPV4, NFPROTO_IPV6); of both with 0.</summary>
    public void Flush(byte family = Nfnetlink.NFPROTO_UNSPEC)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        writer.EndMessage(ConntrackEntry.Begin(ref writer, IPCTNL_MSG_CT_DELETE, NetlinkMessageFlags.Acknowledge, family));
        writer.Complete();
        _connection.Execute(buffer);
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _connection.Dispose();

    private IReadOnlyList<NetlinkException> Run(NetlinkBuffer requests)
    {
        ValueTask<IReadOnlyList<NetlinkException>> run = _connection.TryExecuteAsync(requests);
        if (!run.IsCompleted)
        {
            Task<IReadOnlyList<NetlinkException>> rest = run.AsTask();
            _connection.Kernel.Wait(rest);
            return rest.GetAwaiter().GetResult();
        }

        return run.GetAwaiter().GetResult();
    }

    private static bool DumpRequest(ConntrackFilter? filter, out NetlinkBuffer buffer)
    {
        buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark mark = ConntrackEntry.Begin(ref writer, IPCTNL_MSG_CT_GET, NetlinkMessageFlags.Dump, filter?.Family ?? Nfnetlink.NFPROTO_UNSPEC);
        bool filtered = filter?.WriteForKernel(ref writer) ?? false;
        writer.EndMessage(mark);
        writer.Complete();
        return filtered;
    }
}
