using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>Talks to a kernel, simulated or real, and writes its answers down for comparing.</summary>
/// <param name="kernel">The kernel.</param>
/// <param name="protocol">Which of its netlink families is spoken.</param>
/// <param name="tell">What is written of an attribute of a type of message, where not its bytes.</param>
internal sealed class NftConversation(IKernel kernel, NetlinkProtocol protocol, Func<ushort, NetlinkAttribute, string?>? tell) : IDisposable
{
    private readonly INetlinkSocket _socket = kernel.OpenNetlink(protocol);
    private readonly NetlinkReceiveBuffer _buffer = new(8, 65536);

    public NftConversation(IKernel kernel, Func<ushort, NetlinkAttribute, string?>? tell = null)
        : this(kernel, NetlinkProtocol.Netfilter, tell)
    {
    }

    public void Dispose() => _socket.Dispose();

    public void Join(uint group) => _socket.Join(group);

    /// <summary>Sends a datagram and describes each message that comes back.</summary>
    public List<string> Send(byte[] datagram)
    {
        _socket.Send(datagram);
        return Receive();
    }

    /// <summary>Describes each message that waits.</summary>
    public List<string> Receive()
    {
        var answers = new List<string>();
        while (_socket.Receive(_buffer) > 0)
        {
            for (int i = 0; i < _buffer.Count; i++)
            {
                ReadOnlySpan<byte> rest = _buffer.Bytes(i);
                while (rest.Length >= 16)
                {
                    int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
                    answers.Add(Describe(rest[..length]));
                    rest = rest[Math.Min(length + 3 & ~3, rest.Length)..];
                }
            }
        }

        return answers;
    }

    /// <summary>All objects of a kind, without their generation.</summary>
    public List<string> Dump(int verb, byte family = 0, params byte[][] attributes) =>
        Send(new NftBatch().Verb(verb, NetlinkMessageFlags.Dump, family, attributes).ToArray());

    /// <summary>The elements of a set, each as it was dumped, in an order that says nothing: a hash lists its elements in one of its own.</summary>
    public List<string> Elements(byte family, byte[] table, byte[] set)
    {
        var elements = new List<string>();
        foreach (string message in Dump(NfTables.NFT_MSG_GETSETELEM, family, table, set))
        {
            string list = message.Split($" {NfTables.NFTA_SET_ELEM_LIST_ELEMENTS}=") is [_, { } hexadecimal, ..] ? hexadecimal.Split(' ')[0] : "";
            var walk = new AttributeReader(Convert.FromHexString(list));
            while (walk.TryRead(out NetlinkAttribute element))
            {
                elements.Add(Convert.ToHexStringLower(element.Value));
            }

            if (list.Length == 0)
            {
                elements.Add(message);
            }
        }

        elements.Sort(StringComparer.Ordinal);
        return elements;
    }

    private string Describe(ReadOnlySpan<byte> message)
    {
        var type = BinaryPrimitives.ReadUInt16LittleEndian(message[4..]);
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(message[6..]);
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(message[8..]);
        if (type == 3)
        {
            return "done";
        }

        var text = new StringBuilder();
        if (type == 2)
        {
            text.Append(CultureInfo.InvariantCulture, $"{sequence}: errno {-BinaryPrimitives.ReadInt32LittleEndian(message[16..])} flags {flags:x}");
            Attributes(text, message[36..], type);
            return text.ToString();
        }

        // Requests of netfilter have all the same header, of which the family is compared.
        int header = protocol == NetlinkProtocol.Netfilter ? 4 : type is >= 24 and <= 26 ? 12 : 8;
        text.Append(CultureInfo.InvariantCulture, $"{type:x} flags {flags & ~0x10:x} family {message[16]}").Append(header == 4 ? "" : " " + Convert.ToHexStringLower(message.Slice(16, header)));
        Attributes(text, message[(16 + header)..], type);
        return text.ToString();
    }

    private void Attributes(StringBuilder text, ReadOnlySpan<byte> attributes, ushort type)
    {
        var walk = new AttributeReader(attributes);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            // Which implementation a set has is told by an address; who committed or owns a table, by a process.
            bool masked = type == 0xa09 && attribute.Type == 19 || type == 0xa0f && attribute.Type > 1 || type == 0xa00 && attribute.Type == NfTables.NFTA_TABLE_OWNER;
            text.Append(CultureInfo.InvariantCulture, $" {attribute.RawType}=").Append(masked ? "*" : tell?.Invoke(type, attribute) ?? Convert.ToHexStringLower(attribute.Value));
        }
    }
}
