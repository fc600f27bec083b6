using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Frames through macvlans, on this machine's kernel and on the simulated one: the same frames come out by the same devices.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class MacvlanTests
{
    private const string First = "02:00:00:00:01:01", Second = "02:00:00:00:01:02", Third = "02:00:00:00:01:03", Outside = "02:00:00:00:00:20", Broadcast = "ff:ff:ff:ff:ff:ff";

    private static readonly (MacvlanMode Mode, int Port)[] Modes = [(MacvlanMode.Bridge, 0), (MacvlanMode.Vepa, 1), (MacvlanMode.Private, 2)];

    [Test]
    public void A_frame_from_outside_goes_to_the_device_with_its_address_and_a_broadcast_to_all()
    {
        using Scene scene = Three();
        foreach ((_, int port) in Modes)
        {
            (string card, string m, string n) = Names(port);
            Assert.That(scene.Receive(port, Frames.Udp(Outside, First)), Is.EqualTo((string[])[card, m]), "sockets of the card for the protocol see it too");
            Assert.That(scene.Receive(port, Frames.Udp(Outside, Second)), Is.EqualTo((string[])[card, n]));
            Assert.That(scene.Receive(port, Frames.Udp(Outside, Third)), Is.EqualTo((string[])[card]), "the card's own sockets see what is for another station");
            Assert.That(scene.Receive(port, Frames.Udp(Outside, DifferenceLab.InnerMac(port).ToString())), Is.EqualTo((string[])[card]));
            Assert.That(scene.Receive(port, Frames.Udp(Outside, Broadcast)), Is.EqualTo((string[])[card, m, n]));

            // What nobody joined is not asked for: the real kernel takes a frame whose group falls into the bucket of another, and where buckets lie is drawn (macvlan_hash_mix).
            Assert.That(scene.Receive(port, Frames.Udp(Outside, "01:00:5e:00:00:01")), Is.EqualTo((string[])[card, m, n]), "every device is in the group of all hosts");
            scene.Do(machine => machine.Down(n));
            Assert.That(scene.Receive(port, Frames.Udp(Outside, Second)), Is.EqualTo((string[])[card]));
            Assert.That(scene.Receive(port, Frames.Udp(Outside, Broadcast)), Is.EqualTo((string[])[card, m]));
        }
    }

    /// <summary>In bridge mode frames stay inside the machine, and broadcasts also leave; else a switch outside has to send them back.</summary>
    [Test]
    public void What_one_device_sends_another_is_the_modes_affair()
    {
        using Scene scene = Three();
        foreach ((MacvlanMode mode, int port) in Modes)
        {
            (string card, string m, string n) = Names(port);
            string outer = DifferenceLab.Outer(port);
            Assert.That(scene.Send(m, Frames.Udp(First, Second)), Is.EqualTo(mode == MacvlanMode.Bridge ? (string[])[card, n] : [outer]));
            Assert.That(scene.Send(m, Frames.Udp(First, Broadcast)), Is.EqualTo(mode == MacvlanMode.Bridge ? (string[])[outer, n] : [outer]));
            Assert.That(scene.Send(m, Frames.Udp(First, Outside)), Is.EqualTo((string[])[outer]));
            Assert.That(scene.Send(m, Frames.Udp(First, DifferenceLab.InnerMac(port).ToString())), Is.EqualTo((string[])[outer]), "the card itself is not reached from inside");
        }
    }

    [Test]
    public void A_broadcast_that_a_switch_sends_back_is_heard_by_those_who_have_not_heard_it()
    {
        using Scene scene = Three();
        foreach ((MacvlanMode mode, int port) in Modes)
        {
            (string card, string m, string n) = Names(port);
            string[] heard = mode switch { MacvlanMode.Bridge => [card], MacvlanMode.Vepa => [card, n], _ => [m] };
            Assert.That(scene.Receive(port, Frames.Udp(First, Broadcast)), Is.EqualTo(heard));
            Assert.That(scene.Receive(port, Frames.Udp(First, Second)), Is.EqualTo((string[])[card, n]), "a frame for one device reaches it in each mode");
        }
    }

    [Test]
    public void Devices_of_different_modes_hear_each_other_as_each_of_them_may()
    {
        using var scene = new Scene(
            static machine =>
            {
                machine.Add("m0", new MacvlanOptions { Mode = MacvlanMode.Bridge }, "a0", First);
                machine.Add("m1", new MacvlanOptions { Mode = MacvlanMode.Vepa }, "a0", Second);
                machine.Add("m2", new MacvlanOptions { Mode = MacvlanMode.Private }, "a0", Third);
            },
            "a0", "m0", "m1", "m2");
        string[] macs = [First, Second, Third, Outside, Broadcast];
        int carried = 0;
        foreach (string destination in macs)
        {
            foreach (string device in (string[])["m0", "m1", "m2"])
            {
                carried += scene.Send(device, Frames.Udp(macs[device[1] - '0'], destination)).Length;
            }

            foreach (string source in macs[..4])
            {
                carried += scene.Receive(0, Frames.Udp(source, destination)).Length;
            }
        }

        Assert.That(carried, Is.GreaterThan(35), "frames that came out");
    }

    [Test]
    public void A_passthru_device_takes_all_and_a_second_one_is_refused()
    {
        using var scene = new Scene(static machine => machine.Add("m0", new MacvlanOptions { Mode = MacvlanMode.PassThrough }, "a0"), "a0", "m0");
        Assert.That(scene.Receive(0, Frames.Udp(Outside, Third)), Is.EqualTo((string[])["a0", "m0"]));
        Assert.That(scene.Receive(0, Frames.Udp(Outside, Broadcast)), Is.EqualTo((string[])["a0", "m0"]));
        Assert.That(scene.Ask(static machine => Refusal(() => machine.Add("m1", new MacvlanOptions { Mode = MacvlanMode.Bridge }, "a0"))), Is.EqualTo(LinuxError.EINVAL));
    }

    [Test]
    public void A_device_in_source_mode_hears_the_senders_it_lists()
    {
        using var scene = new Scene(
            static machine =>
            {
                machine.Add("m0", new MacvlanOptions { Mode = MacvlanMode.Source, AddressMode = 0, Address = HardwareAddress.Parse(Outside) }, "a0", First);
                machine.Add("m1", new MacvlanOptions { Mode = MacvlanMode.Bridge }, "a0", Second);
            },
            "a0", "m0", "m1");
        Assert.That(scene.Receive(0, Frames.Udp(Outside, Second)), Is.EqualTo((string[])["a0", "m0", "m1"]));
        Assert.That(scene.Receive(0, Frames.Udp(Third, First)), Is.EqualTo((string[])["a0"]));
        Assert.That(scene.Receive(0, Frames.Udp(Outside, Broadcast)), Is.EqualTo((string[])["a0", "m0", "m1"]));
    }

    [Test]
    public void A_macvlan_with_an_address_answers_as_a_station_of_its_own()
    {
        using Scene scene = Two(MacvlanMode.Bridge);
        scene.Do(static machine =>
        {
            machine.Address("m0", "10.1.0.1/24");
            machine.Neighbour("m0", "10.1.0.2", Outside);
        });
        Assert.That(scene.Receive(0, Frames.ArpRequest(Outside, "10.1.0.2", "10.1.0.1")), Does.Contain("a1"));
        Assert.That(scene.Receive(0, Frames.Echo(Outside, First, "10.1.0.2", "10.1.0.1")), Is.EqualTo((string[])["a0", "a1", "m0"]));
        Assert.That(scene.Story, Does.Contain("m0").And.Contain("echo"));
    }

    [Test]
    public void An_address_that_is_in_use_keeps_a_device_down()
    {
        using Scene scene = Two(MacvlanMode.Bridge);
        Assert.That(scene.Ask(static machine => Refusal(() => machine.Add("m2", new MacvlanOptions { Mode = MacvlanMode.Bridge }, "a0", First))), Is.EqualTo(LinuxError.EADDRINUSE));
    }

    /// <summary>A card, and the two devices on it.</summary>
    private static (string Card, string First, string Second) Names(int port) => (DifferenceLab.Inner(port), $"m{port}", $"n{port}");

    private static Scene Three() => new(
        static machine =>
        {
            foreach ((MacvlanMode mode, int port) in Modes)
            {
                (string card, string m, string n) = Names(port);
                machine.Add(m, new MacvlanOptions { Mode = mode }, card, First);
                machine.Add(n, new MacvlanOptions { Mode = mode }, card, Second);
            }
        },
        [.. Modes.SelectMany(static entry => (string[])[Names(entry.Port).Card, Names(entry.Port).First, Names(entry.Port).Second])]);

    private static Scene Two(MacvlanMode mode) => new(
        machine =>
        {
            machine.Add("m0", new MacvlanOptions { Mode = mode }, "a0", First);
            machine.Add("m1", new MacvlanOptions { Mode = mode }, "a0", Second);
        },
        "a0", "m0", "m1");

    private static LinuxError Refusal(Action action)
    {
        try
        {
            action();
            return LinuxError.None;
        }
        catch (NetlinkException refused)
        {
            return refused.Error;
        }
    }
}
