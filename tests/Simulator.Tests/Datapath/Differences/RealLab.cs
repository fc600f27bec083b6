using System.Diagnostics;
using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>The machine is a network namespace of this kernel, the tester another.</summary>
internal sealed class RealLab : DifferenceLab
{
    private static int _made;

    private readonly string _machine, _tester;
    private readonly NetworkNamespace _machineNamespace, _testerNamespace;
    private readonly LinuxKernel _kernel;

    public RealLab(Topology topology)
    {
        string id = $"eud{Environment.ProcessId}x{Interlocked.Increment(ref _made)}";
        (_machine, _tester) = (id + "m", id + "t");
        var commands = new StringBuilder();
        commands.Append($"netns add {_machine}\nnetns add {_tester}\n");
        for (int port = 0; port < Ports; port++)
        {
            // The same numbers as the simulated machine gives.
            commands.Append($"link add name {Inner(port)} index {port + 2} netns {_machine} address {InnerMac(port)} type veth peer name {Outer(port)} netns {_tester} address {OuterMac(port)}\n");
        }

        Run("ip", "-batch -", commands.ToString());
        _machineNamespace = NetworkNamespace.Open(_machine);
        _testerNamespace = NetworkNamespace.Open(_tester);
        _testerNamespace.Run(static () => File.WriteAllText("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"));
        _kernel = LinuxKernel.Open(_machineNamespace);

        // Reports of the groups a kernel joins would be counted by egress rules; so they go at once, before there are any.
        foreach (string device in (string[])["default", .. Enumerable.Range(0, Ports).Select(Inner)])
        {
            _kernel.WriteParameter($"net/ipv6/conf/{device}/mldv2_unsolicited_report_interval", "1");
        }

        Prepare(_kernel);
        if (topology == Topology.Bare)
        {
            _kernel.WriteParameter("net/ipv6/conf/default/addr_gen_mode", "1");
        }

        Run("ip", $"-n {_machine} -batch -", LabSetup.Commands(topology));
        Run("ip", $"-n {_tester} -batch -", string.Concat(Enumerable.Range(0, Ports).Select(static port => $"link set {Outer(port)} up\n")));

        // A link that has its carrier takes a while until queues and bridge ports follow.
        Await(() => Count(Read("ip", $"-n {_machine} -o link"), " state UP ") >= Ports && Count(Read("ip", $"-n {_tester} -o link"), " state UP ") >= Ports
            && (topology != Topology.Bridge || Count(Read("bridge", $"-n {_machine} link"), " state forwarding ") == Ports));
        Attach(LinuxKernel.Open(_testerNamespace));
    }

    public override IKernel Kernel => _kernel;

    protected override bool IsSettled => false;

    /// <summary>Loads a rule set with nft; what nft says against it, or null.</summary>
    public string? Load(IEnumerable<string> rules) => Run("ip", $"netns exec {_machine} nft -f -", string.Join('\n', rules) + "\n", mustSucceed: false);

    public void Load(NftablesBatch batch)
    {
        using NftablesConnection connection = NftablesConnection.Open(_kernel);
        connection.Send(batch);
    }

    /// <summary>The rule set as nft lists it, and reads it again.</summary>
    public IEnumerable<string> ListRules() => Read("ip", $"netns exec {_machine} nft list ruleset").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Does something in the machine's namespace.</summary>
    public T DoInside<T>(Func<T> action) => _machineNamespace.Run(action);

    /// <summary>Packets go on passing the machine's interfaces, though nobody sends any.</summary>
    public bool GoesInCircles()
    {
        string before = ReadTraffic();
        Thread.Sleep(50);
        return ReadTraffic() != before;
    }

    private string ReadTraffic() => DoInside(static () => File.ReadAllText("/proc/thread-self/net/dev"));

    /// <summary>Runs a program in the machine's namespace; it must succeed.</summary>
    public void RunInside(string command, string input = "") => Run("ip", $"netns exec {_machine} {command}", input);

    public void SetPlugged(int port, bool plugged) => Run("ip", $"-n {_tester} link set {Outer(port)} {(plugged ? "up" : "down")}", "");

    public override void Dispose()
    {
        base.Dispose();
        _machineNamespace.Dispose();
        _testerNamespace.Dispose();
        Run("ip", "-batch -", $"netns del {_machine}\nnetns del {_tester}\n");
    }

    private static void Await(Func<bool> condition)
    {
        for (int i = 0; i < 500 && !condition(); i++)
        {
            Thread.Sleep(10);
        }
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static string Read(string program, string arguments) => Execute(program, arguments, "").Output;

    private static string? Run(string program, string arguments, string input, bool mustSucceed = true)
    {
        (int status, _, string error) = Execute(program, arguments, input);
        Assert.That(status == 0 || !mustSucceed, Is.True, $"{program} {arguments}: {error}\n{input}");
        return status == 0 ? null : error;
    }

    private static (int Status, string Output, string Error) Execute(string program, string arguments, string input)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}

/// <summary>Links, addresses and neighbours of the machine, as ip takes them.</summary>
internal static class LabSetup
{
    /// <summary>Stations .2 to .5 behind each port.</summary>
    public static readonly int[] Stations = [2, 3, 4, 5];

    public static IEnumerable<(string Device, int Port, string Address)> Neighbours(Topology topology)
    {
        for (int port = 0; port < topology switch { Topology.Router => 2, Topology.Bridge => DifferenceLab.Ports, _ => 0 }; port++)
        {
            foreach (int station in Stations)
            {
                // On a bridge the stations of one network are spread over the ports.
                int network = topology == Topology.Router ? port + 1 : 1, at = topology == Topology.Router ? station : station + 10 * port;
                string device = topology == Topology.Router ? DifferenceLab.Inner(port) : "br0";
                yield return (device, port, $"10.{network}.0.{at}");
                yield return (device, port, $"2001:db8:{network}::{at}");
            }
        }
    }

    public static IEnumerable<(string Device, string Address)> Addresses(Topology topology) => topology switch
    {
        Topology.Router => [("a0", "10.1.0.1/24"), ("b0", "10.2.0.1/24"), ("a0", "2001:db8:1::1/64"), ("b0", "2001:db8:2::1/64")],
        Topology.Bridge => [("br0", "10.1.0.1/24"), ("br0", "2001:db8:1::1/64")],
        _ => [],
    };

    public static string Commands(Topology topology)
    {
        var text = new StringBuilder("link set lo up\n");
        if (topology == Topology.Bridge)
        {
            text.Append($"link add name br0 index 5 address {DifferenceLab.InnerMac(9)} type bridge mcast_snooping 0\n");
        }

        for (int port = 0; port < DifferenceLab.Ports; port++)
        {
            string name = DifferenceLab.Inner(port);
            text.Append($"link set {name} addrgenmode none\nlink set {name} up\n");
            if (topology == Topology.Bridge)
            {
                text.Append($"link set {name} master br0\n");
            }
        }

        if (topology == Topology.Bridge)
        {
            text.Append("link set br0 addrgenmode none\nlink set br0 up\n");
        }

        foreach ((string device, string address) in Addresses(topology))
        {
            text.Append($"address add {address} dev {device}{(address.Contains(':', StringComparison.Ordinal) ? " nodad" : "")}\n");
        }

        foreach ((string device, int port, string address) in Neighbours(topology))
        {
            text.Append($"neighbour add {address} lladdr {DifferenceLab.OuterMac(port)} dev {device} nud permanent\n");
        }

        return text.ToString();
    }
}
