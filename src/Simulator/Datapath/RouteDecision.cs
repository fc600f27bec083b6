using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath;

/// <summary>RTN_* (linux/rtnetlink.h): what a route does with a packet.</summary>
internal enum RouteType : byte
{
    Unspecified = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
    Throw = 9,
}

/// <summary>What a route look-up gave (struct rtable).</summary>
/// <param name="Type">What is to be done.</param>
/// <param name="Device">Where the packet leaves; of local packets, the loopback device.</param>
/// <param name="Gateway">The next hop; null where the destination is on the link.</param>
/// <param name="PreferredSource">The address the route wants local packets to have; null where none is named.</param>
/// <param name="Route">The route that was taken; null for the limited broadcast.</param>
internal sealed record RouteDecision(RouteType Type, NetworkDevice Device, InternetAddress? Gateway, InternetAddress? PreferredSource, Route? Route)
{
    private const ushort MtuMetric = 2;

    /// <summary>What fits: the route's own MTU where it names one, else the device's.</summary>
    public uint Mtu
    {
        get
        {
            if (Route is { Metrics.Count: > 0 } route)
            {
                foreach ((ushort type, byte[] value) in route.Metrics)
                {
                    if (type == MtuMetric)
                    {
                        return Math.Min(BitConverter.ToUInt32(value), Device.Mtu);
                    }
                }
            }

            return Route is { Destination.Family: InternetAddress.V6 } && Device.Inet6 is { } state ? Math.Min(state.Mtu, Device.Mtu) : Device.Mtu;
        }
    }

    /// <summary>The address whose MAC is asked for.</summary>
    public InternetAddress NextHop(InternetAddress destination) => Gateway ?? destination;
}
