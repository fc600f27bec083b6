using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>
/// Several requests sent together, in as few system calls as possible. The kernel carries them out in order, each on its own: one that is
/// refused does not stop the next. Not for use by several threads at once; may be used again after <see cref="Clear"/>.
/// </summary>
public sealed class RouteBatch
{
    private const NetlinkMessageFlags Request = NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge;
    private const NetlinkMessageFlags New = Request | NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive;

    private readonly NetlinkConnection _connection;
    private readonly NetlinkBuffer _buffer;

    internal RouteBatch(NetlinkConnection connection, NetlinkBuffer? buffer = null)
    {
        _connection = connection;
        _buffer = buffer ?? new NetlinkBuffer();
    }

    /// <summary>Number of requests.</summary>
    public int Count { get; private set; }

    /// <summary>The requests as they will be sent, before sequence numbers are set.</summary>
    public ReadOnlySpan<byte> Written => _buffer.Written;

    /// <summary>Forgets the requests.</summary>
    public void Clear()
    {
        _buffer.Clear();
        Count = 0;
    }

    /// <summary>Adds any request.</summary>
    public RouteBatch Add(RouteObject value, ushort type, NetlinkMessageFlags flags)
    {
        ArgumentNullException.ThrowIfNull(value);
        var writer = new NetlinkWriter(_buffer);
        value.WriteMessage(ref writer, type, flags);
        writer.Complete();
        Count++;
        return this;
    }

    /// <summary>Makes a link; EEXIST where its name is taken.</summary>
    public RouteBatch AddLink(Link link) => Add(link, RTM_NEWLINK, New);

    /// <summary>Changes the link that <see cref="Link.Index"/>, else <see cref="Link.Name"/>, names: what is not null.</summary>
    public RouteBatch ChangeLink(Link change) => Add(change, RTM_NEWLINK, Request);

    /// <summary>Removes a link by index.</summary>
    public RouteBatch DeleteLink(int index) => Add(new Link { Index = index }, RTM_DELLINK, Request);

    /// <summary>Removes a link by name.</summary>
    public RouteBatch DeleteLink(string name) => Add(new Link { Name = name }, RTM_DELLINK, Request);

    /// <summary>Removes all links of a group at once, much faster than one by one.</summary>
    public RouteBatch DeleteLinkGroup(uint group) => Add(new Link { Group = group }, RTM_DELLINK, Request);

    /// <summary>Brings a link up.</summary>
    public RouteBatch SetUp(int index) => ChangeLink(new Link { Index = index, Flags = LinkFlags.Up, ChangeMask = LinkFlags.Up });

    /// <summary>Takes a link down.</summary>
    public RouteBatch SetDown(int index) => ChangeLink(new Link { Index = index, ChangeMask = LinkFlags.Up });

    /// <summary>Makes a link a port of a bridge, bond or VRF.</summary>
    /// <param name="index">The port.</param>
    /// <param name="master">The bridge, bond or VRF; 0 releases it.</param>
    public RouteBatch SetMaster(int index, int master) => ChangeLink(new Link { Index = index, Master = master });

    /// <summary>Gives a link another name; EBUSY on kernels before 6.2 while it is up.</summary>
    public RouteBatch Rename(int index, string name) => ChangeLink(new Link { Index = index, Name = name });

    /// <summary>Adds an address; EEXIST where it is there already.</summary>
    public RouteBatch AddAddress(InterfaceAddress address) => Add(address, RTM_NEWADDR, New);

    /// <summary>Adds an address or changes the one that is there.</summary>
    public RouteBatch ReplaceAddress(InterfaceAddress address) => Add(address, RTM_NEWADDR, Request | NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace);

    /// <summary>Removes an address; EADDRNOTAVAIL where it is not there.</summary>
    public RouteBatch DeleteAddress(InterfaceAddress address) => Add(address, RTM_DELADDR, Request);

    /// <summary>Adds a route; EEXIST where one with the same destination, metric and type of service is there.</summary>
    public RouteBatch AddRoute(NetworkRoute route) => Add(route, RTM_NEWROUTE, New);

    /// <summary>Adds a route or puts it in the place of the one that is there.</summary>
    public RouteBatch ReplaceRoute(NetworkRoute route) => Add(route, RTM_NEWROUTE, Request | NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace);

