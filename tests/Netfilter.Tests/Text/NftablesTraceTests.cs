using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Text;

/// <summary>Traced packets: the messages of a 6.18 kernel and what nft 1.0.6 printed for them, and both again on the machine's own kernel.</summary>
public sealed partial class NftablesTraceTests
{
    /// <summary>Message and line as recorded: a UDP packet meets a jump, an ICMPv6 packet the first rule of its chain, then a policy.</summary>
    private static readonly (string Message, string Text)[] Recorded =
    [
        (
            "cc000000110a000000000000000000000200000008000f00000000020800040000000003080006005315eaf507000200696e000006000100740000000c000300000000000000000a1800050008000100fffffffd09000200737562320000000008000a000000000106000b0003040000180008004500001ff178400040114b537f0000017f0000010f000900bcac0009000bfe1e68690a001200070000000000000000000000000008000000080015000000000805001300000000000800120009780bc40800140000000008",
            """
            trace id 5315eaf5 ip t in packet: iif "lo" @ll,0,112 0x800 ip saddr 127.0.0.1 ip daddr 127.0.0.1 ip dscp cs0 ip ecn not-ect ip ttl 64 ip id 61816 ip length 31 udp sport 48300 udp dport 9 udp length 11 @th,64,24 0x68690a 
            trace id 5315eaf5 ip t in rule jump sub2 (verdict jump sub2)

            """),
        (
            "d4000000110a000000000000000000000200000008000f00000000020800040000000003080006004753c0e607000200696e000006000100740000000c000300000000000000000a1800050008000100fffffffd09000200737562320000000008000a000000000106000b000304000018000800450000280000400040063cce7f0000017f000001180009000016e5de00000000cbdfd88f50140000276a000012000700000000000000000000000000080000000800150000000002050013000100000008001200581a6002080014000000020a",
            """
            trace id 4753c0e6 ip t in packet: iif "lo" @ll,0,112 0x800 ip saddr 127.0.0.1 ip daddr 127.0.0.1 ip dscp cs0 ip ecn not-ect ip ttl 64 ip id 0 ip length 40 tcp sport 22 tcp dport 58846 tcp flags == 0x14 tcp window 0 
            trace id 4753c0e6 ip t in rule jump sub2 (verdict jump sub2)

            """),
        (
            "c0000000110a000000000000000000000100000008000f000000000a080004000000000308000600cbe605d909000200707265360000000006000100690000000c00030000000000000000070c00050008000100ffffffff08000a000000000106000b00030400002c0008006000830400403a400000000000000000000000000000000100000000000000000000000000000001180009008000c246279800016dc40a6b000000005aa104001200070000000000000000000000000086dd0000",
            """
            trace id cbe605d9 inet i pre6 packet: iif "lo" @ll,0,112 0x86dd ip6 saddr ::1 ip6 daddr ::1 ip6 dscp cs0 ip6 ecn not-ect ip6 hoplimit 64 ip6 flowlabel 33540 ip6 nexthdr ipv6-icmp ip6 length 64 icmpv6 type echo-request icmpv6 code no-route icmpv6 parameter-problem 664272897 @th,64,96 0x6dc40a6b000000005aa10400 
            trace id cbe605d9 inet i pre6 rule ip6 saddr ::1 meta nftrace set 1 (verdict continue)

            """),
        (
            "4c000000110a000000000000000000000200000008000f0000000002080004000000000108000600b230b08207000200696e00000600010074000000080010000000000108000e0000000007",
            "trace id b230b082 ip t in policy accept meta mark 0x00000007 \n"),
        ("48000000110a000000000000000000000200000008000f0000000002080004000000000308000600b38f641107000200696e000006000100740000000c00050008000100ffffffff", ""),
    ];

    [Test]
    public void Recorded_messages_are_read_and_written_byte_for_byte_and_told_as_nft_told_them()
    {
        var text = new NftablesTraceText(new NftablesRuleset(1, [Jumping(), Tracing()]));
        foreach ((string message, string told) in Recorded)
        {
            byte[] bytes = Convert.FromHexString(message);
            var reader = new MessageReader(bytes);
            Assert.That(reader.TryRead(out NetlinkMessage found));
            Assert.That(NftablesMessage.TryRead(found, out NftablesMessage? read));
            var buffer = new NetlinkBuffer();
            foreach (WireOrder order in (WireOrder[])[WireOrder.AsRead, WireOrder.Nft])
            {
                buffer.Clear();
                var writer = new NetlinkWriter(buffer);
                read!.Write(ref writer, 0, 0, order);
                writer.Complete();
                Assert.That(Convert.ToHexStringLower(buffer.Written), Is.EqualTo(message));
            }

            Assert.That(text.Of((NftablesTrace)read!.Entity), Is.EqualTo(told));
        }
    }

