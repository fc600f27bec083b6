using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;

namespace EucaNet.Engine.Diagnostics;

/// <summary>What the manual's troubleshooting looks at on a machine before any instance runs: interfaces, bridges, forwarding, other firewalls.</summary>
internal sealed class HostChecks(EngineContext context, Links links, FindingList findings)
{
    private const string CheckInterface = "check your VNET_INTERFACE parameter and inspect the log files for errors";

    private NetworkConfiguration Configuration => context.Configuration;

    /// <summary>All checks for the role and mode.</summary>
    public async ValueTask RunAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<LinkView> all = await links.ListAsync(cancellationToken).ConfigureAwait(false);
        CheckInterfaces(all);
        if (Configuration.Bridge.Length > 0)
        {
            CheckBridge(all);
        }

        if (Configuration is { Role: not EngineRole.Node, Mode: NetworkMode.Managed })
        {
            CheckForwarding();
            CheckRoutes(all, await RoutesIntoSubnetAsync(all, cancellationToken).ConfigureAwait(false));
        }

        CheckDhcpDaemon();
        CheckBridgeFiltering();
        new ForeignChains(context, findings).Check();
    }

    private void CheckInterfaces(IReadOnlyList<LinkView> all)
    {
        foreach (string name in new[] { Configuration.Interface, Configuration.PublicInterface }.Where(n => n.Length > 0).Distinct())
        {
            LinkView? link = all.FirstOrDefault(l => l.Name == name);
            if (link is null)
            {
                findings.Error("interface", name, "there is no such interface on this machine", CheckInterface);
            }
            else if (!link.IsUp)
            {
                findings.Error("interface", name, "it is down", $"set it up: ip link set {name} up");
            }
            else if (link.MasterIndex != 0 && Configuration.Mode == NetworkMode.Managed && all.FirstOrDefault(l => l.Index == link.MasterIndex) is { IsBridge: true } bridge)
            {
                findings.Warning("interface", name, $"it is a port of the bridge {bridge.Name}, which takes its frames first", $"set VNET_INTERFACE to the interface that carries tagged frames, often p{name}");
            }
            else
            {
                findings.Good("interface", name, "is there and up");
            }
        }
    }

    private void CheckBridge(IReadOnlyList<LinkView> all)
    {
        string name = Configuration.Bridge;
        LinkView? bridge = all.FirstOrDefault(l => l.Name == name);
        if (bridge is not { IsBridge: true })
        {
            string[] bridges = [.. all.Where(l => l.IsBridge).Select(l => l.Name)];
            findings.Error("bridge", name, bridge is null ? "there is no such interface" : "it is not a bridge",
                bridges.Length > 0 ? $"set VNET_BRIDGE to one that 'brctl show' lists: {string.Join(", ", bridges)}" : "make a bridge with the physical interface in it and name it in VNET_BRIDGE");
            return;
        }

        LinkView[] ports = [.. all.Where(l => l.MasterIndex == bridge.Index)];
        if (!ports.Any(p => !p.Name.StartsWith("vif", StringComparison.Ordinal)))
        {
            findings.Error("bridge", name, "it has no port that leads to the ethernet", $"put the physical interface in it: ip link set … master {name}");
        }
        else if (!bridge.IsUp)
        {
            findings.Error("bridge", name, "it is down", $"set it up: ip link set {name} up");
        }
        else
        {
            findings.Good("bridge", name, $"is up with the ports {string.Join(", ", ports.Select(p => p.Name))}");
        }
    }

    private void CheckForwarding()
    {
        string? value = context.Kernel.ReadParameter("net/ipv4/ip_forward");
        if (value == "1")
        {
            findings.Good("forwarding", "net.ipv4.ip_forward", "is on");
        }
        else
        {
            findings.Error("forwarding", "net.ipv4.ip_forward", $"is {value ?? "missing"}: the front-end routes nothing", "set it: sysctl -w net.ipv4.ip_forward=1, and find the program that cleared it");
        }
    }

    private async ValueTask<IReadOnlyList<(LinkView Link, Ipv4Address Address, int PrefixLength)>> RoutesIntoSubnetAsync(IReadOnlyList<LinkView> all, CancellationToken cancellationToken)
    {
        var found = new List<(LinkView, Ipv4Address, int)>();
        foreach (LinkView link in all.Where(l => !l.IsOurs))
        {
            foreach ((Ipv4Address address, int length) in await links.AddressesAsync(link, cancellationToken).ConfigureAwait(false))
            {
                if (Configuration.Subnet.Contains(address) || new Ipv4Network(address, length).Contains(Configuration.Subnet.Address))
                {
                    found.Add((link, address, length));
                }
            }
        }

        return found;
    }

    private void CheckRoutes(IReadOnlyList<LinkView> all, IReadOnlyList<(LinkView Link, Ipv4Address Address, int PrefixLength)> overlapping)
    {
        _ = all;
        foreach ((LinkView link, Ipv4Address address, int length) in overlapping)
        {
            findings.Error("subnet", Configuration.Subnet.ToString(), $"{link.Name} has {address}/{length}: the range is in use on this network",
                "choose a range of addresses for VNET_SUBNET that is completely unused (manual, MANAGED mode, requirement 1)");
        }
    }

    private void CheckDhcpDaemon()
    {
        if (Configuration.DhcpDaemon is { } daemon && context.Options.DaemonLauncher?.FindObstacle(daemon) is { } obstacle)
        {
            findings.Error("dhcp", daemon, obstacle, "ensure that a DHCP server binary is installed and VNET_DHCPDAEMON says where it is, or leave VNET_DHCPDAEMON out for the built-in server");
        }
    }

    private void CheckBridgeFiltering()
    {
        if (Configuration.Role != EngineRole.FrontEnd && context.Kernel.ReadParameter("net/bridge/bridge-nf-call-iptables") == "1")
        {
            findings.Notice("firewall", "net.bridge.bridge-nf-call-iptables", "is 1: iptables rules of this machine also see the frames between instances",
                "set it to 0 unless such rules are wanted");
        }
    }
}
