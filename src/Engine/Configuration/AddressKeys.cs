using System.Globalization;
using System.Numerics;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Configuration;

/// <summary>Reads the keys that hold addresses, networks and lists of them.</summary>
internal sealed class AddressKeys(ConfigurationChecker checker)
{
    private const int LargestPool = 1 << 24;

    /// <summary>VNET_SUBNET and VNET_NETMASK together.</summary>
    public Ipv4Network? ReadSubnet()
    {
        Assignment? subnetValue = checker.Required("VNET_SUBNET", "the network's address", "write VNET_SUBNET=\"192.168.0.0\", the network that is free");
        Assignment? maskValue = checker.Required("VNET_NETMASK", "the network's mask", "write VNET_NETMASK=\"255.255.0.0\"");
        Ipv4Address? subnet = subnetValue is null ? null : ReadQuad(subnetValue);
        Ipv4Address? mask = maskValue is null ? null : ReadQuad(maskValue);
        if (mask is { } m && (m.Value == 0 || (~m.Value & (~m.Value + 1)) != 0))
        {
            int length = BitOperations.LeadingZeroCount(~m.Value);
            Error(maskValue!, 0, maskValue!.Value, m.Value == 0 ? "masks nothing" : "not a mask: its one bits are not together",
                m.Value == 0 ? "write \"255.255.0.0\" or the like" : $"\"{new Ipv4Address(Ipv4Network.MaskOf(length))}\" is the nearest below");
            mask = null;
        }

        if (subnet is not { } s || mask is not { } known)
        {
            return null;
        }

        int prefix = BitOperations.PopCount(known.Value);
        var network = new Ipv4Network(s, prefix);
        if (network.Address != s)
        {
            Error(subnetValue!, 0, subnetValue!.Value, $"not a network's address under the mask {known}", $"write \"{network.Address}\"");
        }

        if (IsOfNoHost(network.Address, network.Last))
        {
            Error(subnetValue!, 0, subnetValue!.Value, $"{network} is no network of hosts ({NoHosts} are none)", "write a private network that is unused here, as \"192.168.0.0\", \"172.16.0.0\" or \"10.0.0.0\"");
        }

        return network;
    }

    private const string NoHosts = "0/8, 127/8 and 224 to 255";

    private static bool IsOfNoHost(Ipv4Address first, Ipv4Address last) => first.Value >> 24 is 0 or 127 || last.Value >> 24 is 127 or >= 224 || (first.Value >> 24 < 127 && last.Value >> 24 > 127);

    /// <summary>A required address inside the subnet.</summary>
    public Ipv4Address ReadInSubnet(string key, string meaning, Ipv4Network? subnet, Ipv4Address? proposal)
    {
        string suggestion = proposal is { } p ? $"write {key}=\"{p}\"" : $"write {key}=\"a.b.c.d\"";
        if (checker.Required(key, meaning, suggestion) is not { } value || ReadQuad(value) is not { } address)
        {
            return default;
        }

        if (subnet is { } network && !network.Contains(address))
        {
            Error(value, 0, value.Value, $"lies outside the subnet {network}", proposal is null ? $"write an address from {network.Address} to {network.Last}" : $"write \"{proposal}\"");
        }

        return address;
    }

    /// <summary>VNET_DNS: one address, more are taken too.</summary>
    public List<Ipv4Address> ReadDns()
    {
        var servers = new List<Ipv4Address>();
        if (checker.Required("VNET_DNS", "the name server's address", "write VNET_DNS=\"a.b.c.d\"") is { } value)
        {
            foreach ((string word, int index) in Words(value.Value))
            {
                if (ReadQuad(value, word, index) is { } address)
                {
                    if (IsOfNoHost(address, address))
                    {
                        Error(value, index, word, $"is no address that instances could ask ({NoHosts} are none)", "write the name server's address on a network that instances reach");
                    }

                    servers.Add(address);
                }
            }
        }

        return servers;
    }

