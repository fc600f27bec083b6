using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Transport;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>socket: what is known of the local socket that sent a packet or that it is for; the rule ends where there is none.</summary>
internal sealed class SocketExpression : Expression
{
    private uint _key, _level;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<SocketExpression>(new AttributePolicy(
        NFTA_SOCKET_LEVEL, (NFTA_SOCKET_KEY, AttributePolicy.U32ByteSized), (NFTA_SOCKET_DREG, AttributePolicy.U32), (NFTA_SOCKET_LEVEL, AttributePolicy.U32ByteSized)));

    /// <inheritdoc />
    public override string Name => "socket";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_SOCKET_DREG) || !table.Has(NFTA_SOCKET_KEY))
        {
            return LinuxError.EINVAL;
        }

        if (context.Family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET))
        {
            return LinuxError.EOPNOTSUPP;
        }

        _key = table[NFTA_SOCKET_KEY].UInt32BigEndian;
        int length;
        switch (_key)
        {
            case NFT_SOCKET_TRANSPARENT or NFT_SOCKET_WILDCARD:
                length = 1;
                break;
            case NFT_SOCKET_MARK:
                length = 4;
                break;
            case NFT_SOCKET_CGROUPV2 when context.Profile.HasControlGroupSockets:
                if (!table.Has(NFTA_SOCKET_LEVEL))
                {
                    return LinuxError.EINVAL;
                }

                _level = table[NFTA_SOCKET_LEVEL].UInt32BigEndian;
                length = 8;
                break;
            default:
                return LinuxError.EOPNOTSUPP;
        }

        return Registers.ParseStore(context, table[NFTA_SOCKET_DREG], length, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) =>
        validation.IsHook(1u << Hook.Prerouting | 1u << Hook.Input | 1u << Hook.Output) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_SOCKET_KEY, _key);
        NftMessage.WriteRegister(ref writer, NFTA_SOCKET_DREG, _register);
        if (_key == NFT_SOCKET_CGROUPV2)
        {
            writer.WriteUInt32BigEndian(NFTA_SOCKET_LEVEL, _level);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        // Only whether it is transparent is known of a handshake.
        if (SocketLookup.Of(evaluation.Context) is not { } socket || (!socket.IsFull && _key != NFT_SOCKET_TRANSPARENT))
        {
            evaluation.Break();
            return;
        }

        switch (_key)
        {
            case NFT_SOCKET_TRANSPARENT:
                evaluation.Store8(_register, 0);
                break;
            case NFT_SOCKET_WILDCARD:
                evaluation.Store8(_register, socket.IsWildcard ? (byte)1 : (byte)0);
                break;
            case NFT_SOCKET_MARK:
                evaluation.Store32(_register, LocalSocket.Mark);
                break;
            case NFT_SOCKET_CGROUPV2 when _level == 0:
                evaluation.Store64(_register, LocalSocket.ControlGroup);
                break;
            default:
                // There are no groups below the root.
                evaluation.Break();
                break;
        }
    }
}
