using System.Net;
using BenchmarkDotNet.Attributes;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Bench;

/// <summary>How many packets and netlink requests the simulator carries on one core.</summary>
[MemoryDiagnoser]
public class SimulatorForwarding
{
    private const int Batch = 1000;

    private readonly byte[] _frame = new byte[14 + 20 + 8 + 22];
    private readonly NetlinkBuffer _request = new();
    private readonly NetlinkReceiveBuffer _answer = new();
    private SimulatedCloud _cloud = null!;
    private IPacketSocket _sender = null!;
    private INetlinkSocket _netlink = null!;

    /// <summary>A sender, a router, and a receiver that holds the port the datagrams go to.</summary>
    [GlobalSetup]
    public void Raise()
    {
        _cloud = new SimulatedCloud();
        SimulatedHost sender = _cloud.AddHost("sender"), router = _cloud.AddHost("router"), receiver = _cloud.AddHost("receiver");
        _cloud.Connect(sender, "eth0", router, "eth0");
        _cloud.Connect(router, "eth1", receiver, "eth0");
        sender.Address("eth0", "10.0.0.2/24").Route("0.0.0.0/0", "10.0.0.1");
        router.Address("eth0", "10.0.0.1/24").Address("eth1", "10.0.1.1/24");
        receiver.Address("eth0", "10.0.1.2/24").Route("0.0.0.0/0", "10.0.1.1");
        router.Kernel.WriteParameter("net/ipv4/ip_forward", "1");
        if (!_cloud.Ping(sender, IPAddress.Parse("10.0.1.2")).Reached)
        {
            throw new InvalidOperationException("The benchmark's network does not work.");
        }

        receiver.Kernel.ReserveUdpPort("eth0", 9);
        _sender = sender.Kernel.OpenPacket(2, 0x0800);
        Convert.FromHexString(router.Card("eth0").HardwareAddress.Replace(":", "", StringComparison.Ordinal)).CopyTo(_frame, 0);
        _sender.HardwareAddress.CopyTo(_frame.AsSpan(6));
        Convert.FromHexString("08004500003200000000401164b80a0000020a000102" + "03e80009001e0000").CopyTo(_frame, 12);
        uint sum = 0;
        _frame[24] = _frame[25] = 0;
        for (int i = 14; i < 34; i += 2)
        {
            sum += (uint)(_frame[i] << 8 | _frame[i + 1]);
        }

        sum = ~((sum & 0xffff) + (sum >> 16));
        _frame[24] = (byte)(sum >> 8);
        _frame[25] = (byte)sum;

        _netlink = router.Kernel.OpenNetlink(NetlinkProtocol.Route);
        var writer = new NetlinkWriter(_request);
        WireMark message = writer.BeginMessage(18, NetlinkMessageFlags.Request, 1);
        writer.Append(stackalloc byte[16]);
        writer.WriteString(3, "eth0");
        writer.EndMessage(message);
        writer.Complete();
    }

    /// <summary>Ends it.</summary>
    [GlobalCleanup]
    public void End() => _cloud.Dispose();

    /// <summary>A datagram from the sender's packet socket through the router to the receiver's port.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void Forwarded_packet()
    {
        for (int i = 0; i < Batch; i++)
        {
            _sender.Send(_frame);
        }
    }

    /// <summary>RTM_GETLINK by name and its answer.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void Netlink_request()
    {
        for (int i = 0; i < Batch; i++)
        {
            _netlink.Send(_request.Written);
            _netlink.Receive(_answer);
        }
    }
}
