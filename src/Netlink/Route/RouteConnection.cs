using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>
/// Links, addresses, routes, rules and neighbours of one network namespace. Callers on several threads take turns. Requests are carried out
/// while they are sent, so the asynchronous methods mostly complete at once. Refusals are <see cref="NetlinkException"/>s.
/// </summary>
public sealed class RouteConnection : IDisposable
{
    private readonly NetlinkBufferPool _buffers = new();

    private RouteConnection(NetlinkConnection connection) => Connection = connection;

    /// <summary>The connection underneath.</summary>
    public NetlinkConnection Connection { get; }

    /// <summary>The kernel behind it.</summary>
    public IKernel Kernel => Connection.Kernel;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="KernelException">The kernel refused the socket.</exception>
    public static RouteConnection Open(IKernel kernel, NetlinkConnectionOptions? options = null) =>
        new(NetlinkConnection.Open(kernel, NetlinkProtocol.Route, options));

    /// <summary>An empty batch of requests to be sent together.</summary>
    public RouteBatch CreateBatch() => new(Connection);

    /// <summary>All links, or those of one master or kind.</summary>
    public async ValueTask<List<Link>> GetLinksAsync(int? master = null, string? kind = null, CancellationToken cancellationToken = default)
    {
        var query = new Link { Master = master, Info = kind is null ? null : new LinkInfo { Kind = kind } };
        List<Link> links = await DumpAsync<Link>(query, RTM_GETLINK, RTM_NEWLINK, Link.TryRead, cancellationToken).ConfigureAwait(false);
        links.RemoveAll(link => (master is { } wanted && link.Master != wanted) || (kind is not null && link.Kind != kind));
        return links;
    }

    /// <summary>All bridge ports with their VLANs (ranges compressed), as the bridge family shows them.</summary>
    public ValueTask<List<Link>> GetBridgePortsAsync(CancellationToken cancellationToken = default) =>
        DumpAsync<Link>(
            new Link(AF_BRIDGE, default) { ExtendedMask = LinkConstants.RTEXT_FILTER_BRVLAN_COMPRESSED }, RTM_GETLINK, RTM_NEWLINK, Link.TryRead, cancellationToken);

