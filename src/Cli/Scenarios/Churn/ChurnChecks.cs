using System.Buffers.Binary;
using System.Net;
using System.Text;
using EucaNet.Engine;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>What must hold of the cloud at any time, faults or not: judged by packets and by the kernels' own lists.</summary>
internal sealed class ChurnChecks(ChurnCloud cloud, ChurnFigures figures) : IDisposable
{
    private const string Table = "eucanet";
    private static readonly byte[] Mark = "EUCA-CHURN "u8.ToArray();

    private readonly byte[] _frame = new byte[2048];
    private readonly List<(string Name, IPacketSocket Socket)> _uplinks = [.. cloud.Nodes.Select(static node => (node.Host.Name, OpenUplink(node)))];
    private NftablesConnection? _netfilter;
    private int _number;

    /// <summary>Nobody's table or link was touched but by its owner.</summary>
    public void ForeignThings()
    {
        foreach (ChurnMachine machine in cloud.Machines)
        {
            foreach (string difference in machine.Foreign.Differences())
            {
                throw new ChurnException(ChurnVerdict.Broken, $"a foreign thing was touched: {difference}");
            }
        }
    }

    /// <summary>No engine made a mistake that it logged and survived.</summary>
    public void Mistakes()
    {
        if (cloud.Log.Mistakes is [{ } first, ..])
        {
            throw new ChurnException(ChurnVerdict.Crashed, $"an engine made a mistake and went on: {first}");
        }
    }

    /// <summary>
    /// Every instance says something to everybody in its own name, and something under a name that is not its own. The first must not be heard by another
    /// group, the second by nobody: it would have passed a port without guards.
    /// </summary>
    public void Frames()
    {
        foreach (ChurnInstance instance in cloud.Instances.Values)
        {
            if (instance.Raw is not null)
            {
                Shout(instance, instance.Assignment.Mac.ToBytes(), "own");
                Shout(instance, [0x02, 0x66, 0x66, 0x66, 0x66, 0x66], "false");
            }
        }

        cloud.Cloud.Advance(TimeSpan.FromMilliseconds(3));
        foreach (ChurnInstance listener in cloud.Instances.Values)
        {
            if (listener.Raw is { } socket)
            {
                Listen(socket, listener.Id, listener);
            }
        }

        foreach ((string name, IPacketSocket socket) in _uplinks)
        {
            Listen(socket, $"the network behind {name}", null);
        }
    }

    public void Dispose()
    {
        _uplinks.ForEach(static uplink => uplink.Socket.Dispose());
        _netfilter?.Dispose();
    }

    /// <summary>A ping from one group's instance never reaches another's, by no address of it: no rule of these clouds lets ICMP in from the inside.</summary>
    public void Pings(ChurnRandom random)
    {
        ChurnInstance[] leased = [.. cloud.Instances.Values.Where(static instance => instance.Machine?.Lease is not null)];
        if (leased.Length < 2)
        {
            return;
        }

        ChurnInstance from = random.Pick(leased);
        foreach (ChurnInstance to in leased.Where(to => to.Tenant != from.Tenant))
        {
            figures.Probes++;
            ProbeResult ping = cloud.Cloud.Ping(from.Machine!, to.Machine!.Lease!, new ProbeOptions { Patience = TimeSpan.FromMilliseconds(50) });
            if (ping.Reached)
            {
                throw new ChurnException(ChurnVerdict.Broken, $"{from.Id} of {from.Tenant} reached {to.Id} of {to.Tenant}: {ping.Path}");
            }
        }
    }

    /// <summary>In the kernel's table every network is there wholly or not at all, and so is every rule.</summary>
    public void Groups()
    {
        if (Read() is not { } table)
        {
            return;
        }

        HashSet<string> Keys(string set, Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> part) =>
            [.. table.FindSet(set)?.Elements.Where(static e => e.Key is not null).Select(e => Convert.ToHexString(part(e.Key!.Value.Span.ToArray()).Span)) ?? []];
        HashSet<string> interfaces = Keys("interfaces", static key => key), sources = Keys("sources", static key => key[..16]), routers = Keys("routers", static key => key[..16]);
        HashSet<string> from = Keys("sources", static key => key[16..20]), groups = Keys("groups", static key => key[..4]);
        if (!interfaces.SetEquals(sources) || !interfaces.SetEquals(routers) || !from.SetEquals(groups))
        {
            throw new ChurnException(ChurnVerdict.Broken,
                $"a network is there by half: {interfaces.Count} interfaces, {sources.Count} sources, {routers.Count} routers, {groups.Count} groups in table {Table}");
        }

        foreach ((string scope, IEnumerable<(int Port, int Bits)> pieces) in PortPieces(table))
        {
            HashSet<(int, int)> present = [.. pieces];
            foreach (PortRange range in ChurnRules.Ranges)
            {
                int found = range.Blocks.Count(present.Contains);
                if (found != 0 && found != range.Blocks.Count)
                {
                    throw new ChurnException(ChurnVerdict.Broken, $"the rule for ports {range.First}-{range.Last} is there by half: {found} of its {range.Blocks.Count} pieces ({scope})");
                }
            }
        }
    }

