using EucaNet.Engine.Dhcp;

namespace EucaNet.Engine.Diagnostics;

/// <summary>What the manual looks for with <c>ps axww | grep dhcpd</c>: does the DHCP server run, and what did it say when it ended?</summary>
internal static class DhcpChecks
{
    /// <summary>Adds an error for each problem of the server, or that it serves.</summary>
    public static void Add(IDhcpService server, string serves, FindingList findings)
    {
        foreach (string problem in server.Problems)
        {
            findings.Error("dhcp", server.Description, problem, "check the logs for the reason; the daemon's own output stands above, and reconciling starts it again");
        }

        if (server.Problems.Count == 0)
        {
            findings.Good("dhcp", server.Description, serves);
        }
    }
}
