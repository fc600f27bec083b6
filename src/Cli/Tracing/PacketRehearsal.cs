using System.Globalization;
using System.Net;
using EucaNet.Cli.Control;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netfilter.Conntrack;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Tracing;

/// <summary>
/// Says why the first packet of a flow passes or not: sends it through a <see cref="KernelCopy"/> of this machine and follows it. The machine itself sees nothing of it.
/// </summary>
internal sealed class PacketRehearsal(FrontEnd? frontEnd, Node? node)
{
    private static readonly MacAddress Somebody = new(0x02_00_00_00_00_fe);

    private IKernel Kernel => frontEnd?.Kernel ?? node!.Kernel;

    /// <summary>Follows the packet.</summary>
    /// <exception cref="RefusedException">The packet makes no sense, or nobody knows where it comes from.</exception>
    public async Task<TraceMessage> RunAsync(TraceRequestMessage request, CancellationToken cancellationToken)
    {
        IReadOnlyList<InstanceMessage> instances = await new LocalControl(frontEnd, node).ListInstancesAsync(cancellationToken).ConfigureAwait(false);
        InstanceMessage? sender = instances.FirstOrDefault(i => i.Instance == request.From) ?? instances.FirstOrDefault(i => i.PrivateAddress == request.From);
        byte protocol = IngressRule.ParseProtocol(request.Protocol) ?? throw new RefusedException("a packet has one protocol; name tcp, udp, icmp or a number");
        bool ported = IngressRule.ProtocolHasPorts(protocol);
        if (ported != request.Port is not null)
        {
            throw new RefusedException(ported ? $"{request.Protocol} needs a port; write {request.To}:PORT, such as {request.To}:22" : $"{request.Protocol} has no ports; write {request.To} alone");
        }

        var packet = new PacketDescription
        {
            Source = AddressOf(request.From, instances),
            Destination = AddressOf(request.To, instances),
            Protocol = protocol,
            Port = request.Port,
            IcmpType = protocol == IngressRule.Icmp ? request.IcmpType : null,
            IcmpCode = protocol == IngressRule.Icmp ? request.IcmpCode : null,
        };
        PacketIntent? intent = frontEnd is { Configuration.Mode: NetworkMode.Managed } ? await frontEnd.ExplainPacketAsync(packet, cancellationToken).ConfigureAwait(false) : null;
        using KernelCopy copy = await KernelCopy.MakeAsync(Kernel, "this machine", cancellationToken).ConfigureAwait(false);
        await IntroduceAsync(copy, packet, intent).ConfigureAwait(false);
        (string arrival, PacketTrace trace) = Send(copy, request, packet, sender);
        var reader = new TraceReader(copy, packet, intent);
        (bool passes, string ending, List<TraceStepMessage> steps) = reader.Read(trace);
        List<string> leftOut = [.. copy.LeftOut];
        int underWay = FlowsUnderWay(packet, leftOut);
        return new TraceMessage(Describe(packet, request.SourcePort, arrival), passes, ending, steps, leftOut, underWay);
    }

    /// <summary>How many flows from there to there connection tracking holds now: the rules let their packets pass as established, whatever becomes of a first one.</summary>
    private int FlowsUnderWay(PacketDescription packet, List<string> leftOut)
    {
        try
        {
            using ConntrackConnection connection = ConntrackConnection.Open(Kernel);
            return connection.List(new ConntrackFilter
            {
                Protocol = packet.Protocol,
                OriginalSource = new IPAddress(packet.Source.ToBytes()),
                OriginalDestination = new IPAddress(packet.Destination.ToBytes()),
                OriginalDestinationPort = (ushort?)packet.Port,
            }).Count;
        }
        catch (KernelException refused)
        {
            leftOut.Add($"flows under way: {refused.Message}");
            return 0;
        }
    }

    private static Ipv4Address AddressOf(string name, IReadOnlyList<InstanceMessage> instances)
    {
        if (instances.FirstOrDefault(i => i.Instance == name) is not { } instance)
        {
            return Ipv4Address.TryParse(name, out Ipv4Address address) ? address : throw new RefusedException($"'{name}' is no instance of this engine and no IPv4 address; 'eucanet instance list' shows the instances");
        }

        return Ipv4Address.TryParse(instance.PrivateAddress, out Ipv4Address own) && !own.IsUnknown
            ? own
            : throw new RefusedException($"the address of instance {name} is not known (0.0.0.0); name an address instead");
    }

