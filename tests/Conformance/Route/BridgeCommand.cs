using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Conformance;

/// <summary>bridge: fdb, vlan, link.</summary>
internal sealed class BridgeCommand(IpRequests ip)
{
    public void Build(string what, Words words)
    {
        string verb = words.Next();
        bool show = verb is "show" or "list" or "ls" or "lst" or "";
        switch (what)
        {
            case "fdb" when show:
                ip.List(
                    new Neighbour
                    {
                        Family = AF_BRIDGE,
                        Index = 0,
                        Master = words.After("br") is { } bridge ? ip.Index(bridge) : null,
                    },
                    RTM_GETNEIGH);
                break;
            case "fdb":
                bool delete = verb is "del" or "delete";
                ip.Act(ForwardingEntry(words), delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
                break;
            case "vlan" when show:
                ip.List(new Link { Family = AF_BRIDGE, ExtendedMask = LinkConstants.RTEXT_FILTER_BRVLAN }, RTM_GETLINK);
                break;
            case "vlan":
                ip.Act(Vlans(words), verb == "add" ? RTM_SETLINK : RTM_DELLINK);
                break;
            case "link" when show:
                ip.List(new Link { Family = AF_BRIDGE }, RTM_GETLINK);
                break;
            case "link":
                ip.Act(Port(words), RTM_SETLINK);
                break;
        }
    }

    private Neighbour ForwardingEntry(Words words)
    {
        var entry = new Neighbour { Family = AF_BRIDGE, State = NeighbourState.NoArp, Layout = WireLayout.InOrder(NDA_LLADDR, NDA_DST, NDA_VLAN, NDA_NH_ID, NDA_PORT, NDA_VNI, NDA_SRC_VNI, NDA_IFINDEX) };
        while (!words.IsEmpty)
        {
            string word = words.Next();
            entry = word switch
            {
                "dev" => entry with { Index = ip.Index(words.Next()) },
                "dst" => entry with { Destination = IPAddress.Parse(words.Next()) },
                "nhid" => entry with { NextHopId = IpRequests.Number(words.Next()) },
                "port" => entry with { Port = (ushort)IpRequests.Number(words.Next()) },
                "vni" => entry with { Vni = IpRequests.Number(words.Next()) },
                "src_vni" => entry with { SourceVni = IpRequests.Number(words.Next()) },
                "via" => entry with { OutputInterface = ip.Index(words.Next()) },
                "vlan" => entry with { Vlan = (ushort)IpRequests.Number(words.Next()) },
                "self" => entry with { Flags = (byte)(entry.Flags | NTF_SELF) },
                "master" => entry with { Flags = (byte)(entry.Flags | NTF_MASTER) },
                "router" => entry with { Flags = (byte)(entry.Flags | NTF_ROUTER) },
                "use" => entry with { Flags = (byte)(entry.Flags | NTF_USE) },
                "extern_learn" => entry with { Flags = (byte)(entry.Flags | NTF_EXT_LEARNED) },
                "sticky" => entry with { Flags = (byte)(entry.Flags | NTF_STICKY) },
                "local" or "permanent" => entry with { State = entry.State | NeighbourState.Permanent },
                "static" or "temp" => entry with { State = entry.State | NeighbourState.Reachable },
                "dynamic" => entry with { State = (entry.State | NeighbourState.Reachable) & ~NeighbourState.NoArp },
                "to" => entry,
                _ => entry with { HardwareAddress = HardwareAddress.Parse(word) },
            };
        }

        return entry with
        {
            Flags = (entry.Flags & (NTF_SELF | NTF_MASTER)) == 0 ? (byte)(entry.Flags | NTF_SELF) : entry.Flags,
            State = (entry.State & (NeighbourState.Permanent | NeighbourState.Reachable)) == 0 ? entry.State | NeighbourState.Permanent : entry.State,
        };
    }

    private Link Vlans(Words words)
    {
        int index = 0;
        ushort flags = 0;
        BridgeVlanFlags vlanFlags = BridgeVlanFlags.None;
        string[] range = [];
        string[] tunnels = [];
        while (!words.IsEmpty)
        {
            switch (words.Next())
            {
                case "dev":
                    index = ip.Index(words.Next());
                    break;
                case "vid":
                    range = words.Next().Split('-');
                    break;
                case "self":
                    flags |= BridgeConstants.BRIDGE_FLAGS_SELF;
                    break;
                case "master":
                    flags |= BridgeConstants.BRIDGE_FLAGS_MASTER;
                    break;
                case "pvid":
                    vlanFlags |= BridgeVlanFlags.Pvid;
                    break;
                case "untagged":
                    vlanFlags |= BridgeVlanFlags.Untagged;
                    break;
                case "tunnel_info":
                    words.Take("id");
                    tunnels = words.Next().Split('-');
                    break;
                case { } word:
                    throw new InvalidDataException($"'{word}' is no word of bridge vlan");
            }
        }

        ushort[] ids = [.. range.Select(text => (ushort)IpRequests.Number(text))];
        uint[] tunnelIds = [.. tunnels.Select(IpRequests.Number)];
        BridgeVlanFlags Bound(int place) => ids.Length == 1 ? BridgeVlanFlags.None : place == 0 ? BridgeVlanFlags.RangeBegin : BridgeVlanFlags.RangeEnd;
        EquatableList<BridgeVlan> vlans = tunnels.Length > 0 ? [] : [.. ids.Select((id, place) => new BridgeVlan(vlanFlags | Bound(place), id))];
        EquatableList<BridgeVlanTunnel> mapped = tunnels.Length == 0 ? [] : [.. ids.Select((id, place) => new BridgeVlanTunnel(tunnelIds[place], id, (ushort)Bound(place)))];
        return new Link { Family = AF_BRIDGE, Index = index, Bridge = new BridgeSpecification(flags == 0 ? null : flags, null, vlans, mapped) };
    }

    private Link Port(Words words)
    {
        int index = 0;
        ushort flags = 0;
        ushort? mode = null;
        var port = new BridgePortOptions
        {
            Layout = WireLayout.InOrder(
                BridgeConstants.IFLA_BRPORT_GUARD, BridgeConstants.IFLA_BRPORT_MODE, BridgeConstants.IFLA_BRPORT_PROTECT, BridgeConstants.IFLA_BRPORT_FAST_LEAVE,
                BridgeConstants.IFLA_BRPORT_UNICAST_FLOOD, BridgeConstants.IFLA_BRPORT_MCAST_FLOOD, BridgeConstants.IFLA_BRPORT_BCAST_FLOOD, BridgeConstants.IFLA_BRPORT_MCAST_TO_UCAST,
                BridgeConstants.IFLA_BRPORT_LEARNING, BridgeConstants.IFLA_BRPORT_LEARNING_SYNC, BridgeConstants.IFLA_BRPORT_COST, BridgeConstants.IFLA_BRPORT_PRIORITY,
                BridgeConstants.IFLA_BRPORT_STATE),
        };
        while (!words.IsEmpty)
        {
            string word = words.Next();
            switch (word)
            {
                case "dev":
                    index = ip.Index(words.Next());
                    continue;
                case "self":
                    flags |= BridgeConstants.BRIDGE_FLAGS_SELF;
                    continue;
                case "master":
                    flags |= BridgeConstants.BRIDGE_FLAGS_MASTER;
                    continue;
                case "hwmode":
                    mode = words.Next() == "vepa" ? BridgeConstants.BRIDGE_MODE_VEPA : BridgeConstants.BRIDGE_MODE_VEB;
                    continue;
            }

            string value = words.Next();
            bool on = value == "on";
            port = word switch
            {
                "guard" => port with { Guard = on },
                "hairpin" => port with { Hairpin = on },
                "root_block" => port with { RootBlock = on },
                "fastleave" => port with { FastLeave = on },
                "flood" => port with { UnicastFlood = on },
                "mcast_flood" => port with { MulticastFlood = on },
                "bcast_flood" => port with { BroadcastFlood = on },
                "mcast_to_unicast" => port with { MulticastToUnicast = on },
                "learning" => port with { Learning = on },
                "learning_sync" => port with { LearningSync = on },
                "cost" => port with { Cost = IpRequests.Number(value) },
                "priority" => port with { Priority = (ushort)IpRequests.Number(value) },
                "state" => port with { State = char.IsDigit(value[0]) ? (BridgePortState)IpRequests.Number(value) : Enum.Parse<BridgePortState>(value, ignoreCase: true) },
                "neigh_suppress" => port with { NeighbourSuppression = on },
                "vlan_tunnel" => port with { VlanTunnel = on },
                "isolated" => port with { Isolated = on },
                "locked" => port with { Locked = on },
                "mab" => port with { MacAuthenticationBypass = on },
                "mcast_router" => port with { MulticastRouter = (byte)IpRequests.Number(value) },
                "backup_port" => port with { BackupPort = (uint)ip.Index(value) },
                _ => throw new InvalidDataException($"'{word}' is no word of bridge link set"),
            };
        }

        return new Link
        {
            Family = AF_BRIDGE,
            Index = index,
            BridgePort = port,
            Bridge = flags == 0 && mode is null ? null : new BridgeSpecification(flags == 0 ? null : flags, mode, [], []),
        };
    }
}
