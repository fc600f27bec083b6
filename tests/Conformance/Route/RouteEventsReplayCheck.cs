using System.Buffers.Binary;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>
/// Runs the recorded commands one after the other on a simulated kernel and compares the events, their order and content, and the dump of all links behind
/// each. Events that come with time (duplicate address detection, packets that made the bridge learn) may come a row earlier or later, so they are taken out
/// of both sides. Masked as in <see cref="RouteReplayCheck"/>.
/// </summary>
public sealed class RouteEventsReplayCheck : IConformanceCheck
{
    private static readonly uint[] Groups = [1, 3, 5, 7, 8, 9, 11, 12, 19, 24, 28, 32];

    /// <inheritdoc />
    public string Name => "replay";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.RouteEvents;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = RecordedNamespace.Profile(file.KernelVersion) });
        var other = new SimulatedKernel(new SimulatedKernelOptions { Profile = kernel.Profile, Clock = kernel.Clock });
        kernel.NamespaceResolver = (_, _) => other;
        var hints = new Dictionary<string, (int, byte[])>(StringComparer.Ordinal);
        bool first = true;
        foreach (JsonElement row in file.Rows)
        {
            IReadOnlyList<byte[]> dumps = row.Datagrams("link_dump");
            foreach (byte[] dump in dumps.Concat(row.Datagrams("events")))
            {
                var walk = new MessageReader(dump);
                while (walk.TryRead(out NetlinkMessage message))
                {
                    if (message.Header.Type != 16 || message.Payload[0] != 0)
                    {
                        continue;
                    }

                    AttributeReader attributes = message.Attributes(16);
                    if (attributes.TryFind(3, out NetlinkAttribute name) && attributes.TryFind(1, out NetlinkAttribute mac))
                    {
                        hints.TryAdd(name.String, (BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]), mac.Value.ToArray()));
                    }

                    // The fallback devices of tunnel modules are there from the beginning.
                    if (first && dumps.Contains(dump) && kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..])) is null)
                    {
                        LinkLoader.Load(kernel, message.Payload);
                    }
                }
            }

            first = false;
        }

        kernel.NewDeviceHint = name => hints.TryGetValue(name, out (int Index, byte[] Mac) hint) ? hint : null;
        var listener = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { Groups = Groups, ReceiveBufferSize = 16 << 20 });
        var commands = new IpCommand(kernel);
        return row => Replay(kernel, listener, commands, row);
    }

    private static CheckResult? Replay(SimulatedKernel kernel, SimulatedNetlinkSocket listener, IpCommand commands, JsonElement row)
    {
        while (listener.ReceiveOne() is not null)
        {
        }

        if (kernel.Devices.Find("tap0") is not null)
        {
            // Its last descriptor was closed a moment after it was made, which nobody is told of.
            foreach (byte[] datagram in row.Datagrams("link_dump"))
            {
                var walk = new MessageReader(datagram);
                if (walk.TryRead(out NetlinkMessage message) && message.Attributes(16).TryFind(3, out NetlinkAttribute name) && name.String == "tap0")
                {
                    LinkLoader.Load(kernel, message.Payload);
                }
            }
        }

        if (row.Text("cmd").StartsWith("ip tuntap", StringComparison.Ordinal))
        {
            // Made by an ioctl, not by a message: taken over as it is.
            foreach (byte[] datagram in row.Datagrams("events"))
            {
                var walk = new MessageReader(datagram);
                while (walk.TryRead(out NetlinkMessage message) && message.Header.Type == 16)
                {
                    LinkLoader.Load(kernel, message.Payload);
                }
            }

            return null;
        }

        int? error = commands.Run(row.Text("cmd"));
        if (error is null)
        {
            return row.Datagrams("events").Count == 0 ? null : new CheckResult(false, $"not understood: {row.Text("cmd")}");
        }

        var actual = new List<byte[]>();
        while (listener.ReceiveOne() is { } bytes)
        {
            actual.Add(bytes);
        }

        kernel.Clock.Advance(TimeSpan.FromSeconds(2.5));
        while (listener.ReceiveOne() is not null)
        {
        }

        if (error == 0 != (row.ExitStatus() == 0))
        {
            return new CheckResult(false, $"expected exit status {row.ExitStatus()}, the kernel said {error}");
        }

        CheckResult events = RouteTranscript.Compare(Settled(row.Datagrams("events")), Settled(actual));
        if (!events.Identical || row.Datagrams("link_dump").Count == 0)
        {
            return events;
        }

        using var socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Route);
        var dumped = new List<byte[]>();
        foreach (int index in kernel.Devices.All.Select(static device => device.Index))
        {
            dumped.Add(LinkMessage.Build(kernel, kernel.Devices.Find(index)!, 16, new LinkMessageOptions()));
            dumped[^1][6] |= 2;
        }

        CheckResult links = RouteTranscript.Compare(row.Datagrams("link_dump"), dumped);
        return links.Identical ? links : links with { Difference = "links afterwards: " + links.Difference };
    }

    /// <summary>Without what comes with time or with packets: see the class.</summary>
    private static List<byte[]> Settled(IReadOnlyList<byte[]> events)
    {
        var kept = new List<byte[]>();
        foreach (byte[] datagram in events)
        {
            var walk = new MessageReader(datagram);
            if (!walk.TryRead(out NetlinkMessage message))
            {
                continue;
            }

            ReadOnlySpan<byte> payload = message.Payload;
            bool isLinkLocal = message.Header.Type == 20 && payload[0] == 10 && message.Attributes(8).TryFind(1, out NetlinkAttribute address)
                && address.Value[0] == 0xfe && (payload[2] & 0x40) == 0;
            bool isLinkLocalRoute = message.Header.Type == 24 && payload[0] == 10 && payload[1] == 128 && message.Attributes(12).TryFind(1, out NetlinkAttribute destination)
                && destination.Value[0] == 0xfe;
            bool isLearned = message.Header.Type is 28 or 29 && payload[0] == 7 && payload[8] is 2 or 4;
            bool isMulticast = message.Header.Type is 28 or 29 && payload[0] != 7 && payload[8] == 0x40;
            if (!isLinkLocal && !isLinkLocalRoute && !isLearned && !isMulticast)
            {
                kept.Add(datagram);
            }
        }

        return kept;
    }
}
