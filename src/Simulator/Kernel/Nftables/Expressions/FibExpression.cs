using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>fib: what the routing tables say of an address of the packet: the interface there, or the address's type.</summary>
internal sealed class FibExpression : Expression
{
    private const uint AllFlags = NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR | NFTA_FIB_F_MARK | NFTA_FIB_F_IIF | NFTA_FIB_F_OIF | NFTA_FIB_F_PRESENT;

    private uint _result, _flags;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<FibExpression>(new AttributePolicy(
        NFTA_FIB_FLAGS, (NFTA_FIB_DREG, AttributePolicy.U32), (NFTA_FIB_RESULT, AttributePolicy.U32), (NFTA_FIB_FLAGS, AttributePolicy.Flags32(AllFlags))));

    /// <inheritdoc />
    public override string Name => "fib";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_FIB_DREG) || !table.Has(NFTA_FIB_RESULT) || !table.Has(NFTA_FIB_FLAGS))
        {
            return LinuxError.EINVAL;
        }

        _flags = table[NFTA_FIB_FLAGS].UInt32BigEndian;
        bool source = (_flags & NFTA_FIB_F_SADDR) != 0, destination = (_flags & NFTA_FIB_F_DADDR) != 0;
        if (_flags == 0 || source == destination || (_flags & (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF)) == (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF))
        {
            return LinuxError.EINVAL;
        }

        _result = table[NFTA_FIB_RESULT].UInt32BigEndian;
        switch (_result)
        {
            case NFT_FIB_RESULT_OIF or NFT_FIB_RESULT_OIFNAME when (_flags & NFTA_FIB_F_OIF) != 0:
                return LinuxError.EINVAL;
            case NFT_FIB_RESULT_OIF or NFT_FIB_RESULT_OIFNAME or NFT_FIB_RESULT_ADDRTYPE:
                break;
            default:
                return LinuxError.EINVAL;
        }

        return Registers.ParseStore(context, table[NFTA_FIB_DREG], _result == NFT_FIB_RESULT_OIFNAME ? 16 : 4, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (validation.Family == NFPROTO_NETDEV)
        {
            return validation.IsHook(1u << Hook.NetdevIngress) ? LinuxError.None : LinuxError.EOPNOTSUPP;
        }

        const uint Before = 1u << Hook.Prerouting, Receiving = Before | 1u << Hook.Input | 1u << Hook.Forward;
        uint hooks = _result != NFT_FIB_RESULT_ADDRTYPE ? Receiving
            : (_flags & NFTA_FIB_F_IIF) != 0 ? Receiving
            : (_flags & NFTA_FIB_F_OIF) != 0 ? 1u << Hook.Output | 1u << Hook.Postrouting | 1u << Hook.Forward
            : 0b11111;
        return validation.IsHook(hooks) ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_FIB_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_FIB_RESULT, _result);
        writer.WriteUInt32BigEndian(NFTA_FIB_FLAGS, _flags);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Packet packet = evaluation.Packet;
        if (packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            evaluation.Break();
            return;
        }

        bool ofSource = (_flags & NFTA_FIB_F_SADDR) != 0;
        InternetAddress source = packet.SourceAddress, destination = packet.DestinationAddress;
        InternetAddress wanted = ofSource ? source : destination;
        NetworkDevice? bound = (_flags & NFTA_FIB_F_IIF) != 0 ? evaluation.Input : (_flags & NFTA_FIB_F_OIF) != 0 ? evaluation.Output : null;
        if (_result == NFT_FIB_RESULT_ADDRTYPE)
        {
            evaluation.Store32(_register, AddressTypes.Of(evaluation.Stack, wanted, bound));
            return;
        }

        NetworkDevice? found = null;
        if (wanted.Value == uint.MaxValue || wanted.IsMulticast)
        {
            found = evaluation.Input;
        }
        else
        {
            RouteDecision? route = evaluation.Stack.Routing.Find(new RouteQuery(wanted)
            {
                Source = ofSource ? destination : source,
                Mark = (_flags & NFTA_FIB_F_MARK) != 0 ? packet.Mark : 0,
                Output = ofSource ? bound : null,
            });
            if (route is { Type: RouteType.Unicast })
            {
                found = route.Device;
            }

            found = bound is not null && found != bound ? null : found;
        }

        if ((_flags & NFTA_FIB_F_PRESENT) != 0)
        {
            evaluation.Store8(_register, found is null ? (byte)0 : (byte)1);
        }
        else if (_result == NFT_FIB_RESULT_OIF)
        {
            evaluation.Store32(_register, (uint)(found?.Index ?? 0));
        }
        else
        {
            evaluation.StoreName(_register, found?.Name ?? "");
        }
    }
}

/// <summary>Kinds of addresses as the routing tables know them (inet_addr_type).</summary>
internal static class AddressTypes
{
    private const uint LocalTable = 255;

    /// <summary>RTN_*: local, broadcast, multicast or unicast; only on one device where it is given.</summary>
    public static uint Of(NetworkStack stack, InternetAddress address, NetworkDevice? device)
    {
        if (address.Family == InternetAddress.V4 && ((uint)address.Value == 0 || (uint)address.Value == uint.MaxValue))
        {
            return (uint)RouteType.Broadcast;
        }

        if (address.IsMulticast)
        {
            return (uint)RouteType.Multicast;
        }

        if (stack.Routing.FindInTable(LocalTable, new RouteQuery(address)) is not { } route)
        {
            return (uint)RouteType.Unicast;
        }

        return device is null || route.Device == device ? (uint)route.Type : (uint)RouteType.Unicast;
    }
}
