using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>Asks a kernel with hand-made bytes, as the recorded probes did, and tells what the answer's bytes were.</summary>
internal sealed class Prober(IKernel kernel) : IDisposable
{
    private readonly Queue<Answer> _waiting = new();
    private readonly NetlinkReceiveBuffer _received = new(1);
    private INetlinkSocket _socket = kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = false });

    public delegate void Fill(ref NetlinkWriter writer);

    public IKernel Kernel => kernel;

    /// <summary>NETLINK_GET_STRICT_CHK, on a socket of its own.</summary>
    public bool Strict
    {
        set
        {
            _socket.Dispose();
            _socket = kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = value });
        }
    }

    public static byte[] Request(ushort type, ushort flags, Fill fill, uint sequence = 7)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, (NetlinkMessageFlags)flags, sequence);
        fill(ref writer);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    public Answer Make(string name, string? kind, ushort flags = 0x605) => Ask(RTM_NEWLINK, flags, (ref NetlinkWriter writer) => NewLink(ref writer, name, kind));

    public Answer MakeCable(string name, string peer) => Ask(RTM_NEWLINK, 0x605, (ref NetlinkWriter writer) =>
    {
        Named(ref writer, name);
        WireMark info = writer.BeginNested(IFLA_LINKINFO);
        writer.WriteString(IFLA_INFO_KIND, "veth");
        WireMark data = writer.BeginNested(IFLA_INFO_DATA);
        WireMark other = writer.BeginNested(VETH_INFO_PEER);
        Named(ref writer, peer);
        writer.EndAttribute(other);
        writer.EndAttribute(data);
        writer.EndAttribute(info);
    });

    public Answer SetMaster(string port, string master)
    {
        int portIndex = IndexOf(port);
        int masterIndex = IndexOf(master);
        return Ask(RTM_NEWLINK, 0x5, (ref NetlinkWriter writer) => LinkHeader(ref writer, portIndex).WriteInt32(IFLA_MASTER, masterIndex));
    }

    public void ChangeMtu(string name, int times)
    {
        int index = IndexOf(name);
        for (uint turn = 0; turn < times; turn++)
        {
            uint mtu = 1000 + turn;
            Ask(RTM_NEWLINK, 0x5, (ref NetlinkWriter writer) => LinkHeader(ref writer, index).WriteUInt32(IFLA_MTU, mtu));
        }
    }

    public Answer Ask(ushort type, ushort flags, Fill fill)
    {
        Send(Request(type, flags, fill));
        return Next();
    }

    public void Send(byte[] datagram) => _socket.Send(datagram);

    public Answer Next() => TryNext() ?? throw new InvalidOperationException("The kernel answered nothing.");

    public Answer? TryNext()
    {
        if (_waiting.Count == 0)
        {
            foreach (Answer answer in NextDatagram())
            {
                _waiting.Enqueue(answer);
            }
        }

        return _waiting.TryDequeue(out Answer? next) ? next : null;
    }

    public IReadOnlyList<Answer> NextDatagram()
    {
        var answers = new List<Answer>();
        if (_socket.Receive(_received) > 0)
        {
            var walk = new MessageReader(_received.Bytes(0));
            while (walk.TryRead(out NetlinkMessage message))
            {
                answers.Add(Answer.Of(message));
            }
        }

        return answers;
    }

    public void Dispose() => _socket.Dispose();

    // The writers are passed on by reference so that one call site reads straight down.
    public static ref NetlinkWriter LinkHeader(ref NetlinkWriter writer, int index)
    {
        writer.AppendStruct(0);
        writer.AppendStruct(index);
        writer.AppendStruct(0L);
        return ref writer;
    }

    public static ref NetlinkWriter Named(ref NetlinkWriter writer, string name)
    {
        LinkHeader(ref writer, 0).WriteString(IFLA_IFNAME, name);
        return ref writer;
    }

    public static ref NetlinkWriter NewLink(ref NetlinkWriter writer, string name, string? kind)
    {
        Named(ref writer, name);
        if (kind is not null)
        {
            WireMark info = writer.BeginNested(IFLA_LINKINFO);
            writer.WriteString(IFLA_INFO_KIND, kind);
            writer.EndAttribute(info);
        }

        return ref writer;
    }

    public static void Address(ref NetlinkWriter writer, byte length, int index, params ReadOnlySpan<byte> local)
    {
        writer.Append([AF_INET, length, 0, 0]);
        writer.AppendStruct(index);
        if (!local.IsEmpty)
        {
            writer.WriteBytes(AddressConstants.IFA_LOCAL, local);
        }
    }

    public static void RouteTable(ref NetlinkWriter writer, uint table)
    {
        writer.Append([AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        writer.WriteUInt32(RTA_TABLE, table);
    }

    public static void Route(ref NetlinkWriter writer, ReadOnlySpan<byte> destination, byte length, ReadOnlySpan<byte> gateway = default, int output = 0)
    {
        writer.Append([AF_INET, length, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
        writer.WriteBytes(RTA_DST, destination);
        if (!gateway.IsEmpty)
        {
            writer.WriteBytes(RTA_GATEWAY, gateway);
        }

        if (output != 0)
        {
            writer.WriteInt32(RTA_OIF, output);
        }
    }

    private int IndexOf(string name)
    {
        Answer link = Ask(RTM_GETLINK, 1, (ref NetlinkWriter writer) => Named(ref writer, name));
        return link.Index;
    }
}

/// <summary>What a message of the kernel says.</summary>
internal sealed record Answer(ushort Type, ushort Flags, int Length, uint Sequence, LinuxError Error, string? Message, int Offset, string? Policy, int Index)
{
    public static Answer Of(in NetlinkMessage message)
    {
        bool isControl = message.Header.Type is NetlinkMessageType.Error or NetlinkMessageType.Done;
        AttributeReader extended = message.ExtendedAcknowledgement();
        return new Answer(
            message.Header.Type,
            (ushort)message.Header.Flags,
            (int)message.Header.Length,
            message.Header.Sequence,
            isControl ? (LinuxError)(-BinaryPrimitives.ReadInt32LittleEndian(message.Payload)) : LinuxError.None,
            extended.TryFind(1, out NetlinkAttribute text) ? text.String : null,
            extended.TryFind(2, out NetlinkAttribute offset) ? offset.Int32 : 0,
            extended.TryFind(4, out NetlinkAttribute policy) ? Convert.ToHexStringLower(policy.Value) : null,
            message.Header.Type == RTM_NEWLINK ? BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]) : 0);
    }
}