    [Test]
    [RequiresRoot]
    [RequiresProgram("nft", "ping", "ip")]
    public void On_this_kernel_nft_monitor_trace_prints_the_same()
    {
        using KernelUnderTest machine = KernelUnderTest.Open(KernelKind.Linux);
        Load(machine.Kernel);
        machine.Run("ip", "link", "set", "lo", "up");
        using NftablesTraceWatcher watcher = NftablesTraceWatcher.Open(machine.Kernel);
        (Process monitor, Task<string> printed) = machine.Namespace!.Run(() =>
        {
            Process started = Process.Start(new ProcessStartInfo("nft", ["monitor", "trace"]) { RedirectStandardOutput = true })!;
            return (started, started.StandardOutput.ReadToEndAsync());
        });
        try
        {
            // It is ready when it has joined the group of traces.
            SpinWait.SpinUntil(() => Listens(monitor.Id), TimeSpan.FromSeconds(20));
            machine.Run("ping", "-c", "2", "-i", "0.2", "127.0.0.1");
            var told = new List<string>();
            while (watcher.TryRead(out NftablesTrace? step))
            {
                told.Add(watcher.Describe(step!));
            }

            Thread.Sleep(200);
            monitor.Kill();

            // Counters are those of the moment when each looked the rule up.
            Assert.That(WithoutCounts(printed.Result), Is.EqualTo(WithoutCounts(string.Concat(told))));
            Assert.That(told.Count(line => line.Contains("verdict jump sub")), Is.GreaterThanOrEqualTo(4));
            Assert.That(watcher.Losses, Is.Zero);
        }
        finally
        {
            if (!monitor.HasExited)
            {
                monitor.Kill();
            }

            monitor.Dispose();
        }
    }

    [Test]
    [RequiresRoot]
    [RequiresProgram("ping", "ip")]
    public void The_simulated_kernel_tells_the_same_steps_as_this_one()
    {
        using KernelUnderTest machine = KernelUnderTest.Open(KernelKind.Linux);
        Load(machine.Kernel);
        machine.Run("ip", "link", "set", "lo", "up");
        using NftablesTraceWatcher real = NftablesTraceWatcher.Open(machine.Kernel);
        machine.Run("ping", "-c", "1", "127.0.0.1");

        using var cloud = new SimulatedCloud(seed: 1, profile: machine.IsAtLeast(6, 16) ? KernelProfile.Linux618 : KernelProfile.Linux612);
        SimulatedHost host = cloud.AddHost("a");
        host.Up("lo");
        Load(host.Kernel);
        using NftablesTraceWatcher simulated = NftablesTraceWatcher.Open(host.Kernel);
        Assert.That(cloud.Ping(host, IPAddress.Loopback).Reached);
        Assert.That(Steps(simulated), Is.EqualTo(Steps(real)));
    }

    private static string WithoutCounts(string text) => Counts().Replace(text, "counter packets N bytes N");

    [GeneratedRegex(@"counter packets \d+ bytes \d+")]
    private static partial Regex Counts();

    // What a step says but for what a kernel draws or counts for itself: numbers of packets and connections, identifications, lengths of ping's own data.
    private static List<string> Steps(NftablesTraceWatcher watcher)
    {
        var steps = new List<string>();
        var packets = new List<uint>();
        while (watcher.TryRead(out NftablesTrace? step))
        {
            if (!packets.Contains(step!.Id))
            {
                packets.Add(step.Id);
            }

            string link = step.LinkHeader?.ToString() ?? "none", network = step.NetworkHeader is { } header ? $"{header.Length} {header[9]} {header.ToString()[24..]}" : "none";
            string transport = step.TransportHeader is { } message ? $"{message.Length} {message[0]} {message[1]}" : "none";
            steps.Add($"packet {packets.IndexOf(step.Id)} {step.Family} {step.Table} {step.Chain} {step.Kind} rule {step.RuleHandle} verdict {step.Verdict} policy {step.Policy} "
                + $"mark {step.Mark} in {step.InputInterface} {step.InputInterfaceType} out {step.OutputInterface} {step.OutputInterfaceType} link {link} network {network} "
                + $"transport {transport} ct {step.ConnectionState} {step.ConnectionDirection} {step.ConnectionStatus} {step.ConnectionId is not null}");
        }

        return steps;
    }

