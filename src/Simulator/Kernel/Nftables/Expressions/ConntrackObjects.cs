using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel.Conntrack;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>What a rule gives to a connection that begins: a helper, timeouts, a further connection to expect.</summary>
internal abstract class TrackingObject : StatefulObject
{
    private SimulatedKernel? _tracks;
    private byte _family;

    /// <summary>Connections are tracked from now on, until it goes.</summary>
    protected LinuxError Track(NftContext context)
    {
        (_tracks, _family) = (context.Subsystem.Kernel, context.Family);
        _tracks.Stack.Netfilter.UseConntrack(_family);
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Release()
    {
        _tracks?.Stack.Netfilter.ReleaseConntrack(_family);
        _tracks = null;
    }

    /// <summary>The connection that a packet begins; null where it is of one that stands already, or of none.</summary>
    protected static Connection? Beginning(Evaluation evaluation) => evaluation.Packet.Connection is { IsTemplate: false, IsConfirmed: false } connection ? connection : null;
}

/// <summary>A connection tracking helper under a name (nft_ct_helper_obj).</summary>
internal sealed class ConntrackHelperObject : TrackingObject
{
    private ConnectionHelper? _v4, _v6;
    private string _name = "";
    private byte _transport;

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

        ushort family = table.Has(NFTA_CT_HELPER_L3PROTO) ? table[NFTA_CT_HELPER_L3PROTO].UInt16BigEndian : context.Family;
        if (family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET or NFPROTO_BRIDGE or NFPROTO_NETDEV))
        {
            return LinuxError.EAFNOSUPPORT;
        }

        if (family == NFPROTO_IPV4 && context.Family == NFPROTO_IPV6 || family == NFPROTO_IPV6 && context.Family == NFPROTO_IPV4)
        {
            return LinuxError.EINVAL;
        }

        _name = table[NFTA_CT_HELPER_NAME].Name;
        _v4 = family == NFPROTO_IPV6 ? null : ConnectionHelper.Find(_name, InternetAddress.V4, _transport);
        _v6 = family == NFPROTO_IPV4 ? null : ConnectionHelper.Find(_name, InternetAddress.V6, _transport);
        return _v4 is null && _v6 is null ? LinuxError.ENOENT : Track(context);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_CT_HELPER_NAME, _name);
        writer.WriteByte(NFTA_CT_HELPER_L4PROTO, _transport);
        writer.WriteUInt16BigEndian(NFTA_CT_HELPER_L3PROTO, _v4 is null ? NFPROTO_IPV6 : _v6 is null ? NFPROTO_IPV4 : NFPROTO_INET);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (Beginning(evaluation) is not { } connection || connection.Original.Protocol != _transport || (connection.Status & ConnectionStatus.Helper) != 0)
        {
            return;
        }

        if ((connection.Original.Family == InternetAddress.V4 ? _v4 : _v6) is { } helper)
        {
            connection.Helper = helper;
            connection.CanExpect = true;
            connection.Status |= ConnectionStatus.Helper;
        }
    }
}

/// <summary>Timeouts for connections under a name (nft_ct_timeout_obj).</summary>
internal sealed class ConntrackTimeoutObject : TrackingObject
{
    private TimeoutPolicy _policy = null!;
    private ConnectionTracker? _tracker;
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
        LinuxError error = TimeoutAttributes.Read(table[NFTA_CT_TIMEOUT_DATA], table[NFTA_CT_TIMEOUT_L4PROTO].Byte, context.Subsystem.Kernel, out TimeoutPolicy? policy);
        if (error != LinuxError.None)
        {
            return error;
        }

        _policy = policy!;
        _tracker = context.Subsystem.Kernel.Stack.Conntrack;
        return Track(context);
    }

    /// <summary>Connections that have the times have them no longer (nf_ct_untimeout).</summary>
    public override void Release()
    {
        foreach (Connection connection in _tracker?.Connections ?? [])
        {
            connection.Policy = connection.Policy == _policy ? null : connection.Policy;
        }

        base.Release();
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteByte(NFTA_CT_TIMEOUT_L4PROTO, _policy.Protocol);
        writer.WriteUInt16BigEndian(NFTA_CT_TIMEOUT_L3PROTO, _network);
        TimeoutAttributes.Write(ref writer, NFTA_CT_TIMEOUT_DATA, _policy);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (Beginning(evaluation) is { } connection && connection.Original.Protocol == _policy.Protocol)
        {
            connection.Policy = _policy;
            evaluation.Stack.Conntrack.Refresh(connection, _policy.First);
        }
    }
}

/// <summary>A further connection that is expected, under a name (nft_ct_expect_obj).</summary>
internal sealed class ConntrackExpectationObject : TrackingObject
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
        return Track(context);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt16BigEndian(NFTA_CT_EXPECT_L3PROTO, _network);
        writer.WriteByte(NFTA_CT_EXPECT_L4PROTO, _transport);
        writer.WriteUInt16BigEndian(NFTA_CT_EXPECT_DPORT, _port);

        // In the machine's own order: an old slip that became the interface.
        writer.WriteUInt32(NFTA_CT_EXPECT_TIMEOUT, _timeout);
        writer.WriteByte(NFTA_CT_EXPECT_SIZE, _size);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (Beginning(evaluation) is not { } master)
        {
            evaluation.Break();
            return;
        }

        ExpectationTable expectations = evaluation.Stack.Conntrack.Expectations;
        master.CanExpect = true;
        if (expectations.CountOf(master, 0) >= _size)
        {
            evaluation.Break();
            return;
        }

        // Whoever answers may come back to the port, from any port of its own. nft sends the time in milliseconds; the kernel takes it for seconds.
        ConnectionTuple answer = master.Tuple(1 - Connection.DirectionOf(evaluation.Packet.ConnectionInfo));
        var family = (byte)_network;
        var expectation = new Expectation(
            expectations.NextId(),
            master,
            new ConnectionTuple(answer.Source with { Family = family }, answer.Destination with { Family = family }, _transport, 0, _port),
            new ConnectionTuple(new InternetAddress(family, InternetAddress.Mask(family, answer.Source.Bits)), InternetAddress.Any(family), _transport, 0, 0))
        {
            Expires = evaluation.Subsystem.Kernel.Clock.Steady.GetUtcNow() + TimeSpan.FromSeconds(_timeout),
        };
        if (expectations.Add(expectation) != LinuxError.None)
        {
            evaluation.Decide(NF_DROP);
        }
    }
}
