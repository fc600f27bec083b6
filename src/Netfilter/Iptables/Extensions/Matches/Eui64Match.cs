namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>eui64: the address's lower half fits the sender's MAC (an int the kernel does not look at).</summary>
internal sealed class Eui64Match : XtMatch
{
    public override string Name => "eui64";

    public override int Size => 4;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } = [];

    public override void Parse(OptionCall call)
    {
    }

    public override void Finish(FinishCall call) => call.RequireChain("PREROUTING", "INPUT", "FORWARD");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
    }
}
