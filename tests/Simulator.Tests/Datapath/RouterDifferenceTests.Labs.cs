using System.Diagnostics;
using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;
using EucaNet.Tests;
using NUnit.Framework;
using TraceLevel = EucaNet.Simulator.Datapath.TraceLevel;

namespace EucaNet.Simulator.Tests.Datapath;

/// <content>The router, real and simulated.</content>
public sealed partial class RouterDifferenceTests
{
    private sealed class RealLab : IDisposable
    {
        private readonly string _router, _tester;
        private readonly NetworkNamespace _routerNamespace, _testerNamespace;
        private readonly IPacketSocket _left, _right;
        private readonly LinuxKernel _kernel;

        public RealLab(ulong seed, bool isV6 = false)
        {
            _router = $"eud{Environment.ProcessId}r{seed}";
            _tester = $"eud{Environment.ProcessId}t{seed}";
            Ip($"netns add {_router}");
            Ip($"netns add {_tester}");
            _routerNamespace = NetworkNamespace.Open(_router);
            _testerNamespace = NetworkNamespace.Open(_tester);
            _kernel = LinuxKernel.Open(_routerNamespace);
            LinuxKernel tester = LinuxKernel.Open(_testerNamespace);
            ChooseFamily(_kernel, tester, isV6);
            Ip($"link add a0 netns {_router} address {Text(RouterLeft)} type veth peer name a1 netns {_tester} address {Text(TesterLeft)}");
            Ip($"link add b0 netns {_router} address {Text(RouterRight)} type veth peer name b1 netns {_tester} address {Text(TesterRight)}");
            string[] addresses = isV6
                ? ["addr add 2001:db8:1::1/64 dev a0 nodad", "addr add 2001:db8:2::1/64 dev b0 nodad"]
                : ["addr add 10.1.0.1/24 dev a0", "addr add 10.2.0.1/24 dev b0"];
            foreach (string command in (string[])[.. addresses, "link set lo up", "link set a0 up", "link set b0 up"])
            {
                Ip($"-n {_router} {command}");
            }

            Ip($"-n {_tester} link set a1 up");
            Ip($"-n {_tester} link set b1 up");
            foreach ((string left, string right) in Hosts(isV6))
            {
                Ip($"-n {_router} neigh add {left} lladdr {Text(TesterLeft)} dev a0 nud permanent");
                Ip($"-n {_router} neigh add {right} lladdr {Text(TesterRight)} dev b0 nud permanent");
            }

            Prepare(_kernel, isV6);
            if (isV6)
            {
                // Else it draws a label for each packet of its own.
                _kernel.WriteParameter("net/ipv6/auto_flowlabels", "0");
            }

            ushort protocol = isV6 ? EtherType.Ipv6 : EtherType.Ipv4;
            _left = tester.OpenPacket(InterfaceSetup.IndexOf(tester, "a1"), protocol);
            _right = tester.OpenPacket(InterfaceSetup.IndexOf(tester, "b1"), protocol);
        }

        public IKernel Kernel => _kernel;

        /// <summary>nf_tables takes rules down later, and the connection tracking that they had switched on; closing a netfilter socket waits for it.</summary>
        public void Settle() => NftablesConnection.Open(_kernel).Dispose();

        public void Load(NftablesBatch batch)
        {
            using NftablesConnection connection = NftablesConnection.Open(_kernel);
            connection.Send(batch);
        }

        public List<string> Send(bool left, byte[] frame, int expected)
        {
            (left ? _left : _right).Send(frame);
            List<string> frames = Collect(_left, _right);
            for (int i = 0; i < 500 && frames.Count < expected; i++)
            {
                Thread.Sleep(1);
                frames.AddRange(Collect(_left, _right));
            }

            return [.. frames.Order(StringComparer.Ordinal)];
        }

        public void Dispose()
        {
            _left.Dispose();
            _right.Dispose();
            _routerNamespace.Dispose();
            _testerNamespace.Dispose();
            Ip($"netns del {_router}");
            Ip($"netns del {_tester}");
        }

        private static string Text(byte[] mac) => MacAddress.Read(mac).ToString();

