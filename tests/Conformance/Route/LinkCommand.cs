using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Conformance;

/// <summary>ip link: add, set, del, show, property.</summary>
internal sealed class LinkCommand(IpRequests ip, Dictionary<string, int> indexes)
{
    private const byte AF_PACKET = 17;

    private static readonly string[] Kinds =
        ["bridge", "veth", "vlan", "dummy", "ifb", "macvlan", "macvtap", "vxlan", "bond", "vrf", "wireguard", "bridge_slave", "bond_slave", "vrf_slave"];

    /// <summary>A kind the library has options for, or none.</summary>
    public static bool Claims(Words words) => words.After("type") is not { } kind || Kinds.Contains(kind);

    public void Build(Words words)
    {
        string verb = words.Next();
        switch (verb)
        {
            case "add" or "a":
                ip.Act(Parse(words, isSet: false), RTM_NEWLINK, NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive);
                break;
            case "set":
                ip.Act(Parse(words, isSet: true), RTM_NEWLINK);
                break;
            case "del" or "delete":
                words.Take("dev");
                ip.Act(words.Take("group") ? new Link { Group = IpRequests.Number(words.Next()) } : new Link { Index = ip.Index(words.Next()) }, RTM_DELLINK);
                break;
            case "property":
                Property(words);
                break;
            case "show" or "list" or "ls" or "lst" or "":
                Show(words);
                break;
        }
    }

    private void Property(Words words)
    {
        bool add = words.Next() == "add";
        var names = new List<string>();
        int index = 0;
        while (!words.IsEmpty)
        {
            switch (words.Next())
            {
                case "dev":
                    index = ip.Index(words.Next());
                    break;
                case "altname":
                    names.Add(words.Next());
                    break;
            }
        }

        var link = new Link { Index = index, AlternativeNames = new AlternativeNames([.. names]) };
        if (add)
        {
            ip.Act(link, RTM_NEWLINKPROP, NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive | NetlinkMessageFlags.Append);
        }
        else
        {
            ip.Act(link, RTM_DELLINKPROP);
        }
    }

    private void Show(Words words)
    {
        var filter = new Link { Family = AF_PACKET, ExtendedMask = RTEXT_FILTER_VF, Layout = WireLayout.InOrder(IFLA_IFNAME, IFLA_EXT_MASK) };
        while (!words.IsEmpty)
        {
            switch (words.Next())
            {
                case "master":
                    filter = filter with { Master = ip.Index(words.Next()) };
                    break;
                case "type":
                    filter = filter with { Info = new LinkInfo { Kind = words.Next() } };
                    break;
                case "up" or "dev":
                    break;
                case { } name when indexes.ContainsKey(name):
                    ip.Send(filter with { Name = name }, RTM_GETLINK, NetlinkMessageFlags.Request);
                    return;
            }
        }

        ip.List(filter, RTM_GETLINK);
    }

    private Link Parse(Words words, bool isSet)
    {
        var order = new List<ushort>();
        var link = new Link();
        bool named = false;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            if (word == "type")
            {
                // The parent and the name of a new link stand before its kind, behind what was said of it.
                order.AddRange(isSet ? [] : [IFLA_LINK, IFLA_IFNAME]);
                order.Add(IFLA_LINKINFO);
                link = link with { Info = Kind(words, isSet) };
                continue;
            }

            link = Option(link, word, words, order, isSet, ref named);
        }

