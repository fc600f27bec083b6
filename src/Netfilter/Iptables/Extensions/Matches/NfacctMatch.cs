namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>nfacct: counts a packet on an object of the kernel's accounting (struct xt_nfacct_match_info_v1).</summary>
internal sealed class NfacctMatch : XtMatch
{
    private const int NameSize = 32;

    public override string Name => "nfacct";

    public override byte Revision => 1;

    public override int Size => NameSize + 8;

    public override int UserSize => NameSize;

    public override IReadOnlyList<XtOption> Options { get; } = [new("nfacct-name", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        if (call.Argument.Length == 0 || call.Argument.Contains('\n', StringComparison.Ordinal))
        {
            throw call.Fail("a name has at least one character, and no line end");
        }

        call.PutText(0, NameSize);
    }

    // Two blanks: iptables-save prints them so.
    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write(" --nfacct-name ").Quoted(info.Text(0, NameSize));
}
