using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Nat;

/// <summary>
/// Address translation of one kernel. Only the first packet of a connection asks the nat chains; what they decide
/// (<see cref="Setup"/>) is written in the connection's reply tuple, and every later packet, also backwards and also inside
/// ICMP errors, is rewritten by it. A connection that no rule translates gets a null binding: it keeps its addresses, and
/// another port only where two connections would otherwise answer alike.
/// </summary>
internal sealed class AddressTranslator
{
    private readonly ConnectionTracker _tracker;
    private readonly TupleChooser _chooser;

    public AddressTranslator(ConnectionTracker tracker, RandomSource random)
    {
        _tracker = tracker;
        _chooser = new TupleChooser(tracker, random);
        tracker.Changed += (connection, events) =>
        {
            if ((events & ConnectionEvents.Destroy) != 0)
            {
                _chooser.Forget(connection);
            }
            else if ((events & (ConnectionEvents.New | ConnectionEvents.Related)) != 0 && IsInitialized(connection, NatManipulation.Source))
            {
                _chooser.ListSource(connection);
            }
        };
        tracker.Fulfilled += FollowMaster;
    }

    /// <summary>The end of a connection that is rewritten at a hook.</summary>
    public static NatManipulation ManipulationAt(byte hook) =>
        hook is Hook.Postrouting or Hook.Input ? NatManipulation.Source : NatManipulation.Destination;

    public static bool IsInitialized(Connection connection, NatManipulation manipulation) =>
        (connection.Status & (manipulation == NatManipulation.Source ? ConnectionStatus.SourceNatDone : ConnectionStatus.DestinationNatDone)) != 0;

    /// <summary>
    /// Runs at a nat hook (nf_nat_inet_fn): asks <paramref name="chains"/> about a connection's first packet, then rewrites.
    /// </summary>
    public HookVerdict Run(HookContext context, Func<HookContext, HookVerdict> chains)
    {
        Packet packet = context.Packet;
        if (packet.Connection is not { } connection)
        {
            return HookVerdict.Accept;
        }

        NatManipulation manipulation = ManipulationAt(context.Hook);
        ConnectionInfo info = packet.ConnectionInfo;
        switch (info)
        {
            case ConnectionInfo.Related or ConnectionInfo.RelatedReply when IsIcmp(packet):
                return PacketTranslation.TranslateError(context, connection, info) ? HookVerdict.Accept : HookVerdict.Drop;

            case ConnectionInfo.Related or ConnectionInfo.RelatedReply or ConnectionInfo.New:
                if (!IsInitialized(connection, manipulation))
                {
                    HookVerdict verdict = chains(context);
                    if (verdict != HookVerdict.Accept)
                    {
                        return verdict;
                    }

                    if (!IsInitialized(connection, manipulation))
                    {
                        verdict = SetupNull(connection, manipulation);
                        if (verdict != HookVerdict.Accept)
                        {
                            return verdict;
                        }
                    }
                }
                else if (MasqueradeMoved(context, connection))
                {
                    _tracker.Remove(connection);
                    return HookVerdict.Drop;
                }

                break;

            default:
                if (MasqueradeMoved(context, connection))
                {
                    _tracker.Remove(connection);
                    return HookVerdict.Drop;
                }

                break;
        }

        return PacketTranslation.Translate(context, connection, info, manipulation);
    }

    /// <summary>Decides what an end of a new connection becomes (nf_nat_setup_info). Each end is decided once.</summary>
    public HookVerdict Setup(Connection connection, NatRange range, NatManipulation manipulation)
    {
        if (connection.IsConfirmed)
        {
            return HookVerdict.Accept;
        }

        if (IsInitialized(connection, manipulation))
        {
            return HookVerdict.Accept;
        }

        if (connection.Reply.Invert() is not { } current)
        {
            return HookVerdict.Drop;
        }

        ConnectionTuple chosen = _chooser.Choose(current, range, connection, manipulation);
        if (chosen != current)
        {
            connection.Reply = chosen.Invert() ?? connection.Reply;
            connection.Status |= manipulation == NatManipulation.Source ? ConnectionStatus.SourceNat : ConnectionStatus.DestinationNat;
        }

        connection.Status |= manipulation == NatManipulation.Source ? ConnectionStatus.SourceNatDone : ConnectionStatus.DestinationNatDone;
        return HookVerdict.Accept;
    }

