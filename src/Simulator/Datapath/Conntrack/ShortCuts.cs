using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>
/// The connections of a flowtable (nf_flow_table_core.c, nf_flow_table_ip.c): packets of these go from the ingress of a device straight to the next hop,
/// translated and with their hop limit lowered, and meet neither rules nor connection tracking. FIN and RST, half a minute of silence, and a way
/// that is another one now send them the long way again.
/// </summary>
internal sealed class ShortCuts(NetworkStack stack, string name, Func<bool> counts) : IHookFunction
{
    /// <summary>nf_flowtable_tcp_timeout and its UDP sibling.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private readonly Dictionary<(ConnectionTuple Tuple, NetworkDevice Input), (Flow Flow, ConnectionDirection Direction)> _flows = [];

    public string Description => $"flowtable {name}";

    /// <summary>A packet that is forwarded asks for the short cut (nft_flow_offload_eval). False: its connection can't have one, or has it.</summary>
    public bool Add(Packet packet, NetworkDevice input, NetworkDevice output)
    {
        if (packet.Connection is not { IsConfirmed: true } connection || (!packet.IsIpv6 && packet.Ipv4.HeaderLength > Ipv4Header.MinimumSize)
            || (connection.Status & (ConnectionStatus.SequenceAdjust | ConnectionStatus.NatClash | ConnectionStatus.Offload)) != 0 || !Suits(connection, packet))
        {
            return false;
        }

        ConnectionDirection direction = Connection.DirectionOf(packet.ConnectionInfo);
        ConnectionTuple tuple = connection.Tuple(direction);
        if (packet.Route is not { Type: RouteType.Unicast } there
            || stack.Routing.Find(new RouteQuery(tuple.Source) { Input = output, Source = tuple.Destination }) is not { Type: RouteType.Unicast } back)
        {
            return false;
        }

        connection.Status |= ConnectionStatus.Offload;
        connection.Expires = Now + TimeSpan.FromDays(1);
        var flow = new Flow(connection) { LastUse = Now, Inputs = [input, output], Ways = [there, back] };
        if (direction == ConnectionDirection.Reply)
        {
            (flow.Inputs, flow.Ways) = ([output, input], [back, there]);
        }

        if (connection.Tcp is { } tcp)
        {
            // Tracking will not see every segment from now on.
            tcp.Side(ConnectionDirection.Original).Flags |= TcpSideFlags.BeLiberal;
            tcp.Side(ConnectionDirection.Reply).Flags |= TcpSideFlags.BeLiberal;
        }

        _flows[(connection.Original, flow.Inputs[0])] = (flow, ConnectionDirection.Original);
        _flows[(connection.Reply, flow.Inputs[1])] = (flow, ConnectionDirection.Reply);
        return true;
    }

    /// <summary>A packet at the ingress of one of the flowtable's devices (nf_flow_offload_ip_hook).</summary>
    public HookVerdict Run(HookContext context)
    {
        Packet packet = context.Packet;
        if (_flows.Count == 0 || packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6) || packet.Tag is not null || Find(packet, context.Input!) is not { } found)
        {
            return HookVerdict.Accept;
        }

        (Flow flow, ConnectionDirection direction) = found;
        RouteDecision way = flow.Ways[(int)direction];
        if (packet.NetworkLength > way.Mtu)
        {
            return HookVerdict.Accept;
        }

        if (packet.TransportProtocol == IpProtocol.Tcp && (new TcpHeader(packet.Transport).Flags & (TcpFlags.Finish | TcpFlags.Reset)) != 0)
        {
            TearDown(flow, Now);
            return HookVerdict.Accept;
        }

        if (!IsStillTheWay(flow, direction, way))
        {
            TearDown(flow, Now);
            return HookVerdict.Accept;
        }

        flow.LastUse = Now;
        Connection connection = flow.Connection;
        if (counts() && connection.Packets is { } packets)
        {
            packets[(int)direction]++;
            connection.Bytes![(int)direction] += (ulong)packet.NetworkLength;
        }