    // Pieces of port rules by destination network, source and its length.
    private static Dictionary<string, List<(int, int)>> PortPieces(TableContent table)
    {
        var all = new Dictionary<string, List<(int, int)>>(StringComparer.Ordinal);
        foreach (SetContent set in table.Sets)
        {
            int at = set.Set.Name.IndexOf("_port", StringComparison.Ordinal);
            if (at < 0)
            {
                continue;
            }

            int bits = int.Parse(set.Set.Name.AsSpan(at + 5), System.Globalization.CultureInfo.InvariantCulture);
            foreach (SetElement element in set.Elements)
            {
                ReadOnlySpan<byte> key = element.Key!.Value.Span;
                string scope = $"{set.Set.Name[..at]} {Convert.ToHexString(key[..12])}";
                if (!all.TryGetValue(scope, out List<(int, int)>? pieces))
                {
                    all.Add(scope, pieces = []);
                }

                pieces.Add((BinaryPrimitives.ReadUInt16BigEndian(key[12..]), bits));
            }
        }

        return all;
    }

    private TableContent? Read()
    {
        using IDisposable pause = cloud.Front.Host.Kernel.Faults.Pause();
        _netfilter ??= NftablesConnection.Open(cloud.Front.Host.Kernel);
        return _netfilter.ReadTable(NftablesFamily.Ip, Table);
    }

    private static IPacketSocket OpenUplink(ChurnMachine node)
    {
        using RouteConnection links = RouteConnection.Open(node.Host.Kernel);
        Task<Link> card = links.GetLinkAsync("peth0").AsTask();
        node.Host.Kernel.Wait(card);
        return node.Host.Kernel.OpenPacket(card.GetAwaiter().GetResult().Index, 3);
    }

    private void Shout(ChurnInstance instance, ReadOnlySpan<byte> source, string what)
    {
        figures.Probes++;
        byte[] text = Encoding.ASCII.GetBytes($"{what}|{instance.Id}|{instance.Tenant}|{++_number}");
        byte[] frame = new byte[14 + 28 + Mark.Length + text.Length];
        frame.AsSpan(0, 6).Fill(0xff);
        source.CopyTo(frame.AsSpan(6));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0800);
        Span<byte> packet = frame.AsSpan(14);
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
        packet[8] = 1;
        packet[9] = 17;
        instance.Assignment.Address.CopyTo(packet[12..]);
        packet[16..20].Fill(0xff);
        uint sum = 0;
        for (int i = 0; i < 20; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet[i..]);
        }

        sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], (ushort)~sum);
        BinaryPrimitives.WriteUInt16BigEndian(packet[20..], 4000);
        BinaryPrimitives.WriteUInt16BigEndian(packet[22..], 4000);
        BinaryPrimitives.WriteUInt16BigEndian(packet[24..], (ushort)(packet.Length - 20));
        Mark.CopyTo(packet[28..]);
        text.CopyTo(packet[(28 + Mark.Length)..]);
        try
        {
            instance.Raw!.Send(frame);
        }
        catch (KernelException)
        {
            // Its card is not up yet: it has not booted.
        }
    }

    /// <summary>Reads what a socket has heard; <paramref name="instance"/> is whose it is, null for a node's way out, where every tenant's own words may pass.</summary>
    private void Listen(IPacketSocket socket, string where, ChurnInstance? instance)
    {
        while (true)
        {
            int length;
            try
            {
                length = socket.Receive(_frame);
            }
            catch (KernelException)
            {
                continue; // The card went down or came up meanwhile.
            }

            if (length < 0)
            {
                return;
            }

            int at = _frame.AsSpan(0, length).IndexOf(Mark);
            if (at < 0)
            {
                continue;
            }

            string[] said = Encoding.ASCII.GetString(_frame, at + Mark.Length, length - at - Mark.Length).Split('|');
            if (said[1] == instance?.Id)
            {
                continue; // Its own, on the way out.
            }

            if (said[0] == "false")
            {
                throw new ChurnException(ChurnVerdict.Broken, $"a frame under a false name passed the port of {said[1]}: {where} heard it");
            }

            if (instance is not null && said[2] != instance.Tenant)
            {
                throw new ChurnException(ChurnVerdict.Broken, $"a frame of {said[1]} ({said[2]}) came to {where} of {instance.Tenant}");
            }
        }
    }
}
