using System.Buffers.Binary;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>
/// A cloud in which a VM attacks. Behind each attack the attacker sends something it may send, a beacon: once that has arrived everywhere, so has
/// the attack, if it arrives at all. No test waits for a time in which nothing happens.
/// </summary>
internal sealed class AttackRange : IAsyncDisposable
{
    private static readonly byte[] BeaconMark = "EUCANET-BEACON"u8.ToArray();

    private readonly List<Watch> _inGroup = [];
    private Watch _attacker = null!;
    private Watch _other = null!;
    private Watch _node = null!;
    private ushort _beacon;

    private AttackRange(ManagedCloud cloud) => Cloud = cloud;

    public ManagedCloud Cloud { get; }

    public AttackField Field { get; private set; } = null!;

    public static async Task<AttackRange> StartAsync(string world, string extra = "", Engine.EngineOptions? options = null)
    {
        var range = new AttackRange(await ManagedCloud.StartAsync(world, extra, options));
        ManagedCloud cloud = range.Cloud;
        Guest attacker = await cloud.RunAsync("alice", "web", "node1");
        Guest neighbour = await cloud.RunAsync("alice", "web", "node1");
        Guest far = await cloud.RunAsync("alice", "web", "node2");
        Guest other = await cloud.RunAsync("bob", "default", "node2");
        await cloud.FrontEnd.AuthorizeAsync("bob", "default", new Engine.IngressRule { Protocol = Engine.IngressRule.Udp, FirstPort = 5000, LastPort = 5000, SourceGroup = new Engine.GroupName("alice", "web") });
        range.Field = new AttackField(attacker, neighbour, far, other, await range.MacAsync(ManagedCloud.Front, "eth0"), await range.MacAsync("node1", "eucabr10"));
        range._attacker = new Watch("attacker", await cloud.PacketsOfAsync(attacker.Name, "eth0"));
        range._other = new Watch("another group's VM", await cloud.PacketsOfAsync(other.Name, "eth0"));
        range._node = new Watch("the node itself", await cloud.PacketsOfAsync("node1", "eucabr10"));
        range._inGroup.Add(new Watch("neighbour", await cloud.PacketsOfAsync(neighbour.Name, "eth0")));
        range._inGroup.Add(new Watch("neighbour on the other node", await cloud.PacketsOfAsync(far.Name, "eth0")));
        range._inGroup.Add(new Watch("front-end", await cloud.PacketsOfAsync(ManagedCloud.Front, "eth0")));

        // Everybody's hardware address is known from here on, the front-end's view of the other group's included.
        foreach ((string from, System.Net.IPAddress to) in ((string, System.Net.IPAddress)[])[(attacker.Name, range.Field.Router), (neighbour.Name, far.Address), (far.Name, range.Field.Router), (ManagedCloud.Front, other.Address), (ManagedCloud.Front, attacker.Address), (other.Name, range.Field.OtherRouter)])
        {
            await cloud.PingsAsync(from, to);
        }

        return range;
    }

    /// <summary>Where the attack's frames, or answers to them, turn up; empty where nowhere.</summary>
    public async Task<IReadOnlyList<string>> TryAsync(Attack attack)
    {
        ShowYourselves();
        Clear();
        foreach (byte[] frame in attack.Frames(Field))
        {
            if (!Send(frame))
            {
                return [];
            }
        }

        return attack.Target == Target.FrontEnd ? await AnsweredAsync(attack) : await SeenAsync(attack.Mark);
    }

    /// <summary>Whether a frame that is the attacker's right arrives at each neighbour or at the front-end.</summary>
    public async Task<bool> PassesAsync(byte[] frame)
    {
        Clear();
        return Send(frame) && (await SeenAsync(Frames.Marker)).Count > 0;
    }

    /// <summary>Takes the guards away: a node's, or the front-end's.</summary>
    public void Disarm(string machine, NftablesFamily family)
    {
        using NftablesConnection connection = NftablesConnection.Open(Cloud.KernelOf(machine));
        var batch = new NftablesBatch();
        batch.Delete(new Table { Family = family, Name = "eucanet" });
        connection.Send(batch);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Watch watch in (Watch[])[.. _inGroup, _attacker, _other, _node])
        {
            watch.Dispose();
        }

