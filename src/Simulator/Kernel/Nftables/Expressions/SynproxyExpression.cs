using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>What a SYN proxy announces.</summary>
internal sealed class SynproxyState
{
    /// <summary>NF_SYNPROXY_OPT_MASK.</summary>
    private const uint KnownFlags = 0xf;

    private ushort _segmentSize;
    private byte _windowScale;
    private uint _flags;

    public static AttributePolicy Policy { get; } = new(
        NFTA_SYNPROXY_FLAGS, (NFTA_SYNPROXY_MSS, AttributePolicy.U16), (NFTA_SYNPROXY_WSCALE, AttributePolicy.U8), (NFTA_SYNPROXY_FLAGS, AttributePolicy.U32));

    public LinuxError Init(ParsedAttributes table)
    {
        _segmentSize = table.Has(NFTA_SYNPROXY_MSS) ? table[NFTA_SYNPROXY_MSS].UInt16BigEndian : (ushort)0;
        _windowScale = table.Has(NFTA_SYNPROXY_WSCALE) ? table[NFTA_SYNPROXY_WSCALE].Byte : (byte)0;
        _flags = table.Has(NFTA_SYNPROXY_FLAGS) ? table[NFTA_SYNPROXY_FLAGS].UInt32BigEndian : 0;
        return (_flags & ~KnownFlags) != 0 ? LinuxError.EOPNOTSUPP : LinuxError.None;
    }

    public void Dump(ref NetlinkWriter writer)
    {
        writer.WriteUInt16BigEndian(NFTA_SYNPROXY_MSS, _segmentSize);
        writer.WriteByte(NFTA_SYNPROXY_WSCALE, _windowScale);
        writer.WriteUInt32BigEndian(NFTA_SYNPROXY_FLAGS, _flags);
    }

    /// <summary>No handshake is proxied: the rule ends, and a TCP packet's trace says so.</summary>
    public static void Skip(Evaluation evaluation)
    {
        if (evaluation.Packet.TransportProtocol == IpProtocol.Tcp)
        {
            evaluation.Packet.Tell(StoryKind.Decision, TraceLevel.Summary, evaluation.Stack.HostName, "synproxy is not modelled by the simulated kernel; the rule ends");
        }

        evaluation.Break();
    }

    public void Update(SynproxyState other)
    {
        _segmentSize = other._segmentSize;
        _windowScale = other._windowScale;
        _flags = other._flags;
    }
}

/// <summary>synproxy: answers SYNs in the server's stead. Accepted and listed; no handshake is proxied, such packets end the rule.</summary>
internal sealed class SynproxyExpression : ConntrackUser
{
    private readonly SynproxyState _state = new();

    public static ExpressionType Type { get; } = ExpressionType.Of<SynproxyExpression>(SynproxyState.Policy);

    /// <inheritdoc />
    public override string Name => "synproxy";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = _state.Init(table);
        return error != LinuxError.None ? error : Use(context);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) =>
        validation.IsHook(1u << Hook.Input | 1u << Hook.Forward) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => SynproxyState.Skip(evaluation);
}

/// <summary>A SYN proxy under a name.</summary>
internal sealed class SynproxyObject : StatefulObject
{
    private readonly SynproxyState _state = new();

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_SYNPROXY;

    /// <inheritdoc />
    public override AttributePolicy Policy => SynproxyState.Policy;

    /// <inheritdoc />
    public override bool CanUpdate => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => _state.Init(table);

    /// <inheritdoc />
    public override void Update(StatefulObject other) => _state.Update(((SynproxyObject)other)._state);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => SynproxyState.Skip(evaluation);
}
