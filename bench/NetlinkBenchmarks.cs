using BenchmarkDotNet.Attributes;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Bench;

/// <summary>
/// The message path of EucaNet.Netlink: writing a request, walking a reply, one round trip and a dump of 1,000 links. The last two run against this
/// machine's kernel in a namespace of their own and need root. Nothing of it allocates per message.
/// </summary>
[MemoryDiagnoser]
public class NetlinkBenchmarks
{
    private readonly NetlinkBuffer _buffer = new();
    private readonly NetlinkBuffer _get = new();
    private readonly NetlinkBuffer _dump = new();
    private readonly Link _bridge = Link.Of("br0", new BridgeOptions { ForwardDelay = 0, SpanningTree = 0, MulticastSnooping = false });
    private byte[] _reply = [];
    private NetworkNamespace _namespace = null!;
    private RouteConnection _route = null!;

    /// <summary>A namespace with 1,000 links.</summary>
    [GlobalSetup]
    public void MakeLinks()
    {
        _namespace = NetworkNamespace.Create();
        _route = RouteConnection.Open(LinuxKernel.Open(_namespace));
        RouteBatch batch = _route.CreateBatch();
        for (int index = 0; index < 500; index++)
        {
            batch.AddLink(Link.VethPair($"a{index}", $"b{index}"));
        }

        batch.Execute();
        Write(_get, new Link { Index = 1 }, NetlinkMessageFlags.Request);
        Write(_dump, new Link(), NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);
        _route.Connection.Execute(_get, (in NetlinkMessage message, int _) => _reply = message.Bytes.ToArray());
    }

    /// <summary>The namespace goes with its links.</summary>
    [GlobalCleanup]
    public void DropLinks()
    {
        _route.Dispose();
        _namespace.Dispose();
    }

    /// <summary>A bridge with three options.</summary>
    [Benchmark]
    public int Encode()
    {
        _buffer.Clear();
        var writer = new NetlinkWriter(_buffer);
        _bridge.WriteMessage(ref writer, RouteConstants.RTM_NEWLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge);
        writer.Complete();
        return _buffer.Length;
    }

    /// <summary>All attributes of a link message, in place.</summary>
    [Benchmark]
    public int Walk()
    {
        int total = 0;
        var reader = new MessageReader(_reply);
        while (reader.TryRead(out NetlinkMessage message))
        {
            AttributeReader attributes = message.Attributes(16);
            while (attributes.TryRead(out NetlinkAttribute attribute))
            {
                total += attribute.Value.Length;
            }
        }

        return total;
    }

    /// <summary>The same message as an immutable model, which is an object and so is allocated.</summary>
    [Benchmark]
    public Link? Decode()
    {
        var reader = new MessageReader(_reply);
        reader.TryRead(out NetlinkMessage message);
        return Link.TryRead(message, out Link? link) ? link : null;
    }

    /// <summary>RTM_GETLINK of one link and its answer.</summary>
    [Benchmark]
    public void RoundTrip() => _route.Connection.Execute(_get);

    /// <summary>1,001 links, walked in place.</summary>
    [Benchmark]
    public int Dump()
    {
        int count = 0;
        using NetlinkDump dump = _route.Connection.OpenDump(_dump);
        while (dump.MoveNext())
        {
            foreach (NetlinkMessage message in dump.Messages)
            {
                count += message.Bytes.Length > 0 ? 1 : 0;
            }
        }

        return count;
    }

    private static void Write(NetlinkBuffer buffer, Link link, NetlinkMessageFlags flags)
    {
        var writer = new NetlinkWriter(buffer);
        link.WriteMessage(ref writer, RouteConstants.RTM_GETLINK, flags);
        writer.Complete();
    }
}
