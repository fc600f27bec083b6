using System.Text.Json;

namespace EucaNet.Conformance;

/// <summary>The datagrams of a recorded ip or bridge command.</summary>
/// <param name="IsRequest">Sent by the tool; otherwise by the kernel.</param>
/// <param name="Datagram">The bytes.</param>
internal readonly record struct RouteTraffic(bool IsRequest, byte[] Datagram)
{
    /// <summary>The command speaks rtnetlink: ip but for its xfrm, bridge.</summary>
    public static bool IsRoute(JsonElement row)
    {
        string command = row.Text("cmd");
        return (command.StartsWith("ip ", StringComparison.Ordinal) || command.StartsWith("bridge ", StringComparison.Ordinal))
            && !command.Contains(" xfrm ", StringComparison.Ordinal);
    }

    /// <summary>All datagrams in their order.</summary>
    public static IEnumerable<RouteTraffic> Of(JsonElement row)
    {
        foreach (JsonElement part in row.GetProperty("traffic").EnumerateArray())
        {
            yield return new RouteTraffic(part[0].GetString() == ">", Convert.FromHexString(part[2].GetString()!));
        }
    }
}
