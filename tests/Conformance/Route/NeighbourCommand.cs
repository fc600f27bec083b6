using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Conformance;

/// <summary>ip neighbour: add, change, replace, del, show.</summary>
internal sealed class NeighbourCommand(IpRequests ip)
{
    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        if (verb is "show" or "list" or "ls" or "lst" or "")
        {
            ip.List(
                new Neighbour { Family = family, Flags = words.Contains("proxy") ? NTF_PROXY : (byte)0, OutputInterface = words.After("dev") is { } device ? ip.Index(device) : null },
                RTM_GETNEIGH);
            return;
        }

        bool delete = verb is "del" or "delete";
        ip.Act(Parse(words), delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
    }

    private Neighbour Parse(Words words)
    {
        var neighbour = new Neighbour { State = NeighbourState.Permanent, Layout = WireLayout.InOrder(NDA_DST, NDA_LLADDR) };
        while (!words.IsEmpty)
        {
            string word = words.Next();
            neighbour = word switch
            {
                "lladdr" => neighbour with { HardwareAddress = HardwareAddress.Parse(words.Next()) },
                "nud" => neighbour with { State = Enum.Parse<NeighbourState>(words.Next(), ignoreCase: true) },
                "proxy" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_PROXY), Destination = words.Peek is "dev" ? neighbour.Destination : IPAddress.Parse(words.Next()) },
                "router" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_ROUTER) },
                "use" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_USE) },
                "extern_learn" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_EXT_LEARNED) },
                "managed" => neighbour with { ExtendedFlags = 1 },
                "dev" => neighbour with { Index = ip.Index(words.Next()) },
                "protocol" => neighbour with { Protocol = IpRequests.Protocol(words.Next()) },
                "to" => neighbour,
                _ => neighbour with { Destination = IPAddress.Parse(word) },
            };
        }

        return neighbour with { Family = IpRequests.FamilyOf(neighbour.Destination!) };
    }
}
