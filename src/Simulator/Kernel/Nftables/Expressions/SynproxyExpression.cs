using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Proxy;
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

    /// <summary>A TCP segment is handed to the proxy; the rule of any other packet ends.</summary>
    public void Evaluate(Evaluation evaluation)
    {
        if (!evaluation.HasTransportProtocol || evaluation.TransportProtocol != IpProtocol.Tcp || evaluation.Packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            evaluation.Break();
            return;
        }

        if (evaluation.Stack.SynProxy.Take(evaluation.Context, new ProxyTerms((HandshakeOption)_flags, _segmentSize, _windowScale), isExact: false) is { } verdict)
        {
            evaluation.Decide(verdict == HookVerdict.Stolen ? NF_STOLEN : NF_DROP);
        }
    }

    public void Update(SynproxyState other)
    {
        _segmentSize = other._segmentSize;
        _windowScale = other._windowScale;
        _flags = other._flags;
    }
}

/// <summary>synproxy: answers SYNs in the server's stead.</summary>
internal sealed class SynproxyExpression : ConntrackUser
{
    private readonly SynproxyState _state = new();
    private bool _proxies;

    public static ExpressionType Type { get; } = ExpressionType.Of<SynproxyExpression>(SynproxyState.Policy);

    /// <inheritdoc />
    public override string Name => "synproxy";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = _state.Init(table);
        error = error != LinuxError.None ? error : Use(context);
        if (error == LinuxError.None)
        {
            _proxies = true;
            context.Subsystem.Kernel.Stack.Netfilter.UseProxy(context.Family);
        }

        return error;
    }

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        base.Deactivate(context, phase);
        if (phase != DeactivatePhase.Prepare && _proxies)
        {
            _proxies = false;
            context.Subsystem.Kernel.Stack.Netfilter.ReleaseProxy(context.Family);
        }
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) =>
        validation.IsHook(1u << Hook.Input | 1u << Hook.Forward) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}

/// <summary>A SYN proxy under a name.</summary>
internal sealed class SynproxyObject : StatefulObject
{
    private readonly SynproxyState _state = new();
    private NetfilterHooks? _hooks;
    private byte _family;

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_SYNPROXY;

    /// <inheritdoc />
    public override AttributePolicy Policy => SynproxyState.Policy;

    /// <inheritdoc />
    public override bool CanUpdate => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        LinuxError error = _state.Init(table);
        if (error == LinuxError.None)
        {
            (_hooks, _family) = (context.Subsystem.Kernel.Stack.Netfilter, context.Family);
            _hooks.UseConntrack(_family);
            _hooks.UseProxy(_family);
        }

        return error;
    }

    /// <inheritdoc />
    public override void Release()
    {
        _hooks?.ReleaseProxy(_family);
        _hooks?.ReleaseConntrack(_family);
        _hooks = null;
    }

    /// <inheritdoc />
    public override void Update(StatefulObject other) => _state.Update(((SynproxyObject)other)._state);

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => _state.Dump(ref writer);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => _state.Evaluate(evaluation);
}
