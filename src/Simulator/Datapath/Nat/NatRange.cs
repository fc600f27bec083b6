using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Nat;

/// <summary>Which end of a connection is rewritten (enum nf_nat_manip_type, same numbers).</summary>
internal enum NatManipulation : byte
{
    Source = 0,
    Destination = 1,
}

/// <summary>NF_NAT_RANGE_* (linux/netfilter/nf_nat.h, same numbers).</summary>
[Flags]
internal enum NatRangeFlags : uint
{
    None = 0,
    MapAddresses = 1 << 0,
    PortsSpecified = 1 << 1,
    PortsRandom = 1 << 2,
    Persistent = 1 << 3,
    PortsRandomFully = 1 << 4,
    PortsOffset = 1 << 5,
    NetMap = 1 << 6,
}

/// <summary>What a connection's end may become (struct nf_nat_range2).</summary>
/// <param name="Flags">What of the rest counts.</param>
/// <param name="MinimumAddress">First address.</param>
/// <param name="MaximumAddress">Last address.</param>
/// <param name="MinimumPort">First port, or ICMP identifier.</param>
/// <param name="MaximumPort">Last port.</param>
/// <param name="BasePort">With <see cref="NatRangeFlags.PortsOffset"/>: the first port of the unchanged range.</param>
internal readonly record struct NatRange(
    NatRangeFlags Flags, InternetAddress MinimumAddress, InternetAddress MaximumAddress, ushort MinimumPort = 0, ushort MaximumPort = 0, ushort BasePort = 0)
{
    /// <summary>One address, ports as they come.</summary>
    public static NatRange To(InternetAddress address) => new(NatRangeFlags.MapAddresses, address, address);
}
