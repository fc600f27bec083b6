namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>mac: the sender's hardware address (struct xt_mac_info).</summary>
internal sealed class MacMatch : XtMatch
{
    public override string Name => "mac";

    public override int Size => 12;

    public override IReadOnlyList<XtOption> Options { get; } = [new("mac-source", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        call.PutHardwareAddress(0);
        call.Info.Put32(8, call.Negated ? 1u : 0);
    }

    public override void Finish(FinishCall call) => call.RequireChain("PREROUTING", "INPUT", "FORWARD");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Not(info.UInt32(8) != 0).Write($" --mac-source {info[0]:x2}:{info[1]:x2}:{info[2]:x2}:{info[3]:x2}:{info[4]:x2}:{info[5]:x2}");
}
