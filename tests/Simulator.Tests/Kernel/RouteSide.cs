using System.Globalization;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Writes what follows a request's header.</summary>
internal delegate void Fill(ref NetlinkWriter writer);

/// <summary>One kernel, the socket it is asked through, and one that hears what it tells.</summary>
internal sealed class RouteSide : IDisposable
{
    /// <summary>RTNLGRP_LINK, NEIGH, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, BRVLAN.</summary>
    private static readonly uint[] Groups = [1, 3, 5, 7, 8, 33];

    private readonly INetlinkSocket _socket, _listener;
    private readonly NetlinkReceiveBuffer _buffer = new(16);
    private readonly Dictionary<string, string> _lastOfLink = [];

    public RouteSide(IKernel kernel)
    {
        // IPv6 talks as soon as a link is up, and bridges report that they listen to those who snoop: other bridges learn from that, and where cables make a ring they do so for ever.
        kernel.WriteParameter("net/ipv6/conf/all/disable_ipv6", "1");
        kernel.WriteParameter("net/ipv6/conf/default/disable_ipv6", "1");
        kernel.WriteParameter("net/ipv4/igmp_link_local_mcast_reports", "0");
        _socket = kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = false });

        // A request can have more events than a socket holds where nobody asked for more room.
        _listener = kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { ReceiveBufferSize = 4 << 20 });
        foreach (uint group in Groups)
        {
            _listener.Join(group);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _listener.Dispose();
    }

    /// <summary>Events that come with time are heard too.</summary>
    public bool HearsAll { get; init; }

    /// <summary>The bytes that were asked last.</summary>
    public byte[] LastRequest { get; private set; } = [];

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
        return Tell(answer);
    }

    /// <summary>Sends a request as it is and describes the answer.</summary>
    public string Ask(byte[] request)
    {
        _socket.Send(request);
        return Tell(Receive(_socket)[0]);
    }

    private static string Tell(byte[] answer)
    {
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

    /// <summary>
    /// What was told since the last look; waits a little for as many events as are expected. A link's event that tells what was told of it before is left out:
    /// such come with the carrier, at any time.
    /// </summary>
    public List<string> Events(int expected = 0)
    {
        var events = new List<string>();
        for (int attempt = 0; attempt == 0 || (events.Count < expected && attempt < 20); attempt++)
        {
            if (attempt > 0)
            {
                Thread.Sleep(1);
            }

            for (List<byte[]> messages = Receive(_listener); messages.Count > 0; messages = Receive(_listener))
            {
                events.AddRange(messages.Where(message => HearsAll || IsOfInterest(message)).Select(static message => RouteText.Event(message)).Where(IsNews));
            }
        }

        // The neighbours of a device that goes are told in the order of a hash.
        for (int at = 0; at < events.Count; at++)
        {
            int count = events.Skip(at).TakeWhile(static text => text.StartsWith("29 flags 0 02", StringComparison.Ordinal)).Count();
            events.Sort(at, count, StringComparer.Ordinal);
            at += count;
        }

        return events;
    }

    /// <summary>
    /// A neighbour that is looked for changes with time (all states but STALE, NOARP and PERMANENT), all but permanent ones end with the carrier, and groups get theirs when
    /// the machine reports that it is in them. What a bridge learns, it learns from such talk.
    /// </summary>
    private static bool IsOfInterest(byte[] message) =>
        !(message[4] is 28 or 29 && message[16] == 7 && (message[24] & 2) != 0) && !(message[4] is 28 or 29 && message[16] == 2 && ((message[24] & 0x3b) != 0 || message[27] == 5 || (message[4] == 29 && (message[24] & 0x80) == 0)));

    private bool IsNews(string text)
    {
        // "16 flags 0 family 7 index 3 state 1003 change 0 ...": the family and the index say of whom it is. Promiscuity changes in silence where a driver cannot filter, and is then
        // told with whatever comes next (30=, 61=), and bridges do not tell at once that their ports were made to hear all (IFF_PROMISC and IFF_ALLMULTI of their state).
        if (!text.StartsWith("16 ", StringComparison.Ordinal))
        {
            return true;
        }

        string[] words = text.Split(' ');
        words[8] = words[4] == "7" ? (Convert.ToUInt32(words[8], 16) & ~0x300u).ToString("x", CultureInfo.InvariantCulture) : words[8];
        string link = string.Join(' ', words.AsSpan(3, 4)!), state = string.Join(' ', words.Where(static (word, index) =>
            index is not (9 or 10) && !word.StartsWith("30=", StringComparison.Ordinal) && !word.StartsWith("61=", StringComparison.Ordinal)));
        bool isKnown = _lastOfLink.TryGetValue(link, out string? last) && last == state && words[10] == "0";
        _lastOfLink[link] = state;
        return !isKnown;
    }

    /// <summary>Links, IPv4 addresses and routes, rules, permanent neighbours and what bridges know for good.</summary>
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

        // Permanent neighbours, and what bridges know for good.
        lines.Clear();
        foreach (byte family in (byte[])[2, 7])
        {
            lines.AddRange(Dump(30, [family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).Where(IsForGood).Select(static message => RouteText.Event(message)));
        }

        lines.Sort(StringComparer.Ordinal);
        return text.AppendJoin('\n', lines).ToString();
    }

    /// <summary>NUD_PERMANENT; not the groups that a device is in, which are dumped as such.</summary>
    private static bool IsForGood(byte[] message) =>
        (message[24] & 0x80) != 0 && !(message[16] == 7 && new AttributeReader(message.AsSpan(28)).TryFind(2, out NetlinkAttribute mac) && (mac.Value[0] & 1) != 0);

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
                text.Append(" 9=").Append(RouteText.Hops(attribute.Value));
                continue;
            }

            text.Append(' ').Append(attribute.Type).Append('=').Append(
                isTime ? "" : isRoute && attribute.Type == 4 ? names.GetValueOrDefault(attribute.Int32) : Convert.ToHexString(attribute.Value));
        }

        return text.ToString();
    }

    /// <summary>A dump as text, a message a line.</summary>
    public string Show(ushort type, byte[] header) => string.Join('\n', Dump(type, header).Select(static message => RouteText.Event(message)));

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

            answers = Receive(_socket);
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
        byte[] request = buffer.Written.ToArray();
        damage?.Invoke(request);
        LastRequest = request;
        _socket.Send(request);
        return Receive(_socket);
    }

    private List<byte[]> Receive(INetlinkSocket socket)
    {
        var messages = new List<byte[]>();
        socket.Receive(_buffer);
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
