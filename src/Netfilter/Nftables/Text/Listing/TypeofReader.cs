using System.Globalization;
using System.Runtime.InteropServices;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// Reads the expression that a set declared with typeof keeps in its user data: type u8, length u8, value, nested; numbers are 32 bits in host order.
/// </summary>
internal static class TypeofReader
{
    private const byte Expression = 0;
    private const byte Data = 1;

    // nft numbers the fields of IPv4 options over all of them, from 1 on; no option has both a value and a pointer.
    private static readonly string[] Ip4OptionFields = ["type", "length", "value", "ptr", "addr"];

    /// <summary>The expression kept under <paramref name="type"/>, or null.</summary>
    public static Node? Read(OctetString? userData, byte type) =>
        UserData.TryGet(userData, type, out ReadOnlySpan<byte> nest) && Number(nest, Expression) is { } kind && TryFind(nest, Data, out ReadOnlySpan<byte> data) ? Read(kind, data) : null;

    // The numbers of nft's kinds of expression.
    private static Node? Read(uint kind, ReadOnlySpan<byte> data) => kind switch
    {
        1 => KernelNode.Of("verdict", new KeyInfo("", DataTypes.Verdict, 128, ByteOrder.None)),
        7 => Payload(data),
        8 => Option(data),
        9 => Number(data, 0) is { } key ? new MetaNode((MetaKey)key) : null,
        10 => Number(data, 0) is { } key ? KernelNode.Of(KernelNodes.SocketText((SocketKey)key, Number(data, 1)), Keys.Of((SocketKey)key)) : null,
        11 => KernelNode.Of("osf name", new KeyInfo("", DataTypes.Text, 128, ByteOrder.Host)),
        12 => Number(data, 0) is { } key ? Conntrack((ConntrackKey)key, (int?)Number(data, 1)) : null,
        13 => Concatenation(data),
        23 => KernelNodes.Generator((NumberGeneratorKind?)Number(data, 0), Number(data, 1), Number(data, 2)),
        24 => KernelNode.Of("symhash" + KernelNodes.HashSuffix(Number(data, 2), Number(data, 4) is > 0 ? Number(data, 3) : null, Number(data, 1)), new KeyInfo("", DataTypes.Integer, 32, ByteOrder.Host)),
        25 => Number(data, 0) is { } key ? KernelNode.Of("rt " + Keys.Of((RoutingKey)key).Name, Keys.Of((RoutingKey)key)) : null,
        26 => KernelNodes.Fib((FibResult)(Number(data, 0) ?? 0), (FibFlags)(Number(data, 1) ?? 0)),
        27 => Number(data, 0) is { } key ? KernelNode.Of(KernelNodes.XfrmText((XfrmKey)key, (XfrmDirection?)Number(data, 2), Number(data, 1)), Keys.Of((XfrmKey)key)) : null,
        _ => null,
    };

    private static ConntrackNode Conntrack(ConntrackKey key, int? direction)
    {
        var node = new ConntrackNode(key, direction is 0 or 1 ? (ConntrackDirection)direction : null);
        return node;
    }

    private static PayloadNode? Payload(ReadOnlySpan<byte> data)
    {
        if (Number(data, 0) is not { } id || Number(data, 1) is not { } index)
        {
            return null;
        }

        if (Headers.ById(id) is not { } protocol)
        {
            return Number(data, 2) is { } @base && Number(data, 3) is { } offset && Number(data, 4) is { } length
                ? new PayloadNode { Base = (HeaderBase)@base, Offset = (int)offset, Bits = (int)length, Type = DataTypes.HexadecimalInteger with { Bits = (int)length }, Order = ByteOrder.Big }
                : null;
        }

        if (index >= protocol.Fields.Length || protocol.Fields[index] is null)
        {
            return null;
        }

        PayloadNode node = PayloadNode.Of(protocol, (int)index);
        node.Bits = Number(data, 4) is { } bits and not 0 ? (int)bits : node.Bits;
        return node;
    }

    private static OptionNode? Option(ReadOnlySpan<byte> data)
    {
        uint id = Number(data, 0) ?? 0;
        uint index = Number(data, 1) ?? 0;
        var kind = (ExtensionHeaderKind)(Number(data, 2) ?? 0);
        OptionHeader? header = kind == ExtensionHeaderKind.Ip6 ? Options.ExtensionById(id) : Options.Find(kind, (byte)id);
        int place = kind switch
        {
            ExtensionHeaderKind.Ip6 => (int)index - 1,
            ExtensionHeaderKind.Ip4Option => index is > 0 and <= 5 ? Array.FindIndex(header?.Fields ?? [], field => field.Name == Ip4OptionFields[index - 1]) : -1,
            _ => (int)index,
        };
        if (header is null || place < 0 || place >= header.Fields.Length)
        {
            return null;
        }

        HeaderField field = header.Fields[place];
        return new OptionNode { Kind = kind, OptionType = header.Type, Header = header, Field = field, Offset = field.Offset, Bits = field.Bits, Type = field.Type, Order = ByteOrder.Big };
    }

    private static ConcatenationNode? Concatenation(ReadOnlySpan<byte> data)
    {
        var parts = new List<Node>();
        for (byte i = 0; TryFind(data, i, out ReadOnlySpan<byte> nest); i++)
        {
            if (Number(nest, Expression) is not { } kind || !TryFind(nest, Data, out ReadOnlySpan<byte> inside) || Read(kind, inside) is not { } part)
            {
                return null;
            }

            parts.Add(part);
        }

        return parts.Count == 0
            ? null
            : new ConcatenationNode(parts) { Type = DataTypes.Concatenation([.. parts.Select(part => part.Type)]), Bits = parts.Sum(part => Values.Padded(part.Bits)) };
    }

    private static uint? Number(ReadOnlySpan<byte> data, byte type) => TryFind(data, type, out ReadOnlySpan<byte> value) && value.Length == 4 ? MemoryMarshal.Read<uint>(value) : null;

    private static bool TryFind(ReadOnlySpan<byte> data, byte type, out ReadOnlySpan<byte> value)
    {
        while (data.Length >= 2 && data.Length >= 2 + data[1])
        {
            if (data[0] == type)
            {
                value = data.Slice(2, data[1]);
                return true;
            }

            data = data[(2 + data[1])..];
        }

        value = default;
        return false;
    }
}
