using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>A connection tracking helper under a name. Helpers are accepted and listed; none works in the datapath.</summary>
internal sealed class ConntrackHelperObject : StatefulObject
{
    /// <summary>The helpers of the kernel, by name and transport protocol.</summary>
    private static readonly HashSet<(string, byte)> Known =
    [
        ("ftp", 6), ("tftp", 17), ("sip", 6), ("sip", 17), ("irc", 6), ("amanda", 17), ("netbios-ns", 17), ("snmp", 17), ("sane", 6), ("pptp", 6),
        ("Q.931", 6), ("RAS", 17), ("H.245", 6),
    ];

    private string _name = "";
    private byte _transport;
    private ushort _network;

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CT_HELPER;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(
        NFTA_CT_HELPER_L4PROTO, (NFTA_CT_HELPER_NAME, AttributePolicy.Text(15)), (NFTA_CT_HELPER_L3PROTO, AttributePolicy.U16), (NFTA_CT_HELPER_L4PROTO, AttributePolicy.U8));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_CT_HELPER_NAME) || !table.Has(NFTA_CT_HELPER_L4PROTO))
        {
            return LinuxError.EINVAL;
        }

        _transport = table[NFTA_CT_HELPER_L4PROTO].Byte;
        if (_transport == 0)
        {
            return LinuxError.ENOENT;
        }

        _network = table.Has(NFTA_CT_HELPER_L3PROTO) ? table[NFTA_CT_HELPER_L3PROTO].UInt16BigEndian : context.Family;
        _name = table[NFTA_CT_HELPER_NAME].Name;
        return Known.Contains((_name, _transport)) ? LinuxError.None : LinuxError.ENOENT;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_CT_HELPER_NAME, _name);
        writer.WriteByte(NFTA_CT_HELPER_L4PROTO, _transport);
        writer.WriteUInt16BigEndian(NFTA_CT_HELPER_L3PROTO, _network);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}

/// <summary>Timeouts for connections under a name. Accepted and listed.</summary>
internal sealed class ConntrackTimeoutObject : StatefulObject
{
    private byte[] _data = [];
    private byte _transport;
    private ushort _network;

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CT_TIMEOUT;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(
        NFTA_CT_TIMEOUT_DATA, (NFTA_CT_TIMEOUT_L3PROTO, AttributePolicy.U16), (NFTA_CT_TIMEOUT_L4PROTO, AttributePolicy.U8), (NFTA_CT_TIMEOUT_DATA, AttributePolicy.Nested));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_CT_TIMEOUT_L4PROTO) || !table.Has(NFTA_CT_TIMEOUT_DATA))
        {
            return LinuxError.EINVAL;
        }

        _network = table.Has(NFTA_CT_TIMEOUT_L3PROTO) ? table[NFTA_CT_TIMEOUT_L3PROTO].UInt16BigEndian : context.Family;
        _transport = table[NFTA_CT_TIMEOUT_L4PROTO].Byte;
        _data = table[NFTA_CT_TIMEOUT_DATA].Value.ToArray();
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteByte(NFTA_CT_TIMEOUT_L4PROTO, _transport);
        writer.WriteUInt16BigEndian(NFTA_CT_TIMEOUT_L3PROTO, _network);
        writer.WriteBytes(NFTA_CT_TIMEOUT_DATA, _data);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}

