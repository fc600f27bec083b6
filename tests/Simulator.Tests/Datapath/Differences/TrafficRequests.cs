using System.Buffers.Binary;
using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>Traffic control as an administrator sets it up, by rtnetlink, on whichever kernel it is.</summary>
internal static class TrafficRequests
{
    public const uint Root = 0xffffffff, Ingress = 0xfffffff1, IngressFilters = 0xfffffff2, EgressFilters = 0xfffffff3;
    public const int Ok = 0, Shot = 2, Pipe = 3, EgressRedirect = 1, EgressMirror = 2, IngressRedirect = 3, IngressMirror = 4;
    private const ushort NewQdisc = 36, DeleteQdisc = 37, GetQdisc = 38, NewClass = 40, NewFilter = 44, DeleteFilter = 45, GetFilter = 46;

    public delegate void Options(ref NetlinkWriter writer);

    public static int Qdisc(this SceneMachine machine, string device, string kind, uint parent, uint handle, Options? options = null) =>
        machine.Ask(NewQdisc, machine.Index(device), handle, parent, 0, kind, options);

    public static int RemoveQdisc(this SceneMachine machine, string device, uint parent) => machine.Ask(DeleteQdisc, machine.Index(device), 0, parent, 0, null, null);

    public static int Class(this SceneMachine machine, string device, string kind, uint parent, uint handle, Options options) =>
        machine.Ask(NewClass, machine.Index(device), handle, parent, 0, kind, options);

    /// <param name="machine">Where.</param>
    /// <param name="device">On which interface.</param>
    /// <param name="kind">u32, matchall, flower, fw.</param>
    /// <param name="parent">The qdisc, the class, or the direction of a clsact.</param>
    /// <param name="priority">Lower ones first.</param>
    /// <param name="options">What stands in TCA_OPTIONS.</param>
    /// <param name="protocol">The Ethernet type; 3 for all.</param>
    /// <param name="handle">The filter's number, which for fw is the mark.</param>
    /// <param name="chain">The chain; null for the first.</param>
    public static int Filter(this SceneMachine machine, string device, string kind, uint parent, ushort priority, Options options, ushort protocol = 3, uint handle = 0, uint? chain = null) =>
        machine.Ask(NewFilter, machine.Index(device), handle, parent, (uint)priority << 16 | BinaryPrimitives.ReverseEndianness(protocol), kind, options, chain);

    /// <summary>Changes a filter that is there.</summary>
    public static int ChangeFilter(this SceneMachine machine, string device, string kind, uint parent, ushort priority, Options options, ushort protocol, uint handle) =>
        machine.Ask(NewFilter, machine.Index(device), handle, parent, (uint)priority << 16 | BinaryPrimitives.ReverseEndianness(protocol), kind, options, changes: true);

    public static int RemoveFilters(this SceneMachine machine, string device, uint parent) => machine.Ask(DeleteFilter, machine.Index(device), 0, parent, 0, null, null);