    /// <summary>VNET_ADDRSPERNET: a power of two from 8 that fits the subnet.</summary>
    public int ReadAddressesPerNetwork(Ipv4Network? subnet)
    {
        if (checker.Required("VNET_ADDRSPERNET", "how many addresses each network gets", "write VNET_ADDRSPERNET=\"64\"") is not { } value)
        {
            return 0;
        }

        if (!long.TryParse(value.Value, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
        {
            Error(value, 0, value.Value, "not a number", "write \"32\", \"64\", \"128\" or another power of two");
            return 0;
        }

        long largest = Math.Min(subnet?.Count ?? 1 << 24, 1 << 24);
        if (number > largest)
        {
            Error(value, 0, value.Value, subnet is null ? "too many" : $"more than the subnet {subnet} has ({subnet.Value.Count})", $"write at most \"{largest}\"");
            return 0;
        }

        if (number < 8 || !BitOperations.IsPow2(number))
        {
            long below = number < 8 ? 8 : 1L << (63 - BitOperations.LeadingZeroCount((ulong)number));
            string suggestion = number < 8 || below * 2 > largest ? $"write \"{below}\"" : $"write \"{below}\" or \"{below * 2}\"";
            Error(value, 0, value.Value, number < 8 ? "too few: three are the network's, the router's and broadcast" : "not a power of two, so networks would not be aligned", suggestion);
            return 0;
        }

        return (int)number;
    }

    /// <summary>VNET_MACMAP: MAC=address pairs.</summary>
    public List<MacMapping> ReadMacMap(Ipv4Network? subnet, Ipv4Address router)
    {
        var pairs = new List<MacMapping>();
        if (checker.Required("VNET_MACMAP", "the MAC and address pairs for instances", "write VNET_MACMAP=\"AA:DD:11:CE:FF:ED=192.168.1.3 …\"") is not { } value)
        {
            return pairs;
        }

        var macs = new HashSet<MacAddress>();
        var addresses = new HashSet<Ipv4Address>();
        foreach ((string word, int index) in Words(value.Value))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                Error(value, index, word, "not a pair", "write MAC=address, as AA:DD:11:CE:FF:ED=192.168.1.3, without spaces in it");
                continue;
            }

            bool macGood = CheckMac(value, word[..equals], index, macs, out MacAddress mac);
            bool addressGood = CheckMapped(value, word[(equals + 1)..], index + equals + 1, subnet, router, addresses, out Ipv4Address address);
            if (macGood && addressGood)
            {
                pairs.Add(new MacMapping(mac, address));
            }
        }

        return pairs;
    }

    private bool CheckMac(Assignment value, string word, int index, HashSet<MacAddress> known, out MacAddress mac)
    {
        if (!MacAddress.TryParse(word, out mac))
        {
            int octets = word.Split(':', '-').Length;
            string reason = octets != 6 && word.Length > 0
                ? string.Create(CultureInfo.InvariantCulture, $"not a MAC: it has {octets} {(octets == 1 ? "octet" : "octets")}, a MAC has six")
                : "not a MAC: an octet is not one or two hexadecimal digits";
            Error(value, index, word, reason, "write six octets, as AA:DD:11:CE:FF:ED");
            return false;
        }

        if (!mac.IsUnicast)
        {
            Error(value, index, word, mac.Value == 0 ? "is the empty MAC" : "is a group's MAC (the first octet is odd), a card cannot have it", "make the first octet even, as 02");
            return false;
        }

        if (!known.Add(mac))
        {
            Error(value, index, word, "stands twice in the list", "give each pair a MAC of its own");
            return false;
        }

        return true;
    }

    private bool CheckMapped(Assignment value, string word, int index, Ipv4Network? subnet, Ipv4Address router, HashSet<Ipv4Address> known, out Ipv4Address address)
    {
        address = default;
        if (ReadQuad(value, word, index) is not { } parsed)
        {
            return false;
        }

        address = parsed;
        if (subnet is { } network)
        {
            string range = $"write an address from {new Ipv4Address(network.Address.Value + 1)} to {new Ipv4Address(network.Last.Value - 1)}";
            if (!network.Contains(parsed))
            {
                Error(value, index, word, $"lies outside the subnet {network}", range);
                return false;
            }

            if (network.PrefixLength < 31 && (parsed == network.Address || parsed == network.Last))
            {
                Error(value, index, word, $"is the {(parsed == network.Address ? "network" : "broadcast")} address of {network}", range);
                return false;
            }
        }

        if (!router.IsUnknown && parsed == router)
        {
            Error(value, index, word, "is VNET_ROUTER, the gateway's own address", "give the instance another");
            return false;
        }

        if (!known.Add(parsed))
        {
            Error(value, index, word, "stands twice in the list", "give each pair an address of its own");
            return false;
        }

        return true;
    }

