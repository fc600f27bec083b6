using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Reads any rtnetlink message as the object it is about.</summary>
public static class RouteMessages
{
    /// <summary>
    /// Reads a message of any verb. What this library has no model for comes as <see cref="OtherRouteObject"/>, which keeps its bytes; false only for
    /// control messages and payloads shorter than their header.
    /// </summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out RouteObject? value)
    {
        ushort type = message.Header.Type;
        value = (type & ~3) switch
        {
            _ when type < RTM_NEWLINK => null,
            RTM_NEWLINK or RTM_NEWLINKPROP => Link.TryRead(message, out Link? link) ? link : null,
            RTM_NEWADDR => InterfaceAddress.TryRead(message, out InterfaceAddress? address) ? address : null,
            RTM_NEWROUTE => NetworkRoute.TryRead(message, out NetworkRoute? route) ? route : null,
            RTM_NEWNEIGH => Neighbour.TryRead(message, out Neighbour? neighbour) ? neighbour : null,
            RTM_NEWRULE => RoutingRule.TryRead(message, out RoutingRule? rule) ? rule : null,
            RTM_NEWSTATS when LinkStatisticsReport.TryRead(message, out LinkStatisticsReport? report) => report,
            RTM_NEWVLAN when BridgeVlanSettings.TryRead(message, out BridgeVlanSettings? settings) => settings,
            RTM_NEWNEXTHOP when NextHopObject.TryRead(message, out NextHopObject? hop) => hop,
            _ when TrafficObject.TryRead(message, out TrafficObject? traffic) => traffic,
            RTM_NEWNEIGHTBL => NeighbourTable.TryRead(message, out NeighbourTable? table) ? table : null,
            _ => new OtherRouteObject((ushort)(type & ~3), message.Payload),
        };
        return value is not null;
    }
}

/// <summary>An rtnetlink object that has no model here: its header and attributes as bytes.</summary>
public sealed record OtherRouteObject : RouteObject
{
    private readonly Octets _payload;

    /// <summary>An object of these bytes.</summary>
    public OtherRouteObject(ushort newType, ReadOnlySpan<byte> payload)
    {
        NewType = newType;
        _payload = new Octets(payload);
    }

    /// <inheritdoc />
    public override ushort NewType { get; }

    /// <summary>The family header and the attributes.</summary>
    public ReadOnlySpan<byte> Payload => _payload.Span;

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => [];

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer) => writer.Append(_payload.Span);

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
    }
}
