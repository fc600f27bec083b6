using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>ICMP (net/ipv4/icmp.c).</summary>
internal sealed class Icmpv4Layer(NetworkStack stack) : IcmpLayer(stack)
{
    private const int LargestError = 576;

    protected override byte Family => InternetAddress.V4;

    protected override byte Protocol => IpProtocol.Icmp;

    protected override byte EchoRequestType => IcmpType.EchoRequest;

    protected override byte EchoReplyType => IcmpType.EchoReply;

    protected override int LargestQuote => LargestError - Ipv4Header.MinimumSize - IcmpHeader.Size;

    public override void SendError(Packet cause, NetworkDevice? input, IcmpReason reason, uint information = 0)
    {
        (byte type, byte code) = reason switch
        {
            IcmpReason.NoRoute => (IcmpType.DestinationUnreachable, IcmpType.NetworkUnreachableCode),
            IcmpReason.HostUnreachable or IcmpReason.BeyondScope => (IcmpType.DestinationUnreachable, IcmpType.HostUnreachableCode),
            IcmpReason.ProtocolUnreachable => (IcmpType.DestinationUnreachable, IcmpType.ProtocolUnreachableCode),
            IcmpReason.PortUnreachable => (IcmpType.DestinationUnreachable, IcmpType.PortUnreachableCode),
            IcmpReason.Prohibited => (IcmpType.DestinationUnreachable, IcmpType.AdministrativelyProhibitedCode),
            IcmpReason.TooBig => (IcmpType.DestinationUnreachable, IcmpType.FragmentationNeededCode),
            IcmpReason.HopLimitExceeded => (IcmpType.TimeExceeded, (byte)0),
            _ => (IcmpType.TimeExceeded, (byte)1),
        };
        SendError(cause, input, type, code, information);
    }

    /// <summary>Tells a sender on the link of a first hop nearer to where its packets go (ip_rt_send_redirect).</summary>
    public void SendRedirect(Packet cause, NetworkDevice device, InternetAddress gateway) =>
        SendError(cause, device, IcmpType.Redirect, 1, (uint)gateway.Value);

    protected override bool IsError(byte type) => IcmpType.IsError(type);

    protected override bool Ignores(Packet request) =>
        Stack.Kernel.Parameters.Number("net/ipv4/icmp_echo_ignore_all") != 0
        || (request.Route is { Type: RouteType.Broadcast or RouteType.Multicast } && Stack.Kernel.Parameters.Number("net/ipv4/icmp_echo_ignore_broadcasts") != 0);

    protected override bool MayCauseError(Packet cause, byte type, byte code)
    {
        Span<byte> network = cause.Network;
        if (cause.Protocol != EtherType.Ipv4 || network.Length < Ipv4Header.MinimumSize)
        {
            return false;
        }

        Ipv4Header header = cause.Ipv4;
        if (cause.Type is PacketType.Broadcast or PacketType.Multicast or PacketType.OtherHost
            || header.FragmentOffset != 0 || header.Source == 0 || Ipv4.IsMulticast(header.Source) || header.Source == Ipv4.Broadcast
            || Ipv4.IsMulticast(header.Destination) || header.Destination == Ipv4.Broadcast || cause.Route is { Type: RouteType.Broadcast })
        {
            return false;
        }

        return header.Protocol != IpProtocol.Icmp || network.Length <= header.HeaderLength
            || !(IcmpType.IsError(network[header.HeaderLength]) || network[header.HeaderLength] > 18);
    }

    protected override TimeSpan? CostOf(InternetAddress receiver, byte type, byte code) =>
        (type == IcmpType.DestinationUnreachable && code == IcmpType.FragmentationNeededCode) || (Stack.Kernel.Parameters.Number("net/ipv4/icmp_ratemask") >> type & 1) == 0
            ? null
            : TimeSpan.FromMilliseconds(Stack.Kernel.Parameters.Number("net/ipv4/icmp_ratelimit"));

