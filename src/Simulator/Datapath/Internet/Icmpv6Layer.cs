using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>ICMPv6 (net/ipv6/icmp.c); neighbour and router discovery have a file of their own.</summary>
internal sealed class Icmpv6Layer(NetworkStack stack) : IcmpLayer(stack)
{
    protected override byte Family => InternetAddress.V6;

    protected override byte Protocol => IpProtocol.Icmpv6;

    protected override byte EchoRequestType => Icmpv6Type.EchoRequest;

    protected override byte EchoReplyType => Icmpv6Type.EchoReply;

    protected override int LargestQuote => Ipv6Header.MinimumMtu - Ipv6Header.Size - IcmpHeader.Size;

    public override void SendError(Packet cause, NetworkDevice? input, IcmpReason reason, uint information = 0)
    {
        (byte type, byte code) = reason switch
        {
            IcmpReason.NoRoute => (Icmpv6Type.DestinationUnreachable, Icmpv6Type.NoRouteCode),
            IcmpReason.HostUnreachable => (Icmpv6Type.DestinationUnreachable, Icmpv6Type.AddressUnreachableCode),
            IcmpReason.PortUnreachable => (Icmpv6Type.DestinationUnreachable, Icmpv6Type.PortUnreachableCode),
            IcmpReason.Prohibited => (Icmpv6Type.DestinationUnreachable, Icmpv6Type.ProhibitedCode),
            IcmpReason.BeyondScope => (Icmpv6Type.DestinationUnreachable, Icmpv6Type.NotNeighbourCode),
            IcmpReason.ProtocolUnreachable => (Icmpv6Type.ParameterProblem, Icmpv6Type.UnknownHeaderCode),
            IcmpReason.TooBig => (Icmpv6Type.PacketTooBig, (byte)0),
            IcmpReason.HopLimitExceeded => (Icmpv6Type.TimeExceeded, (byte)0),
            _ => (Icmpv6Type.TimeExceeded, (byte)1),
        };
        SendError(cause, input, type, code, information);
    }

    protected override bool IsError(byte type) => Icmpv6Type.IsError(type);

    protected override bool Ignores(Packet request) =>
        Stack.Kernel.Parameters.Number("net/ipv6/icmp/echo_ignore_all") != 0
        || (request.DestinationAddress.IsMulticast && Stack.Kernel.Parameters.Number("net/ipv6/icmp/echo_ignore_multicast") != 0);

    protected override bool MayCauseError(Packet cause, byte type, byte code)
    {
        if (!cause.IsIpv6 || cause.NetworkLength < Ipv6Header.Size)
        {
            return false;
        }

        InternetAddress source = cause.SourceAddress;
        bool toMany = cause.DestinationAddress.IsMulticast || (!cause.IsLocal && cause.Type is not (PacketType.Host or PacketType.Loopback));
        if (source.IsAny || source.IsMulticast
            || (toMany && type != Icmpv6Type.PacketTooBig && !(type == Icmpv6Type.ParameterProblem && code == Icmpv6Type.UnknownOptionCode)))
        {
            return false;
        }

        byte protocol = cause.Ipv6.FindTransport(out int offset, out ushort fragment);
        return protocol != IpProtocol.Icmpv6 || (fragment & 0xfff8) != 0 || (offset < cause.NetworkLength && !Icmpv6Type.IsError(cause.Network[offset]));
    }

    /// <summary>The nearer the receiver's network is known, the fewer errors it gets (icmpv6_xrlim_allow).</summary>
    protected override TimeSpan? CostOf(InternetAddress receiver, byte type, byte code)
    {
        int interval = Stack.Kernel.Parameters.Number("net/ipv6/icmp/ratelimit");
        if (type == Icmpv6Type.PacketTooBig || interval == 0)
        {
            return null;
        }

        int prefix = Stack.Routing.Find(new RouteQuery(receiver))?.Route?.PrefixLength ?? 0;
        return TimeSpan.FromMilliseconds(prefix < 128 ? interval >> (128 - prefix >> 5) : interval);
    }

    /// <summary>The address asked for, where it is one of this machine; else what the route names, else the best of the device the packet came in by (icmp6_send).</summary>
    protected override InternetAddress? ErrorSource(Packet cause, NetworkDevice? input, NetworkDevice? output)
    {
        InternetAddress asked = cause.DestinationAddress, receiver = cause.SourceAddress;
        if (!asked.IsMulticast && Stack.Kernel.Addresses.FindLocal(asked) is { } own && SourceSelection.IsUsable(own))
        {
            return asked;
        }

        NetworkDevice? arrival = cause.IsLocal ? null : input ?? Stack.Kernel.Devices.Find(cause.InputInterface);
        return Stack.Routing.FindOutput(new RouteQuery(receiver) { Output = output }) is not { } route ? null
            : route.PreferredSource is null && route.Type == RouteType.Unicast && arrival is not null ? Stack.Sources.SelectV6(arrival, receiver)
            : Stack.Sources.For(route, receiver);
    }

    protected override byte ErrorTrafficClass(Packet cause) => 0;

    protected override void ReceiveOther(NetworkDevice device, Packet packet)
    {
        if (new IcmpHeader(packet.Transport).Type is >= Icmpv6Type.RouterSolicitation and <= Icmpv6Type.Redirect)
        {
            Stack.NeighbourDiscovery.Receive(device, packet);
        }
        else
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Summary, Stack.HostName, $"ICMPv6 type {packet.Transport[0]} is not acted on");
        }
    }
}
