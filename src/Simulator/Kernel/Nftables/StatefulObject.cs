using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Something that rules refer to by name (struct nft_object).</summary>
internal abstract class StatefulObject
{
    public Table Table { get; private set; } = null!;

    public string Name { get; private set; } = "";

    public ulong Handle { get; private set; }

    public byte[]? UserData { get; private set; }

    public bool IsDeleted { get; set; }

    public uint Use { get; set; }

    /// <summary>NFT_OBJECT_*.</summary>
    public abstract uint Type { get; }

    public abstract AttributePolicy Policy { get; }

    /// <summary>A second definition changes the first.</summary>
    public virtual bool CanUpdate => false;

    public abstract LinuxError Init(NftContext context, ParsedAttributes table);

    public abstract void Dump(ref NetlinkWriter writer, bool reset);

    public abstract void Evaluate(Evaluation evaluation);

    public virtual void Update(StatefulObject other)
    {
    }

    /// <summary>It goes, or never came: what it had switched on is let go.</summary>
    public virtual void Release()
    {
    }

    public void Place(Table table, string name, ulong handle, byte[]? userData)
    {
        Table = table;
        Name = name;
        Handle = handle;
        UserData = userData;
    }

    /// <summary>An object of a type, still empty; null where this kernel has none such for the family.</summary>
    public static StatefulObject? Create(uint type, byte family, KernelProfile profile) => type switch
    {
        NFT_OBJECT_COUNTER => new CounterObject(),
        NFT_OBJECT_QUOTA => new QuotaObject(),
        NFT_OBJECT_CT_HELPER => new ConntrackHelperObject(),
        NFT_OBJECT_LIMIT => new LimitObject(),
        NFT_OBJECT_CONNLIMIT => new ConnectionLimitObject(),
        NFT_OBJECT_CT_TIMEOUT when profile.HasConntrackTimeouts => new ConntrackTimeoutObject(),
        NFT_OBJECT_CT_EXPECT => new ConntrackExpectationObject(),
        NFT_OBJECT_SYNPROXY when family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET => new SynproxyObject(),
        NFT_OBJECT_SECMARK when profile.HasSecurityMarks => new SecurityMarkObject(),
        NFT_OBJECT_TUNNEL when profile.HasTunnelObjects && family == NFPROTO_NETDEV => new TunnelObject(),
        _ => null,
    };
}
