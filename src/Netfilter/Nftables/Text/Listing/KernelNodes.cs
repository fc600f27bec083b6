using System.Globalization;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Expressions that load what the kernel knows and are printed from themselves alone.</summary>
internal static class KernelNodes
{
    /// <summary>What the expression loads and where to, or null where it is no such expression.</summary>
    public static (Node Node, uint? Destination)? Read(Expression expression, Registers registers) => expression switch
    {
        RoutingExpression routing => (KernelNode.Of("rt " + Keys.Of(routing.Key ?? 0).Name, Keys.Of(routing.Key ?? 0), () => KernelJson.Routing(routing.Key ?? 0)), routing.DestinationRegister),
        SocketExpression socket => (KernelNode.Of(SocketText(socket.Key ?? 0, socket.Level), Keys.Of(socket.Key ?? 0), () => KernelJson.Socket(socket.Key ?? 0)), socket.DestinationRegister),
        TunnelExpression tunnel => (KernelNode.Of("tunnel " + Keys.Of(tunnel.Key ?? 0).Name, Keys.Of(tunnel.Key ?? 0)), tunnel.DestinationRegister),
        XfrmExpression xfrm => (KernelNode.Of(XfrmText(xfrm.Key ?? 0, xfrm.Direction, xfrm.PolicyNumber), Keys.Of(xfrm.Key ?? 0), () => KernelJson.Xfrm(xfrm.Key ?? 0, xfrm.Direction, xfrm.PolicyNumber)), xfrm.DestinationRegister),
        OsFingerprintExpression osf => (KernelNode.Of(OsfText(osf.TimeToLive ?? 0, osf.Flags ?? 0), new KeyInfo("", DataTypes.Text, 128, ByteOrder.Host), () => KernelJson.Osf(osf.TimeToLive ?? 0, osf.Flags ?? 0)), osf.DestinationRegister),
        FibExpression fib => (Fib(fib.Result ?? 0, fib.Flags ?? 0), fib.DestinationRegister),
        NumberGeneratorExpression generator => (Generator(generator.Kind, generator.Modulus, generator.Offset), generator.DestinationRegister),
        HashExpression { Kind: HashKind.Symmetric } hash =>
            (KernelNode.Of("symhash" + HashSuffix(hash.Modulus, hash.Seed, hash.Offset), new KeyInfo("", DataTypes.Integer, 32, ByteOrder.Host), () => NodeJson.Wrap("symhash", KernelJson.Hash(hash))), hash.DestinationRegister),
        HashExpression hash => Hash(hash, registers) is { } node ? (node, hash.DestinationRegister) : null,
        _ => null,
    };

    internal static string SocketText(SocketKey key, uint? level) =>
        key == SocketKey.CgroupV2 ? string.Create(CultureInfo.InvariantCulture, $"socket cgroupv2 level {level ?? 0}") : "socket " + Keys.Of(key).Name;

    internal static string XfrmText(XfrmKey key, XfrmDirection? direction, uint? number) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"ipsec {(direction == XfrmDirection.Out ? "out" : "in")}{(number is > 0 ? $" spnum {number}" : "")} {Keys.Of(key).Name}");

    internal static string OsfText(byte timeToLive, uint flags)
    {
        string check = timeToLive switch { 1 => "ttl loose ", 2 => "ttl skip ", _ => "" };
        return $"osf {check}{((flags & NfTables.NFT_OSF_F_VERSION) != 0 ? "version" : "name")}";
    }

    internal static KernelNode Fib(FibResult result, FibFlags flags)
    {
        IEnumerable<string> keys = BytecodeNames.FibFlagNames.Where(pair => (flags & pair.Flag) != 0).Select(pair => pair.Name);
        KeyInfo info = Keys.Of(result, (flags & FibFlags.Present) != 0);
        return KernelNode.Of($"fib {string.Join(" . ", keys)} {info.Name}", info, () => KernelJson.Fib(result, flags));
    }

    internal static KernelNode Generator(NumberGeneratorKind? kind, uint? modulus, uint? offset) => KernelNode.Of(
        string.Create(CultureInfo.InvariantCulture, $"numgen {(kind == NumberGeneratorKind.Random ? "random" : "inc")} mod {modulus ?? 0}{(offset is > 0 ? $" offset {offset}" : "")}"),
        new KeyInfo("", DataTypes.Integer, 32, ByteOrder.Host),
        () => KernelJson.Generator(kind, modulus, offset));

    internal static string HashSuffix(uint? modulus, uint? seed, uint? offset) =>
        string.Create(CultureInfo.InvariantCulture, $" mod {modulus ?? 0}{(seed is { } value ? $" seed 0x{value:x}" : "")}{(offset is > 0 ? $" offset {offset}" : "")}");

    private static HashNode? Hash(HashExpression hash, Registers registers)
    {
        int bits = (int)(hash.Length ?? 0) * 8;
        Node? argument = registers.Get(hash.SourceRegister);
        if (argument is not null && argument.Bits < bits)
        {
            argument = registers.GetMany(hash.SourceRegister, bits);
        }

        return argument is null ? null : new HashNode(argument, hash) { Type = DataTypes.Integer, Bits = 32, Order = ByteOrder.Host };
    }
}
