using EucaNet.Cli.Scenarios;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>The kernels that the same evidence is gathered on.</summary>
internal static class Worlds
{
    private const string Simulated = "simulated";
    private const string Linux = "linux";

    /// <summary>Set where only the real kernel is asked: the simulated ones have been, outside the virtual machine.</summary>
    public const string OnlyLinux = "EUCANET_ONLY_LINUX";

    /// <summary>
    /// Where MANAGED mode can run: simulated kernels, and this machine's kernel where it has 802.1Q loaded.
    /// <see cref="DebianKernelTests"/> runs these tests under such a kernel.
    /// </summary>
    public static IEnumerable<string> Managed =>
        Environment.GetEnvironmentVariable(OnlyLinux) == "1" ? [Linux]
        : Directory.Exists("/proc/net/vlan") && Environment.UserName == "root" ? [Simulated, Linux]
        : [Simulated];

    /// <summary>A world of a kind, without machines.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="dhcpClient">The VMs' client on a real kernel: "built-in", "udhcpc", "dhclient".</param>
    public static IWorld Create(string kind, string dhcpClient) => kind == Linux ? new LinuxWorld(dhcpClient) : new SimulatedWorld(1, null, null);
}
