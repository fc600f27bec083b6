using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Conformance;

/// <summary>ip rule: add, del, show.</summary>
internal sealed class RuleCommand(IpRequests ip)
{
    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        if (verb is "show" or "list" or "ls" or "lst" or "")
        {
            ip.List(new RoutingRule { Family = family == AF_UNSPEC ? AF_INET : family }, RTM_GETRULE);
            return;
        }

        bool add = verb is "add";
        ip.Act(Parse(words, family, add), add ? RTM_NEWRULE : RTM_DELRULE, add ? NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive : NetlinkMessageFlags.None);
    }

    private static RoutingRule Parse(Words words, byte family, bool add)
    {
        var order = new List<ushort>();
        var rule = new RoutingRule { Family = family, Action = add ? FR_ACT_TO_TBL : (byte)0 };
        bool tabled = false;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            switch (word)
            {
                case "not":
                    rule = rule with { Flags = rule.Flags | FIB_RULE_INVERT };
                    break;
                case "from" or "to":
                    (IPAddress? address, byte length) = IpRequests.Prefix(words.Next(), family);
                    rule = word == "from" ? rule with { Source = address, SourceLength = length } : rule with { Destination = address, DestinationLength = length };
                    rule = rule with { Family = address is null ? rule.Family : IpRequests.FamilyOf(address) };
                    order.Add(word == "from" ? FRA_SRC : FRA_DST);
                    break;
                case "pref" or "preference" or "order" or "priority":
                    rule = rule with { Priority = IpRequests.Number(words.Next()) };
                    order.Add(FRA_PRIORITY);
                    break;
                case "tos" or "dsfield":
                    rule = rule with { Tos = (byte)IpRequests.Number(words.Next()) };
                    break;
                case "fwmark":
                    string[] mark = words.Next().Split('/');
                    rule = rule with { Mark = IpRequests.Number(mark[0]), MarkMask = mark.Length > 1 ? IpRequests.Number(mark[1]) : null };
                    order.AddRange([FRA_FWMARK, FRA_FWMASK]);
                    break;
                case "table" or "lookup":
                    tabled = true;
                    uint table = IpRequests.Table(words.Next());
                    rule = table < 256 ? rule with { HeaderTable = (byte)table } : rule with { TableId = table };
                    order.Add(FRA_TABLE);
                    break;
                case "iif" or "dev":
                    rule = rule with { InputInterface = words.Next() };
                    order.Add(FRA_IIFNAME);
                    break;
                case "oif":
                    rule = rule with { OutputInterface = words.Next() };
                    order.Add(FRA_OIFNAME);
                    break;
                case "l3mdev":
                    tabled = true;
                    rule = rule with { L3MasterDevice = true };
                    order.Add(FRA_L3MDEV);
                    break;
                case "uidrange":
                    string[] users = words.Next().Split('-');
                    rule = rule with { Users = new UserRange(IpRequests.Number(users[0]), IpRequests.Number(users[1])) };
                    order.Add(FRA_UID_RANGE);
                    break;
                case "suppress_prefixlength" or "sup_pl":
                    rule = rule with { SuppressPrefixLength = IpRequests.Number(words.Next()) };
                    order.Add(FRA_SUPPRESS_PREFIXLEN);
                    break;
                case "suppress_ifgroup" or "sup_group":
                    rule = rule with { SuppressInterfaceGroup = IpRequests.Number(words.Next()) };
                    order.Add(FRA_SUPPRESS_IFGROUP);
                    break;
                case "protocol":
                    rule = rule with { Protocol = IpRequests.Protocol(words.Next()) };
                    order.Add(FRA_PROTOCOL);
                    break;
                case "ipproto":
                    rule = rule with { IpProtocol = words.Next() switch { "tcp" => 6, "udp" => 17, "icmp" => 1, "sctp" => 132, { } number => (byte)IpRequests.Number(number) } };
                    order.Add(FRA_IP_PROTO);
                    break;
                case "sport" or "dport":
                    string[] ports = words.Next().Split('-');
                    var range = new HostPortRange((ushort)IpRequests.Number(ports[0]), (ushort)IpRequests.Number(ports[^1]));
                    rule = word == "sport" ? rule with { SourcePorts = range } : rule with { DestinationPorts = range };
                    order.Add(word == "sport" ? FRA_SPORT_RANGE : FRA_DPORT_RANGE);
                    break;
                case "goto":
                    tabled = true;
                    rule = rule with { Goto = IpRequests.Number(words.Next()), Action = FR_ACT_GOTO };
                    order.Add(FRA_GOTO);
                    break;
                case "nop":
                    tabled = true;
                    rule = rule with { Action = FR_ACT_NOP };
                    break;
                case "type":
                    break;
                case "blackhole" or "unreachable" or "prohibit":
                    tabled = true;
                    rule = rule with { Action = word switch { "blackhole" => FR_ACT_BLACKHOLE, "unreachable" => FR_ACT_UNREACHABLE, _ => FR_ACT_PROHIBIT } };
                    break;
                default:
                    throw new InvalidDataException($"'{word}' is no word of ip rule");
            }
        }

        return rule with
        {
            Family = rule.Family == AF_UNSPEC ? AF_INET : rule.Family,
            HeaderTable = !tabled && add ? (byte)RT_TABLE_MAIN : rule.HeaderTable,
            Layout = WireLayout.InOrder([.. order]),
        };
    }
}
