using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Time;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Rules that select packets by differentiated services, flow labels and ports under masks.</summary>
public sealed class RuleSelectorTests
{
    private const ushort Dscp = 25, FlowLabel = 26, FlowLabelMask = 27, SourcePortMask = 28, DscpMask = 30;

    /// <summary>Added, added again, deleted: the kernel's answers and events, and what a route look-up finds.</summary>
    [Test]
    [RequiresRoot]
    public void Random_selectors_are_taken_refused_told_and_obeyed_as_on_the_real_kernel([Values((byte)2, (byte)10)] byte family)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = RouteProgram.ThisKernel() });
        using var real = new RouteSide(LinuxKernel.Open(space));
        using var mine = new RouteSide(simulated);
        var random = new Random(family);
        int taken = 0;
        for (int i = 0; i < 1500; i++)
        {
            (ushort verb, ushort flags, Fill fill, string text) = Draw(random, family);
            string there = real.Ask(verb, flags, fill), here = mine.Ask(verb, flags, fill);
            Assert.That(here, Is.EqualTo(there), text);
            List<string> told = mine.Events();
            Assert.That(told, Is.EqualTo(real.Events(told.Count)), text);
            taken += there == "None" ? 1 : 0;
        }

        Assert.That(taken, Is.GreaterThan(200), "requests that were taken");
    }

    [Test]
    public void A_packet_is_routed_by_its_whole_service_field_without_the_bits_of_congestion()
    {
        using var cloud = new SimulatedCloud(seed: 1, KernelProfile.Linux618);
        NetworkSwitch lan = cloud.AddSwitch("lan");
        SimulatedHost router = cloud.AddHost("router");
        cloud.Connect(router, "eth0", lan);
        router.Address("eth0", "10.0.0.1/24");
        using var side = new RouteSide(router.Kernel);
        Fill blackHole = (ref NetlinkWriter w) =>
        {
            w.Append([2, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0]);
            w.WriteUInt32(6, 100);
            w.WriteByte(Dscp, 46);
        };
        Assert.That(side.Ask(32, 0x605, blackHole), Is.EqualTo("None"));
        Assert.That(Find(router, 46 << 2), Is.EqualTo(RouteType.Blackhole));
        Assert.That(Find(router, (46 << 2) | 3), Is.EqualTo(RouteType.Blackhole));
        Assert.That(Find(router, 47 << 2), Is.EqualTo(RouteType.Unicast));
    }

    private static RouteType? Find(SimulatedHost router, byte service)
    {
        using SimulationQueue.Call call = router.Kernel.Enter();
        return router.Kernel.Stack.Routing.Find(new RouteQuery(InternetAddress.Parse("10.0.0.2")) { TypeOfService = service })?.Type;
    }

    private static (ushort Verb, ushort Flags, Fill Fill, string Text) Draw(Random random, byte family)
    {
        bool isAdded = random.Next(3) != 0;
        byte service = random.Next(6) == 0 ? (byte)random.Next(256) : random.Next(4) == 0 ? (byte)0x10 : (byte)0;
        uint priority = (uint)random.Next(100, 103);
        var attributes = new List<(ushort Type, byte[] Value)>();
        void Maybe(int chance, ushort type, Func<byte[]> value)
        {
            if (random.Next(chance) == 0)
            {
                attributes.Add((type, value()));
            }
        }

        Maybe(3, Dscp, () => [(byte)(random.Next(10) == 0 ? random.Next(256) : random.Next(4))]);
        Maybe(4, DscpMask, () => [(byte)(random.Next(2) == 0 ? random.Next(80) : 63)]);
        Maybe(family == 2 ? 12 : 3, FlowLabel, () => [0, (byte)(random.Next(12) == 0 ? 0xff : 0), 0, (byte)random.Next(4)]);
        Maybe(family == 2 ? 12 : 4, FlowLabelMask, () => [0, (byte)(random.Next(12) == 0 ? 0xff : 0x0f), 0xff, (byte)(random.Next(3) == 0 ? 0xfc : 0xff)]);
        foreach (ushort range in (ushort[])[23, 24])
        {
            Maybe(4, range, () => random.Next(4) == 0 ? [16, 0, 32, 0] : [(byte)random.Next(3), 4, (byte)random.Next(3), 4]);
            Maybe(6, (ushort)(range + 5), () => [random.Next(3) == 0 ? (byte)0xfe : (byte)0xff, 0xff]);
        }

        void Fill(ref NetlinkWriter w)
        {
            w.Append([family, 0, 0, service, 100, 0, 0, 1, 0, 0, 0, 0]);
            w.WriteUInt32(6, priority);
            foreach ((ushort type, byte[] value) in attributes)
            {
                w.WriteBytes(type, value);
            }
        }

        string text = $"{(isAdded ? "add" : "delete")} {priority} tos {service:x} {string.Join(' ', attributes.Select(static one => $"{one.Type}={Convert.ToHexString(one.Value)}"))}";
        return (isAdded ? (ushort)32 : (ushort)33, isAdded ? (ushort)0x605 : (ushort)5, Fill, text);
    }
}