    /// <summary>The link of that name, its own or an alternative one.</summary>
    /// <exception cref="NetlinkException">ENODEV: there is none.</exception>
    public async ValueTask<Link> GetLinkAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return await GetAsync<Link>(ByName(name), RTM_GETLINK, Link.TryRead, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The link of that index.</summary>
    /// <exception cref="NetlinkException">ENODEV: there is none.</exception>
    public ValueTask<Link> GetLinkAsync(int index, CancellationToken cancellationToken = default) =>
        GetAsync<Link>(new Link { Index = index }, RTM_GETLINK, Link.TryRead, cancellationToken);

    /// <summary>The link of that name; null where there is none.</summary>
    public async ValueTask<Link?> FindLinkAsync(string name, CancellationToken cancellationToken = default)
    {
        try
        {
            return await GetLinkAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (NetlinkException exception) when (exception.Error == LinuxError.ENODEV)
        {
            return null;
        }
    }

    /// <summary>The link of that index; null where there is none.</summary>
    public async ValueTask<Link?> FindLinkAsync(int index, CancellationToken cancellationToken = default)
    {
        try
        {
            return await GetLinkAsync(index, cancellationToken).ConfigureAwait(false);
        }
        catch (NetlinkException exception) when (exception.Error == LinuxError.ENODEV)
        {
            return null;
        }
    }

    /// <inheritdoc cref="RouteBatch.AddLink" />
    public ValueTask AddLinkAsync(Link link, CancellationToken cancellationToken = default) => OneAsync(batch => batch.AddLink(link), cancellationToken);

    /// <summary>Makes a link and returns it as the kernel made it, index and address included.</summary>
    public async ValueTask<Link> CreateLinkAsync(Link link, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(link);
        await AddLinkAsync(link, cancellationToken).ConfigureAwait(false);
        return link.Index != 0
            ? await GetLinkAsync(link.Index, cancellationToken).ConfigureAwait(false)
            : await GetLinkAsync(link.Name ?? throw new ArgumentException("A link to be returned needs a name or an index.", nameof(link)), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="RouteBatch.ChangeLink" />
    public ValueTask ChangeLinkAsync(Link change, CancellationToken cancellationToken = default) => OneAsync(batch => batch.ChangeLink(change), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteLink(int)" />
    public ValueTask DeleteLinkAsync(int index, CancellationToken cancellationToken = default) => OneAsync(batch => batch.DeleteLink(index), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteLink(string)" />
    public ValueTask DeleteLinkAsync(string name, CancellationToken cancellationToken = default) => OneAsync(batch => batch.DeleteLink(name), cancellationToken);

    /// <inheritdoc cref="RouteBatch.SetUp" />
    public ValueTask SetUpAsync(int index, CancellationToken cancellationToken = default) => OneAsync(batch => batch.SetUp(index), cancellationToken);

    /// <inheritdoc cref="RouteBatch.SetDown" />
    public ValueTask SetDownAsync(int index, CancellationToken cancellationToken = default) => OneAsync(batch => batch.SetDown(index), cancellationToken);

    /// <inheritdoc cref="RouteBatch.SetMaster" />
    public ValueTask SetMasterAsync(int index, int master, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.SetMaster(index, master), cancellationToken);

    /// <inheritdoc cref="RouteBatch.Rename" />
    public ValueTask RenameAsync(int index, string name, CancellationToken cancellationToken = default) => OneAsync(batch => batch.Rename(index, name), cancellationToken);

    /// <summary>Moves a link to another network namespace of this machine; its addresses and routes are lost.</summary>
    public ValueTask MoveToNamespaceAsync(int index, NetworkNamespace networkNamespace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return ChangeLinkAsync(new Link { Index = index, NamespaceDescriptor = (uint)networkNamespace.Descriptor }, cancellationToken);
    }

    /// <summary>Changes a bridge's port.</summary>
    public ValueTask SetBridgePortAsync(int index, BridgePortOptions options, CancellationToken cancellationToken = default) =>
        ChangeLinkAsync(new Link { Index = index, Info = LinkInfo.OfPort(options) }, cancellationToken);

    /// <summary>All addresses, or those of one link or family.</summary>
    public async ValueTask<List<InterfaceAddress>> GetAddressesAsync(int? index = null, byte family = AF_UNSPEC, CancellationToken cancellationToken = default)
    {
        List<InterfaceAddress> addresses = await DumpAsync<InterfaceAddress>(
            new InterfaceAddress { Family = family, Index = index ?? 0 }, RTM_GETADDR, RTM_NEWADDR, InterfaceAddress.TryRead, cancellationToken).ConfigureAwait(false);
        addresses.RemoveAll(address => (index is { } wanted && address.Index != wanted) || (family != AF_UNSPEC && address.Family != family));
        return addresses;
    }

    /// <inheritdoc cref="RouteBatch.AddAddress" />
    public ValueTask AddAddressAsync(InterfaceAddress address, CancellationToken cancellationToken = default) => OneAsync(batch => batch.AddAddress(address), cancellationToken);

    /// <inheritdoc cref="RouteBatch.ReplaceAddress" />
    public ValueTask ReplaceAddressAsync(InterfaceAddress address, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.ReplaceAddress(address), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteAddress" />
    public ValueTask DeleteAddressAsync(InterfaceAddress address, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.DeleteAddress(address), cancellationToken);

    /// <summary>All routes, or those of one family and table; none where the table does not exist.</summary>
    public async ValueTask<List<NetworkRoute>> GetRoutesAsync(byte family = AF_UNSPEC, uint? table = null, CancellationToken cancellationToken = default)
    {
        try
        {
            List<NetworkRoute> routes = await DumpAsync<NetworkRoute>(
                new NetworkRoute { Family = family, TableId = table }, RTM_GETROUTE, RTM_NEWROUTE, NetworkRoute.TryRead, cancellationToken).ConfigureAwait(false);
            routes.RemoveAll(route => (table is { } wanted && route.Table != wanted) || (family != AF_UNSPEC && route.Family != family));
            return routes;
        }
        catch (NetlinkException exception) when (exception.Error == LinuxError.ENOENT && table is not null)
        {
            return [];
        }
    }

    /// <inheritdoc cref="RouteBatch.AddRoute" />
    public ValueTask AddRouteAsync(NetworkRoute route, CancellationToken cancellationToken = default) => OneAsync(batch => batch.AddRoute(route), cancellationToken);

    /// <inheritdoc cref="RouteBatch.ReplaceRoute" />
    public ValueTask ReplaceRouteAsync(NetworkRoute route, CancellationToken cancellationToken = default) => OneAsync(batch => batch.ReplaceRoute(route), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteRoute" />
    public ValueTask DeleteRouteAsync(NetworkRoute route, CancellationToken cancellationToken = default) => OneAsync(batch => batch.DeleteRoute(route), cancellationToken);

    /// <summary>All next hop objects and groups (Linux 5.3).</summary>
    public ValueTask<List<NextHopObject>> GetNextHopsAsync(CancellationToken cancellationToken = default) =>
        DumpAsync<NextHopObject>(new NextHopObject(), RTM_GETNEXTHOP, RTM_NEWNEXTHOP, NextHopObject.TryRead, cancellationToken);

    /// <inheritdoc cref="RouteBatch.AddNextHop" />
    public ValueTask AddNextHopAsync(NextHopObject nextHop, CancellationToken cancellationToken = default) => OneAsync(batch => batch.AddNextHop(nextHop), cancellationToken);

    /// <inheritdoc cref="RouteBatch.ReplaceNextHop" />
    public ValueTask ReplaceNextHopAsync(NextHopObject nextHop, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.ReplaceNextHop(nextHop), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteNextHop" />
    public ValueTask DeleteNextHopAsync(uint id, CancellationToken cancellationToken = default) => OneAsync(batch => batch.DeleteNextHop(id), cancellationToken);

    /// <summary>All routing rules, or those of one family.</summary>
    public async ValueTask<List<RoutingRule>> GetRulesAsync(byte family = AF_UNSPEC, CancellationToken cancellationToken = default) =>
        await DumpAsync<RoutingRule>(new RoutingRule { Family = family }, RTM_GETRULE, RTM_NEWRULE, RoutingRule.TryRead, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="RouteBatch.AddRule" />
    public ValueTask AddRuleAsync(RoutingRule rule, CancellationToken cancellationToken = default) => OneAsync(batch => batch.AddRule(rule), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteRule" />
    public ValueTask DeleteRuleAsync(RoutingRule rule, CancellationToken cancellationToken = default) => OneAsync(batch => batch.DeleteRule(rule), cancellationToken);

    /// <summary>All neighbours, or those of one link or family.</summary>
    public async ValueTask<List<Neighbour>> GetNeighboursAsync(int? index = null, byte family = AF_UNSPEC, CancellationToken cancellationToken = default)
    {
        List<Neighbour> neighbours = await DumpAsync<Neighbour>(
            new Neighbour { Family = family, OutputInterface = index }, RTM_GETNEIGH, RTM_NEWNEIGH, Neighbour.TryRead, cancellationToken).ConfigureAwait(false);
        neighbours.RemoveAll(neighbour => (index is { } wanted && neighbour.Index != wanted) || (family != AF_UNSPEC && neighbour.Family != family));
        return neighbours;
    }

    /// <summary>The forwarding entries of all bridges and VXLANs, or those of one bridge.</summary>
    public async ValueTask<List<Neighbour>> GetForwardingEntriesAsync(int? bridge = null, CancellationToken cancellationToken = default) =>
        await DumpAsync<Neighbour>(new Neighbour { Family = AF_BRIDGE, Master = bridge }, RTM_GETNEIGH, RTM_NEWNEIGH, Neighbour.TryRead, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="RouteBatch.AddNeighbour" />
    public ValueTask AddNeighbourAsync(Neighbour neighbour, CancellationToken cancellationToken = default) => OneAsync(batch => batch.AddNeighbour(neighbour), cancellationToken);

    /// <inheritdoc cref="RouteBatch.ReplaceNeighbour" />
    public ValueTask ReplaceNeighbourAsync(Neighbour neighbour, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.ReplaceNeighbour(neighbour), cancellationToken);

    /// <inheritdoc cref="RouteBatch.DeleteNeighbour" />
    public ValueTask DeleteNeighbourAsync(Neighbour neighbour, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.DeleteNeighbour(neighbour), cancellationToken);

    /// <summary>The settings of the neighbour tables, by default and by link.</summary>
    public ValueTask<List<NeighbourTable>> GetNeighbourTablesAsync(byte family = AF_UNSPEC, CancellationToken cancellationToken = default) =>
        DumpAsync<NeighbourTable>(new NeighbourTable { Family = family }, RTM_GETNEIGHTBL, RTM_NEWNEIGHTBL, NeighbourTable.TryRead, cancellationToken);

    /// <summary>Changes settings of a neighbour table, or of one link in it (<see cref="NeighbourParameters.Index"/>): what is not null.</summary>
    public ValueTask ChangeNeighbourTableAsync(NeighbourTable change, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.Add(change, RTM_SETNEIGHTBL, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge), cancellationToken);

    /// <summary>Counters of all links, or of one, without the rest of them (Linux 4.7).</summary>
    /// <param name="index">The link; null for all.</param>
    /// <param name="ofKinds">Those of its kind and as a port too, a bridge's VLANs among them.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<List<LinkStatisticsReport>> GetStatisticsAsync(int? index = null, bool ofKinds = false, CancellationToken cancellationToken = default)
    {
        const uint Every = 1 << (LinkConstants.IFLA_STATS_LINK_64 - 1);
        const uint OfKinds = 1 << (LinkConstants.IFLA_STATS_LINK_XSTATS - 1) | 1 << (LinkConstants.IFLA_STATS_LINK_XSTATS_SLAVE - 1);
        var query = new LinkStatisticsReport { Index = index ?? 0, FilterMask = ofKinds ? Every | OfKinds : Every };
        return index is null
            ? await DumpAsync<LinkStatisticsReport>(query, RTM_GETSTATS, RTM_NEWSTATS, LinkStatisticsReport.TryRead, cancellationToken).ConfigureAwait(false)
            : [await GetAsync<LinkStatisticsReport>(query, RTM_GETSTATS, LinkStatisticsReport.TryRead, cancellationToken).ConfigureAwait(false)];
    }

    /// <summary>The VLANs of all bridges and ports with their options (Linux 5.6), those that look alike as ranges.</summary>
    /// <param name="index">One bridge or port; null for all.</param>
    /// <param name="what">BRIDGE_VLANDB_DUMPF_STATS (1) for their traffic, then each for itself; BRIDGE_VLANDB_DUMPF_GLOBAL (2) for the options they have on a whole bridge.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<List<BridgeVlanSettings>> GetBridgeVlanSettingsAsync(int? index = null, uint what = 0, CancellationToken cancellationToken = default) =>
        DumpAsync<BridgeVlanSettings>(
            new BridgeVlanSettings { Index = index ?? 0, Layout = default(WireLayout).WithRaw(BridgeConstants.BRIDGE_VLANDB_DUMP_FLAGS, BitConverter.GetBytes(what)) },
            RTM_GETVLAN, RTM_NEWVLAN, BridgeVlanSettings.TryRead, cancellationToken);

    /// <summary>Changes options of VLANs of a bridge or port (Linux 5.6); the VLANs must be there.</summary>
    public ValueTask SetBridgeVlanSettingsAsync(BridgeVlanSettings settings, CancellationToken cancellationToken = default) =>
        OneAsync(batch => batch.Add(settings, RTM_NEWVLAN, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge), cancellationToken);

    /// <summary>The queueing disciplines of all links, or of one.</summary>
    public async ValueTask<List<TrafficObject>> GetQueueingDisciplinesAsync(int? index = null, CancellationToken cancellationToken = default)
    {
        List<TrafficObject> disciplines = await DumpAsync<TrafficObject>(
            new TrafficObject(RTM_NEWQDISC) { Index = index ?? 0 }, RTM_GETQDISC, RTM_NEWQDISC, TrafficObject.TryRead, cancellationToken).ConfigureAwait(false);
        disciplines.RemoveAll(discipline => index is { } wanted && discipline.Index != wanted);
        return disciplines;
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose()
    {
        Connection.Dispose();
        _buffers.Dispose();
    }

    /// <summary>A query for a link by either kind of name.</summary>
    private static Link ByName(string name) => name.Length < 16 ? new Link { Name = name } : new Link { AlternativeName = name };

    private async ValueTask OneAsync(Action<RouteBatch> write, CancellationToken cancellationToken)
    {
        using NetlinkBufferPool.Lease lease = _buffers.Rent("one request");
        var batch = new RouteBatch(Connection, lease.Buffer);
        write(batch);
        await batch.ExecuteAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<T> GetAsync<T>(RouteObject query, ushort type, NetlinkParser<T> parser, CancellationToken cancellationToken)
        where T : class
    {
        using NetlinkBufferPool.Lease lease = _buffers.Rent("get");
        Write(lease.Buffer, query, type, NetlinkMessageFlags.Request);
        T? found = null;
        await Connection.ExecuteAsync(lease.Buffer, (in NetlinkMessage message, int _) => found = parser(message, out T? value) ? value : found, cancellationToken).ConfigureAwait(false);
        return found ?? throw new KernelException($"{Connection.Catalog.Find(type)?.Name ?? "get"}", LinuxError.EBADMSG, "The answer holds no such object.");
    }

    private async ValueTask<List<T>> DumpAsync<T>(RouteObject query, ushort type, ushort answer, NetlinkParser<T> parser, CancellationToken cancellationToken)
    {
        using NetlinkBufferPool.Lease lease = _buffers.Rent("dump");
        Write(lease.Buffer, query, type, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);
        return await Connection.DumpAsync<T>(
            lease.Buffer,
            (in NetlinkMessage message, [MaybeNullWhen(false)] out T value) =>
            {
                value = default;
                return message.Header.Type == answer && parser(message, out value);
            },
            cancellationToken).ConfigureAwait(false);
    }

    private static void Write(NetlinkBuffer buffer, RouteObject query, ushort type, NetlinkMessageFlags flags)
    {
        var writer = new NetlinkWriter(buffer);
        query.WriteMessage(ref writer, type, flags);
        writer.Complete();
    }
}