    // Next hops of all that the packet may become, so that it does not end in a question for their MACs.
    private static async ValueTask IntroduceAsync(KernelCopy copy, PacketDescription packet, PacketIntent? intent)
    {
        HashSet<(int Interface, IPAddress Address)> neighbours = [.. copy.Routes.Where(r => r.Gateway is not null && r.OutputInterface is not null).Select(r => (r.OutputInterface!.Value, r.Gateway!))];
        foreach (Ipv4Address target in new[] { packet.Destination, intent?.PrivateDestination ?? packet.Destination })
        {
            var address = new IPAddress(target.ToBytes());
            if (RouteTo(copy, target) is { Gateway: null, OutputInterface: { } direct } && copy.Addresses.All(a => !address.Equals(a.Host)))
            {
                neighbours.Add((direct, address));
            }
        }

        foreach ((int index, IPAddress address) in neighbours)
        {
            await copy.MeetAsync(index, address).ConfigureAwait(false);
        }
    }

    private (string Arrival, PacketTrace Trace) Send(KernelCopy copy, TraceRequestMessage request, PacketDescription packet, InstanceMessage? sender)
    {
        var source = new IPAddress(packet.Source.ToBytes());
        if (request.Interface is null && copy.Addresses.Any(a => source.Equals(a.Host)))
        {
            return ("from this machine itself", SendFromHere(copy, packet));
        }

        Link? arrival = request.Interface is { } named ? copy.Links.FirstOrDefault(l => l.Name == named) ?? throw new RefusedException($"this machine has no interface '{named}'")
            : sender?.Interface is { } port ? copy.Links.FirstOrDefault(l => l.Name == port)
            : RouteTo(copy, packet.Source)?.OutputInterface is { } index ? copy.Links.FirstOrDefault(l => l.Index == index)
            : copy.Links.FirstOrDefault(l => l.Name == frontEnd?.Configuration.PublicInterface);
        if (arrival is null)
        {
            throw new RefusedException($"no route of this machine leads to {packet.Source}, so it is not known where such packets arrive; name the interface with --in");
        }

        // What a bridge receives comes in by one of its ports: here the one that leads to the other machines.
        Link way = arrival.Kind == "bridge" && copy.Links.Where(l => l.Master == arrival.Index).OrderByDescending(l => l.Kind == "vlan").FirstOrDefault() is { } first ? first : arrival;
        Link receiver = copy.Links.FirstOrDefault(l => l.Index == way.Master) ?? way;
        MacAddress to = receiver.HardwareAddress is { Length: 6 } mac ? MacAddress.Read(mac.Octets) : Somebody;
        MacAddress from = sender is not null && MacAddress.TryParse(sender.HardwareAddress, out MacAddress own) ? own : Somebody;
        if (!copy.Has(way.Name!))
        {
            throw new RefusedException($"the interface {way.Name} could not be copied, so nothing can be followed from there: {string.Join("; ", copy.LeftOut)}");
        }

        return ($"arriving by {way.Name}", copy.Host.Receive(way.Name!, ProbePacket.ToFrame(packet, request.SourcePort, from, to), TraceLevel.Detailed));
    }

    private static PacketTrace SendFromHere(KernelCopy copy, PacketDescription packet)
    {
        var options = new ProbeOptions { Level = TraceLevel.Detailed, Patience = TimeSpan.Zero };
        var to = new IPAddress(packet.Destination.ToBytes());
        return packet.Protocol switch
        {
            IngressRule.Tcp => copy.Host.Cloud.ConnectTcp(copy.Host, to, packet.Port!.Value, null, options).Trace,
            IngressRule.Udp => copy.Host.Cloud.SendUdp(copy.Host, to, packet.Port!.Value, null, options).Trace,
            IngressRule.Icmp => copy.Host.Cloud.Ping(copy.Host, to, options).Trace,
            _ => throw new RefusedException("from this machine itself only tcp, udp and icmp can be followed"),
        };
    }

    /// <summary>The main table's route to an address, by the longest prefix.</summary>
    private static NetworkRoute? RouteTo(KernelCopy copy, Ipv4Address address)
    {
        const uint Main = 254;
        return copy.Routes.Where(r => (r.TableId ?? r.HeaderTable) == Main && r.Type == RouteType.Unicast
                && (r.Destination is null || new Ipv4Network(Ipv4Address.Read(r.Destination.GetAddressBytes()), r.DestinationLength).Contains(address)))
            .OrderByDescending(r => r.DestinationLength).ThenBy(r => r.Priority ?? 0).FirstOrDefault();
    }

    private static string Describe(PacketDescription packet, int sourcePort, string arrival)
    {
        string name = IngressRule.ProtocolName(packet.Protocol);
        return string.Create(CultureInfo.InvariantCulture, $"{name}{(packet.IcmpType is { } type ? $" {type}:{packet.IcmpCode}" : "")} {packet.Source}{(packet.Port is null ? "" : $":{sourcePort}")} to {packet.Destination}{(packet.Port is { } port ? $":{port}" : "")}, first of its flow, {arrival}");
    }
}
