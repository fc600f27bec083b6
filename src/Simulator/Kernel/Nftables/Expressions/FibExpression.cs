using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>fib: what the routing tables say of an address of the packet: the interface there, or the address's type.</summary>
internal sealed class FibExpression : Expression
{
    private const uint AllFlags = NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR | NFTA_FIB_F_MARK | NFTA_FIB_F_IIF | NFTA_FIB_F_OIF | NFTA_FIB_F_PRESENT;

    private uint _result, _flags;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<FibExpression>(new AttributePolicy(
        NFTA_FIB_FLAGS, (NFTA_FIB_DREG, AttributePolicy.U32), (NFTA_FIB_RESULT, AttributePolicy.U32), (NFTA_FIB_FLAGS, AttributePolicy.Flags32(AllFlags))));

    /// <inheritdoc />
    public override string Name => "fib";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_FIB_DREG) || !table.Has(NFTA_FIB_RESULT) || !table.Has(NFTA_FIB_FLAGS))
        {
            return LinuxError.EINVAL;
        }

        _flags = table[NFTA_FIB_FLAGS].UInt32BigEndian;
        bool source = (_flags & NFTA_FIB_F_SADDR) != 0, destination = (_flags & NFTA_FIB_F_DADDR) != 0;
        if (_flags == 0 || source == destination || (_flags & (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF)) == (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF))
        {
            return LinuxError.EINVAL;
        }

        _result = table[NFTA_FIB_RESULT].UInt32BigEndian;
        switch (_result)
        {
            case NFT_FIB_RESULT_OIF or NFT_FIB_RESULT_OIFNAME when (_flags & NFTA_FIB_F_OIF) != 0:
                return LinuxError.EINVAL;
            case NFT_FIB_RESULT_OIF or NFT_FIB_RESULT_OIFNAME or NFT_FIB_RESULT_ADDRTYPE:
                break;
            default:
                return LinuxError.EINVAL;
        }

        return Registers.ParseStore(context, table[NFTA_FIB_DREG], _result == NFT_FIB_RESULT_OIFNAME ? 16 : 4, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (validation.Family == NFPROTO_NETDEV)
        {
            return validation.IsHook(1u << Hook.NetdevIngress) ? LinuxError.None : LinuxError.EOPNOTSUPP;
        }

        const uint Before = 1u << Hook.Prerouting, Receiving = Before | 1u << Hook.Input | 1u << Hook.Forward;
        uint hooks = _result != NFT_FIB_RESULT_ADDRTYPE ? Receiving
            : (_flags & NFTA_FIB_F_IIF) != 0 ? Receiving
            : (_flags & NFTA_FIB_F_OIF) != 0 ? 1u << Hook.Output | 1u << Hook.Postrouting | 1u << Hook.Forward
            : 0b11111;
        return validation.IsHook(hooks) ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_FIB_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_FIB_RESULT, _result);
        writer.WriteUInt32BigEndian(NFTA_FIB_FLAGS, _flags);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (evaluation.Packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            evaluation.Break();
            return;
        }

        NetworkDevice? bound = (_flags & NFTA_FIB_F_IIF) != 0 ? evaluation.Input : (_flags & NFTA_FIB_F_OIF) != 0 ? evaluation.Output : null;
        if (_result == NFT_FIB_RESULT_ADDRTYPE)
        {
            evaluation.Store32(_register, (uint)TypeOf(evaluation, bound));
            return;
        }

        NetworkDevice? found = IsOwn(evaluation) ? evaluation.Input : Find(evaluation, bound);
        if ((_flags & NFTA_FIB_F_PRESENT) != 0)
        {
            evaluation.Store8(_register, found is null ? (byte)0 : (byte)1);
        }
        else if (_result == NFT_FIB_RESULT_OIF)
        {
            evaluation.Store32(_register, (uint)(found?.Index ?? 0));
        }
        else
        {
            evaluation.StoreName(_register, found?.Name ?? "");
        }
    }

    /// <summary>What the machine sends to itself has come in where it should, whatever the tables say (nft_fib_can_skip).</summary>
    private static bool IsOwn(Evaluation evaluation) =>
        evaluation.Input is { IsLoopback: true } && (evaluation.TableFamily == NFPROTO_NETDEV || evaluation.Hook is Hook.Prerouting or Hook.Input);

    private RouteQuery Query(Evaluation evaluation, NetworkDevice? bound)
    {
        Packet packet = evaluation.Packet;
        bool ofSource = (_flags & NFTA_FIB_F_SADDR) != 0;
        InternetAddress wanted = ofSource ? packet.SourceAddress : packet.DestinationAddress;
        bool asksBack = ofSource && (_flags & NFTA_FIB_F_IIF) != 0 && evaluation.TableFamily != NFPROTO_NETDEV && evaluation.Hook == Hook.Forward;
        return new RouteQuery(wanted)
        {
            Source = ofSource ? packet.DestinationAddress : packet.SourceAddress,
            Mark = (_flags & NFTA_FIB_F_MARK) != 0 ? packet.Mark : 0,
            TypeOfService = packet.TrafficClass,
            Protocol = packet.TransportProtocol,
            Input = asksBack ? evaluation.Output : RoutingDomain.Of(bound ?? evaluation.Input ?? evaluation.Output),
            Output = packet.IsIpv6 && wanted.IsLinkLocal ? bound ?? evaluation.Input ?? evaluation.Output : null,
        };
    }

    /// <summary>The device that the route to the address leads to; null for addresses of this machine, without a route, or where another device than the bound one is meant.</summary>
    private NetworkDevice? Find(Evaluation evaluation, NetworkDevice? bound)
    {
        Packet packet = evaluation.Packet;
        InternetAddress source = packet.SourceAddress, destination = packet.DestinationAddress;
        if (source.Value == 0 && (packet.IsIpv6
            ? packet.TransportProtocol == IpProtocol.Icmpv6 && destination.IsLinkLocal
            : (uint)destination.Value == Ipv4.Broadcast || (uint)destination.Value >> 8 == 0xe00000))
        {
            // Who has no address yet asks for one.
            return evaluation.Input ?? evaluation.Output;
        }

        if (evaluation.Stack.Routing.Find(Query(evaluation, bound)) is not { Type: RouteType.Unicast or RouteType.Multicast or RouteType.Broadcast } route)
        {
            return null;
        }

        // Of several ways, one by the bound device is enough.
        bool leads = bound is null || route.Device == bound || RoutingDomain.Of(route.Device) == bound || (!packet.IsIpv6 && route.Route is { } of && of.NextHops.Any(hop => hop.Device == bound));
        return leads ? bound ?? route.Device : null;
    }

    private RouteType TypeOf(Evaluation evaluation, NetworkDevice? bound)
    {
        RouteQuery query = Query(evaluation, bound);
        if (!evaluation.Packet.IsIpv6)
        {
            return (RouteType)AddressTypes.Of(evaluation.Stack, query.Destination, bound);
        }

        bool isOnBound = bound is not null && evaluation.Stack.Kernel.Addresses.Of(bound, InternetAddress.V6).Any(address => address.Local == query.Destination);
        RouteDecision? route = evaluation.Stack.Routing.Find(query);
        switch (route?.Type ?? RouteType.Unreachable)
        {
            case RouteType.Blackhole or RouteType.Prohibit or RouteType.Throw or RouteType.Unreachable or RouteType.Anycast:
                return route?.Type ?? RouteType.Unreachable;
            case RouteType.Local when bound is null:
                return RouteType.Local;
            default:
                return isOnBound ? RouteType.Local
                    : query.Destination.IsMulticast ? RouteType.Multicast
                    : query.Destination.Value == 0 ? RouteType.Unspecified
                    : RouteType.Unicast;
        }
    }
}

/// <summary>Kinds of addresses as the routing tables know them (inet_addr_type).</summary>
internal static class AddressTypes
{
    private const uint LocalTable = 255;

    /// <summary>RTN_*: local, broadcast, multicast or unicast; only on one device where it is given.</summary>
    public static uint Of(NetworkStack stack, InternetAddress address, NetworkDevice? device)
    {
        if (address.Family == InternetAddress.V4 && ((uint)address.Value == 0 || (uint)address.Value == uint.MaxValue))
        {
            return (uint)RouteType.Broadcast;
        }

        if (address.IsMulticast)
        {
            return (uint)RouteType.Multicast;
        }

        if (stack.Routing.FindInTable(LocalTable, new RouteQuery(address)) is not { } route)
        {
            return (uint)RouteType.Unicast;
        }

        return device is null || route.Device == device ? (uint)route.Type : (uint)RouteType.Unicast;
    }
}
