using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Tests.Soak;

/// <summary>An answer to a request that was given up never reaches a later one.</summary>
[RequiresRoot]
public sealed class CancellationSoakTests
{
    private const int Cables = 25;

    /// <summary>EUCANET_SOAK_REQUESTS=1000000 is the full size.</summary>
    [Test]
    public async Task Requests_cancelled_at_random_leave_no_answer_to_the_wrong_one()
    {
        int wanted = SoakSize.Of("EUCANET_SOAK_REQUESTS", 40_000);
        using NetworkNamespace own = NetworkNamespace.Create();
        var random = new Random(20260102);
        var kernel = new LateKernel(LinuxKernel.Open(own), random);
        using RouteConnection route = RouteConnection.Open(kernel);
        int[] indices = await MakeLinksAsync(route);
        var tally = new Tally();
        var buffer = new NetlinkBuffer();
        while (tally.Requests < wanted)
        {
            using var give = new CancellationTokenSource();
            kernel.Begin(give);
            try
            {
                if (random.Next(50) == 0)
                {
                    await ListAsync(route, indices.Length + 1, buffer, tally, give.Token);
                }
                else
                {
                    await AskAsync(route, [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => indices[random.Next(indices.Length)])], buffer, tally, give.Token);
                }
            }
            catch (OperationCanceledException)
            {
                tally.Cancelled++;
            }
        }

        kernel.Begin(null);
        TestContext.Out.WriteLine($"{tally.Requests} requests, {tally.Answers} answers, {tally.Cancelled} sends given up, {tally.Mismatches} answers to the wrong request");
        Assert.That(tally.Mismatches, Is.Zero);
        Assert.That(tally.Cancelled, Is.GreaterThan(wanted / 50), "giving up was tried often");
        Assert.That(tally.Answers, Is.GreaterThan(wanted / 2), "and so was waiting");
        Assert.That(await route.GetLinksAsync(), Has.Count.EqualTo(indices.Length + 1));
    }

    private static async Task<int[]> MakeLinksAsync(RouteConnection route)
    {
        RouteBatch batch = route.CreateBatch();
        for (int index = 0; index < Cables; index++)
        {
            batch.AddLink(Link.VethPair($"a{index}", $"b{index}"));
        }

        await batch.ExecuteAsync();
        return [.. (await route.GetLinksAsync()).Select(link => link.Index).Where(index => index != 1)];
    }

    /// <summary>Several links by index in one datagram; each answer must be the link that its request named.</summary>
    private static async Task AskAsync(RouteConnection route, int[] wanted, NetlinkBuffer buffer, Tally tally, CancellationToken cancellationToken)
    {
        Write(buffer, NetlinkMessageFlags.Request, wanted);
        tally.Requests += wanted.Length;
        await route.Connection.ExecuteAsync(
            buffer,
            (in NetlinkMessage message, int request) =>
            {
                tally.Answers++;
                tally.Mismatches += Link.TryRead(message, out Link? link) && link.Index == wanted[request] ? 0 : 1;
            },
            cancellationToken);
    }

    private static async Task ListAsync(RouteConnection route, int count, NetlinkBuffer buffer, Tally tally, CancellationToken cancellationToken)
    {
        Write(buffer, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, 0);
        tally.Requests++;
        List<Link> links = await route.Connection.DumpAsync<Link>(buffer, Link.TryRead, cancellationToken);
        tally.Answers++;
        tally.Mismatches += links.DistinctBy(link => link.Index).Count() == count && links.Count == count ? 0 : 1;
    }

    private static void Write(NetlinkBuffer buffer, NetlinkMessageFlags flags, params ReadOnlySpan<int> indices)
    {
        buffer.Clear();
        var writer = new NetlinkWriter(buffer);
        foreach (int index in indices)
        {
            new Link { Index = index }.WriteMessage(ref writer, RTM_GETLINK, flags);
        }

        writer.Complete();
    }

    private sealed class Tally
    {
        public int Requests { get; set; }

        public int Answers { get; set; }

        public int Cancelled { get; set; }

        public int Mismatches { get; set; }
    }

    /// <summary>The real kernel, whose answers seem to come late: now and then the caller has to wait for them, and often gives up then.</summary>
    private sealed class LateKernel(IKernel kernel, Random random) : IKernel
    {
        private CancellationTokenSource? _caller;
        private bool _sent;

        public TimeProvider Time => kernel.Time;

        public void Begin(CancellationTokenSource? caller)
        {
            _caller = caller;
            _sent = false;
        }

        public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) => new LateSocket(this, kernel.OpenNetlink(protocol, options));

        public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null) => kernel.OpenPacket(interfaceIndex, etherType, filter);

        public IDisposable ReserveUdpPort(string interfaceName, ushort port) => kernel.ReserveUdpPort(interfaceName, port);

        public IXtablesSocket OpenXtables(System.Net.Sockets.AddressFamily family) => kernel.OpenXtables(family);

        public string? ReadParameter(string path) => kernel.ReadParameter(path);

        public void WriteParameter(string path, string value) => kernel.WriteParameter(path, value);

        private sealed class LateSocket(LateKernel owner, INetlinkSocket socket) : INetlinkSocket
        {
            public uint PortId => socket.PortId;

            public int SendBufferSize => socket.SendBufferSize;

            public void Send(ReadOnlySpan<byte> datagram)
            {
                owner._sent = true;
                socket.Send(datagram);
            }

            public int Receive(NetlinkReceiveBuffer buffer)
            {
                // What an earlier request left behind is there: only answers to this one are late.
                if (owner._sent && owner._caller is not null && owner.Chance(4))
                {
                    buffer.Count = 0;
                    return 0;
                }

                return socket.Receive(buffer);
            }

            public async ValueTask WaitReadableAsync(CancellationToken cancellationToken = default)
            {
                if (owner._caller is { } caller && owner.Chance(2))
                {
                    await caller.CancelAsync();
                }

                cancellationToken.ThrowIfCancellationRequested();
            }

            public void Join(uint group) => socket.Join(group);

            public void Leave(uint group) => socket.Leave(group);

            public int RequestSendBuffer(int bytes) => socket.RequestSendBuffer(bytes);

            public void Dispose() => socket.Dispose();
        }

        private bool Chance(int of) => random.Next(of) == 0;
    }
}