        return link with { Layout = WireLayout.InOrder([.. order]) };
    }

    private Link Option(Link link, string word, Words words, List<ushort> order, bool isSet, ref bool named)
    {
        Link With(ushort type, Link changed)
        {
            order.Add(type);
            return changed;
        }

        Link Flag(LinkFlags flag, bool on) => link with { ChangeMask = link.ChangeMask | flag, Flags = on ? link.Flags | flag : link.Flags & ~flag };
        switch (word)
        {
            case "mtu":
                return With(IFLA_MTU, link with { Mtu = IpRequests.Number(words.Next()) });
            case "address" or "addr":
                return With(IFLA_ADDRESS, link with { HardwareAddress = HardwareAddress.Parse(words.Next()) });
            case "broadcast" or "brd":
                return With(IFLA_BROADCAST, link with { BroadcastAddress = HardwareAddress.Parse(words.Next()) });
            case "txqueuelen" or "qlen" or "txqlen":
                return With(IFLA_TXQLEN, link with { TransmitQueueLength = IpRequests.Number(words.Next()) });
            case "numtxqueues":
                return With(IFLA_NUM_TX_QUEUES, link with { TransmitQueues = IpRequests.Number(words.Next()) });
            case "numrxqueues":
                return With(IFLA_NUM_RX_QUEUES, link with { ReceiveQueues = IpRequests.Number(words.Next()) });
            case "gso_max_size":
                return With(IFLA_GSO_MAX_SIZE, link with { GsoMaximumSize = IpRequests.Number(words.Next()) });
            case "gso_max_segs":
                return With(IFLA_GSO_MAX_SEGS, link with { GsoMaximumSegments = IpRequests.Number(words.Next()) });
            case "gro_max_size":
                return With(IFLA_GRO_MAX_SIZE, link with { GroMaximumSize = IpRequests.Number(words.Next()) });
            case "group":
                return With(IFLA_GROUP, link with { Group = words.Take("default") ? 0 : IpRequests.Number(words.Next()) });
            case "master":
                return With(IFLA_MASTER, link with { Master = ip.Index(words.Next()) });
            case "vrf":
                return With(IFLA_MASTER, link with { Master = ip.Index(words.Next()) });
            case "nomaster":
                return With(IFLA_MASTER, link with { Master = 0 });
            case "alias":
                return With(IFLA_IFALIAS, link with { Alias = words.Next() });
            case "netns":
                return With(IFLA_NET_NS_PID, link with { NamespaceProcess = IpRequests.Number(words.Next()) });
            case "protodown":
                return With(IFLA_PROTO_DOWN, link with { ProtocolDown = words.Next() == "on" });
            case "carrier":
                return With(IFLA_CARRIER, link with { Carrier = words.Next() == "on" });
            case "mode":
                return With(IFLA_LINKMODE, link with { LinkMode = words.Next() == "dormant" ? (byte)1 : (byte)0 });
            case "state":
                return With(IFLA_OPERSTATE, link with { OperationalState = Enum.Parse<OperationalState>(words.Next(), ignoreCase: true) });
            case "index":
                return link with { Index = (int)IpRequests.Number(words.Next()) };
            case "up":
                return Flag(LinkFlags.Up, true);
            case "down":
                return Flag(LinkFlags.Up, false);
            case "promisc":
                return Flag(LinkFlags.Promiscuous, words.Next() == "on");
            case "allmulticast":
                return Flag(LinkFlags.AllMulticast, words.Next() == "on");
            case "multicast":
                return Flag(LinkFlags.Multicast, words.Next() == "on");
            case "dynamic":
                return Flag(LinkFlags.Dynamic, words.Next() == "on");
            case "trailers":
                return Flag(LinkFlags.NoTrailers, words.Next() != "on");
            case "arp":
                return Flag(LinkFlags.NoArp, words.Next() != "on");
            case "link" when !isSet:
                return link with { Parent = ip.Index(words.Next()) };
            case "name":
                named = true;
                return isSet ? With(IFLA_IFNAME, link with { Name = words.Next() }) : link with { Name = words.Next() };
            case "dev":
                return isSet ? link with { Index = ip.Index(words.Next()) } : link with { Name = words.Next() };
            default:
                // A bare word is the link's name.
                return isSet
                    ? indexes.ContainsKey(word) ? link with { Index = ip.Index(word) } : throw new InvalidDataException($"'{word}' is no word of ip link set")
                    : named ? throw new InvalidDataException($"'{word}' is no word of ip link add") : link with { Name = word };
        }
    }

    private LinkInfo Kind(Words words, bool isSet)
    {
        string kind = words.Next();
        return kind switch
        {
            "bridge" => LinkInfo.Of(LinkOptionWords.Bridge(words)),
            "vlan" => LinkInfo.Of(LinkOptionWords.Vlan(words)),
            "vxlan" => LinkInfo.Of(LinkOptionWords.Vxlan(words, ip, isSet)),
            "bond" => LinkInfo.Of(LinkOptionWords.Bond(words, ip)),
            "macvlan" or "macvtap" => LinkInfo.Of(LinkOptionWords.Macvlan(words) with { IsTap = kind == "macvtap" }),
            "vrf" => LinkInfo.Of(new VrfOptions { Table = words.Take("table") ? IpRequests.Table(words.Next()) : null }),
            "veth" => LinkInfo.Of(new VethOptions { Peer = Peer(words) }),
            "bridge_slave" => LinkInfo.OfPort(LinkOptionWords.BridgePort(words, ip)),
            "bond_slave" => LinkInfo.OfPort(new BondPortOptions { QueueId = words.Take("queue_id") ? (ushort)IpRequests.Number(words.Next()) : null }),
            _ => words.IsEmpty ? new LinkInfo { Kind = kind } : throw new InvalidDataException($"options of {kind} are not known"),
        };
    }

    // What is said behind "peer" is a link of its own; its name comes last.
    private Link? Peer(Words words)
    {
        if (!words.Take("peer"))
        {
            return null;
        }

        var order = new List<ushort>();
        var peer = new Link();
        bool named = false;
        while (!words.IsEmpty)
        {
            peer = Option(peer, words.Next(), words, order, isSet: false, ref named);
        }

        order.Add(IFLA_IFNAME);
        return peer with { Layout = WireLayout.InOrder([.. order]) };
    }
}