    private static bool Listens(int process)
    {
        try
        {
            // Protocol 12 is netfilter's; the groups are a mask, NFNLGRP_NFTRACE is the ninth.
            return File.ReadLines($"/proc/{process}/net/netlink").Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Any(fields => fields[1] == "12" && fields[2] == process.ToString(System.Globalization.CultureInfo.InvariantCulture) && (Convert.ToUInt32(fields[3], 16) & 1 << 8) != 0);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Load(IKernel kernel)
    {
        const NftablesFamily Ip = NftablesFamily.Ip, Inet = NftablesFamily.Inet;
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = Ip, Name = "t" });
        foreach (string chain in (string[])["sub", "sub2"])
        {
            batch.Add(Chain.Regular(Ip, "t", chain));
        }

        batch.Add(Chain.Base(Ip, "t", "pre", "filter", new ChainHook(Nfnetlink.NF_INET_PRE_ROUTING, -300)));
        batch.Add(Chain.Base(Ip, "t", "in", "filter", new ChainHook(Nfnetlink.NF_INET_LOCAL_IN, 0)));
        batch.Add(new Table { Family = Inet, Name = "i" });
        batch.Add(Chain.Base(Inet, "i", "in", "filter", new ChainHook(Nfnetlink.NF_INET_LOCAL_IN, 10)));
        batch.Add(Rule.Of(Ip, "t", "sub", [Expr.Counter(0, 0)]));
        batch.Add(Rule.Of(Ip, "t", "sub", [Expr.Return()]));
        batch.Add(Rule.Of(Ip, "t", "sub2", new RuleBuilder(Ip).Match("ip ttl", new byte[] { 1 }).Add(Expr.Counter(0, 0)).Build()));
        batch.Add(Rule.Of(Ip, "t", "pre", [Expr.Immediate(OctetString.FromUInt32(1)), Expr.SetMeta(MetaKey.Trace)]));
        batch.Add(Rule.Of(Ip, "t", "in", [Expr.Jump("sub")]));
        batch.Add(Rule.Of(Ip, "t", "in", [Expr.Jump("sub2")]));
        batch.Add(Rule.Of(Ip, "t", "in", [Expr.Conntrack(ConntrackKey.State), Expr.Mask(OctetString.FromUInt32(8)), Expr.NotEqual(OctetString.FromUInt32(0)), Expr.Immediate(OctetString.FromUInt32(7)), Expr.SetMeta(MetaKey.Mark)]));
        batch.Add(Rule.Of(Inet, "i", "in", new RuleBuilder(Inet).Match("ip saddr", Expr.Address(IPAddress.Loopback)).Accept(), comment: "hello"));
        using NftablesConnection connection = NftablesConnection.Open(kernel);
        connection.Send(batch);
    }

    private static TableContent Jumping() => new(new Table { Family = NftablesFamily.Ip, Name = "t" })
    {
        Chains = [new ChainContent(Chain.Regular(NftablesFamily.Ip, "t", "in"), [Rule.Of(NftablesFamily.Ip, "t", "in", [Expr.Jump("sub2")]) with { Handle = 10 }])],
    };

    private static TableContent Tracing()
    {
        ValueList<Expression> expressions = new RuleBuilder(NftablesFamily.Inet).Match("ip6 saddr", Expr.Address(IPAddress.IPv6Loopback))
            .Add(Expr.Immediate(OctetString.FromUInt32(1))).Add(Expr.SetMeta(MetaKey.Trace)).Build();
        return new TableContent(new Table { Family = NftablesFamily.Inet, Name = "i" })
        {
            Chains = [new ChainContent(Chain.Regular(NftablesFamily.Inet, "i", "pre6"), [Rule.Of(NftablesFamily.Inet, "i", "pre6", expressions) with { Handle = 7 }])],
        };
    }
}