/// <summary>An expectation of further connections under a name. Accepted and listed; nothing is expected in the datapath.</summary>
internal sealed class ConntrackExpectationObject : StatefulObject
{
    private ushort _network, _port;
    private byte _transport, _size;
    private uint _timeout;

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_CT_EXPECT;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(
        NFTA_CT_EXPECT_SIZE,
        (NFTA_CT_EXPECT_L3PROTO, AttributePolicy.U16),
        (NFTA_CT_EXPECT_L4PROTO, AttributePolicy.U8),
        (NFTA_CT_EXPECT_DPORT, AttributePolicy.U16),
        (NFTA_CT_EXPECT_TIMEOUT, AttributePolicy.U32),
        (NFTA_CT_EXPECT_SIZE, AttributePolicy.U8));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_CT_EXPECT_L4PROTO) || !table.Has(NFTA_CT_EXPECT_DPORT) || !table.Has(NFTA_CT_EXPECT_TIMEOUT) || !table.Has(NFTA_CT_EXPECT_SIZE))
        {
            return LinuxError.EINVAL;
        }

        _network = table.Has(NFTA_CT_EXPECT_L3PROTO) ? table[NFTA_CT_EXPECT_L3PROTO].UInt16BigEndian : context.Family;
        bool fits = _network switch
        {
            NFPROTO_IPV4 or NFPROTO_IPV6 => context.Family == NFPROTO_INET || context.Family == _network,
            NFPROTO_INET => context.Family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET,
            _ => false,
        };
        if (!fits)
        {
            return _network is NFPROTO_IPV4 or NFPROTO_IPV6 ? LinuxError.EINVAL : LinuxError.EAFNOSUPPORT;
        }

        _transport = table[NFTA_CT_EXPECT_L4PROTO].Byte;
        if (_transport is not (6 or 17 or 33 or 132 or 136))
        {
            return LinuxError.EOPNOTSUPP;
        }

        _port = table[NFTA_CT_EXPECT_DPORT].UInt16BigEndian;
        _timeout = table[NFTA_CT_EXPECT_TIMEOUT].UInt32;
        _size = table[NFTA_CT_EXPECT_SIZE].Byte;
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt16BigEndian(NFTA_CT_EXPECT_L3PROTO, _network);
        writer.WriteByte(NFTA_CT_EXPECT_L4PROTO, _transport);
        writer.WriteUInt16BigEndian(NFTA_CT_EXPECT_DPORT, _port);

        // Milliseconds in the machine's own order: an old slip that became the interface.
        writer.WriteUInt32(NFTA_CT_EXPECT_TIMEOUT, _timeout);
        writer.WriteByte(NFTA_CT_EXPECT_SIZE, _size);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}

/// <summary>A security context under a name. Accepted and listed.</summary>
internal sealed class SecurityMarkObject : StatefulObject
{
    private string _context = "";

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_SECMARK;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(1, (1, AttributePolicy.Text(4096)));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(1))
        {
            return LinuxError.EINVAL;
        }

        // Without a security module no context means anything.
        _context = table[1].Name;
        return LinuxError.ENOENT;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => NftMessage.WriteName(ref writer, 1, _context);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}

/// <summary>A tunnel's metadata under a name. Accepted and listed; the datapath has no tunnels.</summary>
internal sealed class TunnelObject : StatefulObject
{
    private byte[] _data = [];

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_TUNNEL;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(
        NFTA_TUNNEL_KEY_OPTS,
        (NFTA_TUNNEL_KEY_ID, AttributePolicy.U32),
        (NFTA_TUNNEL_KEY_IP, AttributePolicy.Nested),
        (NFTA_TUNNEL_KEY_IP6, AttributePolicy.Nested),
        (NFTA_TUNNEL_KEY_FLAGS, AttributePolicy.U32),
        (NFTA_TUNNEL_KEY_TOS, AttributePolicy.U8),
        (NFTA_TUNNEL_KEY_TTL, AttributePolicy.U8),
        (NFTA_TUNNEL_KEY_SPORT, AttributePolicy.U16),
        (NFTA_TUNNEL_KEY_DPORT, AttributePolicy.U16),
        (NFTA_TUNNEL_KEY_OPTS, AttributePolicy.Nested));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_TUNNEL_KEY_ID) || !table.Has(NFTA_TUNNEL_KEY_IP) && !table.Has(NFTA_TUNNEL_KEY_IP6))
        {
            return LinuxError.EINVAL;
        }

        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        for (ushort type = NFTA_TUNNEL_KEY_ID; type <= NFTA_TUNNEL_KEY_OPTS; type++)
        {
            if (table.Has(type))
            {
                writer.WriteBytes(type, table[type].Value);
            }
        }

        writer.Complete();
        _data = buffer.Written.ToArray();
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => writer.Append(_data);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}
