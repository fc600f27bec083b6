using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Tests.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Conntrack;

/// <summary>Requests of ctnetlink by chance: valid, half valid and wrong, over few flows so that they meet.</summary>
internal sealed class RandomConntrackRequests(int seed)
{
    /// <summary>No port above it is asked for.</summary>
    public const ushort LastPort = 4022;

    private const byte Ipv4 = 2, Ipv6 = 10;

    private static readonly byte[] Protocols = [6, 6, 6, 17, 17, 1, 58, 132, 136, 47, 99];
    private static readonly string[] Helpers = ["ftp", "tftp", "sip", "irc", "amanda", "", "nothing"];

    private readonly Random _random = new(seed);
    private bool _translates;

    public byte[] Next()
    {
        _translates = false;
        byte[] request = Maybe(70) ? OfConnections() : OfExpectations();
        if (Maybe(4))
        {
            // A version that only a flush looks at.
            request[17] = 1;
        }

        if (request.Length > 20 && !_translates && Maybe(3))
        {
            // An attribute cut short, or another than was meant; which of a range of addresses a translation takes is the kernel's secret.
            request[_random.Next(20, request.Length)] ^= (byte)(1 << _random.Next(8));
        }

        return request;
    }

    private byte[] OfConnections()
    {
        byte family = Family();
        byte protocol = Protocol(family);
        int verb = _random.Next(20) switch
        {
            < 11 => IPCTNL_MSG_CT_NEW,
            < 14 => IPCTNL_MSG_CT_GET,
            < 16 => IPCTNL_MSG_CT_DELETE,
            16 => IPCTNL_MSG_CT_GET_CTRZERO,
            17 => IPCTNL_MSG_CT_GET_STATS,
            18 => IPCTNL_MSG_CT_GET_UNCONFIRMED,
            _ => _random.Next(10),
        };
        var attributes = new List<byte[]>();
        (byte[] near, byte[] far, ushort port, ushort other) = (Address(family), Address(family), Port(), Port());
        Add(attributes, verb == IPCTNL_MSG_CT_NEW ? 97 : verb == IPCTNL_MSG_CT_DELETE ? 80 : 60, () => Tuple(CTA_TUPLE_ORIG, family, protocol, near, far, port, other, true));
        Add(attributes, verb == IPCTNL_MSG_CT_NEW ? 90 : 20, () => Maybe(90)
            ? Tuple(CTA_TUPLE_REPLY, family, protocol, far, near, protocol is 1 or 58 ? port : other, port, false)
            : Tuple(CTA_TUPLE_REPLY, family, Protocol(family), Address(family), Address(family), Port(), Port(), false));
        if (verb == IPCTNL_MSG_CT_NEW)
        {
            Add(attributes, 92, () => U32(CTA_TIMEOUT, Maybe(95) ? (uint)_random.Next(1, 90) * 10 : uint.MaxValue));
            Add(attributes, 50, () => U32(CTA_STATUS, (Maybe(90) ? IPS_CONFIRMED : 0) | (Maybe(25) ? 1u << _random.Next(18) : 0) | (Maybe(40) ? IPS_SEEN_REPLY : 0) | (Maybe(30) ? IPS_ASSURED : 0)));
            Add(attributes, 40, () => ProtocolState(protocol));
            Add(attributes, 15, () => Nest(CTA_HELP, Some(Text(CTA_HELP_NAME, Pick(Helpers)))));
            Add(attributes, 12, () => Nat(CTA_NAT_SRC, family));
            Add(attributes, 12, () => Nat(CTA_NAT_DST, family));
            Add(attributes, 8, () => Nest(CTA_SEQ_ADJ_ORIG, Some(U32(1, Number()), U32(2, Number()), U32(3, Number()))));
            Add(attributes, 8, () => Nest(CTA_SEQ_ADJ_REPLY, Some(U32(1, Number()), U32(2, Number()), U32(3, Number()))));
            Add(attributes, 8, () => Nest(CTA_SYNPROXY, Some(U32(1, Number()), U32(2, Number()), U32(3, Number()))));
            Add(attributes, 20, () => A(CTA_LABELS, Bytes(Maybe(80) ? 16 : _random.Next(20))));
            Add(attributes, 12, () => A(CTA_LABELS_MASK, Bytes(Maybe(80) ? 16 : _random.Next(20))));
            Add(attributes, 10, () => Tuple(CTA_TUPLE_MASTER, family, Protocol(family), Address(family), Address(family), Port(), Port(), true));
        }
        else
        {
            Add(attributes, 10, () => U32(CTA_STATUS, 1u << _random.Next(5)));
            Add(attributes, 8, () => U32(CTA_STATUS_MASK, 1u << _random.Next(5)));
            Add(attributes, 15, () => Nest(CTA_FILTER, Some(Host32(CTA_FILTER_ORIG_FLAGS, Parts()), Host32(CTA_FILTER_REPLY_FLAGS, Parts()))));
        }

        Add(attributes, 15, () => A(CTA_ZONE, 0, (byte)_random.Next(3)));
        Add(attributes, 20, () => U32(CTA_MARK, (uint)_random.Next(4)));
        Add(attributes, 8, () => U32(CTA_MARK_MASK, (uint)_random.Next(4)));
        bool dumps = verb is IPCTNL_MSG_CT_GET or IPCTNL_MSG_CT_GET_CTRZERO or IPCTNL_MSG_CT_GET_UNCONFIRMED && Maybe(50);
        return new NftBatch().Message((ushort)(NFNL_SUBSYS_CTNETLINK << 8 | verb), Flags(dumps), Maybe(92) ? family : (byte)0, 0, [.. attributes]).ToArray();
    }

