using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Tests.Fabric;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>The machine is a simulated kernel of this machine's version.</summary>
internal sealed class SimulatedLab : DifferenceLab
{
    private readonly SimulatedCloud _cloud = new(1, RunsOnDebian ? KernelProfile.Linux612 : KernelProfile.Linux618);
    private readonly SimulatedHost _machine, _tester;
    private PacketJourney _journey = new(TraceLevel.Detailed);

    public SimulatedLab(Topology topology)
    {
        _machine = _cloud.AddHost("machine");
        _tester = _cloud.AddHost("tester");
        for (int port = 0; port < Ports; port++)
        {
            _machine.AddCard(Inner(port), InnerMac(port).ToString());
            _tester.AddCard(Outer(port), OuterMac(port).ToString());
        }

        _tester.Kernel.WriteParameter("net/ipv6/conf/all/disable_ipv6", "1");
        foreach (string device in (string[])["all", "default", .. Enumerable.Range(0, Ports).Select(Inner)])
        {
            _machine.Kernel.WriteParameter($"net/ipv6/conf/{device}/accept_dad", "0");
            if (device != "all")
            {
                _machine.Kernel.WriteParameter($"net/ipv6/conf/{device}/addr_gen_mode", "1");
            }
        }

        // Every network namespace of a kernel that has it has it on.
        if (File.Exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))
        {
            _machine.Kernel.LoadBridgeNetfilter();
        }

        Prepare(_machine.Kernel);
        if (topology == Topology.Bare)
        {
            _machine.Kernel.WriteParameter("net/ipv6/conf/default/addr_gen_mode", "1");
        }

        if (topology == Topology.Bridge)
        {
            Links.AddBridge(_machine, "br0");
            _machine.Kernel.Devices.Find("br0")!.Bridge!.MulticastSnooping = false;
        }

        for (int port = 0; port < Ports; port++)
        {
            _cloud.Connect(_machine, Inner(port), _tester, Outer(port));
            _machine.Kernel.Devices.Find(Inner(port))!.Inet6!.AddressGenerationMode = 1;
            _machine.Up(Inner(port));
            _tester.Up(Outer(port));
            if (topology == Topology.Bridge)
            {
                Links.Enslave(_machine, Inner(port), "br0");
            }
        }

        if (topology == Topology.Bridge)
        {
            _machine.Kernel.Devices.Find("br0")!.HardwareAddress = InnerMac(9).ToBytes();
            _machine.Up("br0");
        }

        foreach ((string device, string address) in LabSetup.Addresses(topology))
        {
            _machine.Address(device, address);
        }

        using (SimulationQueue.Call call = _machine.Kernel.Enter())
        {
            foreach ((string device, int port, string address) in LabSetup.Neighbours(topology))
            {
                NetworkDevice at = _machine.Kernel.Devices.Find(device)!;
                _machine.Kernel.NeighbourControl.Update(_machine.Kernel.Neighbours.GetOrAdd(at, InternetAddress.Parse(address)), OuterMac(port).ToBytes(), NeighbourState.Permanent);
            }
        }

        _cloud.Settle(TimeSpan.FromSeconds(20));
        Attach(_tester.Kernel);
    }

    /// <summary>The kernel that it is held against is Debian's (tests/vm/run), not this machine's.</summary>
    private static bool RunsOnDebian => File.ReadAllText("/proc/sys/kernel/osrelease").StartsWith("6.12.", StringComparison.Ordinal);

    /// <summary>What the last frame went through.</summary>
    public string Story => new PacketTrace(_journey).ToText(TraceLevel.Detailed);

    /// <summary>The last frame that was told went round and round until the simulation ended it.</summary>
    public bool WentInCircles => _journey.Steps.Any(static step => step.Kind == StoryKind.Dropped && step.Text.StartsWith(DeviceLayer.InCircles, StringComparison.Ordinal));

    public override IKernel Kernel => _machine.Kernel;

    public SimulatedKernel Machine => _machine.Kernel;

    protected override bool IsSettled => true;

    /// <summary>Takes over what stands on another machine.</summary>
    public void Load(NftablesRuleset ruleset)
    {
        using NftablesConnection connection = NftablesConnection.Open(_machine.Kernel);
        foreach (TableContent table in ruleset.Tables)
        {
            connection.Apply(table.Table.Family, table.Table.Name, table);
        }
    }

    public List<string> Tell(ProgramFrame frame) => TellBy(Outer(frame.Port), frame.Bytes);

    public List<string> TellBy(string device, byte[] frame)
    {
        _journey = new PacketJourney(TraceLevel.Detailed);
        foreach (SimulatedHost host in (SimulatedHost[])[_tester, _machine])
        {
            host.Kernel.Stack.StoryTeller = from => PacketStory.Begin(_journey, host.Name, from);
        }

        return SendBy(device, frame, 0);
    }

    public void SetPlugged(int port, bool plugged)
    {
        Cable cable = _machine.Cards[port].Cable!;
        if (plugged)
        {
            cable.Plug();
        }
        else
        {
            cable.Unplug();
        }
    }

    public void Advance(TimeSpan time) => _cloud.Advance(time);

    public override void Dispose()
    {
        base.Dispose();
        _cloud.Dispose();
    }
}
