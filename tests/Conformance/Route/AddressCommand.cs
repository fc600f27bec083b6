using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Conformance;

/// <summary>ip address: add, change, replace, del, show, flush.</summary>
internal sealed class AddressCommand(IpRequests ip)
{
    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        if (verb is "show" or "list" or "ls" or "flush" or "")
        {
            string? device = words.After("dev") ?? (words.IsEmpty || words.Peek is "up" or "scope" or "dynamic" or "permanent" or "label" or "to" ? null : words.Peek);
            ip.List(new InterfaceAddress { Family = family, Index = device is null ? 0 : ip.Index(device) }, RTM_GETADDR);
            return;
        }

        bool delete = verb is "del" or "delete" or "d";
        ip.Act(Parse(words, delete), delete ? RTM_DELADDR : RTM_NEWADDR, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
    }

    private InterfaceAddress Parse(Words words, bool delete)
    {
        var order = new List<ushort>();
        var address = new InterfaceAddress();
        uint flags = 0;
        byte? scope = null;
        uint preferred = AddressLifetime.Forever;
        uint valid = AddressLifetime.Forever;
        bool hasLifetime = false;
        bool computeBroadcast = false;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            uint flag = word switch { "nodad" => IFA_F_NODAD, "optimistic" => IFA_F_OPTIMISTIC, "home" => IFA_F_HOMEADDRESS, "mngtmpaddr" => IFA_F_MANAGETEMPADDR, "noprefixroute" => IFA_F_NOPREFIXROUTE, "autojoin" => IFA_F_MCAUTOJOIN, _ => 0u };
            if (flag != 0)
            {
                flags |= flag;
                continue;
            }

            switch (word)
            {
                case "dev":
                    address = address with { Index = ip.Index(words.Next()) };
                    break;
                case "peer" or "remote":
                    (IPAddress? peer, byte length) = IpRequests.Prefix(words.Next(), 0);
                    address = address with { Address = peer, PrefixLength = length };
                    order.Add(IFA_ADDRESS);
                    break;
                case "broadcast" or "brd":
                    if (words.Take("+"))
                    {
                        computeBroadcast = true;
                    }
                    else
                    {
                        address = address with { Broadcast = IPAddress.Parse(words.Next()) };
                        order.Add(IFA_BROADCAST);
                    }

                    break;
                case "anycast":
                    address = address with { Anycast = IPAddress.Parse(words.Next()) };
                    order.Add(IFA_ANYCAST);
                    break;
                case "scope":
                    scope = IpRequests.Scope(words.Next());
                    break;
                case "label":
                    address = address with { Label = words.Next() };
                    order.Add(IFA_LABEL);
                    break;
                case "metric" or "priority" or "preference":
                    address = address with { RoutePriority = IpRequests.Number(words.Next()) };
                    order.Add(IFA_RT_PRIORITY);
                    break;
                case "proto":
                    address = address with { Protocol = (byte)IpRequests.Number(words.Next()) };
                    order.Add(IFA_PROTO);
                    break;
                case "valid_lft":
                    valid = words.Take("forever") ? AddressLifetime.Forever : IpRequests.Number(words.Next());
                    hasLifetime = true;
                    break;
                case "preferred_lft":
                    preferred = words.Take("forever") ? AddressLifetime.Forever : IpRequests.Number(words.Next());
                    hasLifetime = true;
                    break;
                default:
                    (IPAddress? local, byte localLength) = IpRequests.Prefix(word == "local" ? words.Next() : word, 0);
                    address = address with { Local = local, Family = IpRequests.FamilyOf(local!), PrefixLength = address.Address is null ? localLength : address.PrefixLength };
                    order.Add(IFA_LOCAL);
                    break;
            }
        }

        // Behind what was said: flags that do not fit the header, the address itself, its broadcast address, lifetimes.
        address = flags > 0xff ? address with { ExtendedFlags = flags } : address with { HeaderFlags = (byte)flags };
        order.AddRange([IFA_FLAGS, IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO]);
        bool loopback = address.Local is { } host && host.GetAddressBytes() is [127, _, _, _];
        return address with
        {
            Address = address.Address ?? address.Local,
            Broadcast = computeBroadcast ? BroadcastOf(address) : address.Broadcast,
            Scope = scope ?? (!delete && loopback ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE),
            Lifetime = hasLifetime ? new AddressLifetime(preferred, valid) : null,
            Layout = WireLayout.InOrder([.. order]),
        };
    }

    private static IPAddress BroadcastOf(InterfaceAddress address)
    {
        byte[] octets = (address.Address ?? address.Local)!.GetAddressBytes();
        for (int bit = address.PrefixLength; bit < 32; bit++)
        {
            octets[bit / 8] |= (byte)(0x80 >> bit % 8);
        }

        return new IPAddress(octets);
    }
}
