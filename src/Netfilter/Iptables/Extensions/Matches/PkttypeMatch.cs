namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>pkttype: whom the link layer sent the packet to (struct xt_pkttype_info).</summary>
internal sealed class PkttypeMatch : XtMatch
{
    private static readonly (string Word, uint Value)[] Types =
        [("unicast", 0), ("broadcast", 1), ("multicast", 2), ("otherhost", 3), ("bcast", 1), ("mcast", 2), ("host", 0)];

    public override string Name => "pkttype";

    public override int Size => 8;

    public override IReadOnlyList<XtOption> Options { get; } = [new("pkt-type", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        call.Info.Put32(0, call.Choice(Types, "packet type", ignoreCase: true));
        call.Info.Put32(4, call.Negated ? 1u : 0);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint type = info.UInt32(0);
        writer.Not(info.UInt32(4) != 0).Write($" --pkt-type {(type < 4 ? Types[type].Word : $"{type}")}");
    }
}