    private byte[] OfExpectations()
    {
        byte family = Family();
        byte protocol = Protocol(family);
        int verb = _random.Next(12) switch
        {
            < 7 => IPCTNL_MSG_EXP_NEW,
            < 9 => IPCTNL_MSG_EXP_GET,
            9 => IPCTNL_MSG_EXP_DELETE,
            10 => IPCTNL_MSG_EXP_GET_STATS_CPU,
            _ => _random.Next(6),
        };
        var attributes = new List<byte[]>();
        Add(attributes, verb == IPCTNL_MSG_EXP_NEW ? 96 : 80, () => Tuple(CTA_EXPECT_TUPLE, family, protocol, Address(family), Address(family), Port(), Port(), true));
        Add(attributes, verb == IPCTNL_MSG_EXP_NEW ? 96 : 30, () => Tuple(CTA_EXPECT_MASTER, family, Protocol(family), Address(family), Address(family), Port(), Port(), true));
        if (verb == IPCTNL_MSG_EXP_NEW)
        {
            Add(attributes, 96, () => Tuple(CTA_EXPECT_MASK, family, protocol, Mask(family), Mask(family), (ushort)(Maybe(50) ? 0xffff : 0), 0xffff, true));
            Add(attributes, 60, () => U32(CTA_EXPECT_TIMEOUT, (uint)_random.Next(1, 60) * 10));
            Add(attributes, 30, () => U32(CTA_EXPECT_FLAGS, (uint)_random.Next(Maybe(95) ? 8 : 16)));
            Add(attributes, 20, () => U32(CTA_EXPECT_CLASS, (uint)_random.Next(4)));
            Add(attributes, 12, () => Nest(CTA_EXPECT_NAT, Some(U32(CTA_EXPECT_NAT_DIR, (uint)_random.Next(2)), Tuple(CTA_EXPECT_NAT_TUPLE, family, protocol, Address(family), Address(family), Port(), Port(), true))));
            Add(attributes, 12, () => Text(CTA_EXPECT_FN, Maybe(80) ? "nat-follow-master" : "nothing"));
        }

        Add(attributes, 25, () => Text(CTA_EXPECT_HELP_NAME, Pick(Helpers)));
        Add(attributes, 10, () => A(CTA_EXPECT_ZONE, 0, (byte)_random.Next(3)));
        bool dumps = verb is IPCTNL_MSG_EXP_GET or IPCTNL_MSG_EXP_GET_STATS_CPU && Maybe(50);
        return new NftBatch().Message((ushort)(NFNL_SUBSYS_CTNETLINK_EXP << 8 | verb), Flags(dumps), Maybe(95) ? family : (byte)0, 0, [.. attributes]).ToArray();
    }

    private NetlinkMessageFlags Flags(bool dumps) => NetlinkMessageFlags.Acknowledge
        | (dumps ? NetlinkMessageFlags.Dump : (Maybe(80) ? NetlinkMessageFlags.Create : 0) | (Maybe(15) ? NetlinkMessageFlags.Exclusive : 0))
        | (Maybe(8) ? NetlinkMessageFlags.Echo : 0);

