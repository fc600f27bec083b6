using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>What becomes of packets that take a route (RTN_*).</summary>
public enum RouteType : byte
{
#pragma warning disable CS1591 // as ip-route(8) explains them
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
    Nat = 10,
    ExternalResolver = 11,
#pragma warning restore CS1591
}

/// <summary>A gateway of another address family than the route's (struct rtvia).</summary>
/// <param name="Family">AF_INET or AF_INET6.</param>
/// <param name="Address">The gateway.</param>
public sealed record RouteVia(ushort Family, IPAddress Address)
{
    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out RouteVia? via)
    {
        via = attribute.Value.Length is 6 or 18 ? new RouteVia(attribute.UInt16, new IPAddress(attribute.Value[2..])) : null;
        return via is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        Span<byte> octets = stackalloc byte[16];
        Address.TryWriteBytes(octets, out int length);
        WireMark mark = writer.BeginAttribute(entry.RawType);
        writer.AppendStruct(Family);
        writer.Append(octets[..length]);
        writer.EndAttribute(mark);
    }
}

/// <summary>The ways of a route with several (RTA_MULTIPATH).</summary>
/// <param name="Hops">The ways.</param>
public sealed record NextHopList(EquatableList<NextHop> Hops)
{
    private const int HeaderSize = 8;

    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out NextHopList? hops)
    {
        hops = null;
        var list = new List<NextHop>();
        ReadOnlySpan<byte> rest = attribute.Value;
        while (rest.Length >= HeaderSize)
        {
            int length = MemoryMarshal.Read<ushort>(rest);
            if (length < HeaderSize || length > rest.Length || (length & 3) != 0)
            {
                return false;
            }

            list.Add(new NextHop(new AttributeReader(rest[HeaderSize..length]))
            {
                Flags = rest[2],
                Hops = rest[3],
                OutputInterface = BitConverter.ToInt32(rest[4..]),
            });
            rest = rest[length..];
        }

        hops = new NextHopList([.. list]);
        return rest.IsEmpty;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry)
    {
        WireMark mark = writer.BeginAttribute(entry.RawType);
        foreach (NextHop hop in Hops)
        {
            // struct rtnexthop begins with its length as an attribute does; its next two bytes are flags and hops.
            WireMark begin = writer.BeginAttribute((ushort)(hop.Hops << 8 | hop.Flags));
            writer.AppendStruct(hop.OutputInterface);
            hop.WriteAttributes(ref writer);
            writer.EndAttribute(begin);
        }

        writer.EndAttribute(mark);
    }
}
