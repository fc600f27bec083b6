using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>What one dimension of a set's elements is.</summary>
internal enum IpSetPart
{
    /// <summary>A single address.</summary>
    Address,

    /// <summary>An address with a prefix length.</summary>
    Network,

    /// <summary>A port with its transport protocol; of bitmaps without.</summary>
    Port,

    /// <summary>A hardware address.</summary>
    Hardware,

    /// <summary>The name of an interface.</summary>
    Interface,

    /// <summary>A packet mark.</summary>
    Mark,

    /// <summary>Another set.</summary>
    Set,
}

/// <summary>How a type keeps its elements.</summary>
internal enum IpSetStorage
{
    /// <summary>Up to a number of elements.</summary>
    Hash,

    /// <summary>Any of a range given at creation.</summary>
    Bitmap,

    /// <summary>A list in an order.</summary>
    List,
}

/// <summary>A type of set.</summary>
/// <param name="Name">"hash:ip,port".</param>
/// <param name="Revision">The highest revision; all from 0 on are taken.</param>
/// <param name="Family">The family of its sets where the type says so; null where each set chooses.</param>
/// <param name="Storage">How elements are kept.</param>
/// <param name="Parts">The dimensions.</param>
internal sealed record IpSetType(string Name, byte Revision, byte? Family, IpSetStorage Storage, IReadOnlyList<IpSetPart> Parts)
{
    private static readonly IpSetType[] All =
    [
        Hash("hash:ip", 6, IpSetPart.Address), Hash("hash:net", 7, IpSetPart.Network),
        Hash("hash:ip,port", 7, IpSetPart.Address, IpSetPart.Port), Hash("hash:ip,port,ip", 6, IpSetPart.Address, IpSetPart.Port, IpSetPart.Address),
        Hash("hash:ip,port,net", 8, IpSetPart.Address, IpSetPart.Port, IpSetPart.Network), Hash("hash:net,port", 8, IpSetPart.Network, IpSetPart.Port),
        Hash("hash:net,iface", 8, IpSetPart.Network, IpSetPart.Interface), Hash("hash:net,net", 4, IpSetPart.Network, IpSetPart.Network),
        Hash("hash:net,port,net", 3, IpSetPart.Network, IpSetPart.Port, IpSetPart.Network), Hash("hash:ip,mark", 3, IpSetPart.Address, IpSetPart.Mark),
        Hash("hash:ip,mac", 1, IpSetPart.Address, IpSetPart.Hardware),
        new("hash:mac", 1, NFPROTO_UNSPEC, IpSetStorage.Hash, [IpSetPart.Hardware]),
        new("bitmap:ip", 3, NFPROTO_IPV4, IpSetStorage.Bitmap, [IpSetPart.Address]),
        new("bitmap:ip,mac", 3, NFPROTO_IPV4, IpSetStorage.Bitmap, [IpSetPart.Address, IpSetPart.Hardware]),
        new("bitmap:port", 3, NFPROTO_UNSPEC, IpSetStorage.Bitmap, [IpSetPart.Port]),
        new("list:set", 3, NFPROTO_UNSPEC, IpSetStorage.List, [IpSetPart.Set]),
    ];

    /// <summary>The types a minimal kernel is built without.</summary>
    private static readonly string[] Rare = ["hash:mac", "hash:ip,mac", "hash:ip,mark", "hash:net,net", "hash:net,port,net"];

    public bool HasNetworks => Parts.Contains(IpSetPart.Network);

    /// <summary>Finds a type that takes sets of a family.</summary>
    public static IpSetType? Find(KernelProfile profile, string name, byte family) =>
        Array.Find(All, type => type.Name == name && (type.Family is null or NFPROTO_UNSPEC || type.Family == family)) is { } found
            && (profile.HasRareSetTypes || !Rare.Contains(name))
            ? found
            : null;

    private static IpSetType Hash(string name, byte revision, params IpSetPart[] parts) => new(name, revision, null, IpSetStorage.Hash, parts);
}
