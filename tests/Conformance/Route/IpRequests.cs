using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Conformance;

/// <summary>Reads the words of an ip or bridge command and builds its requests through the library's public models, in the order iproute2 writes them.</summary>
internal sealed class IpRequests(Dictionary<string, int> indexes)
{
    private const NetlinkMessageFlags Acted = NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge;
    private const NetlinkMessageFlags Listed = NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump;

    private readonly List<byte[]> _requests = [];

    /// <summary>The objects the library has models for.</summary>
    public bool Claims(string command)
    {
        Words words = Start(command, out _);
        if (words.IsEmpty)
        {
            return false;
        }

        string tool = words.Next();
        string what = words.Next();
        return (tool, what) switch
        {
            ("ip", "link") => LinkCommand.Claims(words),
            ("ip", "addr" or "address" or "a" or "route" or "r" or "rule" or "neigh" or "neighbour" or "ntable") => !words.Contains("encap"),
            ("bridge", "fdb" or "link" or "vlan") => !words.Contains("global"),
            _ => false,
        };
    }

    /// <summary>The requests; none where a word is not known.</summary>
    public IReadOnlyList<byte[]> Build(string command)
    {
        _requests.Clear();
        Words words = Start(command, out byte family);
        string tool = words.Next();
        string what = words.Next();
        switch (tool, what)
        {
            case ("ip", "link"):
                new LinkCommand(this, indexes).Build(words);
                break;
            case ("ip", "addr" or "address" or "a"):
                new AddressCommand(this).Build(words, family);
                break;
            case ("ip", "route" or "r"):
                new RouteCommand(this).Build(words, family);
                break;
            case ("ip", "rule"):
                new RuleCommand(this).Build(words, family);
                break;
            case ("ip", "neigh" or "neighbour"):
                new NeighbourCommand(this).Build(words, family);
                break;
            case ("ip", "ntable"):
                Send(new NeighbourTable { Family = family }, RTM_GETNEIGHTBL, Listed);
                break;
            case ("bridge", _):
                new BridgeCommand(this).Build(what, words);
                break;
        }

        return _requests;
    }

    public int Index(string name) => indexes.TryGetValue(name, out int index) ? index : throw new InvalidDataException($"no index of {name} is recorded");

    public void Act(RouteObject value, ushort type, NetlinkMessageFlags extra = NetlinkMessageFlags.None) => Send(value, type, Acted | extra);

    public void List(RouteObject value, ushort type) => Send(value, type, Listed);

    public void Send(RouteObject value, ushort type, NetlinkMessageFlags flags)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        value.WriteMessage(ref writer, type, flags);
        writer.Complete();
        _requests.Add(buffer.Written.ToArray());
    }

    /// <summary>The family that a verb that makes or removes uses.</summary>
    public static byte FamilyOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? AF_INET6 : AF_INET;

    /// <summary>The flags of a verb.</summary>
    public static NetlinkMessageFlags Verb(string verb) => verb switch
    {
        "add" or "a" => NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive,
        "replace" or "r" => NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace,
        "change" or "chg" => NetlinkMessageFlags.Replace,
        "append" => NetlinkMessageFlags.Create | NetlinkMessageFlags.Append,
        "prepend" => NetlinkMessageFlags.Create,
        _ => NetlinkMessageFlags.None,
    };

    /// <summary>An address with its prefix's length; the whole length where none is said.</summary>
    public static (IPAddress? Address, byte Length) Prefix(string text, byte family)
    {
        if (text is "default" or "any" or "all")
        {
            return (null, 0);
        }

        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string host = slash < 0 ? text : text[..slash];
        if (!host.Contains(':', StringComparison.Ordinal))
        {
            host += string.Concat(Enumerable.Repeat(".0", 3 - host.Count(letter => letter == '.')));
        }

        IPAddress address = IPAddress.Parse(host);
        byte whole = address.AddressFamily == AddressFamily.InterNetworkV6 ? (byte)128 : (byte)32;
        _ = family;
        return (address, slash < 0 ? whole : byte.Parse(text[(slash + 1)..], CultureInfo.InvariantCulture));
    }

    public static uint Number(string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : uint.Parse(text, CultureInfo.InvariantCulture);

    public static uint Table(string text) => text switch
    {
        "main" => RT_TABLE_MAIN,
        "local" => RT_TABLE_LOCAL,
        "default" => RT_TABLE_DEFAULT,
        "all" => 0,
        _ => Number(text),
    };

    public static byte Scope(string text) => text switch
    {
        "global" or "universe" => RT_SCOPE_UNIVERSE,
        "site" => RT_SCOPE_SITE,
        "link" => RT_SCOPE_LINK,
        "host" => RT_SCOPE_HOST,
        "nowhere" => RT_SCOPE_NOWHERE,
        _ => (byte)Number(text),
    };

    public static byte Protocol(string text) => text switch
    {
        "kernel" => RTPROT_KERNEL,
        "boot" => RTPROT_BOOT,
        "static" => RTPROT_STATIC,
        "ra" => RTPROT_RA,
        "dhcp" => RTPROT_DHCP,
        "zebra" => RTPROT_ZEBRA,
        "bird" => RTPROT_BIRD,
        "redirect" => RTPROT_REDIRECT,
        _ => (byte)Number(text),
    };

    private static Words Start(string command, out byte family)
    {
        family = AF_UNSPEC;
        var words = new List<string>(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        for (int index = 1; index < words.Count && words[index].StartsWith('-');)
        {
            family = words[index] switch { "-4" => AF_INET, "-6" => AF_INET6, _ => family };
            words.RemoveAt(index);
        }

        return new Words(words);
    }
}

/// <summary>The words of a command, from left to right.</summary>
internal sealed class Words(IReadOnlyList<string> words)
{
    private int _position;

    public bool IsEmpty => _position >= words.Count;

    public string Peek => IsEmpty ? "" : words[_position];

    public string Next() => IsEmpty ? "" : words[_position++];

    public bool Take(string word)
    {
        bool found = Peek == word;
        _position += found ? 1 : 0;
        return found;
    }

    public bool Contains(string word) => words.Skip(_position).Contains(word);

    public string? After(string word)
    {
        for (int index = _position; index < words.Count - 1; index++)
        {
            if (words[index] == word)
            {
                return words[index + 1];
            }
        }

        return null;
    }
}