    private byte[] Tuple(ushort type, byte family, byte protocol, byte[] source, byte[] destination, ushort port, ushort other, bool asks)
    {
        var parts = new List<byte[]>();
        bool isV6 = family == Ipv6;
        Add(parts, 98, () => Nest(CTA_TUPLE_IP, Some(A(isV6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, source), A(isV6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, destination))));
        byte[][] numbers = protocol switch
        {
            1 => [A(CTA_PROTO_ICMP_ID, Two(port)), A(CTA_PROTO_ICMP_TYPE, Maybe(95) ? (byte)(asks ? 8 : 0) : (byte)_random.Next(20)), A(CTA_PROTO_ICMP_CODE, 0)],
            58 => [A(CTA_PROTO_ICMPV6_ID, Two(port)), A(CTA_PROTO_ICMPV6_TYPE, Maybe(95) ? (byte)(asks ? 128 : 129) : (byte)_random.Next(120, 150)), A(CTA_PROTO_ICMPV6_CODE, 0)],
            _ => [A(CTA_PROTO_SRC_PORT, Two(port)), A(CTA_PROTO_DST_PORT, Two(other))],
        };
        Add(parts, 98, () => Nest(CTA_TUPLE_PROTO, Some([A(CTA_PROTO_NUM, protocol), .. numbers])));
        Add(parts, 6, () => A(CTA_TUPLE_ZONE, 0, (byte)_random.Next(3)));
        return Nest(type, [.. parts]);
    }

    private byte[] ProtocolState(byte protocol) => Nest(CTA_PROTOINFO, protocol == 132
        ? Nest(CTA_PROTOINFO_SCTP, Some(A(CTA_PROTOINFO_SCTP_STATE, (byte)_random.Next(9)), U32(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, Number()), U32(CTA_PROTOINFO_SCTP_VTAG_REPLY, Number())))
        : Nest(
            CTA_PROTOINFO_TCP,
            Some(
                A(CTA_PROTOINFO_TCP_STATE, (byte)_random.Next(12)),
                A(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, (byte)_random.Next(64), (byte)_random.Next(64)),
                A(CTA_PROTOINFO_TCP_FLAGS_REPLY, (byte)_random.Next(64), (byte)_random.Next(64)),
                A(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, (byte)_random.Next(16)),
                A(CTA_PROTOINFO_TCP_WSCALE_REPLY, (byte)_random.Next(16)))));

    private byte[] Nat(ushort type, byte family)
    {
        _translates = true;
        byte[] address = Address(family);
        var parts = new List<byte[]>();
        Add(parts, 80, () => A(family == Ipv6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, address));
        Add(parts, 60, () => A(family == Ipv6 ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, address));

        // A range of more than one port is drawn from.
        byte[] port = Two(Port());
        Add(parts, 30, () => Nest(CTA_NAT_PROTO, A(CTA_PROTONAT_PORT_MIN, port), A(CTA_PROTONAT_PORT_MAX, port)));
        return Nest(type, [.. parts]);
    }

    private byte Family() => Maybe(75) ? Ipv4 : Ipv6;

    private byte Protocol(byte family) => Pick(Protocols) is var protocol && protocol == 1 && family == Ipv6 ? (byte)58 : protocol == 58 && family == Ipv4 ? (byte)1 : protocol;

    private byte[] Address(byte family) => family == Ipv6 ? [0xfd, .. new byte[14], (byte)_random.Next(1, 3)] : [10, 0, 0, (byte)_random.Next(1, 3)];

    private byte[] Mask(byte family) => [.. Enumerable.Repeat((byte)(Maybe(70) ? 255 : 0), family == Ipv6 ? 16 : 4)];

    private ushort Port() => (ushort)_random.Next(LastPort - 1, LastPort + 1);

    private uint Parts() => Maybe(95) ? (uint)_random.Next(1 << 12) & (Maybe(50) ? 0xfu : 0xfff) : (uint)_random.Next();

    private uint Number() => (uint)_random.Next(1, 100);

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Two(ushort value) => [(byte)(value >> 8), (byte)value];

    private static byte[] Host32(ushort type, uint value) => A(type, BitConverter.GetBytes(value));

    private byte[][] Some(params byte[][] attributes) => [.. attributes.Where(_ => Maybe(97))];

    private void Add(List<byte[]> attributes, int percent, Func<byte[]> attribute)
    {
        if (Maybe(percent))
        {
            attributes.Add(attribute());
        }
    }

    private bool Maybe(int percent) => _random.Next(100) < percent;

    private T Pick<T>(T[] from) => from[_random.Next(from.Length)];
}