    /// <summary>VNET_PUBLICIPS: addresses, a-b, a.b.c.d/nn, !a.b.c.d to leave one out.</summary>
    public List<Ipv4Address> ReadPublicAddresses(Ipv4Network? subnet)
    {
        var pool = new List<Ipv4Address>();
        if (checker.Optional("VNET_PUBLICIPS") is not { } value)
        {
            return pool;
        }

        var known = new HashSet<Ipv4Address>();
        var leftOut = new List<(Ipv4Address First, Ipv4Address Last, string Word, int Index)>();
        foreach ((string word, int index) in Words(value.Value))
        {
            bool negated = word.StartsWith('!');
            if (ReadRange(value, negated ? word[1..] : word, negated ? index + 1 : index) is not { } range)
            {
                continue;
            }

            if (negated)
            {
                leftOut.Add((range.First, range.Last, word, index));
            }
            else if (subnet is { } inner && range.First <= inner.Last && range.Last >= inner.Address)
            {
                Error(value, index, word, $"lies in the private subnet {inner}", "use addresses that the outside world routes to the front-end");
            }
            else if (IsOfNoHost(range.First, range.Last))
            {
                Error(value, index, word, $"is no address of a host ({NoHosts} are none)", "use addresses that the outside world routes to the front-end");
            }
            else
            {
                int before = pool.Count;
                for (uint a = range.First.Value; a <= range.Last.Value; a++)
                {
                    if (known.Add(new Ipv4Address(a)))
                    {
                        pool.Add(new Ipv4Address(a));
                    }
                }

                if (pool.Count - before < range.Last.Value - range.First.Value + 1)
                {
                    checker.Report(DiagnosticSeverity.Warning, value.At(index), value.Key, word, "is in the list already, wholly or in part", "name each address once");
                }
            }
        }

        foreach ((Ipv4Address first, Ipv4Address last, string word, int index) in leftOut)
        {
            if (pool.RemoveAll(a => a >= first && a <= last) == 0)
            {
                checker.Report(DiagnosticSeverity.Warning, value.At(index), value.Key, word, "leaves out nothing: no other entry holds it", null);
            }
        }

        return pool;
    }

    private (Ipv4Address First, Ipv4Address Last)? ReadRange(Assignment value, string word, int index)
    {
        int dash = word.IndexOf('-', StringComparison.Ordinal);
        if (dash >= 0)
        {
            if (ReadQuad(value, word[..dash], index) is not { } first || ReadQuad(value, word[(dash + 1)..], index + dash + 1) is not { } last)
            {
                return null;
            }

            if (last < first)
            {
                Error(value, index, word, "the range ends before it begins", $"write \"{last}-{first}\"");
                return null;
            }

            return InLimit(value, word, index, first, last);
        }

        if (!word.Contains('/', StringComparison.Ordinal))
        {
            return ReadQuad(value, word, index) is { } single ? (single, single) : null;
        }

        if (!Ipv4Network.TryParse(word, out Ipv4Network network))
        {
            Error(value, index, word, "not a network", "write a.b.c.d/nn with nn from 8 to 32");
            return null;
        }

        Ipv4Address given = Ipv4Address.Parse(word[..word.IndexOf('/', StringComparison.Ordinal)]);
        if (given != network.Address)
        {
            checker.Report(DiagnosticSeverity.Warning, value.At(index), value.Key, word, "the address has host bits set", $"write \"{network}\"");
        }

        return network.PrefixLength >= 31
            ? (network.Address, network.Last)
            : InLimit(value, word, index, new Ipv4Address(network.Address.Value + 1), new Ipv4Address(network.Last.Value - 1));
    }

    private (Ipv4Address First, Ipv4Address Last)? InLimit(Assignment value, string word, int index, Ipv4Address first, Ipv4Address last)
    {
        if (last.Value - first.Value < LargestPool)
        {
            return (first, last);
        }

        Error(value, index, word, "more addresses than any network has (a /8)", "check the two ends");
        return null;
    }

    private Ipv4Address? ReadQuad(Assignment value) => ReadQuad(value, value.Value.Trim(), value.Value.Length - value.Value.TrimStart().Length);

    private Ipv4Address? ReadQuad(Assignment value, string word, int index)
    {
        if (Ipv4Address.TryParse(word, out Ipv4Address address))
        {
            return address;
        }

        string suggestion = word.StartsWith('<') ? "put the real address where the manual has a placeholder" : "write four numbers from 0 to 255 with dots between them, without leading zeros";
        Error(value, index, word, "not an IPv4 address", suggestion);
        return null;
    }

    private static IEnumerable<(string Word, int Index)> Words(string text)
    {
        int index = 0;
        while (index < text.Length)
        {
            if (char.IsWhiteSpace(text[index]) || text[index] == ',')
            {
                index++;
                continue;
            }

            int start = index;
            while (index < text.Length && !char.IsWhiteSpace(text[index]) && text[index] != ',')
            {
                index++;
            }

            yield return (text[start..index], start);
        }
    }

    private void Error(Assignment value, int index, string word, string reason, string suggestion) =>
        checker.Report(DiagnosticSeverity.Error, value.At(index), value.Key, word, reason, suggestion);
}