    /// <summary>
    /// The address asked for, where the packet's route ends here. Before it has a route the one back to its sender stands in
    /// for it (nf_reject_fill_skb_dst): who claims an own address of this machine gets no answer from an address that isn't.
    /// </summary>
    protected override InternetAddress? ErrorSource(Packet cause, NetworkDevice? input, NetworkDevice? output)
    {
        InternetAddress asked = cause.DestinationAddress, receiver = cause.SourceAddress;
        RouteDecision? route = cause.Route;
        if (route is null && cause.Bridged is not { IsInPrerouting: false })
        {
            route = Stack.Routing.FindOutput(new RouteQuery(receiver) { Output = RoutingDomain.Of(input) });
        }

        if (route is not { Type: RouteType.Local })
        {
            return Layer.SourceFor(receiver, output);
        }

        // Asked for nobody, the machine answers as itself.
        return asked.IsAny ? Layer.SourceFor(receiver, output) : Stack.Routing.IsOwn(asked) ? asked : null;
    }

    protected override byte ErrorTrafficClass(Packet cause) => (byte)(cause.TrafficClass & 0x1e | 0xc0);

    protected override void ReceiveOther(NetworkDevice device, Packet packet)
    {
        if (new IcmpHeader(packet.Transport).Type != IcmpType.TimestampRequest || packet.Transport.Length < 20
            || packet.Route is { Type: RouteType.Broadcast or RouteType.Multicast } && Stack.Kernel.Parameters.Number("net/ipv4/icmp_echo_ignore_broadcasts") != 0)
        {
            return;
        }

        // The time of day in milliseconds, of reception and of sending.
        packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, Stack.HostName, "timestamp request");
        Packet reply = Packet.OfInternet(packet.DestinationAddress, packet.SourceAddress, IpProtocol.Icmp, 20, 64, packet.TrafficClass);
        packet.Transport[..20].CopyTo(reply.Transport);
        reply.Transport[0] = IcmpType.TimestampReply;
        var now = (uint)Stack.Kernel.Clock.GetUtcNow().TimeOfDay.TotalMilliseconds;
        BinaryPrimitives.WriteUInt32BigEndian(reply.Transport[12..], now);
        BinaryPrimitives.WriteUInt32BigEndian(reply.Transport[16..], now);
        reply.UpdateTransportChecksum();
        reply.Story = packet.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, Stack.HostName, "timestamp reply");
        Send(reply, RoutingDomain.Of(device));
    }

    /// <summary>Believed from the gateway the packets take now, where the device accepts redirects (__ip_do_redirect).</summary>
    protected override void TakeRedirect(Packet packet)
    {
        var header = new IcmpHeader(packet.Transport);
        if (header.Type != IcmpType.Redirect || header.Payload.Length < Ipv4Header.MinimumSize || Stack.Kernel.Devices.Find(packet.InputInterface) is not { } device)
        {
            return;
        }

        InternetAddress destination = InternetAddress.FromV4(new Ipv4Header(header.Payload).Destination), gateway = InternetAddress.FromV4(header.Information);
        bool accepts = Stack.IsForwarding(device)
            ? Stack.Kernel.Parameters.Number("net/ipv4/conf/all/accept_redirects") != 0 && Stack.Kernel.Parameters.Number("net/ipv4/conf/", device.Name, "accept_redirects") != 0
            : Stack.Flag(device, "accept_redirects");
        if (accepts && Stack.Routing.Find(new RouteQuery(destination)) is { Type: RouteType.Unicast } route
            && route.NextHop(destination) == packet.SourceAddress && route.Device == device
            && Stack.Kernel.Addresses.FindLocal(gateway) is null
            && Stack.Kernel.Addresses.Of(device, InternetAddress.V4).Any(address => gateway.IsIn(address.Address, address.PrefixLength)))
        {
            Stack.Exceptions.LearnGateway(destination, gateway);
        }
    }
}
