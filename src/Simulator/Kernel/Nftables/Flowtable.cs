using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>A flowtable (struct nft_flowtable): connections that skip the forward path between its devices.</summary>
internal sealed class Flowtable(Table table, string name, ulong handle) : INamedObject
{
    public Table Table { get; } = table;

    public string Name { get; } = name;

    public ulong Handle { get; } = handle;

    public bool IsDeleted { get; set; }

    public uint Hook { get; init; }

    public int Priority { get; init; }

    public uint Flags { get; set; }

    public uint Use { get; set; }

    public List<string> Devices { get; set; } = [];

    /// <summary>Its connections, while it stands.</summary>
    public ShortCuts? ShortCuts { get; set; }

    /// <summary>The devices at whose ingress it takes packets.</summary>
    public List<NetworkDevice> Attached { get; } = [];
}