        await Cloud.DisposeAsync();
    }

    // A frame with somebody's MAC leads the bridges astray until they hear from its owner again.
    private void ShowYourselves()
    {
        static byte[] Hello(byte[] mac, System.Net.IPAddress address) => Frames.Arp(mac, 1, mac, address, new byte[6], address)[..42];
        _attacker.Socket.Send(Hello(Field.Own, Field.Address));
        _inGroup[0].Socket.Send(Hello(Field.Neighbour.Mac, Field.Neighbour.Address));
        _inGroup[1].Socket.Send(Hello(Field.Far.Mac, Field.Far.Address));
        _inGroup[2].Socket.Send(Frames.Tag(Hello(Field.RouterMac, Field.Router), 10));
        _other.Socket.Send(Hello(Field.Other.Mac, Field.Other.Address));
    }

    private void Clear()
    {
        foreach (Watch watch in (Watch[])[.. _inGroup, _attacker, _other, _node])
        {
            _ = watch.Saw(_ => false);
        }
    }

    // What the attacker's own kernel refuses goes nowhere.
    private bool Send(byte[] frame)
    {
        try
        {
            _attacker.Socket.Send(frame);
            return true;
        }
        catch (KernelException refused) when (refused.Error is LinuxError.EMSGSIZE or LinuxError.EINVAL)
        {
            return false;
        }
    }

    // Frames keep their order on each way, so a neighbour that has got the beacon has got all that came before it.
    private async Task<IReadOnlyList<string>> SeenAsync(byte[] mark)
    {
        byte[] beacon = NextBeacon();
        Send(Field.Ip(Frames.Broadcast, Frames.Ipv4(Field.Address, System.Net.IPAddress.Broadcast, Frames.Udp, Frames.UdpDatagram(4999, 4999, beacon))));
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Watch watch in _inGroup)
        {
            bool arrived = await Cloud.UntilAsync(
                () =>
                {
                    (bool attack, bool end) = watch.Saw(mark, beacon);
                    if (attack)
                    {
                        seen.Add(watch.Where);
                    }

                    return Task.FromResult(end);
                },
                TimeSpan.FromSeconds(20));
            Assert.That(arrived, Is.True, $"what the attacker may send no longer reaches the {watch.Where}");
        }

        foreach (Watch watch in (Watch[])[_other, _node])
        {
            if (watch.Saw(frame => frame.Span.IndexOf(mark) >= 0))
            {
                seen.Add(watch.Where);
            }
        }

        return [.. seen];
    }

    // The front-end works through what it gets in order: when it has answered the ping behind the attack, it has dealt with the attack.
    private async Task<IReadOnlyList<string>> AnsweredAsync(Attack attack)
    {
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        for (int round = 0; round < 2; round++)
        {
            byte[] beacon = NextBeacon();
            Send(Field.Ip(Field.RouterMac, Frames.Ipv4(Field.Address, Field.Router, Frames.Icmp, Frames.IcmpMessage(8, 0, beacon))));
            bool answered = false;
            Assert.That(await Cloud.UntilAsync(
                () =>
                {
                    _ = _attacker.Saw(frame =>
                    {
                        if (IsFromRouter(frame.Span))
                        {
                            answered |= frame.Span.IndexOf(beacon) >= 0;
                            if (frame.Span.IndexOf(BeaconMark) < 0)
                            {
                                seen.Add("the front-end answers");
                            }
                        }

                        return false;
                    });
                    return Task.FromResult(answered);
                },
                TimeSpan.FromSeconds(20)), Is.True, "the router no longer answers the attacker's pings");
        }

        if (_other.Saw(frame => frame.Span.IndexOf(attack.Mark) >= 0))
        {
            seen.Add(_other.Where);
        }

        return [.. seen];
    }

    private bool IsFromRouter(ReadOnlySpan<byte> frame) =>
        frame.Length > 34 && frame[6..12].SequenceEqual(Field.RouterMac) && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == Frames.Ipv4Type;

    private byte[] NextBeacon() => [.. BeaconMark, .. Frames.Number(++_beacon)];

    private async Task<byte[]> MacAsync(string machine, string interfaceName) => (await Cloud.RouteOf(machine).GetLinkAsync(interfaceName)).HardwareAddress!.Value.Octets.ToArray();
}