        packet.Tell(StoryKind.Decision, TraceLevel.Summary, stack.HostName, $"flowtable {name}: the short way by {way.Device.Name}");
        InternetLayer layer = stack.Internet(packet.Family);
        var translation = new HookContext(stack, packet.Family, Hook.Prerouting, packet, context.Input, null);
        ConnectionInfo info = direction == ConnectionDirection.Reply ? ConnectionInfo.EstablishedReply : ConnectionInfo.Established;
        PacketTranslation.Translate(translation, connection, info, NatManipulation.Destination);
        PacketTranslation.Translate(translation, connection, info, NatManipulation.Source);
        layer.SendOffloaded(packet, way);
        return HookVerdict.Stolen;
    }

    /// <summary>Ends what has been silent for too long (nf_flow_offload_gc_step, which looks every second).</summary>
    public void Expire()
    {
        foreach ((Flow flow, _) in _flows.Values.Where(entry => entry.Flow.LastUse + Silence <= Now).ToArray())
        {
            TearDown(flow, flow.LastUse + Silence);
        }
    }

    /// <summary>The flowtable goes: its connections take the long way.</summary>
    public void Clear()
    {
        foreach ((Flow flow, _) in _flows.Values.ToArray())
        {
            TearDown(flow, Now);
        }
    }

    private DateTimeOffset Now => stack.Kernel.Clock.Steady.GetUtcNow();

    private static bool Suits(Connection connection, Packet packet) => connection.Original.Protocol switch
    {
        IpProtocol.Tcp => connection.Tcp is { State: TcpState.Established } && (connection.Status & ConnectionStatus.Assured) != 0
            && packet.Transport.Length >= TcpHeader.MinimumSize && (new TcpHeader(packet.Transport).Flags & (TcpFlags.Finish | TcpFlags.Reset)) == 0,
        IpProtocol.Udp => true,
        IpProtocol.Gre => (connection.Status & ConnectionStatus.NatMask) == 0,
        _ => false,
    };

    private (Flow Flow, ConnectionDirection Direction)? Find(Packet packet, NetworkDevice input)
    {
        if (!packet.LocateTransport() || packet.HopLimit <= 1
            || (packet.IsIpv6 ? packet.Ipv6.NextHeader != packet.TransportProtocol : packet.Ipv4.IsFragment || packet.Ipv4.HeaderLength > Ipv4Header.MinimumSize)
            || ConnectionTuple.Read(packet.Network, packet.Family) is not { } tuple || !_flows.TryGetValue((tuple, input), out (Flow Flow, ConnectionDirection Direction) found))
        {
            return null;
        }

        if (found.Flow.Connection.IsDying)
        {
            Forget(found.Flow);
            return null;
        }

        if (found.Flow.LastUse + Silence <= Now)
        {
            TearDown(found.Flow, found.Flow.LastUse + Silence);
            return null;
        }

        return found;
    }

    private bool IsStillTheWay(Flow flow, ConnectionDirection direction, RouteDecision way)
    {
        // Where it goes is what its answers come from.
        ConnectionTuple answer = flow.Connection.Tuple(1 - direction);
        return way.Device.IsUp
            && stack.Routing.Find(new RouteQuery(answer.Source) { Input = flow.Inputs[(int)direction], Source = flow.Connection.Tuple(direction).Source }) is { Type: RouteType.Unicast } now
            && now.Device == way.Device && now.Gateway == way.Gateway;
    }

    /// <summary>flow_offload_teardown: tracking has the connection again, and takes its word for the windows it has not seen.</summary>
    private void TearDown(Flow flow, DateTimeOffset at)
    {
        Forget(flow);
        Connection connection = flow.Connection;
        connection.Status &= ~ConnectionStatus.Offload;
        TimeSpan timeout;
        if (connection.Tcp is { } tcp)
        {
            foreach (ConnectionDirection side in (ConnectionDirection[])[ConnectionDirection.Original, ConnectionDirection.Reply])
            {
                tcp.Side(side).MaximumWindow = 0;
                tcp.Side(side).Flags &= ~TcpSideFlags.MaximumAcknowledgementSet;
            }

            timeout = stack.Conntrack.TimeoutsOf(connection).Of(tcp.State);
        }
        else if (connection.Original.Protocol == IpProtocol.Udp)
        {
            timeout = stack.Conntrack.TimeoutsOf(connection)[connection.HasSeenReply ? "nf_conntrack_udp_timeout_stream" : "nf_conntrack_udp_timeout"];
        }
        else
        {
            return;
        }

        DateTimeOffset until = at + (timeout > Silence ? timeout - Silence : TimeSpan.Zero);
        connection.Expires = connection.Expires > until ? until : connection.Expires;
        stack.Conntrack.Reschedule(connection);
    }

    private void Forget(Flow flow)
    {
        _flows.Remove((flow.Connection.Original, flow.Inputs[0]));
        _flows.Remove((flow.Connection.Reply, flow.Inputs[1]));
    }

    private sealed class Flow(Connection connection)
    {
        public Connection Connection { get; } = connection;

        public DateTimeOffset LastUse { get; set; }

        /// <summary>By direction: where its packets come in.</summary>
        public required NetworkDevice[] Inputs { get; set; }

        /// <summary>By direction: where they go.</summary>
        public required RouteDecision[] Ways { get; set; }
    }
}
