using System.Globalization;
using System.Text.Json;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Conformance;

/// <summary>The datagrams of a recorded ip or bridge command.</summary>
/// <param name="IsRequest">Sent by the tool; otherwise by the kernel.</param>
/// <param name="Descriptor">The tool's descriptor of the socket it crossed.</param>
/// <param name="Datagram">The bytes.</param>
internal readonly record struct RouteTraffic(bool IsRequest, int Descriptor, byte[] Datagram)
{
    /// <summary>The command speaks rtnetlink: ip but for its xfrm, bridge.</summary>
    public static bool IsRoute(JsonElement row)
    {
        string command = row.Text("cmd");
        return (command.StartsWith("ip ", StringComparison.Ordinal) || command.StartsWith("bridge ", StringComparison.Ordinal))
            && !command.Contains(" xfrm ", StringComparison.Ordinal);
    }

    /// <summary>The netlink family of each of the tool's sockets, by descriptor.</summary>
    /// <exception cref="FormatException">A family this program has no number for.</exception>
    public static Dictionary<int, NetlinkProtocol> Protocols(JsonElement row)
    {
        var protocols = new Dictionary<int, NetlinkProtocol>();
        foreach (JsonElement socket in row.GetProperty("sockets").EnumerateArray())
        {
            protocols[int.Parse(socket[1].GetString()!, CultureInfo.InvariantCulture)] = socket[0].GetString() switch
            {
                "NETLINK_ROUTE" => NetlinkProtocol.Route,
                "NETLINK_XFRM" => NetlinkProtocol.Xfrm,
                "NETLINK_NETFILTER" => NetlinkProtocol.Netfilter,
                "NETLINK_GENERIC" => NetlinkProtocol.Generic,
                { } other => throw new FormatException($"netlink family {other} of '{row.Text("cmd")}' is not known here"),
                null => throw new FormatException("a socket without a family"),
            };
        }

        return protocols;
    }

    /// <summary>All datagrams in their order.</summary>
    public static IEnumerable<RouteTraffic> Of(JsonElement row)
    {
        foreach (JsonElement part in row.GetProperty("traffic").EnumerateArray())
        {
            yield return new RouteTraffic(part[0].GetString() == ">", part[1].GetInt32(), Convert.FromHexString(part[2].GetString()!));
        }
    }
}