    /// <summary>Gives a connection the address of the device it leaves by (masquerade).</summary>
    public HookVerdict Masquerade(HookContext context, NatRange ports)
    {
        Packet packet = context.Packet;
        if (packet.Connection is not { } connection || context.Output is not { } device)
        {
            return HookVerdict.Accept;
        }

        if (context.Family == HookFamily.Ipv4 && packet.Ipv4.Source == 0)
        {
            return HookVerdict.Accept;
        }

        if (context.Stack.SelectSource(device, packet) is not { } source)
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Minimal, context.Stack.HostName, $"masquerade: {device.Name} has no address");
            return HookVerdict.Drop;
        }

        connection.MasqueradeInterface = device.Index;
        return Setup(connection, ports with { Flags = ports.Flags | NatRangeFlags.MapAddresses, MinimumAddress = source, MaximumAddress = source }, NatManipulation.Source);
    }

    /// <summary>Sends a connection to this machine itself (redirect).</summary>
    public HookVerdict Redirect(HookContext context, NatRange ports)
    {
        if (context.Packet.Connection is not { } connection)
        {
            return HookVerdict.Accept;
        }

        InternetAddress? target = context.Hook == Hook.Output
            ? context.Family == HookFamily.Ipv4 ? InternetAddress.FromV4(0x7f000001) : new InternetAddress(InternetAddress.V6, 1)
            : context.Input is { } device ? context.Stack.FirstAddress(device, context.Packet.DestinationAddress) : null;
        return target is { } address
            ? Setup(connection, ports with { Flags = ports.Flags | NatRangeFlags.MapAddresses, MinimumAddress = address, MaximumAddress = address }, NatManipulation.Destination)
            : HookVerdict.Drop;
    }

    /// <summary>An address or its device went: connections masqueraded behind it end.</summary>
    public void MasqueradeLost(NetworkDevice device, InternetAddress? address) =>
        _tracker.RemoveWhere(connection => connection.MasqueradeInterface == device.Index && (address is null || connection.Reply.Destination == address));

    /// <summary>A connection that another one spoke of is translated as that is (nf_nat_follow_master).</summary>
    private void FollowMaster(Connection connection, Expectation expectation)
    {
        if (!expectation.FollowsMaster)
        {
            return;
        }

        ExpectedTranslation saved = expectation.Translation ?? default;
        ConnectionTuple master = expectation.Master.Tuple(saved.Direction == 0 ? ConnectionDirection.Reply : ConnectionDirection.Original);
        Setup(connection, NatRange.To(master.Destination), NatManipulation.Source);
        Setup(connection, NatRange.To(master.Source) with { Flags = NatRangeFlags.MapAddresses | NatRangeFlags.PortsSpecified, MinimumPort = saved.Port, MaximumPort = saved.Port }, NatManipulation.Destination);
    }

    /// <summary>An end that nobody translates: it keeps its address, and another port only where another connection has its own.</summary>
    public HookVerdict SetupNull(Connection connection, NatManipulation manipulation)
    {
        if (connection.Reply.Invert() is not { } current)
        {
            return HookVerdict.Drop;
        }

        InternetAddress address = manipulation == NatManipulation.Source ? current.Source : current.Destination;
        return Setup(connection, NatRange.To(address), manipulation);
    }

    private static bool IsIcmp(Packet packet) =>
        packet.LocateTransport() && packet.TransportProtocol == (packet.IsIpv6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp);

    private static bool MasqueradeMoved(HookContext context, Connection connection) =>
        context.Hook == Hook.Postrouting && connection.MasqueradeInterface != 0
        && Connection.DirectionOf(context.Packet.ConnectionInfo) == ConnectionDirection.Original
        && context.Output is { } output && output.Index != connection.MasqueradeInterface;
}
