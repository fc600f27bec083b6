using EucaNet.Netfilter.Nftables;

namespace EucaNet.Engine.Firewall;

/// <summary>A table of ours as it should be, without the elements of its sets.</summary>
internal sealed record FirewallTable(Table Table, IReadOnlyList<Chain> Chains, IReadOnlyList<Rule> Rules, IReadOnlyList<NftablesSet> Sets)
{
    /// <summary>The name of our tables in every family; it is how a restarted engine knows them again.</summary>
    public const string Name = "eucanet";
}

/// <summary>nft's numbers of the types that keys are made of, and their lengths.</summary>
internal static class KeyTypes
{
    public const uint Ipv4Address = 7;
    public const uint Ipv6Address = 8;
    public const uint EtherAddress = 9;
    public const uint InterfaceName = 41;

    /// <summary>What nft wants to know of a set of interface names so that it can print them: the key is in host byte order.</summary>
    public static OctetString? UserDataOf(ReadOnlySpan<uint> types) =>
        types is [InterfaceName] ? UserData.With(null, UserData.SetKeyByteOrder, BitConverter.GetBytes(1u)) : default(OctetString?);

    /// <summary>A concatenation's number: six bits a part.</summary>
    public static uint Concatenate(params ReadOnlySpan<uint> types)
    {
        uint result = 0;
        foreach (uint type in types)
        {
            result = (result << 6) | type;
        }

        return result;
    }
}
