using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Statements that take addresses, ports or devices out of registers.</summary>
internal static class StatementReader
{
    public static Statement Read(Expression expression, ListedTable table, Registers registers) => expression switch
    {
        NatExpression nat => Nat(nat, table, registers),
        MasqueradeExpression masquerade => new NatStatement("masquerade") { Flags = masquerade.Flags ?? 0, Port = Port(registers, masquerade.PortRegister, masquerade.LastPortRegister) },
        RedirectExpression redirect => new NatStatement("redirect") { Flags = redirect.Flags ?? 0, Port = Port(registers, redirect.PortRegister, redirect.LastPortRegister) },
        TransparentProxyExpression proxy => new ProxyStatement(proxy.Family ?? 0, table.Family == NftablesFamily.Inet)
        {
            Address = Typed(registers.Get(proxy.AddressRegister), AddressType(proxy.Family ?? 0), ByteOrder.Big),
            Port = Typed(registers.Get(proxy.PortRegister), DataTypes.InternetService, ByteOrder.Big),
        },
        DuplicateExpression duplicate => new DuplicateStatement
        {
            Address = table.Family == NftablesFamily.Netdev
                ? null
                : Typed(registers.Get(duplicate.AddressRegister), AddressType((uint)table.Family), ByteOrder.Big),
            Device = Typed(registers.Get(duplicate.DeviceRegister), DataTypes.InterfaceIndex, ByteOrder.Host),
        },
        ForwardExpression forward => new ForwardStatement
        {
            Family = forward.Family ?? 0,
            Address = Typed(registers.Get(forward.AddressRegister), AddressType(forward.Family ?? 0), ByteOrder.Big),
            Device = Typed(registers.Get(forward.DeviceRegister), DataTypes.InterfaceIndex, ByteOrder.Host),
        },
        QueueExpression queue => Queue(queue, registers),
        RejectExpression reject => new RejectStatement(reject),
        _ => new PlainStatement(expression),
    };

    private static DataType AddressType(uint family) => family == Nfnetlink.NFPROTO_IPV4 ? DataTypes.Ip : DataTypes.Ip6;

    private static Node? Typed(Node? node, DataType type, ByteOrder order)
    {
        node?.SetType(type, order);
        return node;
    }

    private static Node? Port(Registers registers, uint? first, uint? last)
    {
        Node? port = Typed(registers.Get(first), DataTypes.InternetService, ByteOrder.Big);
        if (last is { } other && other != first && Typed(registers.Get(other), DataTypes.InternetService, ByteOrder.Big) is { } end)
        {
            port = port is null ? end : Range(port, end);
        }

        return port;
    }

    private static RangeNode Range(Node first, Node last) => new(first, last) { Type = last.Type, Bits = last.Bits, Order = last.Order };

    private static NatStatement Nat(NatExpression nat, ListedTable table, Registers registers)
    {
        uint family = nat.Family ?? 0;
        var statement = new NatStatement(nat.Kind == NatKind.Destination ? "dnat" : "snat")
        {
            Flags = nat.Flags ?? 0,
            IsPrefix = ((nat.Flags ?? 0) & NatFlags.MapNetwork) != 0,
            Family = table.Family == NftablesFamily.Inet ? family : 0,
        };
        DataType type = AddressType(family);
        Node? first = Typed(registers.Get(nat.AddressRegister), type, ByteOrder.Big);
        statement.Address = first;
        int bits = type.Bits;
        if (MapData(first) is { DataIsInterval: true } ranges && (ranges.DataBits == 2 * bits || ranges.DataBits == 2 * (bits + 32)))
        {
            statement.Family = family;
            return statement;
        }

        if (nat.LastAddressRegister is { } last && last != nat.AddressRegister && Typed(registers.Get(last), type, ByteOrder.Big) is { } end)
        {
            statement.Address = first is null ? end : ToPrefix(Range(first, end));
        }

        if (MapData(statement.Address) is { } pairs && pairs.DataBits == bits + 32)
        {
            statement.Family = family;
            return statement;
        }

        statement.Port = Port(registers, nat.PortRegister, nat.LastPortRegister);
        return statement;
    }

    private static ListedSet? MapData(Node? node) => node is MapNode map ? map.Map.Set : null;

    /// <summary>A range that is exactly a prefix becomes one.</summary>
    internal static Node ToPrefix(RangeNode range)
    {
        if (range is { Left: ValueNode first, Right: ValueNode last } && Values.RangeToPrefix(first.Value, last.Value, first.Bits) is >= 0 and var length)
        {
            return new PrefixNode(first, length) { Type = range.Type, Bits = range.Bits, Order = range.Order };
        }

        return range;
    }

    private static QueueStatement Queue(QueueExpression queue, Registers registers)
    {
        QueueFlags flags = queue.Flags ?? 0;
        if (queue.NumberRegister is { } register)
        {
            return new QueueStatement(registers.Get(register) ?? Number(0), flags);
        }

        ushort number = queue.Number ?? 0;
        ushort total = queue.Total ?? 0;
        return new QueueStatement(total > 1 ? new RangeNode(Number(number), Number((ushort)(number + total - 1))) : Number(number), flags);
    }

    private static ValueNode Number(ushort number) => new(number, 16) { Type = DataTypes.Integer, Order = ByteOrder.None };
}
