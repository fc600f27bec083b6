namespace EucaNet.Netfilter.Nftables.Expressions;

#pragma warning disable CS1591 // the names say it; values are those of linux/netfilter/nf_tables.h

/// <summary>What meta loads or sets (NFT_META_*).</summary>
public enum MetaKey : uint
{
    Length, Protocol, Priority, Mark, InputInterface, OutputInterface, InputInterfaceName, OutputInterfaceName, InputInterfaceType, OutputInterfaceType,
    SocketUser, SocketGroup, Trace, RoutingClass, SecurityMark, NetfilterProtocol, Layer4Protocol, BridgeInputInterfaceName, BridgeOutputInterfaceName,
    PacketType, Cpu, InputInterfaceGroup, OutputInterfaceGroup, Cgroup, Random, SecurityPath, InputInterfaceKind, OutputInterfaceKind,
    BridgeInputPortVlan, BridgeInputVlanProtocol, Time, TimeDay, TimeHour, SlaveInputInterface, SlaveInputInterfaceName, BridgeBroute,
    BridgeInputHardwareAddress = 37,
}

/// <summary>What ct loads or sets (NFT_CT_*).</summary>
public enum ConntrackKey : uint
{
    State, Direction, Status, Mark, SecurityMark, Expiration, Helper, Layer3Protocol, Source, Destination, Protocol, SourcePort, DestinationPort,
    Labels, Packets, Bytes, AveragePacket, Zone, EventMask, SourceIp, DestinationIp, SourceIp6, DestinationIp6, Id,
}

/// <summary>A flow's direction (IP_CT_DIR_*).</summary>
public enum ConntrackDirection : byte
{
    Original, Reply,
}

/// <summary>What rt loads (NFT_RT_*).</summary>
public enum RoutingKey : uint
{
    ClassId, NextHop4, NextHop6, TcpMaximumSegmentSize, Ipsec,
}

/// <summary>What socket loads (NFT_SOCKET_*).</summary>
public enum SocketKey : uint
{
    Transparent, Mark, Wildcard, CgroupV2,
}

/// <summary>What tunnel loads (NFT_TUNNEL_*).</summary>
public enum TunnelKey : uint
{
    Path, Id,
}

/// <summary>On which side a tunnel is asked for (NFT_TUNNEL_MODE_*).</summary>
public enum TunnelMode : uint
{
    None, Receive, Transmit,
}

/// <summary>What xfrm loads (NFT_XFRM_KEY_*).</summary>
public enum XfrmKey : uint
{
    Unspecified, DestinationIp, DestinationIp6, SourceIp, SourceIp6, RequestId, Spi,
}

/// <summary>Which way an IPsec state is looked for (XFRM_POLICY_*).</summary>
public enum XfrmDirection : byte
{
    In, Out,
}

/// <summary>Where a payload offset counts from (NFT_PAYLOAD_*).</summary>
public enum PayloadBase : uint
{
    LinkLayerHeader, NetworkHeader, TransportHeader, InnerHeader, TunnelHeader,
}

/// <summary>Which checksum a payload write mends (NFT_PAYLOAD_CSUM_*).</summary>
public enum PayloadChecksum : uint
{
    None, Internet, Sctp,
}

/// <summary>How cmp compares (NFT_CMP_*).</summary>
public enum CompareOperator : uint
{
    Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual,
}

/// <summary>How range compares (NFT_RANGE_*).</summary>
public enum RangeOperator : uint
{
    Equal, NotEqual,
}

/// <summary>What bitwise does (NFT_BITWISE_*).</summary>
public enum BitwiseOperation : uint
{
    MaskAndXor, ShiftLeft, ShiftRight, And, Or, Xor,
}

/// <summary>Which way byteorder converts (NFT_BYTEORDER_*).</summary>
public enum ByteOrderOperation : uint
{
    NetworkToHost, HostToNetwork,
}

/// <summary>What dynset does with the element (NFT_DYNSET_OP_*).</summary>
public enum DynamicSetOperation : uint
{
    Add, Update, Delete,
}

/// <summary>Which kind of header or option exthdr reads (NFT_EXTHDR_OP_*).</summary>
public enum ExtensionHeaderKind : uint
{
    Ip6, TcpOption, Ip4Option, SctpChunk, DccpOption,
}

/// <summary>What fib answers (NFT_FIB_RESULT_*).</summary>
public enum FibResult : uint
{
    Unspecified, OutputInterface, OutputInterfaceName, AddressType,
}

/// <summary>What fib looks up by (NFTA_FIB_F_*).</summary>
[Flags]
public enum FibFlags : uint
{
    None = 0, SourceAddress = 1, DestinationAddress = 2, Mark = 4, InputInterface = 8, OutputInterface = 16, Present = 32,
}

/// <summary>How hash computes (NFT_HASH_*).</summary>
public enum HashKind : uint
{
    Jenkins, Symmetric,
}

/// <summary>How numgen counts (NFT_NG_*).</summary>
public enum NumberGeneratorKind : uint
{
    Incremental, Random,
}

/// <summary>What limit counts (NFT_LIMIT_*).</summary>
public enum LimitKind : uint
{
    Packets, Bytes,
}

/// <summary>Which address nat rewrites (NFT_NAT_*).</summary>
public enum NatKind : uint
{
    Source, Destination,
}

/// <summary>How an address and port are chosen (NF_NAT_RANGE_*).</summary>
[Flags]
public enum NatFlags : uint
{
    None = 0, MapAddresses = 1, ProtocolSpecified = 2, Random = 4, Persistent = 8, FullyRandom = 16, ProtocolOffset = 32, MapNetwork = 64,
}

/// <summary>With what reject answers (NFT_REJECT_*).</summary>
public enum RejectKind : uint
{
    IcmpUnreachable, TcpReset, IcmpxUnreachable,
}

/// <summary>Flags of queue (NFT_QUEUE_FLAG_*).</summary>
[Flags]
public enum QueueFlags : ushort
{
    None = 0, Bypass = 1, CpuFanout = 2,
}

/// <summary>What log adds (NF_LOG_*).</summary>
[Flags]
public enum LogFlags : uint
{
    None = 0, TcpSequence = 1, TcpOptions = 2, IpOptions = 4, SocketUser = 8, NfLog = 16, LinkLayer = 32,
}

/// <summary>Flags of quota (NFT_QUOTA_F_*).</summary>
[Flags]
public enum QuotaFlags : uint
{
    None = 0, Over = 1, Depleted = 2,
}

/// <summary>Which TCP options synproxy takes part in (NF_SYNPROXY_OPT_*).</summary>
[Flags]
public enum SynproxyFlags : uint
{
    None = 0, MaximumSegmentSize = 1, WindowScale = 2, SackPermitted = 4, Timestamp = 8, ExplicitCongestion = 16,
}

/// <summary>How inner finds the encapsulated packet (NFT_INNER_*).</summary>
public enum InnerKind : uint
{
    Unspecified, Vxlan, Geneve,
}
