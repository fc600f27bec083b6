using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWADDRLABEL, RTM_DELADDRLABEL, RTM_GETADDRLABEL: the labels by which IPv6 chooses source addresses (RFC 6724; net/ipv6/addrlabel.c).</summary>
internal sealed class AddressLabelVerbs(SimulatedKernel kernel)
{
    private const ushort RTM_NEWADDRLABEL = 72;
    private const ushort RTM_DELADDRLABEL = 73;
    private const ushort RTM_GETADDRLABEL = 74;
    private const ushort IFAL_ADDRESS = 1;
    private const ushort IFAL_LABEL = 2;
    private const int HeaderLength = 12;
    private static readonly PolicyTable Policy = new(2, (IFAL_ADDRESS, new(AttributeKind.Binary, 16) { IsExact = true }), (IFAL_LABEL, new(AttributeKind.U32)));

    private static readonly Entry[] Defaults =
    [
        Default("::1", 128, 0), Default("::", 96, 3), Default("::ffff:0.0.0.0", 96, 4), Default("2001::", 32, 6), Default("2001:10::", 28, 7),
        Default("3ffe::", 16, 12), Default("2002::", 16, 2), Default("fec0::", 10, 11), Default("fc00::", 7, 5), Default("::", 0, 1),
    ];

    private readonly List<Entry> _entries = [.. Defaults];

    private uint _generation = 10;

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_INET6, RTM_NEWADDRLABEL, Change);
        subsystem.Handle(AF_INET6, RTM_DELADDRLABEL, Change);
        subsystem.Handle(AF_INET6, RTM_GETADDRLABEL, Get);
        subsystem.HandleDump(AF_INET6, RTM_GETADDRLABEL, Dump);
    }

    private sealed record Entry(InternetAddress Prefix, byte Length, int Index, uint Label);

    private static Entry Default(string prefix, byte length, uint label)
    {
        Span<byte> bytes = stackalloc byte[16];
        System.Net.IPAddress.Parse(prefix).TryWriteBytes(bytes, out _);
        return new Entry(InternetAddress.Read(AF_INET6, bytes), length, 0, label);
    }

    private static bool TryParse(NetlinkMessage message, out AttributeSet attributes, out InternetAddress prefix, out Verdict verdict)
    {
        prefix = default;
        if (message.Payload.Length < HeaderLength)
        {
            AttributeSet.TryParse([], 0, Policy, AttributeStrictness.Liberal, out attributes, out _);
            verdict = LinuxError.EINVAL;
            return false;
        }

        if (!AttributeSet.TryParse(message.Payload[HeaderLength..], 28, Policy, AttributeStrictness.Liberal, out attributes, out verdict))
        {
            return false;
        }

        if (message.Payload[2] > 128 || attributes.Bytes(IFAL_ADDRESS) is not { Length: 16 } address)
        {
            verdict = LinuxError.EINVAL;
            return false;
        }

        prefix = InternetAddress.Read(AF_INET6, address);
        return true;
    }

    private Verdict Change(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out AttributeSet attributes, out InternetAddress prefix, out Verdict verdict))
        {
            return verdict;
        }

        if (attributes.U32(IFAL_LABEL) is not { } label || label == uint.MaxValue)
        {
            return LinuxError.EINVAL;
        }

        byte length = message.Payload[2];
        int index = BinaryPrimitives.ReadInt32LittleEndian(message.Payload[8..]);
        prefix = prefix.Masked(length);
        int known = _entries.FindIndex(entry => entry.Length == length && entry.Index == index && entry.Prefix == prefix);
        if (message.Header.Type == RTM_DELADDRLABEL)
        {
            if (known < 0)
            {
                return LinuxError.ESRCH;
            }

            _entries.RemoveAt(known);
            return Verdict.Success;
        }

        if (index != 0 && kernel.Devices.Find(index) is null)
        {
            return LinuxError.EINVAL;
        }

        var made = new Entry(prefix, length, index, label);
        if (known >= 0)
        {
            if ((message.Header.Flags & NetlinkMessageFlags.Replace) == 0)
            {
                return LinuxError.EEXIST;
            }

            _entries[known] = made;
        }
        else
        {
            // The longest prefixes stand first, so that the first that fits is the best.
            int at = _entries.FindIndex(entry => entry.Length < length || (entry.Length == length && entry.Index < index));
            _entries.Insert(at < 0 ? _entries.Count : at, made);
        }

        _generation++;
        return Verdict.Success;
    }

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out _, out InternetAddress address, out Verdict verdict))
        {
            return verdict;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(message.Payload[8..]);
        if (_entries.Find(entry => (entry.Index == 0 || entry.Index == index) && address.IsIn(entry.Prefix, entry.Length)) is not { } found)
        {
            return LinuxError.ESRCH;
        }

        SocketAnswers.Answer(socket, message, Build(found with { Prefix = address }));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, _entries.Select(Build).ToArray()));
        return Verdict.Answered;
    }

    private byte[] Build(Entry entry)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWADDRLABEL, 0, 0);
        writer.Append([AF_INET6, 0, entry.Length, 0]);
        writer.AppendStruct(entry.Index);
        writer.AppendStruct(_generation);
        AddressMessage.WriteAddress(ref writer, IFAL_ADDRESS, entry.Prefix);
        writer.WriteUInt32(IFAL_LABEL, entry.Label);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