    /// <summary>Removes a route; ESRCH where none matches.</summary>
    public RouteBatch DeleteRoute(NetworkRoute route) => Add(route, RTM_DELROUTE, Request);

    /// <summary>Adds a next hop or a group of them (Linux 5.3); EEXIST where its id is taken.</summary>
    public RouteBatch AddNextHop(NextHopObject nextHop) => Add(nextHop, RTM_NEWNEXTHOP, New);

    /// <summary>Adds a next hop or group, or puts it in the place of the one with its id; routes that name it follow.</summary>
    public RouteBatch ReplaceNextHop(NextHopObject nextHop) => Add(nextHop, RTM_NEWNEXTHOP, Request | NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace);

    /// <summary>Removes a next hop or group with all routes that name it; ENOENT where there is none of that id.</summary>
    public RouteBatch DeleteNextHop(uint id) => Add(new NextHopObject { Id = id }, RTM_DELNEXTHOP, Request);

    /// <summary>Adds a routing rule.</summary>
    public RouteBatch AddRule(RoutingRule rule) => Add(rule, RTM_NEWRULE, New);

    /// <summary>Removes a routing rule; ENOENT where none matches.</summary>
    public RouteBatch DeleteRule(RoutingRule rule) => Add(rule, RTM_DELRULE, Request);

    /// <summary>Adds a neighbour or a forwarding entry; EEXIST where it is there.</summary>
    public RouteBatch AddNeighbour(Neighbour neighbour) => Add(neighbour, RTM_NEWNEIGH, New);

    /// <summary>Adds a neighbour or forwarding entry or changes the one that is there.</summary>
    public RouteBatch ReplaceNeighbour(Neighbour neighbour) => Add(neighbour, RTM_NEWNEIGH, Request | NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace);

    /// <summary>Removes a neighbour or forwarding entry; ENOENT where it is not there.</summary>
    public RouteBatch DeleteNeighbour(Neighbour neighbour) => Add(neighbour, RTM_DELNEIGH, Request);

    /// <summary>Adds VLANs to a bridge's port, or to the bridge itself (BRIDGE_FLAGS_SELF).</summary>
    public RouteBatch AddBridgeVlans(int index, BridgeSpecification vlans) => Add(OfBridge(index, vlans), RTM_SETLINK, Request);

    /// <summary>Takes VLANs from a bridge's port, or from the bridge itself.</summary>
    public RouteBatch DeleteBridgeVlans(int index, BridgeSpecification vlans) => Add(OfBridge(index, vlans), RTM_DELLINK, Request);

    /// <summary>Gives a link further names.</summary>
    public RouteBatch AddAlternativeNames(int index, params ReadOnlySpan<string> names) =>
        Add(new Link { Index = index, AlternativeNames = new AlternativeNames(EquatableList.Create(names)) }, RTM_NEWLINKPROP, New | NetlinkMessageFlags.Append);

    /// <summary>Takes further names from a link.</summary>
    public RouteBatch DeleteAlternativeNames(int index, params ReadOnlySpan<string> names) =>
        Add(new Link { Index = index, AlternativeNames = new AlternativeNames(EquatableList.Create(names)) }, RTM_DELLINKPROP, Request);

    /// <summary>Sends all and waits for every acknowledgement.</summary>
    /// <exception cref="NetlinkException">The first refusal; <see cref="NetlinkException.RequestIndex"/> says which. The others have been carried out.</exception>
    public ValueTask ExecuteAsync(CancellationToken cancellationToken = default) =>
        Count == 0 ? default : _connection.ExecuteAsync(_buffer, null, cancellationToken);

    /// <summary>Like <see cref="ExecuteAsync"/>, on the calling thread.</summary>
    public void Execute(CancellationToken cancellationToken = default) => NetlinkConnection.Finish(ExecuteAsync(cancellationToken), _connection.Kernel);

    /// <summary>Like <see cref="ExecuteAsync"/>, but returns all refusals instead of throwing the first.</summary>
    public ValueTask<IReadOnlyList<NetlinkException>> TryExecuteAsync(CancellationToken cancellationToken = default) =>
        Count == 0 ? ValueTask.FromResult<IReadOnlyList<NetlinkException>>([]) : _connection.TryExecuteAsync(_buffer, null, cancellationToken);

    private static Link OfBridge(int index, BridgeSpecification vlans) => new(AF_BRIDGE, default) { Index = index, Bridge = vlans };
}