    /// <summary>What qdiscs that somebody put in, and the filters of places on a device, have counted: a line each.</summary>
    public static string Counters(this SceneMachine machine, string device, params uint[] filtersOf)
    {
        var lines = new List<string>();
        byte[] header = new byte[20];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), machine.Index(device));
        foreach (byte[] message in machine.Dump(NetlinkProtocol.Route, GetQdisc, header))
        {
            var text = new List<string>();
            Tell(message, text, "");
            if (text[0] is not ("noqueue" or "pfifo_fast" or "mq" or "fq_codel"))
            {
                lines.Add(string.Join(' ', text));
            }
        }

        foreach (uint parent in filtersOf)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), parent);
            foreach (byte[] message in machine.Dump(NetlinkProtocol.Route, GetFilter, header))
            {
                var text = new List<string>();
                Tell(message, text, "");
                lines.Add(string.Join(' ', text));
            }
        }

        return string.Join('\n', lines);
    }

    /// <summary>One key of u32: four octets and their mask at an offset from the network header.</summary>
    public static Options U32(uint value, uint mask, int offset, Options? action, uint? mark = null) => U32([(value, mask, offset)], action, mark);

    /// <summary>Keys of u32: four octets, their mask, their offset from the network header.</summary>
    public static Options U32((uint Value, uint Mask, int Offset)[] keys, Options? action, uint? mark = null) => (ref NetlinkWriter writer) =>
    {
        byte[] selector = new byte[16 + (16 * keys.Length)];
        selector[0] = 1;
        selector[2] = (byte)keys.Length;
        for (int key = 0; key < keys.Length; key++)
        {
            Span<byte> place = selector.AsSpan(16 + (16 * key));
            BinaryPrimitives.WriteUInt32BigEndian(place, keys[key].Mask);
            BinaryPrimitives.WriteUInt32BigEndian(place[4..], keys[key].Value & keys[key].Mask);
            BinaryPrimitives.WriteInt32LittleEndian(place[8..], keys[key].Offset);
        }

        writer.WriteBytes(5, selector);
        if (mark is { } wanted)
        {
            byte[] bytes = new byte[12];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, wanted);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), uint.MaxValue);
            writer.WriteBytes(10, bytes);
        }

        if (action is not null)
        {
            Nest(ref writer, 7, action);
        }
    };

    /// <summary>Actions, one after the other.</summary>
    public static Options Actions(params Options[] actions) => (ref NetlinkWriter writer) =>
    {
        for (ushort order = 1; order <= actions.Length; order++)
        {
            Nest(ref writer, order, actions[order - 1]);
        }
    };

    public static Options Generic(int verdict) => Action("gact", (uint)verdict, []);

    public static Options Mirror(int how, int target, int then = Pipe)
    {
        byte[] tail = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(tail, how);
        BinaryPrimitives.WriteInt32LittleEndian(tail.AsSpan(4), target);
        return Action("mirred", (uint)(how is EgressRedirect or IngressRedirect ? 4 : then), tail);
    }

    /// <summary>Options of tbf: bytes a second, bytes at once, bytes that wait.</summary>
    public static Options TokenBucket(uint rate, uint burst, uint limit) => (ref NetlinkWriter writer) =>
    {
        byte[] parameters = new byte[36];
        Rate(rate, parameters);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(24), limit);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(28), Ticks(burst, rate));
        writer.WriteBytes(1, parameters);
        writer.WriteUInt32(6, burst);
    };

    /// <summary>Options of htb: the class of what no filter sorts.</summary>
    public static Options HierarchicalTokenBucket(uint defaultClass) => (ref NetlinkWriter writer) =>
    {
        byte[] parameters = new byte[20];
        parameters[0] = 3;
        parameters[4] = 10;
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(8), defaultClass);
        writer.WriteBytes(2, parameters);
    };

    /// <summary>A class of htb: bytes a second of its own and at most, bytes at once.</summary>
    public static Options HierarchicalTokenBucketClass(uint rate, uint ceiling, uint burst, uint priority = 0) => (ref NetlinkWriter writer) =>
    {
        byte[] parameters = new byte[44];
        Rate(rate, parameters);
        Rate(ceiling, parameters.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(24), Ticks(burst, rate));
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(28), Ticks(burst, ceiling));
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(32), 2000);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(40), priority);
        writer.WriteBytes(1, parameters);
    };

    /// <summary>Options of prio: the bands of the sixteen priorities.</summary>
    public static Options Priority(uint bands, byte band) => (ref NetlinkWriter writer) =>
    {
        byte[] parameters = new byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(parameters, bands);
        parameters.AsSpan(4).Fill(band);
        writer.Append(parameters);
    };

    /// <summary>Options of netem; chances are of 2^32.</summary>
    public static Options NetworkEmulator(TimeSpan delay = default, uint limit = 1000, uint loss = 0, uint duplicate = 0, uint gap = 0, uint reorder = 0, uint rate = 0) => (ref NetlinkWriter writer) =>
    {
        byte[] head = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)(delay.Ticks * 100 >> 6));
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), limit);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(8), loss);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(12), gap);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(16), duplicate);
        writer.Append(head);
        if (reorder != 0)
        {
            byte[] chance = new byte[8];
            BinaryPrimitives.WriteUInt32LittleEndian(chance, reorder);
            writer.WriteBytes(3, chance);
        }

        if (rate != 0)
        {
            byte[] limits = new byte[16];
            BinaryPrimitives.WriteUInt32LittleEndian(limits, rate);
            writer.WriteBytes(6, limits);
        }
    };

    /// <summary>Options of a filter that leads to a class.</summary>
    public static Options ToClass(uint id, Options? others = null) => (ref NetlinkWriter writer) =>
    {
        writer.WriteUInt32(1, id);
        others?.Invoke(ref writer);
    };

    // struct tc_ratespec with an Ethernet link, which needs no table of times.
    private static void Rate(uint rate, Span<byte> bytes)
    {
        bytes[1] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], rate);
    }

    private static uint Ticks(uint bytes, uint rate) => (uint)(bytes * 1_000_000_000UL / rate >> 6);

    public static void Nest(ref NetlinkWriter writer, ushort type, Options options)
    {
        WireMark nest = writer.BeginNested(type);
        options(ref writer);
        writer.EndAttribute(nest);
    }

    private static Options Action(string kind, uint verdict, byte[] tail) => (ref NetlinkWriter writer) =>
    {
        writer.WriteString(1, kind);
        WireMark options = writer.BeginNested(2);
        byte[] parameters = new byte[20 + tail.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(8), verdict);
        tail.CopyTo(parameters, 20);
        writer.WriteBytes(2, parameters);
        writer.EndAttribute(options);
    };

    // Kinds, statistics (TCA_STATS2, TCA_ACT_STATS) and what matchall counts; not what clocks say.
    private static void Tell(ReadOnlySpan<byte> attributes, List<string> text, string within)
    {
        string kind = "";
        var reader = new AttributeReader(attributes);
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            ushort type = attribute.Type;
            switch ((within, type))
            {
                case ("", 1):
                    kind = System.Text.Encoding.ASCII.GetString(attribute.Value).TrimEnd('\0');
                    text.Add(kind);
                    break;
                case ("", 7):
                case ("action", 4):
                    Statistics(attribute.Value, text);
                    break;
                case ("", 2):
                    Tell(attribute.Value, text, kind);
                    break;
                case ("u32", 7) or ("matchall", 2) or ("flower", 3) or ("fw", 4):
                    Tell(attribute.Value, text, "actions");
                    break;
                case ("actions", _):
                    text.Add("action");
                    Tell(attribute.Value, text, "action");
                    break;
                case ("action", 1):
                    text.Add(System.Text.Encoding.ASCII.GetString(attribute.Value).TrimEnd('\0'));
                    break;
                case ("matchall", 4):
                    text.Add("counted " + Convert.ToHexStringLower(attribute.Value));
                    break;
            }
        }
    }

    private static void Statistics(ReadOnlySpan<byte> attributes, List<string> text)
    {
        var reader = new AttributeReader(attributes);
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type is 1 or 3)
            {
                text.Add((attribute.Type == 1 ? "passed " : "queue ") + Convert.ToHexStringLower(attribute.Value[..(attribute.Type == 1 ? 12 : 20)]));
            }
        }
    }

    private static int Ask(this SceneMachine machine, ushort type, int index, uint handle, uint parent, uint info, string? kind, Options? options, uint? chain = null, bool changes = false)
    {
        using INetlinkSocket socket = machine.Kernel.OpenNetlink(NetlinkProtocol.Route);
        var request = new NetlinkBuffer(1024);
        var writer = new NetlinkWriter(request);
        NetlinkMessageFlags flags = NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge;
        WireMark message = writer.BeginMessage(type, !changes && type is NewQdisc or NewClass or NewFilter ? flags | NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive : flags, 1);
        byte[] header = new byte[20];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), index);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), handle);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), parent);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), info);
        writer.Append(header);
        if (kind is not null)
        {
            writer.WriteString(1, kind);
        }

        if (chain is { } number)
        {
            writer.WriteUInt32(11, number);
        }

        if (options is not null)
        {
            Nest(ref writer, 2, options);
        }

        writer.EndMessage(message);
        writer.Complete();
        socket.Send(request.Written);
        var answer = new NetlinkReceiveBuffer();
        while (true)
        {
            int count = socket.Receive(answer);
            for (int i = 0; i < count; i++)
            {
                var reader = new MessageReader(answer.Bytes(i));
                while (reader.TryRead(out NetlinkMessage reply))
                {
                    if (reply.Header.Type == NetlinkMessageType.Error)
                    {
                        return BinaryPrimitives.ReadInt32LittleEndian(reply.Payload);
                    }
                }
            }
        }
    }
}
