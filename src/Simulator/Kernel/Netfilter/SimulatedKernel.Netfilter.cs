using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel.Conntrack;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Xtables;

namespace EucaNet.Simulator.Kernel;

/// <summary>Netfilter's place in the kernel.</summary>
public sealed partial class SimulatedKernel
{
    /// <summary>The tables of nf_tables.</summary>
    internal NftablesSubsystem Nftables { get; private set; } = null!;

    /// <summary>The sets of ipset.</summary>
    internal IpSetSubsystem IpSets { get; private set; } = null!;

    partial void AttachNetfilter()
    {
        IpSets = new IpSetSubsystem(this);
        Nftables = new NftablesSubsystem(this);
        var conntrack = new ConntrackSubsystem(this);
        Register(NetlinkProtocol.Netfilter, new NetfilterSubsystem(this, Nftables, conntrack, new CompatSubsystem(), IpSets));
        conntrack.Listen();
        XtablesOpener = new XtablesSubsystem(this).Open;
    }
}