        private static void Ip(string arguments)
        {
            using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, $"ip {arguments}: {error}");
        }
    }

    private sealed class SimulatedLab : IDisposable
    {
        private readonly SimulatedCloud _cloud;
        private readonly SimulatedHost _router;
        private readonly IPacketSocket _left, _right;
        private PacketJourney _journey = new(TraceLevel.Detailed);

        public SimulatedLab(ulong seed, bool isV6 = false)
        {
            _cloud = new SimulatedCloud(seed, KernelProfile.Linux618);
            _router = _cloud.AddHost("router");
            SimulatedHost tester = _cloud.AddHost("tester");
            ChooseFamily(_router.Kernel, tester.Kernel, isV6);
            _router.AddCard("a0", MacAddress.Read(RouterLeft).ToString());
            _router.AddCard("b0", MacAddress.Read(RouterRight).ToString());
            tester.AddCard("a1", MacAddress.Read(TesterLeft).ToString());
            tester.AddCard("b1", MacAddress.Read(TesterRight).ToString());
            _cloud.Connect(_router, "a0", tester, "a1");
            _cloud.Connect(_router, "b0", tester, "b1");
            _router.Address("a0", isV6 ? "2001:db8:1::1/64" : "10.1.0.1/24").Address("b0", isV6 ? "2001:db8:2::1/64" : "10.2.0.1/24");
            tester.Up("a1").Up("b1");
            if (isV6)
            {
                _cloud.Settle(TimeSpan.FromSeconds(3));
            }

            using (SimulationQueue.Call call = _router.Kernel.Enter())
            {
                foreach ((string left, string right) in Hosts(isV6))
                {
                    AddNeighbour("a0", left, TesterLeft);
                    AddNeighbour("b0", right, TesterRight);
                }
            }

            Prepare(_router.Kernel, isV6);
            ushort protocol = isV6 ? EtherType.Ipv6 : EtherType.Ipv4;
            _left = tester.Kernel.OpenPacket(InterfaceSetup.IndexOf(tester.Kernel, "a1"), protocol);
            _right = tester.Kernel.OpenPacket(InterfaceSetup.IndexOf(tester.Kernel, "b1"), protocol);
        }

        public IKernel Kernel => _router.Kernel;

        public void Load(NftablesBatch batch)
        {
            using NftablesConnection connection = NftablesConnection.Open(_router.Kernel);
            connection.Send(batch);
        }

        /// <summary>What the last packet went through.</summary>
        public string Story => new PacketTrace(_journey).ToText(TraceLevel.Detailed);

        public List<string> Send(bool left, byte[] frame, int expected)
        {
            _ = expected;
            _journey = new PacketJourney(TraceLevel.Detailed);
            _cloud["tester"].Kernel.Stack.StoryTeller = from => PacketStory.Begin(_journey, "tester", from);
            (left ? _left : _right).Send(frame);
            return [.. Collect(_left, _right).Order(StringComparer.Ordinal)];
        }

        public void Dispose() => _cloud.Dispose();

        private void AddNeighbour(string device, string address, byte[] mac)
        {
            NetworkDevice at = _router.Kernel.Devices.Find(device)!;
            _router.Kernel.NeighbourControl.Update(_router.Kernel.Neighbours.GetOrAdd(at, InternetAddress.Parse(address)), mac, NeighbourState.Permanent);
        }
    }

    /// <summary>The testers' hosts, left and right. Of IPv6 some have addresses made of the testers' MACs.</summary>
    private static IEnumerable<(string Left, string Right)> Hosts(bool isV6) => isV6
        ? ((string[])["2", "3", "0:ff:fe00:2", "0:ff:fe00:4"]).Select(host => ($"2001:db8:1::{host}", $"2001:db8:2::{host}"))
        : Enumerable.Range(2, 4).Select(host => ($"10.1.0.{host}", $"10.2.0.{host}"));

    private static void ChooseFamily(IKernel router, IKernel tester, bool isV6)
    {
        tester.WriteParameter("net/ipv6/conf/all/disable_ipv6", "1");
        router.WriteParameter(isV6 ? "net/ipv6/conf/default/accept_dad" : "net/ipv6/conf/all/disable_ipv6", isV6 ? "0" : "1");
    }

    private static void Prepare(IKernel kernel, bool isV6)
    {
        if (isV6)
        {
            kernel.WriteParameter("net/ipv6/conf/all/forwarding", "1");
            kernel.WriteParameter("net/ipv6/icmp/ratelimit", "0");
            return;
        }

        kernel.WriteParameter("net/ipv4/ip_forward", "1");
        kernel.WriteParameter("net/ipv4/icmp_ratemask", "0");
        foreach (string device in (string[])["all", "default", "a0", "b0"])
        {
            kernel.WriteParameter($"net/ipv4/conf/{device}/rp_filter", "0");
            kernel.WriteParameter($"net/ipv4/conf/{device}/send_redirects", "0");
        }
    }
}
