// The engine inside a program of your own. It runs on a simulated kernel here; pass LinuxKernel.Current to run it on
// this machine's. Nothing else changes.
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Simulator.Fabric;

const string Configuration =
    """
    VNET_MODE="MANAGED" VNET_INTERFACE="eth0" VNET_PUBINTERFACE="eth1"
    VNET_SUBNET="192.168.0.0" VNET_NETMASK="255.255.0.0" VNET_DNS="198.51.100.53" VNET_ADDRSPERNET="64"
    VNET_PUBLICIPS="203.0.113.10-203.0.113.20"
    """;

// A machine with two network cards on a switch, all in memory.
using var cloud = new SimulatedCloud(seed: 1);
NetworkSwitch network = cloud.AddSwitch("switch");
SimulatedHost machine = cloud.AddHost("front-end");
cloud.Connect(machine, "eth0", network);
cloud.Connect(machine, "eth1", network);
machine.Up("eth0");
machine.Address("eth1", "203.0.113.1/24");

ConfigurationResult read = NetworkConfiguration.Parse(Configuration, "embedded", EngineRole.FrontEnd);
foreach (ConfigurationDiagnostic diagnostic in read.Diagnostics)
{
    Console.Error.WriteLine(diagnostic);
}

if (read.Configuration is not { } configuration)
{
    return 1;
}

await using var frontEnd = new FrontEnd(machine.Kernel, configuration);
Print("start", await frontEnd.StartAsync());

Outcome<InstanceAssignment> run = await frontEnd.RunInstanceAsync(new InstanceRequest { InstanceId = "i-0a000001", User = "alice", Group = "web" });
Console.WriteLine($"i-0a000001 is to be {run.Value.Address} ({run.Value.Mac}) on VLAN {run.Value.Vlan}, bridge {run.Value.BridgeName}");
Print("run", run.Changes);

var ssh = new IngressRule { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") };
Print("authorize", await frontEnd.AuthorizeAsync("alice", "web", ssh));
Print("associate", await frontEnd.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), "i-0a000001"));
Print("authorize again", await frontEnd.AuthorizeAsync("alice", "web", ssh));
Print("terminate", await frontEnd.TerminateInstanceAsync("i-0a000001"));
return 0;

static void Print(string operation, ChangeSummary changes)
{
    Console.WriteLine($"{operation}:");
    foreach (Change change in changes.Changes)
    {
        Console.WriteLine($"  {change.Kind,-14} {change}");
    }

    if (changes.Changes.Count == 0)
    {
        Console.WriteLine("  nothing to do");
    }
}
