using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>Why a packet did not arrive, in the words of both families; each has its own types and codes for it.</summary>
internal enum IcmpReason
{
    NoRoute,
    HostUnreachable,
    ProtocolUnreachable,
    PortUnreachable,

    /// <summary>A route says so ("prohibit").</summary>
    Prohibited,
    TooBig,
    HopLimitExceeded,
    ReassemblyTimedOut,

    /// <summary>IPv6: the sender's address means nothing where the packet would have to go.</summary>
    BeyondScope,
}

/// <summary>An ICMP or ICMPv6 error that came back for something this machine had sent.</summary>
/// <param name="Sender">Who sent the error; tells the family too.</param>
/// <param name="Type">ICMP type.</param>
/// <param name="Code">ICMP code.</param>
/// <param name="Information">Of "fragmentation needed" and "packet too big", the next hop's MTU.</param>
internal readonly record struct IcmpError(InternetAddress Sender, byte Type, byte Code, uint Information)
{
    /// <summary>The packet was too big for a link on its way.</summary>
    public bool IsTooBig => Sender.Family == InternetAddress.V6
        ? Type == Icmpv6Type.PacketTooBig
        : Type == IcmpType.DestinationUnreachable && Code == IcmpType.FragmentationNeededCode;

    /// <summary>Of <see cref="IsTooBig"/>, what would have fitted.</summary>
    public uint Mtu => Sender.Family == InternetAddress.V6 ? Information : Information & 0xffff;

    /// <summary>It is told to whom it concerns: not that pieces did not come in time, and no code that IPv4 does not know (icmp_unreach).</summary>
    public bool IsTold => Sender.Family == InternetAddress.V6 || (Type, Code) is not ((IcmpType.TimeExceeded, 1) or (IcmpType.DestinationUnreachable, > IcmpType.LastUnreachableCode));

    /// <summary>A connection that is being opened ends by it (tcp_v4_err, tcp_v6_err).</summary>
    public bool EndsOpening => !IsTooBig && (Sender.Family == InternetAddress.V6 || Type is not (IcmpType.Redirect or IcmpType.SourceQuench));

    /// <summary>A handshake that another machine began ends by it, as if it had never begun: of IPv4 what tells of the way, of IPv6 what is final (tcp_req_err).</summary>
    public bool EndsRequest => Sender.Family == InternetAddress.V6
        ? Type == Icmpv6Type.ParameterProblem
            || (Type == Icmpv6Type.DestinationUnreachable && Code is not (Icmpv6Type.NoRouteCode or Icmpv6Type.NotNeighbourCode or Icmpv6Type.AddressUnreachableCode))
        : Type is IcmpType.ParameterProblem or IcmpType.TimeExceeded
            || (Type == IcmpType.DestinationUnreachable && Code is IcmpType.NetworkUnreachableCode or IcmpType.HostUnreachableCode);

    public override string ToString() => Sender.Family == InternetAddress.V6 ? OfIpv6() : (Type, Code) switch
    {
        (IcmpType.DestinationUnreachable, 0) => "network unreachable",
        (IcmpType.DestinationUnreachable, 1) => "host unreachable",
        (IcmpType.DestinationUnreachable, 2) => "protocol unreachable",
        (IcmpType.DestinationUnreachable, 3) => "port unreachable",
        (IcmpType.DestinationUnreachable, 4) => $"fragmentation needed, MTU {Mtu}",
        (IcmpType.DestinationUnreachable, 9) => "network prohibited",
        (IcmpType.DestinationUnreachable, 10) => "host prohibited",
        (IcmpType.DestinationUnreachable, 13) => "administratively prohibited",
        (IcmpType.Redirect, _) => $"redirect to {Ipv4.Text(Information)}",
        (IcmpType.TimeExceeded, 0) => "time to live exceeded",
        (IcmpType.TimeExceeded, _) => "fragment reassembly time exceeded",
        _ => $"ICMP type {Type} code {Code}",
    };

    private string OfIpv6() => (Type, Code) switch
    {
        (Icmpv6Type.DestinationUnreachable, 0) => "no route",
        (Icmpv6Type.DestinationUnreachable, 1) => "administratively prohibited",
        (Icmpv6Type.DestinationUnreachable, 2) => "beyond scope of the source address",
        (Icmpv6Type.DestinationUnreachable, 3) => "address unreachable",
        (Icmpv6Type.DestinationUnreachable, 4) => "port unreachable",
        (Icmpv6Type.DestinationUnreachable, 5) => "source address failed policy",
        (Icmpv6Type.DestinationUnreachable, 6) => "reject route",
        (Icmpv6Type.PacketTooBig, _) => $"packet too big, MTU {Mtu}",
        (Icmpv6Type.TimeExceeded, 0) => "hop limit exceeded",
        (Icmpv6Type.TimeExceeded, _) => "fragment reassembly time exceeded",
        (Icmpv6Type.ParameterProblem, 1) => "unknown next header",
        (Icmpv6Type.ParameterProblem, 2) => "unknown option",
        (Icmpv6Type.ParameterProblem, _) => "parameter problem",
        _ => $"ICMPv6 type {Type} code {Code}",
    };
}
