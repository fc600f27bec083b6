using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Faults strike where and when the plan says, and leave the kernel's state as the plan says.</summary>
public sealed class FaultTests
{
    private SimulatedKernel _kernel = null!;
    private INetlinkSocket _socket = null!;

    [SetUp]
    public void OpenSocket()
    {
        _kernel = new SimulatedKernel(new SimulatedKernelOptions { Seed = 7 });
        _socket = _kernel.OpenNetlink(NetlinkProtocol.Route);
    }

    [TearDown]
    public void Close()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void The_third_send_fails_and_does_nothing()
    {
        _kernel.Faults.Add(new Fault(FaultPoint.Send, FaultKind.Fail) { Occurrence = 3, Error = LinuxError.EPERM });
        Make("d1");
        Make("d2");
        Assert.That(() => Make("d3"), Throws.TypeOf<KernelException>().With.Property("Error").EqualTo(LinuxError.EPERM));
        Make("d4");
        Assert.That(_kernel.Devices.All.Select(device => device.Name), Is.EqualTo(new[] { "lo", "d1", "d2", "d4" }));
    }

    [Test]
    public void A_lost_answer_leaves_the_work_done()
    {
        _kernel.Faults.Add(new Fault(FaultPoint.Answer, FaultKind.Lose) { Limit = 1 });
        Make("d1");
        Assert.That(Answers(), Is.Zero);
        Assert.That(_kernel.Devices.Find("d1"), Is.Not.Null);
    }

    [Test]
    public void A_late_answer_comes_when_its_time_has_come()
    {
        _kernel.Faults.Add(new Fault(FaultPoint.Answer, FaultKind.Delay) { Delay = TimeSpan.FromSeconds(2), Limit = 1 });
        Make("d1");
        _kernel.Clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.That(Answers(), Is.Zero);
        _kernel.Clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.That(Answers(), Is.EqualTo(1));
    }

    [Test]
    public void An_answer_that_finds_no_room_is_ENOBUFS_and_the_socket_goes_on()
    {
        _kernel.Faults.Add(new Fault(FaultPoint.Answer, FaultKind.Overrun) { Limit = 1 });
        Make("d1");
        Assert.That(() => Answers(), Throws.TypeOf<KernelException>().With.Property("Error").EqualTo(LinuxError.ENOBUFS));
        Assert.That(Answers(), Is.Zero);
        Make("d2");
        Assert.That(Answers(), Is.EqualTo(1));
    }

    [TestCase(FaultKind.Lose, new[] { "d2" })]
    [TestCase(FaultKind.Duplicate, new[] { "d1", "d1", "d2" })]
    [TestCase(FaultKind.Reorder, new[] { "d2", "d1" })]
    public void Events_are_lost_doubled_and_overtaken(FaultKind kind, string[] heard)
    {
        using INetlinkSocket listener = _kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = [1] });
        _kernel.Faults.Add(new Fault(FaultPoint.Event, kind) { Limit = 1 });
        Make("d1");
        Make("d2");
        var names = new List<string>();
        var buffer = new NetlinkReceiveBuffer();
        listener.Receive(buffer);
        for (int index = 0; index < buffer.Count; index++)
        {
            var walk = new MessageReader(buffer.Bytes(index));
            walk.TryRead(out NetlinkMessage message);
            message.Attributes(16).TryFind(3, out NetlinkAttribute name);
            names.Add(name.String);
        }

        Assert.That(names, Is.EqualTo(heard));
    }

    [Test]
    public void A_device_vanishes_just_before_it_is_used()
    {
        Make("d1");
        int index = _kernel.Devices.Find("d1")!.Index;
        Answers();
        _kernel.Faults.Add(new Fault(FaultPoint.Send, FaultKind.Run)
        {
            When = situation => situation.Datagram.Span[4] == 20,
            Action = () => _kernel.DeviceControl.Unregister([_kernel.Devices.Find("d1")!]),
        });
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(20, (NetlinkMessageFlags)0x605, 1);
        writer.Append([2, 24, 0, 0]);
        writer.AppendStruct(index);
        writer.WriteBytes(2, [10, 0, 0, 1]);
        writer.EndMessage(message);
        writer.Complete();
        _socket.Send(buffer.Written);
        var received = new NetlinkReceiveBuffer();
        _socket.Receive(received);
        Assert.That(-BitConverter.ToInt32(received.Bytes(0)[16..]), Is.EqualTo((int)LinuxError.ENODEV));
    }

    [Test]
    public void One_seed_gives_the_same_faults_every_time()
    {
        string Once()
        {
            using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Seed = 99 });
            kernel.Faults.Add(new Fault(FaultPoint.Send, FaultKind.Fail) { Chance = 0.3 });
            _socket = kernel.OpenNetlink(NetlinkProtocol.Route);
            var text = new System.Text.StringBuilder();
            for (int number = 0; number < 50; number++)
            {
                try
                {
                    Make($"d{number}");
                    text.Append('.');
                }
                catch (KernelException)
                {
                    text.Append('x');
                }
            }

            return text.ToString();
        }

        string first = Once();
        Assert.That(Once(), Is.EqualTo(first));
        Assert.That(first, Does.Contain("x").And.Contain("."));
    }

    private int Answers()
    {
        var buffer = new NetlinkReceiveBuffer();
        return _socket.Receive(buffer);
    }

    private void Make(string name)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(16, (NetlinkMessageFlags)0x605, 1);
        writer.Append(new byte[16]);
        writer.WriteString(3, name);
        WireMark info = writer.BeginNested(18);
        writer.WriteString(1, "dummy");
        writer.EndAttribute(info);
        writer.EndMessage(message);
        writer.Complete();
        _socket.Send(buffer.Written);
    }
}
