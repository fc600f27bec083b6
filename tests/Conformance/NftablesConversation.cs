using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Conformance;

/// <summary>A conversation with a fresh simulated kernel through one netfilter socket.</summary>
internal sealed class NftablesConversation : IDisposable
{
    private readonly SimulatedKernel _kernel;
    private readonly INetlinkSocket _socket;
    private readonly NetlinkReceiveBuffer _received = new(4, 65536);
    private uint _sequence = 1000;

    public NftablesConversation(KernelProfile profile)
    {
        _kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        _socket = _kernel.OpenNetlink(NetlinkProtocol.Netfilter);
        _socket.RequestSendBuffer(1 << 24);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    /// <summary>Sends a datagram and takes all answers.</summary>
    public List<NftMessageView> Send(byte[] datagram)
    {
        if (datagram.Length >= 28 && datagram[4] == 0x10 && datagram[5] == 0 && datagram[0] == 28)
        {
            // A batch for a certain generation: the recorded one's number means nothing here, and 0 is any.
            datagram = (byte[])datagram.Clone();
            datagram.AsSpan(24, 4).Clear();
        }

        _socket.Send(datagram);
        var answers = new List<NftMessageView>();
        while (_socket.Receive(_received) > 0)
        {
            for (int i = 0; i < _received.Count; i++)
            {
                answers.AddRange(NftMessageView.Split(_received.Bytes(i).ToArray()));
            }
        }

        return answers;
    }

    /// <summary>Asks for all objects of a kind.</summary>
    public List<NftMessageView> Dump(int verb, byte family) => Send(Request(verb, NetlinkMessageFlags.Dump, family, []));

    /// <summary>Asks for all elements of a set.</summary>
    public List<NftMessageView> DumpElements(byte family, string table, string set) =>
        Send(Request(13, NetlinkMessageFlags.Dump, family, [.. Attribute(1, Name(table)), .. Attribute(2, Name(set))]));

    public void CreateTable(byte family, string table) => Change(0, family, Attribute(1, Name(table)));

    public void CreateChain(byte family, string table, string chain) => Change(3, family, [.. Attribute(1, Name(table)), .. Attribute(3, Name(chain))]);

    /// <summary>One of the chains that iptables has from the start.</summary>
    public void CreateBaseChain(byte family, string table, string chain)
    {
        bool isArp = family == 3, isNat = table == "nat" && family != 7;
        uint hook = chain switch
        {
            "PREROUTING" => 0,
            "INPUT" => isArp ? 0u : 1,
            "FORWARD" => 2,
            "OUTPUT" => isArp ? 1u : 3,
            _ => 4,
        };
        int priority = table switch
        {
            "raw" => -300,
            "mangle" => -150,
            "nat" => hook is 0 or 3 ? -100 : 100,
            _ => 0,
        };
        string type = isNat ? "nat" : table == "mangle" && chain == "OUTPUT" ? "route" : "filter";
        byte[] attributes =
        [
            .. Attribute(1, Name(table)),
            .. Attribute(3, Name(chain)),
            .. Attribute(4, [.. Attribute(1, BigEndian(hook)), .. Attribute(2, BigEndian((uint)priority))]),
            .. Attribute(5, BigEndian(1)),
            .. Attribute(7, Name(type)),
        ];
        Change(3, family, attributes);
    }

    /// <summary>Makes an object as a dump shows it.</summary>
    public void Create(NftMessageView message)
    {
        switch (message.Verb)
        {
            case 0:
                Change(0, message.Family, message.Without(3, 4));
                break;
            case 3:
                Change(3, message.Family, message.Without(2, 6));
                break;
            case 9:
                Change(9, message.Family, [.. message.Without(16, 19, 20), .. Attribute(10, BigEndian(_sequence))]);
                break;
            case 18:
                Change(18, message.Family, message.Without(5, 6));
                break;
            case 22:
                Change(22, message.Family, message.Without(4, 5));
                break;
        }
    }

    private void Change(int verb, byte family, byte[] attributes)
    {
        byte[] batch =
        [
            .. Message(0x10, NetlinkMessageFlags.Request, 0, 10, []),
            .. Message((ushort)(0xa00 | verb), NetlinkMessageFlags.Request | NetlinkMessageFlags.Create, family, 0, attributes),
            .. Message(0x11, NetlinkMessageFlags.Request, 0, 10, []),
        ];
        foreach (NftMessageView answer in Send(batch))
        {
            if (answer.IsError && answer.Error != 0)
            {
                throw new InvalidOperationException($"set-up: verb {verb} refused: {answer.DescribeError()}");
            }
        }
    }

    private byte[] Request(int verb, NetlinkMessageFlags flags, byte family, byte[] attributes) =>
        Message((ushort)(0xa00 | verb), NetlinkMessageFlags.Request | flags, family, 0, attributes);

    private byte[] Message(ushort type, NetlinkMessageFlags flags, byte family, byte resource, byte[] attributes)
    {
        var buffer = new NetlinkBuffer(attributes.Length + 64);
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(type, flags, ++_sequence);
        writer.Append([family, 0, 0, resource]);
        writer.Append(attributes);
        writer.EndMessage(mark);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static byte[] Attribute(ushort type, byte[] value)
    {
        var buffer = new NetlinkBuffer(value.Length + 64);
        var writer = new NetlinkWriter(buffer);
        writer.WriteBytes(type, value);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static byte[] Name(string name) => [.. System.Text.Encoding.Latin1.GetBytes(name), 0];

    private static byte[] BigEndian(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
