using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath;

/// <summary>What a local packet is routed again for, where a rule that may do so changed it (route chains, xtables' mangle).</summary>
internal readonly record struct RouteKey(InternetAddress Source, InternetAddress Destination, uint Mark, byte TrafficClass, byte HopLimit, uint FlowLabel)
{
    public static RouteKey Of(Packet packet) => packet.IsIpv6
        ? new RouteKey(packet.SourceAddress, packet.DestinationAddress, packet.Mark, 0, packet.HopLimit, packet.Ipv6.FlowLabel)
        : new RouteKey(packet.SourceAddress, packet.DestinationAddress, packet.Mark, packet.TrafficClass, 0, 0);
}
