using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>A machine with three ports whose far ends a tester holds: the same whether the machine's kernel is real or simulated.</summary>
internal abstract class DifferenceLab : IDisposable
{
    /// <summary>What nobody sends but a kernel by itself: reports of groups, neighbour discovery of its own, router solicitations.</summary>
    private static readonly byte[] OwnIcmpv6 = [131, 132, 133, 134, 135, 136, 143];

    private static readonly ushort[] Watched = [EtherType.Ipv4, EtherType.Ipv6, EtherType.Arp, EtherType.LogicalLink];

    private readonly List<(string Device, ushort Type, IPacketSocket Socket)> _sockets = [];
    private readonly byte[] _buffer = new byte[9000];

    public const int Ports = 3;

    /// <summary>The machine's interfaces, the tester's ends, and their MACs.</summary>
    public static string Inner(int port) => $"{(char)('a' + port)}0";

    public static string Outer(int port) => $"{(char)('a' + port)}1";

    public static MacAddress InnerMac(int port) => new(0x0200_0000_0010UL + (ulong)port);

    public static MacAddress OuterMac(int port) => new(0x0200_0000_0020UL + (ulong)port);

    /// <summary>The machine's kernel.</summary>
    public abstract IKernel Kernel { get; }

    /// <summary>What is set besides links and addresses, on both kinds of kernel alike.</summary>
    protected static void Prepare(IKernel kernel)
    {
        kernel.WriteParameter("net/ipv4/ip_forward", "1");
        kernel.WriteParameter("net/ipv4/icmp_ratemask", "0");
        kernel.WriteParameter("net/ipv6/icmp/ratelimit", "0");

        // Nor the bucket of all errors together, which the real clock fills (icmp_msgs_burst): no type counts for it but one that is none.
        kernel.WriteParameter("net/ipv6/icmp/ratemask", "0");
        kernel.WriteParameter("net/ipv6/conf/all/forwarding", "1");
        foreach (string device in (string[])["all", "default", .. Enumerable.Range(0, Ports).Select(Inner)])
        {
            kernel.WriteParameter($"net/ipv4/conf/{device}/rp_filter", "0");
            kernel.WriteParameter($"net/ipv4/conf/{device}/send_redirects", "0");
        }
    }

    protected void Attach(IKernel tester)
    {
        for (int port = 0; port < Ports; port++)
        {
            Listen(tester, Outer(port));
        }
    }

    /// <summary>What comes in by an interface of the machine is told as what leaves it by a port.</summary>
    public void Watch(string device) => Listen(Kernel, device);

    private void Listen(IKernel kernel, string device)
    {
        int index = InterfaceSetup.IndexOf(kernel, device);
        _sockets.AddRange(Watched.Select(type => (device, type, kernel.OpenPacket(index, type))));
    }

    /// <summary>Sends a frame and gives what comes out; waits for as many frames as are expected.</summary>
    public List<string> Send(ProgramFrame frame, int expected) => SendBy(Outer(frame.Port), frame.Bytes, expected);

    /// <summary>Sends a frame by the far end of a port, or by a watched interface of the machine itself.</summary>
    public List<string> SendBy(string device, byte[] frame, int expected)
    {
        // What stands on the interface takes the frame for one of the socket's protocol.
        ushort type = Packet.FromFrame(frame).Protocol;
        _sockets.First(entry => entry.Device == device && (entry.Type == type || !Watched.Contains(type))).Socket.Send(frame);
        List<string> frames = Collect();
        for (int i = 0; i < 1500 && frames.Count < expected && !IsSettled; i++)
        {
            Thread.Sleep(1);
            frames.AddRange(Collect());
        }

        frames.Sort(StringComparer.Ordinal);
        return frames;
    }

    /// <summary>Everything that a frame causes has happened when sending returns.</summary>
    protected abstract bool IsSettled { get; }

    public NftablesRuleset ReadRuleset()
    {
        using NftablesConnection connection = NftablesConnection.Open(Kernel);
        return connection.ReadRuleset();
    }

    /// <summary>Counters, quotas and what packets put into sets, a line each.</summary>
    public List<string> Counters()
    {
        var lines = new List<string>();
        foreach (TableContent table in ReadRuleset().Tables)
        {
            foreach (ChainContent chain in table.Chains)
            {
                int number = 0;
                foreach (Rule rule in chain.Rules)
                {
                    number++;
                    lines.AddRange(States(rule.Expressions).Select(state => $"{table.Table.Family} {chain.Chain.Name} rule {number}: {state}"));
                }
            }

            foreach (SetContent set in table.Sets.Where(static set => set.Set.Name.StartsWith(RuleStream.DynamicPrefix, StringComparison.Ordinal)))
            {
                foreach (SetElement element in set.Elements)
                {
                    lines.Add($"{table.Table.Family} set {set.Set.Name} {element.Key} {string.Join(' ', States(element.Expressions))}");
                }
            }

            foreach (NftablesObject named in table.Objects)
            {
                lines.Add($"{table.Table.Family} object {named.Name} {named.Data}");
            }
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    public virtual void Dispose() => _sockets.ForEach(static entry => entry.Socket.Dispose());

    private static IEnumerable<string> States(IEnumerable<Expression> expressions) => expressions.Select(static expression => expression switch
    {
        CounterExpression counter => $"counter {counter.Packets} {counter.Bytes}",
        QuotaExpression quota => $"quota {quota.Consumed}",
        _ => "",
    }).Where(static text => text.Length > 0);

    /// <summary>What has come out since the last look.</summary>
    public List<string> Collect()
    {
        var frames = new List<string>();
        foreach ((string device, _, IPacketSocket socket) in _sockets)
        {
            int length;
            while ((length = Receive(socket)) >= 0)
            {
                Packet packet = Packet.FromFrame(_buffer.AsSpan(0, length));
                if (!IsOwnNoise(packet))
                {
                    frames.Add($"{device} {FrameMask.Normal(packet)}");
                }
            }
        }

        return frames;
    }

    /// <summary>A socket says once that its interface went down; that is no frame.</summary>
    private int Receive(IPacketSocket socket)
    {
        try
        {
            return socket.Receive(_buffer);
        }
        catch (KernelException down) when (down.Error == LinuxError.ENETDOWN)
        {
            return -1;
        }
    }

    /// <summary>Messages about groups from the tester's stations are compared too; else they are taken for the kernel's own.</summary>
    public bool ShowsGroups { get; set; }

    private bool IsOwnNoise(Packet packet)
    {
        if (ShowsGroups && Enumerable.Range(0, Ports).Any(port => packet.Source == OuterMac(port)))
        {
            return false;
        }

        if (packet.Protocol == EtherType.Ipv6 && packet.LocateTransport() && packet.TransportProtocol == IpProtocol.Icmpv6)
        {
            return packet.Transport.Length > 0 && OwnIcmpv6.Contains(packet.Transport[0]);
        }

        return packet.Protocol == EtherType.Ipv4 && packet.Ipv4.Protocol == IpProtocol.Igmp;
    }
}
