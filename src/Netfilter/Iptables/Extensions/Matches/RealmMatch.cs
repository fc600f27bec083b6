namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>realm: the routing realm (struct xt_realm_info).</summary>
internal sealed class RealmMatch : XtMatch
{
    public override string Name => "realm";

    public override int Size => 12;

    public override IptablesFamily? Family => IptablesFamily.Ip;

    public override IReadOnlyList<XtOption> Options { get; } = [new("realm", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        (uint value, uint mask) = call.MarkMask();
        call.Info.Put32(0, value);
        call.Info.Put32(4, mask);
        call.Info[8] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Not(info[8] != 0).Write(" --realm").ValueMask(info.UInt32(0), info.UInt32(4));
}
