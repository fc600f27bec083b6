using EucaNet.Netlink.Route;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Frames through bonds, on Debian's kernel and on the simulated one.</summary>
[Explicit("needs a kernel with bonding: DebianDatapathTests runs it under one")]
[Category(DebianDatapathTests.Category)]
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class BondTests
{
    private const string Own = "02:00:00:00:04:01", Station = "02:00:00:00:04:02", Broadcast = "ff:ff:ff:ff:ff:ff";

    [Test]
    public void An_active_backup_bond_sends_and_hears_by_one_port_and_changes_over_when_its_signal_goes()
    {
        using Scene scene = Bond(new BondOptions { Mode = BondMode.ActiveBackup, MiiMonitor = 50 });
        Assert.That(scene.Send("bond7", Frames.Udp(Own, Station)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Udp(Station, Own)), Is.EqualTo((string[])["a0", "bond7"]));
        Assert.That(scene.Receive(1, Frames.Udp(Station, Own)), Is.EqualTo((string[])["b0"]), "a backup's frames are for its own sockets only");
        Assert.That(scene.Ask(static machine => Shown(machine)), Does.Contain("bond7 Up").And.Contain("Running"));
        Assert.That(scene.Ask(static machine => machine.Link("bond7").Data!.ToString()), Does.Contain("ActiveBackup"));
        Assert.That(scene.Ask(static machine => $"{machine.Link("a0").Info!.PortData} {machine.Link("b0").Info!.PortData}"), Does.Contain("BondPortOptions"));
        scene.Do(static machine =>
        {
            machine.Address("bond7", "10.1.0.1/24");
            machine.Neighbour("bond7", "10.1.0.2", Station);
        });
        Assert.That(scene.Receive(0, Frames.Echo(Station, Own, "10.1.0.2", "10.1.0.1")), Is.EqualTo((string[])["a0", "a1", "bond7"]));
        Assert.That(scene.Receive(0, Frames.Udp(Station, Broadcast)), Is.EqualTo((string[])["a0", "bond7"]));
        scene.Unplug(0);
        Assert.That(scene.Send("bond7", Frames.Udp(Own, Station)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(1, Frames.Udp(Station, Own)), Is.EqualTo((string[])["b0", "bond7"]));
        scene.Unplug(1);
        scene.Unplug(2);
        Assert.That(scene.Ask(static machine => Shown(machine)), Does.Not.Contain("Running"), "no port has a signal, so the bond has none");
        scene.Plug(0);
        Assert.That(scene.Send("bond7", Frames.Udp(Own, Station)), Is.EqualTo((string[])["a1"]));
    }

    [Test]
    public void Round_robin_takes_the_ports_in_turn()
    {
        using Scene scene = Bond(new BondOptions { Mode = BondMode.RoundRobin, MiiMonitor = 50 });
        string[] ports = [.. Enumerable.Range(0, 7).Select(_ => scene.Send("bond7", Frames.Udp(Own, Station)).Single())];
        Assert.That(ports.Distinct(), Is.EquivalentTo((string[])["a1", "b1", "c1"]));
        Assert.That(scene.Receive(2, Frames.Udp(Station, Own)), Is.EqualTo((string[])["bond7", "c0"]));
        scene.Unplug(1);
        for (int i = 0; i < 7; i++)
        {
            Assert.That(scene.Send("bond7", Frames.Udp(Own, Station)), Does.Not.Contain("b1").And.Not.Empty);
        }
    }

    [Test]
    public void Xor_keeps_a_flow_on_one_port_by_its_hash()
    {
        using Scene scene = Bond(new BondOptions { Mode = BondMode.Xor, MiiMonitor = 50 });
        foreach (byte policy in (byte[])[0, 1, 2])
        {
            scene.Do(machine => machine.Change("bond7", new BondOptions { TransmitHashPolicy = policy }));
            var used = new HashSet<string>();
            for (byte i = 1; i < 10; i++)
            {
                string station = $"02:00:00:00:04:{i:x2}";
                used.Add(scene.Send("bond7", Frames.Udp(Own, station, to: $"10.9.{i}.{i * 7}", fromPort: (ushort)(2000 + i * i)))[0]);
                scene.Send("bond7", Frames.Echo(Own, station, $"2001:db8::{i}", "2001:db8::ff"));
                scene.Send("bond7", Frames.Echo(Own, station, $"10.9.{i}.5", "10.9.0.9"));
                scene.Send("bond7", Frames.ArpRequest(Own, $"10.9.0.{i}", "10.9.0.1"));
            }

            Assert.That(used, Has.Count.GreaterThan(1));
        }
    }

    private static string Shown(SceneMachine machine)
    {
        Link bond = machine.Link("bond7");
        return $"{bond.Name} {bond.OperationalState} {bond.Flags} {bond.HardwareAddress} {string.Join(' ', ((string[])["a0", "b0", "c0"]).Select(name => machine.Link(name).HardwareAddress))}";
    }

    private static Scene Bond(BondOptions options) => new(
        machine =>
        {
            // Its reports of groups would take part in the round.
            machine.Parameter("net/ipv6/conf/default/disable_ipv6", "1");
            machine.Add("bond7", options, mac: Own);
            foreach (string port in (string[])["a0", "b0", "c0"])
            {
                machine.Down(port);
                machine.Enslave(port, "bond7");
            }
        },
        "bond7", "a0", "b0", "c0");
}
