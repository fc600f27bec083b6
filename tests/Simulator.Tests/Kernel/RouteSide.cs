using System.Globalization;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Writes what follows a request's header.</summary>
internal delegate void Fill(ref NetlinkWriter writer);

/// <summary>One kernel and the socket it is asked through.</summary>
internal sealed class RouteSide : IDisposable
{
    private readonly INetlinkSocket _socket;
    private readonly NetlinkReceiveBuffer _buffer = new(16);

    public RouteSide(IKernel kernel) => _socket = kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = false });

    public void Dispose() => _socket.Dispose();

    /// <summary>Damages what is asked next, the same way on each side; null: nothing.</summary>
    public Action<byte[]>? Damage { get; set; }

    public int Index(string name)
    {
        List<byte[]> answers = Send(18, 1, (ref NetlinkWriter w) =>
        {
            w.Append(new byte[16]);
            w.WriteString(3, name);
        });
        return answers is [byte[] answer] && answer[4] == 16 ? BitConverter.ToInt32(answer, 20) : 99999;
    }

    public string Ask(ushort type, ushort flags, Fill fill)
    {
        byte[] answer = Send(type, flags, fill, Damage)[0];
        Damage = null;
        if (answer[4] != 2)
        {
            return Reply(answer);
        }

        int error = -BitConverter.ToInt32(answer, 16);
        string words = "";
        if ((answer[7] & 2) != 0)
        {
            // Words, the attribute they speak of, its policy, what is missing; an error that isn't capped quotes the request first.
            int quoted = error == 0 || (answer[7] & 1) != 0 ? 16 : (int)BitConverter.ToUInt32(answer, 20) + 3 & ~3;
            var walk = new AttributeReader(answer.AsSpan(20 + quoted));
            while (walk.TryRead(out NetlinkAttribute attribute))
            {
                // Old parsers note leftover bytes and go on; the note stays where nothing else is said, and isn't modelled.
                if (attribute.Type != 1 || attribute.String != "bytes leftover after parsing attributes")
                {
                    words += attribute.Type == 1 ? " " + attribute.String : $" {attribute.Type}={Convert.ToHexString(attribute.Value)}";
                }
            }
        }

        return ((LinuxError)error).ToString() + words;
    }

    /// <summary>Links, IPv4 addresses and routes, rules and permanent neighbours, by names instead of indexes.</summary>
    public string Describe()
    {
        var names = new Dictionary<int, string>();
        var text = new StringBuilder();
        List<byte[]> links = Dump(18, new byte[16]);
        foreach (byte[] message in links)
        {
            new AttributeReader(message.AsSpan(32)).TryFind(3, out NetlinkAttribute name);
            names[BitConverter.ToInt32(message, 20)] = name.String;
        }

        var lines = new List<string>();
        foreach (byte[] message in links)
        {
            var attributes = new AttributeReader(message.AsSpan(32));
            uint flags = BitConverter.ToUInt32(message, 24) & ~0x10040u;
            attributes.TryFind(4, out NetlinkAttribute mtu);
            attributes.TryFind(1, out NetlinkAttribute mac);
            bool hasMaster = attributes.TryFind(10, out NetlinkAttribute master);
            attributes.TryFind(20, out NetlinkAttribute alias);
            attributes.TryFind(27, out NetlinkAttribute group);
            attributes.TryFind(30, out NetlinkAttribute promiscuity);
            // A MAC that no request named was drawn.
            string address = mac.Value.Length == 6 && mac.Value[2] + mac.Value[3] > 0 ? "drawn" : Convert.ToHexString(mac.Value);
            lines.Add($"{names[BitConverter.ToInt32(message, 20)]} {flags:x} mtu {mtu.UInt32} {address} master {(hasMaster ? names[master.Int32] : "-")} "
                + $"'{alias.String}' group {group.UInt32} promiscuity {promiscuity.UInt32}");
        }

        lines.Sort(StringComparer.Ordinal);
        text.AppendJoin('\n', lines).Append('\n');
        foreach (byte[] message in Dump(22, [2, 0, 0, 0, 0, 0, 0, 0]))
        {
            text.Append("address ").Append(Rewrite(message, 16, 8, 4, names)).Append('\n');
        }

        foreach (byte[] message in Dump(26, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        {
            text.Append("route ").Append(Rewrite(message, 16, 12, -1, names)).Append('\n');
        }

        foreach (byte[] message in Dump(34, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        {
            text.Append("rule ").Append(Rewrite(message, 16, 12, -1, names)).Append('\n');
        }

        return text.ToString();
    }

    private static string Rewrite(byte[] message, int start, int headerSize, int indexAt, Dictionary<int, string> names)
    {
        var text = new StringBuilder();
        byte[] header = message[start..(start + headerSize)];
        if (indexAt >= 0)
        {
            text.Append(names.GetValueOrDefault(BitConverter.ToInt32(header, indexAt))).Append(' ');
            header.AsSpan(indexAt, 4).Clear();
        }

        bool isRoute = message[4] == 24;
        if (isRoute)
        {
            // RTNH_F_LINKDOWN follows the carrier, which comes with time.
            header[8] &= 0xef;
        }

        text.Append(Convert.ToHexString(header));
        var walk = new AttributeReader(message.AsSpan(start + headerSize));
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            bool isTime = message[4] == 20 && attribute.Type == 6;
            if (isRoute && attribute.Type == 9)
            {
                // The same flag of each of several next hops.
                byte[] hops = attribute.Value.ToArray();
                for (int at = 0; at + 8 <= hops.Length; at += Math.Max(8, BitConverter.ToUInt16(hops, at) + 3 & ~3))
                {
                    hops[at + 2] &= 0xef;
                }

                text.Append(" 9=").Append(Convert.ToHexString(hops));
                continue;
            }

            text.Append(' ').Append(attribute.Type).Append('=').Append(
                isTime ? "" : isRoute && attribute.Type == 4 ? names.GetValueOrDefault(attribute.Int32) : Convert.ToHexString(attribute.Value));
        }

        return text.ToString();
    }

    private List<byte[]> Dump(ushort type, byte[] header)
    {
        var messages = new List<byte[]>();
        List<byte[]> answers = Send(type, 0x301, (ref NetlinkWriter w) => w.Append(header));
        while (true)
        {
            foreach (byte[] message in answers)
            {
                if (message[4] == 3)
                {
                    return messages;
                }

                messages.Add(message);
            }

            answers = Receive();
        }
    }

    /// <summary>A route or link that was asked for: times of the cache left out.</summary>
    private static string Reply(byte[] answer)
    {
        bool isRoute = answer[4] == 24;
        var text = new StringBuilder(isRoute ? "route " + Convert.ToHexString(answer.AsSpan(16, 12)) : $"message {answer[4]}");
        var walk = new AttributeReader(answer.AsSpan(28));
        while (isRoute && walk.TryRead(out NetlinkAttribute attribute))
        {
            text.Append(' ').Append(attribute.Type).Append('=').Append(attribute.Type == 12 ? "" : Convert.ToHexString(attribute.Value));
        }

        return text.ToString();
    }

    private List<byte[]> Send(ushort type, ushort flags, Fill fill, Action<byte[]>? damage = null)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(type, (NetlinkMessageFlags)flags, 1);
        fill(ref writer);
        writer.EndMessage(mark);
        writer.Complete();
        if (damage is null)
        {
            _socket.Send(buffer.Written);
            return Receive();
        }

        byte[] request = buffer.Written.ToArray();
        damage(request);
        _socket.Send(request);
        return Receive();
    }

    private List<byte[]> Receive()
    {
        var messages = new List<byte[]>();
        _socket.Receive(_buffer);
        for (int index = 0; index < _buffer.Count; index++)
        {
            var walk = new MessageReader(_buffer.Bytes(index));
            while (walk.TryRead(out NetlinkMessage message))
            {
                messages.Add(message.Bytes.ToArray());
            }
        }

        return messages;
    }
}
