using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>dup: sends a copy of the packet to another next hop, in the netdev family out by another device.</summary>
internal sealed class DuplicateExpression : Expression
{
    private int _address = -1, _device = -1;

    public static ExpressionType Type { get; } = ExpressionType.Of<DuplicateExpression>(new AttributePolicy(
        NFTA_DUP_SREG_DEV, (NFTA_DUP_SREG_ADDR, AttributePolicy.U32), (NFTA_DUP_SREG_DEV, AttributePolicy.U32)));

    /// <inheritdoc />
    public override string Name => "dup";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        bool isNetdev = context.Family == NFPROTO_NETDEV;
        if (!table.Has(isNetdev ? NFTA_DUP_SREG_DEV : NFTA_DUP_SREG_ADDR))
        {
            return LinuxError.EINVAL;
        }

        if (!isNetdev)
        {
            LinuxError error = Registers.ParseLoad(context, table[NFTA_DUP_SREG_ADDR], context.Family == NFPROTO_IPV4 ? 4 : 16, out _address);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        return table.Has(NFTA_DUP_SREG_DEV) ? Registers.ParseLoad(context, table[NFTA_DUP_SREG_DEV], 4, out _device) : LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        if (_address >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_DUP_SREG_ADDR, _address);
        }

        if (_device >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_DUP_SREG_DEV, _device);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        NetworkDevice? device = _device >= 0 ? evaluation.Subsystem.Kernel.Devices.Find((int)evaluation.Load32(_device)) : null;
        if (_address >= 0)
        {
            byte family = evaluation.Family == NFPROTO_IPV6 ? InternetAddress.V6 : InternetAddress.V4;
            evaluation.Stack.Duplicate(evaluation.Context, InternetAddress.Read(family, evaluation.Data(_address)), device);
        }
        else if (device is not null)
        {
            evaluation.Stack.ForwardTo(device, evaluation.Packet.Clone());
        }
    }
}

/// <summary>fwd: sends the packet out by another device.</summary>
internal sealed class ForwardExpression : Expression
{
    private int _device, _address = -1;
    private uint _protocol;

    public static ExpressionType Type { get; } = ExpressionType.Of<ForwardExpression>(new AttributePolicy(
        NFTA_FWD_NFPROTO, (NFTA_FWD_SREG_DEV, AttributePolicy.U32), (NFTA_FWD_SREG_ADDR, AttributePolicy.U32), (NFTA_FWD_NFPROTO, AttributePolicy.U32ByteSized)));

    /// <inheritdoc />
    public override string Name => "fwd";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_FWD_SREG_DEV))
        {
            return table.Has(NFTA_FWD_SREG_ADDR) ? LinuxError.EINVAL : LinuxError.EOPNOTSUPP;
        }

        LinuxError error = Registers.ParseLoad(context, table[NFTA_FWD_SREG_DEV], 4, out _device);
        if (error != LinuxError.None || !table.Has(NFTA_FWD_SREG_ADDR))
        {
            return error;
        }

        if (!table.Has(NFTA_FWD_NFPROTO))
        {
            return LinuxError.EINVAL;
        }

        _protocol = table[NFTA_FWD_NFPROTO].UInt32BigEndian;
        return _protocol switch
        {
            NFPROTO_IPV4 => Registers.ParseLoad(context, table[NFTA_FWD_SREG_ADDR], 4, out _address),
            NFPROTO_IPV6 => Registers.ParseLoad(context, table[NFTA_FWD_SREG_ADDR], 16, out _address),
            _ => LinuxError.EOPNOTSUPP,
        };
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) => validation.IsHook(0b11) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_FWD_SREG_DEV, _device);
        if (_address >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_FWD_SREG_ADDR, _address);
            writer.WriteUInt32BigEndian(NFTA_FWD_NFPROTO, _protocol);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (evaluation.Subsystem.Kernel.Devices.Find((int)evaluation.Load32(_device)) is { } device)
        {
            evaluation.Stack.ForwardTo(device, evaluation.Packet);
        }

        evaluation.Decide(NF_STOLEN);
    }
}
